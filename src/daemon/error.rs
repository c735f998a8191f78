//! Why the command failed once its options were understood, and what the user
//! can do about it.

use std::io;
use std::ops::RangeInclusive;
use std::os::fd::RawFd;
use std::path::PathBuf;

use super::mountpoint::MountpointError;
use super::unmount::UnmountError;
use crate::cli::quoted;
use crate::fs::MountError;
use crate::mapping::FileError;
use crate::platform::os_error_message;
use crate::source::SourceError;

/// Why a mount did not come about, or did not end well.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The mount point cannot be one.
    #[error(transparent)]
    Mountpoint(#[from] MountpointError),
    /// The file and its description do not make an array.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The array cannot be mounted.
    #[error(transparent)]
    Mount(#[from] MountError),
    /// The file cannot be made as long as the array.
    #[error(transparent)]
    File(#[from] FileError),
    /// The mount cannot be ended.
    #[error(transparent)]
    Unmount(#[from] UnmountError),
    /// The log file cannot be written.
    #[error("{}: cannot be opened as the log file: {}", path.display(), os_error_message(source))]
    LogFile {
        /// The log file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The log file is the array's, or would be hidden by the mount.
    #[error("{}: cannot be the log file: it {what}", log.display())]
    LogInTheWay {
        /// The log file.
        log: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// There is no such descriptor, or it cannot be written to.
    #[error("--ready-fd {number}: {}", os_error_message(source))]
    ReadyFd {
        /// The descriptor.
        number: RawFd,
        /// What the system said.
        source: io::Error,
    },
    /// The mounts are not known.
    #[error("the mount table cannot be read: {}", os_error_message(.0))]
    MountTable(io::Error),
    /// No process, pipe or thread to serve the mount.
    #[error("the daemon cannot be started: {}", os_error_message(.0))]
    Start(io::Error),
    /// The daemon ended without a word.
    #[error("the daemon died before the mount was usable: {0}")]
    Died(String),
    /// The user has thought better of it.
    #[error("{}: was not mounted: the command was interrupted", .0.display())]
    Interrupted(PathBuf),
    /// The kernel has mounted, and yet nothing answers.
    #[error("{}: is mounted, but does not answer: {}", mountpoint.display(), os_error_message(source))]
    Unanswered {
        /// The mount point.
        mountpoint: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The kernel has mounted, but the threads that answer could not be had.
    #[error("{}: was not mounted: its workers could not be started", .0.display())]
    Unserved(PathBuf),
    /// Some of what was written may not be on the disk.
    #[error("{}: not all of it could be written to the disk: {}", file.display(), os_error_message(source))]
    Flush {
        /// The backing file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The daemon ends and leaves a dead mount.
    #[error("{}: cannot be unmounted: {}", mountpoint.display(), os_error_message(source))]
    Detach {
        /// The mount point.
        mountpoint: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Error {
    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::Mountpoint(error) => error.hint(),
            Error::Source(error) => error.hint(),
            Error::Mount(error) => error.hint(),
            Error::File(error) => error.hint(),
            Error::Unmount(error) => error.hint(),
            Error::Unserved(_) => {
                Some("raise the limits of open files (ulimit -n) and processes (ulimit -u)".into())
            }
            Error::Detach { mountpoint, .. } => Some(format!(
                "unmount it with: arrayfs -u {}",
                quoted(mountpoint)
            )),
            _ => None,
        }
    }

    /// What the exit status of a failed command can be.
    pub(super) const STATUSES: RangeInclusive<i32> = 1..=7;

    /// The exit status, as `--help` has them.
    pub fn status(&self) -> u8 {
        match self {
            // The options, whatever the file holds, are at fault.
            Error::Source(SourceError::ShapeNeeded { .. }) | Error::ReadyFd { .. } => 2,
            Error::Source(_) | Error::File(_) | Error::Mount(MountError::Tree { .. }) => 3,
            Error::Mountpoint(_) => 4,
            Error::Mount(_) | Error::Unanswered { .. } | Error::Unserved(_) => 5,
            Error::Unmount(_) => 6,
            Error::Flush { .. } => 7,
            Error::LogFile { .. }
            | Error::LogInTheWay { .. }
            | Error::MountTable(_)
            | Error::Start(_)
            | Error::Died(_)
            | Error::Interrupted(_)
            | Error::Detach { .. } => 1,
        }
    }
}
