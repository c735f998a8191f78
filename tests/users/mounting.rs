//! Mounting without root, through `fusermount3`: what works, how the mount ends, and the
//! messages of refusals.

use std::fs::{self, File, Permissions};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::SystemTime;

use nix::errno::Errno;
use nix::sys::signal::Signal;

use crate::common::{Dir, INSTALLED, Mount, TestCommand, growth_notice, mounts_below};
use crate::{DAEMON, NOBODY, STRANGER};

fn mounted(options: &[&str]) -> Option<(Dir, Mount)> {
    let dir = Dir::on_own_machine()?;
    let file = dir.file_of(NOBODY, "data.bin", [7; 100]);
    let shape = [&["--shape", "10,10"], options].concat();
    let (mount, outcome) = Mount::start_as(&dir, NOBODY, &file, &shape);
    outcome.succeeds_silently();
    Some((dir, mount))
}

/// Runs a line of the shell in the mount, as the user who has mounted.
fn shell(mount: &Mount, user: u32, line: &str) -> String {
    let command = TestCommand::new("sh", mount.point().parent().unwrap());
    let script = format!("cd {} && {line}", mount.point().display());
    command.args(&["-c", &script]).user(user).run().succeeds()
}

#[test]
fn a_user_mounts_reads_writes_and_unmounts() {
    let Some((dir, mount)) = mounted(&[]) else {
        return;
    };
    let table = mounts_below(mount.point());
    let source = dir.join("data.bin").display().to_string();
    assert!(
        table[0].contains(&format!(" - fuse.arrayfs {source} ")),
        "{table:?}"
    );
    for word in [
        "nosuid",
        "nodev",
        "user_id=65534",
        "group_id=65534",
        "default_permissions",
    ] {
        assert!(table[0].contains(word), "{word}: {table:?}");
    }
    shell(
        &mount,
        NOBODY,
        "printf 0123456789 >rows/3; printf x >cols/9",
    );
    assert_eq!(shell(&mount, NOBODY, "cat data | wc -c"), "100\n");
    assert_eq!(shell(&mount, NOBODY, "cat T/cols/3"), "0123456789");
    assert_eq!(shell(&mount, NOBODY, "head -c 1 T/rows/9"), "x");
    mount.unmount();
    let mut expected = [7; 100];
    expected[30..40].copy_from_slice(b"0123456789");
    expected[9] = b'x';
    assert_eq!(fs::read(dir.join("data.bin")).unwrap(), expected);
}

#[test]
fn what_only_root_can_have_is_done_without_in_silence() {
    for options in [
        &["--passthrough", "rw"][..],
        &["--passthrough", "auto", "--mode", "r"],
        &["--cache", "always"],
        &["--threads", "4"],
    ] {
        let Some((_dir, mount)) = mounted(options) else {
            return;
        };
        assert_eq!(
            shell(&mount, NOBODY, "cat data rows/1 cols/1 | wc -c"),
            "120\n"
        );
        assert_eq!(mount.log(), "", "{options:?}");
        mount.unmount();
    }
}

#[test]
fn a_mount_of_a_user_ends_well_whoever_ends_it() {
    const ROOT: u32 = 0;
    for (user, words) in [
        (NOBODY, &[INSTALLED, "-u"][..]),
        (NOBODY, &["fusermount3", "-u"]),
        (NOBODY, &["fusermount3", "-uz"]),
        (NOBODY, &["umount"]),
        (ROOT, &["umount"]),
        (ROOT, &["umount", "-l"]),
        (ROOT, &[INSTALLED, "-u"]),
    ] {
        let end = |dir: &Dir, mount: &Mount| {
            let command = dir.command(words[0], &words[1..]).args(&[mount.point()]);
            command.user(user).run().succeeds_silently();
        };
        ends_well(end);
    }
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        ends_well(|_, mount| mount.signal(signal));
    }
}

/// Checks that nothing of a mount is left that `end` ends, and nothing lost.
#[track_caller]
fn ends_well(end: impl Fn(&Dir, &Mount)) {
    let Some((dir, mut mount)) = mounted(&["-v"]) else {
        return;
    };
    shell(&mount, NOBODY, "printf 0123456789 >rows/3");
    end(&dir, &mount);
    assert_eq!(mount.ended(), ExitStatus::from_raw(0));
    let written = fs::read(dir.join("data.bin")).unwrap();
    assert_eq!(&written[30..40], b"0123456789");
}

