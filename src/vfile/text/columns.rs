//! The columns of a table as a tree. A node is a value, the fields of a record, or the
//! elements of an array. Elements share one description. Each node knows its number of
//! columns and the length of their text, so a position in a padded line or in the
//! heading is found without visiting the columns before it.
//!
//! Sums saturate. A table with a saturated size is refused in `Table::new`.

use super::number::Number;
use super::range_writer::RangeWriter;
use super::string_column::{StringColumn, escape};
use super::{RowWriter, SEPARATOR};
use crate::dtype::{DType, Field, Kind};
use crate::mapping::AccessError;

/// A node of the tree: adjacent columns.
#[derive(Debug, Clone)]
pub(super) struct Columns {
    parts: Parts,
    /// Number of columns.
    count: u64,
    /// Maximum width of the columns in bytes, with a separator after each.
    width: u64,
    /// Whether a column holds strings.
    has_strings: bool,
    /// Total length of the escaped names in bytes, without the prefix from outer nodes.
    names: u64,
    /// Number of names that need quotes.
    quoted: u64,
}

#[derive(Debug, Clone)]
enum Parts {
    Number(Number),
    Strings(StringColumn),
    Fields(Vec<Member>),
    Elements {
        /// Number of elements.
        count: u64,
        /// Distance between elements in bytes of the view.
        step: u64,
        /// The columns of one element.
        each: Box<Columns>,
    },
}

/// A field of a record.
#[derive(Debug, Clone)]
struct Member {
    /// Prefix of the names of the columns, with quotes doubled.
    label: String,
    /// Whether the label needs quotes.
    quoted: bool,
    /// Offset of the field in the item, in bytes.
    offset: u64,
    columns: Columns,
}

impl Columns {
    /// The columns of one item. `None` if the dtype has no text form. With `nested`,
    /// the names of fields start with a dot, because another name precedes them.
    pub(super) fn of_item(dtype: &DType, nested: bool) -> Option<Columns> {
        if let Kind::Structured(fields) = dtype.kind() {
            return Columns::of_fields(fields, nested);
        }
        if let Some(number) = Number::of(dtype) {
            let width = number.width();
            return Some(Columns::of_value(Parts::Number(number), width, false));
        }
        let strings = StringColumn::of(dtype)?;
        let width = strings.width();
        Some(Columns::of_value(Parts::Strings(strings), width, true))
    }

    fn of_value(parts: Parts, width: u64, has_strings: bool) -> Columns {
        Columns {
            parts,
            count: 1,
            width: width + 1,
            has_strings,
            names: 0,
            quoted: 0,
        }
    }

    fn of_fields(fields: &[Field], nested: bool) -> Option<Columns> {
        let mut all = Columns {
            parts: Parts::Fields(Vec::new()),
            count: 0,
            width: 0,
            has_strings: false,
            names: 0,
            quoted: 0,
        };
        let mut members = Vec::new();
        for field in fields {
            let dot = if nested { "." } else { "" };
            let (name, quoted) = escape(field.name());
            let label = format!("{dot}{name}");
            let mut columns = Columns::of_item(field.dtype(), true)?;
            let mut step = field.dtype().itemsize();
            for &length in field.shape().iter().rev() {
                columns = columns.repeated(length, step);
                step = step.saturating_mul(length);
            }
            if columns.count == 0 {
                continue;
            }
            let labels = columns.count.saturating_mul(label.len() as u64);
            all.count = all.count.saturating_add(columns.count);
            all.width = all.width.saturating_add(columns.width);
            all.has_strings |= columns.has_strings;
            all.names = all
                .names
                .saturating_add(labels)
                .saturating_add(columns.names);
            let in_quotes = if quoted {
                columns.count
            } else {
                columns.quoted
            };
            all.quoted = all.quoted.saturating_add(in_quotes);
            members.push(Member {
                label,
                quoted,
                offset: field.offset(),
                columns,
            });
        }
        all.parts = Parts::Fields(members);
        Some(all)
    }

