//! The data types of Zarr, by the names that zarr-python has for them in each version of the
//! format. `None` where a version lacks the type.

use serde_json::{Value, json};

use crate::dtype::{ByteOrder, DType, Field, Kind, TimeUnit};

/// The most bytes of an item whose fill value is written byte by byte.
const MAX_FILL: u64 = 1 << 16;

/// The data type of elements of `dtype` in version 3.
pub(super) fn data_type(dtype: &DType) -> Option<Value> {
    let sized = |name: &str| extension(name, json!({"length_bytes": dtype.itemsize()}));
    Some(match (dtype.kind(), dtype.itemsize()) {
        (Kind::Bool | Kind::Int | Kind::UInt, _) => json!(dtype.numpy_name()),
        (Kind::Float, ..=8) | (Kind::Complex, ..=16) => json!(dtype.numpy_name()),
        (Kind::Bytes, _) => sized("null_terminated_bytes"),
        (Kind::Str, _) => sized("fixed_length_utf32"),
        (Kind::DateTime(unit), _) => time("datetime64", *unit),
        (Kind::TimeDelta(unit), _) => time("timedelta64", *unit),
        (Kind::Void, ..=MAX_FILL) => sized("raw_bytes"),
        (Kind::Structured(_), ..=MAX_FILL) => structured(dtype)?,
        _ => return None,
    })
}

/// The fill value of version 3 for elements of `dtype`, which it has: zero, or what stands for it.
pub(super) fn fill_value(dtype: &DType) -> Value {
    match dtype.kind() {
        Kind::Bool => json!(false),
        Kind::Int | Kind::UInt => json!(0),
        Kind::Float | Kind::NarrowFloat(_) => json!(0.0),
        Kind::Complex => json!([0.0, 0.0]),
        Kind::Bytes | Kind::Str => json!(""),
        Kind::DateTime(_) | Kind::TimeDelta(_) => json!(i64::MIN),
        Kind::Void | Kind::Structured(_) => json!(base64(&vec![0; dtype.itemsize() as usize])),
    }
}

/// The value of `dtype` in version 2. Records of records are in the format, but neither zarr-python
/// nor tensorstore reads them.
pub(super) fn descr(dtype: &DType) -> Option<Value> {
    match dtype.kind() {
        Kind::Float if dtype.itemsize() > 8 => None,
        Kind::Complex if dtype.itemsize() > 16 => None,
        Kind::NarrowFloat(_) => None,
        Kind::Structured(_) => {
            let fields = packed(dtype)?.into_iter().map(|part| match part {
                Part::Gap(name, len) => Some(json!([name, format!("|V{len}")])),
                Part::Field(field) => {
                    let is_plain = field.dtype().fields().is_empty();
                    let format = is_plain.then(|| descr(field.dtype()))??;
                    Some(match field.shape() {
                        [] => json!([field.name(), format]),
                        shape => json!([field.name(), format, shape]),
                    })
                }
            });
            fields.collect()
        }
        _ => Some(json!(dtype.numpy_str())),
    }
}

/// A data type with parameters.
fn extension(name: &str, configuration: Value) -> Value {
    json!({"name": name, "configuration": configuration})
}

fn time(kind: &str, TimeUnit { unit, multiple }: TimeUnit) -> Value {
    let configuration = json!({"unit": unit.name(), "scale_factor": multiple});
    extension(&format!("numpy.{kind}"), configuration)
}

/// The type of records. zarr-python reads their fields as little-endian, whatever the codec says.
fn structured(dtype: &DType) -> Option<Value> {
    let fields = packed(dtype)?.into_iter().map(|part| match part {
        Part::Gap(name, len) => Some(json!([
            name,
            extension("raw_bytes", json!({"length_bytes": len}))
        ])),
        Part::Field(field) => {
            let of_items = field.shape().is_empty() && field.dtype().byte_order() != ByteOrder::Big;
            let of_field = of_items.then(|| data_type(field.dtype()))??;
            Some(json!([field.name(), of_field]))
        }
    });
    let fields: Option<Value> = fields.collect();
    Some(extension("structured", json!({"fields": fields?})))
}