#[test]
fn a_busy_mount_of_a_user_stays_until_sigterm_detaches_it() {
    let Some((dir, mut mount)) = mounted(&[]) else {
        return;
    };
    let directory = mount.point().to_owned();
    let mut inside = TestCommand::new("sh", dir.path()).user(NOBODY).into_inner();
    let script = r#"cd "$0" && exec 3<>rows/3 && echo in && read line; exec cat <&3"#;
    inside.args(["-c", script]).arg(&directory);
    inside.env("LC_ALL", "C").stdin(Stdio::piped());
    inside.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut inside = inside.spawn().unwrap();
    let mut said = [0; 3];
    inside
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut said)
        .unwrap();

    let point = mount.point().display();
    let expected = format!(
        "arrayfs: {point}: is busy\n  close the files that are open there and leave it with cd \
         (fuser -vm shows who), or detach it: fusermount3 -uz {point}\n"
    );
    mount.unmount_command().run().fails(6, &expected);
    mount.signal(Signal::SIGTERM);
    assert_eq!(mount.ended(), ExitStatus::from_raw(0));
    drop(inside.stdin.take());
    let told = inside.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&told.stderr).into_owned();
    assert!(told.contains(Errno::ENOTCONN.desc()), "{told}");
    assert_eq!(fs::read(dir.join("data.bin")).unwrap(), [7; 100]);
}

#[test]
fn only_root_and_the_user_who_mounted_may_unmount() {
    let Some((dir, mount)) = mounted(&[]) else {
        return;
    };
    let point = mount.point().display();
    for (user, words) in [
        (DAEMON, format!("entry for {point} not found in /etc/mtab")),
        (STRANGER, "could not determine username".into()),
    ] {
        let command = dir.command(INSTALLED, &["-u", &point.to_string()]);
        let expected = format!(
            "arrayfs: {point}: cannot be unmounted: fusermount3: {words}\n  \
             only root and the user who mounted it may do that\n"
        );
        command.user(user).run().fails(6, &expected);
    }
    mount.unmount();
}

#[test]
fn all_that_a_user_has_mounted_is_unmounted_and_nothing_of_others() {
    const ROOT: u32 = 0;
    let Some((dir, mut first)) = mounted(&[]) else {
        return;
    };
    let file = dir.file_of(NOBODY, "more.bin", [7; 100]);
    let (mut second, outcome) = Mount::start_as(&dir, NOBODY, &file, &[]);
    outcome.succeeds_silently();
    let mut roots = dir.mount(&dir.file("roots.bin", [7; 100]), &[]);
    let unmount_all = |user| {
        let command = dir.command(INSTALLED, &["-u", "--all"]).user(user);
        command.run().succeeds_silently();
    };
    unmount_all(DAEMON);
    assert_eq!(mounts_below(dir.path()).len(), 3);
    unmount_all(NOBODY);
    assert_eq!(first.ended(), ExitStatus::from_raw(0));
    assert_eq!(second.ended(), ExitStatus::from_raw(0));
    assert_eq!(fs::read(roots.join("data")).unwrap(), [7; 100]);
    let (third, outcome) = Mount::start_as(&dir, NOBODY, &file, &[]);
    outcome.succeeds_silently();
    let busy = File::open(roots.join("data")).unwrap();
    let refused = dir.command(INSTALLED, &["-u", "--all"]).run();
    assert_eq!(refused.status.code(), Some(6), "{refused}");
    assert!(refused.stderr.contains("is busy"), "{refused}");
    drop(busy);
    unmount_all(ROOT);
    assert_eq!(roots.ended(), ExitStatus::from_raw(0));
    assert_eq!(mounts_below(third.point()).len(), 1);
    third.unmount();
}

