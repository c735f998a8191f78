//! Daemonizing. The mount is usable when the command returns, and the daemon keeps no terminal,
//! working directory or descriptor of the caller.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::Stdio;

use crate::common::{ARRAYFS, Dir, Mount, growth_notice, mounts_below, wait_until};

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
    let directory = fs::read_link(format!("/proc/{daemon}/cwd")).unwrap();
    assert_eq!(directory.to_str(), Some("/"));
    assert_eq!(streams(&mount), ["/dev/null"; 3]);
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
#[cfg_attr(arrayfs_portable, ignore = "files cannot be extended portably")]
fn growth_is_announced_with_both_sizes() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", [7; 100]);
    let (mount, outcome) = Mount::start(
        &dir,
        &file,
        &[
            "--extend", "--dtype", "u1", "--shape", "10", "--offset", "200",
        ],
    );
    let expected = growth_notice(&file, "r+", 100, 210);
    assert_eq!(outcome.stderr, expected);
    assert!(outcome.status.success());
    mount.unmount();
    assert_eq!(file.metadata().unwrap().len(), 210);
}

/// The first three descriptors of the daemon that serves `mount`.
fn streams(mount: &Mount) -> [String; 3] {
    ["0", "1", "2"].map(|descriptor| {
        let link = format!("/proc/{}/fd/{descriptor}", mount.daemon());
        fs::read_link(link).unwrap().to_str().unwrap().to_owned()
    })
}

#[test]
fn standard_streams_that_are_closed_are_no_obstacle() {
    for attachment in ["", "-f"] {
        for closed in ["<&-", ">&-", "2>&-", "<&- >&-", "<&- >&- 2>&-"] {
            let Some(dir) = Dir::with_fuse() else { return };
            dir.file("data.bin", [7; 100]);
            let point = dir.directory("mnt");
            let ampersand = if attachment == "-f" { "&" } else { "" };
            let script = format!(
                "{ARRAYFS} {attachment} --shape 10,10 --log-file mnt.log data.bin {} \
                 {closed} {ampersand}",
                point.display()
            );
            let mut shell = dir.command("sh", &["-c", &script]).into_inner();
            shell.stdout(Stdio::null()).stderr(Stdio::null());
            assert!(shell.status().unwrap().success(), "{script}");
            wait_until("the mount", || !mounts_below(&point).is_empty());
            let mount = Mount::found(&dir, &point);
            assert_eq!(streams(&mount), ["/dev/null"; 3], "{script}");
            assert_eq!(fs::read(point.join("rows/3")).unwrap(), [7; 10]);
            mount.unmount();
        }
    }
}

#[test]
fn a_shell_that_reads_what_the_command_prints_goes_on() {
    let Some(dir) = Dir::with_fuse() else { return };
    dir.file("data.bin", [7; 100]);
    let point = dir.directory("mnt");
    for line in [
        "x=$(\"$@\" 2>&1) && echo \"got: $x\"",
        "\"$@\" 2>&1 | sed 's/^/got: /'; echo got:",
        "got=$(\"$@\" 2>&1 | cat); echo got: $got",
    ] {
        let shell = dir.command("sh", &["-c", line, "sh", ARRAYFS]);
        let shell = shell.args(&[
            "data.bin",
            "--dtype=u1",
            "--shape=100",
            "--log-file=mnt.log",
        ]);
        let printed = shell.args(&[&point]).run().succeeds();
        assert_eq!(printed.trim_end(), "got:", "{line}");
        Mount::found(&dir, &point).unmount();
    }
}
