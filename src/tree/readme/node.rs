//! Node: a typed array over what was read, and a function from indices to
//! elements.

use super::reading::{Element, Language, Reading, Section, backslashed, joined};

pub(super) const LANGUAGE: Language = Language {
    name: "Node",
    records: false,
    empty: false,
    write,
};

/// The bytes that `readFileSync` reads at most.
const LARGEST: u64 = i32::MAX as u64;

/// Makes a number of the bits of a 16-bit float.
const HALF: &str = "const half = (h) => {
  const e = (h >> 10) & 31, m = h & 1023, sign = h < 32768 ? 1 : -1;
  if (e === 31) return m ? NaN : sign * Infinity;
  return sign * (m + (e && 1024)) * 2 ** ((e || 1) - 25);
};
";

fn write(reading: &Reading) -> Section {
    let Some((class, unit, element)) = values(reading.element()) else {
        return Section::without_code(
            "Node has no native type for NumPy's longdouble: convert the array first.",
        );
    };
    let (name, shape) = part(reading);
    let path = backslashed(&reading.path(&name), "'");
    let swap = match unit {
        1 => String::new(),
        _ if !reading.swapped() => String::new(),
        unit => format!(".swap{}()", 8 * unit),
    };
    let mut code = format!(
        "const fs = require('fs');\n\
         const bytes = new Uint8Array(fs.readFileSync('{path}'){swap});\n\
         const data = new {class}(bytes.buffer);\n"
    );
    if reading.element() == Element::Float(2) {
        code += HALF;
    }
    let last: Vec<u64> = shape.iter().map(|length| length - 1).collect();
    code += &format!(
        "const element = (k) => {element};\n\
         const at = {};\n\
         console.log(at({}));\n",
        position(&shape),
        joined(&last, ", ")
    );
    let mut note = Vec::new();
    if shape != reading.shape() {
        note.push("Node reads at most 2 GiB at once, so this is a part: slices/ has any.");
    }
    match reading.element() {
        Element::Int(8) | Element::UInt(8) => note.push("The elements are BigInts."),
        Element::Complex(_) => note.push("Complex numbers are pairs here: Node has none."),
        Element::Float(2) => note.push("16-bit floats become numbers, exactly."),
        _ => {}
    }
    let note = note.join("\n");
    Section { note, code }
}

/// The class of `data`, the bytes of one of its numbers, and the element that
/// begins at number k; `None` where Node has no numbers like these.
fn values(element: Element) -> Option<(&'static str, u64, String)> {
    Some(match element {
        Element::Bool => ("Uint8Array", 1, "data[k] !== 0".to_owned()),
        Element::Int(8) => ("BigInt64Array", 8, "data[k]".into()),
        Element::UInt(8) => ("BigUint64Array", 8, "data[k]".into()),
        Element::Int(1) => ("Int8Array", 1, "data[k]".into()),
        Element::Int(2) => ("Int16Array", 2, "data[k]".into()),
        Element::Int(_) => ("Int32Array", 4, "data[k]".into()),
        Element::UInt(1) => ("Uint8Array", 1, "data[k]".into()),
        Element::UInt(2) => ("Uint16Array", 2, "data[k]".into()),
        Element::UInt(_) => ("Uint32Array", 4, "data[k]".into()),
        Element::Float(2) => ("Uint16Array", 2, "half(data[k])".into()),
        Element::Float(4) => ("Float32Array", 4, "data[k]".into()),
        Element::Float(8) => ("Float64Array", 8, "data[k]".into()),
        Element::Complex(4) => ("Float32Array", 4, "[data[2 * k], data[2 * k + 1]]".into()),
        Element::Complex(8) => ("Float64Array", 8, "[data[2 * k], data[2 * k + 1]]".into()),
        Element::Float(_) | Element::Complex(_) => return None,
        Element::Bytes(n) => {
            let bytes = format!("Buffer.from(data.subarray({n} * k, {n} * (k + 1)))");
            let text = format!("{bytes}.toString('latin1').replace(/\\0+$/, '')");
            ("Uint8Array", 1, text)
        }
        Element::Text(n) => {
            let points = format!("...data.subarray({n} * k, {n} * (k + 1))");
            let text = format!("String.fromCodePoint({points}).replace(/\\0+$/, '')");
            ("Uint32Array", 4, text)
        }
        Element::Opaque(n) => {
            let bytes = format!("data.subarray({n} * k, {n} * (k + 1))");
            ("Uint8Array", 1, bytes)
        }
    })
}

/// A file that can be read at once, and the shape of what is in it: the whole
/// array, else its end.
fn part(reading: &Reading) -> (String, Vec<u64>) {
    let mut shape = reading.shape().to_vec();
    let fits = |shape: &[u64]| {
        let size: u64 = shape.iter().product();
        size * reading.dtype().itemsize() <= LARGEST
    };
    let mut index = Vec::new();
    while !shape.is_empty() && !fits(&shape) {
        if shape.len() == 1 {
            shape[0] = (1 << 20) / reading.dtype().itemsize().clamp(1, 1 << 20);
            index.push(format!("-{}:", shape[0]));
            break;
        }
        shape.remove(0);
        index.push("-1".to_owned());
    }
    if index.is_empty() {
        return ("data".into(), shape);
    }
    (format!("slices/{}", index.join(",")), shape)
}

/// The function from the indices to the element.
fn position(shape: &[u64]) -> String {
    let names: Vec<String> = match shape.len() {
        0..=4 => ["i", "j", "k", "l"][..shape.len()]
            .iter()
            .map(|&name| name.to_owned())
            .collect(),
        ndim => (0..ndim).map(|axis| format!("i{axis}")).collect(),
    };
    let mut sum = names.first().cloned().unwrap_or("0".into());
    for (axis, name) in names.iter().enumerate().skip(1) {
        let inner = if axis == 1 { sum } else { format!("({sum})") };
        sum = format!("{inner} * {} + {name}", shape[axis]);
    }
    format!("({}) => element({sum})", names.join(", "))
}