#[test]
fn two_who_start_at_once_leave_no_lock_file_of_their_mount_point() {
    let Some(dir) = Dir::on_own_machine() else {
        return;
    };
    let file = dir.file_of(NOBODY, "data.bin", [7; 100]);
    let locks = dir.directory_of(NOBODY, "locks");
    // They make the directory, which is locked until its removal, too.
    let point = dir.directory_of(NOBODY, "home").join("made");
    let command = |arguments: &[&Path]| {
        let command = dir.command(INSTALLED, arguments).user(NOBODY);
        command.env("XDG_RUNTIME_DIR", &locks)
    };
    for _ in 0..5 {
        let start = || {
            let mut command = command(&[&file, &point]).into_inner();
            command.stdout(Stdio::null()).stderr(Stdio::null());
            command.spawn().unwrap()
        };
        let mut ends = [start(), start()].map(|mut command| command.wait().unwrap().code());
        ends.sort();
        assert_eq!(ends, [Some(0), Some(4)]);
        let mut mount = Mount::found(&dir, &point);
        let unmounted = command(&[Path::new("-u"), &point]).run();
        unmounted.succeeds_silently();
        assert_eq!(mount.ended(), ExitStatus::from_raw(0));
        // It stays if the one that made it was refused before the other could know.
        let _ = fs::remove_dir(&point);
    }
    let left = fs::read_dir(&locks).unwrap().flatten();
    let left: Vec<_> = left.map(|entry| entry.file_name()).collect();
    // On Linux all directories have their locks in one file.
    let expected: &[&str] = match cfg!(arrayfs_portable) {
        true => &[],
        false => &["arrayfs-65534.lock"],
    };
    assert_eq!(left, expected);
}

#[test]
fn who_may_write_a_file_without_owning_it_may_touch_it() {
    let Some(dir) = Dir::on_own_machine() else {
        return;
    };
    let file = dir.file("data.bin", [7; 100]);
    fs::set_permissions(&file, Permissions::from_mode(0o666)).unwrap();
    let options = &["--shape", "10,10"];
    let (mount, outcome) = Mount::start_as(&dir, NOBODY, &file, options);
    outcome.succeeds_silently();
    // As on the file itself.
    for path in [file.display().to_string(), "rows/3".into()] {
        shell(
            &mount,
            NOBODY,
            &format!("touch {path} && ! touch -d 2001-01-01 {path}"),
        );
    }
    mount.unmount();
}

#[test]
fn claim_51_who_may_write_a_file_without_owning_it_moves_its_mtime() {
    let Some(dir) = Dir::on_own_machine() else {
        return;
    };
    let file = dir.file("data.bin", [7; 100]);
    fs::set_permissions(&file, Permissions::from_mode(0o666)).unwrap();
    let options = &["--shape", "10,10"];
    let (mount, outcome) = Mount::start_as(&dir, NOBODY, &file, options);
    outcome.succeeds_silently();
    let long_ago = SystemTime::UNIX_EPOCH;
    for _ in 0..3 {
        let before = fs::metadata(dir.file("now", "")).unwrap();
        shell(&mount, NOBODY, "printf x >rows/3");
        let shown = file.metadata().unwrap().modified().unwrap();
        assert!(shown >= before.modified().unwrap(), "{shown:?}");
        // The page is dirty now, so the next store to it alone moves nothing.
        File::open(&file).unwrap().set_modified(long_ago).unwrap();
    }
    mount.unmount();
}

#[test]
fn a_dead_mount_of_a_user_is_named_and_removed_by_that_user() {
    let Some((dir, mut mount)) = mounted(&[]) else {
        return;
    };
    mount.signal(Signal::SIGKILL);
    assert_eq!(mount.died().signal(), Some(Signal::SIGKILL as i32));
    let (point, file) = (mount.point().display(), dir.join("data.bin"));
    let expected = format!(
        "arrayfs: {point}: is a dead mount, of {} (fuse.arrayfs): transport endpoint is not \
         connected\n  to remove it, type: arrayfs -u {point}\n",
        file.display()
    );
    let again = dir.command(INSTALLED, &[file.as_path(), mount.point()]);
    again.user(NOBODY).run().fails(4, &expected);
    mount.unmount_command().run().succeeds_silently();
    assert!(mounts_below(dir.path()).is_empty());
}

/// The names of all files with their bytes and the blocks that they take up.
fn files(directory: &Path) -> Vec<(PathBuf, u64, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let metadata = path.metadata().unwrap();
        if metadata.is_dir() {
            found.extend(files(&path));
        } else {
            let bytes = fs::read(&path).unwrap();
            found.push((path, metadata.blocks(), bytes));
        }
    }
    found.sort();
    found
}

