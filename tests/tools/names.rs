//! Tools that create, remove or rename files, or change attributes. Names, owner and permissions
//! are fixed.

use crate::case::{Case, fails, works};
use crate::table::behave;

#[rustfmt::skip]
pub fn cases() -> Vec<Case> {
    let refused = |row, command: &str| fails(row, command, 1, "Operation not permitted");
    vec![
        works("touch", "touch -d @1600000000 m/rows/3 && stat -c %Y m/rows/3; touch -c m/rows/6"),
        works("touch", "touch -d @1600000000 m/rows/3 && stat -c %Y m/data m/cols/2").prints("1600000000\n1600000000\n"),
        refused("touch", "touch m/rows/6"),
        works("touch", "touch m/rows/new && stat -c %s m/rows/new && ls m/rows && rm m/rows/new").prints("0\n0\n1\n2\n3\n4\n5\n"),
        refused("ln", "ln m/rows/3 m/rows/x"),
        refused("ln", "ln -s 3 m/rows/x"),
        fails("ln", "ln m/rows/3 x", 1, "Invalid cross-device link"),
        fails("ln", "cp -l m/rows/3 x", 1, "Invalid cross-device link"),
        works("ln -s, from outside", "ln -s m/rows/3 x && cat x && cp new x").changes(&["rows/3"]),
        works("chmod", "chmod 644 m/rows/3 && chmod -R u+rwX,g-w m/rows m/data"),
        refused("chmod", "chmod 600 m/rows/3"),
        refused("chmod", "chmod u+s m/rows/3"),
        works("chown", "chown $(id -u):$(id -g) m/rows/3 && chgrp -R $(id -g) m"),
        works("chmod", "chmod 600 m/rows/3 && chmod -R u+s m/rows && stat -c %a m/rows/3").mounted_with(&["-o", "quiet"]).prints("644\n"),
        works("chown", "chown 12345 m/rows/3 && test $(stat -c %u m/rows/3) = $(id -u)").mounted_with(&["-o", "quiet"]),
        refused("chown", "chown 12345 m/rows/3"),
        refused("rm, rmdir", "rm m/rows/3"),
        refused("rm, rmdir", "rm -rf m"),
        refused("rm, rmdir", "rmdir m/rows"),
        refused("mkdir, mknod", "mkdir m/x"),
        refused("mkdir, mknod", "mknod m/x p"),
        works("mktemp", "rm $(mktemp -p m) $(mktemp m/rows/XXXXXX) && ls -A m/rows"),
        refused("mktemp", "mktemp -d -p m"),
    ]
}

#[test]
fn names_owners_and_permissions_are_fixed() {
    behave("text", &cases());
}
