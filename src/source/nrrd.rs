//! The NRRD format: a header of text, and one array, in the same file or in another
//! (<https://teem.sourceforge.net/nrrd/format.html>). The axes are those of the header, the
//! fastest first, as in `pynrrd`. Only raw data is shown; orientation is left to attributes.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use super::format::Reader;
use super::signature::Sample;
use super::text::{self, quoted};
use super::{Attributes, Contents, Details, Format, FormatError, Input, Member};
use crate::array::{Order, Shape, View};
use crate::dtype::DType;

/// The NRRD format.
pub(super) const FORMAT: Format = Format {
    name: "nrrd",
    title: "NRRD",
    suffixes: &[".nrrd", ".nhdr"],
    matches: |sample: &Sample| sample.has(0, b"NRRD000"),
    reader: Reader::SelfDescribing(read),
};

/// The most bytes in which lines before the data are looked for.
const MAX_LINES: usize = 16 << 20;

const CONVERT: &str = "save it with raw encoding in one file, for example unu save -f nrrd -e raw";

/// The fields that say where and what the array is. The others are attributes.
const OF_ARRAY: [&str; 10] = [
    "dimension",
    "type",
    "encoding",
    "sizes",
    "endian",
    "datafile",
    "lineskip",
    "byteskip",
    "blocksize",
    "number",
];

/// The array of the file.
///
/// # Errors
///
/// When the header is not valid, or the data is encoded or in several files.
fn read(input: &Input) -> Result<Contents, FormatError> {
    let start = text::header(input)?;
    let header = Header::parse(&start)?;
    let encoding = header.required("encoding")?;
    if encoding != "raw" {
        return Err(FormatError::unsupported(
            format!("its data has the encoding {}", quoted(encoding)),
            CONVERT,
        ));
    }
    let data_file = header.data_file()?;
    let lengths = header.sizes()?;
    let dtype = header.dtype()?;
    // The offset is known after the size, from which it may count.
    let array = |offset| {
        View::contiguous(dtype.clone(), offset, Shape::new(lengths.clone()), Order::F)
            .map_err(|error| FormatError::invalid(error.to_string()))
    };
    let data = match &data_file {
        Some(name) => &input.sibling(name)?,
        None => input,
    };
    let first = match data_file {
        Some(_) => 0,
        None => header.end.ok_or_else(|| {
            FormatError::invalid("no empty line ends the header, and it names no data file")
        })?,
    };
    let offset = header.offset(data, first, || Ok(array(0)?.nbytes()))?;
    let mut member = Member::new("", array(offset)?, Order::F);
    member.dims = header.dims(lengths.len());
    let end = header.end.and_then(|end| usize::try_from(end).ok());
    member.details = Arc::new(Details {
        attributes: header.attributes(),
        header: end.and_then(|end| start.get(..end)).map(Arc::from),
        ..Details::default()
    });
    let mut contents = Contents::array(member);
    contents.data_file = data_file;
    Ok(contents)
}

/// The position after `count` lines from byte `at` on.
///
/// # Errors
///
/// When there are fewer lines, or they are long.
fn skip_lines(input: &Input, at: u64, count: u64) -> Result<u64, FormatError> {
    let Some(last) = count.checked_sub(1) else {
        return Ok(at);
    };
    let bytes = input.up_to(at, MAX_LINES)?;
    let mut ends = bytes.iter().zip(1..).filter(|(byte, _)| **byte == b'\n');
    let end = usize::try_from(last).ok().and_then(|last| ends.nth(last));
    match end {
        Some((_, end)) => Ok(at.saturating_add(end)),
        None => Err(FormatError::invalid(format!(
            "line skip {count}: fewer lines are in the {} bytes from byte {at} on",
            bytes.len()
        ))),
    }
}

/// The fields of a header, by their names in lower case and without blanks.
struct Header {
    fields: HashMap<String, Field>,
    /// Pairs of a key and a value, which have no meaning in the format.
    pairs: Attributes,
    /// The end of the header in the file; `None` if no empty line ends it.
    end: Option<u64>,
}

/// A field of a header.
struct Field {
    /// The name as it is spelled.
    name: String,
    value: String,
}

impl Header {
    fn parse(start: &[u8]) -> Result<Header, FormatError> {
        let mut lines = text::lines(start);
        let magic = lines.next().map(|(line, _)| line).unwrap_or_default();
        if !matches!(
            magic.strip_prefix("NRRD000"),
            Some("1" | "2" | "3" | "4" | "5")
        ) {
            return Err(FormatError::invalid(format!(
                "it begins {}: expected NRRD0001 to NRRD0005",
                quoted(&magic)
            )));
        }
        let mut header = Header {
            fields: HashMap::new(),
            pairs: Attributes::new(),
            end: None,
        };
        for (line, end) in lines {
            if line.is_empty() {
                header.end = Some(end);
                break;
            }
            if line.starts_with('#') {
                continue;
            }
            let (name, value) = line.split_once(':').ok_or_else(|| {
                FormatError::invalid(format!("the line {} has no colon", quoted(&line)))
            })?;
            match value.strip_prefix('=') {
                Some(value) => text::insert(&mut header.pairs, name, value, |value| value.into()),
                None => header.insert(name.trim(), value.trim())?,
            }
            // A list of data files ends the header. It is refused.
            if header.has_list() {
                break;
            }
        }
        Ok(header)
    }

    fn insert(&mut self, name: &str, value: &str) -> Result<(), FormatError> {
        let key = name.to_ascii_lowercase().replace(' ', "");
        let field = Field {
            name: name.into(),
            value: value.into(),
        };
        match self.fields.insert(key, field) {
            None => Ok(()),
            Some(_) => Err(FormatError::invalid(format!(
                "the field {} is repeated",
                quoted(name)
            ))),
        }
    }

