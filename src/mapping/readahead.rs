//! Readahead: `madvise(MADV_WILLNEED)` on what a transfer needs, before it faults. The kernel
//! reads megabytes around a fault, of which a piece or a single row needs little.
//!
//! - All scattered pieces are advised before they are read one by one. The disk then gets all
//!   requests at once. Only the needed pages are read, until a read of the pages next to them
//!   shows a pattern; then the window of each piece grows.
//! - Contiguous bytes are advised if they continue none of the last such transfers. Transfers in
//!   order, by several clients too, are left to the kernel's readahead.
//!
//! The advice is optional: reads are correct without it.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use memmap2::MmapRaw;
use nix::unistd::geteuid;

use super::{Mapping, Mode, memory};
use crate::array::{Grid, Layout, Run};
use crate::platform;

/// The smallest stride of scattered pieces, in bytes. Below it, reading the gaps too is faster.
const MIN_STRIDE: u64 = 1 << 15;

/// The fewest pieces worth the system calls, except at the start of a transfer.
const MIN_PIECES: u64 = 8;

/// The most pieces advised before the first of them is read.
const MAX_PIECES: u64 = 1 << 14;

/// The most bytes advised at once.
const MAX_BYTES: u64 = 1 << 27;

/// The granularity of advice, in bytes.
const PAGE: u64 = 4096;

/// The number of contiguous transfers that others can continue: more clients read at once rarely.
const STREAMS: usize = 16;

/// The growth of the window when the next read continues the last.
const GROWTH: u64 = 4;

/// What the last transfers needed.
#[derive(Debug, Default)]
pub(super) struct ReadaheadState {
    /// The last readahead of scattered pieces.
    window: Mutex<Window>,
    streams: Streams,
    /// Whether `mincore` tells which pages of the file are in the page cache. Linux tells who
    /// may write the file, owns it or is root. To others it says that all are.
    mincore_tells: bool,
}

/// The ends of the last contiguous transfers, as file offsets.
#[derive(Debug, Default)]
struct Streams {
    ends: [AtomicU64; STREAMS],
    /// The number of transfers that continued none.
    started: AtomicUsize,
}

impl Streams {
    /// Records a transfer of the bytes `range` of the file. Returns whether it continues one of
    /// the last.
    fn record(&self, range: &Range<u64>) -> bool {
        let is_continued = |end: &AtomicU64| {
            let (old, new) = (range.start, range.end);
            end.compare_exchange(old, new, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
        };
        if self.ends.iter().any(is_continued) {
            return true;
        }
        let started = self.started.fetch_add(1, Ordering::Relaxed);
        self.ends[started % STREAMS].store(range.end, Ordering::Relaxed);
        false
    }
}

/// A window in each of equally spaced stretches of the file.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Window {
    /// The length of a stretch, in bytes.
    step: u64,
    /// The start of the window, in bytes from the start of its stretch.
    start: u64,
    /// The end of the window, likewise.
    end: u64,
}

impl ReadaheadState {
    /// The state of a file that is mapped in `mode`.
    pub(super) fn new(file: &File, mode: Mode) -> ReadaheadState {
        let user = geteuid();
        let is_owner = || {
            file.metadata()
                .is_ok_and(|found| found.uid() == user.as_raw())
        };
        ReadaheadState {
            mincore_tells: mode.writes_through() || user.is_root() || is_owner(),
            ..ReadaheadState::default()
        }
    }

    /// The window to advise for each piece of a scattered run, in bytes from the start of
    /// the piece's page.
    fn window(&self, run: &Run) -> u64 {
        let step = run.stride.unsigned_abs();
        let start = (run.offset - run.offset % PAGE) % step;
        let needed = (run.offset % PAGE + run.piece).next_multiple_of(PAGE);
        let mut last = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let previous = last.end - last.start;
        let bytes = match last.step == step {
            // The same window again, or further stretches.
            true if (last.start..last.end).contains(&start) => return previous.max(needed),
            // The continuation of the window.
            true if (last.end..=last.end + previous).contains(&start) => previous * GROWTH,
            _ => needed,
        };
        let most = (MAX_BYTES / run.count.min(MAX_PIECES)).min(step);
        let bytes = bytes.min(most / PAGE * PAGE).max(needed);
        *last = Window {
            step,
            start,
            end: start + bytes,
        };
        bytes
    }
}

impl Mapping {
    /// Splits `run` into the parts that are advised together, in order.
    pub(super) fn prefetch_batches(run: &Run) -> impl Iterator<Item = Run> + use<> {
        let run = *run;
        let most = if run.count >= MIN_PIECES && is_scattered(&run) {
            MAX_PIECES
        } else {
            run.count
        };
        (0..run.count)
            .step_by(most as usize)
            .map(move |first| run.slice(first, most.min(run.count - first)))
    }

    /// Advises the kernel to read the pieces of `grid`, as [`prefetch`](Mapping::prefetch)
    /// does for a run.
    pub(super) fn prefetch_grid(&self, map: &MmapRaw, grid: &Grid) {
        if grid.spacing == grid.run.piece as i64 {
            return self.prefetch(map, &grid.interleaved_run(0..grid.rows as usize));
        }
        for row in 0..grid.rows {
            self.prefetch(map, &grid.row(row));
        }
    }

    /// Advises the kernel to read the leading pieces of `run`, if they are scattered and a
    /// sample of three shows one outside the page cache.
    pub(super) fn prefetch(&self, map: &MmapRaw, run: &Run) {
        if run.count >= MIN_PIECES {
            self.prefetch_scattered(map, run);
        }
    }

