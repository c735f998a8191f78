//! Where pages and row groups are in a Parquet file. All row groups but the last have the same
//! number of rows, and all pages of a column but its last, so positions are computed. The
//! descriptions of all row groups have one length: their numbers are padded.

use std::ops::Range;

use super::schema::{Physical, Schema};
use super::thrift::{Wire, Writer, padded_len};

/// The most bytes of what follows the pages, and of the schema.
pub(in crate::vfile) const MAX_FOOTER: u64 = 16 << 20;

/// The most bytes of the values in a page.
const MAX_PAGE: u64 = 1 << 30;

/// The most rows in a page. All pages but the last of a row group have a multiple of eight, as
/// truth values are bits.
const PAGE_ROWS: u64 = 1 << 17;

/// The rows in a row group, if their descriptions fit the footer.
const GROUP_ROWS: u64 = 1 << 20;

/// The size of the header of a page in bytes.
pub(super) const HEADER: u64 = 29;

/// The longest number of 32 bits in bytes.
const INT_LEN: usize = 5;

/// The signature at both ends of the file.
pub(super) const SIGNATURE: &[u8; 4] = b"PAR1";

/// The program that has written the file, as the format has it.
const CREATED_BY: &str = concat!("arrayfs version ", env!("CARGO_PKG_VERSION"));

/// A column in each row group.
#[derive(Debug)]
pub(super) struct Chunk {
    physical: Physical,
    /// The path of the column in the schema, as a list of Thrift.
    path: Vec<u8>,
    /// The size of a value in bits.
    bits: u64,
    /// The position in the last row group, and in every other one.
    starts: [u64; 2],
}

impl Chunk {
    /// The size of the values of `rows` rows in bytes.
    fn values_len(&self, rows: u64) -> Option<u64> {
        match self.bits {
            1 => Some(rows.div_ceil(8)),
            bits => rows.checked_mul(bits / 8),
        }
    }
}

/// A place in the pages of a row group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) group: u64,
    /// The index of the column.
    pub(super) column: usize,
    /// The position in the pages of the column in the row group.
    pub(super) within: u64,
}

/// The positions of all parts of a file.
#[derive(Debug)]
pub(in crate::vfile) struct Layout {
    rows: u64,
    pub(super) chunks: Vec<Chunk>,
    page_rows: u64,
    group_rows: u64,
    pub(super) groups: u64,
    /// The size of the last row group, and of every other one, in bytes.
    group_lens: [u64; 2],
    /// The bytes of each number in the description of a row group.
    number_len: usize,
    /// The size of the description of a row group in bytes.
    pub(super) entry_len: u64,
    /// What precedes the descriptions of row groups, and what follows them.
    pub(super) footer: [Vec<u8>; 2],
    len: u64,
}

impl Layout {
    /// The layout of a file of `rows` rows. `None` if a page of eight values is too large, or the
    /// metadata are, or the file.
    pub(in crate::vfile) fn new(schema: &Schema, rows: u64) -> Option<Layout> {
        let widest = schema.leaves.iter().map(|(leaf, _)| leaf.size).max()?;
        let page_rows = PAGE_ROWS.min(MAX_PAGE / widest) / 8 * 8;
        let page_rows = (page_rows > 0).then_some(page_rows)?;
        let chunks = schema.leaves.iter().map(|(leaf, path)| Chunk {
            physical: leaf.physical,
            path: path.clone(),
            bits: leaf.bits(),
            starts: [0; 2],
        });
        let mut layout = Layout {
            rows,
            chunks: chunks.collect(),
            page_rows,
            group_rows: GROUP_ROWS.next_multiple_of(page_rows),
            groups: 0,
            group_lens: [0; 2],
            number_len: 0,
            entry_len: 0,
            footer: [Vec::new(), Vec::new()],
            len: 0,
        };
        // The most that a number can be: no position is larger.
        let bound = layout.group_len(rows)?.checked_add(2 * MAX_FOOTER)?;
        i64::try_from(bound).ok()?;
        layout.number_len = padded_len(bound);
        layout.entry_len = layout.entry(0).len() as u64;
        layout.choose_group_rows(schema)?;
        layout.place_groups(schema)?;
        Some(layout)
    }

