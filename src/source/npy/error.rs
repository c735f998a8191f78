//! Why bytes are not the header of an array, in the words that the user sees; which file they came
//! from is added by the caller.

use thiserror::Error;

use crate::array::MAX_NDIM;
use crate::dtype::DTypeError;
use crate::dtype::literal::{Literal, LiteralError};

/// The longest part of a refused value that an error repeats, in characters.
const QUOTED_CHARACTERS: usize = 60;

/// Why bytes are not the header of an array.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum HeaderError {
    /// Another kind of file.
    #[error(r"magic bytes '{found}': expected '\x93NUMPY'")]
    Magic {
        /// What stands there, escaped.
        found: String,
    },

    /// A version that does not exist yet.
    #[error("format version {major}.{minor}: expected 1.0, 2.0 or 3.0")]
    Version {
        /// Its first number.
        major: u8,
        /// Its second number.
        minor: u8,
    },

    /// The bytes end too early.
    #[error("header: need {needed} bytes, there are {available}")]
    Truncated {
        /// Bytes up to where the header ends, or as far as its beginning says.
        needed: usize,
        /// Bytes at hand.
        available: usize,
    },

    /// Longer than NumPy reads (`max_header_size`).
    #[error("header: its text takes {length} {unit}, and at most {limit} are read")]
    TooLong {
        /// The length of the text.
        length: usize,
        /// The longest that is read.
        limit: usize,
        /// What is counted: bytes or characters.
        unit: &'static str,
    },

    /// A version 3.0 text in another encoding.
    #[error("header: its text is not UTF-8 after the first {valid} bytes")]
    NotUtf8 {
        /// Bytes that are.
        valid: usize,
    },

    /// Not a Python literal.
    #[error("header: {0}")]
    Text(#[from] LiteralError),

    /// Some other Python literal.
    #[error("header {found}: expected a dict")]
    NotADict {
        /// What stands there.
        found: String,
    },

    /// Not the keys that describe an array.
    #[error(
        "header: expected the keys 'descr', 'fortran_order' and 'shape'; {} missing, {} extra",
        listed(missing),
        listed(extra)
    )]
    Keys {
        /// Those that are missing.
        missing: Vec<String>,
        /// Those that have no meaning.
        extra: Vec<String>,
    },

    /// A shape that is not a tuple.
    #[error("shape {found}: expected a tuple of lengths, such as (3, 4)")]
    Shape {
        /// What stands there.
        found: String,
    },

    /// A length that no axis has.
    #[error("shape {shape}: the length {length} is not a whole number from 0 to 2^63 - 1")]
    Length {
        /// The shape.
        shape: String,
        /// The length.
        length: String,
    },

    /// More axes than NumPy allows.
    #[error("shape {shape}: {ndim} axes, and at most {MAX_NDIM} are possible")]
    TooManyAxes {
        /// The shape.
        shape: String,
        /// How many axes it has.
        ndim: usize,
    },

    /// An order that is not a truth value.
    #[error("fortran_order {found}: expected True or False")]
    FortranOrder {
        /// What stands there.
        found: String,
    },

    /// An array of Python objects.
    #[error(
        "descr {found}: the array is pickled Python objects, which are not stored as items of a \
         fixed size; save it with another dtype"
    )]
    Pickled {
        /// The type.
        found: String,
    },

    /// Not a type that can be mounted.
    #[error(transparent)]
    DType(Box<DTypeError>),
}

/// The value as Python prints it, which is on one line, and cut if it is long.
pub(super) fn quote(value: &Literal) -> String {
    cut(&value.to_string())
}

/// The keys, each quoted, or `none`.
fn listed(keys: &[String]) -> String {
    match keys {
        [] => "none".to_owned(),
        keys => cut(&keys.join(", ")),
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(QUOTED_CHARACTERS) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
