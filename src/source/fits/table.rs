//! Tables: rows of columns, as a structured array. Columns of a binary table are big-endian
//! numbers, flags and texts; those of an ASCII table are texts of fixed width.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Map, json};

use super::Data;
use super::card::short;
use super::header::Header;
use super::image::scaled_dtype;
use crate::array::{Order, Shape, View};
use crate::dtype::DType;
use crate::dtype::literal::Literal;
use crate::source::Scale;

/// The most columns, as in the standard.
const MAX_COLUMNS: u64 = 999;

/// A column with at least one byte.
#[derive(Debug)]
struct Column {
    number: u64,
    /// The type of an element.
    dtype: String,
    /// The lengths of the axes of a value; empty for one element.
    lengths: Vec<u64>,
    /// The offset of the column in a row, in bytes.
    offset: u64,
    /// Whether the values are elsewhere, and the column has their numbers and places.
    is_variable: bool,
    /// Whether the values are numbers, in an ASCII table as text.
    is_number: bool,
}

impl Column {
    /// The scale that the header gives for its numbers.
    fn scale(&self, header: &Header) -> Option<Scale> {
        let number = |keyword: &str, default| {
            let number = header.number(&format!("{keyword}{}", self.number));
            number.unwrap_or(default)
        };
        let scale = Scale::unless_trivial(number("TSCAL", 1.0), number("TZERO", 0.0));
        scale.filter(|_| self.is_number)
    }
}

/// What the user has to know of columns of variable length.
const VARIABLE_LENGTH: &str = "\
Columns in `variable_length` of meta.json have values of variable length, which are not shown.
Their fields have the number of values and the place of the first: writing it damages the table.";

/// The rows of a table. The error says why it cannot be shown.
fn rows(header: &Header, columns: &[Column]) -> Result<Data, String> {
    let [width, rows] = dimensions(header)?;
    let names = names(header, columns);
    let dtype = match columns {
        // A row cannot have no bytes.
        [] => return Err("it has no columns".into()),
        columns => dtype(columns, &names, width)?,
    };
    let view = View::contiguous(dtype, header.end, Shape::new(vec![rows]), Order::C);
    let mut data = Data {
        view: view.map_err(|error| error.to_string())?,
        scale: None,
        column_scales: BTreeMap::new(),
        attributes: Vec::new(),
        note: None,
        skipped: Vec::new(),
    };
    let (mut scaled, mut variable) = (Map::new(), Vec::new());
    for (column, name) in columns.iter().zip(names) {
        if column.is_variable {
            let why = "its values have variable lengths: the field has their number and the \
                       offset of the first in the heap";
            data.skipped.push((name.clone(), why.to_owned()));
            variable.push(name);
            continue;
        }
        let Some(scale) = column.scale(header) else {
            continue;
        };
        if let Some(dtype) = scaled_dtype(&column.dtype, Some(scale)) {
            scaled.insert(name.clone(), json!(dtype));
        }
        data.column_scales.insert(name, scale);
    }
    if !scaled.is_empty() {
        data.attributes.push(("scaled_dtypes", json!(scaled)));
    }
    if !variable.is_empty() {
        data.attributes.push(("variable_length", json!(variable)));
        data.note = Some(VARIABLE_LENGTH);
    }
    Ok(data)
}

/// The bytes of a row and the number of rows.
fn dimensions(header: &Header) -> Result<[u64; 2], String> {
    match header.axes[..] {
        [width, rows] if header.int("BITPIX") == Some(8) => Ok([width, rows]),
        _ => Err(format!(
            "a table with NAXIS {} and BITPIX {}: expected 2 and 8",
            header.axes.len(),
            header.shown("BITPIX")
        )),
    }
}

fn column_count(header: &Header) -> Result<u64, String> {
    match header.count("TFIELDS", None)? {
        count if count <= MAX_COLUMNS => Ok(count),
        count => Err(format!("TFIELDS is {count}: the maximum is {MAX_COLUMNS}")),
    }
}

