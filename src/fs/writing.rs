//! Writing to open files: the gap that is filled before a write, what is kept of one that
//! is deferred, and the write itself. When each may begin is decided by `answer` and
//! `coherence`.

use std::ops::Range;

use super::coherence::DeferredData;
use super::error::FsError;
use super::operations::ArrayFs;
use crate::vfile::VirtualFile;

/// A write as the kernel hands it over.
#[derive(Debug)]
pub(super) struct Write<'a> {
    /// The first byte.
    pub(super) at: u64,
    /// The bytes.
    pub(super) data: &'a [u8],
    /// The flags that the file was opened with.
    pub(super) flags: i32,
    /// The bytes come from a mapping's page, not from a write.
    pub(super) from_page_cache: bool,
}

impl Write<'_> {
    /// Its bytes of the file.
    pub(super) fn range(&self) -> Range<u64> {
        self.at..self.at.saturating_add(self.data.len() as u64)
    }
}

/// Bytes of a truncated file that are to be filled with zeros.
#[derive(Debug)]
pub(super) struct Gap {
    inode: u64,
    file: VirtualFile,
    range: Range<u64>,
}

impl Gap {
    /// Its bytes of the backing file, from the first to the last.
    pub(super) fn backing(&self) -> Range<u64> {
        self.file.covering_range(&self.range)
    }
}

impl ArrayFs {
    /// What a write of the bytes `range` of an open file can touch: the bytes of the backing
    /// file, from the first to the last, and whether a [gap](Self::gap) before them.
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

    /// What is to be filled first before byte `end` of `file`, the node `inode`, is written;
    /// `None` once nothing is left. Past the end nothing can be written.
    pub(super) fn gap(&self, inode: u64, file: &VirtualFile, end: u64) -> Option<Gap> {
        let range = self.truncations.gap(inode, end)?;
        let file = file.clone();
        (end <= file.len()).then_some(Gap { inode, file, range })
    }

    /// The same of an open file.
    pub(super) fn gap_of(&self, handle: u64, end: u64) -> Result<Option<Gap>, FsError> {
        let handle = self.handles.get(handle)?;
        Ok(self.gap(handle.inode, &handle.file, end))
    }

    /// Fills `gap` with zeros.
    ///
    /// # Errors
    ///
    /// When that cannot be done.
    pub(super) fn fill_gap(&self, gap: &Gap) -> Result<(), FsError> {
        let Gap { inode, file, range } = gap;
        self.truncations.written(*inode, file, range);
        self.log_backing_errors(|| self.truncations.fill(*inode, range))?;
        self.touch();
        Ok(())
    }

    /// Keeps the data of a write from byte `at` of an open file that is deferred: all of
    /// it, or if too many are the elements in about a page.
    pub(super) fn keep_data(
        &self,
        handle: u64,
        at: u64,
        data: &[u8],
    ) -> Result<DeferredData, FsError> {
        const PAGE: u64 = 4096;
        // As long as the longest element that is written whole.
        const WORD: u64 = 8;
        let file = &self.handles.get(handle)?.file;
        let end = file.boundary(at.saturating_add(PAGE), WORD);
        let short = usize::try_from(end.saturating_sub(at)).unwrap_or(data.len());
        Ok(self.coherence.buffers.keep(data, short)?)
    }

    /// The bytes of the backing file that giving a node its size can touch: none,
    /// unless it counts as truncated.
    pub(super) fn reach_of_node(&self, inode: u64) -> Range<u64> {
        match self.truncations.is_marked(inode) {
            true => self.bytes_of_node(inode),
            false => 0..0,
        }
    }

    /// The bytes of the backing file that a node shows, and what lies between them.
    pub(super) fn bytes_of_node(&self, inode: u64) -> Range<u64> {
        let node = self.tree.node(inode);
        let file = node.and_then(|node| self.tree.open(node));
        file.map_or(0..0, |(file, _pin)| file.covering_range(&(0..file.len())))
    }

    /// Writes, and returns how many bytes were taken; fewer only at the end.
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
