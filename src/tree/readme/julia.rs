//! Julia: `read!` into an array of the type, which it nearly always has.

use super::reading::{Element, Language, Reading, Section, backslashed, joined};

pub(super) const LANGUAGE: Language = Language {
    name: "Julia",
    records: false,
    empty: false,
    write,
};

fn write(reading: &Reading) -> Section {
    let shape = reading.shape();
    let ends = vec!["end"; reading.ndim()].join(", ");
    let native = match reading.element() {
        Element::Bool => "Bool".to_owned(),
        Element::Int(size) => format!("Int{}", 8 * size),
        Element::UInt(size) => format!("UInt{}", 8 * size),
        Element::Float(16) | Element::Complex(16) => {
            return Section::without_code(
                "Julia has no native type for NumPy's longdouble: convert the array first.",
            );
        }
        Element::Float(size) => format!("Float{}", 8 * size),
        Element::Complex(size) => format!("ComplexF{}", 8 * size),
        Element::Bytes(length) => return strings(reading, "UInt8", length, "String(a[:, k])"),
        Element::Text(length) => return strings(reading, "UInt32", length, "join(Char.(a[:, k]))"),
        Element::Opaque(length) => {
            let axes = [&[length], shape].concat();
            let ends = if ends.is_empty() {
                ":"
            } else {
                &format!(":, {ends}")
            };
            return Section {
                note: "The bytes of an element are along the first axis.".into(),
                code: read(reading, "UInt8", &axes) + &format!("println(a[{ends}])\n"),
            };
        }
    };
    let path = quoted(&reading.column_major());
    let ndim = reading.ndim();
    let note = if ndim > 0 && !reading.swapped() {
        let shape = reading.tuple();
        format!(
            "With the module Mmap, mmap({path}, Array{{{native}, {ndim}}}, {shape})\n\
             is the same, and reads only what is used."
        )
    } else {
        String::new()
    };
    let code = read(reading, &native, shape) + &format!("println(a[{ends}])\n");
    Section { note, code }
}

/// Reads values of the type `native` into `a`.
fn read(reading: &Reading, native: &str, axes: &[u64]) -> String {
    let path = quoted(&reading.column_major());
    let lengths: String = axes.iter().map(|length| format!(", {length}")).collect();
    let mut code = format!("a = Array{{{native}}}(undef{lengths})\nread!({path}, a)\n");
    if reading.swapped() {
        let from = if reading.big_endian() { "ntoh" } else { "ltoh" };
        code += &format!("a = {from}.(a)\n");
    }
    code
}

/// Reads strings of `length` units; `join` makes one of column k.
fn strings(reading: &Reading, unit: &str, length: u64, join: &str) -> Section {
    let mut code = read(reading, unit, &[length, reading.size()]);
    code += &format!("a = [rstrip({join}, '\\0') for k in axes(a, 2)]\n");
    if reading.ndim() >= 2 {
        code += &format!("a = reshape(a, {})\n", joined(reading.shape(), ", "));
    }
    let ends = vec!["end"; reading.ndim().max(1)].join(", ");
    code += &format!("println(a[{ends}])\n");
    Section {
        code,
        ..Section::default()
    }
}

fn quoted(path: &str) -> String {
    format!("\"{}\"", backslashed(path, "\"$"))
}
