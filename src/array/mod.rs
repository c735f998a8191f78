//! Shapes, strides and views: the file offsets of the elements of an array and of
//! its slices. This is pure, checked arithmetic on byte offsets. File access and
//! the names of slices are left to other modules.

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

/// The maximum number of axes of an array, as in NumPy (`NPY_MAXDIMS`).
pub const MAX_NDIM: usize = 64;

/// Why a shape or a view is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArrayError {
    /// The text is a hexadecimal number, or two lengths of which the first is 0.
    #[error("shape '{text}': lengths are decimal numbers; two of them are written (0,{digits})")]
    HexadecimalLength {
        /// The text given.
        text: String,
        /// What follows the `0x`.
        digits: String,
    },
    /// The text does not have the syntax of a shape.
    #[error("shape '{text}': expected lengths such as 1000,16 or 1000x16, or () for none")]
    NotAShape {
        /// The text given.
        text: String,
    },
    /// A length is below -1.
    #[error("shape '{text}': the length {length} is negative; only -1 (inferred) is allowed")]
    NegativeLength {
        /// The text given.
        text: String,
        /// The length.
        length: String,
    },
    /// A length exceeds 2^63 - 1.
    #[error("shape '{text}': the length {length} is past 2^63, the limit of file sizes")]
    LengthTooLarge {
        /// The text given.
        text: String,
        /// The length.
        length: String,
    },
    /// More than one length is -1.
    #[error("shape '{text}': only one length can be -1")]
    TwoInferred {
        /// The text given.
        text: String,
    },
    /// The shape has more than [`MAX_NDIM`] axes.
    #[error("shape '{text}': {ndim} axes, the maximum is {MAX_NDIM}")]
    TooManyAxes {
        /// The text given.
        text: String,
        /// The number of axes.
        ndim: usize,
    },
    /// The end of the array exceeds 2^63 - 1 bytes.
    #[error(
        "shape {shape} of {itemsize}-byte items at offset {offset} reaches byte 2^63, \
         the limit of file sizes"
    )]
    TooLarge {
        /// The shape.
        shape: Shape,
        /// Item size in bytes.
        itemsize: u64,
        /// Offset of the array in bytes.
        offset: u64,
    },
    /// There is not one stride for each axis, or there are more than [`MAX_NDIM`] axes.
    #[error("{axes} axes and {strides} strides: expected as many, at most {MAX_NDIM}")]
    Strides {
        /// The number of axes.
        axes: usize,
        /// The number of strides.
        strides: usize,
    },
    /// The available bytes are not a whole number of items, or these not a whole number of steps
    /// of the inferred axis.
    #[error("{}", not_a_multiple(*available, *offset, *itemsize, *step))]
    NotAMultiple {
        /// Bytes from the offset to the end of the file.
        available: u64,
        /// Offset of the array in bytes.
        offset: u64,
        /// Item size in bytes.
        itemsize: u64,
        /// Number of items in one step along the inferred axis.
        step: u64,
        /// The largest shape that fits.
        fitting: Shape,
    },
    /// The length -1 cannot be inferred because another length is 0.
    #[error("shape '{text}': -1 cannot be inferred beside a length of 0")]
    InferredBesideZero {
        /// The text given.
        text: String,
    },
}

/// The message of [`ArrayError::NotAMultiple`].
fn not_a_multiple(available: u64, offset: u64, itemsize: u64, step: u64) -> String {
    let numbers = available / itemsize;
    if available.is_multiple_of(itemsize) {
        format!(
            "{numbers} numbers are not a multiple of {step}: they are the {available} bytes from \
             offset {offset} to the end of the file"
        )
    } else {
        let (bytes, are) = match available {
            1 => ("byte", "is"),
            _ => ("bytes", "are"),
        };
        format!(
            "{available} {bytes} from offset {offset} to the end of the file {are} not a multiple \
             of {itemsize} bytes (one item)"
        )
    }
}