    /// Makes row groups large enough for the footer to hold their descriptions.
    fn choose_group_rows(&mut self, schema: &Schema) -> Option<()> {
        let others = [footer_start(schema, self.rows, u64::MAX), footer_end(0)];
        let others = others.iter().map(Vec::len).sum::<usize>() as u64;
        let most_groups = MAX_FOOTER.checked_sub(others)? / self.entry_len;
        let pages = self.rows.div_ceil(self.page_rows);
        let group_pages = pages.checked_div(most_groups)? + 1;
        self.group_rows = self
            .group_rows
            .max(group_pages.checked_mul(self.page_rows)?);
        self.groups = self.rows.div_ceil(self.group_rows);
        Some(())
    }

    /// Works out positions.
    fn place_groups(&mut self, schema: &Schema) -> Option<()> {
        for index in 0..2 {
            let group = self.groups.saturating_sub(1 + index as u64);
            let rows = self.rows_of(group);
            let mut start = 0;
            for column in 0..self.chunks.len() {
                self.chunks[column].starts[index] = start;
                start += self.chunk_len(column, rows)?;
            }
            self.group_lens[index] = start;
        }
        let start = footer_start(schema, self.rows, self.groups);
        let entries = self.groups * self.entry_len;
        let without_end = start.len() as u64 + entries;
        let end = footer_end(without_end);
        self.len = self.group_start(self.groups) + without_end + end.len() as u64;
        self.footer = [start, end];
        Some(())
    }

    /// The size of the file in bytes.
    pub(in crate::vfile) fn len(&self) -> u64 {
        self.len
    }

    /// The number of rows in row group `group`.
    fn rows_of(&self, group: u64) -> u64 {
        let first = group * self.group_rows;
        self.group_rows.min(self.rows.saturating_sub(first))
    }

    /// 0 for the last row group, and 1 for others.
    fn index_of(&self, group: u64) -> usize {
        usize::from(group + 1 < self.groups)
    }

    /// The size of a row group of `rows` rows in bytes.
    fn group_len(&self, rows: u64) -> Option<u64> {
        let mut columns = 0..self.chunks.len();
        columns.try_fold(0u64, |sum, column| {
            sum.checked_add(self.chunk_len(column, rows)?)
        })
    }

    /// The size of the pages of a column in a row group of `rows` rows, in bytes.
    fn chunk_len(&self, column: usize, rows: u64) -> Option<u64> {
        let headers = rows.div_ceil(self.page_rows).checked_mul(HEADER)?;
        self.chunks[column].values_len(rows)?.checked_add(headers)
    }

    /// The position in the file of row group `group`; of the footer for the one after the last.
    fn group_start(&self, group: u64) -> u64 {
        let [last, other] = self.group_lens;
        let others = group.min(self.groups.saturating_sub(1));
        SIGNATURE.len() as u64 + others * other + (group - others) * last
    }

    /// The size of all pages in bytes.
    pub(super) fn pages_len(&self) -> u64 {
        self.group_start(self.groups) - SIGNATURE.len() as u64
    }

    /// The size in bytes of the values of a column in a page that is not the last one.
    fn page_len(&self, column: usize) -> u64 {
        self.page_rows * self.chunks[column].bits / 8
    }

    /// The size in bytes of the values of a column in a row group that is not the last one.
    fn group_values_len(&self, column: usize) -> u64 {
        self.group_rows / 8 * self.chunks[column].bits
    }

    /// The place of byte `at` of the pages.
    pub(super) fn place(&self, at: u64) -> Place {
        let [_, other] = self.group_lens;
        let last = self.groups.saturating_sub(1);
        let group = at.checked_div(other).map_or(0, |group| group.min(last));
        let in_group = at - group * other;
        let index = self.index_of(group);
        let after = self
            .chunks
            .partition_point(|chunk| chunk.starts[index] <= in_group);
        let column = after.saturating_sub(1);
        Place {
            group,
            column,
            within: in_group - self.chunks[column].starts[index],
        }
    }

