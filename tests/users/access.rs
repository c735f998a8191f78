//! Access to a mount: for the user who mounted it; with `allow_root`, also for root; with
//! `allow_other`, for everyone.

use std::fs;
use std::io::ErrorKind;

use crate::common::{Dir, Mount, TestCommand};
use crate::{DAEMON, NOBODY, STRANGER};

/// What a user can do in a mount: look at it, list it, read and write a file of it.
fn deeds(mount: &Mount, user: u32) -> [bool; 4] {
    let point = mount.point().display();
    [
        format!("stat {point}"),
        format!("ls {point}/rows"),
        format!("cat {point}/rows/3"),
        format!("echo >{point}/rows/3"),
    ]
    .map(|line| {
        let command = TestCommand::new("sh", mount.point().parent().unwrap());
        let command = command.env("LC_ALL", "C").args(&["-c", &line]).user(user);
        let outcome = command.run();
        let denied = outcome.stderr.contains("Permission denied");
        assert!(outcome.status.success() != denied, "{outcome}");
        !denied
    })
}

const EVERYTHING: [bool; 4] = [true; 4];
const NOTHING: [bool; 4] = [false; 4];

#[test]
fn without_allow_other_nobody_else_is_let_in_not_even_root() {
    let Some(dir) = Dir::on_own_machine() else {
        return;
    };
    let file = dir.file_of(NOBODY, "data.bin", [7; 100]);
    let everyone = std::os::unix::fs::PermissionsExt::from_mode(0o666);
    fs::set_permissions(&file, everyone).unwrap();
    let shape = ["--shape", "10,10"];

    let (mount, outcome) = Mount::start_as(&dir, NOBODY, &file, &shape);
    outcome.succeeds_silently();
    assert_eq!(deeds(&mount, NOBODY), EVERYTHING);
    for user in [0, DAEMON, STRANGER] {
        assert_eq!(deeds(&mount, user), NOTHING, "user {user}");
    }
    let error = fs::metadata(mount.join("data")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    mount.unmount();

    let mount = dir.mount(&file, &shape);
    assert_eq!(deeds(&mount, 0), EVERYTHING);
    for user in [NOBODY, STRANGER] {
        assert_eq!(deeds(&mount, user), NOTHING, "user {user}");
    }
    mount.unmount();
}

#[test]
fn allow_root_lets_in_root_and_the_user_who_mounts_and_allow_other_everyone() {
    let Some(dir) = Dir::on_own_machine() else {
        return;
    };
    dir.machine().write_fuse_conf("user_allow_other\n");
    let file = dir.file_of(NOBODY, "data.bin", [7; 100]);
    let everyone = std::os::unix::fs::PermissionsExt::from_mode(0o666);
    fs::set_permissions(&file, everyone).unwrap();
    for (option, strangers) in [("allow_root", false), ("allow_other", true)] {
        let options = ["--shape", "10,10", "-o", option];
        let (mount, outcome) = Mount::start_as(&dir, NOBODY, &file, &options);
        outcome.succeeds_silently();
        for user in [NOBODY, 0] {
            assert_eq!(deeds(&mount, user), EVERYTHING, "{option}, user {user}");
        }
        // Names and attributes that the kernel has just been told it can show
        // to others, but it opens nothing for them.
        for user in [DAEMON, STRANGER] {
            let [_, rest @ ..] = deeds(&mount, user);
            assert_eq!(rest, [strangers; 3], "{option}, user {user}");
        }
        mount.unmount();
    }
}
