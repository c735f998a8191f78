//! Writes to open files: the gap before a write, the copied data of a deferred write, and the
//! write itself. The order of writes and page invalidations is left to `answer` and `coherence`.

use std::ops::Range;

use super::coherence::DeferredData;
use super::error::FsError;
use super::handle::OpenFile;
use super::operations::ArrayFs;
use super::scratch::Written;
use crate::vfile::VirtualFile;

/// The number of bytes written.
pub(super) type Outcome = Result<usize, FsError>;

/// A WRITE request.
#[derive(Debug)]
pub(super) struct Write<'a> {
    /// The offset in the file, in bytes.
    pub(super) offset: u64,
    /// The bytes to write.
    pub(super) data: &'a [u8],
    /// The open flags of the file.
    pub(super) flags: i32,
    /// Whether this is a write-back of a page that was stored to through a mapping.
    pub(super) from_page_cache: bool,
}

impl Write<'_> {
    /// The bytes of the file that are written.
    pub(super) fn range(&self) -> Range<u64> {
        self.offset..self.offset.saturating_add(self.data.len() as u64)
    }
}

/// Bytes of a truncated file that have to be filled with zeros.
#[derive(Debug)]
pub(super) struct Gap {
    inode: u64,
    file: VirtualFile,
    range: Range<u64>,
}

impl Gap {
    /// Their covering range in the backing file.
    pub(super) fn extent(&self) -> Range<u64> {
        self.file.covering_range(&self.range)
    }
}

impl ArrayFs {
    /// The covering range, in the backing file, of a write of the bytes `range` of an open file,
    /// and whether there is a [gap](Self::gap) before them.
    pub(super) fn write_extent(
        &self,
        handle: u64,
        range: &Range<u64>,
    ) -> Result<(Range<u64>, bool), FsError> {
        let handle = self.handles.get(handle)?;
        let file = handle.tree_file()?;
        let is_inside = range.start < file.len();
        let gap = self.truncations.gap(handle.inode, range.start);
        Ok((file.covering_range(range), is_inside && gap.is_some()))
    }

    /// The next step of the gap before byte `end` of `file`, the node `inode`. `None` if there
    /// is no gap, or if `end` is past the end of the file, where nothing can be written.
    pub(super) fn gap(&self, inode: u64, file: &VirtualFile, end: u64) -> Option<Gap> {
        let range = self.truncations.gap(inode, end)?;
        let file = file.clone();
        (end <= file.len()).then_some(Gap { inode, file, range })
    }

    /// The next step of the gap before byte `end` of an open file.
    pub(super) fn gap_of_handle(&self, handle: u64, end: u64) -> Result<Option<Gap>, FsError> {
        let handle = self.handles.get(handle)?;
        let file = handle.file.tree_file();
        Ok(file.and_then(|file| self.gap(handle.inode, file, end)))
    }

    /// Fills `gap` with zeros.
    ///
    /// # Errors
    ///
    /// When the bytes cannot be written.
    pub(super) fn fill_gap(&self, gap: &Gap) -> Result<(), FsError> {
        let Gap { inode, file, range } = gap;
        self.truncations.end_overlapping(*inode, file, range);
        self.log_backing_errors(|| self.truncations.fill(*inode, range))?;
        self.record_write_time();
        Ok(())
    }

    /// Copies the data of a deferred write at `offset` of an open file: all of it, or when no
    /// buffer is free, about a page of whole elements.
    pub(super) fn copy_data(
        &self,
        handle: u64,
        offset: u64,
        data: &[u8],
    ) -> Result<DeferredData, FsError> {
        const PAGE: u64 = 4096;
        // The longest element, in bytes, that is never split.
        const MAX_ELEMENT: u64 = 8;
        let handle = self.handles.get(handle)?;
        let file = handle.tree_file()?;
        let end = file.boundary(offset.saturating_add(PAGE), MAX_ELEMENT);
        let fallback_len = usize::try_from(end.saturating_sub(offset)).unwrap_or(data.len());
        Ok(self.coherence.buffers.copy(data, fallback_len)?)
    }

    /// The covering range, in the backing file, of what a resize of a node to its full size can
    /// write. Empty unless the node is truncated.
    pub(super) fn resize_extent(&self, inode: u64) -> Range<u64> {
        match self.truncations.is_truncated(inode) {
            true => self.node_extent(inode),
            false => 0..0,
        }
    }

    /// The covering range of a node in the backing file. Empty if the node has no array bytes.
    pub(super) fn node_extent(&self, inode: u64) -> Range<u64> {
        let node = self.node(inode).ok();
        let file = node.and_then(|node| self.tree.open(node));
        file.map_or(0..0, |file| file.covering_range(&(0..file.len())))
    }

    /// Writes to an open scratch file. `None` if the handle is of a file of the tree, or the
    /// scratch file has become one.
    pub(super) fn write_scratch(&self, handle: u64, write: &Write<'_>) -> Option<Outcome> {
        let handle = self.handles.get(handle).ok()?;
        let OpenFile::Scratch(scratch) = &handle.file else {
            return None;
        };
        let (inode, offset) = (handle.inode, write.offset);
        let (target, count) = match scratch.write(offset, write.data) {
            Ok(Written::Became) => return None,
            Ok(Written::InMemory) => return Some(Ok(write.data.len())),
            Ok(Written::AlsoIn { target, count }) => (target, count),
            Err(error) => return Some(Err(error)),
        };
        let bytes = target.file.covering_range(&(offset..offset + count as u64));
        let written = self.coherence.write_back(inode, &bytes, || {
            let mut done = 0;
            while done < count {
                let rest = &write.data[done..count];
                match self.write_moved(inode, &target, offset + done as u64, rest)? {
                    0 => break,
                    more => done += more,
                }
            }
            Ok(write.data.len())
        });
        Some(written)
    }

    /// Writes, and returns the number of bytes written: fewer than asked only at the end of the
    /// file or before bytes that cannot be written.
    pub(super) fn write(&self, handle: u64, write: &Write<'_>) -> Result<usize, FsError> {
        let handle = self.handles.get(handle)?;
        let file = handle.tree_file()?;
        let range = write.range();
        self.truncations.end_overlapping(handle.inode, file, &range);
        let apply = || Ok(file.write_at(write.offset, write.data)?);
        let count = self.log_backing_errors(|| {
            if !write.from_page_cache {
                return self.truncations.write(&handle, &range, apply);
            }
            self.truncations.end(handle.inode);
            let mut count = apply()?;
            while count < write.data.len() {
                let next = write.offset + count as u64;
                match file.write_at(next, &write.data[count..])? {
                    0 => break,
                    more => count += more,
                }
            }
            Ok(count)
        })?;
        self.record_write_time();
        if write.flags & (libc::O_SYNC | libc::O_DSYNC) != 0 {
            self.flush_range(&handle, range)?;
        }
        Ok(count)
    }
}
