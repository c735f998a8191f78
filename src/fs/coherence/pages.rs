//! The byte ranges of each file whose pages the kernel may hold, and with them the bytes of the
//! backing file that those pages show. The order of fills, changes and invalidations is left to
//! the parent module.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;

use rangemap::RangeSet;

use super::extents::ExtentIndex;
use crate::vfile::VirtualFile;

/// The most disjoint ranges kept for one file. Beyond that, all pages from the first to the last
/// count as filled.
const MAX_RANGES: usize = 1024;

/// The files of which the kernel may hold pages, by inode number.
#[derive(Debug)]
pub(super) struct Pages {
    /// The page size in bytes. The kernel invalidates whole pages only.
    size: u64,
    files: HashMap<u64, FilledPages>,
    /// The covering range of each file in the backing file.
    extents: ExtentIndex,
    /// The number of invalidations begun; the next id.
    next_id: u64,
}

/// The filled pages of one file.
#[derive(Debug)]
struct FilledPages {
    file: VirtualFile,
    /// The page size in bytes.
    page: u64,
    /// The filled bytes of the file.
    ranges: RangeSet<u64>,
    /// Ranges being invalidated, each with its id. The kernel may still hold these pages.
    invalidating: Vec<(u64, Range<u64>)>,
}

/// Pages of a file that show bytes about to change, or already changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stale {
    pub(super) inode: u64,
    pub(super) range: Range<u64>,
    /// The id of this invalidation.
    pub(super) id: u64,
    /// Whether an earlier call began this invalidation. That caller finishes it.
    pub(super) was_begun_before: bool,
}

impl Pages {
    /// No filled pages; the page size is `size` bytes.
    pub(super) fn new(size: u64) -> Pages {
        Pages {
            size,
            files: HashMap::new(),
            extents: ExtentIndex::default(),
            next_id: 0,
        }
    }

    /// Records that the bytes `range` of `file`, the node `inode`, are being filled.
    pub(super) fn fill(&mut self, inode: u64, file: &VirtualFile, range: Range<u64>) {
        let filled = self.files.entry(inode).or_insert_with(|| {
            self.extents
                .add(inode, &file.covering_range(&(0..file.len())));
            FilledPages {
                file: file.clone(),
                page: self.size,
                ranges: RangeSet::new(),
                invalidating: Vec::new(),
            }
        });
        filled.insert(range);
    }

    /// Forgets the pages of a file that is neither open nor mapped. Pages that are being
    /// invalidated stay recorded, since the kernel can wait for a fill of them meanwhile.
    pub(super) fn forget(&mut self, inode: u64) {
        if let Some(filled) = self.files.get_mut(&inode) {
            filled.ranges.clear();
            self.remove_unused(inode);
        }
    }

    /// Removes the record of a file if it has no pages, and none are being invalidated.
    fn remove_unused(&mut self, inode: u64) {
        if let Entry::Occupied(found) = self.files.entry(inode)
            && found.get().ranges.is_empty()
            && found.get().invalidating.is_empty()
        {
            let file = found.remove().file;
            self.extents
                .remove(inode, &file.covering_range(&(0..file.len())));
        }
    }

    /// Whether a page shows some of the bytes `changed` of the backing file. Pages of the inode
    /// `except` and the pages `invalidated` do not count.
    pub(super) fn is_shown(
        &self,
        changed: &Range<u64>,
        except: Option<u64>,
        invalidated: &[Stale],
    ) -> bool {
        let others = self.extents.candidates(changed);
        let mut others = others.filter(|&inode| Some(inode) != except);
        others.any(|inode| {
            let filled = self.files.get(&inode);
            filled.is_some_and(|filled| filled.shows(changed, invalidated))
        })
    }

    /// Begins to invalidate all pages that show bytes `changed` of the backing file, except
    /// those of the inode `except`. Returns them, together with those whose invalidation has
    /// begun before. They count as filled until
    /// [`finish_invalidation`](Self::finish_invalidation), since the kernel writes dirty pages
    /// back first.
    pub(super) fn begin_invalidation(
        &mut self,
        changed: &Range<u64>,
        except: Option<u64>,
    ) -> Vec<Stale> {
        let mut stale = Vec::new();
        for inode in self.extents.candidates(changed) {
            let Some(filled) = self.files.get_mut(&inode) else {
                continue;
            };
            if Some(inode) == except {
                continue;
            }
            stale.extend(
                filled
                    .invalidating_overlapping(changed)
                    .map(|(id, range)| Stale {
                        inode,
                        range: range.clone(),
                        id: *id,
                        was_begun_before: true,
                    }),
            );
            let ranges: Vec<Range<u64>> = filled.filled_overlapping(changed).collect();
            for range in ranges {
                let id = self.next_id;
                self.next_id += 1;
                filled.ranges.remove(range.clone());
                filled.invalidating.push((id, range.clone()));
                stale.push(Stale {
                    inode,
                    range,
                    id,
                    was_begun_before: false,
                });
            }
        }
        stale
    }