/// A part of a record.
enum Part<'a> {
    /// Bytes between fields, with a name that is no field's.
    Gap(String, u64),
    Field(&'a Field),
}

/// The parts of a record in the order of their offsets. `None` if fields overlap, are in another
/// order or have no name.
fn packed(dtype: &DType) -> Option<Vec<Part<'_>>> {
    let mut parts = Vec::new();
    let mut end = 0;
    let gap = |parts: &mut Vec<Part<'_>>, start: u64, end: u64| {
        if start < end {
            let names = (0..).map(|k: usize| format!("_pad{}{}", parts.len(), "_".repeat(k)));
            let name = { names }.find(|name| dtype.field(name).is_none());
            parts.push(Part::Gap(name.unwrap_or_default(), end - start));
        }
    };
    for field in dtype.fields() {
        if field.name().is_empty() || field.offset() < end {
            return None;
        }
        gap(&mut parts, end, field.offset());
        parts.push(Part::Field(field));
        let count: u64 = field.shape().iter().product();
        end = field.offset() + count * field.dtype().itemsize();
    }
    gap(&mut parts, end, dtype.itemsize());
    Some(parts)
}

/// The bytes in base64 (RFC 4648), with padding.
pub(super) fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let byte = |k: usize| group.get(k).copied().map_or(0, u32::from);
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for k in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * k)) as usize & 63];
            text.push(if k <= group.len() {
                char::from(digit)
            } else {
                '='
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_those_that_zarr_python_writes() {
        let sized = |name, n| extension(name, json!({"length_bytes": n}));
        for (text, name, v2) in [
            ("?", json!("bool"), json!("|b1")),
            (">i2", json!("int16"), json!(">i2")),
            ("<c8", json!("complex64"), json!("<c8")),
            ("S3", sized("null_terminated_bytes", 3), json!("|S3")),
            (">U2", sized("fixed_length_utf32", 8), json!(">U2")),
            (
                "<M8[25s]",
                extension("numpy.datetime64", json!({"unit": "s", "scale_factor": 25})),
                json!("<M8[25s]"),
            ),
            (
                "<m8",
                extension(
                    "numpy.timedelta64",
                    json!({"unit": "generic", "scale_factor": 1}),
                ),
                json!("<m8"),
            ),
            ("V5", sized("raw_bytes", 5), json!("|V5")),
            (
                "{'names':['a','_pad1'],'formats':['u1','<i4'],'offsets':[0,4],'itemsize':9}",
                extension(
                    "structured",
                    json!({"fields": [
                        ["a", "uint8"],
                        ["_pad1_", sized("raw_bytes", 3)],
                        ["_pad1", "int32"],
                        ["_pad3", sized("raw_bytes", 1)],
                    ]}),
                ),
                json!([
                    ["a", "|u1"],
                    ["_pad1_", "|V3"],
                    ["_pad1", "<i4"],
                    ["_pad3", "|V1"]
                ]),
            ),
        ] {
            let dtype = DType::parse(text).unwrap();
            assert_eq!(data_type(&dtype).unwrap(), name, "{text}");
            assert_eq!(descr(&dtype).unwrap(), v2, "{text}");
        }
    }

    #[test]
    fn types_that_a_version_lacks_are_none() {
        for (text, v3, v2) in [
            ("g", false, false),
            ("bfloat16", false, false),
            ("x:bfloat16", false, false),
            ("x:>i2,y:u1", false, true),
            ("x:(2,)i2", false, true),
            ("[('x',[('y','<i2'),('z','u1')])]", true, false),
            ("[('x',[('y','>i2'),('z','u1')])]", false, false),
            ("V70000", false, true),
            ("S70000", true, true),
            (
                "{'names':['a','b'],'formats':['u2','u1'],'offsets':[0,1]}",
                false,
                false,
            ),
            ("{'names':[''],'formats':['u2']}", false, false),
        ] {
            let dtype = DType::parse(text).unwrap();
            assert_eq!(data_type(&dtype).is_some(), v3, "{text}");
            assert_eq!(descr(&dtype).is_some(), v2, "{text}");
        }
    }

    #[test]
    fn base64_equals_the_vectors_of_the_rfc() {
        for (text, expected) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(text.as_bytes()), expected);
        }
    }
}
