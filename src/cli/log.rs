//! What is logged, and where: `--log-file` and `-v`, or the same under `-o`.

use std::ffi::OsStr;
use std::path::PathBuf;

use super::mount_options::MountOptions;
use super::raw::RawOptions;
use super::value::either;
use super::{UsageError, absolute};

/// What is logged, and where.
#[derive(Debug, Default)]
pub struct Log {
    /// How often `-v` was given.
    pub verbosity: usize,
    /// The file to append to, absolute.
    pub file: Option<PathBuf>,
}

impl Log {
    /// What the options say of it.
    pub(super) fn read(raw: &RawOptions, items: &MountOptions) -> Result<Log, UsageError> {
        Ok(Log {
            verbosity: usize::from(raw.verbose) + items.count("verbose"),
            file: either("log-file", &raw.log_file, items, file)?,
        })
    }
}

fn file(path: &OsStr) -> Result<PathBuf, UsageError> {
    if path.is_empty() {
        return Err(UsageError::Value {
            name: "log-file",
            text: String::new(),
            expected: "the path of a file".into(),
        });
    }
    absolute(path.as_ref())
}