    /// The part of a page's header that begins at a place, or the position of the place in all
    /// values of its column. In the second case also how many bytes of values follow.
    pub(super) fn part(&self, place: Place) -> Part {
        let Place { group, column, .. } = place;
        let page_len = self.page_len(column);
        let (page, within) = (
            place.within / (HEADER + page_len),
            place.within % (HEADER + page_len),
        );
        let rows = self.rows_of(group) - page * self.page_rows;
        let rows = rows.min(self.page_rows);
        let len = (rows * self.chunks[column].bits).div_ceil(8);
        match within.checked_sub(HEADER) {
            None => Part::Header {
                header: page_header(rows, len),
                from: within as usize,
            },
            Some(at) => Part::Values {
                at: group * self.group_values_len(column) + page * page_len + at,
                len: len - at,
            },
        }
    }

    /// The position, in all values of its column, of the first value at or after a place.
    pub(super) fn values_at(&self, place: Place) -> u64 {
        match self.part(place) {
            Part::Values { at, .. } => at,
            Part::Header { from, .. } => {
                let within = place.within + HEADER - from as u64;
                match self.part(Place { within, ..place }) {
                    Part::Values { at, .. } => at,
                    Part::Header { .. } => 0,
                }
            }
        }
    }

    /// The position in the pages of byte `at` of all values of a column.
    pub(super) fn position(&self, column: usize, at: u64) -> u64 {
        let (group_len, page_len) = (self.group_values_len(column), self.page_len(column));
        let (group, in_group) = (at / group_len, at % group_len);
        let (page, in_page) = (in_group / page_len, in_group % page_len);
        let start = self.chunks[column].starts[self.index_of(group)];
        let chunk = self.group_start(group) - SIGNATURE.len() as u64 + start;
        chunk + page * (HEADER + page_len) + HEADER + in_page
    }

    /// The values of a column, in bytes, in the row groups `groups`.
    pub(super) fn values_in(&self, column: usize, groups: Range<u64>) -> Range<u64> {
        let group_len = self.group_values_len(column);
        let rows = self.rows.min(groups.end * self.group_rows);
        let end = (rows / 8 * self.chunks[column].bits)
            .saturating_add((rows % 8 * self.chunks[column].bits).div_ceil(8));
        groups.start * group_len..end
    }

    /// The description of row group `group`.
    pub(super) fn entry(&self, group: u64) -> Vec<u8> {
        let rows = self.rows_of(group);
        let index = self.index_of(group);
        let start = self.group_start(group);
        let mut writer = Writer::default();
        let number = |writer: &mut Writer, number, value| {
            writer.padded(number, Wire::I64, value, self.number_len);
        };
        writer.begin();
        writer.list(1, Wire::Struct, self.chunks.len() as u64);
        for (column, chunk) in self.chunks.iter().enumerate() {
            // No overflow: the size of all pages has been computed.
            let len = self.chunk_len(column, rows).unwrap_or(0);
            writer.begin();
            writer.i64(2, 0);
            writer.begin_field(3);
            writer.i32(1, chunk.physical as u64);
            // PLAIN only.
            writer.list(2, Wire::I32, 1);
            writer.bytes.push(0);
            writer.field(3, Wire::List);
            writer.bytes.extend(&chunk.path);
            // Not compressed.
            writer.i32(4, 0);
            number(&mut writer, 5, rows);
            number(&mut writer, 6, len);
            number(&mut writer, 7, len);
            number(&mut writer, 9, start + chunk.starts[index]);
            writer.end();
            writer.end();
        }
        number(&mut writer, 2, self.group_lens[index]);
        number(&mut writer, 3, rows);
        writer.end();
        writer.bytes
    }
}

/// What is at a place in the pages.
#[derive(Debug)]
pub(super) enum Part {
    /// A header, from one of its bytes on.
    Header { header: Vec<u8>, from: usize },
    /// Bytes from `at` of all values of the column.
    Values { at: u64, len: u64 },
}

