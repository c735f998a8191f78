//! HDF5 attributes as JSON. What they mean by the conventions of some libraries is left to
//! `conventions`.

use std::collections::HashMap;

use hdf5_pure::{AttrValue, Datatype};
use serde_json::{Number, Value, json};

use super::datatype::is_bool;
use crate::source::Attributes;

/// The longest value that is shown, in bytes of JSON.
const MAX_VALUE: usize = 64 << 10;

/// The most bytes of JSON of all attributes of a file.
const MAX_TOTAL: usize = 16 << 20;

/// The lists by which axes and their coordinates refer to each other.
const REFERENCES: [&str; 2] = ["DIMENSION_LIST", "REFERENCE_LIST"];

/// Converts the attributes of one file.
#[derive(Debug)]
pub(super) struct AttributesReader {
    /// How many bytes of JSON may follow.
    room: usize,
}

impl AttributesReader {
    pub fn new() -> AttributesReader {
        AttributesReader { room: MAX_TOTAL }
    }

    /// The attributes with these values. Those of other types, and values that are too long, are
    /// replaced by what they are, in parentheses. References between axes are left out.
    pub fn attributes(
        &mut self,
        mut values: HashMap<String, AttrValue>,
        datatypes: HashMap<String, Datatype>,
    ) -> Attributes {
        let mut attributes = Attributes::new();
        for (name, datatype) in datatypes {
            if REFERENCES.contains(&name.as_str()) {
                continue;
            }
            let value = match values.remove(&name) {
                Some(value) => json(&value, is_bool(&datatype)),
                None => json!(format!("(not shown: {})", super::brief(&datatype))),
            };
            let length = name.len() + value.to_string().len();
            self.room = self.room.saturating_sub(length);
            if self.room > 0 {
                attributes.insert(name, value);
            }
        }
        attributes
    }
}

/// The value as JSON, with truth values where it `is_bool`. Floats that JSON lacks are strings.
fn json(value: &AttrValue, is_bool: bool) -> Value {
    match value {
        AttrValue::I8(number) if is_bool => json!(*number != 0),
        AttrValue::U8(number) if is_bool => json!(*number != 0),
        AttrValue::I8Array(numbers) if is_bool => list(numbers, |number| json!(*number != 0)),
        AttrValue::U8Array(numbers) if is_bool => list(numbers, |number| json!(*number != 0)),
        AttrValue::I8(number) => json!(number),
        AttrValue::I16(number) => json!(number),
        AttrValue::I32(number) => json!(number),
        AttrValue::I64(number) => json!(number),
        AttrValue::U8(number) => json!(number),
        AttrValue::U16(number) => json!(number),
        AttrValue::U32(number) => json!(number),
        AttrValue::U64(number) => json!(number),
        AttrValue::F32(number) => float(number),
        AttrValue::F64(number) => float(number),
        AttrValue::I8Array(numbers) => list(numbers, |number| json!(number)),
        AttrValue::I16Array(numbers) => list(numbers, |number| json!(number)),
        AttrValue::I32Array(numbers) => list(numbers, |number| json!(number)),
        AttrValue::I64Array(numbers) => list(numbers, |number| json!(number)),
        AttrValue::U8Array(numbers) => list(numbers, |number| json!(number)),
        AttrValue::U16Array(numbers) => list(numbers, |number| json!(number)),
        AttrValue::U32Array(numbers) => list(numbers, |number| json!(number)),
        AttrValue::U64Array(numbers) => list(numbers, |number| json!(number)),
        AttrValue::F32Array(numbers) => list(numbers, float),
        AttrValue::F64Array(numbers) => list(numbers, float),
        text => match (text.as_str(), text.as_strings()) {
            (Some(text), _) if text.len() > MAX_VALUE => too_long(text.len(), "bytes"),
            (Some(text), _) => json!(text),
            (None, Some(texts)) => match texts.iter().map(|text| text.len()).sum() {
                length if length > MAX_VALUE => too_long(length, "bytes"),
                _ => list(texts, |text| json!(text)),
            },
            (None, None) => json!("(not shown)"),
        },
    }
}

/// A list of `values`, unless it is too long.
fn list<T>(values: &[T], json: impl Fn(&T) -> Value) -> Value {
    // A number and the comma have at least two characters.
    match values.len() {
        count if count > MAX_VALUE / 2 => too_long(count, "elements"),
        _ => values.iter().map(json).collect(),
    }
}

fn too_long(count: usize, unit: &str) -> Value {
    json!(format!("(not shown: {count} {unit})"))
}

/// A float by its shortest digits.
fn float(number: &(impl std::fmt::Display + Copy)) -> Value {
    let text = number.to_string();
    let number = text.parse().ok().and_then(Number::from_f64);
    match (number, text.as_str()) {
        (Some(number), _) => Value::Number(number),
        (None, "inf") => json!("Infinity"),
        (None, "-inf") => json!("-Infinity"),
        (None, _) => json!("NaN"),
    }
}
