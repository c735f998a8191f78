//! Daemons that exit while two clients store through mappings and two write through other views.
//! No client may hang.

use std::cell::Cell;
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::{Duration, Instant};

use memmap2::MmapRaw;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::common::arrays::mounted;
use crate::common::calls::{Numbers, open};
use crate::common::{Dir, Mount, mounts_below, wait_until, watchdog_of};
use crate::workers::{Board, Count, Crew, Worker};
use crate::{Budget, Outcome, attempt};

/// Calls on a mount whose daemon is gone end within this.
const SOON: Duration = Duration::from_secs(10);

/// `arrayfs -u` frees a mount that hangs within this.
const AT_ONCE: Duration = Duration::from_secs(1);

/// Rows and columns of the array of bytes, of which all use the first rows.
const ROWS: usize = 8192;
const COLUMNS: usize = 4096;
const SHARED_ROWS: usize = 16;

/// What the clients do.
const CLIENTS: [&str; 4] = [
    "store till its end",
    "store till its end",
    "write till its end",
    "write till its end",
];

/// It is ended by SIGABRT.
pub fn aborted(budget: &Budget) -> Outcome {
    ends(budget, "r+", |_, mount, _| signal(mount, Signal::SIGABRT))
}

/// It is ended by SIGSEGV.
pub fn segmentation_fault(budget: &Budget) -> Outcome {
    ends(budget, "r+", |_, mount, _| {
        // The first makes way for the second, which a fault would bring.
        let path = format!("/proc/{}/status", mount.daemon());
        let is_caught = || {
            let status = fs::read_to_string(&path).unwrap();
            let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
            let caught = u64::from_str_radix(caught.unwrap().trim(), 16).unwrap();
            caught & (1 << (Signal::SIGSEGV as u32 - 1)) != 0
        };
        signal(mount, Signal::SIGSEGV);
        wait_until("the handler", || !is_caught());
        signal(mount, Signal::SIGSEGV)
    })
}

/// It is ended by SIGQUIT.
pub fn quit(budget: &Budget) -> Outcome {
    ends(budget, "r+", |_, mount, _| signal(mount, Signal::SIGQUIT))
}

/// Its process group is killed.
pub fn group_killed(budget: &Budget) -> Outcome {
    ends(budget, "r+", |_, mount, _| {
        let group = Pid::from_raw(-mount.daemon().as_raw());
        kill(group, Signal::SIGKILL).unwrap();
        true
    })
}

/// It is killed while it ends.
pub fn killed_while_ending(budget: &Budget) -> Outcome {
    ends(budget, "r+", |_, mount, numbers| {
        signal(mount, Signal::SIGTERM);
        thread::sleep(Duration::from_micros(numbers.below(20_000) as u64));
        signal(mount, Signal::SIGKILL)
    })
}

/// It is killed together with its watchdog, so that a command has to free the mount.
pub fn all_killed(budget: &Budget) -> Outcome {
    let hung = Cell::new(0);
    let mut outcome = ends(budget, "r+", |dir, mount, numbers| {
        for process in [watchdog_of(mount), mount.daemon()] {
            kill(process, Signal::SIGKILL).unwrap();
        }
        thread::sleep(Duration::from_millis(20));
        let threads = fs::read_dir(format!("/proc/{}/task", mount.daemon()));
        hung.set(hung.get() + u64::from(threads.is_ok_and(|threads| threads.count() > 1)));
        let start = Instant::now();
        match numbers.below(2) {
            0 => mount.unmount_command().run().succeeds_silently(),
            _ => replace_dead(dir, mount),
        }
        let time = start.elapsed();
        if time > AT_ONCE {
            eprintln!("freed after {time:?}");
        }
        time <= AT_ONCE
    });
    outcome.note += &format!(", {} mounts hung", hung.get());
    outcome
}

/// Mounts where a mount has lost its daemon, which only `--replace-dead` may do.
fn replace_dead(dir: &Dir, mount: &Mount) {
    let command = || {
        dir.arrayfs(&["--shape", "2,2", "array.bin"])
            .args(&[mount.point()])
    };
    let refused = command().run();
    assert!(refused.stderr.contains("is a dead mount, of"), "{refused}");
    assert_eq!(refused.status.code(), Some(4), "{refused}");
    command().args(&["--replace-dead"]).run().succeeds();
    mount.unmount_command().run().succeeds_silently();
}

/// Its group has less memory than is written, under mode `c`.
pub fn out_of_memory(budget: &Budget) -> Outcome {
    match MemoryGroup::new() {
        None => Outcome::skipped("no control group for memory"),
        Some(group) => ends(budget, "c", |_, mount, _| {
            group.take(mount.daemon());
            group.take(watchdog_of(mount));
            true
        }),
    }
}

fn signal(mount: &Mount, signal: Signal) -> bool {
    kill(mount.daemon(), signal).unwrap();
    true
}

