//! The errors of operations, in terms of the file system, and their errnos.

use std::io;

use fuser::Errno;

use crate::mapping::AccessError;
use crate::vfile::FileAccessError;

/// Why an operation failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum FsError {
    /// There is no such name.
    #[error("no such name")]
    NotFound,
    /// The name is longer than `statfs` allows.
    #[error("name too long")]
    NameTooLong,
    /// The kernel used an inode or handle number that does not exist.
    #[error("no such inode or handle")]
    Stale,
    /// The array determines the tree, and its sizes, owners and permission bits.
    #[error("the tree cannot be changed")]
    NotPermitted,
    /// The file is a description of the array, or a text form of it.
    #[error("not writable")]
    NotWritable,
    /// There is a file of that name.
    #[error("the name exists")]
    Exists,
    /// There are too many scratch files, or too many bytes in them.
    #[error("no space for files beside those of the array")]
    NoSpace,
    /// A directory was used as a file.
    #[error("is a directory")]
    IsDirectory,
    /// A file was used as a directory.
    #[error("is not a directory")]
    NotDirectory,
    /// The offset is past the end of a file of fixed size.
    #[error("past the end")]
    PastEnd,
    /// There is no data, or no hole, at or after the offset.
    #[error("no data or hole at or after the offset")]
    NothingThere,
    /// There is no such extended attribute.
    #[error("no such attribute")]
    NoAttribute,
    /// The caller's buffer is too small.
    #[error("buffer too small")]
    SmallBuffer,
    /// Readers fill pages of the file again as fast as the kernel invalidates them.
    #[error("readers refill the pages of the file")]
    Busy,
    /// The operation is not supported.
    #[error("not supported")]
    Unsupported,
    /// The kernel can do without the request, and sends no other of its kind.
    #[error("the kernel can do without the daemon")]
    Omitted,
    /// The arguments are invalid.
    #[error("invalid request")]
    Invalid,
    /// An access to the backing file failed.
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
    /// The errno for the client.
    pub(super) fn errno(&self) -> Errno {
        match self {
            FsError::NotFound => Errno::ENOENT,
            FsError::NameTooLong => Errno::ENAMETOOLONG,
            FsError::Stale => Errno::from_i32(libc::ESTALE),
            FsError::NotPermitted => Errno::EPERM,
            FsError::NotWritable => Errno::EACCES,
            FsError::Exists => Errno::EEXIST,
            FsError::NoSpace => Errno::ENOSPC,
            FsError::IsDirectory => Errno::EISDIR,
            FsError::NotDirectory => Errno::ENOTDIR,
            FsError::PastEnd => Errno::EFBIG,
            FsError::NothingThere => Errno::ENXIO,
            FsError::NoAttribute => Errno::NO_XATTR,
            FsError::SmallBuffer => Errno::ERANGE,
            FsError::Busy => Errno::EBUSY,
            FsError::Unsupported => Errno::ENOTSUP,
            FsError::Omitted => Errno::ENOSYS,
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
