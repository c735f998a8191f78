//! Mounts whose daemon, mount point or environment has disappeared.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::ExitStatus;

use nix::sys::signal::Signal;

use crate::common::{Dir, Mount, mounts_below};
use crate::{ends_well, mounted, only_these_are_left, written};

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
        dir.arrayfs(arguments).run().fails(4, &expected);
    }
    mount.unmount_command().run().succeeds_silently();
    only_these_are_left(&dir, &["data.bin", "mount1", "mount1.log"]);
    let again = dir.mount(&dir.join("data.bin"), &["--shape", "10,10"]);
    assert_eq!(fs::read(again.join("rows/3")).unwrap(), [9; 10]);
    again.unmount();
}

#[test]
fn a_dead_mount_is_removed_although_files_of_it_are_open() {
    let Some((dir, mut mount)) = mounted() else {
        return;
    };
    let open = fs::File::open(mount.join("rows/3")).unwrap();
    mount.signal(Signal::SIGKILL);
    mount.died();
    let point = mount.point().to_str().unwrap();
    dir.arrayfs(&["-u", point]).run().succeeds_silently();
    drop(open);
    only_these_are_left(&dir, &["data.bin", "mount1", "mount1.log"]);
}

#[test]
fn every_command_that_unmounts_removes_a_dead_mount() {
    for words in [&["umount"][..], &["umount", "-l"], &["fusermount3", "-u"]] {
        let Some((dir, mut mount)) = mounted() else {
            return;
        };
        let open = fs::File::open(mount.join("rows/3")).unwrap();
        mount.signal(Signal::SIGKILL);
        mount.died();
        drop(open);
        let command = dir.command(words[0], &words[1..]).args(&[mount.point()]);
        command.run().succeeds_silently();
        only_these_are_left(&dir, &["data.bin", "mount1", "mount1.log"]);
    }
}

/// The array mounted on `PARENT/mnt`.
fn mounted_below(dir: &Dir, parent: &str) -> Mount {
    let file = dir.file("data.bin", [7; 100]);
    let point = dir.join(parent).join("mnt");
    fs::create_dir_all(&point).unwrap();
    let options = ["--shape", "10,10", "-v"];
    let (mount, outcome) = Mount::start_on(dir, &file, &point, &options, &[]);
    outcome.succeeds_silently();
    fs::write(mount.join("rows/3"), [9; 10]).unwrap();
    mount
}

// The portable twin's mount table has no numbers to know a mount by.
#[cfg(not(arrayfs_portable))]
#[test]
fn a_mount_is_found_although_a_directory_above_it_was_renamed() {
    let Some(dir) = Dir::with_fuse() else { return };
    let mut mount = mounted_below(&dir, "above");
    fs::rename(dir.join("above"), dir.join("renamed")).unwrap();
    assert_eq!(fs::read(dir.join("renamed/mnt/rows/3")).unwrap(), [9; 10]);
    mount.signal(Signal::SIGTERM);
    assert_eq!(mount.ended(), ExitStatus::from_raw(0));
    fs::remove_dir_all(dir.join("renamed")).unwrap();
    only_these_are_left(&dir, &["data.bin", "mnt.log"]);
    assert_eq!(fs::read(dir.join("data.bin")).unwrap(), written());
}

/// Checks that the daemon has ended well, and left what the test then removes.
#[track_caller]
fn ended_with_its_surroundings(dir: &Dir, mut mount: Mount, left: &[&str]) {
    assert_eq!(mount.ended(), ExitStatus::from_raw(0));
    only_these_are_left(dir, left);
    assert_eq!(fs::read(dir.join("data.bin")).unwrap(), written());
}

#[test]
fn a_mount_point_that_is_removed_elsewhere_ends_the_mount() {
    let Some(dir) = Dir::for_root() else { return };
    let mount = mounted_below(&dir, "above");
    // Nobody can remove it who sees the mount.
    let above: PathBuf = dir.join("above");
    let error = fs::remove_dir(above.join("mnt")).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ResourceBusy);
    let script = "umount above/mnt && rmdir above/mnt above";
    let elsewhere = dir.command("unshare", &["--mount", "sh", "-c", script]);
    elsewhere.run().succeeds_silently();
    ended_with_its_surroundings(&dir, mount, &["data.bin", "mnt.log"]);
}

#[test]
fn a_file_system_that_is_detached_takes_the_mount_on_it_along() {
    let Some(dir) = Dir::for_root() else { return };
    let above = dir.directory("above");
    let tmpfs = ["-t", "tmpfs", "none", "above"];
    dir.command("mount", &tmpfs).run().succeeds_silently();
    let mount = mounted_below(&dir, "above");
    let busy = dir.command("umount", &[&above]).run();
    assert!(busy.stderr.contains("target is busy"), "{busy}");
    let detach = dir.command("umount", &["-l", "above"]);
    detach.run().succeeds_silently();
    ended_with_its_surroundings(&dir, mount, &["above", "data.bin", "mnt.log"]);
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
    assert!(mounts_below(dir.path()).is_empty());
}

#[test]
fn a_backing_file_that_is_removed_ends_nothing() {
    let Some((dir, mount)) = mounted() else {
        return;
    };
    fs::remove_file(dir.join("data.bin")).unwrap();
    fs::write(mount.join("rows/4"), [5; 10]).unwrap();
    assert_eq!(fs::read(mount.join("rows/4")).unwrap(), [5; 10]);
    // It is still the file that was opened, and can be saved.
    fs::write(mount.join("rows/4"), [7; 10]).unwrap();
    fs::copy(mount.join("data"), dir.join("data.bin")).unwrap();
    let unmount = mount.unmount_command();
    unmount.run().succeeds_silently();
    ends_well(&dir, mount);
}
