//! Attributes of NetCDF files as JSON: text, a number, or a list of numbers.

use serde_json::{Value, json};

use super::Type;

/// The most bytes of an attribute that is shown.
pub(super) const MAX_BYTES: u64 = 64 << 10;

/// The most bytes of a name in a message.
const QUOTED: usize = 60;

/// The value of an attribute that is too long to be shown.
pub(super) fn omitted(size: u64) -> Value {
    json!(format!("not shown: {size} bytes"))
}

/// A name for a message.
pub(super) fn quoted(name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name);
    match name.char_indices().nth(QUOTED) {
        None => format!("{name:?}"),
        Some((end, _)) => format!("{:?}...", name.get(..end).unwrap_or_default()),
    }
}

/// An attribute of this type with these bytes. Zeros at the end of a text are left out.
pub(super) fn value(kind: Type, bytes: &[u8]) -> Value {
    if kind == Type::CHAR {
        let text = String::from_utf8_lossy(bytes);
        return json!(text.trim_end_matches('\0'));
    }
    let values: Vec<Value> = match kind.0 {
        3 => numbers(bytes, |bytes| json!(i16::from_be_bytes(bytes))),
        4 => numbers(bytes, |bytes| json!(i32::from_be_bytes(bytes))),
        5 => numbers(bytes, |bytes| single(f32::from_be_bytes(bytes))),
        6 => numbers(bytes, |bytes| double(f64::from_be_bytes(bytes))),
        7 => numbers(bytes, |[byte]| json!(byte)),
        8 => numbers(bytes, |bytes| json!(u16::from_be_bytes(bytes))),
        9 => numbers(bytes, |bytes| json!(u32::from_be_bytes(bytes))),
        10 => numbers(bytes, |bytes| json!(i64::from_be_bytes(bytes))),
        11 => numbers(bytes, |bytes| json!(u64::from_be_bytes(bytes))),
        _ => numbers(bytes, |bytes| json!(i8::from_be_bytes(bytes))),
    };
    match <[Value; 1]>::try_from(values) {
        Ok([only]) => only,
        Err(values) => Value::Array(values),
    }
}

fn numbers<const N: usize>(bytes: &[u8], number: fn([u8; N]) -> Value) -> Vec<Value> {
    let (chunks, _) = bytes.as_chunks::<N>();
    chunks.iter().map(|&chunk| number(chunk)).collect()
}

/// The shortest decimal number that is this one as `f32`.
fn single(value: f32) -> Value {
    match value.is_finite() {
        true => double(
            value
                .to_string()
                .parse()
                .unwrap_or_else(|_| f64::from(value)),
        ),
        false => double(f64::from(value)),
    }
}

/// A number; as text if JSON has no such number.
fn double(value: f64) -> Value {
    match value {
        value if value.is_finite() => json!(value),
        value if value.is_nan() => json!("NaN"),
        value if value > 0.0 => json!("Infinity"),
        _ => json!("-Infinity"),
    }
}

/// The number of an attribute of this type. `None` for other attributes than one number.
pub(super) fn number(kind: Type, bytes: &[u8]) -> Option<f64> {
    match (kind.0, value(kind, bytes)) {
        // Not rounded to a short decimal number.
        (5, Value::Number(_)) => Some(f32::from_be_bytes(bytes.try_into().ok()?).into()),
        (_, value) => value.as_f64(),
    }
}
