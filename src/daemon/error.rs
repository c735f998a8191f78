//! The errors of the command after its options have been parsed: message, hint and exit status
//! of each. Errors of the options themselves are the business of `cli`.

use std::io;
use std::ops::RangeInclusive;
use std::os::fd::RawFd;
use std::path::PathBuf;

use super::mountpoint::MountpointError;
use super::unmount::UnmountError;
use crate::cli::missing_file_hint;
use crate::fs::MountError;
use crate::mapping::FileError;
use crate::platform::{os_error_message, quoted};
use crate::source::SourceError;

/// Why mounting, serving or unmounting failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The mount point cannot be used.
    #[error(transparent)]
    Mountpoint(#[from] MountpointError),
    /// The file and its description do not define an array.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The array cannot be mounted.
    #[error(transparent)]
    Mount(#[from] MountError),
    /// The file cannot be extended to the size of the array.
    #[error(transparent)]
    File(#[from] FileError),
    /// The mount cannot be unmounted.
    #[error(transparent)]
    Unmount(#[from] UnmountError),
    /// The log file cannot be opened or created.
    #[error("{}: cannot be opened as the log file: {}", path.display(), os_error_message(source))]
    LogFile {
        /// The log file.
        path: PathBuf,
        /// The error of the system call.
        source: io::Error,
    },
    /// The log file is the backing file, or would be hidden by the mount.
    #[error("{}: cannot be the log file: it {problem}", log.display())]
    UnusableLogFile {
        /// The log file.
        log: PathBuf,
        /// The predicate of the message, such as `is the array's file`.
        problem: &'static str,
    },
    /// The log file is a symbolic link that leads to no file.
    #[error(
        "{}: cannot be the log file: it is a symbolic link to a file that does not exist",
        .0.display()
    )]
    DanglingLogFile(PathBuf),
    /// The descriptor of `--ready-fd` is not open, or cannot be written.
    #[error("--ready-fd {number}: {}", os_error_message(source))]
    ReadyFd {
        /// The descriptor.
        number: RawFd,
        /// The error of the system call.
        source: io::Error,
    },
    /// The mount table cannot be read.
    #[error("the mount table cannot be read: {}", os_error_message(.0))]
    MountTable(io::Error),
    /// A process, pipe or thread of the daemon could not be created.
    #[error("the daemon cannot be started: {}", os_error_message(.0))]
    Start(io::Error),
    /// The daemon was killed, or exited with an unknown status, before the mount was usable.
    #[error("the daemon died before the mount was usable: {0}")]
    Died(String),
    /// The user interrupted the command before the mount was usable.
    #[error("{}: was not mounted: the command was interrupted", .0.display())]
    Interrupted(PathBuf),
    /// The file system is mounted, but `stat` of its root fails.
    #[error(
        "{}: is mounted, but does not answer: {}",
        mountpoint.display(), os_error_message(source)
    )]
    Unanswered {
        /// The mount point.
        mountpoint: PathBuf,
        /// The error of the system call.
        source: io::Error,
    },
    /// The file system was mounted, but its worker threads could not be started.
    #[error("{}: was not mounted: its workers could not be started", .0.display())]
    WorkersNotStarted(PathBuf),
    /// A flush failed, so some written data may not be on disk.
    #[error(
        "{}: not all data could be written to disk: {}",
        file.display(), os_error_message(source)
    )]
    Flush {
        /// The backing file.
        file: PathBuf,
        /// The error of the system call.
        source: io::Error,
    },
    /// The daemon exits without unmounting, so a dead mount is left.
    #[error("{}: cannot be unmounted: {}", mountpoint.display(), os_error_message(source))]
    Detach {
        /// The mount point.
        mountpoint: PathBuf,
        /// The error of the system call.
        source: io::Error,
    },
}

impl Error {
    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::Mountpoint(error) => error.hint(),
            Error::Source(SourceError::File(FileError::Open { path, source }))
                if source.kind() == io::ErrorKind::NotFound =>
            {
                missing_file_hint(path)
            }
            Error::Source(error) => error.hint(),
            Error::Mount(error) => error.hint(),
            Error::File(error) => error.hint(),
            Error::Unmount(error) => error.hint(),
            Error::DanglingLogFile(_) => {
                Some("create that file first, or give its own name".into())
            }
            Error::WorkersNotStarted(_) => {
                Some("raise the limits of open files (ulimit -n) and processes (ulimit -u)".into())
            }
            Error::Detach { mountpoint, .. } => Some(format!(
                "unmount it with: arrayfs -u {}",
                quoted(mountpoint)
            )),
            _ => None,
        }
    }

    /// The range of exit statuses of a failed command.
    pub(super) const STATUSES: RangeInclusive<i32> = 1..=7;

    /// The exit status, as documented in `--help`.
    pub fn status(&self) -> u8 {
        match self {
            // Errors of the options, not of the file.
            Error::Source(SourceError::ShapeNeeded { .. }) | Error::ReadyFd { .. } => 2,
            Error::Source(_) | Error::File(_) | Error::Mount(MountError::Tree { .. }) => 3,
            Error::Mountpoint(_) => 4,
            Error::Mount(_) | Error::Unanswered { .. } | Error::WorkersNotStarted(_) => 5,
            Error::Unmount(_) => 6,
            Error::Flush { .. } => 7,
            Error::LogFile { .. }
            | Error::UnusableLogFile { .. }
            | Error::DanglingLogFile(_)
            | Error::MountTable(_)
            | Error::Start(_)
            | Error::Died(_)
            | Error::Interrupted(_)
            | Error::Detach { .. } => 1,
        }
    }
}