/// The header of a page of `rows` values, which have `len` bytes.
fn page_header(rows: u64, len: u64) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.begin();
    // A data page of this size, which it has without compression too.
    writer.i32(1, 0);
    writer.padded(2, Wire::I32, len, INT_LEN);
    writer.padded(3, Wire::I32, len, INT_LEN);
    writer.begin_field(5);
    writer.padded(1, Wire::I32, rows, INT_LEN);
    // PLAIN, and RLE for the levels, which columns without nulls do not have.
    writer.i32(2, 0);
    writer.i32(3, 3);
    writer.i32(4, 3);
    writer.end();
    writer.end();
    writer.bytes
}

/// The footer up to the descriptions of its `groups` row groups.
fn footer_start(schema: &Schema, rows: u64, groups: u64) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.begin();
    writer.i32(1, 1);
    schema.write(2, &mut writer);
    writer.i64(3, rows);
    writer.list(4, Wire::Struct, groups);
    writer.bytes
}

/// What follows the descriptions, which end at byte `at` of the footer.
fn footer_end(at: u64) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.begin();
    // As the field that follows number 4.
    writer.binary(2, CREATED_BY.as_bytes());
    writer.end();
    let len = at as u32 + writer.bytes.len() as u32;
    writer.bytes.extend(len.to_le_bytes());
    writer.bytes.extend(SIGNATURE);
    writer.bytes
}

#[cfg(test)]
mod tests {
    use super::super::schema::{Leaf, Meaning};
    use super::*;

    /// The layout of `columns` columns of values of `size` bytes.
    fn layout(columns: usize, size: u64, rows: u64) -> Option<Layout> {
        let mut schema = Schema::new(columns);
        for column in 0..columns {
            let leaf = Leaf {
                physical: Physical::FixedLenByteArray,
                meaning: Meaning::Plain,
                size,
            };
            schema.add(&format!("c{column}"), leaf);
        }
        Layout::new(&schema, rows)
    }

    #[test]
    fn footers_and_pages_are_within_their_limits() {
        let rows = [
            0,
            1,
            8,
            GROUP_ROWS,
            GROUP_ROWS + 1,
            3_000_000_000,
            1 << 40,
            1 << 50,
            1 << 62,
        ];
        for columns in [1, 3, 14, 15, 4096] {
            for size in [1, 8, 1000, 1 << 20, 1 << 27] {
                for rows in rows {
                    let bytes = u128::from(rows) * u128::from(size) * columns as u128;
                    let Some(layout) = layout(columns, size, rows) else {
                        assert!(bytes > 1 << 62, "{columns} {size} {rows}");
                        continue;
                    };
                    let footer = layout.len - 4 - layout.pages_len();
                    assert!(footer <= MAX_FOOTER, "{columns} {size} {rows}: {footer}");
                    assert!(u128::from(layout.pages_len()) >= bytes);
                    assert!(size * layout.page_rows <= MAX_PAGE && layout.page_rows >= 8);
                    let last = layout.groups.saturating_sub(1);
                    for group in [0, last / 2, last] {
                        assert_eq!(layout.entry(group).len() as u64, layout.entry_len);
                    }
                    let end = layout.group_start(layout.groups);
                    assert_eq!(end, 4 + layout.pages_len());
                }
            }
        }
        assert_eq!(page_header(1, 1).len() as u64, HEADER);
        assert_eq!(page_header(1 << 20, MAX_PAGE).len() as u64, HEADER);
    }

    #[test]
    fn what_is_too_large_has_no_layout() {
        for (columns, size, rows) in [
            (1, 1 << 28, 1),
            (1, 1, (1 << 63) - 1),
            (1, 8, 1 << 60),
            (4096, 8, 1 << 48),
            (1, 1, u64::MAX),
        ] {
            assert!(
                layout(columns, size, rows).is_none(),
                "{columns} {size} {rows}"
            );
        }
        let mut schema = Schema::new(1);
        let leaf = Leaf {
            physical: Physical::Int32,
            meaning: Meaning::Plain,
            size: 4,
        };
        schema.add(&"n".repeat(MAX_FOOTER as usize), leaf);
        assert!(Layout::new(&schema, 1).is_none());
    }
}
