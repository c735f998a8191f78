//! Signals. SIGTERM and SIGINT unmount cleanly. SIGHUP does so only in the foreground. Signals
//! that the process inherited as ignored stay ignored.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::Path;

use nix::sys::signal::{Signal, kill};

use crate::common::{ARRAYFS, Dir, Mount, wait_until, watchdog_of};
use crate::{ends_well, mounted, only_these_are_left};

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
#[cfg_attr(arrayfs_portable, ignore = "no process watches the daemon portably")]
fn what_is_meant_for_the_daemon_does_not_reach_its_watchdog() {
    let Some((dir, mut mount)) = mounted() else {
        return;
    };
    let (daemon, watchdog) = (mount.daemon(), watchdog_of(&mount));
    let pgrep = |words: &[&str]| {
        let found = dir.command("pgrep", words).run();
        found.stdout.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let (parent, of_watchdog) = (daemon.to_string(), watchdog.to_string());
    assert_eq!(pgrep(&["--parent", &parent]), [of_watchdog.as_str()]);
    assert!(pgrep(&["--parent", &parent, "arrayfs"]).is_empty());
    assert!(!pgrep(&["--pgroup", &parent]).contains(&of_watchdog));
    assert!(!pgrep(&["--session", &parent]).contains(&of_watchdog));
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGQUIT] {
        kill(watchdog, signal).unwrap();
    }
    mount.signal(Signal::SIGKILL);
    mount.died();
    mount.unmount_command().run().succeeds_silently();
    only_these_are_left(&dir, &["data.bin", "mount1", "mount1.log"]);
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
