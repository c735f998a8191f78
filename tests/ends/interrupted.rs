//! A start that is interrupted, or whose daemon dies. If the file has not been changed yet, it
//! stays unchanged, no mount is left, and the command reports the reason.
//!
//! A preloaded library stops the start at one of two points: before anything is changed, when
//! the file is mapped; and after the mount, when the daemon detaches from the terminal.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus};

use nix::libc;
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, mkfifo};

use crate::common::{Dir, in_time, mounts_below, wait_for_process, wait_until};
use crate::only_these_are_left;
use crate::starting::{STARTS, spawn, state};

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

fn id(child: &Child) -> Pid {
    Pid::from_raw(child.id() as i32)
}

/// The daemon that a command has started.
fn daemon_of(command: &Child) -> Pid {
    let id = command.id();
    let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
    Pid::from_raw(children.trim().parse().unwrap())
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
