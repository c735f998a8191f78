//! Encodings: the file formats in which arrays are presented. Each encoding is a module here and
//! a row of the table returned by [`encodings`]. It gives the names, sizes and contents of its
//! files; I/O is left to `vfile`.

mod arrow;
#[cfg(test)]
mod counted;
mod csv;
#[cfg(test)]
mod items;
mod npy;
mod parquet;
mod raw;
mod tiff;
pub mod zarr;

use std::fmt::Debug;
use std::ops::Range;
use std::sync::Arc;

use super::{CodedView, ContentList, CsvForm};
use crate::array::{Order, Shape, View};
use crate::dtype::DType;
use crate::mapping::Mapping;
use crate::source::{Attributes, Scale};

/// One way to present an array.
#[derive(Debug)]
pub enum Encoding {
    /// A file for the array, and one for each of its slices.
    Files(FileEncoding),
    /// A directory of files for the array, and none for its slices.
    Directory(DirectoryEncoding),
}

/// One way to present the bytes of a view as a file.
#[derive(Debug)]
pub struct FileEncoding {
    /// The subdirectory of an array directory that holds the files. `None` for the
    /// array directory itself.
    pub folder: Option<&'static str>,
    /// The suffix of the file names.
    pub suffix: &'static str,
    /// Whether writes to a file change the view.
    pub writable: bool,
    /// Which parts of an array have files.
    pub scope: Scope,
    /// The most axes of a view with a file; `None` if the number of axes does not matter.
    pub max_ndim: Option<usize>,
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

/// One way to present an array as a directory of files.
#[derive(Debug)]
pub struct DirectoryEncoding {
    /// The subdirectory of an array directory that holds the files.
    pub folder: &'static str,
    /// Whether writes to the files of elements change the array.
    pub writable: bool,
    /// The files that present an array. `None` if the encoding does not support it.
    pub files: for<'a> fn(&Subject<'a>) -> Option<Box<dyn FileSet + 'a>>,
}

/// An array that is presented as a directory of files.
#[derive(Debug, Clone)]
pub struct Subject<'a> {
    /// The elements.
    pub view: CodedView<'a>,
    /// The name that tells it from other arrays beside it; empty if there are none.
    pub name: &'a str,
    /// Names of the axes; empty if they have none.
    pub dims: Vec<Option<&'a str>>,
    /// What else the file says about the array.
    pub attributes: Option<&'a Attributes>,
    /// How numbers are meant to be scaled.
    pub scale: Option<Scale>,
    /// The options of the mount.
    pub options: &'a EncodingOptions,
}

/// The most subdirectories of a directory that presents an array.
pub const MAX_SUBDIRECTORIES: usize = 16;

/// The files in a directory that presents an array, and in its subdirectories. They are numbered:
/// first those of the directory itself, then those of each subdirectory.
pub trait FileSet: Debug {
    /// The number of files.
    fn count(&self) -> u64;

    /// The name of a file, in its directory.
    fn name(&self, number: u64) -> String;

    /// The number of the file called `name` in the directory itself; `None` if there is none.
    fn find(&self, name: &str) -> Option<u64>;

    /// The subdirectories, at most [`MAX_SUBDIRECTORIES`]: their names, and the numbers of their
    /// files.
    fn subdirectories(&self) -> Vec<(String, Range<u64>)> {
        Vec::new()
    }

    /// The number of the file called `name` in a subdirectory; `None` if there is none.
    fn find_in(&self, _subdirectory: usize, _name: &str) -> Option<u64> {
        None
    }

    /// Whether a file is text and not elements.
    fn is_text(&self, number: u64) -> bool;

    /// A file of text; `None` for a file of elements.
    fn text(&self, number: u64) -> Option<String>;

    /// The size in bytes of a file of elements.
    fn len(&self, number: u64) -> u64;

    /// The contents of a file of elements.
    fn contents(&self, number: u64, mapping: &Arc<Mapping>) -> ContentList;
}

