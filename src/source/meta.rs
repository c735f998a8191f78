//! What `meta.json` says of an array: the same names and values as NumPy's
//! attributes, for programs of any language.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::array::{Order, View};
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

    /// A JSON object, one line a member.
    pub fn to_json(&self) -> String {
        let view = &self.view;
        let dtype = view.dtype();
        let members: [(&str, Value); 16] = [
            ("file", json!(self.file.to_string_lossy())),
            ("format", json!(self.format)),
            ("dtype", json!(dtype.numpy_str())),
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
        let lines: Vec<String> = members
            .iter()
            .map(|(name, value)| format!("  {}: {value}", json!(name)))
            .collect();
        format!("{{\n{}\n}}\n", lines.join(",\n"))
    }
}
