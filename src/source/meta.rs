//! The contents of `meta.json`: the attributes of an array under their NumPy names, for
//! programs in any language.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{Attributes, Details, Member, Scale, Skipped};
use crate::array::{Order, View};
use crate::dtype::literal::Literal;
use crate::dtype::{DType, Field};
use crate::mapping::Mode;

/// The mounted file.
#[derive(Debug, Clone)]
pub struct Origin {
    /// Absolute path of the file, as given.
    pub file: PathBuf,
    /// Absolute path of the file that holds the arrays, if that is another one.
    pub data_file: Option<PathBuf>,
    /// Name of the file format.
    pub format: &'static str,
    /// The mode in which the file was opened.
    pub mode: Mode,
    /// Whether the files of the mount can be written.
    pub writable: bool,
}

/// The metadata of an array in a mount.
#[derive(Debug, Clone)]
pub struct Meta {
    /// The mounted file.
    pub origin: Arc<Origin>,
    /// The name of the array in the file; `None` if it has none.
    pub name: Option<String>,
    /// Dtype, offset, shape and strides of the array in the file.
    pub view: View,
    /// The dtype in which the elements are shown, unless it is that of the file.
    pub shown: Option<DType>,
    /// Whether the elements can be written.
    pub writable: bool,
    /// The memory order of the array.
    pub order: Order,
    /// Names of the axes; empty if they have none.
    pub dims: Vec<Option<String>>,
    /// How numbers are meant to be scaled.
    pub scale: Option<Scale>,
    /// What else the file says about the array.
    pub details: Arc<Details>,
}

impl Meta {
    /// The metadata of `member` of the mounted file.
    pub fn of(origin: &Arc<Origin>, member: &Member) -> Meta {
        Meta {
            origin: origin.clone(),
            name: (!member.name.is_empty()).then(|| member.display_name()),
            view: member.view.clone(),
            shown: None,
            writable: origin.writable,
            order: member.order,
            dims: member.dims.clone(),
            scale: member.details.scale,
            details: member.details.clone(),
        }
    }

    /// The metadata of the transposed array.
    pub fn transposed(&self) -> Meta {
        Meta {
            view: self.view.transposed(),
            order: self.order.transposed(),
            dims: self.dims.iter().rev().cloned().collect(),
            ..self.clone()
        }
    }

    /// The metadata of the array whose elements are shown as of `dtype`. Offset and strides are
    /// those of the elements in the file. Where the sign of integers differs from the file's, the
    /// elements are what the scale makes of those in the file.
    pub fn recoded(&self, dtype: DType, is_writable: bool) -> Meta {
        let mut meta = self.clone();
        meta.writable &= is_writable;
        meta.scale = self.scale_of(Some(&dtype));
        meta.shown = Some(dtype);
        meta
    }

    /// How the elements are meant to be scaled if they are shown as of `shown`, or as they are.
    pub fn scale_of(&self, shown: Option<&DType>) -> Option<Scale> {
        let has_other_sign = shown.is_some_and(|shown| shown.has_other_sign(self.view.dtype()));
        self.scale.filter(|_| !has_other_sign)
    }

    /// The metadata of the array of a field of this dtype. `None` where
    /// [`View::field`] is `None`.
    pub fn field(&self, field: &Field) -> Option<Meta> {
        let view = self.view.field(field)?;
        let mut dims = self.dims.clone();
        if !dims.is_empty() {
            dims.resize(view.ndim(), None);
        }
        let scale = self.details.field_scales.get(field.name()).copied();
        Some(Meta {
            view,
            dims,
            scale: scale.or(self.scale),
            ..self.clone()
        })
    }

    /// The order of the elements if they are one block of the file.
    pub fn contiguous_order(&self) -> Option<Order> {
        let mut orders = [self.order, self.order.transposed()].into_iter();
        orders.find(|&order| self.view.is_contiguous(order))
    }