    /// Whether pages of `inode` that hold some of the bytes `range` are being invalidated.
    pub(super) fn is_invalidating(&self, inode: u64, range: &Range<u64>) -> bool {
        let filled = self.files.get(&inode);
        filled.is_some_and(|filled| {
            let pages = filled.whole_pages(range);
            let mut invalidating = filled.invalidating.iter();
            invalidating.any(|(_, other)| other.start < pages.end && pages.start < other.end)
        })
    }

    /// Removes the records of these pages, which the kernel has dropped. Pages that were filled
    /// again meanwhile stay recorded.
    pub(super) fn finish_invalidation(&mut self, stale: &[Stale]) {
        for stale in stale.iter().filter(|stale| !stale.was_begun_before) {
            if let Some(filled) = self.files.get_mut(&stale.inode) {
                filled.invalidating.retain(|(id, _)| *id != stale.id);
                self.remove_unused(stale.inode);
            }
        }
    }
}

impl FilledPages {
    /// Whether a page can show bytes `changed` of the backing file. Pages that are being
    /// invalidated count, except those in `invalidated`.
    fn shows(&self, changed: &Range<u64>, invalidated: &[Stale]) -> bool {
        let is_gone = |id: u64| invalidated.iter().any(|stale| stale.id == id);
        let mut invalidating = self.invalidating_overlapping(changed);
        invalidating.any(|(id, _)| !is_gone(*id))
            || self.filled_overlapping(changed).next().is_some()
    }

    /// The ranges being invalidated that can show bytes `changed` of the backing file.
    fn invalidating_overlapping(
        &self,
        changed: &Range<u64>,
    ) -> impl Iterator<Item = &(u64, Range<u64>)> {
        let reach = self.file.file_range_showing(changed);
        let ranges = self.invalidating.iter();
        ranges.filter(move |(_, range)| range.start < reach.end && reach.start < range.end)
    }

    /// The filled bytes, by whole pages, that can show bytes `changed` of the backing file.
    fn filled_overlapping(&self, changed: &Range<u64>) -> impl Iterator<Item = Range<u64>> {
        let reach = self.file.file_range_showing(changed);
        let reach = self.whole_pages(&reach);
        self.ranges
            .overlapping(reach.clone())
            .filter_map(move |range| {
                let range = range.start.max(reach.start)..range.end.min(reach.end);
                (!range.is_empty()).then_some(range)
            })
    }

    /// The bytes of the pages that hold some of the bytes `range`.
    fn whole_pages(&self, range: &Range<u64>) -> Range<u64> {
        match range.is_empty() {
            true => range.clone(),
            false => {
                let end = range.end.div_ceil(self.page).saturating_mul(self.page);
                range.start / self.page * self.page..end
            }
        }
    }

