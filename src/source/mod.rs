//! Opens a file as an array. The dtype, shape, order and offset come from the header of
//! the file or from the user; the result is a view and a mapping. Names in the mount are
//! left to `tree`.
//!
//! Each file format is a row of [`FORMATS`].

mod error;
mod meta;
pub mod npy;
mod raw;
mod signature;
mod summary;

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use crate::array::{Order, ShapeSpec, View};
use crate::dtype::DType;
use crate::mapping::{BackingFile, FileError, Growth, Mapping, Mode, Pending};
pub use error::SourceError;
pub use meta::Meta;
use signature::Sample;
pub use summary::{Assumed, Summary};

/// The user's description of a file, in the terms of `numpy.memmap`. A missing value
/// comes from the header of the file, or else is the default of `numpy.memmap`.
#[derive(Debug, Clone)]
pub struct Description {
    /// The file format. The default is detected from the first bytes of the file, or
    /// for a new file from its name.
    pub format: Option<&'static Format>,
    /// The dtype of the array.
    pub dtype: Option<DType>,
    /// The shape. The default is one axis with all items of the file.
    pub shape: Option<ShapeSpec>,
    /// The memory order of the array.
    pub order: Option<Order>,
    /// File offset of the array, in bytes.
    pub offset: Option<u64>,
    /// The mode in which the file is opened.
    pub mode: Mode,
    /// Whether a file that is too short is extended under `r+`.
    pub extend: bool,
    /// Whether the views are read-only even if the mode allows writing.
    pub read_only: bool,
}

/// A file format.
#[derive(Debug)]
pub struct Format {
    /// The name of the format on the command line and in `meta.json`.
    pub name: &'static str,
    /// The magic bytes at the start of the file. Empty if the format has none.
    magic: &'static [u8],
    /// The suffix of file names. `None` if the format has none.
    suffix: Option<&'static str>,
    /// Determines which array a file holds, or under `w+` will hold.
    locate: fn(&BackingFile, &Description) -> Result<Located, SourceError>,
}

/// All formats. Those with magic bytes come first.
pub static FORMATS: [Format; 2] = [npy::FORMAT, raw::FORMAT];

/// An array in a file.
#[derive(Debug)]
struct Located {
    view: View,
    order: Order,
    /// The header, up to the array. For a new file, the header to be written.
    preamble: Vec<u8>,
    /// The default that was assumed, if any.
    assumed: Option<Assumed>,
}

impl PartialEq for Format {
    fn eq(&self, other: &Format) -> bool {
        self.name == other.name
    }
}

impl Format {
    /// The format with this name, if there is one.
    pub fn named(name: &str) -> Option<&'static Format> {
        FORMATS.iter().find(|format| format.name == name)
    }

    /// The names of all formats, `raw` first.
    pub fn names() -> impl Iterator<Item = &'static str> {
        FORMATS.iter().rev().map(|format| format.name)
    }

    /// The format of a new file with this name.
    pub fn of_new(path: &Path) -> &'static Format {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let has_suffix = |format: &&Format| {
            let suffix = format.suffix;
            suffix.is_some_and(|suffix| name.ends_with(suffix))
        };
        FORMATS.iter().find(has_suffix).unwrap_or(&raw::FORMAT)
    }

    /// The format of an existing file, detected from its first bytes.
    ///
    /// # Errors
    ///
    /// [`SourceError::Foreign`] when the file is of a known kind that holds no plain
    /// array, and the user gives no dtype.
    fn of(
        backing: &BackingFile,
        description: &Description,
    ) -> Result<&'static Format, SourceError> {
        let sample = Sample::of(backing)?;
        let found = FORMATS.iter().find(|f| sample.first.starts_with(f.magic));
        let found = found.unwrap_or(&raw::FORMAT);
        let is_described = description.dtype.is_some() || *found != raw::FORMAT;
        match signature::of(&sample).filter(|_| !is_described) {
            None => Ok(found),
            Some(signature) => Err(SourceError::Foreign {
                path: backing.path().to_path_buf(),
                signature,
            }),
        }
    }
}

