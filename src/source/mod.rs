//! How a file comes to be an array: the user's description, or what the file
//! says of itself, gives a view of it and the mapping below. What the views
//! are called when they are mounted is decided above.
//!
//! Each way in which a file says what it holds is a row of [`FORMATS`].

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

/// What the user says of a file, with the meanings of `numpy.memmap`. What is
/// left out, the file says, or else the defaults of `numpy.memmap`.
#[derive(Debug, Clone)]
pub struct Description {
    /// How the file says what it holds; by default the first bytes tell, or
    /// the name of a file that is to be made.
    pub format: Option<&'static Format>,
    /// The type of an element.
    pub dtype: Option<DType>,
    /// The shape; without one, the file's items in one axis.
    pub shape: Option<ShapeSpec>,
    /// Which axis is the fastest in the file.
    pub order: Option<Order>,
    /// Bytes before the array.
    pub offset: Option<u64>,
    /// How the file is opened.
    pub mode: Mode,
    /// Whether a file that is too short is extended under `r+`.
    pub extend: bool,
    /// Whether the views cannot be written although the mode would allow it.
    pub read_only: bool,
}

/// A way in which a file says what it holds.
#[derive(Debug)]
pub struct Format {
    /// Its name, on the command line and in `meta.json`.
    pub name: &'static str,
    /// The bytes with which every such file begins.
    magic: &'static [u8],
    /// How the name of such a file ends; none where no name tells.
    suffix: Option<&'static str>,
    /// Works out which array a file holds, or is to hold under `w+`.
    locate: fn(&BackingFile, &Description) -> Result<Located, SourceError>,
}

/// All formats, those that can be told from others first.
pub static FORMATS: [Format; 2] = [npy::FORMAT, raw::FORMAT];

/// An array in a file.
#[derive(Debug)]
struct Located {
    view: View,
    order: Order,
    /// What the file begins with to say what it holds, up to the array; of a
    /// file that is to be made, what is to be written there.
    preamble: Vec<u8>,
    /// What neither the file nor the user has said.
    assumed: Option<Assumed>,
}

impl PartialEq for Format {
    fn eq(&self, other: &Format) -> bool {
        self.name == other.name
    }
}

impl Format {
    /// The format of this name.
    pub fn named(name: &str) -> Option<&'static Format> {
        FORMATS.iter().find(|format| format.name == name)
    }

    /// The names of all, the plainest first.
    pub fn names() -> impl Iterator<Item = &'static str> {
        FORMATS.iter().rev().map(|format| format.name)
    }

    /// The format that a file of this name is made in.
    pub fn of_new(path: &Path) -> &'static Format {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let has_suffix = |format: &&Format| {
            let suffix = format.suffix;
            suffix.is_some_and(|suffix| name.ends_with(suffix))
        };
        FORMATS.iter().find(has_suffix).unwrap_or(&raw::FORMAT)
    }

    /// The format that an existing file is in. Of one that is of none, but of a
    /// kind that is known to hold no plain array, the user has to say the type.
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

fn opened(path: &Path, mode: Mode) -> Result<BackingFile, SourceError> {
    let refused = |error| match (&error, signature::of_directory(path)) {
        (FileError::NotAFile { path, .. }, Some(signature)) => SourceError::Foreign {
            path: path.clone(),
            signature,
        },
        _ => error.into(),
    };
    BackingFile::open(path, mode).map_err(refused)
}

/// The array that a mount will show, worked out without changing anything.
#[derive(Debug)]
pub struct Plan {
    backing: BackingFile,
    format: &'static str,
    located: Located,
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
        let mut backing = opened(path, description.mode)?;
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

    /// The bytes of the file that the array covers. An array of no bytes still
    /// has a place, to which `r+` extends the file as NumPy does.
    pub fn bytes(&self) -> Range<u64> {
        let view = &self.located.view;
        view.offset()..view.offset() + view.nbytes()
    }

    /// What there is to say of the array before it is mounted.
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

    /// What will become of the file's size; `None` if it stays as it is.
    pub fn growth(&self) -> Option<Growth> {
        let (from, to) = (self.backing.size(), self.bytes().end);
        let grows = self.backing.mode() == Mode::Write || from < to;
        grows.then_some(Growth {
            from,
            to,
            sparse: false,
        })
    }

    /// Whether the file is yet to be made.
    pub fn is_new(&self) -> bool {
        self.backing.is_missing()
    }

    /// What `meta.json` says of the array.
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

    /// Maps the file. It changes only when what is pending is committed.
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
    /// What is still to be done to the file once the mount has come about.
    pub pending: Pending,
    /// The array.
    pub meta: Meta,
    /// What the file itself begins with, up to the array, if its format is one
    /// that says what it holds.
    pub preamble: Arc<[u8]>,
}
