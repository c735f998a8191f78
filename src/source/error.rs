//! Errors of opening a file as an array, and hints for the user. Exit statuses are left
//! to `daemon`.

use std::error::Error;
use std::path::{Path, PathBuf};

use super::signature::Signature;
use super::{Format, FormatError, Skipped};
use crate::array::ArrayError;
use crate::dtype::DType;
use crate::mapping::{FileError, Remedy};
use crate::platform::quoted;

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
        /// What would fit; `None` if the array begins after the end of the file.
        fitting: Option<String>,
    },
    /// The file is of a known kind that holds no plain array.
    #[error("{}: is {}", path.display(), signature.kind)]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The kind of file.
        signature: &'static Signature,
    },
    /// The file is empty, and its name is that of a format whose files have a header.
    #[error("{}: is empty, and not a valid {format} file", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
        /// The name of the format.
        format: &'static str,
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
    /// The name is that of a group.
    #[error("{}: '{name}' is a group, not an array", path.display())]
    IsGroup {
        /// The file.
        path: PathBuf,
        /// The name.
        name: String,
        /// The names of the arrays in it.
        members: Vec<String>,
    },
    /// The file is the header of another, which does not exist.
    #[error("{}: its array is in {}, which does not exist", path.display(), data_path.display())]
    NoDataFile {
        /// The header.
        path: PathBuf,
        /// The other file.
        data_path: PathBuf,
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
    /// The bytes of the file are not a multiple of the items, or of the steps of the inferred axis.
    #[error("{}: {error}", path.display())]
    NotAMultiple {
        /// The file.
        path: PathBuf,
        /// The numbers.
        error: ArrayError,
        /// What would fit.
        advice: String,
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

/// The names of arrays, or how to see them if they are many.
fn listed(members: &[String]) -> String {
    match members.len() {
        count if count <= LISTED => format!("it holds '{}'", members.join("', '")),
        count => format!("--info lists its {count} arrays"),
    }
}

/// The most entries of a directory that are read: a hint must not take long.
const MAX_ENTRIES: usize = 4096;

/// What to do about a directory in place of a file; `None` if no file in it has the suffix of a
/// format.
fn directory_hint(path: &Path) -> Option<String> {
    let entries = path.read_dir().ok()?.take(MAX_ENTRIES);
    let names = entries.filter_map(|entry| {
        let entry = entry.ok()?;
        let name = entry.file_name().into_string().ok()?;
        let is_directory = entry.file_type().ok()?.is_dir();
        (!is_directory && Format::suffix_of(&name).is_some()).then_some(name)
    });
    let file = quoted(&path.join(names.min()?));
    Some(format!("mount a file in it, such as arrayfs {file}"))
}

impl SourceError {
    /// Advice for the user. `None` if there is none.
    pub fn hint(&self) -> Option<String> {
        self.hint_against_erasing()
            .or_else(|| self.particular_hint())
            .or_else(|| self.general_hint().map(str::to_owned))
    }

    /// Advice for a file that mode `w+` would erase if the error were mended.
    fn hint_against_erasing(&self) -> Option<String> {
        let (path, mode) = match self {
            SourceError::ShapeNeeded { path } | SourceError::NoHeader { path, .. } => (path, "r+"),
            SourceError::NotCreatable { path, .. } => (path, "r"),
            _ => return None,
        };
        let holds_bytes = path.metadata().is_ok_and(|found| found.len() > 0);
        holds_bytes.then(|| {
            format!(
                "the file exists, and mode w+ would set all of it to zeros; to open it as it is, \
                 use --mode {mode}"
            )
        })
    }

    /// Advice that depends on values of the error.
    fn particular_hint(&self) -> Option<String> {
        let raw = "--format raw shows its bytes as they are";
        Some(match self {
            SourceError::File(FileError::NotAFile {
                path,
                kind: "directory",
            }) => return directory_hint(path),
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
                    advice += &format!("; {fitting}");
                }
                if let Some(options) = remedy.options() {
                    advice += &format!("; {options} would extend the file with zeros");
                }
                advice
            }
            SourceError::NotAMultiple { advice, .. } => advice.clone(),
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
                members => listed(members),
            },
            SourceError::IsGroup { members, .. } if members.is_empty() => return None,
            SourceError::IsGroup { members, .. } => listed(members),
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
            SourceError::Empty { .. } => {
                "the file is incomplete, as after an interrupted download or a full disk; with \
                 --format raw it is an array of no elements"
            }
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
