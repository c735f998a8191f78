//! How a mount ends: whatever ends it, what was written is in the file, the
//! daemon is gone, and nothing is left mounted.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};

use nix::sys::signal::Signal;

use crate::common::{Dir, Mount, mounts_below, wait_until};

const WELL: i32 = 0;

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

#[track_caller]
fn ends_well(dir: &Dir, mut mount: Mount) {
    assert_eq!(mount.ended(), ExitStatus::from_raw(WELL));
    assert_eq!(fs::read(dir.join("data.bin")).unwrap(), written());
    assert_eq!(fs::read_dir(mount.point()).unwrap().count(), 0);
}

#[test]
fn sigterm_and_sigint_unmount() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let Some((dir, mount)) = mounted() else {
            return;
        };
        mount.signal(signal);
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

#[test]
fn sighup_ends_only_a_mount_in_the_foreground() {
    let Some((dir, mount)) = mounted() else {
        return;
    };
    mount.signal(Signal::SIGHUP);
    assert_eq!(fs::read(mount.join("rows/3")).unwrap(), [9; 10]);
    mount.signal(Signal::SIGTERM);
    wait_until("the signal is logged", || {
        mount.log().contains("unmounting on")
    });
    assert!(
        mount.log().contains("unmounting on SIGTERM"),
        "{}",
        mount.log()
    );
    ends_well(&dir, mount);

    let file = dir.join("data.bin");
    let mount = dir.mount_in_foreground(&file, &["--shape", "10,10"]);
    mount.signal(Signal::SIGHUP);
    ends_well(&dir, mount);
}

#[test]
fn every_command_that_unmounts_ends_the_daemon() {
    for words in [&["umount"][..], &["umount", "-l"], &["fusermount3", "-u"]] {
        let Some((dir, mount)) = mounted() else {
            return;
        };
        let command = dir.command(words[0], &words[1..]).args(&[mount.point()]);
        command.run().succeeds_silently();
        ends_well(&dir, mount);
    }
    let Some((dir, mount)) = mounted() else {
        return;
    };
    mount.unmount_command().run().succeeds_silently();
    ends_well(&dir, mount);
}

#[test]
fn a_busy_mount_stays_and_the_hint_says_what_to_do() {
    let Some((dir, mount)) = mounted() else {
        return;
    };
    let open = File::open(mount.join("rows/3")).unwrap();
    let point = mount.point().display().to_string();
    let expected = format!(
        "arrayfs: {point}: is busy\n  close the files that are open there and leave it with cd \
         (fuser -vm shows who), or detach it: fusermount3 -uz {point}\n"
    );
    mount.unmount_command().run().fails(1, &expected);
    assert_eq!(fs::read(mount.join("rows/3")).unwrap(), [9; 10]);
    drop(open);
    mount.unmount_command().run().succeeds_silently();
    ends_well(&dir, mount);
}

#[test]
fn two_who_unmount_at_once_do_not_disturb_each_other() {
    for _ in 0..20 {
        let Some((dir, mount)) = mounted() else {
            return;
        };
        let start = || {
            let mut command = mount.unmount_command().into_inner();
            command.stderr(Stdio::piped()).spawn().unwrap()
        };
        let both = [start(), start()].map(|child| child.wait_with_output().unwrap());
        assert!(
            both.iter().any(|output| output.status.success()),
            "{both:?}"
        );
        for output in both {
            let words = String::from_utf8_lossy(&output.stderr);
            assert!(
                output.status.success() || words.contains("nothing is mounted there"),
                "{words}"
            );
        }
        ends_well(&dir, mount);
    }
}

#[test]
fn what_is_not_an_array_is_not_unmounted() {
    let dir = Dir::new();
    let path = dir.path().display();
    dir.file("file", "");
    for (name, message) in [
        (
            ".",
            format!("{path}: is not an arrayfs mount: nothing is mounted there"),
        ),
        (
            "file",
            format!("{path}/file: is not an arrayfs mount: nothing is mounted there"),
        ),
        ("missing", format!("{path}/missing: does not exist")),
    ] {
        dir.arrayfs(&["-u", name])
            .run()
            .fails(1, &format!("arrayfs: {message}\n"));
    }
    let outcome = dir.arrayfs(&["-u", "/proc"]).run();
    let proc = "arrayfs: /proc: is not an arrayfs mount: proc (proc) is mounted there\n  \
                to unmount it all the same, type: umount /proc\n";
    outcome.fails(1, proc);
}

#[test]
fn a_killed_daemon_leaves_a_dead_mount_that_is_named_and_removed() {
    let Some((dir, mut mount)) = mounted() else {
        return;
    };
    mount.signal(Signal::SIGKILL);
    assert_eq!(mount.died().signal(), Some(Signal::SIGKILL as i32));
    assert_eq!(fs::read(dir.join("data.bin")).unwrap(), written());
    let point = mount.point().display().to_string();
    let expected = format!(
        "arrayfs: {point}: is a dead mount, of {} (fuse.arrayfs): transport endpoint is not \
         connected\n  to remove it, type: arrayfs -u {point}\n",
        dir.join("data.bin").display()
    );
    for arguments in [&["data.bin", &point][..], &["-f", "data.bin", &point]] {
        dir.arrayfs(arguments).run().fails(1, &expected);
    }
    mount.unmount_command().run().succeeds_silently();
    assert!(mounts_below(dir.path()).is_empty());
    let again = dir.mount(&dir.join("data.bin"), &["--shape", "10,10"]);
    assert_eq!(fs::read(again.join("rows/3")).unwrap(), [9; 10]);
    again.unmount();
}

// The portable twin's mount table has no numbers to know a mount by.
#[cfg(not(arrayfs_portable))]
#[test]
fn a_mount_is_found_although_a_directory_above_it_was_renamed() {
    let Some(dir) = Dir::with_fuse() else { return };
    dir.file("data.bin", [7; 100]);
    fs::create_dir_all(dir.join("above/mnt")).unwrap();
    let (mut mount, outcome) = Mount::start_on(
        &dir,
        &dir.join("data.bin"),
        &dir.join("above/mnt"),
        &[],
        &[],
    );
    outcome.succeeds_silently();
    fs::rename(dir.join("above"), dir.join("renamed")).unwrap();
    mount.signal(Signal::SIGTERM);
    assert_eq!(mount.ended(), ExitStatus::from_raw(WELL));
    assert!(mounts_below(dir.path()).is_empty());
    fs::remove_dir_all(dir.join("renamed")).unwrap();
}

#[test]
fn a_mount_that_covers_the_array_is_left_alone() {
    let Some(dir) = Dir::for_root() else { return };
    let file = dir.file("data.bin", [7; 100]);
    let mut mount = dir.mount(&file, &[]);
    let point = mount.point().to_owned();
    let tmpfs = ["-t", "tmpfs", "none"];
    dir.command("mount", &tmpfs)
        .args(&[&point])
        .run()
        .succeeds();
    mount.signal(Signal::SIGTERM);
    assert_eq!(mount.died().code(), Some(1));
    assert!(
        mount
            .log()
            .contains("cannot be unmounted: another mount covers it"),
        "{}",
        mount.log()
    );
    let left = mounts_below(&point);
    assert!(left.last().unwrap().contains(" - tmpfs "), "{left:?}");
    dir.command("umount", &[&point]).run().succeeds();
    mount.unmount_command().run().succeeds_silently();
}
