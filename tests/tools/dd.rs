//! `dd` with unusual block sizes, at arbitrary offsets.

use crate::case::{Case, fails, works};
use crate::table::behave;

#[rustfmt::skip]
pub fn cases() -> Vec<Case> {
    let mut cases = vec![
        works("dd", "dd if=m/data bs=50 skip=1 count=1 status=none | dd of=m/cols/3 bs=1 seek=1 count=4 conv=notrunc status=none").changes(&["cols/3"]),
        works("dd", "dd if=m/rows/3 of=m/rows/4 iflag=direct oflag=direct conv=fsync status=none").changes(&["rows/4"]),
        works("dd", "dd if=new of=m/rows/3 bs=1M status=none").changes(&["rows/3"]),
        works("dd", "dd if=shorter of=m/rows/3 bs=5 status=none").changes(&["rows/3"]),
        fails("dd", "dd if=/dev/zero of=m/rows/3 bs=7 count=4 status=none", 1, "File too large").changes(&["rows/3"]),
        fails("dd", "dd if=/dev/zero of=m/cols/3 bs=4 seek=2 count=1 conv=notrunc status=none", 1, "File too large"),
        fails("dd", "dd if=new of=m/rows/3 oflag=append conv=notrunc status=none", 1, "File too large"),
        fails("dd", "dd if=new of=m/rows/6 status=none", 1, "Operation not permitted"),
        works("dd seek= without conv=notrunc", "dd if=new of=m/rows/3 bs=7 seek=2 count=1 status=none").complains("failed to truncate to 14 bytes in output file 'm/rows/3': Operation not permitted").changes(&["rows/3"]),
        works("dd seek= without conv=notrunc", "dd if=new of=m/cols/3 bs=1 seek=3 count=2 status=none").complains("Operation not permitted").changes(&["cols/3"]),
    ];
    for view in ["rows/3", "cols/3", "T/data"] {
        for piece in ["bs=1", "bs=5", "bs=7 skip=1", "ibs=5 obs=3", "bs=3 skip=1 count=1", "bs=1M iflag=skip_bytes,count_bytes skip=1 count=4"] {
            cases.push(works("dd", format!("dd if=m/{view} {piece} status=none")));
        }
    }
    for piece in ["bs=1 count=6", "bs=5 skip=1 count=1", "bs=2 skip=2 seek=1 count=2", "ibs=3 obs=5 count=2", "bs=1M count=3 iflag=count_bytes oflag=seek_bytes seek=3"] {
        cases.push(works("dd", format!("dd if=new of=m/rows/3 {piece} conv=notrunc status=none")).changes(&["rows/3"]));
        cases.push(works("dd", format!("dd if=new of=m/cols/3 {piece} conv=notrunc status=none")).changes(&["cols/3"]));
        cases.push(works("dd", format!("dd if=new of=m/T/data {piece} conv=notrunc status=none")).changes(&["T/data"]));
    }
    cases
}

#[test]
fn dd_reads_and_writes_pieces() {
    behave("text", &cases());
}
