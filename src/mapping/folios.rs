//! Small writes between flushes. The page cache holds files in folios of up to 2 MiB. A store to
//! a mapped page makes its whole folio dirty, and a flush writes all of it. So the folios of the
//! small writes after a flush are split into pages first, and the next flush writes these pages.

use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};

use memmap2::MmapRaw;

use super::copy::gather;
use super::{Mapping, Mode, memory};
use crate::array::Run;

/// The most bytes of a small write: larger ones lose less to the rest of a folio.
const SMALL: u64 = 1 << 16;

/// The number of small writes after a flush that are prepared for the next one. Who writes more
/// between two flushes is better served by large folios and without the system calls.
const WRITES: u32 = 64;

/// The granularity of the advice, in bytes.
const PAGE: u64 = 4096;

/// How many of the next small writes are likely to be flushed soon.
#[derive(Debug, Default)]
pub(super) struct FlushExpectation(AtomicU32);

impl FlushExpectation {
    /// Records a flush: others are likely to follow.
    pub(super) fn record_flush(&self) {
        self.0.store(WRITES, Ordering::Relaxed);
    }

    /// Records a small write. Returns whether a flush is likely to follow soon.
    fn record_write(&self) -> bool {
        let left = self.0.load(Ordering::Relaxed);
        // Of two writes at the same time one may not be counted. The number is a guess anyway.
        self.0.store(left.saturating_sub(1), Ordering::Relaxed);
        left > 0
    }
}

impl Mapping {
    /// Prepares the contiguous bytes `range` of the file for a write: splits the folios that it
    /// covers in part, if it is small and soon to be flushed.
    ///
    /// The kernel splits such folios on `MADV_COLD`, where they are clean and mapped by this
    /// process only. Nothing depends on whether it does.
    pub(super) fn split_folios(&self, map: &MmapRaw, range: &Range<u64>) {
        if range.is_empty()
            || range.end - range.start > SMALL
            || self.mode == Mode::CopyOnWrite
            || !self.flush_expectation.record_write()
        {
            return;
        }
        let start = range.start / PAGE * PAGE;
        let last = (range.end - 1) / PAGE * PAGE;
        for page in [start, last] {
            // The kernel passes over what is not in the page table.
            let byte = Run {
                offset: page,
                piece: 1,
                stride: 0,
                count: 1,
            };
            // SAFETY: the page begins in the mapping, as the bytes of every view do. The guard
            // was installed before the file was mapped.
            let loaded = unsafe { gather(map.as_mut_ptr(), &byte, &mut [0]) };
            if loaded.is_err() {
                return;
            }
        }
        memory::advise_cold(map, start as usize, (last + PAGE - start) as usize);
    }
}