    /// Adds a range. It may be empty.
    fn insert(&mut self, range: Range<u64>) {
        if range.is_empty() {
            return;
        }
        self.ranges.insert(range);
        if self.ranges.len() > MAX_RANGES
            && let (Some(first), Some(last)) = (self.ranges.first(), self.ranges.last())
        {
            let all = first.start..last.end;
            self.ranges.insert(all);
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use super::*;
    use crate::array::{Order, Shape, View};
    use crate::dtype::DType;
    use crate::mapping::{BackingFile, Mapping, Mode};
    use crate::vfile::{Content, ViewBytes};

    /// Start and end of each range.
    type Ranges = &'static [(u64, u64)];

    /// Files of `len` bytes that begin at `offsets` of a backing file.
    pub(in super::super) fn files(len: u64, offsets: &[u64]) -> Vec<VirtualFile> {
        let backing = tempfile::NamedTempFile::new().unwrap();
        let end = offsets.iter().max().unwrap() + len;
        backing.as_file().set_len(end).unwrap();
        let opened = BackingFile::open(backing.path(), Mode::ReadOnly).unwrap();
        let mapping = Arc::new(Mapping::new(opened, &(0..end)).unwrap().0);
        let file = |&offset| {
            let bytes = DType::parse("u1").unwrap();
            let shape = Shape::new(vec![len]);
            let view = View::contiguous(bytes, offset, shape, Order::C).unwrap();
            let bytes = Arc::new(ViewBytes::new(&mapping, &view));
            VirtualFile::new([bytes as Arc<dyn Content>])
        };
        offsets.iter().map(file).collect()
    }

    /// Inode and range of each.
    fn inodes_and_ranges(stale: &[Stale]) -> Vec<(u64, Range<u64>)> {
        let pair = |stale: &Stale| (stale.inode, stale.range.clone());
        stale.iter().map(pair).collect()
    }

    #[test]
    fn filled_ranges_merge_and_invalidation_splits_them() {
        let file = &files(100, &[1000])[0];
        // The filled ranges, the changed bytes of the backing file, the invalidated ranges, and
        // the ranges that stay filled.
        let cases: [(Ranges, Range<u64>, Ranges, Ranges); 12] = [
            (&[], 1000..1100, &[], &[]),
            (&[(10, 20)], 1000..1010, &[], &[(10, 20)]),
            (&[(10, 20)], 1020..1100, &[], &[(10, 20)]),
            (&[(10, 20)], 0..5000, &[(10, 20)], &[]),
            (&[(10, 20)], 1019..1021, &[(19, 20)], &[(10, 19)]),
            (&[(10, 20)], 1009..1011, &[(10, 11)], &[(11, 20)]),
            (&[(10, 20)], 1014..1015, &[(14, 15)], &[(10, 14), (15, 20)]),
            (&[(10, 20)], 1014..1014, &[], &[(10, 20)]),
            (&[(10, 20), (20, 30)], 1100..1101, &[], &[(10, 30)]),
            (
                &[(20, 30), (10, 20), (5, 40)],
                1030..2000,
                &[(30, 40)],
                &[(5, 30)],
            ),
            (
                &[(10, 20), (30, 40)],
                1015..1035,
                &[(15, 20), (30, 35)],
                &[(10, 15), (35, 40)],
            ),
            (&[(10, 20), (30, 40), (19, 31)], 0..1001, &[], &[(10, 40)]),
        ];
        for (fills, changed, invalidating, left) in cases {
            let mut pages = Pages::new(1);
            for &(start, end) in fills {
                pages.fill(7, file, start..end);
            }
            let expected = invalidating.iter().map(|&(start, end)| (7, start..end));
            let expected: Vec<_> = expected.collect();
            let case = format!("{fills:?} {changed:?}");
            let shows = |pages: &Pages, left: &[Stale]| pages.is_shown(&changed, None, left);
            assert_eq!(shows(&pages, &[]), !invalidating.is_empty(), "{case}");
            let stale = pages.begin_invalidation(&changed, None);
            assert_eq!(inodes_and_ranges(&stale), expected, "{case}");
            assert_eq!(shows(&pages, &[]), !invalidating.is_empty(), "{case}");
            assert!(!shows(&pages, &stale), "{case}");
            pages.finish_invalidation(&stale);
            assert!(!shows(&pages, &[]), "{case}");
            let kept = pages.files.get(&7).map(|filled| filled.ranges.iter());
            let kept = kept.into_iter().flatten();
            let kept: Vec<_> = kept.map(|range| (range.start, range.end)).collect();
            assert_eq!(kept, left, "{case}");
        }
    }

    #[test]
    fn whole_pages_are_invalidated() {
        let file = &files(10_000, &[50])[0];
        let mut pages = Pages::new(4096);
        pages.fill(7, file, 0..10_000);
        for (changed, expected) in [
            (5000..5001, vec![(7, 4096..8192)]),
            (9000..9001, vec![(7, 8192..10_000)]),
            (0..10, vec![]),
        ] {
            assert_eq!(
                inodes_and_ranges(&pages.begin_invalidation(&changed, None)),
                expected
            );
        }
    }

    #[test]
    fn pages_filled_during_an_invalidation_stay_recorded() {
        let files = files(100, &[0, 50]);
        let mut pages = Pages::new(1);
        pages.fill(1, &files[0], 0..100);
        pages.fill(2, &files[1], 0..100);
        let first = Some(1);
        let stale = pages.begin_invalidation(&(60..70), first);
        assert_eq!(inodes_and_ranges(&stale), [(2, 10..20)]);
        assert!(pages.is_shown(&(60..70), first, &[]) && !pages.is_shown(&(60..70), first, &stale));
        pages.fill(2, &files[1], 15..16);
        assert!(pages.is_shown(&(60..70), first, &stale));
        pages.finish_invalidation(&stale);
        assert!(!pages.is_shown(&(60..65), first, &[]) && pages.is_shown(&(60..65), None, &[]));
        assert!(pages.is_shown(&(60..70), first, &[]));
        pages.forget(2);
        assert!(!pages.is_shown(&(0..200), first, &[]) && pages.is_shown(&(0..200), None, &[]));
        pages.forget(1);
        assert!(pages.files.is_empty() && pages.extents.is_empty());
    }

    #[test]
    fn an_invalidation_covers_pages_that_an_earlier_one_has_begun() {
        let file = &files(100, &[0])[0];
        let mut pages = Pages::new(1);
        pages.fill(7, file, 0..100);
        let first = pages.begin_invalidation(&(0..10), None);
        pages.fill(7, file, 3..5);
        let second = pages.begin_invalidation(&(0..20), None);
        assert_eq!(
            inodes_and_ranges(&second),
            [(7, 0..10), (7, 3..5), (7, 10..20)]
        );
        assert_eq!(
            second.iter().filter(|stale| stale.was_begun_before).count(),
            1
        );
        assert!(pages.is_shown(&(0..20), None, &first) && !pages.is_shown(&(0..20), None, &second));
        // The first invalidation is still in progress: the second does not finish it.
        pages.finish_invalidation(&second);
        assert!(pages.is_shown(&(0..10), None, &[]) && !pages.is_shown(&(10..20), None, &[]));
        // A later invalidation does not count as done for an earlier one.
        pages.fill(7, file, 10..20);
        let third = pages.begin_invalidation(&(10..20), None);
        assert!(pages.is_shown(&(0..20), None, &second));
        pages.finish_invalidation(&third);
        pages.finish_invalidation(&first);
        assert!(!pages.is_shown(&(0..20), None, &[]));
    }

    #[test]
    fn beyond_the_most_ranges_all_pages_in_between_count_as_filled() {
        let most = MAX_RANGES as u64;
        let file = &files(4 * most, &[0])[0];
        let mut pages = Pages::new(1);
        for at in (0..most).map(|k| 2 * k + 10) {
            pages.fill(7, file, at..at + 1);
        }
        assert!(!pages.is_shown(&(11..12), None, &[]));
        assert_eq!(pages.files[&7].ranges.len(), MAX_RANGES);
        pages.fill(7, file, 4 * most - 1..4 * most);
        assert!(pages.is_shown(&(11..12), None, &[]) && !pages.is_shown(&(0..10), None, &[]));
        let stale = pages.begin_invalidation(&(0..u64::MAX), None);
        assert_eq!(inodes_and_ranges(&stale), [(7, 10..4 * most)]);
    }

    #[test]
    fn random_fills_and_invalidations_match_a_set_of_bytes() {
        const LEN: u64 = 40;
        let offsets = [0, 15, 30];
        let files = files(LEN, &offsets);
        let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
        // xorshift64.
        let mut below = |end: u64| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed % end
        };
        let mut pages = Pages::new(1);
        // Inode, and byte of the file.
        let mut filled = BTreeSet::new();
        let mut invalidating = BTreeSet::new();
        let mut begun = Vec::new();
        for _ in 0..100_000 {
            let inode = below(3);
            let start = below(LEN);
            let range = start..start + 1 + below((LEN - start).min(8));
            let changed = below(80)..below(80);
            let shown =
                |&(inode, at): &(u64, u64)| changed.contains(&(offsets[inode as usize] + at));
            match below(8) {
                0..4 => {
                    filled.extend(range.clone().map(|at| (inode, at)));
                    pages.fill(inode, &files[inode as usize], range);
                }
                4..6 if !changed.is_empty() => {
                    let except = (below(2) == 0).then_some(inode);
                    let stale = pages.begin_invalidation(&changed, except);
                    let told = stale.iter().filter(|stale| !stale.was_begun_before);
                    let told =
                        told.flat_map(|stale| stale.range.clone().map(move |at| (stale.inode, at)));
                    let concerned = |byte: &(u64, u64)| {
                        shown(byte) && except.is_none_or(|inode| inode != byte.0)
                    };
                    let expected: BTreeSet<_> = filled.iter().copied().filter(concerned).collect();
                    assert_eq!(told.collect::<BTreeSet<_>>(), expected);
                    filled.retain(|byte| !expected.contains(byte));
                    invalidating.extend(expected);
                    begun.extend(stale);
                }
                6 => {
                    pages.finish_invalidation(&begun);
                    begun.clear();
                    invalidating.clear();
                    let inodes: BTreeSet<u64> = filled.iter().map(|byte| byte.0).collect();
                    let known: BTreeSet<u64> = pages.files.keys().copied().collect();
                    assert_eq!(known, inodes);
                    assert_eq!(pages.extents.is_empty(), filled.is_empty());
                }
                _ if below(4) == 0 => {
                    pages.forget(inode);
                    filled.retain(|byte| byte.0 != inode);
                }
                _ => {}
            }
            if !changed.is_empty() {
                let mut all = filled.union(&invalidating);
                assert_eq!(pages.is_shown(&changed, None, &[]), all.clone().any(shown));
                let elsewhere = all.any(|byte| byte.0 != inode && shown(byte));
                assert_eq!(pages.is_shown(&changed, Some(inode), &[]), elsewhere);
            }
        }
    }
}