    /// Advises the kernel to read the parts of pieces with which the bytes `range` of a strided
    /// view begin and end, and the first run if it has few pieces. The kernel splits what a
    /// program reads into transfers that begin and end anywhere.
    pub(super) fn prefetch_ends(&self, map: &MmapRaw, view: &Layout, range: &Range<u64>) {
        let block = view.block();
        let head = range.start..range.end.min(range.start.next_multiple_of(block));
        let tail = (range.end - range.end % block).max(head.end)..range.end;
        for part in [head, tail] {
            if !part.is_empty() {
                self.prefetch_missing(map, &view.covering_range(part));
            }
        }
        match view.runs(range.clone()).next() {
            Some(run) if run.count < MIN_PIECES => self.prefetch_scattered(map, &run),
            _ => {}
        }
    }

    fn prefetch_scattered(&self, map: &MmapRaw, run: &Run) {
        let place = |k: u64| run.slice(k, 1).offset;
        let is_missing = |k: &u64| self.is_missing(map, &(place(*k)..place(*k) + 1));
        let samples = [0, run.count / 2, run.count - 1];
        let samples = if run.count == 1 {
            &samples[..1]
        } else {
            &samples
        };
        if !is_scattered(run) || !samples.iter().any(is_missing) {
            return;
        }
        let bytes = match run.count {
            ..MIN_PIECES => 0,
            _ => self.readahead.window(run),
        };
        for k in 0..run.count.min(MAX_PIECES) {
            let start = place(k) - place(k) % PAGE;
            // A later piece may reach into one page more than the first does.
            let end = (place(k) + run.piece).next_multiple_of(PAGE);
            let end = end.max(start + bytes).min(map.len() as u64);
            platform::advise_willneed(map, start as usize, end.saturating_sub(start) as usize);
        }
    }

    /// Advises the kernel to read the contiguous bytes `range` of the file, unless they continue
    /// one of the last such transfers or are in the page cache.
    pub(super) fn prefetch_contiguous(&self, map: &MmapRaw, range: &Range<u64>) {
        if !range.is_empty() && !self.readahead.streams.record(range) {
            self.prefetch_missing(map, range);
        }
    }

    /// Advises the kernel to read the bytes `range` of the file, of which there is one, unless
    /// they are in the page cache.
    fn prefetch_missing(&self, map: &MmapRaw, range: &Range<u64>) {
        if !self.is_missing(map, range) {
            return;
        }
        let start = range.start - range.start % PAGE;
        let bytes = range.end.min(map.len() as u64).saturating_sub(start);
        platform::advise_willneed(map, start as usize, bytes as usize);
    }

    /// Whether a page of the bytes `range` of the file is known to be outside the page cache: any
    /// if they are few, otherwise the first or the last.
    fn is_missing(&self, map: &MmapRaw, range: &Range<u64>) -> bool {
        let is_missing = |at| platform::is_missing(&self.file, at);
        memory::is_missing(map, range)
            || !self.readahead.mincore_tells
                && (is_missing(range.start) || is_missing(range.end - 1))
    }
}

/// Whether the pieces lie so far apart that the kernel's own readahead would fetch mostly
/// unneeded pages. So does a single piece.
fn is_scattered(run: &Run) -> bool {
    let step = run.stride.unsigned_abs();
    run.count == 1 || step >= MIN_STRIDE && run.piece <= step / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transfers_in_order_are_known_also_of_several_clients() {
        let streams = Streams::default();
        for client in 0..8 {
            let start = (client + 1) << 30;
            assert!(!streams.record(&(start..start + 100)));
        }
        for turn in 1..5 {
            for client in 0..8 {
                let start = ((client + 1) << 30) + turn * 100;
                assert!(streams.record(&(start..start + 100)));
            }
        }
        // The same bytes again, and those before them.
        assert!(!streams.record(&((1 << 30)..(1 << 30) + 100)));
        assert!(!streams.record(&((1 << 30) - 100..(1 << 30))));
        // What has been read last in so many other places is forgotten.
        for place in 1..=STREAMS as u64 {
            assert!(!streams.record(&(place << 40..(place << 40) + 7)));
        }
        assert!(!streams.record(&((2 << 30) + 500..(2 << 30) + 600)));
    }

    #[test]
    fn the_window_grows_when_reads_continue_it() {
        let run = |offset, count| Run {
            offset,
            piece: 64,
            stride: 1 << 16,
            count,
        };
        let state = ReadaheadState::default();
        let bytes = |offset, count| state.window(&run(offset, count)) / PAGE;
        // One page each, also in further stretches.
        assert_eq!(bytes(1 << 20, 1000), 1);
        assert_eq!(bytes((1 << 20) + 64, 1000), 1);
        assert_eq!(bytes((1 << 26) + 64, 1000), 1);
        // Continuations grow the window, up to the length of a stretch.
        assert_eq!(bytes((1 << 20) + PAGE, 1000), 4);
        assert_eq!(bytes((1 << 26) + PAGE + 64, 1000), 4);
        assert_eq!(bytes((1 << 20) + 5 * PAGE, 1000), 16);
        // Another position starts anew.
        assert_eq!(bytes((1 << 20) + PAGE, 1000), 1);
        // The total is limited.
        assert_eq!(bytes((1 << 20) + 2 * PAGE, 1 << 20), 2);
        // The pages of a piece are always included.
        let across = Run {
            piece: 5000,
            ..run(4000, 1 << 20)
        };
        assert_eq!(state.window(&across), 3 * PAGE);
    }
}
