//! The safetensors format: a JSON header that gives each tensor's dtype, shape and bytes, then
//! the bytes (<https://huggingface.co/docs/safetensors>). The file is checked as strictly as the
//! reference implementation does.

use std::collections::HashMap;

use serde::de::{
    self, Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::Value;

use super::contents::MAX_MEMBERS;
use super::format::{Reader, excerpt};
use super::signature::Sample;
use super::{Attributes, Contents, Endian, Format, FormatError, Input, Member};
use crate::array::{MAX_NDIM, Order, Shape, View};
use crate::dtype::DType;

/// The safetensors format.
pub(super) const FORMAT: Format = Format {
    name: "safetensors",
    title: "safetensors",
    suffixes: &[".safetensors"],
    matches,
    reader: Reader::SelfDescribing(read),
};

/// The largest header, in bytes, that the reference implementation reads.
const MAX_HEADER: u64 = 100_000_000;

/// The most bytes of an attribute that is shown, and of memory for all attributes.
const MAX_VALUE: usize = 64 << 10;
const MAX_VALUES: usize = 8 << 20;

/// The key of the attributes of the file.
const METADATA: &str = "__metadata__";

fn matches(sample: &Sample) -> bool {
    let size = sample.number(0).map(u64::from_le_bytes);
    let Some(size) = size.filter(|size| (2..=MAX_HEADER).contains(size)) else {
        return false;
    };
    let header = sample.first.get(8..).unwrap_or_default();
    let Some(first_key) = header.strip_prefix(b"{").map(after_blanks) else {
        return false;
    };
    match size <= sample.size.saturating_sub(8) {
        true => matches!(first_key, [b'"' | b'}', ..]),
        // The file ends within its header. Numbers do not go on like JSON.
        false => begins_a_tensor(first_key),
    }
}

/// Whether `json` begins with a key and an object, as far as it goes.
fn begins_a_tensor(json: &[u8]) -> bool {
    let Some(key) = json.strip_prefix(b"\"").filter(|key| !key.is_empty()) else {
        return false;
    };
    let mut is_escaped = false;
    let end = key.iter().position(|&byte| {
        let is_end = byte == b'"' && !is_escaped || byte < b' ';
        is_escaped = byte == b'\\' && !is_escaped;
        is_end
    });
    let Some(rest) = end.and_then(|end| key.get(end..)) else {
        return true;
    };
    let Some(rest) = rest.strip_prefix(b"\"").map(after_blanks) else {
        return false;
    };
    let Some(rest) = rest.strip_prefix(b":").map(after_blanks) else {
        return rest.is_empty();
    };
    rest.is_empty() || rest.starts_with(b"{")
}

/// The rest of `json` after blanks.
fn after_blanks(json: &[u8]) -> &[u8] {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
    let count = json.iter().take_while(|byte| is_blank(byte)).count();
    json.get(count..).unwrap_or_default()
}

/// The tensors of the file.
///
/// # Errors
///
/// When the header is not valid, or the tensors do not cover the bytes after it.
fn read(input: &Input) -> Result<Contents, FormatError> {
    let size = input.cursor(0, Endian::Little).u64()?;
    if size > MAX_HEADER {
        return Err(FormatError::invalid(format!(
            "a header of {size} bytes: the maximum is {MAX_HEADER}"
        )));
    }
    let Header {
        attributes,
        left_out,
        tensors,
        ..
    } = Header::parse(&input.bytes(8, size)?)?;
    let mut tensors: Vec<(String, Tensor)> = tensors.into_iter().collect();
    tensors.sort_by(|(a, x), (b, y)| (x.start, x.end, a).cmp(&(y.start, y.end, b)));
    let start_of_data = 8 + size;
    let mut contents = Contents::group();
    contents.attributes = attributes;
    if left_out > 0 {
        let why = format!("{left_out} attributes are left out, which need over {MAX_VALUES} bytes");
        contents.skip(METADATA, why, None)?;
    }
    let mut end = 0;
    for (name, tensor) in tensors {
        if tensor.start != end || tensor.end < tensor.start {
            return Err(FormatError::invalid(format!(
                "{:?} has bytes {} to {} of the data: expected its start at {end}",
                excerpt(&name),
                tensor.start,
                tensor.end
            )));
        }
        end = tensor.end;
        tensor.add(&name, start_of_data, &mut contents)?;
    }
    let available = input.size() - start_of_data;
    match available == end {
        true => Ok(contents),
        false if available < end => Err(FormatError::Truncated {
            need: start_of_data.saturating_add(end),
            have: input.size(),
        }),
        false => Err(FormatError::invalid(format!(
            "{available} bytes of data: the tensors have {end}"
        ))),
    }
}

/// The header.
#[derive(Debug, Default)]
struct Header {
    /// The attributes of the file.
    attributes: Attributes,
    /// The bytes of memory that they take.
    size: usize,
    /// The number of attributes for which there is no room.
    left_out: usize,
    tensors: HashMap<String, Tensor>,
}

impl Header {
    fn parse(json: &[u8]) -> Result<Header, FormatError> {
        let mut json = serde_json::Deserializer::from_slice(json);
        let header = json.deserialize_map(Header::default());
        let header = header.and_then(|header| json.end().map(|()| header));
        header.map_err(|error| {
            // The message can quote a string of any length.
            let (text, column) = (error.to_string(), error.column());
            FormatError::invalid(match text.len() {
                0..200 => format!("header: {text}"),
                _ => format!("header: {} at column {column}", excerpt(&text)),
            })
        })
    }

    /// Adds an attribute, if there is room for it.
    fn add_attribute(&mut self, name: String, text: String) {
        let text = match text.len() {
            0..=MAX_VALUE => text,
            length => format!("left out: {length} bytes"),
        };
        let size = self.size + name.len() + text.len() + size_of::<(String, Value)>();
        if size <= MAX_VALUES {
            self.size = size;
            self.attributes.insert(name, Value::String(text));
        } else {
            self.left_out += 1;
        }
    }
}

impl<'de> Visitor<'de> for Header {
    type Value = Header;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Header, A::Error> {
        let mut has_metadata = false;
        while let Some(name) = map.next_key::<String>()? {
            let is_metadata = name == METADATA;
            if self.tensors.contains_key(&name) || is_metadata && has_metadata {
                let name = excerpt(&name);
                return Err(de::Error::custom(format!("{name:?} is repeated")));
            }
            if is_metadata {
                has_metadata = true;
                self = map.next_value_seed(Metadata(self))?;
                continue;
            }
            if self.tensors.len() >= MAX_MEMBERS {
                let message = format!("more than {MAX_MEMBERS} members");
                return Err(de::Error::custom(message));
            }
            let tensor = map.next_value()?;
            self.tensors.insert(name, tensor);
        }
        Ok(self)
    }
}

/// Reads the attributes into a header. Each is text.
struct Metadata(Header);

impl<'de> DeserializeSeed<'de> for Metadata {
    type Value = Header;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Header, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Metadata {
    type Value = Header;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{METADATA} with an object of strings")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Header, A::Error> {
        while let Some((name, text)) = map.next_entry()? {
            self.0.add_attribute(name, text);
        }
        Ok(self.0)
    }
}

/// A tensor in the header.
#[derive(Debug)]
struct Tensor {
    dtype: String,
    lengths: Vec<u64>,
    /// The range of its bytes, relative to the end of the header.
    start: u64,
    end: u64,
}

impl<'de> Deserialize<'de> for Tensor {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Tensor, D::Error> {
        json.deserialize_map(TensorVisitor)
    }
}

/// Reads a tensor.
struct TensorVisitor;

impl<'de> Visitor<'de> for TensorVisitor {
    type Value = Tensor;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object with dtype, shape and data_offsets")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tensor, A::Error> {
        let (mut dtype, mut shape, mut offsets) = (None, None, None);
        while let Some(key) = map.next_key::<String>()? {
            let is_first = match &key[..] {
                "dtype" => dtype.replace(map.next_value()?).is_none(),
                "shape" => shape.replace(map.next_value()?).is_none(),
                "data_offsets" => offsets.replace(map.next_value()?).is_none(),
                _ => map.next_value().map(|IgnoredAny| true)?,
            };
            if !is_first {
                return Err(de::Error::custom(format!("{key} is repeated")));
            }
        }
        let Lengths(lengths) = shape.ok_or_else(|| de::Error::missing_field("shape"))?;
        let offsets: Option<(u64, u64)> = offsets;
        let (start, end) = offsets.ok_or_else(|| de::Error::missing_field("data_offsets"))?;
        Ok(Tensor {
            dtype: dtype.ok_or_else(|| de::Error::missing_field("dtype"))?,
            lengths,
            start,
            end,
        })
    }
}

