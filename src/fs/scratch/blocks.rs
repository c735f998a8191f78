//! The memory of scratch files: blocks of anonymous memory, mapped when they are first written
//! and unmapped at once when they are dropped. So it is given back to the system, whatever the
//! heap does, and a lack of it is an error. Which files there are is left to the parent module.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use memmap2::MmapMut;

use super::super::error::FsError;
use crate::mapping;

/// The size of a block in bytes.
const BLOCK: u64 = 1 << 16;

/// The address space that is left to the heap where it is limited, in bytes.
const RESERVE: u64 = 16 << 20;

/// The unit in which bytes are counted against the limit: the smallest page size.
const PAGE: u64 = 4096;

/// The bytes that all scratch files of a mount may have together.
#[derive(Debug)]
pub(in super::super) struct Budget {
    limit: u64,
    used: AtomicU64,
}

impl Budget {
    /// A limit of `limit` bytes, none of them in use.
    pub(super) fn new(limit: u64) -> Budget {
        let used = AtomicU64::new(0);
        Budget { limit, used }
    }

    /// The limit in bytes.
    pub(in super::super) fn limit(&self) -> u64 {
        self.limit
    }

    /// The bytes in use.
    pub(in super::super) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    fn take(&self, bytes: u64) -> Result<(), FsError> {
        let mut used = self.used();
        loop {
            let sum = used.checked_add(bytes).filter(|sum| *sum <= self.limit);
            let sum = sum.ok_or(FsError::NoSpace)?;
            let order = Ordering::Relaxed;
            match self.used.compare_exchange_weak(used, sum, order, order) {
                Ok(_) => return Ok(()),
                Err(now) => used = now,
            }
        }
    }

