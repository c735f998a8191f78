//! Writing to open files: what a write can touch, what is kept of one that is deferred, and
//! the write itself. When it may begin is decided by `answer` and `coherence`.

use std::ops::Range;

use super::coherence::DeferredData;
use super::error::FsError;
use super::operations::ArrayFs;

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
    /// A gap is filled that the write leaves in a truncated file.
    pub(super) fills_gap: bool,
}

impl Write<'_> {
    /// Its bytes of the file.
    pub(super) fn range(&self) -> Range<u64> {
        self.at..self.at.saturating_add(self.data.len() as u64)
    }
}

/// What a write can touch.
#[derive(Debug)]
pub(super) struct WritePlan {
    /// The bytes of the backing file, from the first to the last.
    pub(super) backing: Range<u64>,
    /// It can fill a gap, whose bytes are among them.
    pub(super) fills_gap: bool,
}

impl ArrayFs {
    /// What a write of the bytes `range` of an open file can touch.
    pub(super) fn plan(&self, handle: u64, range: &Range<u64>) -> Result<WritePlan, FsError> {
        let handle = self.handles.get(handle)?;
        let fills_gap = self.truncations.is_marked(handle.inode);
        let backing = match fills_gap {
            true => handle.file.covering_range(&(0..handle.file.len())),
            false => handle.file.covering_range(range),
        };
        Ok(WritePlan { backing, fills_gap })
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
        let file = &self.handles.get(handle)?.file;
        let end = file.boundary(at.saturating_add(PAGE));
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
        let start = match write.fills_gap {
            true => self.truncations.start_of_gap(handle.inode, range.start),
            false => range.start,
        };
        let changed = start..range.end;
        self.truncations
            .written(handle.inode, &handle.file, &changed);
        let apply = || Ok(handle.file.write_at(write.at, write.data)?);
        let taken = self.log_backing_errors(|| {
            if !write.from_page_cache {
                let may_fill = write.fills_gap;
                return self.truncations.write(&handle, &range, may_fill, apply);
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
