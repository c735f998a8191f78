//! Why a file and what the user says of it do not make an array.

use std::error::Error;
use std::path::PathBuf;

use super::signature::Signature;
use crate::array::{ArrayError, InferredUnit};
use crate::dtype::DType;
use crate::mapping::{FileError, Remedy};

/// Why a file and a description do not make an array.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The file cannot be opened or grown.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file is shorter than it says itself.
    #[error("{error}")]
    NotWhole {
        /// How much is missing.
        error: FileError,
        /// What would extend it.
        remedy: Remedy,
    },
    /// The file is of a kind that holds no plain array.
    #[error("{}: is {}", path.display(), signature.what)]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Its kind.
        signature: &'static Signature,
    },
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
        /// Whether a mode can make it longer: not so a block device.
        is_extensible: bool,
    },
    /// A file that is to be made needs a full shape.
    #[error("{}: mode w+ makes a new file, and needs its whole --shape", path.display())]
    ShapeNeeded {
        /// The file.
        path: PathBuf,
    },
    /// What stands at the beginning of the file is no header of its format.
    #[error("{}: {error}", path.display())]
    Header {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: Box<dyn Error + Send + Sync>,
    },
    /// The file says something else of its array than the user.
    #[error(
        "{}: --{option} {given} contradicts the .{format} header, which says {found}",
        path.display()
    )]
    Contradiction {
        /// The file.
        path: PathBuf,
        /// The file's format.
        format: &'static str,
        /// What is contradicted: `dtype`, `shape`, `order` or `offset`.
        option: &'static str,
        /// The user's word.
        given: String,
        /// The file's word.
        found: String,
    },
    /// A `.npy` file of that type cannot be made.
    #[error(
        "{}: a .npy file cannot describe dtype {dtype}, whose fields overlap or are out of order",
        path.display()
    )]
    NoHeader {
        /// The file.
        path: PathBuf,
        /// The type.
        dtype: DType,
    },
}

impl SourceError {
    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            SourceError::File(error) => return error.hint(),
            SourceError::NotWhole { remedy, .. } => {
                let cause = "it is not whole, as after a download that was broken off";
                return Some(match remedy.options() {
                    Some(options) => format!("{cause}; {options} would fill it up with zeros"),
                    None => cause.into(),
                });
            }
            SourceError::Foreign { signature, path } => {
                let advice = signature.advice;
                return Some(match path.is_dir() {
                    true => advice.into(),
                    false => format!("{advice}; --format raw shows its bytes as they are"),
                });
            }
            SourceError::Array {
                error:
                    ArrayError::NotAMultiple {
                        available,
                        unit,
                        what,
                        ..
                    },
                ..
            } => {
                let length = available / unit;
                return Some(match what {
                    InferredUnit::Item => format!(
                        "check --dtype and --offset, or leave the rest of the file out: --shape {length}"
                    ),
                    InferredUnit::Step => format!(
                        "check --dtype, --shape and --offset, or leave the rest of the file out: \
                         {length} in place of -1"
                    ),
                });
            }
            SourceError::OffsetPastEnd {
                is_extensible: true,
                ..
            } => {
                "give a smaller --offset; under --mode r+, --shape and --extend make the file longer"
            }
            SourceError::OffsetPastEnd { .. } => "give a smaller --offset",
            SourceError::Header { .. } => "--format raw takes the file as plain bytes",
            SourceError::Contradiction { .. } => {
                "leave the option out; --format raw takes the file as plain bytes"
            }
            SourceError::NoHeader { .. } => "--format raw makes a file without a header",
            SourceError::Array { .. } | SourceError::ShapeNeeded { .. } => return None,
        };
        Some(hint.into())
    }
}
