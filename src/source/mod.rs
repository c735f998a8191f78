//! How a file comes to be an array: the user's description, or what the file
//! says of itself, gives a view of it and the mapping below. What the views
//! are called when they are mounted is decided above.
//!
//! Each way in which a file says what it holds is a row of [`FORMATS`].

mod error;
mod meta;
pub mod npy;
mod raw;

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use crate::array::{Order, ShapeSpec, View};
use crate::dtype::DType;
use crate::mapping::{BackingFile, Mapping, Mode, Pending};
pub use error::SourceError;
pub use meta::Meta;

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

    /// The format that a file of this name is made in.
    pub fn of_new(path: &Path) -> &'static Format {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let has_suffix = |format: &&Format| {
            let suffix = format.suffix;
            suffix.is_some_and(|suffix| name.ends_with(suffix))
        };
        FORMATS.iter().find(has_suffix).unwrap_or(&raw::FORMAT)
    }

    /// The format that an existing file is in.
    fn of(backing: &BackingFile) -> Result<&'static Format, SourceError> {
        let longest = FORMATS.iter().map(|format| format.magic.len()).max();
        let first = backing.first_bytes(longest.unwrap_or(0))?;
        let found = FORMATS.iter().find(|f| first.starts_with(f.magic));
        Ok(found.unwrap_or(&raw::FORMAT))
    }
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
        let backing = BackingFile::open(path, description.mode)?;
        let format = match description.format {
            Some(format) => format,
            None if description.mode == Mode::Write => Format::of_new(path),
            None => Format::of(&backing)?,
        };
        let located = (format.locate)(&backing, description)?;
        let plan = Plan {
            backing,
            format: format.name,
            located,
            writable: description.mode.writes() && !description.read_only,
        };
        plan.backing.must_grow(&plan.bytes())?;
        Ok(plan)
    }

    /// The bytes of the file that the array covers. An array of no bytes still
    /// has a place, to which `r+` extends the file as NumPy does.
    fn bytes(&self) -> Range<u64> {
        let view = &self.located.view;
        view.offset()..view.offset() + view.nbytes()
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
