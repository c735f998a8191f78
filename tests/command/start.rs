//! Starting in the background: when the command returns, the mount is usable,
//! and the daemon holds on to nothing of where it was started.

use std::fs;
use std::os::unix::fs::MetadataExt;

use crate::common::{ARRAYFS, Dir, Mount, growth_notice, mounts_below};

#[test]
fn the_first_look_after_the_command_returns_succeeds_every_time() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", [7; 100]);
    let device = dir.path().metadata().unwrap().dev();
    for _ in 0..100 {
        let mount = dir.mount(&file, &["--shape", "10,10"]);
        assert_ne!(mount.point().metadata().unwrap().dev(), device);
        assert_eq!(mount.join("rows/3").metadata().unwrap().len(), 10);
        mount.unmount();
    }
}

#[test]
fn the_daemon_lets_go_of_its_terminal_and_directory() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", [7; 100]);
    let mount = dir.mount(&file, &[]);
    let daemon = mount.daemon();
    let link = |name: &str| fs::read_link(format!("/proc/{daemon}/{name}")).unwrap();
    assert_eq!(link("cwd").to_str(), Some("/"));
    for descriptor in ["fd/0", "fd/1", "fd/2"] {
        assert_eq!(link(descriptor).to_str(), Some("/dev/null"));
    }
    let session = nix::unistd::getsid(Some(daemon)).unwrap();
    assert_eq!(session, daemon);
    mount.unmount();
}

#[test]
fn in_the_foreground_the_process_itself_serves_the_mount() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", [7; 100]);
    let mount = dir.mount_in_foreground(&file, &["--shape", "10,10"]);
    assert_eq!(fs::read(mount.join("rows/9")).unwrap(), [7; 10]);
    mount.unmount();
}

#[test]
fn growth_is_announced_with_both_sizes() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", [7; 100]);
    let (mount, outcome) = Mount::start(&dir, &file, &["--shape", "10", "--offset", "200"]);
    let expected = growth_notice(&file, "r+", 100, 210);
    assert_eq!(outcome.stderr, expected);
    assert!(outcome.status.success());
    mount.unmount();
    assert_eq!(file.metadata().unwrap().len(), 210);
}

#[test]
fn a_daemon_that_dies_before_the_mount_is_usable_is_reported_and_leaves_no_mount() {
    let Some(dir) = Dir::with_fuse() else { return };
    dir.file("data.bin", [7; 100]);
    dir.directory("mnt");
    // Enough for the command, but not for a daemon's buffers.
    let arguments = [
        "--as=20000000",
        ARRAYFS,
        "data.bin",
        "mnt",
        "--log-file",
        "log",
    ];
    let outcome = dir.command("prlimit", &arguments).run();
    let expected = "arrayfs: the daemon died before the mount was usable: SIGABRT\n";
    assert!(outcome.stderr.ends_with(expected), "{outcome}");
    assert_eq!(outcome.status.code(), Some(1), "{outcome}");
    assert!(mounts_below(dir.path()).is_empty());
}
