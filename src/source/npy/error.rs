//! Errors of parsing a header, with the messages shown to the user. The caller adds the path of
//! the file.

use thiserror::Error;

use crate::array::MAX_NDIM;
use crate::dtype::DTypeError;
use crate::dtype::literal::{Literal, LiteralError};

/// The maximum length of a quoted value in an error, in characters.
const QUOTED_CHARACTERS: usize = 60;

/// Why a header is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum HeaderError {
    /// The magic bytes are wrong.
    #[error(r"magic bytes '{found}': expected '\x93NUMPY'")]
    Magic {
        /// The bytes found, escaped.
        found: String,
    },

    /// The format version is unknown.
    #[error("format version {major}.{minor}: expected 1.0, 2.0 or 3.0")]
    Version {
        /// Major version.
        major: u8,
        /// Minor version.
        minor: u8,
    },

    /// The file ends within the header.
    #[error("header: need {needed} bytes, there are {available}")]
    Truncated {
        /// Size of the header in bytes, as far as known from the available bytes.
        needed: usize,
        /// Number of available bytes.
        available: usize,
    },

    /// The text is longer than NumPy reads (`max_header_size`).
    #[error("header: its text has {length} {unit}, the maximum is {limit}")]
    TooLong {
        /// The length of the text, in `unit`.
        length: usize,
        /// The maximum length, in `unit`.
        limit: usize,
        /// The unit: bytes or characters.
        unit: &'static str,
    },

    /// The text of a version 3.0 header is not UTF-8.
    #[error("header: its text is not UTF-8 after the first {valid} bytes")]
    NotUtf8 {
        /// Length in bytes of the valid prefix.
        valid: usize,
    },

    /// The text is not a Python literal.
    #[error("header: {0}")]
    Text(#[from] LiteralError),

    /// The literal is not a dict.
    #[error("header {found}: expected a dict")]
    NotADict {
        /// The value found.
        found: String,
    },

    /// The dict has missing or unknown keys.
    #[error(
        "header: expected the keys 'descr', 'fortran_order' and 'shape'; {} missing, {} extra",
        listed(missing),
        listed(extra)
    )]
    Keys {
        /// The missing keys.
        missing: Vec<String>,
        /// The unknown keys.
        extra: Vec<String>,
    },

    /// The shape is not a tuple.
    #[error("shape {found}: expected a tuple of lengths, such as (3, 4)")]
    Shape {
        /// The value found.
        found: String,
    },

    /// A length is not an integer from 0 to 2^63 - 1.
    #[error("shape {shape}: the length {length} is not an integer from 0 to 2^63 - 1")]
    Length {
        /// The shape.
        shape: String,
        /// The length.
        length: String,
    },

    /// The shape has more than [`MAX_NDIM`] axes.
    #[error("shape {shape}: {ndim} axes, the maximum is {MAX_NDIM}")]
    TooManyAxes {
        /// The shape.
        shape: String,
        /// The number of axes.
        ndim: usize,
    },

    /// `fortran_order` is not a boolean.
    #[error("fortran_order {found}: expected True or False")]
    FortranOrder {
        /// The value found.
        found: String,
    },

    /// The array holds pickled Python objects.
    #[error(
        "descr {found}: the array holds pickled Python objects, which are not stored as items of a \
         fixed size; save it with another dtype"
    )]
    Pickled {
        /// The value of `descr`.
        found: String,
    },

    /// The dtype is refused.
    #[error(transparent)]
    DType(Box<DTypeError>),
}

/// The value as Python prints it, on one line and truncated.
pub(super) fn quote(value: &Literal) -> String {
    truncate(&value.to_string())
}

/// The keys separated by commas, truncated, or `none`.
fn listed(keys: &[String]) -> String {
    match keys {
        [] => "none".to_owned(),
        keys => truncate(&keys.join(", ")),
    }
}

fn truncate(text: &str) -> String {
    match text.char_indices().nth(QUOTED_CHARACTERS) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
