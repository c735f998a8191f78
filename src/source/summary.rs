//! What is said of an array when it is mounted: nothing about it is assumed, and
//! no bytes of the file are left out, without a word.

use std::fmt;

use crate::array::View;

/// What neither the file nor the user has said of an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assumed {
    /// The type, and perhaps the shape with it.
    DType,
    /// The shape.
    Shape,
}

impl Assumed {
    /// What is assumed where only these were said.
    pub(super) fn without(dtype: bool, shape: bool) -> Option<Assumed> {
        match (dtype, shape) {
            (false, _) => Some(Assumed::DType),
            (true, false) => Some(Assumed::Shape),
            (true, true) => None,
        }
    }
}

/// An array in one line: `uint8, 4800 elements (no --dtype given)`.
#[derive(Debug, Clone)]
pub struct Summary {
    /// The array.
    pub(super) view: View,
    /// What was assumed of it.
    pub(super) assumed: Option<Assumed>,
    /// Bytes of the file behind it.
    pub(super) left_over: u64,
}

impl Summary {
    /// Whether it says more than the user and the file have said.
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
            1 => write!(f, "; 1 byte behind it is left over"),
            bytes => write!(f, "; {bytes} bytes behind it are left over"),
        }
    }
}
