//! Open files by handle number, and the write-back errors that each has still to report.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use slab::Slab;

use super::error::FsError;
use super::page_cache::OpenInvalidation;
use super::scratch::ScratchFile;
use crate::tree::Pin;
use crate::vfile::VirtualFile;

/// An open file.
#[derive(Debug)]
pub(super) struct Handle {
    /// The inode number.
    pub(super) inode: u64,
    /// The bytes of the file.
    pub(super) file: OpenFile,
    /// Whether it was opened for writing.
    pub(super) writes: bool,
    /// Whether no write came after the last FLUSH. What keeps the handle open then, for instance
    /// a mapping or an inherited descriptor, may never write.
    pub(super) idle: AtomicBool,
    /// The invalidation of cached pages by this OPEN, if it needs one.
    pub(super) open_invalidation: Option<OpenInvalidation>,
    /// The number of write-back errors when this handle last reported.
    errors_seen: AtomicU64,
    _pin: Option<Pin>,
}

/// What an open file is.
#[derive(Debug)]
pub(super) enum OpenFile {
    /// A file of the tree.
    Tree(VirtualFile),
    /// A scratch file, until a rename makes it a file of the tree.
    Scratch(Arc<ScratchFile>),
}

impl Handle {
    /// The number of bytes that a read of `size` bytes from `offset` returns.
    pub(super) fn readable(&self, offset: u64, size: u32) -> usize {
        let rest = self.file.len().saturating_sub(offset);
        rest.min(u64::from(size)) as usize
    }

    /// The file of the tree that this is, or has become.
    ///
    /// # Errors
    ///
    /// `Stale` for a scratch file.
    pub(super) fn tree_file(&self) -> Result<&VirtualFile, FsError> {
        self.file.tree_file().ok_or(FsError::Stale)
    }
}

impl OpenFile {
    /// The file of the tree that this is, or has become.
    pub(super) fn tree_file(&self) -> Option<&VirtualFile> {
        match self {
            OpenFile::Tree(file) => Some(file),
            OpenFile::Scratch(scratch) => Some(&scratch.target()?.file),
        }
    }

    /// The size in bytes.
    pub(super) fn len(&self) -> u64 {
        match self {
            OpenFile::Tree(file) => file.len(),
            OpenFile::Scratch(scratch) => scratch.len(),
        }
    }
}

/// All open files, by handle number.
#[derive(Debug, Default)]
pub(super) struct Handles {
    open: RwLock<Slab<Arc<Handle>>>,
    errors: WriteBackErrors,
}

/// The write-back errors so far. As with the kernel's `errseq_t`, each handle that is open when
/// an error occurs reports it once.
#[derive(Debug, Default)]
struct WriteBackErrors {
    found: AtomicU64,
    errno: AtomicI32,
}

impl Handles {
    /// Opens `file`, the node `inode`, and returns its handle number. Holds `pin` until the
    /// handle is closed.
    pub(super) fn open(
        &self,
        inode: u64,
        file: OpenFile,
        pin: Option<Pin>,
        writes: bool,
        open_invalidation: Option<OpenInvalidation>,
    ) -> u64 {
        let handle = Handle {
            writes,
            open_invalidation,
            _pin: pin,
            ..self.of_one_request(inode, file)
        };
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        open.insert(Arc::new(handle)) as u64
    }

    /// A handle that is not in the table, for reading.
    pub(super) fn of_one_request(&self, inode: u64, file: OpenFile) -> Handle {
        Handle {
            inode,
            file,
            writes: false,
            idle: AtomicBool::new(false),
            open_invalidation: None,
            errors_seen: AtomicU64::new(self.errors.found.load(Ordering::SeqCst)),
            _pin: None,
        }
    }

    /// The number of open files.
    pub(super) fn count(&self) -> usize {
        self.open
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }

    /// The open file `number`.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub(super) fn get(&self, number: u64) -> Result<Arc<Handle>, FsError> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        let handle = open.get(number as usize).cloned();
        handle.ok_or(FsError::Stale)
    }

    /// Removes an open file. `None` if there is none.
    pub(super) fn close(&self, number: u64) -> Option<Arc<Handle>> {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        open.try_remove(number as usize)
    }

    /// Records the outcome of a write-back. Every handle open now reports a failure once.
    pub(super) fn record_write_back(&self, outcome: Result<(), FsError>) {
        if let Err(error) = outcome {
            log::error!("write-back failed: {error}");
            let errno = error.errno().code();
            self.errors.errno.store(errno, Ordering::SeqCst);
            self.errors.found.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Reports a write-back error that `handle` has not reported yet.
    ///
    /// # Errors
    ///
    /// The last such error.
    pub(super) fn take_error(&self, handle: &Handle) -> Result<(), FsError> {
        let found = self.errors.found.load(Ordering::SeqCst);
        if handle.errors_seen.swap(found, Ordering::SeqCst) == found {
            return Ok(());
        }
        let errno = self.errors.errno.load(Ordering::SeqCst);
        Err(io::Error::from_raw_os_error(errno).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn empty() -> OpenFile {
        OpenFile::Tree(VirtualFile::new([]))
    }

    #[test]
    fn a_write_back_error_is_reported_once_by_each_handle_open_when_it_was_found() {
        let handles = Handles::default();
        let open = || handles.open(7, empty(), None, true, None);
        let numbers = [open(), open()];
        handles.record_write_back(Ok(()));
        handles.record_write_back(Err(io::Error::from_raw_os_error(libc::ENOSPC).into()));
        let later = handles.get(open()).unwrap();
        for number in numbers {
            let handle = handles.get(number).unwrap();
            let error = handles.take_error(&handle).unwrap_err();
            assert_eq!(error.errno().code(), libc::ENOSPC);
            assert!(handles.take_error(&handle).is_ok());
        }
        assert!(handles.take_error(&later).is_ok());
    }

    #[test]
    fn closed_handles_are_stale() {
        let handles = Handles::default();
        let number = handles.open(7, empty(), None, false, None);
        assert!(handles.close(number).is_some());
        assert!(handles.close(number).is_none());
        assert!(matches!(handles.get(number), Err(FsError::Stale)));
        assert!(matches!(handles.get(u64::MAX), Err(FsError::Stale)));
    }
}
