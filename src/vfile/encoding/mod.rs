//! The encodings: file formats in which the tree offers every view. Each encoding is one module
//! and one entry of the table that [`encodings`] returns. An encoding supplies a directory name,
//! a suffix, the file size and the list of segments; reading and writing segments is the business
//! of `vfile`.

mod csv;
mod npy;
mod raw;

use std::sync::Arc;

use super::{CsvForm, Segment};
use crate::array::{Order, Shape, View};
use crate::dtype::DType;
use crate::mapping::Mapping;

/// A file format for views.
#[derive(Debug)]
pub struct Encoding {
    /// The name of the subdirectory with the files of this encoding; `None` if they are in the
    /// array directory itself.
    pub folder: Option<&'static str>,
    /// The suffix of file names.
    pub suffix: &'static str,
    /// Whether elements can be written through the files.
    pub writable: bool,
    /// The size in bytes of the file of a view; `None` if the encoding does not support the
    /// view's dtype or shape.
    pub len: fn(&View) -> Option<u64>,
    /// The segments of the file of a view for which `len` is `Some`.
    pub segments: fn(&Arc<Mapping>, &View) -> Vec<Segment>,
    /// Whether a write of the second bytes over a literal, the first, changes nothing: the two
    /// have the same meaning.
    pub is_equivalent: fn(&[u8], &[u8]) -> bool,
}

impl Encoding {
    /// Whether the encoding has files of arrays of this dtype.
    pub fn shows(&self, dtype: &DType) -> bool {
        self.shows_shape(dtype, Shape::default())
    }

    /// Whether the encoding has a file of a contiguous array of this dtype and shape.
    pub fn shows_shape(&self, dtype: &DType, shape: Shape) -> bool {
        let array = View::contiguous(dtype.clone(), 0, shape, Order::C);
        array.is_ok_and(|view| (self.len)(&view).is_some())
    }
}

/// All encodings, with text in the form `csv`. The first one is the raw encoding, whose files
/// are in the array directory itself.
pub fn encodings(csv: CsvForm) -> &'static [Encoding] {
    static UNPADDED: [Encoding; 3] = [raw::ENCODING, npy::ENCODING, csv::UNPADDED];
    static PADDED: [Encoding; 3] = [raw::ENCODING, npy::ENCODING, csv::PADDED];
    match csv {
        CsvForm::Unpadded => &UNPADDED,
        CsvForm::Padded => &PADDED,
    }
}
