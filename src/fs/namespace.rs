//! CREATE, UNLINK and RENAME: scratch files, the only names that can be made. A rename of
//! one over a file of the array writes its bytes through that file, in the order of writes and
//! page invalidations that `coherence` demands. The files themselves are left to `scratch`.
//!
//! Nothing is notified from within a request: the kernel holds the locks of the directories
//! meanwhile, and an invalidated entry waits for them. Instead the names and attributes of
//! scratch files have lifetimes of 0.

use std::ffi::OsStr;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use fuser::FileAttr;

use super::error::FsError;
use super::negotiation::MAX_REQUEST;
use super::operations::{ArrayFs, MAX_NAME};
use super::scratch::{Owner, ScratchFile, Target};
use crate::tree::Node;

/// The longest element, in bytes, that is never split.
const MAX_ELEMENT: u64 = 8;

/// A name in a directory, by the inode number of the directory.
pub(super) type Place<'a> = (u64, &'a OsStr);

impl ArrayFs {
    /// Makes an empty scratch file and opens it. Returns its attributes and a handle number.
    ///
    /// # Errors
    ///
    /// `NotPermitted` where no such file can be made, `Exists`, `NameTooLong`, and `NoSpace` when
    /// there are too many.
    pub(super) fn create(
        &self,
        place: Place<'_>,
        owner: Owner,
        writes: bool,
    ) -> Result<(FileAttr, u64), FsError> {
        let (parent, name) = place;
        if name.len() > MAX_NAME {
            return Err(FsError::NameTooLong);
        }
        if self.tree_node(place)?.is_some() {
            return Err(FsError::Exists);
        }
        let is_possible = self.appearance.writable && self.scratch.is_enabled();
        if !is_possible || !self.tree.takes_other_file(self.node(parent)?, name) {
            return Err(FsError::NotPermitted);
        }
        let file = self.scratch.create(parent, name, owner, Instant::now())?;
        let number = self.open_scratch(file.inode(), writes)?;
        let attributes = file.attributes(1).ok_or(FsError::Stale)?;
        Ok((attributes, number))
    }

    /// The node of the tree at `place`. `None` if it has none.
    fn tree_node(&self, (parent, name): Place<'_>) -> Result<Option<Node>, FsError> {
        Ok(self.tree.lookup(self.node(parent)?, name))
    }

    /// The scratch file at `place`.
    ///
    /// # Errors
    ///
    /// `NotPermitted` for a file of the tree, `NotFound` when there is nothing.
    fn scratch_file(&self, place: Place<'_>) -> Result<Arc<ScratchFile>, FsError> {
        if self.tree_node(place)?.is_some() {
            return Err(FsError::NotPermitted);
        }
        let file = self.scratch.find(place.0, place.1);
        file.ok_or(FsError::NotFound)
    }

    /// Removes a scratch file.
    ///
    /// # Errors
    ///
    /// `NotPermitted` for a file of the tree, `NotFound` when there is nothing.
    pub(super) fn unlink(&self, place: Place<'_>) -> Result<(), FsError> {
        let file = self.scratch_file(place)?;
        self.scratch.remove(file.inode());
        Ok(())
    }

    /// Renames a scratch file over a file of the array of the same size: its bytes are written
    /// there. Calls `answer` with the outcome, at once or after pages that show the bytes have
    /// been invalidated. `flags` are those of `renameat2`.
    ///
    /// Errors are `Invalid` for another size, `Exists` with `RENAME_NOREPLACE`, `NotPermitted`
    /// for all other renames, and those of the writes.
    /// After one of the latter the scratch file is as it was, and the file of the array has some
    /// of the bytes.
    pub(super) fn rename(
        self: &Arc<ArrayFs>,
        from: Place<'_>,
        to: Place<'_>,
        flags: u32,
        answer: impl FnOnce(Result<(), FsError>) + Send + 'static,
    ) {
        let (renaming, has_pages) = match self.begin_rename(from, to, flags) {
            Ok(begun) => begun,
            Err(error) => return answer(Err(error)),
        };
        if let Err(error) = renaming.check_fixed_bytes() {
            drop(renaming);
            return answer(Err(error));
        }
        let inode = renaming.scratch.inode();
        let file = renaming.target.file.clone();
        let start = move || renaming.move_bytes(answer);
        match has_pages {
            // They show bytes of the array from now on.
            true => self.coherence.fill(inode, &file, &(0..file.len()), start),
            false => start(),
        }
    }

    /// Also returns whether the kernel may hold pages of the scratch file.
    fn begin_rename(
        self: &Arc<ArrayFs>,
        from: Place<'_>,
        to: Place<'_>,
        flags: u32,
    ) -> Result<(Renaming, bool), FsError> {
        // As in <linux/fs.h>.
        const NOREPLACE: u32 = 1;
        let scratch = self.scratch_file(from)?;
        let node = self.tree_node(to)?.ok_or(FsError::NotPermitted)?;
        match flags {
            0 => {}
            NOREPLACE => return Err(FsError::Exists),
            _ => return Err(FsError::NotPermitted),
        }
        if !self.node_attributes(node)?.writable {
            return Err(FsError::NotPermitted);
        }
        let pin = self.tree.pin(node).ok_or(FsError::Stale)?;
        let file = self.tree.open(node).ok_or(FsError::Stale)?;
        let target = Arc::new(Target::new(node, file, Some(pin)));
        let has_pages = scratch.begin_move(&target)?;
        let scratch = self.scratch.opened(scratch.inode()).inspect_err(|_| {
            scratch.abandon_move();
        })?;
        let fs = self.clone();
        let renaming = Renaming {
            fs,
            scratch,
            target,
        };
        Ok((renaming, has_pages))
    }

