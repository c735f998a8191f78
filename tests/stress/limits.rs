//! A daemon that cannot start threads, and one with hundreds of concurrent writers. No client
//! hangs, no call fails, and memory stays within its limit.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::{Duration, Instant};

use memmap2::MmapRaw;
use nix::unistd::Pid;

use crate::common::Dir;
use crate::common::arrays::mounted;
use crate::common::calls::open;
use crate::mounts::Holdings;
use crate::workers::{Board, Count, Crew, Worker, now};
use crate::{Budget, Outcome};

/// The threads that write at a time.
const CROWD: usize = 600;

/// The most memory of its own that the daemon may have meanwhile and afterwards, in KiB.
const MEMORY: u64 = 24 << 10;

/// The rows of an array, and the bytes of one that the crowd writes.
const ROWS: usize = 16;
const ROW: usize = 1 << 20;

/// What is done on one mount before the daemon has done without threads.
const ROUND: u64 = 2_000;

/// How long that may take.
const LONGEST_ROUND: Duration = Duration::from_secs(3);

/// What a worker does that was started for one of these rows.
pub fn work(task: &str, worker: &Worker) {
    let root = Path::new(&worker.words[0]);
    match task {
        "store under limits" => store(worker, &root.join("data")),
        "truncate under limits" => truncate(worker, root),
        "write as a crowd" => write_as_a_crowd(worker, root),
        _ => panic!("{task}: no such task"),
    }
}

/// A group of processes that has no more threads than it has.
struct Group(PathBuf);

impl Group {
    /// Puts a process into a group, and lets it start no thread more. `None` where the
    /// kernel counts none, or where groups cannot be made.
    fn of(process: Pid) -> Option<Group> {
        let name = format!("arrayfs-stress-{process}");
        // The second version of control groups has one hierarchy for all that is counted.
        let groups = ["/sys/fs/cgroup/pids", "/sys/fs/cgroup"];
        let group = groups.iter().find_map(|root| {
            let group = Group(Path::new(root).join(&name));
            fs::create_dir(&group.0).ok()?;
            fs::exists(group.0.join("pids.max")).ok()?.then_some(group)
        })?;
        fs::write(group.0.join("cgroup.procs"), process.to_string()).ok()?;
        let count = fs::read_to_string(group.0.join("pids.current")).ok()?;
        fs::write(group.0.join("pids.max"), count).ok()?;
        Some(group)
    }