    fn give_back(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// The bytes of a scratch file. Those that were never written are zeros and take no memory.
#[derive(Debug)]
pub(super) struct Blocks {
    budget: Arc<Budget>,
    len: u64,
    /// By their number in the file.
    blocks: BTreeMap<u64, MmapMut>,
}

impl Blocks {
    /// No bytes. Later ones count against `budget`.
    pub(super) fn new(budget: Arc<Budget>) -> Blocks {
        let (len, blocks) = (0, BTreeMap::new());
        Blocks {
            budget,
            len,
            blocks,
        }
    }

    /// The number of bytes.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Cuts the bytes at `len`, or appends zeros up to it.
    ///
    /// # Errors
    ///
    /// `NoSpace` when the limit is reached.
    pub(super) fn set_len(&mut self, len: u64) -> Result<(), FsError> {
        let (before, after) = (charge(self.len)?, charge(len)?);
        match after.checked_sub(before) {
            Some(more) => self.budget.take(more)?,
            None => self.budget.give_back(before - after),
        }
        drop(self.blocks.split_off(&len.div_ceil(BLOCK)));
        let rest = (len % BLOCK) as usize;
        if len < self.len
            && rest != 0
            && let Some(last) = self.blocks.get_mut(&(len / BLOCK))
        {
            // Bytes after a cut are zeros if the file gets longer again.
            last[rest..].fill(0);
        }
        self.len = len;
        Ok(())
    }

    /// Copies bytes from offset `at` on, up to the end of the file, and returns their number.
    pub(super) fn read(&self, at: u64, out: &mut [u8]) -> usize {
        let end = at.saturating_add(out.len() as u64).min(self.len);
        let mut done = 0;
        for (index, range) in pieces(at..end) {
            let piece = &mut out[done..done + range.len()];
            match self.blocks.get(&index) {
                Some(block) => piece.copy_from_slice(&block[range.clone()]),
                None => piece.fill(0),
            }
            done += range.len();
        }
        done
    }

    /// Writes `data` at offset `at`. The file gets longer where needed.
    ///
    /// # Errors
    ///
    /// `NoSpace` when the limit is reached, and the error of a system without memory. Nothing is
    /// written then.
    pub(super) fn write(&mut self, at: u64, data: &[u8]) -> Result<(), FsError> {
        let end = at.checked_add(data.len() as u64).ok_or(FsError::NoSpace)?;
        if data.is_empty() {
            return Ok(());
        }
        let len = self.len;
        if end > len {
            self.set_len(end)?;
        }
        let mapped = pieces(at..end).try_for_each(|(index, _)| self.map(index));
        if let Err(error) = mapped {
            self.set_len(len)?;
            return Err(error);
        }
        let mut done = 0;
        for (index, range) in pieces(at..end) {
            if let Some(block) = self.blocks.get_mut(&index) {
                let piece = &data[done..done + range.len()];
                block[range].copy_from_slice(piece);
                done += piece.len();
            }
        }
        Ok(())
    }

    /// Maps block `index` if it has no memory yet.
    fn map(&mut self, index: u64) -> Result<(), FsError> {
        if let Entry::Vacant(vacant) = self.blocks.entry(index) {
            // A process that has no address space for its heap ends.
            let is_limited = mapping::address_space_limit().is_some();
            if is_limited && !mapping::has_address_space(BLOCK + RESERVE) {
                return Err(FsError::NoSpace);
            }
            vacant.insert(MmapMut::map_anon(BLOCK as usize)?);
        }
        Ok(())
    }

    /// Gives the memory back, and leaves no bytes.
    pub(super) fn clear(&mut self) {
        self.blocks.clear();
        // The length counted against the limit, so it is within it.
        self.budget.give_back(charge(self.len).unwrap_or(0));
        self.len = 0;
    }
}

impl Drop for Blocks {
    fn drop(&mut self) {
        self.clear();
    }
}

/// What a file of `len` bytes counts against the limit.
fn charge(len: u64) -> Result<u64, FsError> {
    len.checked_next_multiple_of(PAGE).ok_or(FsError::NoSpace)
}

/// The number of each block that overlaps `range`, and the part of it that does.
fn pieces(range: Range<u64>) -> impl Iterator<Item = (u64, Range<usize>)> {
    let blocks = match range.is_empty() {
        true => 0..0,
        false => range.start / BLOCK..range.end.div_ceil(BLOCK),
    };
    blocks.map(move |index| {
        let start = index * BLOCK;
        let low = range.start.max(start) - start;
        let high = range.end.min(start + BLOCK) - start;
        (index, low as usize..high as usize)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(blocks: &Blocks) -> Vec<u8> {
        let mut bytes = vec![9; blocks.len() as usize];
        assert_eq!(blocks.read(0, &mut bytes), bytes.len());
        bytes
    }

    #[test]
    fn bytes_are_those_of_a_vector() {
        let mut blocks = Blocks::new(Arc::new(Budget::new(1 << 20)));
        let mut twin = Vec::new();
        let edge = BLOCK as usize;
        for (at, len) in [
            (0, 5),
            (3, 4),
            (edge - 2, 4),
            (2 * edge, edge),
            (10, 2 * edge),
            (5 * edge - 1, 1),
        ] {
            let data: Vec<u8> = (0..len).map(|k| (k * 7 + at + 1) as u8).collect();
            blocks.write(at as u64, &data).unwrap();
            twin.resize(twin.len().max(at + len), 0);
            twin[at..at + len].copy_from_slice(&data);
            assert!(contents(&blocks) == twin, "{at} {len}");
        }
        for len in [4 * edge + 3, 2 * edge + 1, 3 * edge, edge, 7, 100, 0, 1] {
            blocks.set_len(len as u64).unwrap();
            twin.resize(len, 0);
            assert!(contents(&blocks) == twin, "{len}");
        }
        assert_eq!(blocks.read(1, &mut [0; 4]), 0);
        assert_eq!(blocks.read(u64::MAX, &mut [0; 4]), 0);
    }

    #[test]
    fn bytes_count_in_pages_until_they_are_dropped() {
        let budget = Arc::new(Budget::new(3 * PAGE));
        let [mut a, mut b] = [(); 2].map(|()| Blocks::new(budget.clone()));
        a.write(PAGE, b"x").unwrap();
        assert_eq!(budget.used(), 2 * PAGE);
        b.write(0, b"y").unwrap();
        assert!(matches!(b.write(PAGE, b"z"), Err(FsError::NoSpace)));
        assert!(matches!(a.set_len(u64::MAX), Err(FsError::NoSpace)));
        assert!(matches!(a.write(u64::MAX, b"z"), Err(FsError::NoSpace)));
        assert_eq!((contents(&b), budget.used()), (b"y".to_vec(), 3 * PAGE));
        a.set_len(1).unwrap();
        b.write(PAGE, b"z").unwrap();
        drop(a);
        b.clear();
        assert_eq!((budget.used(), b.len()), (0, 0));
        b.write(0, &[1; 3 * PAGE as usize]).unwrap();
        drop(b);
        assert_eq!(budget.used(), 0);
    }
}
