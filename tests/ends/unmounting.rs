//! All commands that unmount, also if the mount is busy, if two unmount at the same time, or if
//! nothing is mounted.

use std::fs::{self, File};
use std::io::{Read, Seek, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::thread;
use std::time::Instant;

use nix::sys::signal::Signal;

use crate::common::{Dir, Mount, deadline, mounts_below};
use crate::{ends_well, mounted, written};

#[test]
fn every_command_that_unmounts_ends_the_daemon() {
    for words in [
        &["umount"][..],
        &["umount", "-l"],
        &["fusermount3", "-u"],
        &["fusermount3", "-uz"],
    ] {
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
    mount.unmount_command().run().fails(6, &expected);
    assert_eq!(fs::read(mount.join("rows/3")).unwrap(), [9; 10]);
    drop(open);
    mount.unmount_command().run().succeeds_silently();
    ends_well(&dir, mount);
}

#[test]
fn a_mount_below_which_another_is_mounted_names_that_one() {
    let Some((dir, mount)) = mounted() else {
        return;
    };
    let other = dir.file("other.bin", [1; 10]);
    let (inner, started) = Mount::start_on(&dir, &other, &mount.join("rows"), &[], &[]);
    started.succeeds();
    let point = mount.point().display().to_string();
    let expected = format!("arrayfs: {point}: is busy\n  unmount {point}/rows first\n");
    mount.unmount_command().run().fails(6, &expected);
    inner.unmount();
    mount.unmount_command().run().succeeds_silently();
    fs::remove_file(dir.join("other.bin")).unwrap();
    fs::remove_file(dir.join("rows.log")).unwrap();
    ends_well(&dir, mount);
}

#[test]
fn a_mount_whose_daemon_is_stopped_is_busy_and_goes_on_later() {
    let Some((dir, mount)) = mounted() else {
        return;
    };
    let open = File::open(mount.join("rows/3")).unwrap();
    mount.signal(Signal::SIGSTOP);
    let waiting = mount.join("rows/4");
    let waiting = thread::spawn(move || fs::read(waiting).unwrap());
    let start = Instant::now();
    let outcome = mount.unmount_command().run();
    let time = start.elapsed();
    mount.signal(Signal::SIGCONT);
    assert_eq!(outcome.status.code(), Some(6), "{outcome}");
    assert!(outcome.stderr.contains(": is busy\n"), "{outcome}");
    assert!(time < deadline() / 30, "{time:?}");
    assert_eq!(waiting.join().unwrap(), [7; 10]);
    drop(open);
    mount.unmount_command().run().succeeds_silently();
    ends_well(&dir, mount);
}

#[test]
fn claim_50_a_start_on_a_mount_whose_daemon_is_stopped_says_that_it_does_not_answer() {
    let Some((dir, mount)) = mounted() else {
        return;
    };
    let point = mount.point().display().to_string();
    let expected = format!(
        "arrayfs: {point}: is a mount that does not answer, of {} (fuse.arrayfs)\n  who serves it \
         is stopped, or waits for a disk or a server; to unmount it all the same, type: arrayfs \
         -u {point}\n",
        dir.join("data.bin").display()
    );
    mount.signal(Signal::SIGSTOP);
    for options in [&[][..], &["-f"], &["--replace-dead"]] {
        let command = dir.arrayfs(options).args(&["data.bin", &point]);
        command.run().fails(4, &expected);
    }
    mount.signal(Signal::SIGCONT);
    assert_eq!(fs::read(mount.join("rows/3")).unwrap(), [9; 10]);
    mount.signal(Signal::SIGSTOP);
    let unmount = mount.unmount_command().run();
    mount.signal(Signal::SIGCONT);
    unmount.succeeds_silently();
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
fn what_is_detached_serves_open_files_to_their_end_and_no_longer() {
    let Some((dir, mount)) = mounted() else {
        return;
    };
    let mut row = File::create(mount.join("rows/3")).unwrap();
    let detach = dir.command("umount", &["-l"]).args(&[mount.point()]);
    detach.run().succeeds_silently();
    let nothing = format!(
        "arrayfs: {}: is not an arrayfs mount: nothing is mounted there\n  \
         arrayfs --list shows the mounts of arrays\n",
        mount.point().display()
    );
    mount.unmount_command().run().fails(6, &nothing);
    row.write_all(&[1; 10]).unwrap();
    assert_eq!(&fs::read(dir.join("data.bin")).unwrap()[30..40], [1; 10]);
    row.rewind().unwrap();
    row.write_all(&[9; 10]).unwrap();
    drop(row);
    ends_well(&dir, mount);
}

#[test]
fn sigterm_to_what_is_detached_leaves_alone_what_is_mounted_there_by_now() {
    if cfg!(arrayfs_portable) {
        // The portable twin's mount table has no numbers to know a mount by.
        return;
    }
    let Some((dir, mut old)) = mounted() else {
        return;
    };
    let mut open = File::open(old.join("rows/3")).unwrap();
    let detach = dir.command("umount", &["-l"]).args(&[old.point()]);
    detach.run().succeeds_silently();
    dir.arrayfs(&["data.bin", "--shape", "10,10", "--log-file", "new.log"])
        .args(&[old.point()])
        .run()
        .succeeds_silently();
    let table = mounts_below(old.point());
    old.signal(Signal::SIGTERM);
    assert_eq!(old.died(), ExitStatus::from_raw(0));
    assert!(open.read(&mut [0; 1]).is_err());
    assert_eq!(mounts_below(old.point()), table);
    assert_eq!(fs::read(old.join("rows/3")).unwrap(), [9; 10]);
    let mut new = Mount::found(&dir, old.point());
    new.unmount_command().run().succeeds_silently();
    assert_eq!(new.ended(), ExitStatus::from_raw(0));
    assert_eq!(fs::read(dir.join("data.bin")).unwrap(), written());
}

#[test]
fn a_mount_is_found_by_its_file_if_it_is_the_only_one() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", [7; 100]);
    std::os::unix::fs::symlink("data.bin", dir.join("link")).unwrap();
    for name in ["data.bin", "./data.bin", "link"] {
        let mut mount = dir.mount(&file, &[]);
        dir.arrayfs(&["-u", name]).run().succeeds_silently();
        assert_eq!(mount.ended(), ExitStatus::from_raw(0));
    }
    let mounts = [dir.mount(&file, &[]), dir.mount(&file, &[])];
    let expected = format!(
        "arrayfs: {}: is mounted on 2 mount points\n  say which: arrayfs -u {} or {}\n",
        file.display(),
        mounts[0].point().display(),
        mounts[1].point().display()
    );
    dir.arrayfs(&["-u", "data.bin"]).run().fails(6, &expected);
    let inside = mounts[0].join("rows/3");
    let expected = format!(
        "arrayfs: {}: is not an arrayfs mount: nothing is mounted there\n  \
         it is in the mount on {point}: arrayfs -u {point}\n",
        inside.display(),
        point = mounts[0].point().display()
    );
    dir.arrayfs(&["-u".as_ref(), inside.as_os_str()])
        .run()
        .fails(6, &expected);
    mounts.into_iter().for_each(Mount::unmount);
}

#[test]
fn what_is_not_an_array_is_not_unmounted() {
    let lists = "  arrayfs --list shows the mounts of arrays\n";
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
            .fails(6, &format!("arrayfs: {message}\n{lists}"));
    }
    let outcome = dir.arrayfs(&["-u", "/proc"]).run();
    let proc = "arrayfs: /proc: is not an arrayfs mount: proc (proc) is mounted there\n  \
                arrayfs --list shows the mounts of arrays\n";
    outcome.fails(6, proc);
}
