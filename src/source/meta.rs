//! What `meta.json` says of an array: the same names and values as NumPy's
//! attributes, for programs of any language.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::array::{Order, View};
use crate::dtype::literal::Literal;
use crate::dtype::{DType, Field};
use crate::mapping::Mode;

/// The facts about one array of a mount.
#[derive(Debug, Clone)]
pub struct Meta {
    /// The backing file, absolute.
    pub file: PathBuf,
    /// How the file says what it holds.
    pub format: &'static str,
    /// Where the array lies in it.
    pub view: View,
    /// Which axis is the fastest in the file.
    pub order: Order,
    /// How the file was opened.
    pub mode: Mode,
    /// Whether the array's files can be written.
    pub writable: bool,
}

impl Meta {
    /// The facts about the transposed array.
    pub fn transposed(&self) -> Meta {
        Meta {
            view: self.view.transposed(),
            order: self.order.transposed(),
            ..self.clone()
        }
    }

    /// The facts about the array of one field, one of the array's type; `None`
    /// where no array can be made of it.
    pub fn field(&self, field: &Field) -> Option<Meta> {
        let view = self.view.field(field)?;
        Some(Meta {
            view,
            ..self.clone()
        })
    }

    /// A JSON object, one line a member.
    pub fn to_json(&self) -> String {
        let view = &self.view;
        let dtype = view.dtype();
        let mut members: Vec<(&str, Value)> = vec![
            ("file", json!(self.file.to_string_lossy())),
            ("format", json!(self.format)),
            ("dtype", describe(dtype)),
            ("dtype_name", json!(dtype.numpy_name())),
            ("itemsize", json!(dtype.itemsize())),
            ("byteorder", json!(dtype.byte_order().name())),
            ("shape", json!(view.shape().lengths())),
            ("ndim", json!(view.ndim())),
            ("size", json!(view.size())),
            ("nbytes", json!(view.nbytes())),
            ("order", json!(self.order.to_string())),
            ("strides", json!(view.strides())),
            ("offset", json!(view.offset())),
            ("mode", json!(self.mode.to_string())),
            ("writable", json!(self.writable)),
            ("version", json!(env!("CARGO_PKG_VERSION"))),
        ];
        if !dtype.fields().is_empty() {
            let fields = dtype.fields().iter().map(|field| {
                json!({
                    "name": field.name(),
                    "dtype": describe(field.dtype()),
                    "shape": field.shape(),
                    "offset": field.offset(),
                })
            });
            members.push(("fields", fields.collect()));
        }
        let lines: Vec<String> = members
            .iter()
            .map(|(name, value)| format!("  {}: {value}", json!(name)))
            .collect();
        format!("{{\n{}\n}}\n", lines.join(",\n"))
    }
}

/// `dtype.str` of a plain type. Of a structured one, `dtype.descr`, or where that
/// is not defined the arguments of `numpy.dtype`.
fn describe(dtype: &DType) -> Value {
    let fields = dtype.fields();
    match dtype.descr() {
        Some(descr) => value(&descr),
        None => json!({
            "names": fields.iter().map(Field::name).collect::<Vec<_>>(),
            "formats": fields.iter().map(|field| match field.shape() {
                [] => describe(field.dtype()),
                shape => json!([describe(field.dtype()), shape]),
            }).collect::<Vec<_>>(),
            "offsets": fields.iter().map(Field::offset).collect::<Vec<_>>(),
            "itemsize": dtype.itemsize(),
        }),
    }
}

/// A Python value in JSON; lists and tuples are both arrays.
fn value(literal: &Literal) -> Value {
    match literal {
        Literal::None => Value::Null,
        Literal::Bool(bool) => json!(bool),
        Literal::Int(number) => json!(i64::try_from(*number).ok()),
        Literal::Str(text) => json!(text),
        Literal::List(items) | Literal::Tuple(items) => items.iter().map(value).collect(),
        Literal::Dict(items) => {
            let items = items
                .iter()
                .map(|(key, item)| json!([value(key), value(item)]));
            items.collect()
        }
    }
}
