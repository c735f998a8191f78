//! Asking the system for scattered pieces of the file before they are read one by
//! one. What is not in memory then comes from the disk all at once, in the order that
//! suits the disk, and no more than the pages that are needed, until what is asked
//! for next to them shows that the rest is wanted too. What the system makes of it is
//! its own business: reading does not depend on it.

use std::sync::{Mutex, PoisonError};

use memmap2::MmapRaw;

use super::Mapping;
use crate::array::{Grid, Run};
use crate::platform;

/// Pieces that lie nearer to each other, in bytes, had better be read with all that
/// lies between them.
const FAR: u64 = 1 << 15;

/// The fewest pieces that are worth a look.
const FEW: u64 = 8;

/// The most pieces that are asked for before the first of them is read.
const MANY: u64 = 1 << 14;

/// The most bytes that are asked for at once.
const MOST: u64 = 1 << 27;

/// What is asked for is a multiple of this many bytes.
const PAGE: u64 = 4096;

/// How many times as much is asked for where the last time was not enough.
const GROWTH: u64 = 4;

/// What has been asked for last: some bytes of each of equally spaced stretches.
#[derive(Debug, Default)]
pub(super) struct ReadaheadState(Mutex<Last>);

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Last {
    /// Bytes from one stretch to the next.
    step: u64,
    /// Where in each it began.
    start: u64,
    /// Where in each it ended.
    end: u64,
}

impl ReadaheadState {
    /// How many bytes to ask for at each piece of a scattered run, from the start of
    /// its page on.
    fn bytes(&self, run: &Run) -> u64 {
        let step = run.stride.unsigned_abs();
        let start = (run.offset - run.offset % PAGE) % step;
        let needed = (run.offset % PAGE + run.piece).next_multiple_of(PAGE);
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = last.end - last.start;
        let bytes = match last.step == step {
            // The same stretches further on, or once more.
            true if (last.start..last.end).contains(&start) => return before.max(needed),
            // What comes next in each.
            true if (last.end..=last.end + before).contains(&start) => before * GROWTH,
            _ => needed,
        };
        let most = (MOST / run.count.min(MANY)).min(step);
        let bytes = bytes.min(most / PAGE * PAGE).max(needed);
        *last = Last {
            step,
            start,
            end: start + bytes,
        };
        bytes
    }
}

impl Mapping {
    /// The parts of `run`, one after the other, that are to be asked for together.
    pub(super) fn together(run: &Run) -> impl Iterator<Item = Run> + use<> {
        let run = *run;
        let most = if is_scattered(&run) { MANY } else { run.count };
        (0..run.count)
            .step_by(most as usize)
            .map(move |first| run.slice(first, most.min(run.count - first)))
    }

    /// Has the system read the pieces of `grid`, as [`prefetch`](Mapping::prefetch) those of
    /// a run.
    pub(super) fn prefetch_grid(&self, map: &MmapRaw, grid: &Grid) {
        if grid.spacing == grid.run.piece as i64 {
            return self.prefetch(map, &grid.interleaved_run(0..grid.rows as usize));
        }
        for row in 0..grid.rows {
            self.prefetch(map, &grid.row(row));
        }
    }

    /// Has the system read the first pieces of `run`, if they lie far apart and seem
    /// not to be in memory.
    pub(super) fn prefetch(&self, map: &MmapRaw, run: &Run) {
        let place = |k: u64| run.slice(k, 1).offset;
        let is_missing = |k: &u64| platform::is_missing(&self.file, place(*k));
        let samples = [0, run.count / 2, run.count - 1];
        if !is_scattered(run) || !samples.iter().any(is_missing) {
            return;
        }
        let bytes = self.readahead.bytes(run);
        for k in 0..run.count.min(MANY) {
            let start = place(k) - place(k) % PAGE;
            let bytes = bytes.min((map.len() as u64).saturating_sub(start));
            platform::advise_willneed(map, start as usize, bytes as usize);
        }
    }
}

/// Whether the pieces lie so far apart that the system would read what nobody needs.
fn is_scattered(run: &Run) -> bool {
    let step = run.stride.unsigned_abs();
    run.count >= FEW && step >= FAR && run.piece <= step / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_is_asked_for_where_what_comes_next_is_read() {
        let run = |offset, count| Run {
            offset,
            piece: 64,
            stride: 1 << 16,
            count,
        };
        let state = ReadaheadState::default();
        let bytes = |offset, count| state.bytes(&run(offset, count)) / PAGE;
        // One page of each, also for those further on in the same stretches.
        assert_eq!(bytes(1 << 20, 1000), 1);
        assert_eq!(bytes((1 << 20) + 64, 1000), 1);
        assert_eq!(bytes((1 << 26) + 64, 1000), 1);
        // The next pages, more and more, and no more than there are in a stretch.
        assert_eq!(bytes((1 << 20) + PAGE, 1000), 4);
        assert_eq!(bytes((1 << 26) + PAGE + 64, 1000), 4);
        assert_eq!(bytes((1 << 20) + 5 * PAGE, 1000), 16);
        // Elsewhere it begins anew.
        assert_eq!(bytes((1 << 20) + PAGE, 1000), 1);
        // No more than is sensible at once.
        assert_eq!(bytes((1 << 20) + 2 * PAGE, 1 << 20), 2);
        // What a piece needs in any case.
        let across = Run {
            piece: 5000,
            ..run(4000, 1 << 20)
        };
        assert_eq!(state.bytes(&across), 3 * PAGE);
    }
}
