//! CSV text of a view: one line per row, values separated by commas. All lines have
//! the same length, so any byte range can be rendered without the rest. File names
//! are left to `encoding`.
//!
//! - Unpadded form: values as they are, then a column `_` of blanks that fills the
//!   line. Many readers take a number after a blank for text.
//! - Padded form: numbers are right-aligned to the width of the longest value. Rows
//!   with strings are unpadded in this form too.
//! - Structured dtypes have a heading with the names of all columns.

mod columns;
mod content;
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
pub use content::TableText;
pub use datetime::milliseconds;
use range_writer::RangeWriter;
use window::Window;

/// The separator between values, and between names in the heading.
const SEPARATOR: u8 = b',';

/// The form of the files in `csv/`, option `--csv`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CsvForm {
    /// Unpadded values, then a column of blanks. NaN is `NaN`, NaT is empty.
    #[default]
    Unpadded,
    /// Numbers padded with blanks on the left. NaN is `nan`, NaT is `NaT`.
    Padded,
}

impl CsvForm {
    /// All forms.
    pub const ALL: [CsvForm; 2] = [CsvForm::Unpadded, CsvForm::Padded];

    /// The option value that selects the form.
    pub fn name(self) -> &'static str {
        match self {
            CsvForm::Unpadded => "unpadded",
            CsvForm::Padded => "padded",
        }
    }
}

/// The name of the column of blanks, with the newline that ends the heading.
const LAST_NAME: &[u8] = b"_\n";

/// The text of a view with at most two axes.
#[derive(Debug, Clone)]
pub struct Table {
    columns: Columns,
    form: CsvForm,
    /// Whether every value has the full width of its column. Otherwise a column of
    /// blanks follows the values.
    padded: bool,
    /// Number of lines, without the heading.
    rows: u64,
    /// Size of a row of the view in bytes.
    row_bytes: u64,
    /// Item size of the view in bytes.
    itemsize: u64,
    /// Length of the heading in bytes, newline included. 0 for plain dtypes.
    heading: u64,
    /// Length of every other line in bytes, newline included.
    line: u64,
    /// Size of the text in bytes.
    len: u64,
}

/// The maximum length of an unpadded line in bytes. The position of a value depends on
/// the values before it, so rendering starts at the beginning of the line.
const MAX_UNPADDED_LINE: u64 = 1 << 20;

impl Table {
    /// The table of `view`. `None` in these cases:
    ///
    /// - the view has more than two axes;
    /// - its dtype has no text form;
    /// - the text would exceed 2^63 - 1 bytes;
    /// - an unpadded line would exceed 1 MiB.
    pub fn new(view: &View, form: CsvForm) -> Option<Table> {
        let itemsize = view.dtype().itemsize();
        let (rows, row_items) = match view.ndim() {
            0 => (1, None),
            1 => (view.length(0), None),
            2 => (view.length(0), Some(view.length(1))),
            _ => return None,
        };
        let mut columns = Columns::of_item(view.dtype(), row_items.is_some())?;
        if let Some(count) = row_items {
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
            row_bytes: row_items.unwrap_or(1) * itemsize,
            itemsize,
            heading,
            line,
            len,
        })
    }

    /// The size of the text in bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether the text is empty: no heading and no lines.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Renders the text from byte `at` into `out`. The range must lie within the text.
    /// Returns the number of bytes rendered. It is below `out.len()` if a value cannot
    /// be fetched. `fetch` reads bytes of the view in C order, as
    /// [`Mapping::read`](crate::mapping::Mapping::read) does.
    ///
    /// # Errors
    ///
    /// The error of `fetch` if no byte can be rendered.
    pub fn read(
        &self,
        at: u64,
        out: &mut [u8],
        fetch: impl FnMut(u64, &mut [u8]) -> Result<usize, AccessError>,
    ) -> Result<usize, AccessError> {
        let limit = self.view_bytes_before(at.saturating_add(out.len() as u64));
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

    /// The end of the view bytes that the text before byte `end` can depend on.
    fn view_bytes_before(&self, end: u64) -> u64 {
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

    /// Writes the heading, if there is one.
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

    /// Writes line `row`.
    ///
    /// # Errors
    ///
    /// When bytes of a value cannot be fetched. The text before that value is written.
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

/// The state for rendering rows: source of the bytes, form, and destination.
struct RowWriter<'a, F> {
    form: CsvForm,
    padded: bool,
    window: Window<F>,
    out: RangeWriter<'a>,
}