/// Runs `arrayfs ARGUMENTS` as a user where it has to fail and change nothing.
#[track_caller]
fn is_refused(dir: &Dir, user: u32, arguments: &[&str], message: &str) {
    let before = files(dir.path());
    let expected = message.replace("DIR", dir.path().to_str().unwrap());
    for attachment in [&[][..], &["-f"]] {
        let command = dir.command(INSTALLED, arguments).args(attachment);
        command.user(user).run().fails(5, &expected);
        assert_eq!(files(dir.path()), before, "{arguments:?}");
    }
    assert!(mounts_below(dir.path()).is_empty());
}

#[test]
fn allow_other_by_a_user_needs_a_line_in_fuse_conf_and_the_error_says_which() {
    let Some(dir) = Dir::on_own_machine() else {
        return;
    };
    let file = dir.file_of(NOBODY, "data.bin", [7; 100]);
    dir.directory_of(NOBODY, "mnt");
    let message = "arrayfs: DIR/mnt: cannot be mounted: option allow_other only allowed if \
                   'user_allow_other' is set in /etc/fuse.conf\n  allow it to users with the line \
                   user_allow_other in /etc/fuse.conf\n";
    for item in ["allow_other", "allow_root"] {
        for arguments in [
            &["data.bin", "mnt", "-o", item][..],
            &["data.bin", "mnt", "--extend", "-o", item, "--shape", "500"],
            &[
                "data.bin", "mnt", "-o", item, "--shape", "5", "--mode", "w+",
            ],
        ] {
            is_refused(&dir, NOBODY, arguments, message);
        }
    }
    dir.machine()
        .write_fuse_conf("# users may\nuser_allow_other\n");
    for item in ["allow_other", "allow_root"] {
        let (mount, outcome) = Mount::start_as(&dir, NOBODY, &file, &["-o", item]);
        outcome.succeeds_silently();
        mount.unmount();
    }
}

#[test]
fn a_user_who_cannot_mount_is_told_why_and_nothing_has_changed() {
    let Some(dir) = Dir::on_own_machine() else {
        return;
    };
    dir.file_of(NOBODY, "data.bin", [7; 100]);
    dir.file_of(STRANGER, "strange.bin", [7; 100]);
    dir.directory_of(NOBODY, "home");
    dir.directory_of(NOBODY, "mnt");
    dir.directory_of(STRANGER, "strange");
    dir.directory("roots");
    let not_theirs = "arrayfs: DIR/roots: cannot be mounted: user has no write access to \
                      mountpoint DIR/roots\n";
    is_refused(&dir, NOBODY, &["data.bin", "roots"], not_theirs);
    is_refused(
        &dir,
        NOBODY,
        &["data.bin", "roots", "--extend", "--shape", "500"],
        not_theirs,
    );
    let new = ["home/new.bin", "roots", "--shape", "500", "--mode", "w+"];
    is_refused(&dir, NOBODY, &new, not_theirs);
    let nameless = "arrayfs: DIR/strange: cannot be mounted: could not determine username\n";
    is_refused(&dir, STRANGER, &["strange.bin", "strange"], nameless);
    dir.machine().set_fuse_bits(0o600);
    let closed = "arrayfs: DIR/mnt: cannot be mounted: permission denied\n  \
                  /dev/fuse must be open to this user (as root: chmod 666 /dev/fuse)\n";
    is_refused(&dir, NOBODY, &["data.bin", "mnt"], closed);
}

#[test]
fn growth_by_a_user_is_announced_and_the_file_stays_theirs() {
    let Some(dir) = Dir::on_own_machine() else {
        return;
    };
    let file = dir.file_of(NOBODY, "data.bin", [7; 100]);
    if !cfg!(arrayfs_portable) {
        let options = ["--extend", "--dtype", "u1", "--shape", "200"];
        let (mount, outcome) = Mount::start_as(&dir, NOBODY, &file, &options);
        assert_eq!(outcome.stderr, growth_notice(&file, "r+", 100, 200));
        mount.unmount();
    }
    let home = dir.directory_of(NOBODY, "home");
    let new = home.join("new.bin");
    let options = ["--mode", "w+", "--dtype", "u1", "--shape", "50"];
    let (mount, outcome) = Mount::start_as(&dir, NOBODY, &new, &options);
    assert_eq!(outcome.stderr, growth_notice(&new, "w+", 0, 50));
    mount.unmount();
    let made = new.metadata().unwrap();
    assert_eq!((made.len(), made.uid(), made.gid()), (50, NOBODY, NOBODY));
}
