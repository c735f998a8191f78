//! Tools that write to existing files: redirection, `dd`, `cp`, and tools that write in place.

use crate::case::{Case, fails, works};
use crate::common::python::path_of;
use crate::table::behave;

#[rustfmt::skip]
pub fn cases() -> Vec<Case> {
    vec![
        works("> file", "cat new > m/rows/3").changes(&["rows/3"]),
        works("> file", "head -c 6 new > m/cols/3").changes(&["cols/3"]),
        works("> file", "cat shorter > m/cols/3; : > m/cols/4").changes(&["cols/3"]),
        fails("> file", "cat longer > m/rows/3", 1, "File too large").changes(&["rows/3"]),
        fails("> file", "echo > m/rows/6", 2, "Operation not permitted"),
        fails("> file", "echo > m/meta.json", 2, "Permission denied"),
        fails("> file", "cat new > m/rows/3", 2, "Read-only file system").mounted_with(&["-o", "ro"]),
        works("1<> file", "printf 0123 1<> m/rows/3; printf 0123 1<> m/cols/9").changes(&["rows/3", "cols/9"]),
        fails(">> file", "cat new >> m/rows/3", 1, "File too large"),
        works("tee", "tee m/rows/3 m/T/rows/4 < shorter").changes(&["rows/3", "T/rows/4"]),
        fails("tee", "tee m/rows/3 < longer", 1, "File too large").changes(&["rows/3"]),
        fails("tee -a", "tee -a m/rows/3 < shorter", 1, "File too large"),
        works("sed", "sed s/sit/SIT/ m/rows/3 > edited && cp edited m/rows/3").changes(&["rows/3"]),
        works("sed -i", "sed -i s/sit/SIT/ m/rows/3 && ls -A m/rows").changes(&["rows/3"]),
        works("sed -i", "sed -i s/0/9/ m/data").changes(&["data"]),
        fails("sed -i", "sed -i s/sit/SITTING/ m/rows/3", 4, "Invalid argument"),
        fails("sed -i", "sed -i.old s/sit/SIT/ m/rows/3", 4, "Operation not permitted"),
        works("vim", "vim.tiny -es -u NONE -i NONE -c '%s/sit/SIT/' -c wq m/rows/3 && ls m/rows").changes(&["rows/3"]),
        works("vim", "vim.tiny -es -u NONE -i NONE -c 1d -c wq m/data").changes(&["data"]),
        works("vim", "vim.tiny -es -b -u NONE -i NONE -c '%s/0/9/' -c wq m/cols/0").changes(&["cols/0"]),
        fails("vim", "vim.tiny -es -V1 -u NONE -i NONE -c '%s/sit/SITTING/' -c wq m/rows/3", 1, "Write error").changes(&["rows/3"]),
        works("vim", "vim.tiny -es -u NONE -i NONE -c 'set backup writebackup' -c '%s/sit/SIT/' -c wq m/rows/3").changes(&["rows/3"]),
        works("nano", nano("m/rows/3", r"\033[3~Q")).changes(&["rows/3"]),
        fails("nano", nano("m/rows/3", "Q"), 1, "File too large").changes(&["rows/3"]),
        works("emacs", EMACS).changes(&["rows/3"]),
        works("editors that save by renaming", "cp new m/rows/.3.tmp && mv m/rows/.3.tmp m/rows/3 && ls -A m/rows").changes(&["rows/3"]),
        works("editors that save by renaming", "cp m/rows/3 m/rows/3~ && cp new m/rows/3 && rm m/rows/3~").changes(&["rows/3"]),
        fails("editors that save by renaming", "cp shorter m/new && mv m/new m/rows/3", 1, "cannot move"),
        fails("editors that save by renaming", "mv m/rows/3 m/rows/3~", 1, "Operation not permitted"),
        works("os.replace", REPLACED).changes(&["rows/3"]),
        fails("os.replace", format!("truncate -s 23 new; {REPLACED}"), 1, "Invalid argument"),
        works("truncate", "truncate -s 24 m/rows/3; truncate -r m/rows/4 m/rows/3; truncate -c -s 9 m/rows/6"),
        fails("truncate", "truncate -s +9 m/rows/3", 1, "Operation not permitted"),
        works("shred -x", "shred -x -n 1 --random-source=/dev/zero m/rows/3; shred -x -z m/cols/3").changes(&["rows/3", "cols/3"]),
        fails("shred", "shred -n 1 --random-source=/dev/zero m/rows/3", 1, "File too large").changes(&["rows/3"]),
        fails("shred", "shred -u -n 0 m/rows/3", 1, "Operation not permitted"),
        works("fallocate", "fallocate -x -l 24 m/rows/3; fallocate -x -o 20 -l 4 m/rows/3"),
        fails("fallocate", "fallocate -p -o 4 -l 4 m/rows/3", 1, "keep size mode is unsupported"),
        fails("fallocate", "fallocate -l 25 m/rows/3", 1, "File too large"),
        works("flock", "flock m/rows/3 cat m/rows/3"),
        works("flock", "flock m/rows/3 sh -c 'flock -n m/data echo free; flock -n ../backing echo free; flock -n m/rows/3 true || echo taken'").prints("free\nfree\ntaken\n"),
        works("inotifywait", format!("{WATCH} printf 0123 1<> m/rows/3; {HEARD}")).changes(&["rows/3"]).prints("m/rows/3\n"),
        fails("git checkout, into the mount", format!("{COMMIT} git --git-dir=r/.git --work-tree=m/rows checkout -f HEAD -- 3"), 255, "Operation not permitted"),
        works("sync", "sync m/rows/3; sync -d m/cols/3; sync -f m/data"),
        works("parallel", "HOME=$PWD parallel -k md5sum m/{} ::: rows/0 rows/1 cols/0 cols/1"),
        works("parallel", "HOME=$PWD parallel 'tr a-z A-Z < m/rows/{} > {} && cp {} m/rows/{}' ::: 0 1 2 3 4 5").changes(&["rows/0", "rows/1", "rows/2", "rows/3", "rows/4", "rows/5"]),
    ]
}

/// Types these keys, escaped for `printf`, into nano, and saves.
fn nano(view: &str, keys: &str) -> String {
    let script = path_of("tools/nano.py");
    format!("python3 '{script}' {view} \"$(printf '{keys}')\"")
}

/// Edits a row without a terminal. What it tells of its progress is no complaint.
const EMACS: &str = "emacs --batch --quick m/rows/3 --eval \
    '(progn (replace-string \"sit\" \"SIT\") (save-buffer))' 2> said";

/// Replaces a row by the file `new`, as a Python program would.
const REPLACED: &str = "python3 -c '
import os, tempfile
with tempfile.NamedTemporaryFile(dir=\"m/rows\", delete=False) as file:
    file.write(open(\"new\", \"rb\").read())
    file.flush()
    os.fsync(file.fileno())
os.replace(file.name, \"m/rows/3\")'";

/// Watches two views that share bytes.
const WATCH: &str = "inotifywait -m -e modify --format %w -o heard m/rows/3 m/data 2> said &
    until grep -qs established said; do sleep 0.01; done;";

/// Shows for which of them a change was heard.
const HEARD: &str =
    "until [ -s heard ]; do sleep 0.01; done; { kill $!; wait $!; } 2> ended; sort -u heard";

/// Commits what is to be checked out.
const COMMIT: &str = "git init -q r && cp new r/3 && git -C r add 3 &&
    git -C r -c user.name=a -c user.email=a@b commit -q -m 3 &&";

#[test]
fn tools_that_write_change_what_they_change_in_ordinary_files() {
    behave("text", &cases());
}
