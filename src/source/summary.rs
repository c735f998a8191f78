//! The one-line summary that is printed when a file is mounted. It names every default that was
//! assumed, bytes of the file after the array, and how many members cannot be shown.

use std::fmt;

use super::{Contents, Skipped};
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

/// A summary in one line, such as `uint8, 4800 elements (no --dtype given)`.
#[derive(Debug, Clone)]
pub struct Summary {
    /// The array; `None` for a group.
    view: Option<View>,
    /// The number of arrays.
    count: usize,
    skipped: Vec<Skipped>,
    /// What becomes wrong in the file if it is written.
    warning: Option<&'static str>,
    /// The default that was assumed, if any.
    assumed: Option<Assumed>,
    /// What else the user may not have meant.
    note: Option<String>,
    /// Number of bytes of the file after the array.
    left_over: u64,
}

impl Summary {
    /// The summary of `contents`, after which `left_over` bytes of the file follow. `writes` says
    /// whether the file can be written through the mount.
    pub(super) fn new(contents: &Contents, left_over: u64, writes: bool) -> Summary {
        let first = contents.members.first().filter(|_| !contents.is_group);
        Summary {
            view: first.map(|member| member.view.clone()),
            count: contents.members.len(),
            skipped: contents.skipped.clone(),
            warning: contents.warning.filter(|_| writes),
            assumed: contents.assumed,
            note: contents.note.clone(),
            left_over,
        }
    }

    /// Whether the summary tells the user something new: a default, what a name means, left-over
    /// bytes or members that cannot be shown.
    pub fn is_news(&self) -> bool {
        self.assumed.is_some()
            || self.note.is_some()
            || self.left_over > 0
            || !self.skipped.is_empty()
            || self.warning.is_some()
    }

    /// Writes dtype and shape of the array, or the number of arrays.
    fn write_arrays(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(view) = &self.view else {
            return match self.count {
                1 => write!(f, "1 array"),
                count => write!(f, "{count} arrays"),
            };
        };
        let dtype = view.dtype();
        match dtype.byte_order().name() {
            "big" => write!(f, "big-endian {}", dtype.numpy_name())?,
            _ if !dtype.fields().is_empty() => write!(f, "{dtype}")?,
            _ => write!(f, "{}", dtype.numpy_name())?,
        }
        match view.shape().lengths() {
            [1] => write!(f, ", 1 element"),
            [length] => write!(f, ", {length} elements"),
            _ => write!(f, ", shape {}", view.shape()),
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_arrays(f)?;
        match self.assumed {
            Some(Assumed::DType) => write!(f, " (no --dtype given)")?,
            Some(Assumed::Shape) => write!(f, " (no --shape given)")?,
            None => {}
        }
        if let Some(note) = &self.note {
            write!(f, "; {note}")?;
        }
        match self.left_over {
            0 => {}
            1 => write!(f, "; 1 byte after the array is ignored")?,
            bytes => write!(f, "; {bytes} bytes after the array are ignored")?,
        }
        match &self.skipped[..] {
            [] => {}
            [only] => write!(f, "; not shown: {} ({})", only.name, only.why)?,
            all => write!(f, "; {} others are not shown (see meta.json)", all.len())?,
        }
        match self.warning {
            Some(warning) => write!(f, "; {warning}"),
            None => Ok(()),
        }
    }
}
