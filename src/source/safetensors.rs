//! The safetensors format: a JSON header that gives each tensor's dtype, shape and bytes, then
//! the bytes (<https://huggingface.co/docs/safetensors>). The file is checked as strictly as the
//! reference implementation does.

use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};

use super::format::Reader;
use super::signature::Sample;
use super::{Attributes, Contents, Endian, Format, FormatError, Input, Member};
use crate::array::{Order, Shape, View};
use crate::dtype::DType;

/// The safetensors format.
pub(super) const FORMAT: Format = Format {
    name: "safetensors",
    title: "safetensors",
    new_suffix: Some(".safetensors"),
    matches,
    reader: Reader::SelfDescribing(read),
};

/// The largest header, in bytes, that the reference implementation reads.
const MAX_HEADER: u64 = 100_000_000;

/// The key of the attributes of the file.
const METADATA: &str = "__metadata__";

fn matches(sample: &Sample) -> bool {
    let size = sample.number(0).map(u64::from_le_bytes);
    let fits =
        |size: u64| (2..=MAX_HEADER).contains(&size) && size <= sample.size.saturating_sub(8);
    // The header is an object, whose first key is a string or missing.
    let begins = sample.has(8, b"{\"") || sample.has(8, b"{}") || sample.has(8, b"{ ");
    begins && size.is_some_and(fits)
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
    let header = input.bytes(8, size)?;
    let mut json = serde_json::Deserializer::from_slice(&header);
    let UniqueKeys(mut header) = json
        .deserialize_map(UniqueKeys::default())
        .and_then(|map| json.end().map(|()| map))
        .map_err(|error| FormatError::invalid(format!("header: {error}")))?;
    let attributes = match header.remove(METADATA) {
        Some(Value::Object(attributes)) => attributes,
        None => Attributes::new(),
        Some(other) => {
            return Err(FormatError::invalid(format!(
                "header: {METADATA} is {other}, and not an object"
            )));
        }
    };
    let tensors = header.iter().map(|(name, value)| {
        Tensor::parse(value).ok_or_else(|| {
            FormatError::invalid(format!(
                "header: {name:?} has no valid dtype, shape and data_offsets: {value}"
            ))
        })
    });
    let mut tensors: Vec<(&String, Tensor)> = header
        .keys()
        .zip(tensors)
        .map(|(name, tensor)| Ok((name, tensor?)))
        .collect::<Result<_, FormatError>>()?;
    tensors.sort_by_key(|(_, tensor)| (tensor.start, tensor.end));
    let start_of_data = 8 + size;
    let mut contents = Contents::group();
    contents.attributes = attributes;
    let mut end = 0;
    for (name, tensor) in tensors {
        if tensor.start != end || tensor.end < tensor.start {
            return Err(FormatError::invalid(format!(
                "{name:?} has bytes {} to {} of the data: expected its start at {end}",
                tensor.start, tensor.end
            )));
        }
        end = tensor.end;
        tensor.add(name, start_of_data, &mut contents)?;
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

/// A tensor in the header.
#[derive(Debug)]
struct Tensor {
    dtype: String,
    lengths: Vec<u64>,
    /// The range of its bytes, relative to the end of the header.
    start: u64,
    end: u64,
}

impl Tensor {
    fn parse(value: &Value) -> Option<Tensor> {
        let lengths = value.get("shape")?.as_array()?;
        let lengths = lengths.iter().map(Value::as_u64);
        let [start, end] = &value.get("data_offsets")?.as_array()?[..] else {
            return None;
        };
        Some(Tensor {
            dtype: value.get("dtype")?.as_str()?.to_owned(),
            lengths: lengths.collect::<Option<_>>()?,
            start: start.as_u64()?,
            end: end.as_u64()?,
        })
    }

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
        let Some(numpy) = numpy_dtype(&dtype) else {
            return contents.skip(
                name,
                format!("dtype {dtype}, whose elements are not bytes"),
                None,
            );
        };
        let numpy = DType::parse(numpy).map_err(|error| FormatError::invalid(error.to_string()))?;
        let (shape, offset) = (Shape::new(lengths), start_of_data.saturating_add(start));
        let view = View::contiguous(numpy, offset, shape, Order::C)
            .map_err(|error| FormatError::invalid(format!("{name:?}: {error}")))?;
        if view.nbytes() != end - start {
            return Err(FormatError::invalid(format!(
                "{name:?}: dtype {dtype} and shape {} need {} bytes: it has {}",
                view.shape(),
                view.nbytes(),
                end - start
            )));
        }
        contents.push(Member::new(name, view, Order::C))
    }
}

/// The dtype of a tensor. `None` for types with elements of less than a byte, and unknown ones.
fn numpy_dtype(name: &str) -> Option<&'static str> {
    Some(match name {
        "BOOL" => "?",
        "U8" => "u1",
        "I8" => "i1",
        "U16" => "<u2",
        "I16" => "<i2",
        "U32" => "<u4",
        "I32" => "<i4",
        "U64" => "<u8",
        "I64" => "<i8",
        "F16" => "<f2",
        "F32" => "<f4",
        "F64" => "<f8",
        "C64" => "<c8",
        _ => return None,
    })
}

/// A JSON object in which no key is repeated.
#[derive(Debug, Default)]
struct UniqueKeys(Map<String, Value>);

impl<'de> Visitor<'de> for UniqueKeys {
    type Value = UniqueKeys;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<UniqueKeys, A::Error> {
        while let Some((key, value)) = map.next_entry::<String, Value>()? {
            if self.0.contains_key(&key) {
                return Err(de::Error::custom(format!("{key:?} is repeated")));
            }
            self.0.insert(key, value);
        }
        Ok(self)
    }
}
