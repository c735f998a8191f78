//! The shell: a view is copied out and back in with what every machine has.

use super::reading::{Element, Language, Reading, Section};

pub(super) const LANGUAGE: Language = Language {
    name: "Shell",
    records: true,
    empty: false,
    write,
};

fn write(reading: &Reading) -> Section {
    let view = if reading.ndim() > 0 { "rows/0" } else { "data" };
    let file = quoted(&reading.path(view));
    let mut code = String::new();
    if let Some(format) = od_format(reading.element()) {
        let order = if reading.big_endian() {
            "big"
        } else {
            "little"
        };
        code += &format!("od -A n -t {format} --endian={order} {file} | head -n 1\n");
    }
    code += &format!("cat {file} > part.bin\n");
    if reading.writable {
        code += &format!("dd if=part.bin of={file} bs=1M conv=notrunc status=none\n");
    }
    let note = if reading.writable {
        "A part is copied out and, by the last line, back in place: conv=notrunc, as sizes are fixed."
    } else {
        ""
    };
    let note = note.into();
    Section { note, code }
}

/// How `od` is to print a number.
fn od_format(element: Element) -> Option<String> {
    match element {
        Element::Bool => Some("u1".into()),
        Element::Int(size) => Some(format!("d{size}")),
        Element::UInt(size) => Some(format!("u{size}")),
        Element::Float(size @ (4 | 8)) => Some(format!("f{size}")),
        _ => None,
    }
}

/// One word of a POSIX shell.
pub(super) fn quoted(path: &str) -> String {
    format!("'{}'", path.replace('\'', r"'\''"))
}
