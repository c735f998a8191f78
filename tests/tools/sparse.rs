//! Copies of sparse files by tools that skip holes and zeros. They are exact, except for one
//! known case.

use crate::case::{Case, works};
use crate::table::behave;

/// Files to copy: the first, the middle or the last third of them, the whole
/// or nothing is a hole.
const SOURCES: [&str; 5] = [
    "hole-first",
    "hole-middle",
    "hole-last",
    "hole-only",
    "no-hole",
];

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for source in SOURCES {
        let copied = |row, command: &str| {
            let command = command.replace("SOURCE", source);
            works(row, command + " && md5sum m/rows/1").changes(&["rows/1"])
        };
        cases.extend([
            copied("cp", "cp SOURCE m/rows/1"),
            copied("cp --sparse=always", "cp --sparse=always SOURCE m/rows/1"),
            copied(
                "rsync --inplace",
                "rsync --inplace --sparse SOURCE m/rows/1",
            ),
            copied(
                "tar x --overwrite",
                "mv SOURCE 1 && tar -cS 1 | tar -x --overwrite -C m/rows",
            ),
        ]);
        if !["hole-last", "hole-only"].contains(&source) {
            cases.push(copied(
                "dd conv=sparse",
                "dd if=SOURCE of=m/rows/1 bs=4k conv=sparse status=none",
            ));
        }
    }
    let grown = "truncate -s 600000 SOURCE && cp SOURCE m/VIEW && md5sum m/VIEW";
    for (view, changes) in [("data", &["data"]), ("T/data", &["T/data"])] {
        let command = grown.replace("VIEW", view).replace("SOURCE", "hole-middle");
        cases.push(works("cp", command).changes(changes));
    }
    cases.push(works("h5py", HDF5).changes(&["T/data"]));
    let untouched = "dd if=hole-only of=m/rows/1 bs=4k conv=sparse status=none";
    cases.push(works("dd conv=sparse", untouched));
    cases
}

/// Puts an HDF5 file into a view in one piece, and changes an element of it there.
const HDF5: &str = "python3 -c 'import h5py, numpy; h5py.File(\"h\", \"w\")[\"a\"] = numpy.zeros(597_952, \"u1\")' &&
    dd if=h of=m/T/data conv=notrunc status=none &&
    python3 -c 'import h5py; a = h5py.File(\"m/T/data\", \"r+\")[\"a\"]; a[0] = 7; print(a[:3])'";

#[test]
fn copies_of_files_with_holes_are_exact() {
    behave("numbers", &cases());
}
