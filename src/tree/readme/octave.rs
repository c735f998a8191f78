//! MATLAB and Octave: `fread` keeps the class of the numbers, `reshape` their
//! order, which is column-major.

use super::reading::{Element, Language, Reading, Section, joined};

pub(super) const LANGUAGE: Language = Language {
    name: "MATLAB and Octave",
    records: false,
    empty: false,
    write,
};

fn write(reading: &Reading) -> Section {
    let (note, read) = match reading.element() {
        Element::Float(16) | Element::Complex(16) => {
            return Section::without_code(
                "There is no native type for NumPy's longdouble: convert the array first.",
            );
        }
        element => read(element),
    };
    let path = reading.column_major().replace('\'', "''");
    let order = if reading.big_endian() { "be" } else { "le" };
    let mut code = format!("f = fopen('{path}', 'r', 'ieee-{order}');\n{read}fclose(f);\n");
    // An element that is several values has an axis of its own, the first.
    let values = match reading.element() {
        Element::Text(length) | Element::Opaque(length) => Some(length),
        _ => None,
    };
    let axes: Vec<u64> = values.iter().chain(reading.shape()).copied().collect();
    if axes.len() >= 2 {
        code += &format!("a = reshape(a, [{}]);\n", joined(&axes, ", "));
    }
    let ends = vec!["end"; reading.ndim()].join(", ");
    code += &match (reading.element(), reading.ndim()) {
        (Element::Bytes(_), 0) => "disp(a{end})\n".to_owned(),
        (Element::Bytes(_), _) => format!("disp(a{{{ends}}})\n"),
        (_, 0) => "disp(a)\n".to_owned(),
        _ if values.is_some() => format!("disp(a(:, {ends}))\n"),
        _ => format!("disp(a({ends}))\n"),
    };
    let note = note.into();
    Section { note, code }
}

/// A remark, and the lines that read all elements into `a` from the file `f`.
fn read(element: Element) -> (&'static str, String) {
    let all = |class: &str, rest: &str| format!("a = fread(f, Inf, '{class}'){rest};\n");
    match element {
        Element::Bool => ("", all("uint8=>uint8", " ~= 0")),
        Element::Int(size) => ("", all(&format!("int{0}=>int{0}", 8 * size), "")),
        Element::UInt(size) => ("", all(&format!("uint{0}=>uint{0}", 8 * size), "")),
        Element::Float(2) => (
            "There is no native type for 16-bit floats. They are read as doubles, exactly.",
            "h = fread(f, Inf, 'uint16=>double');\n\
             e = floor(mod(h, 32768) / 1024); m = mod(h, 1024);\n\
             a = (m + 1024 * (e > 0)) .* 2 .^ (max(e, 1) - 25);\n\
             a(e == 31 & m == 0) = Inf; a(e == 31 & m > 0) = NaN;\n\
             a(h >= 32768) = -a(h >= 32768);\n"
                .to_owned(),
        ),
        Element::Float(size) => ("", all(&format!("{0}=>{0}", float(size)), "")),
        Element::Complex(size) => (
            "",
            format!("a = fread(f, [2, Inf], '{0}=>{0}');\n", float(size))
                + "a = complex(a(1, :), a(2, :)).';\n",
        ),
        Element::Bytes(length) => (
            "",
            format!("h = fread(f, [{length}, Inf], 'uint8=>char');\n")
                + "a = arrayfun(@(k) h(1:max([0; find(h(:, k))]), k).', 1:size(h, 2), ...\n             \
                   'UniformOutput', false);\n",
        ),
        Element::Text(_) => (
            "Strings are read as code points, along the first axis; char() makes text of them, \
             in MATLAB up to\n65535, in Octave up to 127.",
            all("uint32=>uint32", ""),
        ),
        Element::Opaque(_) => (
            "The bytes of an element are along the first axis.",
            all("uint8=>uint8", ""),
        ),
    }
}

/// The class of a number of `size` bytes.
fn float(size: u64) -> &'static str {
    if size == 4 { "single" } else { "double" }
}