    /// These columns for each of `count` elements with a stride of `step` bytes.
    pub(super) fn repeated(self, count: u64, step: u64) -> Columns {
        let labels = index_bytes(count).saturating_mul(self.count);
        Columns {
            count: count.saturating_mul(self.count),
            width: count.saturating_mul(self.width),
            has_strings: self.has_strings,
            names: count.saturating_mul(self.names).saturating_add(labels),
            quoted: count.saturating_mul(self.quoted),
            parts: Parts::Elements {
                count,
                step,
                each: Box::new(self),
            },
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The maximum width of the columns in bytes, with a separator after each.
    pub(super) fn width(&self) -> u64 {
        self.width
    }

    /// Whether a column holds strings.
    pub(super) fn has_strings(&self) -> bool {
        self.has_strings
    }

    /// The end, in bytes of the view, of the value at byte `position` of a padded line.
    /// The columns start at byte `at` of the view. `position` is below their width.
    pub(super) fn value_end(&self, at: u64, position: u64) -> u64 {
        match &self.parts {
            Parts::Number(number) => at + number.size() as u64,
            Parts::Strings(strings) => at + strings.size(),
            Parts::Fields(members) => {
                let mut position = position;
                for Member {
                    offset, columns, ..
                } in members
                {
                    if position < columns.width {
                        return columns.value_end(at + offset, position);
                    }
                    position -= columns.width;
                }
                at
            }
            Parts::Elements { step, each, .. } => {
                each.value_end(at + position / each.width * step, position % each.width)
            }
        }
    }

    /// Writes the values of the columns, with `end` after the last. The columns start
    /// at byte `at` of the view.
    ///
    /// # Errors
    ///
    /// When the bytes of a value cannot be fetched. The values before it are written.
    pub(super) fn write<F>(
        &self,
        at: u64,
        end: u8,
        writer: &mut RowWriter<'_, F>,
    ) -> Result<(), AccessError>
    where
        F: FnMut(u64, &mut [u8]) -> Result<usize, AccessError>,
    {
        match &self.parts {
            Parts::Number(number) => {
                let text = number.text(writer.window.bytes(at, number.size())?, writer.form);
                if writer.padded {
                    let used = text.as_bytes().len() as u64 + 1;
                    writer.out.push_blanks(self.width.saturating_sub(used));
                }
                writer.out.push(text.as_bytes());
                writer.out.push(&[end]);
            }
            Parts::Strings(strings) => {
                strings.write(at, writer)?;
                writer.out.push(&[end]);
            }
            Parts::Fields(members) => {
                for (k, member) in members.iter().enumerate() {
                    let columns = &member.columns;
                    if writer.out.is_full() {
                        break;
                    }
                    if writer.padded && writer.out.skip_pieces(columns.width, 1) == 1 {
                        continue;
                    }
                    let last = k + 1 == members.len();
                    columns.write(
                        at + member.offset,
                        if last { end } else { SEPARATOR },
                        writer,
                    )?;
                }
            }
            Parts::Elements { count, step, each } => {
                let skipped = if writer.padded {
                    writer.out.skip_pieces(each.width, *count)
                } else {
                    0
                };
                for k in skipped..*count {
                    if writer.out.is_full() {
                        break;
                    }
                    let last = k + 1 == *count;
                    each.write(at + k * step, if last { end } else { SEPARATOR }, writer)?;
                }
            }
        }
        Ok(())
    }

    /// The length in bytes of the names of all columns, with a separator after each.
    /// Each name follows a prefix of `prefix` bytes. With `quoted`, the prefix requires
    /// quotes around every name.
    pub(super) fn heading_width(&self, prefix: u64, quoted: bool) -> u64 {
        let in_quotes = if quoted { self.count } else { self.quoted };
        self.count
            .saturating_mul(prefix.saturating_add(1))
            .saturating_add(self.names)
            .saturating_add(in_quotes.saturating_mul(2))
    }

    /// Writes the names of the columns, each after `prefix`, with `end` after the last.
    /// `prefix` is a buffer and is unchanged on return.
    pub(super) fn write_heading(
        &self,
        prefix: &mut String,
        quoted: bool,
        end: u8,
        out: &mut RangeWriter<'_>,
    ) {
        if out.is_full() {
            return;
        }
        let width = self.heading_width(prefix.len() as u64, quoted);
        if width <= out.skip() {
            out.skip_bytes(width);
            return;
        }
        let outer = prefix.len();
        match &self.parts {
            Parts::Number(_) | Parts::Strings(_) => {
                let mark: &[u8] = if quoted { b"\"" } else { b"" };
                out.push(mark);
                out.push(prefix.as_bytes());
                out.push(mark);
                out.push(&[end]);
            }
            Parts::Fields(members) => {
                for (k, member) in members.iter().enumerate() {
                    let last = k + 1 == members.len();
                    prefix.push_str(&member.label);
                    let quoted = quoted || member.quoted;
                    let end = if last { end } else { SEPARATOR };
                    member.columns.write_heading(prefix, quoted, end, out);
                    prefix.truncate(outer);
                }
            }
            Parts::Elements { count, each, .. } => {
                // Length of the names of the first `k` elements.
                let width = |k: u64| {
                    k * each.heading_width(outer as u64, quoted) + index_bytes(k) * each.count
                };
                let skipped = partition_point(*count, |k| width(k) <= out.skip());
                out.skip_bytes(width(skipped));
                for k in skipped..*count {
                    if out.is_full() {
                        break;
                    }
                    let last = k + 1 == *count;
                    prefix.push_str(&format!("[{k}]"));
                    each.write_heading(prefix, quoted, if last { end } else { SEPARATOR }, out);
                    prefix.truncate(outer);
                }
            }
        }
    }
}

/// The total length in bytes of the labels `[0]`, `[1]`, ... of `count` elements.
fn index_bytes(count: u64) -> u64 {
    // Two brackets and a digit each, and one more digit from each power of ten on.
    let powers = (1..20).map(|exponent| 10_u64.pow(exponent));
    powers.fold(count.saturating_mul(3), |bytes, power| {
        bytes.saturating_add(count.saturating_sub(power))
    })
}

/// The largest number up to `end` for which `holds` is true, by binary search. `holds`
/// must be true for 0, and must not become true again once it is false.
fn partition_point(end: u64, holds: impl Fn(u64) -> bool) -> u64 {
    let (mut low, mut high) = (0, end);
    while low < high {
        let middle = high - (high - low) / 2;
        if holds(middle) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_element_labels_is_counted() {
        let mut bytes = 0;
        for count in 0..12_000 {
            assert_eq!(index_bytes(count), bytes);
            bytes += format!("[{count}]").len() as u64;
        }
        assert_eq!(index_bytes(u64::MAX), u64::MAX);
    }

    #[test]
    fn the_partition_point_is_the_last_number_that_holds() {
        for end in 0..20 {
            for limit in 0..=end {
                assert_eq!(partition_point(end, |k| k <= limit), limit);
            }
        }
    }
}
