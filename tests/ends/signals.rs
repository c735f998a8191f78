//! Signals: SIGTERM and SIGINT unmount in order, SIGHUP does only in the
//! foreground, and what a shell has a process ignore stays ignored.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::Path;

use nix::sys::signal::Signal;

use crate::common::{ARRAYFS, Dir, Mount, wait_until};
use crate::{ends_well, mounted};

#[test]
fn sigterm_and_sigint_unmount() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let Some((dir, mount)) = mounted() else {
            return;
        };
        mount.signal(signal);
        ends_well(&dir, mount);
        let mount = dir.mount_in_foreground(&dir.join("data.bin"), &["--shape", "10,10"]);
        mount.signal(signal);
        fs::remove_dir(dir.join("mount1")).unwrap();
        fs::remove_file(dir.join("mount1.log")).unwrap();
        ends_well(&dir, mount);
    }
}

#[test]
fn sigterm_unmounts_although_files_are_open_and_their_users_are_told() {
    let Some((dir, mount)) = mounted() else {
        return;
    };
    let mut open = File::open(mount.join("data")).unwrap();
    mount.signal(Signal::SIGTERM);
    ends_well(&dir, mount);
    let error = open.read(&mut [0; 1]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotConnected);
}

/// Checks that `signal` does not end the daemon, and SIGTERM after it does.
#[track_caller]
fn is_ignored(signal: Signal, dir: &Dir, mount: Mount) {
    mount.signal(signal);
    assert_eq!(fs::read(mount.join("rows/3")).unwrap(), [9; 10]);
    mount.signal(Signal::SIGTERM);
    wait_until("the end is logged", || mount.log().contains("unmount"));
    let log = mount.log();
    assert!(log.contains("unmounting on SIGTERM"), "{signal}: {log}");
    ends_well(dir, mount);
}

#[test]
fn sighup_ends_only_a_mount_in_the_foreground() {
    let Some((dir, mount)) = mounted() else {
        return;
    };
    is_ignored(Signal::SIGHUP, &dir, mount);
    fs::remove_dir(dir.join("mount1")).unwrap();
    fs::remove_file(dir.join("mount1.log")).unwrap();

    let mount = dir.mount_in_foreground(&dir.join("data.bin"), &["--shape", "10,10"]);
    mount.signal(Signal::SIGHUP);
    ends_well(&dir, mount);
}

/// Runs a line of the shell that starts `"$@"`, which is `arrayfs -f`, and
/// returns its mount.
fn started_by_shell(dir: &Dir, line: &str) -> Mount {
    let point = dir.directory("mnt");
    let log = dir.join("mnt.log");
    let shell = dir.command("sh", &["-c", line, "sh", ARRAYFS, "-f", "-v"]);
    let options = ["--shape", "10,10", "data.bin", "--log-file"];
    let paths: [&Path; 2] = [&log, &point];
    let shell = shell.args(&options).args(&paths);
    shell.run().succeeds_silently();
    let is_served = || fs::read_to_string(&log).is_ok_and(|log| log.contains(": mounted on "));
    wait_until("the mount", is_served);
    Mount::found(dir, &point)
}

#[test]
fn what_nohup_and_the_shell_have_it_ignore_is_ignored_in_the_foreground_too() {
    for (line, signal) in [
        // Without a terminal, nohup has nothing to say.
        ("nohup \"$@\" >/dev/null 2>&1 &", Signal::SIGHUP),
        ("\"$@\" >/dev/null 2>&1 &", Signal::SIGINT),
    ] {
        let Some(dir) = Dir::with_fuse() else { return };
        dir.file("data.bin", crate::written());
        let mount = started_by_shell(&dir, line);
        is_ignored(signal, &dir, mount);
    }
}
