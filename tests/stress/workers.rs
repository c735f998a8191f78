//! Worker processes, and the shared memory in which they report their progress, the start of the
//! current operation, and the last value of every cell.
//!
//! A worker is this test binary, with its task in the environment.

use std::fs::File;
use std::io::Read;
use std::mem::size_of;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use memmap2::MmapRaw;
use nix::sys::signal::{Signal, kill};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;

use crate::common::Dir;

/// The variable that makes this binary a worker: its task, and what that needs.
const TASK: &str = "ARRAYFS_STRESS_TASK";

/// No call of a worker may take longer.
const LONGEST: Duration = Duration::from_secs(10);

/// How often the workers are looked at.
const GLANCE: Duration = Duration::from_millis(2);

/// The most workers.
const WORKERS: usize = 64;

/// The words of the board for all, and for each worker.
const SHARED: usize = 8;
const OWN: usize = 16;

/// What a worker counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// When it began what it is doing, in nanoseconds; 0 if it does nothing.
    Since,
    /// What it has done.
    Done,
    /// Reads that returned old bytes.
    Stale,
    /// Reads that returned bytes that were never written.
    Torn,
    /// Acknowledged writes that are not in the file.
    Lost,
    /// Calls that failed.
    Errors,
    /// Stores through a mapping.
    Stores,
    /// The longest that it took for one thing, in nanoseconds.
    Slowest,
}

/// Memory that the processes of a row share.
pub struct Board {
    memory: MmapRaw,
}

impl Board {
    /// A board for an array of so many cells.
    pub fn create(dir: &Dir, cells: usize) -> Board {
        let file = dir.file("board", "");
        let words = SHARED + OWN * WORKERS + 2 * cells;
        let file = File::options().read(true).write(true).open(file).unwrap();
        file.set_len((words * size_of::<u64>()) as u64).unwrap();
        Board::map(&file)
    }

    fn open(directory: &Path) -> Board {
        let path = directory.join("board");
        Board::map(&File::options().read(true).write(true).open(path).unwrap())
    }

    fn map(file: &File) -> Board {
        let memory = MmapRaw::map_raw(file).unwrap();
        Board { memory }
    }

    fn word(&self, number: usize) -> &AtomicU64 {
        assert!(number < self.memory.len() / size_of::<u64>());
        let words = self.memory.as_mut_ptr().cast::<u64>();
        // SAFETY: the word lies within the mapping, which is aligned to pages
        // and lives as long as `self`; all processes access it atomically only.
        unsafe { AtomicU64::from_ptr(words.add(number)) }
    }

    fn stop(&self) -> &AtomicU64 {
        self.word(0)
    }

    /// A number that the row sets and its workers read.
    pub fn setting(&self) -> &AtomicU64 {
        self.word(1)
    }

    /// Whether the workers are to go on.
    pub fn goes_on(&self) -> bool {
        self.stop().load(SeqCst) == 0
    }

    /// A count of a worker.
    pub fn count(&self, worker: usize, count: Count) -> &AtomicU64 {
        self.word(SHARED + OWN * worker + count as usize)
    }

    /// Adds one to a count of a worker.
    pub fn add(&self, worker: usize, count: Count) {
        self.count(worker, count).fetch_add(1, SeqCst);
    }

    /// A count of all workers.
    pub fn sum(&self, count: Count) -> u64 {
        let counts = (0..WORKERS).map(|worker| self.count(worker, count).load(SeqCst));
        counts.sum()
    }

    /// The longest that a worker took for one thing.
    pub fn slowest(&self) -> Duration {
        let times = (0..WORKERS).map(|worker| self.count(worker, Count::Slowest).load(SeqCst));
        Duration::from_nanos(times.max().unwrap_or(0))
    }

    /// The failures of all workers.
    pub fn failures(&self) -> u64 {
        let kinds = [Count::Stale, Count::Torn, Count::Lost, Count::Errors];
        kinds.into_iter().map(|count| self.sum(count)).sum()
    }

    /// How far a cell has been written for certain.
    pub fn written(&self, cell: usize) -> &AtomicU64 {
        self.word(SHARED + OWN * WORKERS + 2 * cell)
    }

    /// How far it may have been written.
    pub fn begun(&self, cell: usize) -> &AtomicU64 {
        self.word(SHARED + OWN * WORKERS + 2 * cell + 1)
    }
}

/// The time in nanoseconds, the same for all processes.
pub fn now() -> u64 {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).unwrap();
    Duration::from(now).as_nanos() as u64
}

/// What a worker process is.
pub struct Worker {
    /// Its number, from 0.
    pub number: usize,
    /// Where the row works.
    pub directory: PathBuf,
    pub board: Board,
    /// What the row told it besides.
    pub words: Vec<String>,
}

impl Worker {
    /// Does something that must not take long.
    pub fn in_time<T>(&self, work: impl FnOnce() -> T) -> T {
        let start = now();
        let since = self.board.count(self.number, Count::Since);
        since.store(start, SeqCst);
        let result = work();
        since.store(0, SeqCst);
        let slowest = self.board.count(self.number, Count::Slowest);
        slowest.fetch_max(now() - start, SeqCst);
        result
    }
}

/// Processes at work. They end with it.
pub struct Crew {
    workers: Vec<Option<Child>>,
}

