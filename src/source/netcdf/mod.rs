//! The NetCDF classic format, with 32-bit or 64-bit offsets or 64-bit data: a header, then fixed
//! variables, then records in which the record variables take turns
//! (<https://docs.unidata.ucar.edu/netcdf-c/current/file_format_specifications.html>). NetCDF-4
//! files are HDF5 files. Sizes are computed from the dimensions; those in the file can be wrong.

mod attribute;

use std::sync::Arc;

use super::format::Reader;
use super::signature::Sample;
use super::{
    Attributes, Contents, Cursor, Details, Endian, Format, FormatError, Input, Member, Scale,
};
use crate::array::{MAX_NDIM, Order, Shape, View};
use crate::dtype::DType;

/// The NetCDF classic format.
pub(super) const FORMAT: Format = Format {
    name: "netcdf",
    title: "NetCDF classic, 64-bit offset and 64-bit data",
    suffixes: &[".nc", ".cdf"],
    matches,
    reader: Reader::SelfDescribing(read),
};

const DIMENSIONS: u32 = 10;
const VARIABLES: u32 = 11;
const ATTRIBUTES: u32 = 12;

/// The most elements of all lists of a header together.
const MAX_ELEMENTS: u64 = 1_000_000;

/// The longest name, in bytes. The library writes at most 256.
const MAX_NAME: u64 = 4096;

/// The most dimensions of a variable, as in the library.
const MAX_DIMENSIONS: u64 = 1024;

/// The most bytes of attributes that are shown.
const MAX_ATTRIBUTE_BYTES: u64 = 16 << 20;

fn matches(sample: &Sample) -> bool {
    // The number of records is followed by the tag of the list of dimensions, or by 0.
    let tag_at = match sample.number(0) {
        Some([b'C', b'D', b'F', 1 | 2]) => 8,
        Some([b'C', b'D', b'F', 5]) => 12,
        _ => return false,
    };
    let tag = sample.number(tag_at).map(u32::from_be_bytes);
    matches!(tag, Some(0 | DIMENSIONS))
}

/// The variables of the file.
///
/// # Errors
///
/// When the header is not valid.
fn read(input: &Input) -> Result<Contents, FormatError> {
    let version = match input.cursor(0, Endian::Big).array()? {
        [b'C', b'D', b'F', version @ (1 | 2 | 5)] => version,
        other => {
            return Err(FormatError::invalid(format!(
                "begins with the bytes {other:?}: expected CDF and 1, 2 or 5"
            )));
        }
    };
    let mut header = Header {
        cursor: input.cursor(4, Endian::Big),
        version,
        elements: 0,
        attribute_bytes: 0,
    };
    let records = header.number()?;
    let dimensions = header.dimensions()?;
    let mut contents = Contents::group();
    contents.attributes = header.attributes()?.attributes;
    let mut variables = Vec::new();
    for _ in 0..header.list(VARIABLES)? {
        variables.push(header.variable(&dimensions)?);
    }
    let stride = record_stride(&variables);
    let is_streaming = match version {
        5 => records == u64::MAX,
        _ => records == u64::from(u32::MAX),
    };
    let records = match is_streaming {
        false => records,
        true => records_present(&variables, stride, input.size()),
    };
    let layout = Layout {
        header_end: header.cursor.position(),
        records,
        stride,
    };
    for variable in variables {
        variable.add(&layout, &dimensions, &mut contents)?;
    }
    Ok(contents)
}

/// What places a variable, apart from itself.
#[derive(Debug)]
struct Layout {
    header_end: u64,
    /// The number of records.
    records: u64,
    /// The bytes from one record to the next. `None` if they do not fit 63 bits.
    stride: Option<i64>,
}

