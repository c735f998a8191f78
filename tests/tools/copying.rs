//! `cp`, `rsync`, `tar` and similar tools: single files and whole trees, to and from a mount.

use crate::case::{Case, fails, works};
use crate::table::behave;

/// Has `chmod` and `chown` accepted, which change nothing.
const QUIET: &[&str] = &["-o", "quiet"];

/// The contents of the copy `out`.
const SHOW: &str = "cd out && find . -type f -exec md5sum {} + | sort -k 2";

#[rustfmt::skip]
pub fn cases() -> Vec<Case> {
    let shown = |command: &str| format!("{command} && {SHOW}");
    // A file that is its owner's alone, other than those of the mount.
    let private = |command: &str| format!("chmod 600 new && {command}");
    let shutil = |function| format!(r#"python3 -c 'import shutil; shutil.{function}("new", "m/rows/3")'"#);
    let sftp = |command| format!("echo '{command}' | sftp -q -b - -D /usr/lib/openssh/sftp-server");
    let edited = |command: &str| format!("{command}; tr a-z A-Z < m/rows/3 > out/3");
    vec![
        works("cp", "cp m/rows/3 row && cp m/cols/3 m/data . && cat row 3 data"),
        works("cp", "cp new m/rows/3 && cp m/rows/5 m/rows/4").changes(&["rows/3", "rows/4"]),
        works("cp", "cp m/cols/4 m/cols/3").changes(&["cols/3"]),
        works("cp", "cp shorter m/rows/3 && cp -f shorter m/T/rows/4").changes(&["rows/3", "T/rows/4"]),
        fails("cp", "cp longer m/rows/3", 1, "File too large").changes(&["rows/3"]),
        works("cp", "cp new m/rows/ && cmp new m/rows/new && ls m/rows").prints("0\n1\n2\n3\n4\n5\n"),
        fails("cp", "cp new m/rows/6", 1, "Operation not permitted"),
        fails("cp", "cp m/data m/meta.json", 1, "Permission denied"),
        works("cp -p", "cp -p new m/rows/3 && stat -c %Y m/rows/3").changes(&["rows/3"]),
        fails("cp -p", private("cp -p new m/rows/3"), 1, "Operation not permitted").changes(&["rows/3"]),
        works("cp -p", private("cp -p new m/rows/3 && stat -c %Y m/rows/3")).mounted_with(QUIET).changes(&["rows/3"]),
        works("shutil.copy, shutil.copy2", shutil("copy")).changes(&["rows/3"]),
        fails("shutil.copy, shutil.copy2", private(&shutil("copy")), 1, "Operation not permitted").changes(&["rows/3"]),
        fails("shutil.copy, shutil.copy2", private(&shutil("copy2")), 1, "Operation not permitted").changes(&["rows/3"]),
        works("shutil.copy, shutil.copy2", private(&shutil("copy"))).mounted_with(QUIET).changes(&["rows/3"]),
        works("shutil.copy, shutil.copy2", private(&shutil("copy2"))).mounted_with(QUIET).changes(&["rows/3"]),
        works("shutil.copyfile", private(&shutil("copyfile"))).changes(&["rows/3"]),
        works("sftp put", private(&sftp("put new m/rows/3"))).changes(&["rows/3"]),
        works("sftp put", private(&sftp("put -p new m/rows/3"))).complains("Permission denied").changes(&["rows/3"]),
        works("sftp put", private(&sftp("put -p new m/rows/3"))).mounted_with(QUIET).changes(&["rows/3"]),
        fails("cp -b, cp --remove-destination", "cp -b new m/rows/3", 1, "Operation not permitted"),
        fails("cp -b, cp --remove-destination", "cp --remove-destination new m/data", 1, "Operation not permitted"),
        works("cp -r, out of the mount", shown("cp -r m out")),
        works("cp -r, into the mount", edited("cp -r m/rows out") + " && cp -r out/. m/rows").changes(&["rows/3"]),
        fails("cp -r, into the mount", "cp -r m out && cp -r out/. m", 1, "Permission denied"),
        works("cp -a, out of the mount", shown("cp -a m out")),
        works("cp -a, into the mount", "cp -a new m/rows/3").changes(&["rows/3"]),
        works("tar c", shown("tar -c m | (mkdir out && tar -x -C out)")),
        fails("tar c", "tar -c -b 1 --checkpoint=1 --checkpoint-action=exec='printf X 1<> m/rows/1' m/rows/0 > tar", 1, "file changed as we read it").changes(&["rows/1"]),
        fails("tar x", "tar -c m/rows m/data | tar -x", 2, "File exists"),
        works("tar x --overwrite", edited("mkdir out") + " && tar -c -C out 3 | tar -x --overwrite -C m/rows").changes(&["rows/3"]),
        fails("tar x --overwrite", "tar -c m | tar -x --overwrite", 2, "Permission denied"),
        works("zip", shown("zip -qr out.zip m && unzip -q out.zip -d out")),
        fails("unzip", "zip -qr out.zip m/rows && unzip -oq out.zip", 50, "Operation not permitted"),
        works("unzip -p", "zip -q out.zip new && unzip -p out.zip > m/rows/3").changes(&["rows/3"]),
        works("gzip -c", "gzip -c m/rows/3 | gzip -d"),
        fails("gzip", "gzip m/data", 2, "Operation not permitted"),
        works("rsync -a, out of the mount", shown("rsync -a m/ out")),
        works("rsync -a, out of the mount", shown("rsync -aH m/ out")),
        works("rsync -a, into the mount", "rsync -a new m/rows/3 && ls -A m/rows").changes(&["rows/3"]),
        works("rsync -a, into the mount", private("rsync -a new m/rows/3")).changes(&["rows/3"]),
        works("rsync -a, into the mount", "rsync -a new m/rows/3 && rsync -ai new m/rows/3").changes(&["rows/3"]).prints(">f..t...... new\n"),
        works("rsync -a, into the mount", "rsync -ab new m/rows/3").changes(&["rows/3"]),
        works("rsync -a, into the mount", edited("rsync -a m/rows/ out") + " && rsync -ac out/ m/rows").changes(&["rows/3"]),
        fails("rsync -a, into the mount", "rsync -a shorter m/rows/3", 23, "Invalid argument"),
        works("rsync --inplace", "rsync --inplace new m/rows/3").changes(&["rows/3"]),
        works("rsync --inplace", "rsync --inplace --no-whole-file new m/rows/3").changes(&["rows/3"]),
        works("rsync --inplace", "rsync -a --inplace new m/rows/3 && stat -c %Y m/rows/3 && rsync -ai --inplace new m/rows/3").changes(&["rows/3"]),
        works("rsync --inplace", edited("rsync -a m/rows/ out") + " && rsync -ac --inplace out/ m/rows").changes(&["rows/3"]),
        fails("rsync --inplace", private("rsync -a --inplace new m/rows/3"), 23, "Operation not permitted").changes(&["rows/3"]),
        works("rsync --inplace", private("rsync -a --inplace new m/rows/3 && stat -c %Y m/rows/3")).mounted_with(QUIET).changes(&["rows/3"]),
        fails("rsync --inplace", "rsync --inplace shorter m/rows/3", 23, "Operation not permitted").changes(&["rows/3"]),
        fails("rsync --inplace", "rsync --inplace longer m/rows/3", 11, "File too large").changes(&["rows/3"]),
        fails("rsync --delete", "mkdir out && rsync -a --inplace --delete out/ m/rows", 23, "Operation not permitted"),
        works("install, out of the mount", "install -m 600 m/rows/3 row && cat row && stat -c %a row"),
        fails("install, into the mount", "install new m/rows/3", 1, "Operation not permitted"),
        fails("mv, into the mount", "mv new m/rows/3", 1, "Operation not permitted"),
        fails("mv, into the mount", "mv m/rows/4 m/rows/3", 1, "Operation not permitted"),
        fails("mv, out of the mount", "mv m/rows/3 row", 1, "Operation not permitted"),
    ]
}

#[test]
fn copies_are_exact_or_refused() {
    behave("text", &cases());
}
