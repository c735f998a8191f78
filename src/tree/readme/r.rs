//! R: `readBin`, into its integers of 4 bytes and its doubles. What these do
//! not hold is put together from smaller parts.

use super::reading::{Element, Language, Reading, Section, backslashed, joined};

pub(super) const LANGUAGE: Language = Language {
    name: "R",
    records: false,
    empty: false,
    write,
};

fn write(reading: &Reading) -> Section {
    let (note, mut code) = read(reading);
    // An element that is several values has an axis of its own, the first.
    let opaque = match reading.element() {
        Element::Opaque(size) => Some(size),
        _ => None,
    };
    let axes: Vec<u64> = opaque.iter().chain(reading.shape()).copied().collect();
    if axes.len() >= 2 {
        code += &format!("dim(a) <- c({})\n", joined(&axes, ", "));
    }
    let last = joined(reading.shape(), ", ");
    code += &match (reading.ndim(), opaque) {
        (0, _) => "print(a)\n".to_owned(),
        (_, None) => format!("print(a[{last}])\n"),
        (_, Some(_)) => format!("print(a[, {last}])\n"),
    };
    let note = note.into();
    Section { note, code }
}

/// Makes doubles of the bits of 16-bit floats.
const HALF: &str = "h <- a; e <- h %/% 1024 %% 32; m <- h %% 1024
a <- ifelse(e == 0, m * 2^-24, (m + 1024) * 2^(e - 25))
a <- ifelse(e < 31, a, ifelse(m == 0, Inf, NaN)) * ifelse(h < 32768, 1, -1)
";

const NO_64: &str = "R has no 64-bit integers. Read as doubles, they are exact up to 2^53.";
const NO_LONGDOUBLE: &str = "R has no longdouble. They are rounded to doubles.";

/// A remark, and the lines that make `a` a vector of all elements.
fn read(reading: &Reading) -> (&'static str, String) {
    let size = reading.size();
    match reading.element() {
        Element::Bool => ("", vector(reading, "logical", size, "size = 1")),
        Element::Int(8) => (NO_64, from_halves(reading, 4, true)),
        Element::UInt(8) => (NO_64, from_halves(reading, 4, false)),
        Element::UInt(4) => (
            "R has no unsigned 32-bit integers. They are read as doubles, exactly.",
            from_halves(reading, 2, false),
        ),
        Element::Int(4) => (
            "The smallest integer, -2^31, is NA to R.",
            vector(reading, "integer", size, "size = 4"),
        ),
        Element::Int(width) => {
            let format = format!("size = {width}");
            ("", vector(reading, "integer", size, &format))
        }
        Element::UInt(width) => {
            let format = format!("size = {width}, signed = FALSE");
            ("", vector(reading, "integer", size, &format))
        }
        Element::Float(2) => (
            "R has no 16-bit floats. They are read as doubles, exactly.",
            vector(reading, "integer", size, "size = 2, signed = FALSE") + HALF,
        ),
        Element::Float(width) => (
            if width == 16 { NO_LONGDOUBLE } else { "" },
            vector(reading, "double", size, &format!("size = {width}")),
        ),
        Element::Complex(width) => (
            if width == 16 { NO_LONGDOUBLE } else { "" },
            vector(reading, "double", 2 * size, &format!("size = {width}"))
                + "a <- complex(real = a[c(TRUE, FALSE)], imaginary = a[c(FALSE, TRUE)])\n",
        ),
        Element::Bytes(length) => (
            "",
            vector(reading, "raw", length * size, "size = 1")
                + &format!(
                    "a <- apply(matrix(a, nrow = {length}), 2, function(b) rawToChar(b[b != 0]))\n"
                ),
        ),
        Element::Text(length) => (
            "",
            vector(reading, "integer", length * size, "size = 4")
                + &format!(
                    "a <- apply(matrix(a, nrow = {length}), 2, function(u) intToUtf8(u[u != 0]))\n"
                ),
        ),
        Element::Opaque(length) => (
            "The bytes of an element are along the first axis.",
            vector(reading, "raw", length * size, "size = 1"),
        ),
    }
}

/// Reads `count` values into `a`.
fn vector(reading: &Reading, what: &str, count: u64, format: &str) -> String {
    let path = backslashed(&reading.column_major(), "\"");
    let endian = if reading.big_endian() {
        "big"
    } else {
        "little"
    };
    format!("a <- readBin(\"{path}\", \"{what}\", n = {count}, {format}, endian = \"{endian}\")\n")
}

/// Reads integers of so many halves of 16 bits into the doubles `a`.
fn from_halves(reading: &Reading, halves: u64, signed: bool) -> String {
    let count = halves * reading.size();
    let mut code = vector(reading, "integer", count, "size = 2, signed = FALSE");
    code += &format!("h <- matrix(a, nrow = {halves})\n");
    let big = reading.big_endian();
    if signed {
        let top = if big { 1 } else { halves };
        code += &format!("h[{top}, ] <- h[{top}, ] - 65536 * (h[{top}, ] >= 32768)\n");
    }
    let (first, last) = if big {
        (halves - 1, 0)
    } else {
        (0, halves - 1)
    };
    code += &format!("a <- colSums(h * 65536^({first}:{last}))\n");
    code
}
