//! How a file comes to be an array: the user's description, or what the file
//! says of itself, gives a view of it and the mapping below. What the views
//! are called when they are mounted is decided above.

mod meta;
mod raw;

use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::array::{ArrayError, Order, ShapeSpec, View};
use crate::dtype::DType;
use crate::mapping::{BackingFile, FileError, Mapping, Mode, Pending};
pub use meta::Meta;

/// What the user says of a file, with the meanings of `numpy.memmap`.
#[derive(Debug, Clone)]
pub struct Description {
    /// The type of an element.
    pub dtype: DType,
    /// The shape; without one, the file's items in one axis.
    pub shape: Option<ShapeSpec>,
    /// Which axis is the fastest in the file.
    pub order: Order,
    /// Bytes before the array.
    pub offset: u64,
    /// How the file is opened.
    pub mode: Mode,
    /// Whether the views cannot be written although the mode would allow it.
    pub read_only: bool,
}

/// Why a file and a description do not make an array.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The file cannot be opened or grown.
    #[error(transparent)]
    File(#[from] FileError),
    /// The shape cannot be, or does not fit.
    #[error("{}: {error}", path.display())]
    Array {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: ArrayError,
    },
    /// The array would begin after the file ends, and no shape says how long it is.
    #[error(
        "{}: offset {offset} is past the end of the file, which has {size} bytes",
        path.display()
    )]
    OffsetPastEnd {
        /// The file.
        path: PathBuf,
        /// Bytes before the array.
        offset: u64,
        /// Bytes in the file.
        size: u64,
    },
    /// A file that is to be made needs a full shape.
    #[error("{}: mode w+ makes a new file, and needs its whole --shape", path.display())]
    ShapeNeeded {
        /// The file.
        path: PathBuf,
    },
}

impl SourceError {
    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            SourceError::File(error) => error.hint(),
            SourceError::Array {
                error: ArrayError::NotAMultiple { .. },
                ..
            } => Some("give a --shape to leave the rest of the file out".into()),
            SourceError::OffsetPastEnd { .. } => Some(
                "give a smaller --offset, or a --shape under --mode r+ to extend the file".into(),
            ),
            _ => None,
        }
    }
}

/// The array that a mount will show, worked out without changing anything.
#[derive(Debug)]
pub struct Plan {
    backing: BackingFile,
    format: &'static str,
    view: View,
    order: Order,
    writable: bool,
}

impl Plan {
    /// Opens `path` and works out which array it holds.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened in the mode, or the description does not
    /// fit it.
    pub fn new(path: &Path, description: &Description) -> Result<Plan, SourceError> {
        let backing = BackingFile::open(path, description.mode)?;
        let view = raw::view(path, description, backing.size())?;
        let plan = Plan {
            backing,
            format: raw::FORMAT,
            view,
            order: description.order,
            writable: description.mode.writes() && !description.read_only,
        };
        plan.backing.must_grow(&plan.bytes())?;
        Ok(plan)
    }

    /// The bytes of the file that the array covers. An array of no bytes still
    /// has a place, to which `r+` extends the file as NumPy does.
    fn bytes(&self) -> Range<u64> {
        self.view.offset()..self.view.offset() + self.view.nbytes()
    }

    /// What `meta.json` says of the array.
    pub fn meta(&self) -> Meta {
        Meta {
            file: self.backing.path().to_path_buf(),
            format: self.format,
            view: self.view.clone(),
            order: self.order,
            mode: self.backing.mode(),
            writable: self.writable,
        }
    }

    /// Maps the file. It changes only when what is pending is committed.
    ///
    /// # Errors
    ///
    /// When there is no space for the array, or it cannot be mapped.
    pub fn map(self) -> Result<Source, SourceError> {
        let meta = self.meta();
        let bytes = self.bytes();
        let (mapping, pending) = Mapping::new(self.backing, &bytes)?;
        Ok(Source {
            mapping,
            pending,
            meta,
        })
    }
}

/// A mapped file and the array that it holds.
#[derive(Debug)]
pub struct Source {
    /// The mapped file.
    pub mapping: Mapping,
    /// What is still to be done to the file once the mount has come about.
    pub pending: Pending,
    /// The array.
    pub meta: Meta,
}