/// The lengths of the axes.
struct Lengths(Vec<u64>);

impl<'de> Deserialize<'de> for Lengths {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Lengths, D::Error> {
        json.deserialize_seq(Lengths(Vec::new()))
    }
}

impl<'de> Visitor<'de> for Lengths {
    type Value = Lengths;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a list of at most {MAX_NDIM} lengths")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<Lengths, A::Error> {
        while let Some(length) = list.next_element()? {
            self.0.push(length);
            if self.0.len() > MAX_NDIM {
                return Err(de::Error::invalid_length(self.0.len(), &self));
            }
        }
        Ok(self)
    }
}

impl Tensor {
    /// Adds the tensor to `contents`. Its data begins at byte `start_of_data` of the file.
    ///
    /// # Errors
    ///
    /// When its bytes are not those of its dtype and shape.
    fn add(
        self,
        name: &str,
        start_of_data: u64,
        contents: &mut Contents,
    ) -> Result<(), FormatError> {
        let Tensor {
            dtype,
            lengths,
            start,
            end,
        } = self;
        let short = excerpt(&dtype);
        let Some((bits, numpy)) = element(&dtype) else {
            return contents.skip(name, format!("its dtype {short} is unknown"), None);
        };
        let count = lengths
            .iter()
            .try_fold(bits, |n, &length| n.checked_mul(length));
        if count != (end - start).checked_mul(8) {
            return Err(FormatError::invalid(format!(
                "{:?}: dtype {short} and shape {} need other than its {} bytes",
                excerpt(name),
                excerpt(&Shape::new(lengths).to_string()),
                end - start
            )));
        }
        let Some(numpy) = numpy else {
            let why = format!("its dtype {short} has elements of less than a byte");
            return contents.skip(name, why, None);
        };
        let Ok(numpy) = DType::parse(numpy) else {
            return contents.skip(name, format!("its dtype is {short} ({numpy})"), None);
        };
        let (shape, offset) = (Shape::new(lengths), start_of_data.saturating_add(start));
        let view = View::contiguous(numpy, offset, shape, Order::C)
            .map_err(|error| FormatError::invalid(format!("{:?}: {error}", excerpt(name))))?;
        contents.push(Member::new(name, view, Order::C))
    }
}

