//! Encodings: the file formats in which views are presented. Each encoding is a
//! module here and a row of the table returned by [`encodings`]. It gives the
//! directory, suffix, size and contents of its files; I/O is left to `vfile`.

mod arrow;
#[cfg(test)]
mod counted;
mod csv;
mod npy;
mod parquet;
mod raw;
mod tiff;

use std::sync::Arc;

use super::{CodedView, ContentList, CsvForm};
use crate::array::{Order, Shape, View};
use crate::dtype::DType;
use crate::mapping::Mapping;

/// One way to present the bytes of a view as a file.
#[derive(Debug)]
pub struct Encoding {
    /// The subdirectory of an array directory that holds the files. `None` for the
    /// array directory itself.
    pub folder: Option<&'static str>,
    /// The suffix of the file names.
    pub suffix: &'static str,
    /// Whether writes to a file change the view.
    pub writable: bool,
    /// Which parts of an array have files.
    pub scope: Scope,
    /// The size in bytes of the file of a view. `None` if the encoding does not
    /// support the view.
    pub len: fn(&CodedView<'_>) -> Option<u64>,
    /// The contents of the file of a supported view.
    pub contents: fn(&Arc<Mapping>, &CodedView<'_>) -> ContentList,
    /// Whether a write of the second argument over the header in the first is
    /// accepted. See [`Literal`](super::Literal).
    pub is_equivalent: fn(&[u8], &[u8]) -> bool,
}

/// Which parts of an array an encoding presents as files.
#[derive(Debug)]
pub enum Scope {
    /// The array, and rows, columns and other slices of it.
    Slices,
    /// The array only. The function tells whether it has a file. Every array of a mount is asked,
    /// so this has to be quicker than working out the size.
    Whole(fn(&CodedView<'_>) -> bool),
}

impl Encoding {
    /// Whether there is a directory of this encoding for the array `view`: it supports the array
    /// or slices that are single elements of its dtype.
    pub fn shows(&self, view: &CodedView<'_>) -> bool {
        match self.scope {
            Scope::Slices => {
                self.shows_shape(view.dtype(), Shape::default()) || (self.len)(view).is_some()
            }
            Scope::Whole(has_file) => has_file(view),
        }
    }

    /// Whether there are files of slices.
    pub fn has_slices(&self) -> bool {
        matches!(self.scope, Scope::Slices)
    }

    /// Whether the encoding supports a contiguous array of this dtype and shape.
    pub fn shows_shape(&self, dtype: &DType, shape: Shape) -> bool {
        let array = View::contiguous(dtype.clone(), 0, shape, Order::C);
        array.is_ok_and(|view| (self.len)(&CodedView::as_stored(&view)).is_some())
    }
}

/// All encodings, with CSV files in the form `csv`. The first is the one used in the
/// array directories themselves.
pub fn encodings(csv: CsvForm) -> &'static [Encoding] {
    const fn table(csv: Encoding) -> [Encoding; 6] {
        [
            raw::ENCODING,
            npy::ENCODING,
            csv,
            tiff::ENCODING,
            arrow::ENCODING,
            parquet::ENCODING,
        ]
    }
    static UNPADDED: [Encoding; 6] = table(csv::UNPADDED);
    static PADDED: [Encoding; 6] = table(csv::PADDED);
    match csv {
        CsvForm::Unpadded => &UNPADDED,
        CsvForm::Padded => &PADDED,
    }
}
