//! The end of a mount, also of one that is still starting. In every case acknowledged writes are
//! in the file, exit status and message are right, and no process, mount or file is left over.

#![cfg(target_os = "linux")]

#[path = "../common/mod.rs"]
mod common;

mod gone;
mod interrupted;
mod log;
mod signals;
mod spoofed;
mod starting;
mod unmounting;
mod writers;

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;

use nix::errno::Errno;
use nix::sys::wait::{WaitPidFlag, waitpid};

use common::{Dir, Mount, mounts_below, wait_until};

/// An array of ten rows of seven, of which row 3 has been written with nines.
fn mounted() -> Option<(Dir, Mount)> {
    let dir = Dir::with_fuse()?;
    let file = dir.file("data.bin", [7; 100]);
    let mount = dir.mount(&file, &["--shape", "10,10", "-v"]);
    fs::write(mount.join("rows/3"), [9; 10]).unwrap();
    Some((dir, mount))
}

/// The bytes of the file once row 3 has been written.
fn written() -> Vec<u8> {
    [vec![7; 30], vec![9; 10], vec![7; 60]].concat()
}

/// Checks that the daemon ends with status 0, or has, that row 3 is in the
/// file, and that nothing else is left of the mount.
#[track_caller]
fn ends_well(dir: &Dir, mut mount: Mount) {
    assert_eq!(mount.ended(), ExitStatus::from_raw(0));
    assert_eq!(fs::read(dir.join("data.bin")).unwrap(), written());
    assert_eq!(fs::read_dir(mount.point()).unwrap().count(), 0);
    let point = mount.point().file_name().unwrap().to_str().unwrap();
    only_these_are_left(dir, &["data.bin", point, &format!("{point}.log")]);
}

/// Checks that the test's directory holds these files and no other, that
/// nothing is mounted there, and that no process is left.
#[track_caller]
fn only_these_are_left(dir: &Dir, names: &[&str]) {
    assert_eq!(names_in(dir.path()), names);
    assert_eq!(mounts_below(dir.path()), [""; 0]);
    // Whoever looked at the mount for a daemon that has died is about to end.
    wait_until("no process is left", || {
        waitpid(None, Some(WaitPidFlag::WNOHANG)) == Err(Errno::ECHILD)
    });
}

fn names_in(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