/// The bytes from one record to the next. Each variable in a record is padded to 4 bytes, unless
/// there is only one.
fn record_stride(variables: &[Variable]) -> Option<i64> {
    let record_variables = variables.iter().filter(|variable| variable.has_records);
    let mut sizes = record_variables.map(|variable| variable.size);
    let total = match (sizes.next(), sizes.next()) {
        (None, _) => 0,
        (Some(only), None) => only?,
        (Some(first), Some(second)) => [first, second]
            .into_iter()
            .chain(sizes)
            .try_fold(0u64, |sum, size| {
                sum.checked_add(size?.checked_next_multiple_of(4)?)
            })?,
    };
    i64::try_from(total).ok()
}

/// The number of whole records in a file of `size` bytes that does not say how many it has.
fn records_present(variables: &[Variable], stride: Option<i64>, size: u64) -> u64 {
    let record_variables = variables.iter().filter(|variable| variable.has_records);
    let start = record_variables.map(|variable| variable.begin).min();
    let bytes = size.saturating_sub(start.unwrap_or(size));
    let stride = stride.and_then(|stride| u64::try_from(stride).ok());
    let records = stride.and_then(|stride| bytes.checked_div(stride));
    records.unwrap_or(0)
}

/// A dimension in the header. The length of the record dimension is 0.
#[derive(Debug)]
struct Dimension {
    name: String,
    length: u64,
}

/// The axes of a variable.
#[derive(Debug)]
struct Axes {
    /// Indices into the list of dimensions.
    dimensions: Vec<usize>,
    has_records: bool,
    /// The number of elements, or of those of one record. `None` if it does not fit 64 bits.
    elements: Option<u64>,
}

/// A variable in the header.
#[derive(Debug)]
struct Variable {
    name: Vec<u8>,
    /// Indices into the list of dimensions.
    dimensions: Vec<usize>,
    /// Whether the first dimension is the record dimension.
    has_records: bool,
    /// The bytes of the variable, or of one record of it. `None` if they do not fit 64 bits.
    size: Option<u64>,
    attributes: Attributes,
    scale: Option<Scale>,
    kind: Type,
    /// The file offset of its first byte.
    begin: u64,
}

impl Variable {
    /// Adds the variable to `contents`.
    ///
    /// # Errors
    ///
    /// When the file has too many variables.
    fn add(
        self,
        layout: &Layout,
        dimensions: &[Dimension],
        contents: &mut Contents,
    ) -> Result<(), FormatError> {
        let name = String::from_utf8_lossy(&self.name).into_owned();
        if self.dimensions.len() > MAX_NDIM {
            let count = self.dimensions.len();
            let why = format!("{count} dimensions: the maximum is {MAX_NDIM}");
            return contents.skip(name, why, None);
        }
        if self.begin < layout.header_end && self.size != Some(0) {
            let (begin, end) = (self.begin, layout.header_end);
            let why = format!("begins at byte {begin}, in the header, which ends at {end}");
            return contents.skip(name, why, None);
        }
        let view = match self.view(layout, dimensions) {
            Ok(view) => view,
            Err(why) => return contents.skip(name, why, None),
        };
        let used = self.dimensions.iter().map(|&index| dimensions.get(index));
        let used = used.map(|dimension| dimension.map(|dimension| dimension.name.clone()));
        let mut member = Member::new(self.name, view, Order::C);
        member.dims = used.collect();
        member.details = Arc::new(Details {
            attributes: self.attributes,
            scale: self.scale,
            ..Details::default()
        });
        contents.push(member)
    }

    /// The view of the variable, or why it cannot be shown.
    fn view(&self, layout: &Layout, dimensions: &[Dimension]) -> Result<View, String> {
        let too_large = || "its size exceeds 63 bits".to_owned();
        let lengths = self.dimensions.iter().map(|&index| dimensions.get(index));
        let mut lengths: Vec<u64> = lengths
            .map(|dimension| dimension.map_or(0, |dimension| dimension.length))
            .collect();
        let dtype = DType::parse(self.kind.dtype()).map_err(|error| error.to_string())?;
        let (true, [first, inner @ ..]) = (self.has_records, &mut lengths[..]) else {
            let view = View::contiguous(dtype, self.begin, Shape::new(lengths), Order::C);
            return view.map_err(|error| error.to_string());
        };
        *first = layout.records;
        let record = View::contiguous(dtype, 0, Shape::new(inner.to_vec()), Order::C);
        let record = record.map_err(|error| error.to_string())?;
        let mut strides = vec![layout.stride.ok_or_else(too_large)?];
        strides.extend(record.strides());
        let dtype = record.dtype().clone();
        View::strided(dtype, self.begin, Shape::new(lengths), strides)
            .map_err(|error| error.to_string())
    }
}

