//! Access control lists. A mount grants no access that the ACL of the backing file denies. The
//! reference is the access of the same user to the file itself.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;

use crate::bits::{USERS, allowed};
use crate::common::{Dir, Mount, wait_until};
use crate::{GROUP, NOBODY};

/// Users whom lists name, as user 1 or by group 4444, beside those of [`USERS`]: the file
/// belongs to user 65534 and group 4343.
const NAMED: [(&str, &[&str]); 4] = [
    (
        "the named user",
        &["--reuid=1", "--regid=1", "--clear-groups"],
    ),
    (
        "the named user in the group",
        &["--reuid=1", "--regid=1", "--groups=4343"],
    ),
    (
        "a member of the named group",
        &["--reuid=4242", "--regid=4444", "--clear-groups"],
    ),
    (
        "a member of both groups",
        &["--reuid=4242", "--regid=4343", "--groups=4444"],
    ),
];

/// Lists, each with the bits that a mount shows of them.
const LISTS: [(&str, u32); 15] = [
    ("u::rw,g::r,o::-", 0o640),
    ("u::rw,g::-,u:1:rw,m::rw,o::-", 0o600),
    ("u::rw,g::-,u:1:rw,m::rw,o::r", 0o604),
    ("u::rw,g::rw,u:1:r,m::rw,o::-", 0o640),
    ("u::rw,g::rw,u:1:-,m::rw,o::rw", 0o600),
    ("u::rw,g::rw,u:1:w,m::rw,o::r", 0o620),
    ("u::rw,g::rw,m::r,o::r", 0o644),
    ("u::rw,g::rw,m::r,o::rw", 0o644),
    ("u::rw,g::r,g:4444:rw,m::rw,o::-", 0o640),
    ("u::rw,g::rw,g:4444:-,m::rw,o::rw", 0o600),
    ("u::rw,g::rw,u:1:rw,g:4444:r,m::rw,o::rw", 0o644),
    ("u::rw,g::rw,u:1:rw,g:4444:rw,m::rw,o::rw", 0o666),
    ("u::rw,g::rw,u:1:rw,m::r,o::rw", 0o644),
    ("u::r,g::rw,u:1:rw,m::rw,o::-", 0o460),
    ("u::-,g::r,u:1:rw,m::rw,o::r", 0o044),
];

/// A file of the owner and the group of the tests.
fn file(dir: &Dir) -> std::path::PathBuf {
    let file = dir.file("data.bin", [7; 100]);
    chown(&file, Some(NOBODY), Some(GROUP)).unwrap();
    file
}

/// Sets the list of a file.
fn set(dir: &Dir, list: &str, file: &Path) {
    let setfacl = dir.command("setfacl", &["--set", list]);
    setfacl.args(&[file]).run().succeeds_silently();
}

fn bits(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

/// Views that show the bits of the file.
const VIEWS: [&str; 5] = ["data", "rows/3", "T/rows/3", "npy/data.npy", "slices/::2"];

/// Checks that no user can do more with a view of `mount` than with `judge`, and that
/// the owner and root can do as much.
fn nobody_may_do_more(dir: &Dir, mount: &Mount, judge: &Path, about: &str) {
    let views = VIEWS.map(|view| mount.join(view));
    for (name, user) in USERS.into_iter().chain(NAMED) {
        let most = allowed(dir, user, &[judge.to_owned()]).remove(0);
        for letters in allowed(dir, user, &views) {
            let more = letters.chars().any(|can| can != '-' && !most.contains(can));
            assert!(
                !more,
                "{about}: {name} can {letters}, and {most} on the file"
            );
            if name == "root" || name.starts_with("the owner") {
                assert_eq!(letters, most, "{about}: {name}");
            }
        }
        let most = most.replace('w', "-");
        for letters in allowed(dir, user, &[mount.join("csv/data.csv")]) {
            assert!(
                letters == most || letters == "--",
                "{about}: {name}: {letters}"
            );
        }
    }
}

#[test]
#[cfg_attr(arrayfs_portable, ignore = "lists are not looked at portably")]
fn claim_52_nobody_may_do_more_than_the_files_access_control_list_lets_them() {
    let Some(dir) = Dir::on_own_machine() else {
        return;
    };
    let file = file(&dir);
    for (list, expected) in LISTS {
        set(&dir, list, &file);
        let mount = dir.mount(&file, &["--shape", "10,10", "-o", "allow_other"]);
        assert_eq!(bits(&mount.join("rows/3")), expected, "{list}");
        nobody_may_do_more(&dir, &mount, &file, list);
        mount.unmount();
    }
}

#[test]
#[cfg_attr(arrayfs_portable, ignore = "lists are not looked at portably")]
fn claim_52_a_list_that_changes_is_followed_like_the_bits() {
    let Some(dir) = Dir::on_own_machine() else {
        return;
    };
    let file = file(&dir);
    let mount = dir.mount(&file, &["--shape", "10,10", "-o", "allow_other"]);
    let shown = |expected: u32, about: &str| {
        // The kernel may keep the attributes of each for a second.
        let views = VIEWS.map(|view| (view, expected));
        for (view, expected) in views
            .into_iter()
            .chain([("csv/data.csv", expected & 0o444)])
        {
            wait_until(about, || bits(&mount.join(view)) == expected);
        }
        nobody_may_do_more(&dir, &mount, &file, about);
    };
    for (list, expected) in LISTS.into_iter().rev().take(4) {
        set(&dir, list, &file);
        shown(expected, list);
    }
    set(&dir, "u::rw,g::-,u:1:rw,m::rw,o::-", &file);
    shown(0o600, "a list");
    // Without the list the group's bits are the mask's no longer.
    dir.command("setfacl", &["-b"])
        .args(&[&file])
        .run()
        .succeeds_silently();
    shown(0o600, "the list is gone");
    dir.command("chmod", &["664"])
        .args(&[&file])
        .run()
        .succeeds_silently();
    shown(0o664, "bits alone");
    // This changes the mask.
    set(&dir, "u::rw,g::rw,u:1:rw,m::rw,o::-", &file);
    shown(0o660, "a list with a mask");
    dir.command("chmod", &["640"])
        .args(&[&file])
        .run()
        .succeeds_silently();
    shown(0o640, "another mask");
    mount.unmount();
}

#[test]
#[cfg_attr(arrayfs_portable, ignore = "lists are not looked at portably")]
fn claim_52_options_replace_what_the_list_leaves() {
    let Some(dir) = Dir::on_own_machine() else {
        return;
    };
    let file = file(&dir);
    set(&dir, "u::rw,g::-,u:1:rw,m::rw,o::-", &file);
    for (options, expected) in [
        ("ro", 0o400),
        ("umask=007", 0o660),
        ("umask=027,ro", 0o440),
        ("uid=1", 0o600),
    ] {
        let options = format!("allow_other,{options}");
        let mount = dir.mount(&file, &["--shape", "10,10", "-o", &options]);
        assert_eq!(bits(&mount.join("rows/3")), expected, "{options}");
        mount.unmount();
    }
}
