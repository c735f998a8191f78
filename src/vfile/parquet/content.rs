//! The contents of a Parquet file. Each column is one content with all its values; the pages show
//! parts of them.

use std::ops::Range;
use std::sync::Arc;

use super::layout::{Layout, Part, SIGNATURE};
use crate::mapping::AccessError;
use crate::vfile::content::{Content, ContentList, Literal};

/// The contents of a file whose columns have `values`.
pub(in crate::vfile) fn contents(layout: Layout, values: ContentList) -> ContentList {
    let layout = Arc::new(layout);
    let literal = |bytes: &[u8]| Arc::new(Literal::exact(bytes)) as Arc<dyn Content>;
    let [start, end] = &layout.footer;
    let (start, end) = (literal(start), literal(end));
    let groups = Arc::new(RowGroups(layout.clone()));
    let pages = Arc::new(Pages { layout, values });
    vec![literal(SIGNATURE), pages, start, groups, end]
}

/// The pages of all row groups.
#[derive(Debug)]
struct Pages {
    layout: Arc<Layout>,
    /// All values of each column.
    values: ContentList,
}

impl Content for Pages {
    fn len(&self) -> u64 {
        self.layout.pages_len()
    }

    fn read(&self, at: u64, out: &mut [u8]) -> Result<usize, AccessError> {
        let mut done = 0;
        while done < out.len() {
            let place = self.layout.place(at + done as u64);
            let rest = &mut out[done..];
            match self.layout.part(place) {
                Part::Header { header, from } => {
                    let count = rest.len().min(header.len() - from);
                    rest[..count].copy_from_slice(&header[from..from + count]);
                    done += count;
                }
                Part::Values { at, len } => {
                    let wanted = usize::try_from(len).map_or(rest.len(), |len| len.min(rest.len()));
                    match self.values[place.column].read(at, &mut rest[..wanted]) {
                        Ok(count) => done += count,
                        Err(error) if done == 0 => return Err(error),
                        Err(_) => return Ok(done),
                    }
                    // The rest of a short read is tried again, which gives the error.
                }
            }
        }
        Ok(done)
    }

    fn accepts(&self, _at: u64, _data: &[u8]) -> bool {
        false
    }

    fn covering_range(&self, range: Range<u64>) -> Range<u64> {
        if range.is_empty() {
            return 0..0;
        }
        let (first, last) = (
            self.layout.place(range.start),
            self.layout.place(range.end - 1),
        );
        if (first.group, first.column) == (last.group, last.column) {
            let values = self.layout.values_at(first)..self.layout.values_at(last) + 1;
            return self.values[first.column].covering_range(values);
        }
        let ranges = self.values.iter().enumerate().map(|(column, values)| {
            let groups = first.group..last.group + 1;
            values.covering_range(self.layout.values_in(column, groups))
        });
        joined(ranges)
    }

    fn range_showing(&self, backing: &Range<u64>) -> Range<u64> {
        let ranges = self.values.iter().enumerate().map(|(column, values)| {
            let shown = values.range_showing(backing);
            match shown.is_empty() {
                true => 0..0,
                false => {
                    self.layout.position(column, shown.start)
                        ..self.layout.position(column, shown.end - 1) + 1
                }
            }
        });
        joined(ranges)
    }
}

/// The descriptions of the row groups in the footer.
#[derive(Debug)]
struct RowGroups(Arc<Layout>);

impl Content for RowGroups {
    fn len(&self) -> u64 {
        self.0.groups * self.0.entry_len
    }

    fn read(&self, at: u64, out: &mut [u8]) -> Result<usize, AccessError> {
        let (mut group, mut from) = (at / self.0.entry_len, (at % self.0.entry_len) as usize);
        let mut rest = &mut *out;
        while !rest.is_empty() {
            let entry = self.0.entry(group);
            let count = rest.len().min(entry.len() - from);
            let (part, after) = rest.split_at_mut(count);
            part.copy_from_slice(&entry[from..from + count]);
            rest = after;
            (group, from) = (group + 1, 0);
        }
        Ok(out.len())
    }

    fn accepts(&self, _at: u64, _data: &[u8]) -> bool {
        false
    }

    fn is_fixed(&self) -> bool {
        true
    }

    fn covering_range(&self, _range: Range<u64>) -> Range<u64> {
        0..0
    }

    fn range_showing(&self, _backing: &Range<u64>) -> Range<u64> {
        0..0
    }
}

/// The smallest range that contains all of `ranges`. Empty ranges do not count.
fn joined(ranges: impl Iterator<Item = Range<u64>>) -> Range<u64> {
    let nonempty = ranges.filter(|range| !range.is_empty());
    let joined = nonempty.reduce(|a, b| a.start.min(b.start)..a.end.max(b.end));
    joined.unwrap_or(0..0)
}

