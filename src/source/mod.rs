//! Opens a file as arrays. Dtype, shape, order and offset come from the file or from the user;
//! the result is a mapping and a list of members, each with a view. Names in the mount are left
//! to `tree`.
//!
//! Each file format is a row of [`FORMATS`].

mod contents;
#[cfg(test)]
mod counted;
mod envi;
mod error;
mod fits;
mod fitting;
mod format;
mod formats;
mod gguf;
#[cfg(feature = "hdf5")]
mod hdf5;
mod input;
mod meta;
mod metaimage;
mod mrc;
mod netcdf;
mod nifti;
pub mod npy;
mod npz;
mod nrrd;
mod plan;
mod raw;
mod safetensors;
mod signature;
mod summary;
mod text;
mod wav;

use crate::array::{Order, ShapeSpec};
use crate::dtype::DType;
use crate::mapping::Mode;
pub use contents::{Attributes, Contents, Details, Member, Scale, Skipped, Verbatim};
pub use error::SourceError;
use format::Reader;
pub use format::{Format, FormatError};
pub use formats::FORMATS;
pub use input::{Cursor, Endian, Input, ReadAt};
pub use meta::{Meta, Origin, group_json};
pub use plan::{Plan, Source, check_format};
pub use summary::{Assumed, Summary};

/// What NumPy means by a name that is a dtype of another size elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DTypeNote {
    /// The note for the user.
    pub text: &'static str,
    /// The dtype that is meant elsewhere, if the name is that of the whole dtype.
    pub other: Option<&'static str>,
}

/// The user's description of a file, in the terms of `numpy.memmap`. A missing value
/// comes from the header of the file, or else is the default of `numpy.memmap`.
#[derive(Debug, Clone)]
pub struct Description {
    /// The file format. The default is detected from the first bytes of the file, or
    /// for a new file from its name.
    pub format: Option<&'static Format>,
    /// The dtype of the array.
    pub dtype: Option<DType>,
    /// What NumPy means by the name of the dtype, if other languages mean another one.
    pub dtype_note: Option<DTypeNote>,
    /// The shape. The default is one axis with all items of the file.
    pub shape: Option<ShapeSpec>,
    /// The memory order of the array.
    pub order: Option<Order>,
    /// File offset of the array, in bytes.
    pub offset: Option<u64>,
    /// The mode in which the file is opened.
    pub mode: Mode,
    /// The name of the member to show, of a file with several.
    pub array: Option<String>,
    /// Whether a file that is too short is extended under `r+`.
    pub extend: bool,
    /// Whether the views are read-only even if the mode allows writing.
    pub read_only: bool,
}

impl Description {
    /// The name of an option that describes the array; `None` if the user describes none.
    fn option(&self) -> Option<&'static str> {
        [
            ("dtype", self.dtype.is_some()),
            ("shape", self.shape.is_some()),
            ("order", self.order.is_some()),
            ("offset", self.offset.is_some()),
        ]
        .into_iter()
        .find_map(|(name, is_given)| is_given.then_some(name))
    }
}