/// The type of a variable or attribute, by its number in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Type(u32);

impl Type {
    const CHAR: Type = Type(2);

    /// The bytes of a value. `None` for an unknown type.
    fn size(self) -> Option<u64> {
        match self.0 {
            1 | 2 | 7 => Some(1),
            3 | 8 => Some(2),
            4 | 5 | 9 => Some(4),
            6 | 10 | 11 => Some(8),
            _ => None,
        }
    }

    /// The dtype of a known type.
    fn dtype(self) -> &'static str {
        match self.0 {
            2 => "S1",
            3 => ">i2",
            4 => ">i4",
            5 => ">f4",
            6 => ">f8",
            7 => "u1",
            8 => ">u2",
            9 => ">u4",
            10 => ">i8",
            11 => ">u8",
            _ => "i1",
        }
    }
}

/// Reads the header.
#[derive(Debug)]
struct Header<'a> {
    cursor: Cursor<'a>,
    version: u8,
    /// The elements of all lists so far.
    elements: u64,
    /// The bytes of the attributes that are shown so far.
    attribute_bytes: u64,
}

impl Header<'_> {
    /// A count, length or size: 8 bytes in files with 64-bit data, 4 in others.
    fn number(&mut self) -> Result<u64, FormatError> {
        match self.version {
            5 => self.cursor.u64(),
            _ => self.cursor.u32().map(u64::from),
        }
    }

    /// The number of elements of the list with this tag that begins here.
    fn list(&mut self, tag: u32) -> Result<u64, FormatError> {
        let at = self.cursor.position();
        let found = self.cursor.u32()?;
        let count = self.number()?;
        if found != tag && (found, count) != (0, 0) {
            return Err(FormatError::invalid(format!(
                "byte {at}: a list with tag {found} and {count} elements: expected tag {tag}"
            )));
        }
        self.elements = self.elements.saturating_add(count);
        match self.elements <= MAX_ELEMENTS {
            true => Ok(count),
            false => Err(FormatError::invalid(format!(
                "byte {at}: a list of {count} elements: all together may be {MAX_ELEMENTS}"
            ))),
        }
    }

    fn name(&mut self) -> Result<Vec<u8>, FormatError> {
        let at = self.cursor.position();
        let length = self.number()?;
        if length > MAX_NAME {
            return Err(FormatError::invalid(format!(
                "byte {at}: a name of {length} bytes: the maximum is {MAX_NAME}"
            )));
        }
        let name = self.cursor.bytes(length)?;
        self.cursor.align(4)?;
        Ok(name)
    }

    fn dimensions(&mut self) -> Result<Vec<Dimension>, FormatError> {
        let mut dimensions: Vec<Dimension> = Vec::new();
        for _ in 0..self.list(DIMENSIONS)? {
            let name = self.name()?;
            dimensions.push(Dimension {
                name: String::from_utf8_lossy(&name).into_owned(),
                length: self.number()?,
            });
        }
        let unlimited = dimensions.iter().filter(|dimension| dimension.length == 0);
        match unlimited.count() {
            0 | 1 => Ok(dimensions),
            count => Err(FormatError::invalid(format!(
                "{count} dimensions of length 0: expected one at most, the record dimension"
            ))),
        }
    }

    /// Attributes, and what they say about the scale.
    fn attributes(&mut self) -> Result<Details, FormatError> {
        let mut details = Details::default();
        let (mut slope, mut intercept) = (Some(1.0), Some(0.0));
        for _ in 0..self.list(ATTRIBUTES)? {
            let name = self.name()?;
            let kind = self.kind()?;
            let count = self.number()?;
            let size = kind.size().and_then(|size| size.checked_mul(count));
            let size = size.unwrap_or(u64::MAX);
            let shown = self.attribute_bytes.saturating_add(size);
            let value = match size <= attribute::MAX_BYTES && shown <= MAX_ATTRIBUTE_BYTES {
                true => {
                    self.attribute_bytes = shown;
                    let bytes = self.cursor.bytes(size)?;
                    match &name[..] {
                        b"scale_factor" => slope = attribute::number(kind, &bytes),
                        b"add_offset" => intercept = attribute::number(kind, &bytes),
                        _ => {}
                    }
                    attribute::value(kind, &bytes)
                }
                false => {
                    self.cursor.skip(size)?;
                    attribute::omitted(size)
                }
            };
            self.cursor.align(4)?;
            let name = String::from_utf8_lossy(&name).into_owned();
            details.attributes.insert(name, value);
        }
        if let (Some(slope), Some(intercept)) = (slope, intercept) {
            details.scale = Scale::unless_trivial(slope, intercept);
        }
        Ok(details)
    }

    /// A known type.
    fn kind(&mut self) -> Result<Type, FormatError> {
        let at = self.cursor.position();
        let kind = Type(self.cursor.u32()?);
        match kind.size() {
            Some(_) => Ok(kind),
            None => Err(FormatError::invalid(format!(
                "byte {at}: type {}: expected 1 to 11",
                kind.0
            ))),
        }
    }

    /// The axes of a variable called `name`, over some of `dimensions`.
    fn axes(&mut self, name: &[u8], dimensions: &[Dimension]) -> Result<Axes, FormatError> {
        let invalid = |problem: String| {
            let name = attribute::quoted(name);
            Err(FormatError::invalid(format!("{name}: {problem}")))
        };
        let count = self.number()?;
        if count > MAX_DIMENSIONS {
            return invalid(format!(
                "{count} dimensions: the maximum is {MAX_DIMENSIONS}"
            ));
        }
        let mut axes = Axes {
            dimensions: Vec::new(),
            has_records: false,
            elements: Some(1),
        };
        for axis in 0..count {
            let id = self.number()?;
            let index = usize::try_from(id).ok();
            let Some(index) = index.filter(|&index| index < dimensions.len()) else {
                let known = dimensions.len();
                return invalid(format!("dimension {id}: the file has {known}"));
            };
            let length = dimensions.get(index).map_or(0, |found| found.length);
            match (axis, length) {
                (0, 0) => axes.has_records = true,
                (_, 0) => {
                    return invalid(format!(
                        "the record dimension is axis {axis}: expected it as the first"
                    ));
                }
                (_, length) => {
                    let elements = axes.elements;
                    axes.elements = elements.and_then(|elements| elements.checked_mul(length));
                }
            }
            axes.dimensions.push(index);
        }
        Ok(axes)
    }

    /// A variable over some of `dimensions`.
    fn variable(&mut self, dimensions: &[Dimension]) -> Result<Variable, FormatError> {
        let name = self.name()?;
        let axes = self.axes(&name, dimensions)?;
        let Details {
            attributes, scale, ..
        } = self.attributes()?;
        let kind = self.kind()?;
        // The size in bytes, which does not count: it has only 32 bits in older files.
        self.number()?;
        let begin = match self.version {
            1 => self.cursor.u32()?.into(),
            _ => self.cursor.u64()?,
        };
        let elements = axes.elements;
        Ok(Variable {
            name,
            dimensions: axes.dimensions,
            has_records: axes.has_records,
            size: elements.and_then(|elements| elements.checked_mul(kind.size()?)),
            attributes,
            scale,
            kind,
            begin,
        })
    }
}