    /// How often a thread was refused.
    fn refused(&self) -> u64 {
        let events = fs::read_to_string(self.0.join("pids.events")).unwrap_or_default();
        let count = events.lines().find_map(|line| line.strip_prefix("max "));
        count.map_or(0, |count| count.trim().parse().unwrap())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // The process is gone by then; its group is empty a moment later.
        let start = Instant::now();
        while fs::remove_dir(&self.0).is_err() && start.elapsed() < Duration::from_secs(5) {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Whoever stores, truncates and writes goes on, without a thread more in the daemon.
pub fn without_threads(budget: &Budget) -> Outcome {
    let mut outcome = Outcome::default();
    let (mut done, mut refused) = (0, 0);
    while budget.lasts(outcome.done) {
        let Some(dir) = Dir::for_root() else {
            return Outcome::skipped("needs root");
        };
        // One that hangs is one failure.
        let run = AssertUnwindSafe(|| without_threads_once(&dir));
        match catch_unwind(run) {
            Ok(Some((count, failures, refusals))) => {
                done += count;
                refused += refusals;
                outcome.failures += failures;
            }
            Ok(None) => return Outcome::skipped("no group that limits threads"),
            Err(_) => outcome.failures += 1,
        }
        outcome.done += 1;
    }
    outcome.note = format!("{done} calls, {refused} threads refused");
    outcome
}

/// One mount: what was done, what failed, and how many threads were refused.
fn without_threads_once(dir: &Dir) -> Option<(u64, u64, u64)> {
    let file = dir.file("data.bin", vec![0; ROWS * 4096]);
    let board = Board::create(dir, 0);
    // It goes when the daemon has gone.
    let group;
    let mut mount = mounted(dir, &file, &["--shape", "16,4096"]);
    mount.expect_warning("thread");
    group = Group::of(mount.daemon())?;
    let mut crew = Crew::new();
    for task in [
        "store under limits",
        "store under limits",
        "truncate under limits",
        "truncate under limits",
        "truncate beside",
        "truncate beside",
        "touch beside",
        "write rows beside",
        "write rows beside",
    ] {
        crew.start(dir, &board, task, &[mount.point().to_str().unwrap()]);
    }
    let start = Instant::now();
    let done = || board.sum(Count::Done);
    crew.wait(&board, || {
        done() >= ROUND || start.elapsed() > LONGEST_ROUND
    });
    crew.stop(&board);
    let refused = group.refused();
    mount.unmount();
    Some((done(), board.failures(), refused))
}

/// Stores a byte of every row through a mapping, and synchronises them now and then: pages
/// that others have dropped are filled anew, and there is always one to be written back.
fn store(worker: &Worker, path: &Path) {
    let map = MmapRaw::map_raw(&open(path)).unwrap();
    let row = map.len() / ROWS;
    let at = 100 + 8 * worker.number;
    for turn in 1_u64.. {
        if !worker.board.goes_on() {
            break;
        }
        let stored = worker.in_time(|| {
            for number in 0..ROWS {
                // SAFETY: within the mapping.
                unsafe {
                    map.as_mut_ptr()
                        .add(number * row + at)
                        .write_volatile(turn as u8);
                }
            }
            match turn.is_multiple_of(50) {
                true => map.flush(),
                false => Ok(()),
            }
        });
        count(worker, "store", stored, Count::Stores);
    }
}

/// Truncates rows and gives them their size, which zeroes them while others have their
/// pages stored to.
fn truncate(worker: &Worker, root: &Path) {
    for turn in worker.number.. {
        if !worker.board.goes_on() {
            break;
        }
        let path = root.join(format!("rows/{}", turn % ROWS));
        let truncated = worker.in_time(|| {
            let len = fs::metadata(&path)?.len();
            File::create(&path)?.set_len(len)
        });
        count(worker, "truncate", truncated, Count::Done);
    }
}

fn count(worker: &Worker, what: &str, outcome: io::Result<()>, success: Count) {
    match outcome {
        Ok(()) => worker.board.add(worker.number, success),
        Err(error) => {
            eprintln!("worker {}: {what}: {error}", worker.number);
            worker.board.add(worker.number, Count::Errors);
        }
    }
}

/// Hundreds of threads write whole rows of which others have all pages mapped.
pub fn crowd(budget: &Budget) -> Outcome {
    let Some(dir) = Dir::with_fuse() else {
        return Outcome::skipped("no FUSE");
    };
    let file = dir.join("data.bin");
    let len = (ROWS * ROW) as u64;
    File::create(&file).unwrap().set_len(len).unwrap();
    let board = Board::create(&dir, 0);
    let mount = mounted(&dir, &file, &["--shape", &format!("{ROWS},{ROW}")]);
    let point = mount.point().to_str().unwrap();
    let mut crew = Crew::new();
    for task in [
        "store under limits",
        "store under limits",
        "write as a crowd",
    ] {
        crew.start(&dir, &board, task, &[point]);
    }
    let memory = || Holdings::of(mount.daemon()).memory;
    let done = || board.sum(Count::Done);
    let mut most = 0;
    // What takes too much could take all that the machine has.
    crew.wait(&board, || {
        most = memory().max(most);
        most > MEMORY || !budget.lasts(done())
    });
    crew.stop(&board);
    most = memory().max(most);
    thread::sleep(Duration::from_secs(1));
    let after = memory();
    mount.unmount();
    Outcome {
        done: done(),
        failures: board.failures() + u64::from(most > MEMORY) + u64::from(after > MEMORY),
        note: format!("daemon up to {most} KiB, {after} KiB when idle, of {MEMORY}"),
        ..Outcome::default()
    }
}

/// Each thread writes one row after the other. All of them succeed, if in pieces.
fn write_as_a_crowd(worker: &Worker, root: &Path) {
    let since = worker.board.count(worker.number, Count::Since);
    since.store(now(), SeqCst);
    let files: Vec<File> = (0..ROWS)
        .map(|row| open(root.join(format!("rows/{row}"))))
        .collect();
    let bytes = vec![7; ROW];
    thread::scope(|scope| {
        for number in 0..CROWD {
            let (files, bytes) = (&files, &bytes);
            let write = move || {
                for turn in number.. {
                    if !worker.board.goes_on() {
                        break;
                    }
                    let written = files[turn % ROWS].write_all_at(bytes, 0);
                    count(worker, "write of a crowd", written, Count::Done);
                    // If nobody gets on, they hang.
                    since.store(now(), SeqCst);
                }
            };
            let thread = thread::Builder::new().stack_size(64 << 10);
            thread.spawn_scoped(scope, write).unwrap();
        }
    });
    since.store(0, SeqCst);
}
