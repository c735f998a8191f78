//! A start that is interrupted, or whose daemon dies: as long as nothing has
//! changed nothing changes, no mount is left, and the command says so.
//!
//! A preloaded library holds the start up at one of two points: before anything has
//! changed, where the file is mapped, and once the array is mounted, where the daemon
//! lets go of the terminal.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, Flock, FlockArg, fcntl};
use nix::libc;
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, mkfifo};

use crate::common::{ARRAYFS, Dir, Mount, in_time, mounts_below, wait_for_process, wait_until};
use crate::only_these_are_left;

/// Starts that, unless they are interrupted, do nothing to the file, let it
/// grow, fill it with zeros, and make one.
const STARTS: [&[&str]; 4] = [
    &["data.bin", "--mode", "r"],
    &["data.bin", "--shape", "5000"],
    &["data.bin", "--mode", "w+", "--shape", "50"],
    &["new.bin", "--mode", "w+", "--shape", "50"],
];

/// A command that is under way, and held up.
struct Held {
    dir: Dir,
    command: Child,
    /// It goes on when this is closed.
    hold: File,
    before: (Vec<u8>, u64),
}

impl Held {
    /// Held up before anything has changed.
    fn start(options: &[&str]) -> Option<Held> {
        Held::at("mmap", options)
    }

    /// Held up when the array is mounted and the command does not know it yet.
    fn mounted() -> Option<Held> {
        Held::at("dup2", STARTS[0])
    }

    fn at(call: &str, options: &[&str]) -> Option<Held> {
        let dir = Dir::with_fuse()?;
        let file = dir.file("data.bin", [7; 100]);
        dir.directory("mnt");
        let before = state(&file);
        let (library, pipe) = (dir.join("hold.so"), dir.join("hold"));
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/ends/hold.c");
        let mut compiler = Command::new("gcc");
        compiler
            .args(["-shared", "-fPIC", "-o"])
            .arg(&library)
            .arg(source);
        assert!(compiler.status().unwrap().success());
        mkfifo(&pipe, Mode::S_IRWXU).unwrap();
        let mut command = dir.arrayfs(options).args(&["mnt"]).into_inner();
        command.env("LD_PRELOAD", library).env("HOLD", &pipe);
        command.env("HOLD_AT", call);
        let command = spawn(command);
        // Nobody can write to it before somebody reads it.
        let mut hold = None;
        wait_until(call, || {
            let mut options = File::options();
            hold = options
                .write(true)
                .custom_flags(libc::O_NONBLOCK)
                .open(&pipe)
                .ok();
            hold.is_some()
        });
        Some(Held {
            hold: hold.unwrap(),
            dir,
            command,
            before,
        })
    }

    /// Lets it go on. When it has ended, nothing may have changed. What it and
    /// its daemon have printed, and its exit status.
    #[track_caller]
    fn goes_on_and_changes_nothing(mut self) -> (Dir, String, ExitStatus) {
        drop(self.hold);
        let printed = printed(&mut self.command);
        let status = self.command.wait().unwrap();
        assert_eq!(state(&self.dir.join("data.bin")), self.before);
        (self.dir, printed, status)
    }
}

const HELD_FILES: [&str; 4] = ["data.bin", "hold", "hold.so", "mnt"];

fn interrupted(dir: &Dir) -> String {
    let point = dir.join("mnt");
    format!(
        "arrayfs: {}: was not mounted: the command was interrupted\n",
        point.display()
    )
}

fn spawn(mut command: Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

fn id(child: &Child) -> Pid {
    Pid::from_raw(child.id() as i32)
}

/// The daemon that a command has started.
fn daemon_of(command: &Child) -> Pid {
    let id = command.id();
    let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
    Pid::from_raw(children.trim().parse().unwrap())
}

/// What can be told of a file without its times: its bytes and its blocks.
fn state(path: &Path) -> (Vec<u8>, u64) {
    (fs::read(path).unwrap(), path.metadata().unwrap().blocks())
}

/// What a command and its daemon have printed once both have ended.
#[track_caller]
fn printed(command: &mut Child) -> String {
    let errors = command.stderr.take().unwrap();
    let printed = in_time("printing", move || io::read_to_string(errors).unwrap());
    printed.expect("a command that ends")
}

#[test]
fn an_interrupted_command_has_its_daemon_give_up_before_anything_changes() {
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        for options in STARTS {
            let Some(mut held) = Held::start(options) else {
                return;
            };
            let daemon = daemon_of(&held.command);
            kill(id(&held.command), signal).unwrap();
            held.command.wait().unwrap();
            let (dir, printed, status) = held.goes_on_and_changes_nothing();
            assert_eq!(status.signal(), Some(signal as i32));
            assert_eq!(printed, interrupted(&dir), "{signal} {options:?}");
            let ended = wait_for_process(daemon).unwrap();
            assert_eq!(ended.code(), Some(1), "{signal} {options:?}");
            only_these_are_left(&dir, &HELD_FILES);
        }
    }
}

