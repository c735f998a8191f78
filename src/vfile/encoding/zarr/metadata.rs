//! The attributes, names of axes and fill value of an array in `zarr/`, so that xarray reads from
//! them what it reads from the file itself.
//!
//! - The attributes are those of the file, as the NetCDF library has them: a list of one is its
//!   value. xarray scales and masks by `scale_factor`,
//!   `add_offset`, `missing_value` and `_FillValue`, which only the conventions of NetCDF have. They
//!   are written in the form and with the digits that it needs.
//! - A scale that the file states in another way is the attribute `scale`, which no program
//!   applies.

use std::collections::HashSet;

use serde_json::{Number, Value, json};

use super::types::base64;
use crate::dtype::{DType, Kind};
use crate::source::Attributes;
use crate::vfile::encoding::Subject;

/// The attributes in which NetCDF-4 keeps its dimensions in HDF5. Its library does not show them,
/// and refuses files that xarray writes with them.
const HIDDEN: [&str; 4] = [
    "_Netcdf4Dimid",
    "_Netcdf4Coordinates",
    "_NCProperties",
    "_nc3_strict",
];

/// What stands beside the type and the shape of an array.
#[derive(Debug)]
pub(super) struct Metadata {
    /// A name for each axis, each once.
    pub(super) dims: Vec<String>,
    /// Without `_FillValue`, which each version has in another place.
    attributes: Attributes,
    /// The value of `_FillValue`.
    fill_value: Option<Value>,
}

impl Metadata {
    /// The metadata of an array.
    pub(super) fn of(array: &Subject<'_>) -> Metadata {
        let mut attributes = array.attributes.cloned().unwrap_or_default();
        attributes.retain(|name, _| !HIDDEN.contains(&name.as_str()));
        if attributes.get("CLASS") == Some(&json!("DIMENSION_SCALE")) {
            attributes.remove("CLASS");
            attributes.remove("NAME");
        }
        for value in attributes.values_mut() {
            if let Value::Array(list) = value
                && let [only] = &mut list[..]
                && !only.is_array()
            {
                *value = only.take();
            }
        }
        let mut is_applied = false;
        for (name, number) in [
            ("scale_factor", array.scale.map(|scale| scale.slope)),
            ("add_offset", array.scale.map(|scale| scale.intercept)),
        ] {
            if let (Some(value), Some(number)) = (attributes.get_mut(name), number) {
                // A float32 has been rounded to a short decimal number.
                *value = json!(number);
                is_applied = true;
            }
        }
        if let Some(scale) = array.scale.filter(|_| !is_applied) {
            let scale = json!({"slope": scale.slope, "intercept": scale.intercept});
            attributes.entry("scale").or_insert(scale);
        }
        // Not-a-number, which JSON lacks, is missing whatever the attributes say.
        if attributes
            .get("missing_value")
            .is_some_and(|value| *value == json!("NaN"))
        {
            attributes.remove("missing_value");
        }
        let fill_value = attributes.remove("_FillValue");
        Metadata {
            dims: dims(array),
            attributes,
            fill_value,
        }
    }

    /// The attributes of version 3. Those of version 2 have the names of the axes, too.
    pub(super) fn attributes_3(mut self, dtype: &DType) -> Attributes {
        if let Some(value) = self
            .fill_value
            .and_then(|value| in_attributes(&value, dtype))
        {
            self.attributes.insert("_FillValue".to_owned(), value);
        }
        self.attributes
    }

    /// The attributes of version 2.
    pub(super) fn attributes_2(mut self) -> Attributes {
        let dims = json!(self.dims);
        self.attributes.insert("_ARRAY_DIMENSIONS".to_owned(), dims);
        self.attributes
    }

    /// The fill value of version 2. xarray takes it for `_FillValue`, so it is null where the file
    /// has none.
    pub(super) fn fill_value_2(&self, dtype: &DType) -> Value {
        let value = self.fill_value.as_ref();
        let value = value.and_then(|value| match dtype.kind() {
            Kind::Int | Kind::UInt => is_integer(value).then(|| value.clone()),
            Kind::Float => {
                let number = float(value, dtype)?;
                Some(Number::from_f64(number).map_or_else(|| value.clone(), Value::Number))
            }
            _ => None,
        });
        value.unwrap_or(Value::Null)
    }
}

/// The value of the attribute `_FillValue` as xarray writes it into version 3.
fn in_attributes(value: &Value, dtype: &DType) -> Option<Value> {
    match dtype.kind() {
        Kind::Int | Kind::UInt => is_integer(value).then(|| value.clone()),
        Kind::Float => Some(json!(base64(&float(value, dtype)?.to_le_bytes()))),
        // xarray refuses a whole store in which text has one.
        _ => None,
    }
}

fn is_integer(value: &Value) -> bool {
    value.is_i64() || value.is_u64()
}

/// A number as a value of `dtype`. A float32 has been rounded to a short decimal number.
fn float(value: &Value, dtype: &DType) -> Option<f64> {
    let number = match value {
        Value::String(text) => text.parse().ok()?,
        value => value.as_f64()?,
    };
    Some(match dtype.itemsize() {
        4 => f64::from(number as f32),
        _ => number,
    })
}

/// The names of the axes: those of the file, and `axis0`, `axis1` and so on where it has none or
/// not all are different. xarray wants one length for each name in a group, so these begin with
/// the name of the array if there are others.
fn dims(array: &Subject<'_>) -> Vec<String> {
    let prefix = match array.name {
        "" => String::new(),
        name => format!("{name}_"),
    };
    let generic = |axis: usize| format!("{prefix}axis{axis}");
    let names = |axis: usize| {
        let name = array.dims.get(axis).copied().flatten();
        name.map_or_else(|| generic(axis), str::to_owned)
    };
    let ndim = array.view.shape().ndim();
    let named: Vec<String> = (0..ndim).map(names).collect();
    let different: HashSet<&String> = named.iter().collect();
    match different.len() == ndim {
        true => named,
        false => (0..ndim).map(generic).collect(),
    }
}
