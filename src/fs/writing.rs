//! Writes to open files: the gap before a write, the copied data of a deferred write, and the
//! write itself. The order of writes and page invalidations is left to `answer` and `coherence`.

use std::ops::Range;

use super::coherence::DeferredData;
use super::error::FsError;
use super::operations::ArrayFs;
use crate::vfile::VirtualFile;

/// A WRITE request.
#[derive(Debug)]
pub(super) struct Write<'a> {
    /// The offset in the file, in bytes.
    pub(super) at: u64,
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
        self.at..self.at.saturating_add(self.data.len() as u64)
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
    pub(super) fn backing(&self) -> Range<u64> {
        self.file.covering_range(&self.range)
    }
}

impl ArrayFs {
    /// The covering range, in the backing file, of a write of the bytes `range` of an open file,
    /// and whether there is a [gap](Self::gap) before them.
    pub(super) fn touched(
        &self,
        handle: u64,
        range: &Range<u64>,
    ) -> Result<(Range<u64>, bool), FsError> {
        let handle = self.handles.get(handle)?;
        let is_inside = range.start < handle.file.len();
        let gap = self.truncations.gap(handle.inode, range.start);
        Ok((
            handle.file.covering_range(range),
            is_inside && gap.is_some(),
        ))
    }

    /// The next step of the gap before byte `end` of `file`, the node `inode`. `None` if there
    /// is no gap, or if `end` is past the end of the file, where nothing can be written.
    pub(super) fn gap(&self, inode: u64, file: &VirtualFile, end: u64) -> Option<Gap> {
        let range = self.truncations.gap(inode, end)?;
        let file = file.clone();
        (end <= file.len()).then_some(Gap { inode, file, range })
    }

    /// The next step of the gap before byte `end` of an open file.
    pub(super) fn gap_of(&self, handle: u64, end: u64) -> Result<Option<Gap>, FsError> {
        let handle = self.handles.get(handle)?;
        Ok(self.gap(handle.inode, &handle.file, end))
    }

    /// Fills `gap` with zeros.
    ///
    /// # Errors
    ///
    /// When the bytes cannot be written.
    pub(super) fn fill_gap(&self, gap: &Gap) -> Result<(), FsError> {
        let Gap { inode, file, range } = gap;
        self.truncations.written(*inode, file, range);
        self.log_backing_errors(|| self.truncations.fill(*inode, range))?;
        self.touch();
        Ok(())
    }

    /// Copies the data of a deferred write at offset `at` of an open file: all of it, or when no
    /// buffer is free, about a page of whole elements.
    pub(super) fn keep_data(
        &self,
        handle: u64,
        at: u64,
        data: &[u8],
    ) -> Result<DeferredData, FsError> {
        const PAGE: u64 = 4096;
        // The longest element, in bytes, that is never split.
        const WORD: u64 = 8;
        let file = &self.handles.get(handle)?.file;
        let end = file.boundary(at.saturating_add(PAGE), WORD);
        let short = usize::try_from(end.saturating_sub(at)).unwrap_or(data.len());
        Ok(self.coherence.buffers.keep(data, short)?)
    }

    /// The covering range, in the backing file, of what a resize of a node to its full size can
    /// write. Empty unless the node is truncated.
    pub(super) fn reach_of_node(&self, inode: u64) -> Range<u64> {
        match self.truncations.is_marked(inode) {
            true => self.bytes_of_node(inode),
            false => 0..0,
        }
    }

    /// The covering range of a node in the backing file. Empty if the node has no array bytes.
    pub(super) fn bytes_of_node(&self, inode: u64) -> Range<u64> {
        let node = self.tree.node(inode);
        let file = node.and_then(|node| self.tree.open(node));
        file.map_or(0..0, |(file, _pin)| file.covering_range(&(0..file.len())))
    }

    /// Writes, and returns the number of bytes written: fewer than asked only at the end of the
    /// file or before bytes that cannot be written.
    pub(super) fn write(&self, handle: u64, write: &Write<'_>) -> Result<usize, FsError> {
        let handle = self.handles.get(handle)?;
        let range = write.range();
        self.truncations.written(handle.inode, &handle.file, &range);
        let apply = || Ok(handle.file.write_at(write.at, write.data)?);
        let taken = self.log_backing_errors(|| {
            if !write.from_page_cache {
                return self.truncations.write(&handle, &range, apply);
            }
            self.truncations.read(handle.inode);
            let mut taken = apply()?;
            while taken < write.data.len() {
                let next = write.at + taken as u64;
                match handle.file.write_at(next, &write.data[taken..])? {
                    0 => break,
                    more => taken += more,
                }
            }
            Ok(taken)
        })?;
        self.touch();
        if write.flags & (libc::O_SYNC | libc::O_DSYNC) != 0 {
            self.flush_range(&handle, range)?;
        }
        Ok(taken)
    }
}