    /// Formats the metadata as a JSON object with one line per member.
    pub fn to_json(&self) -> String {
        let Origin {
            file,
            data_file,
            format,
            mode,
            ..
        } = &*self.origin;
        let view = &self.view;
        let dtype = self.shown.as_ref().unwrap_or(view.dtype());
        let mut members: Vec<(&str, Value)> = vec![
            ("file", json!(file.to_string_lossy())),
            ("format", json!(format)),
            ("dtype", describe(dtype)),
            ("dtype_name", json!(dtype.numpy_name())),
            ("itemsize", json!(dtype.itemsize())),
            ("byteorder", json!(dtype.byte_order().name())),
            ("shape", json!(view.shape().lengths())),
            ("ndim", json!(view.ndim())),
            ("size", json!(view.size())),
            (
                "nbytes",
                json!(view.size().saturating_mul(dtype.itemsize())),
            ),
            (
                "order",
                json!(self.contiguous_order().map(|order| order.to_string())),
            ),
            ("strides", json!(view.strides())),
            ("offset", json!(view.offset())),
            ("mode", json!(mode.to_string())),
            ("writable", json!(self.writable)),
            ("version", json!(env!("CARGO_PKG_VERSION"))),
        ];
        if let Some(data_file) = data_file {
            members.insert(1, ("data_file", json!(data_file.to_string_lossy())));
        }
        if let Some(name) = &self.name {
            members.push(("name", json!(name)));
        }
        if !dtype.fields().is_empty() {
            members.push(("fields", self.describe_fields(dtype)));
        }
        if !self.dims.is_empty() {
            members.push(("dims", json!(self.dims)));
        }
        if let Some(scale) = self.scale {
            members.push(("scale", describe_scale(scale)));
        }
        if !self.details.attributes.is_empty() {
            members.push(("attributes", json!(self.details.attributes)));
        }
        object(&members)
    }

    /// The fields of `dtype`, in which the elements are shown, with the scales that remain.
    fn describe_fields(&self, dtype: &DType) -> Value {
        let scales = &self.details.field_scales;
        let fields = dtype.fields().iter().zip(self.view.dtype().fields());
        let fields = fields.map(|(field, stored)| {
            let scale = scales.get(field.name());
            let has_scale = !field.dtype().has_other_sign(stored.dtype());
            describe_field(field, scale.filter(|_| has_scale))
        });
        fields.collect()
    }
}

/// The `meta.json` of a group: the file, the arrays in the group with their names in the file
/// and their paths below the group, what cannot be shown, and attributes.
pub fn group_json(
    origin: &Origin,
    arrays: &[(&Member, String)],
    skipped: &[Skipped],
    attributes: &Attributes,
) -> String {
    let arrays = arrays.iter().map(|(member, path)| {
        let view = &member.view;
        json!({
            "name": member.display_name(),
            "path": path,
            "dtype": describe(view.dtype()),
            "dtype_name": view.dtype().numpy_name(),
            "shape": view.shape().lengths(),
            "strides": view.strides(),
            "offset": view.offset(),
        })
    });
    let skipped = skipped
        .iter()
        .map(|skipped| json!({"name": skipped.name, "why": skipped.why}));
    object(&[
        ("file", json!(origin.file.to_string_lossy()).to_string()),
        ("format", json!(origin.format).to_string()),
        ("mode", json!(origin.mode.to_string()).to_string()),
        ("writable", json!(origin.writable).to_string()),
        ("arrays", array(arrays)),
        ("skipped", array(skipped)),
        ("attributes", json!(attributes).to_string()),
        ("version", json!(env!("CARGO_PKG_VERSION")).to_string()),
    ])
}

/// A JSON array with one line per element.
fn array(elements: impl Iterator<Item = Value>) -> String {
    let lines: Vec<String> = elements.map(|element| format!("    {element}")).collect();
    match &lines[..] {
        [] => "[]".into(),
        lines => format!("[\n{}\n  ]", lines.join(",\n")),
    }
}

/// A JSON object with one line per member. Values are JSON.
fn object(members: &[(&str, impl std::fmt::Display)]) -> String {
    let lines: Vec<String> = members
        .iter()
        .map(|(name, value)| format!("  {}: {value}", json!(name)))
        .collect();
    format!("{{\n{}\n}}\n", lines.join(",\n"))
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

/// A field in JSON, with the scale that the file gives for it.
fn describe_field(field: &Field, scale: Option<&Scale>) -> Value {
    let mut described = json!({
        "name": field.name(),
        "dtype": describe(field.dtype()),
        "dtype_name": field.dtype().numpy_name(),
        "shape": field.shape(),
        "offset": field.offset(),
    });
    if let (Some(scale), Some(members)) = (scale, described.as_object_mut()) {
        members.insert("scale".into(), describe_scale(*scale));
    }
    described
}

/// A scale in JSON.
fn describe_scale(Scale { slope, intercept }: Scale) -> Value {
    json!({"slope": slope, "intercept": intercept})
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
