//! The encodings in which every view can be had. Each is a file here and a row
//! of the table that [`encodings`] returns: where its files lie, what they are
//! called, how long they are and of which segments they are made.

mod csv;
mod npy;
mod raw;

use std::sync::Arc;

use super::{CsvForm, Segment};
use crate::array::{Order, Shape, View};
use crate::dtype::DType;
use crate::mapping::Mapping;

/// One way to present the bytes of a view as a file.
#[derive(Debug)]
pub struct Encoding {
    /// The folder in an array directory that holds the files; `None` for the
    /// array directory itself.
    pub folder: Option<&'static str>,
    /// What is appended to the files' names.
    pub suffix: &'static str,
    /// Whether what is written to a file reaches the view.
    pub writable: bool,
    /// The size in bytes of the file of a view; `None` where it has none.
    pub len: fn(&View) -> Option<u64>,
    /// The segments of the file of a view that has one.
    pub segments: fn(&Arc<Mapping>, &View) -> Vec<Segment>,
    /// Whether the second of two literals can be written where the first is.
    pub is_equivalent: fn(&[u8], &[u8]) -> bool,
}

impl Encoding {
    /// Whether it can show elements of this type: it has a file of one.
    pub fn shows(&self, dtype: &DType) -> bool {
        self.shows_shape(dtype, Shape::default())
    }

    /// Whether it has a file of a contiguous array of this type and shape.
    pub fn shows_shape(&self, dtype: &DType, shape: Shape) -> bool {
        let array = View::contiguous(dtype.clone(), 0, shape, Order::C);
        array.is_ok_and(|view| (self.len)(&view).is_some())
    }
}

/// All encodings, with text in the form `csv`; the first is that of the array
/// directories themselves.
pub fn encodings(csv: CsvForm) -> &'static [Encoding] {
    static UNPADDED: [Encoding; 3] = [raw::ENCODING, npy::ENCODING, csv::UNPADDED];
    static PADDED: [Encoding; 3] = [raw::ENCODING, npy::ENCODING, csv::PADDED];
    match csv {
        CsvForm::Unpadded => &UNPADDED,
        CsvForm::Padded => &PADDED,
    }
}
