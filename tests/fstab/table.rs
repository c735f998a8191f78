//! The mount table entry of an array: its type, its source for any file name, and its options.

use std::path::Path;

use crate::common::{Dir, Mount, TestCommand};
use crate::{NOBODY, field};

/// Names that stand in somebody's way: lists of options, fstab, the mount
/// table, shells.
const NAMES: [&str; 10] = [
    "plain.bin",
    "a,b,,c.bin",
    "blank s.bin",
    r"back\slash.bin",
    r"both\,of them\\.bin",
    "quoted'\"$x`.bin",
    "hash#.bin",
    "equals=ro,rw",
    "häß-lich.bin",
    r"last\",
];

/// What the portable twin, which asks the `mount` command, cannot be given.
const LINE_BREAKS: [&str; 2] = ["tab\t.bin", "line\nbreak.bin"];

fn names() -> impl Iterator<Item = &'static str> {
    let more = if cfg!(arrayfs_portable) {
        &[][..]
    } else {
        &LINE_BREAKS
    };
    NAMES.into_iter().chain(more.iter().copied())
}

/// One column of `findmnt` for a mount point.
fn shown(dir: &Dir, point: &Path, column: &str) -> String {
    let arguments = ["--json", "--output", column, "--mountpoint"];
    let printed = dir.command("findmnt", &arguments).args(&[point]).run();
    let table: serde_json::Value = serde_json::from_str(&printed.succeeds()).unwrap();
    let value = &table["filesystems"][0][column.to_lowercase()];
    value.as_str().unwrap().to_owned()
}

#[track_caller]
fn shows(dir: &Dir, mount: &Mount, file: &Path) {
    assert_eq!(shown(dir, mount.point(), "FSTYPE"), "fuse.arrayfs");
    assert_eq!(shown(dir, mount.point(), "SOURCE"), file.to_str().unwrap());
}

#[test]
fn the_source_is_the_absolute_file_whatever_its_name_and_whoever_mounts() {
    let Some(dir) = Dir::on_own_machine() else {
        return;
    };
    for name in names() {
        let file = dir.file_of(NOBODY, name, [7; 100]);
        let by_root = dir.mount(&file, &[]);
        shows(&dir, &by_root, &file);
        by_root.unmount();
        let (by_user, outcome) = Mount::start_as(&dir, NOBODY, &file, &[]);
        outcome.succeeds_silently();
        shows(&dir, &by_user, &file);
        by_user.unmount();
    }
}

#[test]
fn mount_and_fstab_pass_on_any_name_and_know_it_again() {
    let Some(dir) = Dir::on_own_machine() else {
        return;
    };
    let point = dir.directory("mnt");
    let mount = |words: &[&str]| dir.command("mount", words).run().succeeds_silently();
    for name in names() {
        let file = dir.file(name, [7; 100]);
        mount(&["-t", "fuse.arrayfs", name, "mnt", "-o", "log-file=mnt.log"]);
        let by_type = Mount::found(&dir, &point);
        shows(&dir, &by_type, &file);
        by_type.unmount();

        let log = dir.join("mnt.log");
        dir.machine().write_fstab(&format!(
            "{} {} fuse.arrayfs ro,log-file={} 0 0\n",
            field(&file),
            field(&point),
            log.display()
        ));
        mount(&["mnt"]);
        let by_line = Mount::found(&dir, &point);
        shows(&dir, &by_line, &file);
        mount(&["-a"]);
        by_line.unmount();
    }
}

#[test]
fn the_source_is_found_from_a_relative_path_and_through_links() {
    let Some(dir) = Dir::on_own_machine() else {
        return;
    };
    let file = dir.file("data.bin", [7; 100]);
    std::os::unix::fs::symlink("data.bin", dir.join("link")).unwrap();
    let point = dir.directory("mnt");
    for name in ["data.bin", "./data.bin", "mnt/../data.bin", "link"] {
        let command = dir.arrayfs(&[name, "--log-file", "mnt.log"]);
        command.args(&[&point]).run().succeeds_silently();
        let mount = Mount::found(&dir, &point);
        shows(&dir, &mount, &file);
        mount.unmount();
    }
}

#[test]
fn options_are_shown_as_the_kernel_has_them() {
    let Some(dir) = Dir::on_own_machine() else {
        return;
    };
    let file = dir.file_of(NOBODY, "data.bin", [7; 100]);
    for (options, with, without) in [
        (
            &[][..],
            &["rw", "default_permissions"][..],
            &["ro", "allow_other", "noexec"][..],
        ),
        (&["-o", "ro"], &["ro"], &["rw"]),
        (&["--mode", "r"], &["ro"], &["rw"]),
        (&["--mode", "c"], &["rw"], &["ro"]),
        (&["--mode", "c", "-o", "ro"], &["ro"], &["rw"]),
        (
            &["-o", "noexec,noatime"],
            &["noexec", "noatime", "rw"],
            &["relatime"],
        ),
        (
            &["-o", "noexec,exec,atime"],
            &["rw"],
            &["noexec", "noatime"],
        ),
        (&["-o", "sync,dirsync"], &["sync", "dirsync"], &[]),
        (
            &["-o", "dev,suid,uid=1,umask=077"],
            &["rw"],
            &["dev", "suid", "uid=1", "umask=077"],
        ),
    ] {
        for user in [None, Some(NOBODY)] {
            let mount = match user {
                None => dir.mount(&file, options),
                Some(user) => {
                    let (mount, outcome) = Mount::start_as(&dir, user, &file, options);
                    outcome.succeeds_silently();
                    mount
                }
            };
            let shown = shown(&dir, mount.point(), "OPTIONS");
            let words: Vec<&str> = shown.split(',').collect();
            let owner = format!("user_id={}", user.unwrap_or(0));
            // Whatever was asked for, files on it are neither devices nor set-user-id.
            for expected in [with, &["nosuid", "nodev", &owner]].concat() {
                assert!(words.contains(&expected), "{options:?}, {user:?}: {shown}");
            }
            for unexpected in without {
                assert!(
                    !words.contains(unexpected),
                    "{options:?}, {user:?}: {shown}"
                );
            }
            mount.unmount();
        }
    }
    let mount = dir.mount(&file, &["-o", "allow_other"]);
    assert!(shown(&dir, mount.point(), "OPTIONS").contains(",allow_other"));
    mount.unmount();
}

#[test]
fn df_and_mountpoint_know_the_mount() {
    let Some(dir) = Dir::on_own_machine() else {
        return;
    };
    let file = dir.file("data.bin", [7; 100]);
    let mount = dir.mount(&file, &[]);
    let command = |program: &str, words: &[&str]| {
        let command = TestCommand::new(program, dir.path()).args(words);
        command.args(&[mount.point()]).run().succeeds()
    };
    command("mountpoint", &["-q"]);
    let printed = command("df", &["--output=source,fstype,pcent,target"]);
    let row: Vec<&str> = printed.lines().nth(1).unwrap().split_whitespace().collect();
    let point = mount.point().to_str().unwrap();
    let file = file.to_str().unwrap();
    assert_eq!(row, [file, "fuse.arrayfs", "100%", point]);
    mount.unmount();
}
