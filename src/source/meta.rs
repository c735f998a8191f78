//! The contents of `meta.json`: the attributes of an array under their NumPy names, for
//! programs in any language.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::array::{Order, View};
use crate::dtype::literal::Literal;
use crate::dtype::{DType, Field};
use crate::mapping::Mode;

/// The metadata of an array in a mount.
#[derive(Debug, Clone)]
pub struct Meta {
    /// Absolute path of the backing file.
    pub file: PathBuf,
    /// Name of the file format.
    pub format: &'static str,
    /// Dtype, offset, shape and strides of the array in the file.
    pub view: View,
    /// The memory order of the array.
    pub order: Order,
    /// The mode in which the file was opened.
    pub mode: Mode,
    /// Whether the files of the array can be written.
    pub writable: bool,
}

impl Meta {
    /// The metadata of the transposed array.
    pub fn transposed(&self) -> Meta {
        Meta {
            view: self.view.transposed(),
            order: self.order.transposed(),
            ..self.clone()
        }
    }

    /// The metadata of the array of a field of this dtype. `None` where
    /// [`View::field`] is `None`.
    pub fn field(&self, field: &Field) -> Option<Meta> {
        let view = self.view.field(field)?;
        Some(Meta {
            view,
            ..self.clone()
        })
    }

    /// Formats the metadata as a JSON object with one line per member.
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

/// The dtype in JSON: `dtype.str` of a plain dtype, `dtype.descr` of a structured one. A
/// structured dtype without `dtype.descr` gives the dict argument of `numpy.dtype`.
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

/// A Python literal in JSON. Lists and tuples become arrays.
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
