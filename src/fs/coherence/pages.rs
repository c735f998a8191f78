//! Which pages of which files the kernel may have filled, and with them which
//! bytes of the backing file others may have mapped.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;

use rangemap::RangeSet;

use super::extents::ExtentIndex;
use crate::vfile::VirtualFile;

/// The most ranges that are told apart in one file. Beyond them its pages count
/// as filled from the first to the last.
const MAX_RANGES: usize = 1024;

/// The files that have pages, by inode number.
#[derive(Debug)]
pub(super) struct Pages {
    /// The bytes in a page. The kernel drops whole pages only.
    size: u64,
    files: HashMap<u64, Filled>,
    /// The bytes of the backing file that each shows, and what lies between them.
    extents: ExtentIndex,
    /// How many ranges have been invalidated.
    invalidations: u64,
}

/// The filled pages of a file.
#[derive(Debug)]
struct Filled {
    file: VirtualFile,
    /// The bytes in a page.
    page: u64,
    /// Its bytes in them.
    ranges: RangeSet<u64>,
    /// Ranges that are being invalidated: the kernel may not have dropped them yet. Each
    /// has its number.
    invalidating: Vec<(u64, Range<u64>)>,
}

/// Pages of a file that show bytes which are about to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stale {
    pub(super) inode: u64,
    pub(super) range: Range<u64>,
    /// Which invalidation this is.
    pub(super) number: u64,
    /// Whether it was begun by somebody else, who finishes it.
    pub(super) is_anothers: bool,
}

impl Pages {
    /// None, of `size` bytes each.
    pub(super) fn new(size: u64) -> Pages {
        Pages {
            size,
            files: HashMap::new(),
            extents: ExtentIndex::default(),
            invalidations: 0,
        }
    }

    /// Notes that the bytes `range` of `file`, the node `inode`, are being filled.
    pub(super) fn fill(&mut self, inode: u64, file: &VirtualFile, range: Range<u64>) {
        let filled = self.files.entry(inode).or_insert_with(|| {
            self.extents
                .add(inode, &file.covering_range(&(0..file.len())));
            Filled {
                file: file.clone(),
                page: self.size,
                ranges: RangeSet::new(),
                invalidating: Vec::new(),
            }
        });
        filled.add(range);
    }

    /// Forgets the pages of a file that nobody has open or mapped any longer; but not those
    /// that are being invalidated, since the kernel can wait for a fill of them meanwhile.
    pub(super) fn forget(&mut self, inode: u64) {
        if let Some(filled) = self.files.get_mut(&inode) {
            filled.ranges.clear();
            self.remove_unused(inode);
        }
    }

    /// Removes a file without pages, of which none are being invalidated either.
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

    /// Whether a page shows one of the bytes `changed` of the backing file, those of the
    /// inode `own` aside and those that are known to be `invalidated`.
    pub(super) fn show(
        &self,
        changed: &Range<u64>,
        own: Option<u64>,
        invalidated: &[Stale],
    ) -> bool {
        let others = self.extents.near(changed);
        let mut others = others.filter(|&inode| Some(inode) != own);
        others.any(|inode| {
            let filled = self.files.get(&inode);
            filled.is_some_and(|filled| filled.shows(changed, invalidated))
        })
    }