    fn field(&self, key: &str) -> Option<&str> {
        self.fields.get(key).map(|field| field.value.as_str())
    }

    fn required(&self, key: &str) -> Result<&str, FormatError> {
        self.field(key)
            .ok_or_else(|| FormatError::invalid(format!("the field {key:?} is missing")))
    }

    /// Whether the data is in files that are listed after the header.
    fn has_list(&self) -> bool {
        let name = self.field("datafile").unwrap_or_default();
        name.split_whitespace().next() == Some("LIST")
    }

    /// A whole number; 0 if the field is missing.
    fn number(&self, key: &str) -> Result<i64, FormatError> {
        let Some(value) = self.field(key) else {
            return Ok(0);
        };
        value.parse().map_err(|_| {
            FormatError::invalid(format!("{key} is {}: expected a number", quoted(value)))
        })
    }

    /// The name of the file that has the data; `None` if it is this one.
    ///
    /// # Errors
    ///
    /// When there are several.
    fn data_file(&self) -> Result<Option<String>, FormatError> {
        let Some(name) = self.field("datafile") else {
            return Ok(None);
        };
        // A pattern is followed by the first and the last number, and the step.
        let mut words = name.rsplit(' ');
        let is_pattern =
            name.contains('%') && words.next().is_some_and(|word| word.parse::<i64>().is_ok());
        match self.has_list() || is_pattern {
            true => Err(FormatError::unsupported(
                "its data is in several files",
                CONVERT,
            )),
            false => Ok(Some(text::data_file(name).to_owned())),
        }
    }

    /// The position of the array in `data`, whose part for it begins at `first`.
    ///
    /// # Errors
    ///
    /// When a skip is not valid, or more is skipped than there is.
    fn offset(
        &self,
        data: &Input,
        first: u64,
        size_of_array: impl Fn() -> Result<u64, FormatError>,
    ) -> Result<u64, FormatError> {
        let (lines, bytes) = (self.number("lineskip")?, self.number("byteskip")?);
        if bytes == -1 {
            let (need, have) = (size_of_array()?, data.size());
            let offset = have.checked_sub(need);
            return offset.ok_or(FormatError::Truncated { need, have });
        }
        let (Ok(line_count), Ok(byte_count)) = (u64::try_from(lines), u64::try_from(bytes)) else {
            return Err(FormatError::invalid(format!(
                "line skip {lines} and byte skip {bytes}: expected 0 or more, or byte skip -1"
            )));
        };
        Ok(skip_lines(data, first, line_count)?.saturating_add(byte_count))
    }

    fn sizes(&self) -> Result<Vec<u64>, FormatError> {
        let (sizes, dimension) = (self.required("sizes")?, self.required("dimension")?);
        let lengths = text::lengths(sizes)
            .filter(|lengths| dimension.parse() == Ok(lengths.len()) && !lengths.is_empty());
        lengths.ok_or_else(|| {
            FormatError::invalid(format!(
                "dimension {} and sizes {}: expected as many lengths",
                quoted(dimension),
                quoted(sizes)
            ))
        })
    }

    fn dtype(&self) -> Result<DType, FormatError> {
        let name = self.required("type")?;
        let code = match name {
            "signed char" | "int8" | "int8_t" => "i1",
            "uchar" | "unsigned char" | "uint8" | "uint8_t" => "u1",
            "short" | "short int" | "signed short" | "signed short int" | "int16" | "int16_t" => {
                "i2"
            }
            "ushort" | "unsigned short" | "unsigned short int" | "uint16" | "uint16_t" => "u2",
            "int" | "signed int" | "int32" | "int32_t" => "i4",
            "uint" | "unsigned int" | "uint32" | "uint32_t" => "u4",
            "longlong"
            | "long long"
            | "long long int"
            | "signed long long"
            | "signed long long int"
            | "int64"
            | "int64_t" => "i8",
            "ulonglong"
            | "unsigned long long"
            | "unsigned long long int"
            | "uint64"
            | "uint64_t" => "u8",
            "float" => "f4",
            "double" => "f8",
            "block" => "V",
            _ => {
                return Err(FormatError::invalid(format!(
                    "unknown type {}",
                    quoted(name)
                )));
            }
        };
        let order = match self.field("endian") {
            _ if code.ends_with('1') || code == "V" => "",
            Some("little") => "<",
            Some("big") => ">",
            other => {
                return Err(FormatError::invalid(format!(
                    "endian is {}: expected little or big",
                    other.map_or("missing".into(), quoted)
                )));
            }
        };
        let size = match code {
            "V" => self.required("blocksize")?,
            _ => "",
        };
        DType::parse(&format!("{order}{code}{size}"))
            .map_err(|error| FormatError::invalid(error.to_string()))
    }

    /// The labels of the axes, which are in quotes.
    fn dims(&self, axes: usize) -> Vec<Option<String>> {
        let labels = self.field("labels").unwrap_or_default();
        let labels = labels.split('"').skip(1).step_by(2);
        let labels = labels.map(|label| (!label.is_empty()).then(|| label.to_owned()));
        let labels: Vec<_> = labels.take(axes + 1).collect();
        match labels.len() == axes && labels.iter().any(Option::is_some) {
            true => labels,
            false => Vec::new(),
        }
    }

    /// The fields that do not say what or where the array is, and the pairs.
    fn attributes(self) -> Attributes {
        let mut attributes = Attributes::new();
        for (key, Field { name, value }) in self.fields {
            if !OF_ARRAY.contains(&key.as_str()) {
                text::insert(&mut attributes, &name, &value, text::value);
            }
        }
        if !self.pairs.is_empty() {
            attributes.insert("key/value pairs".into(), Value::Object(self.pairs));
        }
        attributes
    }
}