#[cfg(test)]
mod tests {
    use super::super::schema::{Leaf, Meaning, Physical, Schema};
    use super::*;
    use crate::vfile::VirtualFile;

    /// Bytes of a backing file from byte `start` on, in order.
    #[derive(Debug)]
    struct Stored {
        start: u64,
        len: u64,
    }

    impl Content for Stored {
        fn len(&self) -> u64 {
            self.len
        }

        fn read(&self, at: u64, out: &mut [u8]) -> Result<usize, AccessError> {
            assert!(at + out.len() as u64 <= self.len);
            for (at, byte) in (self.start + at..).zip(&mut *out) {
                *byte = (at % 251) as u8;
            }
            Ok(out.len())
        }

        fn accepts(&self, _at: u64, _data: &[u8]) -> bool {
            false
        }

        fn covering_range(&self, range: Range<u64>) -> Range<u64> {
            self.start + range.start..self.start + range.end
        }

        fn range_showing(&self, backing: &Range<u64>) -> Range<u64> {
            let position = |at: u64| at.saturating_sub(self.start).min(self.len);
            position(backing.start)..position(backing.end)
        }
    }

    /// The contents of a file with a column of bits, one of bytes and one of 3 bytes each.
    fn file(rows: u64) -> ContentList {
        let mut schema = Schema::new(3);
        let mut values: ContentList = Vec::new();
        let mut start = 1000;
        for (name, physical, size, len) in [
            ("bits", Physical::Boolean, 1, rows.div_ceil(8)),
            ("bytes", Physical::FixedLenByteArray, 1, rows),
            ("words", Physical::FixedLenByteArray, 3, 3 * rows),
        ] {
            let leaf = Leaf {
                physical,
                meaning: Meaning::Plain,
                size,
            };
            schema.add(name, leaf);
            values.push(Arc::new(Stored { start, len }));
            start += len;
        }
        contents(Layout::new(&schema, rows).unwrap(), values)
    }

    /// Row counts beside the edges of pages and of row groups.
    const ROWS: [u64; 6] = [0, 1, 8, (1 << 17) + 1, 1 << 20, (2 << 20) + 5];

    #[test]
    fn any_range_of_a_file_equals_that_part_of_the_whole() {
        for rows in ROWS {
            let file = VirtualFile::new(file(rows));
            let len = file.len() as usize;
            let mut whole = vec![0; len];
            assert_eq!(file.read_at(0, &mut whole).unwrap(), len);
            assert!(whole.starts_with(b"PAR1") && whole.ends_with(b"PAR1"));
            for k in 0..300 {
                let start = (k * 7_654_321) % len;
                let end = len.min(start + 1 + (k * 48_271) % 200_000);
                let mut part = vec![0; end - start];
                file.read_at(start as u64, &mut part).unwrap();
                assert_eq!(part, whole[start..end], "{rows} rows, {start}..{end}");
            }
        }
    }

    #[test]
    fn ranges_of_the_file_and_of_the_backing_file_belong_together() {
        for rows in ROWS.into_iter().filter(|&rows| rows > 0) {
            let pages = &file(rows)[1];
            let bytes = 1000..1000 + rows.div_ceil(8) + 4 * rows;
            for k in 0..300 {
                let at = (k * 7_654_321) % pages.len();
                let covering = pages.covering_range(at..at + 1);
                assert_eq!(covering.end - covering.start, 1, "{rows} rows, byte {at}");
                for end in [at + 1, at + 100, at + 3_000_000] {
                    let range = at..end.min(pages.len());
                    let covering = pages.covering_range(range.clone());
                    assert!(covering.start >= bytes.start && covering.end <= bytes.end);
                    let mut inside = [range.start, (range.start + range.end) / 2, range.end - 1];
                    inside.sort_unstable();
                    for at in inside {
                        let one = pages.covering_range(at..at + 1);
                        assert!(covering.start <= one.start && one.end <= covering.end);
                        let mut shown = [0];
                        pages.read(at, &mut shown).unwrap();
                        // Of a header, the range shows the first value behind it.
                        let showing = pages.range_showing(&one);
                        assert_eq!(showing.end - showing.start, 1);
                        assert!((at..at + 30).contains(&showing.start));
                        if showing.start == at {
                            assert_eq!(u64::from(shown[0]), one.start % 251, "{rows}, byte {at}");
                        }
                    }
                }
            }
            assert_eq!(pages.range_showing(&(0..1000)), 0..0);
            let all = pages.range_showing(&bytes);
            assert_eq!((all.start, all.end), (29, pages.len()));
        }
    }
}
