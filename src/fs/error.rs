//! Why an operation fails, in the file system's terms, and which errno says so.

use std::io;

use fuser::Errno;

use crate::mapping::AccessError;
use crate::vfile::FileAccessError;

/// Why an operation on the tree fails.
#[derive(Debug, thiserror::Error)]
pub(super) enum FsError {
    /// There is no such name.
    #[error("no such name")]
    NotFound,
    /// The name is longer than any that `statfs` allows.
    #[error("the name is too long")]
    NameTooLong,
    /// There is no such node or handle, though the kernel believes so.
    #[error("no such node")]
    Stale,
    /// The tree and the sizes, owners and bits in it are what the array makes them.
    #[error("the tree cannot be changed")]
    NotPermitted,
    /// The file describes the array and is not part of it.
    #[error("not writable")]
    NotWritable,
    /// A directory was used as a file.
    #[error("is a directory")]
    IsDirectory,
    /// A file was used as a directory.
    #[error("is not a directory")]
    NotDirectory,
    /// The file does not reach that far, and cannot be made to.
    #[error("past the end")]
    PastEnd,
    /// There is no data, or no hole, from there on.
    #[error("nothing there")]
    NothingThere,
    /// There is no such extended attribute.
    #[error("no such attribute")]
    NoAttribute,
    /// The caller's buffer is too small.
    #[error("too small a buffer")]
    SmallBuffer,
    /// Pages of the file are mapped anew as fast as they are dropped.
    #[error("pages of the file are in use")]
    Busy,
    /// There is no such thing here.
    #[error("not supported")]
    Unsupported,
    /// The request makes no sense.
    #[error("invalid request")]
    Invalid,
    /// The file below cannot give, take or flush the bytes.
    #[error(transparent)]
    Access(#[from] AccessError),
}

impl From<FileAccessError> for FsError {
    fn from(error: FileAccessError) -> FsError {
        match error {
            FileAccessError::PastEnd { .. } => FsError::PastEnd,
            FileAccessError::Fixed(_) => FsError::Invalid,
            FileAccessError::Access(error) => FsError::Access(error),
        }
    }
}

impl From<io::Error> for FsError {
    fn from(error: io::Error) -> FsError {
        FsError::Access(AccessError::Io(error))
    }
}

impl FsError {
    /// What the client is told.
    pub(super) fn errno(&self) -> Errno {
        match self {
            FsError::NotFound => Errno::ENOENT,
            FsError::NameTooLong => Errno::ENAMETOOLONG,
            FsError::Stale => Errno::from_i32(libc::ESTALE),
            FsError::NotPermitted => Errno::EPERM,
            FsError::NotWritable => Errno::EACCES,
            FsError::IsDirectory => Errno::EISDIR,
            FsError::NotDirectory => Errno::ENOTDIR,
            FsError::PastEnd => Errno::EFBIG,
            FsError::NothingThere => Errno::ENXIO,
            FsError::NoAttribute => Errno::NO_XATTR,
            FsError::SmallBuffer => Errno::ERANGE,
            FsError::Busy => Errno::EBUSY,
            FsError::Unsupported => Errno::ENOTSUP,
            FsError::Invalid => Errno::EINVAL,
            FsError::Access(AccessError::Shrunk { .. }) => Errno::EIO,
            FsError::Access(AccessError::ReadOnly { .. }) => Errno::EROFS,
            FsError::Access(AccessError::Io(error))
                if error.kind() == io::ErrorKind::Unsupported =>
            {
                Errno::ENOTSUP
            }
            FsError::Access(AccessError::Io(error)) => {
                Errno::from_i32(error.raw_os_error().unwrap_or(libc::EIO))
            }
        }
    }
}