/// A name for each column, all different. A column without a name is called `col1` and so on; to
/// a name that is taken, `_` and the number are added.
fn names(header: &Header, columns: &[Column]) -> Vec<String> {
    let mut taken = HashSet::new();
    let mut different = |number: u64| {
        let given = header.text_of(&format!("TTYPE{number}")).map(str::trim);
        let mut name = match given {
            None | Some("") => format!("col{number}"),
            Some(given) => given.to_owned(),
        };
        while !taken.insert(name.clone()) {
            name = format!("{name}_{number}");
        }
        name
    };
    columns
        .iter()
        .map(|column| different(column.number))
        .collect()
}

/// The dtype of a row of `width` bytes.
fn dtype(columns: &[Column], names: &[String], width: u64) -> Result<DType, String> {
    let format = |column: &Column| {
        let dtype = Literal::from(column.dtype.as_str());
        match &column.lengths[..] {
            [] => dtype,
            lengths => {
                let lengths = lengths.iter().copied().map(Literal::from);
                Literal::Tuple(vec![dtype, Literal::Tuple(lengths.collect())])
            }
        }
    };
    let offset = |column: &Column| Literal::from(column.offset);
    let name = |name: &String| Literal::from(name.as_str());
    let literal = Literal::Dict(vec![
        (
            "names".into(),
            Literal::List(names.iter().map(name).collect()),
        ),
        (
            "formats".into(),
            Literal::List(columns.iter().map(format).collect()),
        ),
        (
            "offsets".into(),
            Literal::List(columns.iter().map(offset).collect()),
        ),
        ("itemsize".into(), Literal::from(width)),
    ]);
    DType::from_literal(&literal).map_err(|error| short(&error.to_string()))
}

/// A binary table. The error says why it cannot be shown.
pub(super) fn binary(header: &Header) -> Result<Data, String> {
    let [width, _] = dimensions(header)?;
    let mut columns = Vec::new();
    let mut offset = 0u64;
    for number in 1..=column_count(header)? {
        let keyword = format!("TFORM{number}");
        let form = header.text_of(&keyword).and_then(Form::parse);
        let form = form.ok_or_else(|| {
            let found = header.shown(&keyword);
            format!("{keyword} is {found}: expected the form of a column")
        })?;
        let dims = header.text_of(&format!("TDIM{number}"));
        let end = form.size().and_then(|size| offset.checked_add(size));
        let end = end
            .filter(|&end| end <= width)
            .ok_or_else(|| format!("{keyword} goes beyond the row, which has {width} bytes"))?;
        if end > offset {
            columns.push(form.column(number, offset, dims));
        }
        offset = end;
    }
    rows(header, &columns)
}

/// The form of a column of a binary table: `TFORMn`.
#[derive(Debug)]
struct Form {
    repeat: u64,
    code: u8,
}

impl Form {
    /// Parses a repeat count, a letter, and what the standard leaves to conventions.
    fn parse(text: &str) -> Option<Form> {
        let text = text.trim();
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (repeat, rest) = text.split_at_checked(digits)?;
        let code = *rest.as_bytes().first()?;
        let repeat = match (repeat, code) {
            // Written for 7A by mistake, and so common that libraries accept it.
            ("", b'A') if rest.len() > 1 => rest.get(1..)?.parse().ok()?,
            ("", _) => 1,
            (repeat, _) => repeat.parse().ok()?,
        };
        let form = Form { repeat, code };
        form.element().map(|_| form)
    }

    /// The dtype and the bytes of an element.
    fn element(&self) -> Option<(&'static str, u64)> {
        Some(match self.code {
            b'L' => ("S1", 1),
            b'X' | b'B' => ("u1", 1),
            b'A' => ("S", 1),
            b'I' => (">i2", 2),
            b'J' => (">i4", 4),
            b'K' => (">i8", 8),
            b'E' => (">f4", 4),
            b'D' => (">f8", 8),
            b'C' => (">c8", 8),
            b'M' => (">c16", 16),
            b'P' => (">i4", 8),
            b'Q' => (">i8", 16),
            _ => return None,
        })
    }

