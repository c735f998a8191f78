//! Shapes, strides and views: where the elements of an array, and of every
//! slice of it, lie in a file. Pure arithmetic on bytes, all of it checked; it
//! opens no file and knows of no names.

mod column;
mod grid;
mod index;
mod runs;
mod shape;
mod view;

pub use column::{Column, ColumnLayout};
pub use grid::Grid;
pub use index::{Index, Indexed, NotAnIndex};
pub use runs::{Layout, Run, Runs};
pub use shape::{Order, Shape, ShapeSpec};
pub use view::View;

use std::fmt;

/// The most axes an array can have, as in NumPy (`NPY_MAXDIMS`).
pub const MAX_NDIM: usize = 64;

/// What the length of an inferred axis is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Items, where no shape was given.
    Item,
    /// Steps along the axis whose length was given as -1.
    Step,
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unit::Item => "one item",
            Unit::Step => "one step of the inferred axis",
        })
    }
}

/// Why a shape or a view cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArrayError {
    /// The text is not a shape.
    #[error("shape '{text}': expected lengths such as 1000,16 or 1000x16, or () for none")]
    NotAShape {
        /// What was given.
        text: String,
    },
    /// A length is negative and not -1.
    #[error("shape '{text}': the length {length} is negative, and only -1 (inferred) may be")]
    NegativeLength {
        /// What was given.
        text: String,
        /// The length.
        length: String,
    },
    /// A length is more than any file holds.
    #[error("shape '{text}': the length {length} is past 2^63, the end of the largest file")]
    LengthTooLarge {
        /// What was given.
        text: String,
        /// The length.
        length: String,
    },
    /// More than one length is to be inferred.
    #[error("shape '{text}': only one length can be -1")]
    TwoInferred {
        /// What was given.
        text: String,
    },
    /// More axes than NumPy allows.
    #[error("shape '{text}': {ndim} axes, and at most {MAX_NDIM} are possible")]
    TooManyAxes {
        /// What was given.
        text: String,
        /// How many axes it has.
        ndim: usize,
    },
    /// The array's bytes cannot be counted in 63 bits.
    #[error(
        "shape {shape} of {itemsize}-byte items at offset {offset} reaches byte 2^63, \
         which no file has"
    )]
    TooLarge {
        /// The shape.
        shape: Shape,
        /// Bytes in an item.
        itemsize: u64,
        /// Bytes before the array.
        offset: u64,
    },
    /// The inferred length of an axis would not be whole.
    #[error(
        "{available} bytes from offset {offset} to the end of the file are not a multiple of \
         {unit} bytes ({what})"
    )]
    NotAMultiple {
        /// Bytes from the offset to the file's end.
        available: u64,
        /// Bytes before the array.
        offset: u64,
        /// Bytes that each step of the inferred axis takes.
        unit: u64,
        /// What takes that many bytes.
        what: Unit,
    },
    /// The length -1 cannot be inferred because another is 0.
    #[error("shape '{text}': -1 cannot be inferred beside a length of 0")]
    InferredBesideZero {
        /// What was given.
        text: String,
    },
}
