//! The options for logging: `--log-file` and `-v`, or the same under `-o`.

use std::ffi::OsStr;
use std::path::PathBuf;

use super::mount_options::MountOptions;
use super::raw::RawOptions;
use super::value::option_value;
use super::{UsageError, absolute_file};

/// Verbosity and destination of the log.
#[derive(Debug, Default)]
pub struct Log {
    /// The number of times that `-v` was given.
    pub verbosity: usize,
    /// The absolute path of the file to append to; `None` for syslog or standard error.
    pub file: Option<PathBuf>,
}

impl Log {
    /// Reads the options for logging.
    ///
    /// # Errors
    ///
    /// When the path is invalid, or given twice with different values.
    pub(super) fn read(raw: &RawOptions, items: &MountOptions) -> Result<Log, UsageError> {
        Ok(Log {
            verbosity: usize::from(raw.verbose) + items.count("verbose"),
            file: option_value("log-file", &raw.log_file, items, file)?,
        })
    }
}

/// Parses the path of the log file.
///
/// # Errors
///
/// When it is empty, or ends in a slash and leads to no directory.
fn file(path: &OsStr) -> Result<PathBuf, UsageError> {
    if path.is_empty() {
        return Err(UsageError::Value {
            name: "log-file",
            text: String::new(),
            expected: "the path of a file".into(),
        });
    }
    absolute_file(path.as_ref())
}