    /// The number of elements.
    fn count(&self) -> u64 {
        match self.code {
            b'X' => self.repeat.div_ceil(8),
            _ => self.repeat,
        }
    }

    /// The bytes of the column. `None` if they do not fit 64 bits.
    fn size(&self) -> Option<u64> {
        self.element()?.1.checked_mul(self.count())
    }

    /// The column of this form. `dims` is `TDIMn`.
    fn column(&self, number: u64, offset: u64, dims: Option<&str>) -> Column {
        let dtype = self.element().map_or("u1", |(dtype, _)| dtype);
        let is_variable = matches!(self.code, b'P' | b'Q');
        let dims = dims.filter(|_| !is_variable).and_then(parse_dims);
        let elements = dims.as_ref().and_then(|dims| {
            dims.iter()
                .try_fold(1u64, |product, &length| product.checked_mul(length))
        });
        // Dimensions that need more than there is, or nothing, are ignored. Less is allowed.
        let fits = elements.is_some_and(|elements| (1..=self.count()).contains(&elements));
        let dims = dims.filter(|_| fits);
        let (dtype, lengths) = match (self.code, dims) {
            (b'A', None) => (format!("S{}", self.repeat), Vec::new()),
            // The first dimension is the length of each text.
            (b'A', Some(mut dims)) => {
                let length = dims.pop().unwrap_or(self.repeat);
                (format!("S{length}"), dims)
            }
            (_, Some(dims)) => (dtype.to_owned(), dims),
            (b'P' | b'Q', None) if self.repeat == 1 => (dtype.to_owned(), vec![2]),
            (b'P' | b'Q', None) => (dtype.to_owned(), vec![self.repeat, 2]),
            (b'X', None) => (dtype.to_owned(), vec![self.count()]),
            (_, None) if self.repeat == 1 => (dtype.to_owned(), Vec::new()),
            (_, None) => (dtype.to_owned(), vec![self.repeat]),
        };
        Column {
            number,
            dtype,
            lengths,
            offset,
            is_variable,
            is_number: !is_variable && !matches!(self.code, b'L' | b'X' | b'A'),
        }
    }
}

/// The lengths in `TDIMn`, such as `(2,3)`, the last one first. `None` if it is not valid.
fn parse_dims(text: &str) -> Option<Vec<u64>> {
    let text = text.trim().strip_prefix('(')?.strip_suffix(')')?;
    let lengths = text.split(',').map(|length| length.trim().parse().ok());
    lengths.rev().collect()
}

/// An ASCII table. The error says why it cannot be shown.
pub(super) fn ascii(header: &Header) -> Result<Data, String> {
    let [width, _] = dimensions(header)?;
    let mut columns = Vec::new();
    for number in 1..=column_count(header)? {
        let keyword = format!("TFORM{number}");
        let form = header.text_of(&keyword);
        let length = form.and_then(|form| {
            let form = form
                .trim()
                .trim_start_matches(|code: char| code.is_ascii_alphabetic());
            form.split('.').next()?.parse::<u64>().ok()
        });
        let length = length.filter(|&length| length > 0).ok_or_else(|| {
            let found = header.shown(&keyword);
            format!("{keyword} is {found}: expected a letter and a width")
        })?;
        let start = header.count(&format!("TBCOL{number}"), None)?;
        let offset = start.checked_sub(1);
        let offset = offset.filter(|offset| {
            let end = offset.checked_add(length);
            end.is_some_and(|end| end <= width)
        });
        let offset = offset.ok_or_else(|| {
            format!("column {number} goes beyond the row, which has {width} bytes")
        })?;
        columns.push(Column {
            number,
            dtype: format!("S{length}"),
            lengths: Vec::new(),
            offset,
            is_variable: false,
            is_number: form.is_some_and(|form| !form.trim().starts_with('A')),
        });
    }
    rows(header, &columns)
}