/// Opens the file. A directory of a known kind gives [`SourceError::Foreign`].
fn open(path: &Path, mode: Mode) -> Result<BackingFile, SourceError> {
    let explain = |error| match (&error, signature::of_directory(path)) {
        (FileError::NotAFile { path, .. }, Some(signature)) => SourceError::Foreign {
            path: path.clone(),
            signature,
        },
        _ => error.into(),
    };
    BackingFile::open(path, mode).map_err(explain)
}

/// The array that a mount will show. Nothing is changed until it is mapped.
#[derive(Debug)]
pub struct Plan {
    backing: BackingFile,
    format: &'static str,
    located: Located,
    writable: bool,
}

impl Plan {
    /// Opens `path` and determines which array it holds.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened in the mode, or the description does not
    /// fit it.
    pub fn new(path: &Path, description: &Description) -> Result<Plan, SourceError> {
        let mut backing = open(path, description.mode)?;
        if description.extend {
            backing.may_extend();
        }
        let format = match description.format {
            Some(format) => format,
            None if description.mode == Mode::Write => Format::of_new(path),
            None => Format::of(&backing, description)?,
        };
        let located = (format.locate)(&backing, description)?;
        let plan = Plan {
            backing,
            format: format.name,
            located,
            writable: description.mode.writes() && !description.read_only,
        };
        let checked = plan.backing.check(&plan.bytes());
        checked.map_err(|error| match error {
            FileError::TooShort { remedy, .. } if !format.magic.is_empty() => {
                SourceError::NotWhole { error, remedy }
            }
            error => error.into(),
        })?;
        Ok(plan)
    }

    /// The file range of the array, in bytes. The position of an empty range matters
    /// too: `r+` extends the file to it, as NumPy does.
    pub fn bytes(&self) -> Range<u64> {
        let view = &self.located.view;
        view.offset()..view.offset() + view.nbytes()
    }

    /// The summary of the array, for the user.
    pub fn summary(&self) -> Summary {
        let rest = self.backing.size().saturating_sub(self.bytes().end);
        Summary {
            view: self.located.view.clone(),
            assumed: self.located.assumed,
            left_over: match self.backing.mode() {
                Mode::Write => 0,
                _ => rest,
            },
        }
    }

    /// The change of the size of the file. `None` if the size stays the same.
    pub fn growth(&self) -> Option<Growth> {
        let (from, to) = (self.backing.size(), self.bytes().end);
        let grows = self.backing.mode() == Mode::Write || from < to;
        grows.then_some(Growth {
            from,
            to,
            sparse: false,
        })
    }

    /// Whether the file does not exist yet.
    pub fn is_new(&self) -> bool {
        self.backing.is_missing()
    }

    /// The metadata of the array, as in `meta.json`.
    pub fn meta(&self) -> Meta {
        Meta {
            file: self.backing.path().to_path_buf(),
            format: self.format,
            view: self.located.view.clone(),
            order: self.located.order,
            mode: self.backing.mode(),
            writable: self.writable,
        }
    }

    /// Maps the file. The file changes only when [`Source::pending`] is committed.
    ///
    /// # Errors
    ///
    /// When there is no space for the array, or it cannot be mapped.
    pub fn map(self) -> Result<Source, SourceError> {
        let meta = self.meta();
        let bytes = self.bytes();
        let preamble: Arc<[u8]> = self.located.preamble.into();
        let (mapping, mut pending) = Mapping::new(self.backing, &bytes)?;
        if meta.mode == Mode::Write {
            pending.begin_with(preamble.clone());
        }
        Ok(Source {
            mapping,
            pending,
            meta,
            preamble,
        })
    }
}

/// A mapped file and the array that it holds.
#[derive(Debug)]
pub struct Source {
    /// The mapped file.
    pub mapping: Mapping,
    /// Changes to the file that are to be committed after the mount has succeeded.
    pub pending: Pending,
    /// The metadata of the array.
    pub meta: Meta,
    /// The header of the file, up to the array. Empty for formats without a header.
    pub preamble: Arc<[u8]>,
}
