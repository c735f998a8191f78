//! Extended attributes that describe the array of a file or directory. Served only under
//! `--xattr`, since tools that find any attribute ask for several on every file.

use super::error::FsError;
use crate::array::View;

/// A name, and its value for an array.
type Attribute = (&'static str, fn(&View) -> String);

const ATTRIBUTES: [Attribute; 5] = [
    ("user.dtype", |view| view.dtype().to_string()),
    ("user.shape", |view| view.shape().to_string()),
    ("user.ndim", |view| view.ndim().to_string()),
    ("user.size", |view| view.size().to_string()),
    ("user.itemsize", |view| view.dtype().itemsize().to_string()),
];

/// The value of an attribute of `array`. Nodes without an array have no attributes.
///
/// # Errors
///
/// When there is no such attribute.
pub(super) fn value(array: Option<&View>, name: &str) -> Result<String, FsError> {
    let found = ATTRIBUTES.iter().find(|(known, _)| *known == name);
    match (found, array) {
        (Some((_, value)), Some(array)) => Ok(value(array)),
        _ => Err(FsError::NoAttribute),
    }
}

/// The names of all attributes of `array`, each terminated by a NUL, as for `listxattr(2)`.
pub(super) fn names(array: Option<&View>) -> Vec<u8> {
    let names = ATTRIBUTES.iter().filter(|_| array.is_some());
    names
        .flat_map(|(name, _)| [name.as_bytes(), b"\0"].concat())
        .collect()
}