#[test]
fn a_signal_to_whoever_is_starting_has_it_give_up_before_anything_changes() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        for (options, foreground) in STARTS
            .map(|options| [(options, true), (options, false)])
            .concat()
        {
            let attachment = if foreground { &["-f"][..] } else { &[] };
            let Some(held) = Held::start(&[options, attachment].concat()) else {
                return;
            };
            let serving = if foreground {
                id(&held.command)
            } else {
                daemon_of(&held.command)
            };
            kill(serving, signal).unwrap();
            wait_until("hearing the signal", || has_heard(serving));
            let (dir, printed, status) = held.goes_on_and_changes_nothing();
            assert_eq!(printed, interrupted(&dir), "{signal} {options:?}");
            assert_eq!(status.code(), Some(1), "{signal} {options:?}");
            only_these_are_left(&dir, &HELD_FILES);
        }
    }
}

/// Whether a process has taken all signals that were sent to it, and the
/// thread that takes them waits for the next.
fn has_heard(process: Pid) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let pending = status.lines().find(|line| line.starts_with("ShdPnd:"));
    let none = pending.unwrap().ends_with(&"0".repeat(16));
    let tasks = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    none && tasks.flatten().any(|task| {
        let stat = fs::read_to_string(task.path().join("stat")).unwrap_or_default();
        stat.contains("(signals) S")
    })
}

#[test]
fn a_daemon_that_dies_before_anything_changes_is_reported() {
    let Some(held) = Held::start(STARTS[0]) else {
        return;
    };
    kill(daemon_of(&held.command), Signal::SIGKILL).unwrap();
    let (dir, printed, status) = held.goes_on_and_changes_nothing();
    assert_eq!(status.code(), Some(1));
    let expected = "arrayfs: the daemon died before the mount was usable: SIGKILL\n";
    assert_eq!(printed, expected);
    only_these_are_left(&dir, &HELD_FILES);
}

#[test]
fn a_command_that_is_interrupted_when_the_array_is_mounted_leaves_no_mount() {
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGKILL] {
        let Some(mut held) = Held::mounted() else {
            return;
        };
        assert_eq!(mounts_below(&held.dir.join("mnt")).len(), 1);
        let daemon = daemon_of(&held.command);
        kill(id(&held.command), signal).unwrap();
        held.command.wait().unwrap();
        let (dir, printed, status) = held.goes_on_and_changes_nothing();
        assert_eq!(status.signal(), Some(signal as i32));
        assert_eq!(wait_for_process(daemon).unwrap(), ExitStatus::from_raw(0));
        assert_eq!(printed, "", "{signal}");
        only_these_are_left(&dir, &HELD_FILES);
    }
}

#[test]
fn a_daemon_that_dies_when_the_array_is_mounted_leaves_no_mount() {
    let Some(held) = Held::mounted() else { return };
    assert_eq!(mounts_below(&held.dir.join("mnt")).len(), 1);
    kill(daemon_of(&held.command), Signal::SIGKILL).unwrap();
    let (dir, printed, status) = held.goes_on_and_changes_nothing();
    assert_eq!(status.code(), Some(1));
    let expected = "arrayfs: the daemon died before the mount was usable: SIGKILL\n";
    assert_eq!(printed, expected);
    only_these_are_left(&dir, &HELD_FILES);
}

#[test]
fn a_daemon_without_memory_is_reported_and_leaves_no_mount() {
    let Some(dir) = Dir::with_fuse() else { return };
    dir.file("data.bin", [7; 100]);
    dir.directory("mnt");
    // Enough for the command, but not for the buffers of a worker.
    let arguments = [
        "--as=20000000",
        ARRAYFS,
        "data.bin",
        "mnt",
        "--log-file",
        "log",
    ];
    let outcome = dir.command("prlimit", &arguments).run();
    let expected = "cannot be mounted: no memory for ";
    assert!(outcome.stderr.contains(expected), "{outcome}");
    assert_eq!(outcome.status.code(), Some(5), "{outcome}");
    only_these_are_left(&dir, &["data.bin", "log", "mnt"]);
}

