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
use crate::log::FullPipe;
use crate::only_these_are_left;

/// Starts that, unless they are interrupted, do nothing to the file, let it
/// grow, fill it with zeros, and make one.
const STARTS: [&[&str]; 4] = [
    &["data.bin", "--mode", "r"],
    &["data.bin", "--extend", "--shape", "5000"],
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
        Held::at(
            "dup2",
            &["data.bin", "--mode", "r", "--dtype", "u1", "--shape", "100"],
        )
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
#[cfg_attr(
    arrayfs_portable,
    ignore = "portably the watchdog has the name of the daemon, and is held up too"
)]
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
#[cfg_attr(arrayfs_portable, ignore = "files cannot be extended portably")]
fn claim_53_a_command_that_is_interrupted_once_the_file_has_changed_leaves_the_mount() {
    let options = ["data.bin", "--extend", "--shape", "5000", "--dtype", "u1"];
    for signal in [Signal::SIGINT, Signal::SIGKILL] {
        let Some(held) = Held::at("dup2", &options) else {
            return;
        };
        let (dir, mut command) = (held.dir, held.command);
        kill(id(&command), signal).unwrap();
        command.wait().unwrap();
        drop(held.hold);
        let data = dir.join("mnt/data");
        wait_until("the mount", || data.metadata().is_ok());
        assert_eq!(fs::read(&data).unwrap().len(), 5000, "{signal}");
        dir.arrayfs(&["-u", "mnt"]).run().succeeds_silently();
        assert_eq!(mounts_below(dir.path()), [""; 0]);
    }
}

#[test]
#[cfg_attr(
    arrayfs_portable,
    ignore = "portably the watchdog has the name of the daemon, and is held up too"
)]
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
    let limited = ["--as=200000000", ARRAYFS, "--threads", "64"];
    let command = dir.command("prlimit", &limited);
    let outcome = command
        .args(&["data.bin", "mnt", "--log-file", "log"])
        .run();
    let point = dir.join("mnt").display().to_string();
    let expected = format!(
        "arrayfs: {point}: cannot be mounted: no memory for an array of 100 bytes and 64 worker \
         threads\n  give fewer with \
         --threads, or raise the limit (ulimit -v)\n"
    );
    outcome.fails(5, &expected);
    only_these_are_left(&dir, &["data.bin", "log", "mnt"]);
}

/// Starts in the background and in the foreground, each with a little more address space
/// than the one before, until it succeeds: those that do not leave everything as it was.
#[test]
#[cfg_attr(arrayfs_portable, ignore = "the command waits for ever portably")]
fn claim_53_a_start_without_enough_address_space_changes_nothing() {
    const STEP: u64 = 1 << 20;
    for options in &STARTS[1..] {
        let Some(dir) = Dir::with_fuse() else { return };
        let file = dir.file("data.bin", [7; 100]);
        let point = dir.join("made");
        let before = (state(&file), file.metadata().unwrap().modified().unwrap());
        let mut refusals = 0;
        for limit in (16 * STEP..).step_by(STEP as usize) {
            let limit = format!("--as={limit}");
            let arguments = [&[&limit, ARRAYFS, "--threads", "2"], *options].concat();
            let command = dir.command("prlimit", &arguments);
            let outcome = command.args(&["--log-file", "log"]).args(&[&point]).run();
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
            let now = (state(&file), file.metadata().unwrap().modified().unwrap());
            assert!(now == before, "{outcome}");
            let left = only_files(&dir);
            assert!(
                left == ["data.bin"] || left == ["data.bin", "log"],
                "{left:?} {outcome}"
            );
        }
        assert!(refusals > 20, "{refusals}");
    }
}

fn only_files(dir: &Dir) -> Vec<String> {
    assert_eq!(mounts_below(dir.path()), [""; 0]);
    let names = fs::read_dir(dir.path()).unwrap().flatten();
    let mut names: Vec<_> = names
        .map(|found| found.file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// What takes nothing that is written to it as descriptor 7.
const DEAF: [(&str, &str); 3] = [
    ("7>/dev/full", "no space left on device"),
    ("7> >(:); sleep 0.2; true", "broken pipe"),
    ("7<>full", "operation would block"),
];

#[test]
#[cfg_attr(arrayfs_portable, ignore = "the command waits for ever portably")]
fn claim_53_a_start_that_cannot_tell_of_its_end_changes_nothing() {
    for (options, attachment) in STARTS[1..]
        .iter()
        .flat_map(|options| [(options, ""), (options, "-f")])
    {
        for (descriptor, error) in DEAF {
            let Some(dir) = Dir::with_fuse() else { return };
            let file = dir.file("data.bin", [7; 100]);
            let _full = FullPipe::new(&dir.join("full"));
            let before = (state(&file), file.metadata().unwrap().modified().unwrap());
            let (open, wait) = descriptor.split_once("; ").unwrap_or((descriptor, ":"));
            let script = format!("exec {open}; {wait}; exec \"$@\" --ready-fd 7 {attachment} made");
            let shell = dir.command("bash", &["-c", &script, "bash", ARRAYFS]);
            let outcome = shell.args(options).run();
            outcome.fails(2, &format!("arrayfs: --ready-fd 7: {error}\n"));
            let now = (state(&file), file.metadata().unwrap().modified().unwrap());
            assert!(now == before, "{options:?} {descriptor}");
            assert_eq!(only_files(&dir), ["data.bin", "full"]);
        }
    }
}

/// Writes to a file as soon as it is there.
const WRITER: &str = r#"
import os, sys
while True:
    try:
        opened = os.open(sys.argv[1], os.O_WRONLY)
    except FileNotFoundError:
        continue
    os.write(opened, b"written")
    break
"#;

#[test]
fn claim_53_what_is_written_to_a_mount_as_it_comes_about_is_not_overwritten_by_w_plus() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", [7; 5000]);
    let point = dir.directory("mnt");
    let writer = dir.command("python3", &["-c", WRITER]);
    let mut writer = spawn(writer.args(&[point.join("data")]).into_inner());
    // What zeroes and resizes the file waits, for longer than the writer needs. strace
    // goes on with the daemon.
    let script = "exec strace -D -f -o trace -e trace=fallocate,ftruncate \
                  -e inject=fallocate,ftruncate:delay_enter=1000ms \"$@\" >/dev/null 2>&1";
    let array = ["data.bin", "mnt", "--mode", "w+", "--shape", "5000"];
    let shell = dir.command("sh", &["-c", script, "sh", ARRAYFS]);
    shell.args(&array).run().succeeds_silently();
    assert!(writer.wait().unwrap().success());
    dir.arrayfs(&["-u", "mnt"]).run().succeeds_silently();
    let found = fs::read(&file).unwrap();
    assert_eq!(found, [&b"written"[..], &[0; 4993]].concat());
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
