//! Arrays with the greatest number of axes, and with none.

use crate::case::{Case, fails, works};
use crate::table::behave;

/// All names, and the contents of all files.
const TREE: &str = "find m | sort; find m -type f | sort | xargs md5sum";

#[rustfmt::skip]
pub fn cases_of_axes() -> Vec<Case> {
    vec![
        works("find", TREE),
        works("cp", "cp m/axes/63/0 x && cp x m/axes/31/1").changes(&["axes/31/1"]),
        works("dd", "dd if=m/axes/1/2 of=m/T/cols/0 bs=5 seek=1 count=1 conv=notrunc status=none").changes(&["T/cols/0"]),
        fails("cat", "cat m/axes/64/0", 1, "No such file or directory"),
    ]
}

#[rustfmt::skip]
pub fn cases_of_point() -> Vec<Case> {
    vec![
        works("find", TREE),
        works("od, hexdump", "od -t f8 m/data"),
        works("cp", "head -c 8 new > x && cp x m/data").changes(&["data"]),
        works("dd", "dd if=new of=m/data bs=1 seek=3 count=2 conv=notrunc status=none").changes(&["data"]),
        fails(">> file", "cat new >> m/data", 1, "File too large"),
    ]
}

#[test]
fn arrays_of_64_axes_are_like_others() {
    behave("axes", &cases_of_axes());
}

#[test]
fn arrays_without_axes_are_like_others() {
    behave("point", &cases_of_point());
}
