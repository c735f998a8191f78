//! An index of the covering ranges of files with filled pages, so that a change of a few bytes
//! need not look at every file. It may return too many files; the caller checks them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// Covering ranges in the backing file, each of an inode.
///
/// They overlap in every way, but most ranges of a mount fall into few classes of length: rows
/// are short and adjacent, columns span the whole array. So ranges are grouped by the binary
/// logarithm of their length and ordered by their first byte. Those that reach a given byte
/// begin less than the longest length of the group before it.
#[derive(Debug, Default)]
pub(super) struct ExtentIndex {
    /// By the binary logarithm of the length: first byte and inode.
    extents: BTreeMap<u32, BTreeSet<(u64, u64)>>,
}

impl ExtentIndex {
    /// Adds the range `bytes` of `inode`. An empty range is never found.
    pub(super) fn add(&mut self, inode: u64, bytes: &Range<u64>) {
        if let Some(class) = class(bytes) {
            let extents = self.extents.entry(class).or_default();
            extents.insert((bytes.start, inode));
        }
    }

    /// Removes the range `bytes` of `inode`, which was added before.
    pub(super) fn remove(&mut self, inode: u64, bytes: &Range<u64>) {
        let Some(class) = class(bytes) else { return };
        if let Some(extents) = self.extents.get_mut(&class) {
            extents.remove(&(bytes.start, inode));
            if extents.is_empty() {
                self.extents.remove(&class);
            }
        }
    }

    /// The inodes of all ranges that overlap `bytes`, and of some that end shortly before it.
    pub(super) fn candidates(&self, bytes: &Range<u64>) -> impl Iterator<Item = u64> {
        let bytes = bytes.start..bytes.end.max(bytes.start);
        self.extents.iter().flat_map(move |(&class, extents)| {
            // The length of each is below 2 to the power of `class + 1`.
            let longest = (2_u64 << class).wrapping_sub(1);
            let first = bytes.start.saturating_sub(longest);
            let extents = extents.range((first, 0)..(bytes.end.max(first), 0));
            extents.map(|&(_, inode)| inode)
        })
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.extents.is_empty()
    }
}

fn class(bytes: &Range<u64>) -> Option<u32> {
    bytes.end.saturating_sub(bytes.start).checked_ilog2()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_are_all_overlapping_extents_and_few_others() {
        const ROWS: u64 = 50_000;
        let rows = (0..ROWS).map(|row| row * 4096..(row + 1) * 4096);
        let others = [
            100..ROWS * 4096 - 100,
            7..7,
            u64::MAX - 1..u64::MAX,
            0..u64::MAX,
        ];
        let extents: Vec<Range<u64>> = rows.chain(others).collect();
        let mut index = ExtentIndex::default();
        for (inode, extent) in (0..).zip(&extents) {
            index.add(inode, extent);
        }
        let backwards = Range { start: 9, end: 5 };
        for bytes in [
            0..1,
            4095..4097,
            40_000 * 4096..40_000 * 4096 + 8192,
            ROWS * 4096 - 1..u64::MAX,
            u64::MAX - 1..u64::MAX,
            9..9,
            backwards,
        ] {
            let overlaps =
                |extent: &Range<u64>| extent.start.max(bytes.start) < extent.end.min(bytes.end);
            let expected = (0..).zip(&extents).filter(|(_, extent)| overlaps(extent));
            let expected: BTreeSet<u64> = expected.map(|(inode, _)| inode).collect();
            let candidates: BTreeSet<u64> = index.candidates(&bytes).collect();
            assert!(
                candidates.is_superset(&expected),
                "{bytes:?}: {candidates:?}"
            );
            assert!(
                candidates.len() <= expected.len() + 4,
                "{bytes:?}: {candidates:?}"
            );
        }
        for (inode, extent) in (0..).zip(&extents) {
            assert!(!index.is_empty());
            index.remove(inode, extent);
        }
        assert!(index.is_empty());
    }
}