    /// The pages that show bytes `changed` of the backing file, those of the inode `own`
    /// aside, also those whose invalidation has begun before. They count as shown until
    /// it is [finished](Self::finish_invalidation), since a page that was stored to is
    /// written back first.
    pub(super) fn begin_invalidation(
        &mut self,
        changed: &Range<u64>,
        own: Option<u64>,
    ) -> Vec<Stale> {
        let mut stale = Vec::new();
        for inode in self.extents.near(changed) {
            let Some(filled) = self.files.get_mut(&inode) else {
                continue;
            };
            if Some(inode) == own {
                continue;
            }
            stale.extend(
                filled
                    .invalidated_over(changed)
                    .map(|(number, range)| Stale {
                        inode,
                        range: range.clone(),
                        number: *number,
                        is_anothers: true,
                    }),
            );
            let ranges: Vec<Range<u64>> = filled.over(changed).collect();
            for range in ranges {
                let number = self.invalidations;
                self.invalidations += 1;
                filled.ranges.remove(range.clone());
                filled.invalidating.push((number, range.clone()));
                stale.push(Stale {
                    inode,
                    range,
                    number,
                    is_anothers: false,
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

    /// These pages have been dropped. What was filled anew meanwhile stays.
    pub(super) fn finish_invalidation(&mut self, stale: &[Stale]) {
        for stale in stale.iter().filter(|stale| !stale.is_anothers) {
            if let Some(filled) = self.files.get_mut(&stale.inode) {
                filled
                    .invalidating
                    .retain(|(number, _)| *number != stale.number);
                self.remove_unused(stale.inode);
            }
        }
    }
}

impl Filled {
    /// Whether a page, be it one that is being invalidated and is not known to be
    /// `invalidated`, can show bytes `changed`.
    fn shows(&self, changed: &Range<u64>, invalidated: &[Stale]) -> bool {
        let is_gone = |number: u64| invalidated.iter().any(|stale| stale.number == number);
        let mut invalidating = self.invalidated_over(changed);
        invalidating.any(|(number, _)| !is_gone(*number)) || self.over(changed).next().is_some()
    }

    /// The ranges that are being invalidated and can show bytes `changed`.
    fn invalidated_over(&self, changed: &Range<u64>) -> impl Iterator<Item = &(u64, Range<u64>)> {
        let reach = self.file.file_range_showing(changed);
        let ranges = self.invalidating.iter();
        ranges.filter(move |(_, range)| range.start < reach.end && reach.start < range.end)
    }

    /// The filled bytes in pages of which some can lie in the bytes `changed` of
    /// the backing file.
    fn over(&self, changed: &Range<u64>) -> impl Iterator<Item = Range<u64>> {
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

    /// Adds a range, which can be empty.
    fn add(&mut self, range: Range<u64>) {
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
    use crate::vfile::Segment;

    /// Starts and ends.
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
            VirtualFile::new([Segment::view(&mapping, &view)])
        };
        offsets.iter().map(file).collect()
    }

    /// Inodes and ranges.
    fn told(stale: &[Stale]) -> Vec<(u64, Range<u64>)> {
        let told = |stale: &Stale| (stale.inode, stale.range.clone());
        stale.iter().map(told).collect()
    }

    #[test]
    fn ranges_are_joined_and_cut() {
        let file = &files(100, &[1000])[0];
        // What is filled; which bytes of the backing file change; what is invalidated; and
        // the ranges that are left.
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
        for (fills, changed, leaving, left) in cases {
            let mut pages = Pages::new(1);
            for &(start, end) in fills {
                pages.fill(7, file, start..end);
            }
            let expected = leaving.iter().map(|&(start, end)| (7, start..end));
            let expected: Vec<_> = expected.collect();
            let case = format!("{fills:?} {changed:?}");
            let shows = |pages: &Pages, left: &[Stale]| pages.show(&changed, None, left);
            assert_eq!(shows(&pages, &[]), !leaving.is_empty(), "{case}");
            let stale = pages.begin_invalidation(&changed, None);
            assert_eq!(told(&stale), expected, "{case}");
            assert_eq!(shows(&pages, &[]), !leaving.is_empty(), "{case}");
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
            assert_eq!(told(&pages.begin_invalidation(&changed, None)), expected);
        }
    }

    #[test]
    fn what_is_filled_during_an_invalidation_stays() {
        let files = files(100, &[0, 50]);
        let mut pages = Pages::new(1);
        pages.fill(1, &files[0], 0..100);
        pages.fill(2, &files[1], 0..100);
        let first = Some(1);
        let stale = pages.begin_invalidation(&(60..70), first);
        assert_eq!(told(&stale), [(2, 10..20)]);
        assert!(pages.show(&(60..70), first, &[]) && !pages.show(&(60..70), first, &stale));
        pages.fill(2, &files[1], 15..16);
        assert!(pages.show(&(60..70), first, &stale));
        pages.finish_invalidation(&stale);
        assert!(!pages.show(&(60..65), first, &[]) && pages.show(&(60..65), None, &[]));
        assert!(pages.show(&(60..70), first, &[]));
        pages.forget(2);
        assert!(!pages.show(&(0..200), first, &[]) && pages.show(&(0..200), None, &[]));
        pages.forget(1);
        assert!(pages.files.is_empty() && pages.extents.is_empty());
    }

    #[test]
    fn pages_that_another_invalidates_are_gone_for_who_invalidates_them_too() {
        let file = &files(100, &[0])[0];
        let mut pages = Pages::new(1);
        pages.fill(7, file, 0..100);
        let first = pages.begin_invalidation(&(0..10), None);
        pages.fill(7, file, 3..5);
        let second = pages.begin_invalidation(&(0..20), None);
        assert_eq!(told(&second), [(7, 0..10), (7, 3..5), (7, 10..20)]);
        assert_eq!(second.iter().filter(|stale| stale.is_anothers).count(), 1);
        assert!(pages.show(&(0..20), None, &first) && !pages.show(&(0..20), None, &second));
        // The first still waits for its own, which the second does not take from it.
        pages.finish_invalidation(&second);
        assert!(pages.show(&(0..10), None, &[]) && !pages.show(&(10..20), None, &[]));
        // What is invalidated later is gone for nobody.
        pages.fill(7, file, 10..20);
        let third = pages.begin_invalidation(&(10..20), None);
        assert!(pages.show(&(0..20), None, &second));
        pages.finish_invalidation(&third);
        pages.finish_invalidation(&first);
        assert!(!pages.show(&(0..20), None, &[]));
    }

    #[test]
    fn beyond_the_most_ranges_all_between_the_first_and_the_last_count_as_filled() {
        let most = MAX_RANGES as u64;
        let file = &files(4 * most, &[0])[0];
        let mut pages = Pages::new(1);
        for at in (0..most).map(|k| 2 * k + 10) {
            pages.fill(7, file, at..at + 1);
        }
        assert!(!pages.show(&(11..12), None, &[]));
        assert_eq!(pages.files[&7].ranges.len(), MAX_RANGES);
        pages.fill(7, file, 4 * most - 1..4 * most);
        assert!(pages.show(&(11..12), None, &[]) && !pages.show(&(0..10), None, &[]));
        let stale = pages.begin_invalidation(&(0..u64::MAX), None);
        assert_eq!(told(&stale), [(7, 10..4 * most)]);
    }

    #[test]
    fn pages_are_told_as_from_a_set_of_bytes() {
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
        // Inode and byte of the file.
        let mut filled = BTreeSet::new();
        let mut leaving = BTreeSet::new();
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
                    let told = stale.iter().filter(|stale| !stale.is_anothers);
                    let told =
                        told.flat_map(|stale| stale.range.clone().map(move |at| (stale.inode, at)));
                    let concerned = |byte: &(u64, u64)| {
                        shown(byte) && except.is_none_or(|inode| inode != byte.0)
                    };
                    let expected: BTreeSet<_> = filled.iter().copied().filter(concerned).collect();
                    assert_eq!(told.collect::<BTreeSet<_>>(), expected);
                    filled.retain(|byte| !expected.contains(byte));
                    leaving.extend(expected);
                    begun.extend(stale);
                }
                6 => {
                    pages.finish_invalidation(&begun);
                    begun.clear();
                    leaving.clear();
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
                let mut all = filled.union(&leaving);
                assert_eq!(pages.show(&changed, None, &[]), all.clone().any(shown));
                let elsewhere = all.any(|byte| byte.0 != inode && shown(byte));
                assert_eq!(pages.show(&changed, Some(inode), &[]), elsewhere);
            }
        }
    }
}