/// The bits of an element of a tensor, and its dtype, if it has whole bytes. `None` for unknown
/// types.
fn element(name: &str) -> Option<(u64, Option<&'static str>)> {
    Some(match name {
        "BOOL" => (8, Some("?")),
        "U8" => (8, Some("u1")),
        "I8" => (8, Some("i1")),
        "U16" => (16, Some("<u2")),
        "I16" => (16, Some("<i2")),
        "U32" => (32, Some("<u4")),
        "I32" => (32, Some("<i4")),
        "U64" => (64, Some("<u8")),
        "I64" => (64, Some("<i8")),
        "F16" => (16, Some("<f2")),
        "F32" => (32, Some("<f4")),
        "F64" => (64, Some("<f8")),
        "C64" => (64, Some("<c8")),
        "BF16" => (16, Some("<bfloat16")),
        "F8_E4M3" => (8, Some("float8_e4m3fn")),
        "F8_E5M2" => (8, Some("float8_e5m2")),
        "F8_E8M0" => (8, Some("float8_e8m0fnu")),
        "F8_E4M3FNUZ" => (8, Some("float8_e4m3fnuz")),
        "F8_E5M2FNUZ" => (8, Some("float8_e5m2fnuz")),
        "F4" => (4, None),
        "F6_E2M3" | "F6_E3M2" => (6, None),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn is_found(size: u64, rest: &[u8]) -> bool {
        let bytes = [&size.to_le_bytes()[..], rest].concat();
        let input = Input::from_bytes(Path::new("a"), bytes);
        matches(&Sample::of(&input).unwrap())
    }

    #[test]
    fn the_header_can_have_blanks_before_its_first_key() {
        for header in [
            "{}",
            "{ }",
            "{\"a\"",
            "{\n  \"a\"",
            "{\t\"a\"",
            "{\r\n\"a\"",
            "{\n}",
        ] {
            assert!(
                is_found(header.len() as u64, header.as_bytes()),
                "{header:?}"
            );
        }
        for header in ["{a", "[]", " {}", "{\x0b\"a\"", "{\0\"", "{\n", "\"a\""] {
            assert!(
                !is_found(header.len() as u64, header.as_bytes()),
                "{header:?}"
            );
        }
    }

    #[test]
    fn a_file_that_ends_within_its_header_is_found_after_the_first_letter_of_a_key() {
        let header = b"{\n \"a\\\"b\" : {\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}";
        for end in 0..header.len() {
            let is_expected = end > 4;
            assert_eq!(
                is_found(header.len() as u64, &header[..end]),
                is_expected,
                "{end}"
            );
        }
        let long = [b"{\"", &[b'x'; 10_000][..]].concat();
        assert!(is_found(20_000, &long));
    }

    #[test]
    fn numbers_and_records_that_a_length_precedes_are_no_header_that_is_cut() {
        for rest in [
            &b"{}"[..],
            b"{ }  ",
            b"{\"",
            b"{\"a\0b",
            b"{\"a\" 1",
            b"{\"a\": 1",
            b"{\"a\":[",
            b"{ 1",
        ] {
            assert!(!is_found(1000, rest), "{rest:?}");
        }
        for size in [0, 1, MAX_HEADER + 1, u64::MAX] {
            assert!(!is_found(size, b"{\"a\":{"));
        }
    }
}