/// Mounts an array, has two clients store and two write, and after a while does to the daemon
/// what `end` says, which tells whether that went well. All clients have to end.
fn ends(budget: &Budget, mode: &str, end: impl Fn(&Dir, &Mount, &mut Numbers) -> bool) -> Outcome {
    let Some(dir) = Dir::with_fuse() else {
        return Outcome::skipped("no FUSE");
    };
    let file = dir.file("array.bin", "");
    open(&file).set_len((ROWS * COLUMNS) as u64).unwrap();
    let shape = format!("{ROWS},{COLUMNS}");
    let board = Board::create(&dir, 0);
    let mut numbers = Numbers(0x0e4d);
    let mut outcome = Outcome::default();
    let mut slowest = Duration::ZERO;
    while budget.lasts(outcome.done) {
        let options = ["--dtype", "u1", "--shape", &shape, "--mode", mode];
        let mut mount = mounted(&dir, &file, &options);
        // A core dump that nobody wants takes the same way as one that is written.
        let limit = ["--core=0", "--core=unlimited"][outcome.done as usize % 2];
        let prlimit = dir.command("prlimit", &["--pid", &mount.daemon().to_string(), limit]);
        prlimit.run().succeeds_silently();
        let point = mount.point().to_str().unwrap().to_owned();
        let mut crew = at_work(&dir, &board, &[&point, mode], &mut numbers);
        let ended_well = end(&dir, &mount, &mut numbers);
        let start = Instant::now();
        let all_end = crew.end_within(SOON);
        slowest = slowest.max(start.elapsed());
        if !all_end {
            eprintln!("end {}: clients hang in {}", outcome.done, crew.places());
            // Only so do they end, and the daemon.
            dir.command("umount", &["-f", &point]).run();
        }
        crew.gone();
        let _ = mount.died();
        if !mounts_below(mount.point()).is_empty() {
            mount.unmount_command().run().succeeds_silently();
        }
        outcome.failures += u64::from(!all_end || !ended_well);
        outcome.done += 1;
    }
    outcome.note = format!(
        "{} writes, the last call ended after {slowest:.1?}",
        board.sum(Count::Done)
    );
    outcome
}

/// The clients, in the midst of their calls.
fn at_work(dir: &Dir, board: &Board, words: &[&str], numbers: &mut Numbers) -> Crew {
    let calls = |client: usize| {
        let count = |count| board.count(client, count).load(SeqCst);
        count(Count::Stores) + count(Count::Done)
    };
    let before: Vec<u64> = (0..CLIENTS.len()).map(calls).collect();
    let moment = board.sum(Count::Done) + 20 + numbers.below(500) as u64;
    let mut crew = Crew::new();
    for task in CLIENTS {
        crew.start(dir, board, task, words);
    }
    let have_all_called = || (0..CLIENTS.len()).all(|client| calls(client) > before[client]);
    crew.wait(board, || {
        board.sum(Count::Done) >= moment && have_all_called()
    });
    crew
}

#[test]
#[cfg_attr(arrayfs_portable, ignore = "no process watches the daemon portably")]
fn claim_50_nobody_waits_for_ever_however_the_daemon_ends() {
    for name in [
        "aborted_daemons",
        "faulting_daemons",
        "quit_daemons",
        "killed_groups",
        "killed_ends",
        "killed_watchdogs",
        "memory_ends",
    ] {
        let row = crate::ROWS.iter().find(|row| row.name == name).unwrap();
        let outcome = attempt(row, 2, None);
        assert_eq!((outcome.done, outcome.failures), (2, 0), "{name}");
    }
}

/// What a client does until a call fails, or a store faults.
pub fn work(task: &str, worker: &Worker) {
    let point = Path::new(&worker.words[0]);
    let mut numbers = Numbers(u64::from(std::process::id()) << 20 | 1);
    match task {
        "store till its end" => store(worker, &point.join("data"), &mut numbers),
        _ => write(worker, point, worker.words[1] == "c", &mut numbers),
    }
}

fn store(worker: &Worker, data: &Path, numbers: &mut Numbers) {
    let map = MmapRaw::map_raw(&open(data)).unwrap();
    loop {
        for _ in 0..1000 {
            let at = numbers.below(SHARED_ROWS * COLUMNS);
            // SAFETY: within the mapping, which others change.
            unsafe { map.as_mut_ptr().add(at).write_volatile(1) };
        }
        worker.board.add(worker.number, Count::Stores);
        if numbers.below(8) == 0 && map.flush().is_err() {
            return;
        }
    }
}

/// Writes to what others have mapped, and if it `sweeps` to all other rows as well.
fn write(worker: &Worker, point: &Path, sweeps: bool, numbers: &mut Numbers) {
    let shared = open(point.join(format!("slices/:{SHARED_ROWS},:")));
    let mut rest = (SHARED_ROWS..ROWS).cycle();
    loop {
        let range = numbers.range(SHARED_ROWS * COLUMNS);
        let bytes = vec![7; range.len()];
        let mut written = shared.write_all_at(&bytes, range.start as u64);
        if let Some(row) = rest.next().filter(|_| sweeps) {
            let path = point.join(format!("rows/{row}"));
            written = written.and_then(|()| fs::write(path, [7; COLUMNS]));
        }
        if written.is_err() {
            return;
        }
        worker.board.add(worker.number, Count::Done);
    }
}

/// A control group of processes that have little memory together (cgroups(7)).
struct MemoryGroup(PathBuf);

impl MemoryGroup {
    /// Too little for all rows.
    const LIMIT: usize = ROWS * COLUMNS / 16;

    fn new() -> Option<MemoryGroup> {
        let name = format!("arrayfs-{}", std::process::id());
        let places = [
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
            ("/sys/fs/cgroup", "memory.max"),
        ];
        places.into_iter().find_map(|(place, limit)| {
            let group = MemoryGroup(Path::new(place).join(&name));
            fs::create_dir(&group.0).ok()?;
            fs::write(group.0.join(limit), MemoryGroup::LIMIT.to_string()).ok()?;
            Some(group)
        })
    }

    fn take(&self, process: Pid) {
        fs::write(self.0.join("cgroup.procs"), process.to_string()).unwrap();
    }
}

impl Drop for MemoryGroup {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}