impl Crew {
    /// Workers without any yet.
    pub fn new() -> Crew {
        Crew {
            workers: Vec::new(),
        }
    }

    /// Starts one more worker, told what to do by `task` and `words`.
    pub fn start(&mut self, dir: &Dir, board: &Board, task: &str, words: &[&str]) {
        board.stop().store(0, SeqCst);
        let number = self.workers.len();
        self.workers.push(Some(start(dir, number, task, words)));
    }

    /// Starts a worker again that was killed.
    pub fn start_again(&mut self, dir: &Dir, number: usize, task: &str, words: &[&str]) {
        self.workers[number] = Some(start(dir, number, task, words));
    }

    /// Sends a worker a signal.
    pub fn signal(&self, number: usize, signal: Signal) {
        let worker = self.workers[number].as_ref().unwrap();
        kill(Pid::from_raw(worker.id() as i32), signal).unwrap();
    }

    /// Kills a worker, and waits until it is gone.
    pub fn kill(&mut self, number: usize) {
        let mut worker = self.workers[number].take().unwrap();
        worker.kill().unwrap();
        worker.wait().unwrap();
    }

    /// Waits until `enough`, and panics if a worker hangs or ends in failure
    /// before.
    pub fn wait(&mut self, board: &Board, mut enough: impl FnMut() -> bool) {
        while !enough() {
            self.look(board);
            if self
                .workers
                .iter_mut()
                .flatten()
                .all(|worker| ended(worker).is_some())
            {
                return;
            }
            thread::sleep(GLANCE);
        }
    }

    /// Tells the workers to stop, and waits until they have.
    pub fn stop(mut self, board: &Board) {
        board.stop().store(1, SeqCst);
        self.wait(board, || false);
    }

    /// Whether the workers end by themselves within some time, well or not.
    pub fn end_within(&mut self, time: Duration) -> bool {
        let start = Instant::now();
        loop {
            let mut workers = self.workers.iter_mut().flatten();
            match workers.all(|worker| ended(worker).is_some()) {
                true => return true,
                false if start.elapsed() > time => return false,
                false => thread::sleep(GLANCE),
            }
        }
    }

    /// Where in the kernel the workers are.
    pub fn places(&self) -> String {
        let places = self.workers.iter().flatten().map(place);
        places.collect::<Vec<String>>().join("; ")
    }

    /// Waits until the workers have ended, well or not.
    pub fn gone(mut self) {
        for worker in self.workers.iter_mut().flatten() {
            worker.wait().unwrap();
        }
    }

    fn look(&mut self, board: &Board) {
        for (number, worker) in self.workers.iter_mut().enumerate() {
            let Some(worker) = worker else { continue };
            if let Some(status) = ended(worker) {
                assert!(status.success(), "worker {number}: {status}");
            }
            let since = board.count(number, Count::Since).load(SeqCst);
            let longest = LONGEST.as_nanos() as u64;
            let hangs = since != 0 && now().saturating_sub(since) > longest && !stopped(worker);
            assert!(!hangs, "worker {number} hangs in {}", place(worker));
        }
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        for worker in self.workers.iter_mut().flatten() {
            let _ = worker.kill();
            // One that hangs in the kernel ends only when its mount does.
            let _ = worker.try_wait();
        }
    }
}

fn ended(worker: &mut Child) -> Option<ExitStatus> {
    worker.try_wait().unwrap()
}

/// Whether a signal has stopped it.
fn stopped(worker: &Child) -> bool {
    let mut stat = String::new();
    File::open(format!("/proc/{}/stat", worker.id()))
        .and_then(|mut file| file.read_to_string(&mut stat))
        .is_ok()
        && stat
            .rsplit(") ")
            .next()
            .is_some_and(|rest| rest.starts_with('T'))
}

/// Where in the kernel the threads of a worker are.
fn place(worker: &Child) -> String {
    let threads = std::fs::read_dir(format!("/proc/{}/task", worker.id()));
    let stacks = threads.into_iter().flatten().flatten().map(|thread| {
        let read = |name| std::fs::read_to_string(thread.path().join(name)).unwrap_or_default();
        format!("{}: {}", read("wchan"), read("stack"))
    });
    stacks.collect::<Vec<String>>().join("; ")
}

fn start(dir: &Dir, number: usize, task: &str, words: &[&str]) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let place = [task, &number.to_string(), dir.path().to_str().unwrap()];
    command
        .args(["--ignored", "--exact", "worker", "--nocapture"])
        .args(["--test-threads", "1"])
        .env(TASK, [&place, words].concat().join("\n"))
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    // SAFETY: prctl is safe to call between fork and exec.
    unsafe {
        command.pre_exec(|| Ok(nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?));
    }
    command.spawn().unwrap()
}

/// What this process is to do, if it is a worker: the task and what it needs.
pub fn task() -> Option<(String, Worker)> {
    let told = std::env::var(TASK).ok()?;
    let mut lines = told.lines().map(str::to_owned);
    let task = lines.next().unwrap();
    let number = lines.next().unwrap().parse().unwrap();
    let directory = PathBuf::from(lines.next().unwrap());
    let worker = Worker {
        number,
        board: Board::open(&directory),
        directory,
        words: lines.collect(),
    };
    Some((task, worker))
}
