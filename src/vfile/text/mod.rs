//! A view as a table of text: one line a row, columns separated by commas, all
//! lines equally long, so that any byte of it can be rendered alone. Which
//! files are such tables, and what they are called, is decided by `encoding`.
//!
//! Values are unpadded, since many readers take a number after a blank for
//! text. A last column, `_`, holds the blanks that the values of a line leave.
//! In the padded form numbers have blanks before them instead, up to the width
//! of the longest, so that each column has its place; rows that hold strings
//! are unpadded even so. Structured types have a heading: the names of all
//! columns.

mod columns;
mod datetime;
mod float;
#[cfg(test)]
mod judge;
mod number;
mod range_writer;
mod short;
mod string_column;
#[cfg(test)]
mod tests;
mod window;

use crate::array::View;
use crate::dtype::Kind;
use crate::mapping::AccessError;
use columns::Columns;
use range_writer::RangeWriter;
use window::Window;

/// What stands between the values of a line, and between the names of the heading.
const SEPARATOR: u8 = b',';

/// How the files of `csv/` are laid out, `--csv`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CsvForm {
    /// Unpadded values, then a column of blanks; `NaN`, and nothing for `NaT`.
    #[default]
    Unpadded,
    /// Numbers that blanks pad on the left; `nan` and `NaT`.
    Padded,
}

impl CsvForm {
    /// All of them.
    pub const ALL: [CsvForm; 2] = [CsvForm::Unpadded, CsvForm::Padded];

    /// The name of the form as the option's value.
    pub fn name(self) -> &'static str {
        match self {
            CsvForm::Unpadded => "unpadded",
            CsvForm::Padded => "padded",
        }
    }
}

/// The name of the column of blanks, and the end of the heading.
const LAST_NAME: &[u8] = b"_\n";

/// The text of a view of at most two axes.
#[derive(Debug, Clone)]
pub struct Table {
    columns: Columns,
    form: CsvForm,
    /// Whether each value has its full width, and no column of blanks follows.
    padded: bool,
    rows: u64,
    /// Bytes of the view in a row, and in an item.
    row_bytes: u64,
    itemsize: u64,
    /// Bytes of the heading, which only structured types have.
    heading: u64,
    /// Bytes of each line after it.
    line: u64,
    len: u64,
}

/// The longest unpadded line, in bytes: where a column begins depends on those
/// before it, so that a part of such a line costs as much as all before it.
const MAX_UNPADDED_LINE: u64 = 1 << 20;

impl Table {
    /// The table of `view`; `None` where it has no text: more than two axes, a
    /// type without one, a size that 63 bits cannot count, or unpadded lines of
    /// more than 1 MiB.
    pub fn new(view: &View, form: CsvForm) -> Option<Table> {
        let itemsize = view.dtype().itemsize();
        let (rows, in_a_row) = match view.ndim() {
            0 => (1, None),
            1 => (view.length(0), None),
            2 => (view.length(0), Some(view.length(1))),
            _ => return None,
        };
        let mut columns = Columns::of_item(view.dtype(), in_a_row.is_some())?;
        if let Some(count) = in_a_row {
            columns = columns.repeated(count, itemsize);
        }
        let padded = form == CsvForm::Padded && !columns.has_strings();
        let names = columns.heading_width(0, false);
        let heading = match view.dtype().kind() {
            Kind::Structured(_) if !padded => names.saturating_add(LAST_NAME.len() as u64),
            Kind::Structured(_) => names.max(1),
            _ => 0,
        };
        let line = if padded {
            columns.width().max(1)
        } else {
            columns.width().saturating_add(1)
        };
        if !padded && line > MAX_UNPADDED_LINE {
            return None;
        }
        let len = rows.checked_mul(line)?.checked_add(heading)?;
        i64::try_from(len).ok()?;
        Some(Table {
            columns,
            form,
            padded,
            rows,
            row_bytes: in_a_row.unwrap_or(1) * itemsize,
            itemsize,
            heading,
            line,
            len,
        })
    }

    /// The size in bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there is no text: no heading, and no lines.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Renders the bytes from `at` on into `out`, which lies within the table,
    /// and returns how many there were before the first that could not be
    /// rendered. `fetch` copies bytes of the view, counted in its C order, as
    /// [`Mapping::read`](crate::mapping::Mapping::read) does.
    ///
    /// # Errors
    ///
    /// What `fetch` returns for the first byte.
    pub fn read(
        &self,
        at: u64,
        out: &mut [u8],
        fetch: impl FnMut(u64, &mut [u8]) -> Result<usize, AccessError>,
    ) -> Result<usize, AccessError> {
        let limit = self.bytes_for(at.saturating_add(out.len() as u64));
        let mut writer = RowWriter {
            form: self.form,
            padded: self.padded,
            window: Window::new(fetch, self.itemsize, limit),
            out: RangeWriter::new(at, out),
        };
        self.write_heading(&mut writer.out);
        let first = writer.out.skip_pieces(self.line, self.rows);
        for row in first..self.rows {
            if writer.out.is_full() {
                break;
            }
            if let Err(error) = self.write_line(row, &mut writer) {
                if writer.out.done() == 0 {
                    return Err(error);
                }
                break;
            }
        }
        Ok(writer.out.done())
    }

    /// How many of the view's bytes, from the first on, can be needed for the
    /// text before `end`.
    fn bytes_for(&self, end: u64) -> u64 {
        let Some(last) = end.min(self.len).checked_sub(self.heading + 1) else {
            return 0;
        };
        let row = last / self.line * self.row_bytes;
        if self.padded && !self.columns.is_empty() {
            self.columns.value_end(row, last % self.line)
        } else {
            row + self.row_bytes
        }
    }

    fn write_heading(&self, out: &mut RangeWriter<'_>) {
        if self.heading == 0 {
            return;
        }
        let end = if self.padded { b'\n' } else { SEPARATOR };
        self.columns
            .write_heading(&mut String::new(), false, end, out);
        if !self.padded {
            out.push(LAST_NAME);
        } else if self.columns.is_empty() {
            out.push(b"\n");
        }
    }

    fn write_line<F>(&self, row: u64, writer: &mut RowWriter<'_, F>) -> Result<(), AccessError>
    where
        F: FnMut(u64, &mut [u8]) -> Result<usize, AccessError>,
    {
        let start = writer.out.position();
        let end = if self.padded { b'\n' } else { SEPARATOR };
        if !self.columns.is_empty() {
            self.columns.write(row * self.row_bytes, end, writer)?;
        }
        if !self.padded || self.columns.is_empty() {
            let used = writer.out.position() - start + 1;
            writer.out.push_blanks(self.line.saturating_sub(used));
            writer.out.push(b"\n");
        }
        Ok(())
    }
}

/// What it takes to write values: where their bytes come from, how they are
/// set, and where their text goes.
struct RowWriter<'a, F> {
    form: CsvForm,
    padded: bool,
    window: Window<F>,
    out: RangeWriter<'a>,
}