/// The options of a mount that concern encodings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EncodingOptions {
    /// The form of the files in `csv/`.
    pub csv: CsvForm,
    /// The shape of the chunks in `zarr/` and `ome.zarr/`, for arrays with as many axes.
    pub zarr_chunks: Option<Shape>,
}

impl Encoding {
    /// The subdirectory of an array directory that holds the files. `None` for the array
    /// directory itself.
    pub fn folder(&self) -> Option<&'static str> {
        match self {
            Encoding::Files(files) => files.folder,
            Encoding::Directory(directory) => Some(directory.folder),
        }
    }

    /// Whether writes to files of elements change the array.
    pub fn is_writable(&self) -> bool {
        match self {
            Encoding::Files(files) => files.writable,
            Encoding::Directory(directory) => directory.writable,
        }
    }

    /// The encoding, if it has a file for each view.
    pub fn of_views(&self) -> Option<&FileEncoding> {
        match self {
            Encoding::Files(files) => Some(files),
            Encoding::Directory(_) => None,
        }
    }

    /// Whether there are files of slices.
    pub fn has_slices(&self) -> bool {
        let files = self.of_views();
        files.is_some_and(|files| matches!(files.scope, Scope::Slices))
    }

    /// The files that present an array, if the encoding has a directory for it.
    pub fn files_of<'a>(&self, array: &Subject<'a>) -> Option<Box<dyn FileSet + 'a>> {
        match self {
            Encoding::Files(_) => None,
            Encoding::Directory(directory) => (directory.files)(array),
        }
    }

    /// Whether there is a directory of this encoding for an array: it supports the array or
    /// single elements of its dtype.
    pub fn shows(&self, array: &Subject<'_>) -> bool {
        match self {
            Encoding::Directory(_) => self.files_of(array).is_some(),
            Encoding::Files(files) => files.shows(&array.view),
        }
    }
}

impl FileEncoding {
    /// Whether there is a directory of this encoding for the array `view`: it supports the array
    /// or slices that are single elements of its dtype.
    fn shows(&self, view: &CodedView<'_>) -> bool {
        match self.scope {
            Scope::Slices => {
                self.shows_shape(view.dtype(), Shape::default()) || (self.len)(view).is_some()
            }
            Scope::Whole(has_file) => has_file(view),
        }
    }

    /// Whether the encoding supports a contiguous array of this dtype and shape.
    pub fn shows_shape(&self, dtype: &DType, shape: Shape) -> bool {
        let array = View::contiguous(dtype.clone(), 0, shape, Order::C);
        array.is_ok_and(|view| (self.len)(&CodedView::as_stored(&view)).is_some())
    }
}

impl<'a> Subject<'a> {
    /// An array of which only the elements are known.
    pub fn new(view: CodedView<'a>, options: &'a EncodingOptions) -> Subject<'a> {
        Subject {
            view,
            name: "",
            dims: Vec::new(),
            attributes: None,
            scale: None,
            options,
        }
    }
}

/// All encodings, with CSV files in the form `csv`. The first is the one used in the
/// array directories themselves.
pub fn encodings(csv: CsvForm) -> &'static [Encoding] {
    const fn table(csv: FileEncoding) -> [Encoding; 8] {
        [
            Encoding::Files(raw::ENCODING),
            Encoding::Files(npy::ENCODING),
            Encoding::Files(csv),
            Encoding::Files(tiff::ENCODING),
            Encoding::Files(arrow::ENCODING),
            Encoding::Files(parquet::ENCODING),
            Encoding::Directory(zarr::ENCODING),
            Encoding::Directory(zarr::PYRAMID),
        ]
    }
    static UNPADDED: [Encoding; 8] = table(csv::UNPADDED);
    static PADDED: [Encoding; 8] = table(csv::PADDED);
    match csv {
        CsvForm::Unpadded => &UNPADDED,
        CsvForm::Padded => &PADDED,
    }
}