    /// Writes bytes of a scratch file, which is `inode`, through the file `target` of the array.
    pub(super) fn write_moved(
        &self,
        inode: u64,
        target: &Target,
        offset: u64,
        data: &[u8],
    ) -> Result<usize, FsError> {
        let range = offset..offset + data.len() as u64;
        self.truncations
            .end_overlapping(inode, &target.file, &range);
        let write = || Ok(target.file.write_at(offset, data)?);
        let count = self.log_backing_errors(write)?;
        self.record_write_time();
        Ok(count)
    }
}

/// A rename in progress. The scratch file keeps its bytes if this is dropped before the end.
struct Renaming {
    fs: Arc<ArrayFs>,
    scratch: Arc<ScratchFile>,
    target: Arc<Target>,
}

impl Renaming {
    /// Moves all bytes, piece by piece, and calls `answer` with the outcome. The pieces are
    /// written at once, or from the first one that a page shows, on the invalidation thread,
    /// between its other tasks.
    fn move_bytes(self, answer: impl FnOnce(Result<(), FsError>) + Send + 'static) {
        while let Some(piece) = self.next_piece() {
            let bytes = self.target.file.covering_range(&piece);
            let Some(guard) = self.fs.coherence.try_change(&bytes) else {
                return self.move_later(answer);
            };
            let moved = self.move_piece(&piece);
            drop(guard);
            if let Err(error) = moved {
                drop(self);
                return answer(Err(error));
            }
        }
        self.finish();
        answer(Ok(()));
    }

    /// Like [`move_bytes`](Self::move_bytes), on the invalidation thread.
    fn move_later(self, answer: impl FnOnce(Result<(), FsError>) + Send + 'static) {
        let Some(piece) = self.next_piece() else {
            self.finish();
            return answer(Ok(()));
        };
        let coherence = self.fs.coherence.clone();
        let bytes = self.target.file.covering_range(&piece);
        coherence.defer(bytes, move |guard| {
            match guard.and_then(|_guard| self.move_piece(&piece)) {
                Ok(()) => self.move_later(answer),
                Err(error) => {
                    drop(self);
                    answer(Err(error));
                }
            }
        });
    }

    /// Checks the bytes that cannot change, of which a TIFF file has some behind its data: the
    /// array is unchanged if one of them differs.
    fn check_fixed_bytes(&self) -> Result<(), FsError> {
        if !self.target.file.has_literals() {
            return Ok(());
        }
        let mut start = 0;
        while let Some(piece) = self.piece_from(start) {
            let mut buffer = buffer_for(&piece)?;
            let count = self.scratch.read(piece.start, &mut buffer)?;
            self.target
                .file
                .check_write(piece.start, &buffer[..count])?;
            start = piece.end;
        }
        Ok(())
    }

    /// The bytes to move next.
    fn next_piece(&self) -> Option<Range<u64>> {
        self.piece_from(self.scratch.moved())
    }

    /// The bytes from `start` on that are moved at once: about as many as a request has, in whole
    /// elements, or a header.
    fn piece_from(&self, start: u64) -> Option<Range<u64>> {
        let file = &self.target.file;
        let next = start.saturating_add(MAX_REQUEST.into());
        let end = match next < file.len() {
            true => file.boundary(next, MAX_ELEMENT),
            false => file.len(),
        };
        (start < end).then_some(start..end)
    }

    fn move_piece(&self, piece: &Range<u64>) -> Result<(), FsError> {
        let mut buffer = buffer_for(piece)?;
        let inode = self.scratch.inode();
        self.scratch.step(&mut buffer, |offset, data| {
            self.fs.write_moved(inode, &self.target, offset, data)
        })
    }

    fn finish(self) {
        self.scratch.finish_move();
        self.fs.scratch.remove(self.scratch.inode());
        // As at a close.
        self.fs.update_mtime();
    }
}

/// Memory for the bytes of a piece.
///
/// # Errors
///
/// When there is none.
fn buffer_for(piece: &Range<u64>) -> Result<Vec<u8>, FsError> {
    let len = (piece.end - piece.start) as usize;
    let mut buffer = Vec::new();
    let reserved = buffer.try_reserve_exact(len);
    reserved.map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
    buffer.resize(len, 0);
    Ok(buffer)
}

impl Drop for Renaming {
    fn drop(&mut self) {
        self.scratch.abandon_move();
        self.fs.scratch.released(self.scratch.inode());
        self.fs.housekeeping.wake();
    }
}
