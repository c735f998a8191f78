//! The one-line summary of an array that is printed when it is mounted. It names every
//! default that was assumed and any bytes of the file after the array.

use std::fmt;

use crate::array::View;

/// The part of a description for which a default was assumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assumed {
    /// The dtype, and possibly the shape.
    DType,
    /// The shape only.
    Shape,
}

impl Assumed {
    /// What is assumed, given whether a dtype and a shape are known. `None` if both are.
    pub(super) fn unless_given(dtype: bool, shape: bool) -> Option<Assumed> {
        match (dtype, shape) {
            (false, _) => Some(Assumed::DType),
            (true, false) => Some(Assumed::Shape),
            (true, true) => None,
        }
    }
}

/// A summary of an array in one line, such as `uint8, 4800 elements (no --dtype given)`.
#[derive(Debug, Clone)]
pub struct Summary {
    /// The array.
    pub(super) view: View,
    /// The default that was assumed, if any.
    pub(super) assumed: Option<Assumed>,
    /// Number of bytes of the file after the array.
    pub(super) left_over: u64,
}

impl Summary {
    /// Whether the summary tells the user something new: a default or left-over bytes.
    pub fn is_news(&self) -> bool {
        self.assumed.is_some() || self.left_over > 0
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (dtype, shape) = (self.view.dtype(), self.view.shape());
        match dtype.byte_order().name() {
            "big" => write!(f, "big-endian {}", dtype.numpy_name())?,
            _ if !dtype.fields().is_empty() => write!(f, "{dtype}")?,
            _ => write!(f, "{}", dtype.numpy_name())?,
        }
        match shape.lengths() {
            [1] => write!(f, ", 1 element")?,
            [length] => write!(f, ", {length} elements")?,
            _ => write!(f, ", shape {shape}")?,
        }
        match self.assumed {
            Some(Assumed::DType) => write!(f, " (no --dtype given)")?,
            Some(Assumed::Shape) => write!(f, " (no --shape given)")?,
            None => {}
        }
        match self.left_over {
            0 => Ok(()),
            1 => write!(f, "; 1 byte after the array is ignored"),
            bytes => write!(f, "; {bytes} bytes after the array are ignored"),
        }
    }
}
