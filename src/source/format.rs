//! What a file format is: how it is detected, and how it reads which arrays a file holds. The
//! formats themselves are modules of their own, listed in `formats`.

use std::io;

use super::signature::Sample;
use super::{Contents, Description, Input, SourceError};
use crate::array::ArrayError;
use crate::dtype::DTypeError;
use crate::mapping::{BackingFile, Mode};
use crate::platform::os_error_message;

/// A file format.
#[derive(Debug)]
pub struct Format {
    /// The name of the format on the command line and in `meta.json`.
    pub name: &'static str,
    /// What its files are, for the table of formats.
    pub title: &'static str,
    /// The suffixes of file names. Under `w+` they decide the format of a new file, so that no
    /// file of zeros gets the name of a format that cannot be created.
    pub(super) suffixes: &'static [&'static str],
    /// Whether a file with this sample has the format.
    pub(super) matches: fn(&Sample) -> bool,
    /// Reads which arrays the file holds.
    pub(super) reader: Reader,
}

/// How a format reads a file.
#[derive(Debug, Clone, Copy)]
pub(super) enum Reader {
    /// The user's description says which array the file holds, or under `w+` will hold, or must
    /// not contradict it.
    Described(fn(&BackingFile, &Description) -> Result<Contents, SourceError>),
    /// The file alone says which arrays it holds.
    SelfDescribing(fn(&Input) -> Result<Contents, FormatError>),
}

/// Why a format cannot read a file.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// The file cannot be read.
    #[error("{}", os_error_message(.0))]
    Read(io::Error),
    /// The file ends too early.
    #[error("needs byte {need}; the file has {have}")]
    Truncated {
        /// The end of the bytes needed, as a file offset.
        need: u64,
        /// The size of the file in bytes.
        have: u64,
    },
    /// A shape or an offset is not possible.
    #[error(transparent)]
    Array(Box<ArrayError>),
    /// A dtype is not possible.
    #[error(transparent)]
    DType(Box<DTypeError>),
    /// The file is not valid, or holds something that cannot be shown.
    #[error("{message}")]
    Invalid {
        /// What is wrong, with the value.
        message: String,
        /// What the user can do about it.
        remedy: Option<&'static str>,
    },
}

impl FormatError {
    /// An error with this message, which names the value and what was expected.
    pub fn invalid(message: impl Into<String>) -> FormatError {
        let message = message.into();
        let remedy = None;
        FormatError::Invalid { message, remedy }
    }

    /// An error about a valid file that cannot be shown, and what the user can do about it.
    pub fn unsupported(message: impl Into<String>, remedy: &'static str) -> FormatError {
        FormatError::Invalid {
            message: message.into(),
            remedy: Some(remedy),
        }
    }

    /// What the user can do about it; `None` if nothing is known.
    pub(super) fn remedy(&self) -> Option<&'static str> {
        match self {
            FormatError::Invalid { remedy, .. } => *remedy,
            FormatError::Truncated { .. } => {
                Some("the file is incomplete, as after an interrupted download")
            }
            FormatError::Read(_) | FormatError::Array(_) | FormatError::DType(_) => None,
        }
    }
}

impl From<ArrayError> for FormatError {
    fn from(error: ArrayError) -> FormatError {
        FormatError::Array(Box::new(error))
    }
}

impl From<DTypeError> for FormatError {
    fn from(error: DTypeError) -> FormatError {
        FormatError::DType(Box::new(error))
    }
}

/// The most characters of a file that a message quotes.
const QUOTED: usize = 60;

/// The start of `text`, short enough for a message.
pub(super) fn excerpt(text: &str) -> String {
    match text.char_indices().nth(QUOTED) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

impl PartialEq for Format {
    fn eq(&self, other: &Format) -> bool {
        self.name == other.name
    }
}

impl Format {
    /// Which arrays `backing` holds.
    ///
    /// # Errors
    ///
    /// When the file is not valid, holds nothing to show, or contradicts `description`.
    pub(super) fn read(
        &self,
        backing: &BackingFile,
        description: &Description,
    ) -> Result<Contents, SourceError> {
        let path = || backing.path().to_path_buf();
        let read = match self.reader {
            Reader::Described(read) => return read(backing, description),
            Reader::SelfDescribing(read) => read,
        };
        if backing.mode() == Mode::Write {
            return Err(SourceError::NotCreatable {
                path: path(),
                format: self.name,
            });
        }
        if let Some(option) = description.option() {
            let format = self.name;
            return Err(SourceError::SelfDescribing { option, format });
        }
        read(&Input::of(backing)).map_err(|error| SourceError::Format {
            path: path(),
            format: self.name,
            error,
        })
    }
}
