//! The MetaImage format of ITK: a header of text, and one array, in the same file or in another
//! (<https://itk.org/Wiki/ITK/MetaIO/Documentation>). Axes are those of SimpleITK's arrays: the
//! slowest first, and channels last. Only binary data without compression is shown.

use std::collections::HashMap;
use std::sync::Arc;

use super::format::Reader;
use super::signature::Sample;
use super::text::{self, quoted};
use super::{Attributes, Contents, Details, Endian, Format, FormatError, Input, Member, Scale};
use crate::array::{Order, Shape, View};
use crate::dtype::DType;

/// The MetaImage format.
pub(super) const FORMAT: Format = Format {
    name: "metaimage",
    title: "MetaImage",
    suffixes: &[".mha", ".mhd"],
    matches,
    reader: Reader::SelfDescribing(read),
};

/// The fields with which headers begin.
const FIRST: [&str; 5] = ["ObjectType", "NDims", "Comment", "ObjectSubType", "Name"];

/// The field that ends the header.
const LAST: &str = "ElementDataFile";

/// The fields that say where and what the array is. The others are attributes.
const OF_ARRAY: [&str; 12] = [
    "ObjectType",
    "NDims",
    "DimSize",
    "ElementType",
    "ElementNumberOfChannels",
    "BinaryData",
    "BinaryDataByteOrderMSB",
    "ElementByteOrderMSB",
    "CompressedData",
    "CompressedDataSize",
    "HeaderSize",
    LAST,
];

const CONVERT: &str = "convert it with SimpleITK: ReadImage, then WriteImage(image, 'a.mha')";

/// Whether the first line is a field of the format, and the number of axes is given.
fn matches(sample: &Sample) -> bool {
    let mut lines = text::lines(&sample.first).map(|(line, _)| line);
    let mut is_field = |names: &[&str]| {
        lines.next().is_some_and(|line| {
            let field = line.split_once('=').map(|(name, _)| name.trim());
            field.is_some_and(|name| names.contains(&name))
        })
    };
    is_field(&FIRST) && {
        let rest = sample.first.windows(6);
        let mut starts = rest.filter(|bytes| *bytes == b"NDims " || *bytes == b"NDims=");
        starts.next().is_some()
    }
}

/// The image in the file.
///
/// # Errors
///
/// When the header is not valid, or the data is compressed, text or in several files.
fn read(input: &Input) -> Result<Contents, FormatError> {
    let start = text::header(input)?;
    let header = Header::parse(&start)?;
    header.check()?;
    let endian =
        match header.is_true("BinaryDataByteOrderMSB") || header.is_true("ElementByteOrderMSB") {
            true => Endian::Big,
            false => Endian::Little,
        };
    let dtype = header.dtype(endian)?;
    let lengths = header.lengths()?;
    // The offset is known after the size, from which it may count.
    let array = |offset| {
        View::contiguous(dtype.clone(), offset, Shape::new(lengths.clone()), Order::C)
            .map_err(|error| FormatError::invalid(error.to_string()))
    };
    let data_file = header.data_file()?;
    let (first, data_size) = match &data_file {
        Some(name) => (0, input.sibling_size(name)?),
        None => (header.end, input.size()),
    };
    let offset = match header.number("HeaderSize", 0)? {
        -1 => {
            let size = array(0)?.nbytes();
            data_size.checked_sub(size).ok_or(FormatError::Truncated {
                need: size,
                have: data_size,
            })?
        }
        0 => first,
        size => u64::try_from(size).map_err(|_| {
            FormatError::invalid(format!("HeaderSize is {size}: expected -1, 0 or more"))
        })?,
    };
    let mut member = Member::new("", array(offset)?, Order::C);
    let end = usize::try_from(header.end).ok();
    let slope = header.float("ElementToIntensityFunctionSlope", 1.0);
    let intercept = header.float("ElementToIntensityFunctionOffset", 0.0);
    member.details = Arc::new(Details {
        attributes: header.attributes(),
        scale: Scale::unless_trivial(slope, intercept),
        header: end.and_then(|end| start.get(..end)).map(Arc::from),
        ..Details::default()
    });
    let mut contents = Contents::array(member);
    contents.data_file = data_file;
    Ok(contents)
}

/// The fields of a header.
struct Header {
    fields: HashMap<String, String>,
    /// The end of the header in the file.
    end: u64,
}

impl Header {
    fn parse(start: &[u8]) -> Result<Header, FormatError> {
        let mut fields = HashMap::new();
        for (line, end) in text::lines(start) {
            let Some((name, value)) = line.split_once('=') else {
                return Err(FormatError::invalid(format!(
                    "the line {} has no '='",
                    quoted(&line)
                )));
            };
            let (name, value) = (name.trim(), value.trim());
            fields.insert(name.to_owned(), value.to_owned());
            if name == LAST {
                return Ok(Header { fields, end });
            }
        }
        Err(FormatError::invalid(format!("the field {LAST} is missing")))
    }

    fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }

    fn is_true(&self, name: &str) -> bool {
        self.field(name).is_some_and(is_true)
    }

    /// A whole number; `default` if the field is missing.
    fn number(&self, name: &str, default: i64) -> Result<i64, FormatError> {
        let Some(value) = self.field(name) else {
            return Ok(default);
        };
        value.parse().map_err(|_| {
            FormatError::invalid(format!("{name} is {}: expected a number", quoted(value)))
        })
    }

    fn float(&self, name: &str, default: f64) -> f64 {
        let value = self.field(name).and_then(|value| value.parse().ok());
        value.unwrap_or(default)
    }

    /// Checks that the data is that of an image, as it is in memory.
    fn check(&self) -> Result<(), FormatError> {
        let what = match self.field("ObjectType") {
            Some(other) if other != "Image" => format!("it is of type {}", quoted(other)),
            _ if self.is_true("CompressedData") => "its data is compressed".into(),
            _ if self
                .field("BinaryData")
                .is_some_and(|value| !is_true(value)) =>
            {
                "its data is text".into()
            }
            _ => return Ok(()),
        };
        Err(FormatError::unsupported(what, CONVERT))
    }

    fn dtype(&self, endian: Endian) -> Result<DType, FormatError> {
        let name = self.field("ElementType").unwrap_or_default();
        let code = match name {
            "MET_CHAR" | "MET_ASCII_CHAR" => "i1",
            "MET_UCHAR" => "u1",
            "MET_SHORT" => "i2",
            "MET_USHORT" => "u2",
            // A long has four bytes in this format, whatever the machine.
            "MET_INT" | "MET_LONG" => "i4",
            "MET_UINT" | "MET_ULONG" => "u4",
            "MET_LONG_LONG" => "i8",
            "MET_ULONG_LONG" => "u8",
            "MET_FLOAT" => "f4",
            "MET_DOUBLE" => "f8",
            _ => {
                return Err(FormatError::invalid(format!(
                    "ElementType is {}: expected MET_UCHAR, MET_SHORT or the like",
                    quoted(name)
                )));
            }
        };
        DType::parse(&format!("{}{code}", endian.prefix()))
            .map_err(|error| FormatError::invalid(error.to_string()))
    }

    /// The shape: the lengths from the slowest axis on, then the channels.
    fn lengths(&self) -> Result<Vec<u64>, FormatError> {
        let sizes = self.field("DimSize").unwrap_or_default();
        let axes = self.field("NDims").unwrap_or_default();
        let lengths = text::lengths(sizes);
        let lengths = lengths.filter(|found| axes.parse() == Ok(found.len()) && !found.is_empty());
        let mut lengths = lengths.ok_or_else(|| {
            FormatError::invalid(format!(
                "NDims {} and DimSize {}: expected as many lengths",
                quoted(axes),
                quoted(sizes)
            ))
        })?;
        lengths.reverse();
        let channels = self.number("ElementNumberOfChannels", 1)?;
        match u64::try_from(channels) {
            Ok(1) => {}
            Ok(channels) if channels > 1 => lengths.push(channels),
            _ => {
                return Err(FormatError::invalid(format!(
                    "ElementNumberOfChannels is {channels}: expected 1 or more"
                )));
            }
        }
        Ok(lengths)
    }

    /// The name of the file that has the data; `None` if it is this one.
    ///
    /// # Errors
    ///
    /// When there are several.
    fn data_file(&self) -> Result<Option<String>, FormatError> {
        let name = self.field(LAST).unwrap_or_default();
        let first = name.split_whitespace().next().unwrap_or_default();
        match first {
            "LOCAL" | "Local" | "local" => Ok(None),
            "LIST" => Err(FormatError::unsupported(
                "its data is in several files",
                CONVERT,
            )),
            _ if name.contains('%') => Err(FormatError::unsupported(
                "its data is in several files",
                CONVERT,
            )),
            _ => Ok(Some(text::data_file(name).to_owned())),
        }
    }

    /// The fields that do not say what or where the array is.
    fn attributes(self) -> Attributes {
        let mut attributes = Attributes::new();
        for (name, value) in &self.fields {
            if !OF_ARRAY.contains(&name.as_str()) {
                text::insert(&mut attributes, name, value, text::value);
            }
        }
        attributes
    }
}

/// Whether MetaIO takes `value` for true.
fn is_true(value: &str) -> bool {
    value.starts_with(['T', 't', '1'])
}
