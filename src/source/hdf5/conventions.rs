//! What attributes mean by the conventions of h5py and NetCDF: names of axes, and the scale of
//! numbers (<https://docs.unidata.ucar.edu/netcdf-c/current/file_format_specifications.html>).

use std::collections::HashMap;

use serde_json::Value;

use crate::source::{Attributes, Member, Scale};

/// How the `NAME` of a dataset begins that NetCDF only uses to store a dimension.
const DIMENSION_ONLY: &str = "This is a netCDF dimension but not a netCDF variable";

/// The dimensions of a NetCDF file.
#[derive(Debug, Default)]
pub(super) struct Dimensions {
    /// Names of dimensions by their numbers.
    names: HashMap<i64, String>,
}

impl Dimensions {
    /// Adds the dimension that the dataset at `path` stores, if any. Returns whether the dataset
    /// is nothing else.
    pub fn add(&mut self, path: &str, attributes: &Attributes) -> bool {
        if !is_scale(attributes) {
            return false;
        }
        let number = attributes.get("_Netcdf4Dimid").and_then(Value::as_i64);
        if let Some(number) = number {
            self.names.insert(number, last_name(path).to_owned());
        }
        let name = attributes.get("NAME").and_then(Value::as_str);
        name.is_some_and(|name| name.starts_with(DIMENSION_ONLY))
    }

    /// Names the axes of `member`, unless they have names.
    pub fn name_axes(&self, member: &mut Member) {
        let numbers = member.details.attributes.get("_Netcdf4Coordinates");
        let numbers = numbers.and_then(Value::as_array);
        if let Some(numbers) = numbers.filter(|numbers| numbers.len() == member.view.ndim()) {
            let numbers = numbers.iter().map(Value::as_i64);
            let name = |number: Option<i64>| self.names.get(&number?).cloned();
            set(&mut member.dims, numbers.map(name).collect());
        }
    }
}

/// Names of `ndim` axes of the dataset at `path`: those that h5py gives, or for the coordinate of
/// an axis its own name. Empty if they have none.
pub(super) fn dims(attributes: &Attributes, path: &str, ndim: usize) -> Vec<Option<String>> {
    let mut dims = Vec::new();
    if ndim == 1 && is_scale(attributes) {
        dims.push(Some(last_name(path).to_owned()));
    }
    let labels = attributes.get("DIMENSION_LABELS").and_then(Value::as_array);
    if let Some(labels) = labels.filter(|labels| labels.len() == ndim) {
        let labels = labels.iter().map(Value::as_str);
        let labels = labels.map(|label| label.filter(|label| !label.is_empty()));
        set(
            &mut dims,
            labels.map(|label| label.map(str::to_owned)).collect(),
        );
    }
    dims
}

/// Sets `dims` to `names`, unless there are names already or none among `names`.
fn set(dims: &mut Vec<Option<String>>, names: Vec<Option<String>>) {
    if dims.is_empty() && names.iter().any(Option::is_some) {
        *dims = names;
    }
}

/// Whether the dataset holds the coordinates of an axis.
fn is_scale(attributes: &Attributes) -> bool {
    attributes.get("CLASS").and_then(Value::as_str) == Some("DIMENSION_SCALE")
}

fn last_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The scale of the numbers, by the conventions of NetCDF.
pub(super) fn scale(attributes: &Attributes) -> Option<Scale> {
    let number = |name, default| match attributes.get(name) {
        None => Some(default),
        Some(Value::Array(values)) => match &values[..] {
            [value] => value.as_f64(),
            _ => None,
        },
        Some(value) => value.as_f64(),
    };
    Scale::unless_trivial(number("scale_factor", 1.0)?, number("add_offset", 0.0)?)
}
