//! File formats: how each is detected, and how it reads which arrays a file holds. Each format
//! is a module and a row of [`FORMATS`]; help texts, completions and errors use the table.

use std::io;
use std::path::Path;

use super::signature::{self, Sample};
use super::{Contents, Description, Input, SourceError, npy, raw, safetensors};
use crate::mapping::BackingFile;
use crate::platform::os_error_message;

/// A file format.
#[derive(Debug)]
pub struct Format {
    /// The name of the format on the command line and in `meta.json`.
    pub name: &'static str,
    /// What its files are, for the table of formats.
    pub title: &'static str,
    /// The suffix of the files that `w+` creates in this format. `None` if it creates none by
    /// their suffix.
    pub(super) new_suffix: Option<&'static str>,
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

/// All formats. A file has the first that matches; `raw`, the last, matches all.
pub static FORMATS: [Format; 3] = [npy::FORMAT, safetensors::FORMAT, raw::FORMAT];

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
            FormatError::Read(_) => None,
        }
    }
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
        let (raw, others) = FORMATS.split_last().unzip();
        let formats = raw.into_iter().chain(others.into_iter().flatten());
        formats.map(|format| format.name)
    }

    /// The format of a new file with this name.
    pub fn of_new(path: &Path) -> &'static Format {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let has_suffix = |format: &&Format| {
            let suffix = format.new_suffix;
            suffix.is_some_and(|suffix| name.ends_with(suffix))
        };
        FORMATS.iter().find(has_suffix).unwrap_or(&raw::FORMAT)
    }

    /// The format of an existing file, detected from its first bytes and its name. A description
    /// by the user means `raw`, unless the format must agree with it.
    ///
    /// # Errors
    ///
    /// [`SourceError::Foreign`] when the file is of a known kind that holds no array to show,
    /// and the user describes none.
    pub(super) fn of(
        backing: &BackingFile,
        description: &Description,
    ) -> Result<&'static Format, SourceError> {
        let sample = Sample::of(&Input::of(backing)).map_err(|error| SourceError::Format {
            path: backing.path().to_path_buf(),
            format: "readable",
            error,
        })?;
        let is_described = description.option().is_some();
        let fits = |format: &&Format| match format.reader {
            Reader::Described(_) => true,
            Reader::SelfDescribing(_) => !is_described,
        };
        let mut formats = FORMATS.iter().filter(fits);
        let found = formats.find(|format| (format.matches)(&sample));
        let found = found.unwrap_or(&raw::FORMAT);
        match signature::of(&sample).filter(|_| !is_described && *found == raw::FORMAT) {
            None => Ok(found),
            Some(signature) => Err(SourceError::Foreign {
                path: backing.path().to_path_buf(),
                signature,
            }),
        }
    }

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
        if let Some(option) = description.option() {
            let format = self.name;
            return Err(SourceError::SelfDescribing { option, format });
        }
        if backing.mode() == crate::mapping::Mode::Write {
            return Err(SourceError::NotCreatable {
                path: path(),
                format: self.name,
            });
        }
        read(&Input::of(backing)).map_err(|error| SourceError::Format {
            path: path(),
            format: self.name,
            error,
        })
    }
}
