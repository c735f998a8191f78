//! Errors of opening a file as an array, and hints for the user. Exit statuses are left
//! to `daemon`.

use std::error::Error;
use std::path::PathBuf;

use super::signature::Signature;
use crate::array::{ArrayError, InferredUnit};
use crate::dtype::DType;
use crate::mapping::{FileError, Remedy};

/// Why a file cannot be opened as the described array.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The file cannot be opened or grown.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file is shorter than its header says.
    #[error("{error}")]
    NotWhole {
        /// The sizes.
        error: FileError,
        /// The options that would extend the file.
        remedy: Remedy,
    },
    /// The file is of a known kind that holds no plain array.
    #[error("{}: is {}", path.display(), signature.kind)]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The kind of file.
        signature: &'static Signature,
    },
    /// The shape is invalid or does not fit the file.
    #[error("{}: {error}", path.display())]
    Array {
        /// The file.
        path: PathBuf,
        /// The cause.
        error: ArrayError,
    },
    /// The offset is past the end of the file, so the shape cannot be inferred.
    #[error(
        "{}: offset {offset} is past the end of the file, which has {size} bytes",
        path.display()
    )]
    OffsetPastEnd {
        /// The file.
        path: PathBuf,
        /// Offset of the array in bytes.
        offset: u64,
        /// Size of the file in bytes.
        size: u64,
        /// Whether the file can be extended. A block device cannot.
        is_extensible: bool,
    },
    /// The file is new, and the shape is missing or has a length of -1.
    #[error("{}: mode w+ creates a new file and needs a complete --shape", path.display())]
    ShapeNeeded {
        /// The file.
        path: PathBuf,
    },
    /// The file has no valid header.
    #[error("{}: {error}", path.display())]
    Header {
        /// The file.
        path: PathBuf,
        /// The cause.
        error: Box<dyn Error + Send + Sync>,
    },
    /// An option contradicts the header of the file.
    #[error(
        "{}: --{option} {given} contradicts the .{format} header, which says {found}",
        path.display()
    )]
    Contradiction {
        /// The file.
        path: PathBuf,
        /// The format of the file.
        format: &'static str,
        /// The option: `dtype`, `shape`, `order` or `offset`.
        option: &'static str,
        /// The value of the option.
        given: String,
        /// The value in the header.
        found: String,
    },
    /// A `.npy` header cannot describe the dtype of a new file.
    #[error(
        "{}: a .npy file cannot describe dtype {dtype}, whose fields overlap or are out of order",
        path.display()
    )]
    NoHeader {
        /// The file.
        path: PathBuf,
        /// The dtype.
        dtype: DType,
    },
}

impl SourceError {
    /// Advice for the user. `None` if there is none.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            SourceError::File(error) => return error.hint(),
            SourceError::NotWhole { remedy, .. } => {
                let cause = "the file is incomplete, as after an interrupted download";
                return Some(match remedy.options() {
                    Some(options) => format!("{cause}; {options} would extend it with zeros"),
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
                        unit_bytes,
                        unit,
                        ..
                    },
                ..
            } => {
                let length = available / unit_bytes;
                return Some(match unit {
                    InferredUnit::Item => format!(
                        "check --dtype and --offset, or ignore the rest of the file: --shape {length}"
                    ),
                    InferredUnit::Step => format!(
                        "check --dtype, --shape and --offset, or ignore the rest of the file: \
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
            SourceError::Header { .. } => "--format raw reads the file as plain bytes",
            SourceError::Contradiction { .. } => {
                "omit the option; --format raw reads the file as plain bytes"
            }
            SourceError::NoHeader { .. } => "--format raw makes a file without a header",
            SourceError::Array { .. } | SourceError::ShapeNeeded { .. } => return None,
        };
        Some(hint.into())
    }
}
