//! Permission bits, taken from the backing file or from `uid=`, `gid=` and `umask=`, and
//! enforced by the kernel. The reference is a plain file of the same owner, group and mode.

use std::fs::{self, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use crate::common::{Dir, Mount, wait_until};
use crate::{DAEMON, GROUP, NOBODY, STRANGER};

/// Users as `setpriv` makes them: by number, with a group and further groups.
pub(crate) const USERS: [(&str, &[&str]); 6] = [
    ("root", &["--clear-groups"]),
    (
        "the owner",
        &["--reuid=65534", "--regid=65534", "--clear-groups"],
    ),
    (
        "the owner in the group",
        &["--reuid=65534", "--regid=4343", "--clear-groups"],
    ),
    (
        "a user of the group",
        &["--reuid=4242", "--regid=4343", "--clear-groups"],
    ),
    (
        "a further member",
        &["--reuid=4242", "--regid=4242", "--groups=1,4343"],
    ),
    (
        "anyone",
        &["--reuid=4242", "--regid=4242", "--clear-groups"],
    ),
];

/// Whether a user can open each file for reading and for writing, as `rw`.
pub(crate) fn allowed(dir: &Dir, user: &[&str], paths: &[PathBuf]) -> Vec<String> {
    let script = r#"
        for path; do
            letters=
            if (exec 3<"$path") 2>/dev/null; then letters=r; else letters=-; fi
            if (exec 3>>"$path") 2>/dev/null; then letters=${letters}w; else letters=$letters-; fi
            echo $letters
        done
    "#;
    let command = dir.command("setpriv", user);
    let command = command.args(&["sh", "-c", script, "sh"]).args(paths);
    let printed = command.run().succeeds();
    printed.lines().map(str::to_owned).collect()
}

/// Makes a file belong to the owner and the group of the tests, with these bits.
fn give(file: &Path, bits: u32) {
    chown(file, Some(NOBODY), Some(GROUP)).unwrap();
    fs::set_permissions(file, Permissions::from_mode(bits)).unwrap();
}

/// Checks that each user can do with each view of `mount` what the kernel lets
/// that user do with the plain file `judge`.
fn as_the_judge_says(dir: &Dir, mount: &Mount, judge: &Path, about: &str) {
    let views = ["data", "rows/3", "cols/3", "axes/1/3", "T/rows/3"];
    let views: Vec<PathBuf> = views.iter().map(|view| mount.join(view)).collect();
    for (name, user) in USERS {
        let expected = allowed(dir, user, &[judge.to_owned()]).remove(0);
        let found = allowed(dir, user, &views);
        assert!(
            found.iter().all(|letters| *letters == expected),
            "{about}, {name}: expected {expected}, got {found:?}"
        );
    }
}

#[test]
fn everyone_is_held_to_the_bits_as_on_the_backing_file_itself() {
    let Some(dir) = Dir::on_own_machine() else {
        return;
    };
    let file = dir.file("data.bin", [7; 100]);
    for bits in [0o600, 0o640, 0o660, 0o604, 0o646, 0o064, 0o400, 0o666, 0] {
        give(&file, bits);
        let mount = dir.mount(&file, &["--shape", "10,10", "-o", "allow_other"]);
        as_the_judge_says(&dir, &mount, &file, &format!("{bits:o}"));
        mount.unmount();
    }
}

#[test]
fn whoever_mounts_others_are_held_to_the_bits() {
    let Some(dir) = Dir::on_own_machine() else {
        return;
    };
    dir.machine().write_fuse_conf("user_allow_other\n");
    let file = dir.file("data.bin", [7; 100]);
    give(&file, 0o640);
    let options = ["--shape", "10,10", "-o", "allow_other"];
    let (mount, outcome) = Mount::start_as(&dir, NOBODY, &file, &options);
    outcome.succeeds_silently();
    as_the_judge_says(&dir, &mount, &file, "mounted by its owner");
    mount.unmount();
}

#[test]
fn uid_gid_and_umask_are_shown_and_enforced() {
    let Some(dir) = Dir::on_own_machine() else {
        return;
    };
    let file = dir.file("data.bin", [7; 100]);
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    let judge = dir.file("judge", "");
    for (umask, bits) in [("027", 0o640), ("0", 0o666), ("077", 0o600), ("777", 0)] {
        give(&judge, bits);
        let items = format!("allow_other,uid={NOBODY},gid={GROUP},umask={umask}");
        let mount = dir.mount(&file, &["--shape", "10,10", "-o", &items]);
        for (path, expected) in [
            ("data", bits),
            ("rows/3", bits),
            ("T/cols/3", bits),
            ("meta.json", bits & 0o444),
            ("", bits | (bits & 0o444) >> 2),
            ("rows", bits | (bits & 0o444) >> 2),
        ] {
            let found = mount.join(path).metadata().unwrap();
            let shown = (found.uid(), found.gid(), found.mode() & 0o7777);
            assert_eq!(shown, (NOBODY, GROUP, expected), "{umask}: {path}");
        }
        as_the_judge_says(&dir, &mount, &judge, umask);
        mount.unmount();
    }
}

#[test]
fn uid_of_another_binds_also_the_user_who_mounts() {
    let Some(dir) = Dir::on_own_machine() else {
        return;
    };
    let file = dir.file_of(NOBODY, "data.bin", [7; 100]);
    let items = ["--shape", "10,10", "-o", "uid=1,gid=1,umask=022"];
    let (mount, outcome) = Mount::start_as(&dir, NOBODY, &file, &items);
    outcome.succeeds_silently();
    let owner = USERS[1].1;
    assert_eq!(allowed(&dir, owner, &[mount.join("data")]), ["r-"]);
    let shown = dir.command("stat", &["-c", "%u %g %a"]);
    let shown = shown.args(&[mount.join("data")]).user(NOBODY).run();
    assert_eq!(shown.succeeds(), format!("{DAEMON} {DAEMON} 644\n"));
    mount.unmount();
}

#[test]
fn what_describes_the_array_is_written_by_nobody() {
    let Some(dir) = Dir::on_own_machine() else {
        return;
    };
    let file = dir.file("data.bin", [7; 100]);
    give(&file, 0o666);
    let mount = dir.mount(&file, &["-o", "allow_other"]);
    for (name, user) in USERS {
        let found = allowed(&dir, user, &[mount.join("meta.json")]);
        assert_eq!(found, ["r-"], "{name}");
    }
    mount.unmount();
}

#[test]
fn no_file_is_shown_or_run_as_set_user_id() {
    let Some(dir) = Dir::on_own_machine() else {
        return;
    };
    let program = dir.join("id");
    fs::copy("/usr/bin/id", &program).unwrap();
    for bits in [0o6755, 0o4755, 0o2755, 0o1755] {
        fs::set_permissions(&program, Permissions::from_mode(bits)).unwrap();
        // A file that can be written cannot be run.
        let mount = dir.mount(
            &program,
            &["--format", "raw", "--mode", "r", "-o", "allow_other"],
        );
        for (path, expected) in [("data", 0o555), ("rows/0", 0o555), ("", 0o555)] {
            let found = mount.join(path).metadata().unwrap().mode() & 0o7777;
            assert_eq!(found, expected, "{bits:o}: {path}");
        }
        let run = |program: &Path| {
            let command = dir.command(program.to_str().unwrap(), &["-u"]);
            command.user(STRANGER).run().succeeds()
        };
        let itself = if bits & 0o4000 == 0 { STRANGER } else { 0 };
        assert_eq!(run(&program), format!("{itself}\n"), "{bits:o}");
        assert_eq!(
            run(&mount.join("data")),
            format!("{STRANGER}\n"),
            "{bits:o}"
        );
        mount.unmount();
    }
    let mount = dir.mount(&program, &["--format", "raw", "-o", "allow_other"]);
    let bits = Permissions::from_mode(0o4755);
    let refused = fs::set_permissions(mount.join("data"), bits);
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::PermissionDenied);
    fs::set_permissions(&program, Permissions::from_mode(0o4711)).unwrap();
    let shown = || mount.join("data").metadata().unwrap().mode() & 0o7777;
    wait_until("the file's new bits are shown", || shown() == 0o711);
    mount.unmount();
}

#[test]
fn claim_52_what_a_user_writes_takes_the_set_user_id_bits_away() {
    let Some(dir) = Dir::for_root() else { return };
    let user = ["--reuid=4242", "--regid=4242", "--clear-groups"];
    for options in [&[][..], &["--passthrough", "rw"]] {
        let file = dir.file("data.bin", [7; 100]);
        let mut all = vec!["--shape", "10,10", "-o", "allow_other"];
        all.extend(options);
        give(&file, 0o6777);
        let mount = dir.mount(&file, &all);
        for view in ["rows/3", "data"] {
            give(&file, 0o6777);
            let script = "printf hello >\"$1\"";
            let write = |path: PathBuf| {
                let command = dir.command("setpriv", &user);
                let command = command.args(&["sh", "-c", script, "sh"]).args(&[path]);
                command.run().succeeds_silently();
                fs::metadata(&file).unwrap().mode() & 0o7777
            };
            let through = write(mount.join(view));
            give(&file, 0o6777);
            let below = write(file.clone());
            assert_eq!(
                format!("{through:o}"),
                format!("{below:o}"),
                "{view} {options:?}"
            );
            fs::write(&file, [7; 100]).unwrap();
        }
        mount.unmount();
    }
}