#[test]
fn workers_that_cannot_be_started_are_reported_and_nothing_has_changed() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", [7; 100]);
    let point = dir.directory("mnt");
    let before = state(&file);
    let mut refusals = 0;
    // With too few descriptors it fails at one place or another, at last where
    // the kernel has mounted already.
    for limit in 5..16 {
        let limit = format!("--nofile={limit}");
        let array = [&limit, ARRAYFS, "--mode", "w+", "--shape", "500"];
        let command = dir.command("prlimit", &array);
        let outcome = command.args(&[&file, &point]).run();
        if outcome.status.success() {
            Mount::found(&dir, &point).unmount();
            break;
        }
        refusals += 1;
        assert!(
            matches!(outcome.status.code(), Some(1 | 3 | 5)),
            "{outcome}"
        );
        assert!(outcome.stderr.starts_with("arrayfs: "), "{outcome}");
        assert!(state(&file) == before, "{outcome}");
        assert_eq!(mounts_below(dir.path()), [""; 0], "{outcome}");
    }
    assert!(refusals > 0);
}

#[test]
fn a_daemon_without_memory_for_its_workers_is_reported_and_leaves_no_mount() {
    let Some(dir) = Dir::with_fuse() else { return };
    dir.file("data.bin", [7; 100]);
    dir.directory("mnt");
    // Enough to mount and for some of the workers.
    let limited = ["--as=200000000", ARRAYFS, "--threads", "64"];
    let command = dir.command("prlimit", &limited);
    let outcome = command
        .args(&["data.bin", "mnt", "--log-file", "log"])
        .run();
    let point = dir.join("mnt").display().to_string();
    let expected = format!(
        "arrayfs: {point}: cannot be mounted: no memory for 64 worker threads\n  give fewer with \
         --threads, or raise the limit (ulimit -v)\n"
    );
    outcome.fails(5, &expected);
    only_these_are_left(&dir, &["data.bin", "log", "mnt"]);
}

#[test]
fn of_two_who_start_on_one_mount_point_at_once_one_mounts() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", [7; 100]);
    let point = dir.directory("mnt");
    for _ in 0..5 {
        let start = || {
            let mut command = dir.arrayfs(&[&file, &point]).into_inner();
            command.stderr(Stdio::piped());
            spawn(command)
        };
        let mut started = [start(), start()];
        let mut ends = started
            .each_mut()
            .map(|command| command.wait().unwrap().code());
        ends.sort();
        assert_eq!(ends, [Some(0), Some(4)]);
        assert_eq!(mounts_below(dir.path()).len(), 1);
        Mount::found(&dir, &point).unmount();
    }
}

#[test]
fn a_lock_on_the_mount_point_keeps_nobody_from_mounting_and_unmounting() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", [7; 100]);
    let point = dir.directory("mnt");
    // Everybody who can read the directory can take these.
    let all = File::open(&point).unwrap();
    let _all = Flock::lock(all, FlockArg::LockExclusiveNonblock).unwrap();
    let range = File::open(&point).unwrap();
    let lock = libc::flock {
        l_type: libc::F_RDLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    fcntl(&range, FcntlArg::F_OFD_SETLK(&lock)).unwrap();
    let start = Instant::now();
    dir.arrayfs(&[&file, &point]).run().succeeds_silently();
    Mount::found(&dir, &point).unmount();
    let time = start.elapsed();
    assert!(time < Duration::from_secs(1), "{time:?}");
}

#[test]
fn a_log_in_the_array_or_below_the_mount_is_refused() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", [7; 100]);
    let point = dir.directory("mnt");
    fs::hard_link(&file, dir.join("link.bin")).unwrap();
    for (log, what) in [
        ("data.bin", "is the array's file"),
        ("link.bin", "is the array's file"),
        ("mnt/log", "is below the mount point"),
    ] {
        let log = dir.join(log);
        let command = dir.arrayfs(&[&file, &point]).args(&["-v", "--log-file"]);
        let expected = format!(
            "arrayfs: {}: cannot be the log file: it {what}\n",
            log.display()
        );
        command.args(&[&log]).run().fails(1, &expected);
        assert_eq!(fs::read(&file).unwrap(), [7; 100]);
    }
}
