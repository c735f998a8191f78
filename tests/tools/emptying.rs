//! Programs that overwrite a file after `ftruncate(fd, 0)`, in a library or as `seek(0);
//! truncate(); write`.

use crate::case::{Case, fails, works};
use crate::common::python::path_of;
use crate::table::behave;

const PERL: &str = r#"
open(my $new, "<", "new") or die; open(my $file, "+<", "m/rows/3") or die;
<$file>; seek($file, 0, 0); truncate($file, 0) or die "truncate: $!";
print {$file} <$new>; close($file) or die "close: $!""#;

const R: &str = r#"
file <- file("m/rows/3", "r+b"); invisible(seek(file, 0, rw = "write")); invisible(truncate(file))
writeBin(readBin("new", "raw", 24), file); close(file)"#;

const JAVA: &str = r#"
import java.io.*; import java.nio.*; import java.nio.channels.*; import java.nio.file.*;
class Save { public static void main(String[] arguments) throws Exception {
    byte[] bytes = Files.readAllBytes(Path.of("new"));
    try (var file = new RandomAccessFile("m/rows/3", "rw")) { file.setLength(0); file.write(bytes); }
    try (var file = FileChannel.open(Path.of("m/rows/4"), StandardOpenOption.WRITE)) {
        file.truncate(0); file.write(ByteBuffer.wrap(bytes)); } } }"#;

pub fn cases() -> Vec<Case> {
    let python = |script| format!("python3 '{}'", path_of(script));
    let node = |script: &str| format!("node -e 'const fs = require(\"fs\"); {script}'");
    let idiom = "seek(0); truncate(); write";
    vec![
        works(".NET", python("tools/emptying_dotnet.py")).changes(&["rows/3"]),
        works("Node", node("fs.copyFileSync(\"new\", \"m/rows/3\")")).changes(&["rows/3"]),
        works(
            "Node",
            node("fs.writeFileSync(\"m/rows/3\", fs.readFileSync(\"new\"))"),
        )
        .changes(&["rows/3"]),
        works("Java", format!("echo '{JAVA}' > Save.java; java Save.java"))
            .changes(&["rows/3", "rows/4"]),
        works(idiom, python("tools/emptying_idiom.py")).changes(&["rows/3"]),
        works(idiom, format!("perl -e '{PERL}'")).changes(&["rows/3"]),
        works(idiom, format!("Rscript --vanilla -e '{R}'")).changes(&["rows/3"]),
        works("gio save", "gio save m/rows/3 < new").changes(&["rows/3"]),
        fails(
            "gio save",
            "gio save m/rows/3 < shorter",
            2,
            "Invalid argument",
        ),
        works("gio copy, into the mount", "gio copy new m/rows/3").changes(&["rows/3"]),
        works("truncate", "truncate -s 0 m/rows/3").prints(""),
        works(
            "truncate",
            "truncate -s 0 m/rows/3 && cp new m/rows/3 && truncate -s 0 m/cols/3 && cat m/cols/3",
        )
        .changes(&["rows/3"])
        .prints(COLUMN),
    ]
}

/// What is read of `cols/3`.
const COLUMN: &str = "lideae";

#[test]
fn programs_that_empty_a_file_overwrite_it() {
    behave("text", &cases());
}
