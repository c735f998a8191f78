//! Errors of opening a file as an array, and hints for the user. Exit statuses are left
//! to `daemon`.

use std::error::Error;
use std::path::PathBuf;

use super::signature::Signature;
use super::{FormatError, Skipped};
use crate::array::{ArrayError, Shape};
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
    /// The described array is larger than the file.
    #[error("{error}")]
    TooShort {
        /// The sizes.
        error: FileError,
        /// The options that would extend the file.
        remedy: Remedy,
        /// The shape that would fit, if only one length differs.
        fitting: Option<Shape>,
    },
    /// The file is of a known kind that holds no plain array.
    #[error("{}: is {}", path.display(), signature.kind)]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The kind of file.
        signature: &'static Signature,
    },
    /// The file is not valid in its format, or cannot be shown.
    #[error("{}: {} {format} file: {error}", path.display(), verdict(error))]
    Format {
        /// The file.
        path: PathBuf,
        /// The name of the format.
        format: &'static str,
        /// The cause.
        error: FormatError,
    },
    /// The file holds no array that can be shown, or not this one.
    #[error("{}: holds no array that can be shown: {}", path.display(), reasons(skipped))]
    Nothing {
        /// The file.
        path: PathBuf,
        /// What it holds.
        skipped: Vec<Skipped>,
    },
    /// The file has no member of this name.
    #[error("{}: holds no array '{name}'", path.display())]
    NoMember {
        /// The file.
        path: PathBuf,
        /// The name.
        name: String,
        /// The names of its members; empty if it holds one array without a name.
        members: Vec<String>,
    },
    /// Writing the file in place would make it invalid.
    #[error("{}: a {format} file cannot be written in place: {why}", path.display())]
    NotWritable {
        /// The file.
        path: PathBuf,
        /// The name of the format.
        format: &'static str,
        /// The reason.
        why: &'static str,
    },
    /// A file of this format cannot be created.
    #[error("{}: --mode w+ cannot create a {format} file", path.display())]
    NotCreatable {
        /// The file.
        path: PathBuf,
        /// The name of the format.
        format: &'static str,
    },
    /// An option describes an array whose file describes it.
    #[error("--{option} cannot be given with --format {format}, whose files describe themselves")]
    SelfDescribing {
        /// The option: `dtype`, `shape`, `order` or `offset`.
        option: &'static str,
        /// The name of the format.
        format: &'static str,
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

/// What a file is in whose format there is this error, in a message before its name.
fn verdict(error: &FormatError) -> &'static str {
    match error {
        FormatError::Invalid {
            remedy: Some(_), ..
        } => "is an unsupported",
        FormatError::Invalid { .. }
        | FormatError::Truncated { .. }
        | FormatError::Array(_)
        | FormatError::DType(_) => "is not a valid",
        FormatError::Read(_) => "cannot be read as a",
    }
}

/// The most names in a message.
const LISTED: usize = 8;

/// Why the first of `skipped` cannot be shown, and how many others there are.
fn reasons(skipped: &[Skipped]) -> String {
    match skipped {
        [] => "it is empty".into(),
        [only] => format!("{}: {}", only.name, only.why),
        [first, rest @ ..] => {
            format!("{}: {} (and {} more)", first.name, first.why, rest.len())
        }
    }
}

impl SourceError {
    /// Advice for the user. `None` if there is none.
    pub fn hint(&self) -> Option<String> {
        self.particular_hint()
            .or_else(|| self.general_hint().map(str::to_owned))
    }

    /// Advice that depends on values of the error.
    fn particular_hint(&self) -> Option<String> {
        let raw = "--format raw shows its bytes as they are";
        Some(match self {
            SourceError::File(error) => return error.hint(),
            SourceError::NotWhole { remedy, .. } => {
                let cause = "the file is incomplete, as after an interrupted download";
                match remedy.options() {
                    Some(options) => format!("{cause}; {options} would extend it with zeros"),
                    None => cause.into(),
                }
            }
            SourceError::Foreign { signature, path } => {
                let advice = signature.advice_for(path);
                match path.is_dir() {
                    true => advice,
                    false => format!("{advice}; {raw}"),
                }
            }
            SourceError::TooShort {
                remedy, fitting, ..
            } => {
                let mut advice = "check --dtype, --shape and --offset".to_owned();
                if let Some(fitting) = fitting {
                    advice += &format!("; --shape {} would fit", fitting.option());
                }
                if let Some(options) = remedy.options() {
                    advice += &format!("; {options} would extend the file with zeros");
                }
                advice
            }
            SourceError::Array {
                error: ArrayError::NotAMultiple { fitting, .. },
                ..
            } => format!(
                "check --dtype, --shape and --offset, or ignore the rest of the file: --shape {}",
                fitting.option()
            ),
            SourceError::Format { error, .. } => match error.remedy() {
                Some(remedy) => format!("{remedy}; {raw}"),
                None => raw.into(),
            },
            SourceError::Nothing { skipped, .. } => {
                let mut remedies = skipped.iter().filter_map(|member| member.remedy);
                return remedies.next().map(str::to_owned);
            }
            SourceError::NoMember { members, .. } => match &members[..] {
                [] => "it holds one array, without a name: leave out --array".into(),
                [only] => format!("it holds '{only}'"),
                members if members.len() <= LISTED => {
                    format!("it holds '{}'", members.join("', '"))
                }
                members => format!("--info lists its {} arrays", members.len()),
            },
            _ => return None,
        })
    }

    /// Advice that is the same for every file.
    fn general_hint(&self) -> Option<&'static str> {
        Some(match self {
            SourceError::OffsetPastEnd {
                is_extensible: true,
                ..
            } => {
                "give a smaller --offset; under --mode r+, --shape and --extend make the file longer"
            }
            SourceError::OffsetPastEnd { .. } => "give a smaller --offset",
            SourceError::Header { .. } => "--format raw reads the file as plain bytes",
            SourceError::Contradiction { .. } => {
                "omit the option: the header says what the array is; with --format raw the header's \
                 bytes are part of the array"
            }
            SourceError::NotWritable { .. } => {
                "to read it only, use --mode r; to write to a copy in memory, --mode c"
            }
            SourceError::NotCreatable { .. } => "--format raw and --format npy can be created",
            SourceError::SelfDescribing { .. } => {
                "leave out one of the two; --format raw reads the file as plain bytes"
            }
            SourceError::NoHeader { .. } => "--format raw makes a file without a header",
            _ => return None,
        })
    }
}
