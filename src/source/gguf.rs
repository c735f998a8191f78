//! The GGUF format of llama.cpp: metadata, then a list of tensors, then their data. Quantised
//! tensors are no arrays of numbers, and are not shown
//! (<https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>).

use serde_json::Value;

use super::contents::MAX_MEMBERS;
use super::format::Reader;
use super::signature::Sample;
use super::{Attributes, Contents, Cursor, Endian, Format, FormatError, Input, Member};
use crate::array::{MAX_NDIM, Order, Shape, View};
use crate::dtype::DType;

/// The GGUF format.
pub(super) const FORMAT: Format = Format {
    name: "gguf",
    title: "GGUF",
    suffixes: &[".gguf"],
    matches,
    reader: Reader::SelfDescribing(read),
};

/// The most bytes of metadata and list of tensors. The token lists of large models have 20 MB.
const MAX_HEADER: u64 = 128 << 20;

/// The longest key and the longest name of a tensor, in bytes.
const MAX_NAME: u64 = 0xffff;

/// The most bytes of memory for a value of the metadata, and for all values. What is longer, such
/// as a list of tokens, is left out.
const MAX_VALUE: usize = 64 << 10;
const MAX_VALUES: usize = 8 << 20;

/// The bytes of memory for a number, and for a string or an array besides what it holds.
const VALUE: usize = size_of::<Value>();

/// How deep arrays can be nested in the metadata.
const MAX_DEPTH: usize = 64;

/// The key of the alignment of the data, which is 32 by default.
const ALIGNMENT: &str = "general.alignment";

/// Types of values.
const UINT32: u32 = 4;
const STRING: u32 = 8;
const ARRAY: u32 = 9;

const QUANTISED: &str = "gguf.quants.dequantize makes an array of it, which numpy.save saves";
const VERSION_1: &str = "convert it with a current llama.cpp";

fn matches(sample: &Sample) -> bool {
    let version = sample.number(4);
    sample.has(0, b"GGUF") && matches!(version, Some([1..=255, 0, 0, 0] | [0, 0, 0, 1..=255]))
}

/// The tensors of the file.
///
/// # Errors
///
/// When the metadata or the list of tensors is not valid.
fn read(input: &Input) -> Result<Contents, FormatError> {
    let mut start = input.cursor(0, Endian::Little);
    if start.array()? != *b"GGUF" {
        return Err(FormatError::invalid("no GGUF at its start"));
    }
    // The version is a small number in the byte order of the file.
    let (version, endian) = match start.u32()? {
        swapped if swapped & 0xffff == 0 => (swapped.swap_bytes(), Endian::Big),
        version => (version, Endian::Little),
    };
    match version {
        1 => return Err(FormatError::unsupported("version 1 of GGUF", VERSION_1)),
        2 | 3 => {}
        _ => {
            let message = format!("version {version}: expected 2 or 3");
            return Err(FormatError::invalid(message));
        }
    }
    let mut header = Header {
        cursor: input.cursor(8, endian),
        alignment: 32,
        room: MAX_VALUES,
    };
    let [tensor_count, value_count] = [header.cursor.u64()?, header.cursor.u64()?];
    let mut contents = Contents::group();
    for _ in 0..header.count(value_count, "values of metadata")? {
        header.read_attribute(&mut contents.attributes)?;
    }
    let mut tensors = Vec::new();
    for _ in 0..header.count(tensor_count, "tensors")? {
        tensors.push(header.tensor()?);
    }
    let start_of_data = header.cursor.position();
    let start_of_data = start_of_data.checked_next_multiple_of(header.alignment);
    for tensor in tensors {
        tensor.add(start_of_data.unwrap_or(u64::MAX), endian, &mut contents)?;
    }
    Ok(contents)
}

/// What precedes the data.
struct Header<'a> {
    cursor: Cursor<'a>,
    alignment: u64,
    /// The bytes of memory that values can still take.
    room: usize,
}

impl Header<'_> {
    /// The number of `what`, which the file says is `count`.
    fn count(&self, count: u64, what: &str) -> Result<u64, FormatError> {
        match count {
            count if count <= MAX_MEMBERS as u64 => Ok(count),
            _ => Err(FormatError::invalid(format!(
                "{count} {what}: the maximum is {MAX_MEMBERS}"
            ))),
        }
    }

    /// The next string, which is a key or a name.
    fn name(&mut self) -> Result<Vec<u8>, FormatError> {
        let at = self.cursor.position();
        match self.cursor.u64()? {
            length if length <= MAX_NAME => self.cursor.bytes(length),
            length => Err(FormatError::invalid(format!(
                "a name of {length} bytes at byte {at}: the maximum is {MAX_NAME}"
            ))),
        }
    }

    /// Reads the next key and its value.
    fn read_attribute(&mut self, attributes: &mut Attributes) -> Result<(), FormatError> {
        let key = String::from_utf8_lossy(&self.name()?).into_owned();
        let kind = self.cursor.u32()?;
        let at = self.cursor.position();
        let mut room = self.room.min(MAX_VALUE);
        let before = room;
        let value = self.value(kind, 0, &mut room)?;
        self.room -= before - room;
        let value = match value {
            Some(value) => value,
            None => Value::String(self.left_out(kind, at)?),
        };
        if key == ALIGNMENT {
            let end = self.cursor.position();
            self.cursor.seek(at);
            self.alignment = match kind {
                UINT32 => self.cursor.u32()?.into(),
                _ => 0,
            };
            self.cursor.seek(end);
            if !self.alignment.is_power_of_two() {
                return Err(FormatError::invalid(format!(
                    "{ALIGNMENT} is no power of two of 32 bits"
                )));
            }
        }
        match attributes.insert(key, value) {
            None => Ok(()),
            Some(_) => Err(FormatError::invalid(format!(
                "the key before byte {at} is repeated"
            ))),
        }
    }

    /// What is said in place of the value of this type at byte `at`.
    fn left_out(&mut self, kind: u32, at: u64) -> Result<String, FormatError> {
        let end = self.cursor.position();
        self.cursor.seek(at);
        let text = match kind {
            ARRAY => {
                self.cursor.skip(4)?;
                format!("left out: an array of {} values", self.cursor.u64()?)
            }
            _ => format!("left out: {} bytes", end - at),
        };
        self.cursor.seek(end);
        Ok(text)
    }

    /// The next value, which is of this type. It is read, and is `None`, if it needs more memory
    /// than `room`, which is reduced by what it takes.
    fn value(
        &mut self,
        kind: u32,
        depth: usize,
        room: &mut usize,
    ) -> Result<Option<Value>, FormatError> {
        let at = self.cursor.position();
        if at > MAX_HEADER {
            return Err(FormatError::invalid(format!(
                "metadata of more than {MAX_HEADER} bytes"
            )));
        }
        match kind {
            STRING => {
                let length = self.cursor.u64()?;
                if !take(room, usize::try_from(length).unwrap_or(usize::MAX)) {
                    self.cursor.skip(length)?;
                    return Ok(None);
                }
                let text = self.cursor.bytes(length)?;
                Ok(Some(String::from_utf8_lossy(&text).into()))
            }
            ARRAY if depth < MAX_DEPTH => self.array(depth, room),
            ARRAY => Err(FormatError::invalid(format!(
                "arrays nested {MAX_DEPTH} deep at byte {at}"
            ))),
            _ => {
                let number = self.number(kind)?;
                Ok(take(room, 0).then_some(number))
            }
        }
    }

    /// The next value, which is an array; as [`Header::value`].
    fn array(&mut self, depth: usize, room: &mut usize) -> Result<Option<Value>, FormatError> {
        let kind = self.cursor.u32()?;
        let count = self.cursor.u64()?;
        let needs = usize::try_from(count).unwrap_or(usize::MAX);
        let mut fits = take(room, 0) && needs.saturating_mul(VALUE) <= *room;
        if let (false, Some(size)) = (fits, size_of_number(kind)) {
            self.cursor.skip(count.saturating_mul(size))?;
            return Ok(None);
        }
        let mut values = Vec::new();
        for _ in 0..count {
            let mut none = 0;
            let room = if fits { &mut *room } else { &mut none };
            match self.value(kind, depth + 1, room)? {
                Some(value) => values.push(value),
                None => {
                    fits = false;
                    values.clear();
                }
            }
        }
        Ok(fits.then_some(Value::Array(values)))
    }

    /// The next number, of this type.
    fn number(&mut self, kind: u32) -> Result<Value, FormatError> {
        let (at, cursor) = (self.cursor.position(), &mut self.cursor);
        Ok(match kind {
            0 => cursor.u8()?.into(),
            1 => cursor.i8()?.into(),
            2 => cursor.u16()?.into(),
            3 => cursor.i16()?.into(),
            4 => cursor.u32()?.into(),
            5 => cursor.i32()?.into(),
            // The shortest decimal, as 1e-6, and not as a float64 that is near.
            6 => cursor.f32()?.to_string().parse::<f64>().ok().into(),
            7 => (cursor.u8()? != 0).into(),
            10 => cursor.u64()?.into(),
            11 => cursor.i64()?.into(),
            12 => cursor.f64()?.into(),
            _ => {
                return Err(FormatError::invalid(format!(
                    "a value of type {kind} at byte {at}: the types are 0 to 12"
                )));
            }
        })
    }

    /// The next tensor of the list.
    fn tensor(&mut self) -> Result<Tensor, FormatError> {
        let name = self.name()?;
        let at = self.cursor.position();
        let ndim = self.cursor.u32()?;
        if ndim as usize > MAX_NDIM || at > MAX_HEADER {
            return Err(FormatError::invalid(format!(
                "a tensor of {ndim} axes at byte {at}: the maximum is {MAX_NDIM}, \
                 before byte {MAX_HEADER}"
            )));
        }
        let lengths = (0..ndim).map(|_| self.cursor.u64());
        // The fastest axis is the first in the file, and the last of an array in C order.
        let mut lengths: Vec<u64> = lengths.collect::<Result<_, _>>()?;
        lengths.reverse();
        Ok(Tensor {
            name,
            lengths,
            kind: self.cursor.u32()?,
            start: self.cursor.u64()?,
        })
    }
}

/// Takes the memory for a value with `text` bytes of text from `room`, if there is as much.
fn take(room: &mut usize, text: usize) -> bool {
    let rest = room.checked_sub(text.saturating_add(VALUE));
    *room = rest.unwrap_or_default();
    rest.is_some()
}

/// The size in bytes of a number of this type; `None` of other types.
fn size_of_number(kind: u32) -> Option<u64> {
    match kind {
        0 | 1 | 7 => Some(1),
        2 | 3 => Some(2),
        4..=6 => Some(4),
        10..=12 => Some(8),
        _ => None,
    }
}

/// A tensor of the list.
struct Tensor {
    name: Vec<u8>,
    /// The shape of the array.
    lengths: Vec<u64>,
    kind: u32,
    /// Where its bytes begin, relative to the start of the data.
    start: u64,
}

impl Tensor {
    /// Adds the tensor to `contents`. The data begins at byte `start_of_data` of the file.
    fn add(
        self,
        start_of_data: u64,
        endian: Endian,
        contents: &mut Contents,
    ) -> Result<(), FormatError> {
        let found = match dtype(self.kind, endian) {
            Ok(dtype) => {
                let offset = start_of_data.saturating_add(self.start);
                View::contiguous(dtype, offset, Shape::new(self.lengths), Order::C)
                    .map_err(|error| (error.to_string(), None))
            }
            Err(why) => Err(why),
        };
        match found {
            Ok(view) => contents.push(Member::new(self.name, view, Order::C)),
            Err((why, remedy)) => contents.skip(String::from_utf8_lossy(&self.name), why, remedy),
        }
    }
}

/// The dtype of a type of tensors, or why it has none, and what the user can do about it.
fn dtype(kind: u32, endian: Endian) -> Result<DType, (String, Option<&'static str>)> {
    let prefix = endian.prefix();
    let dtype = match kind {
        0 => format!("{prefix}f4"),
        1 => format!("{prefix}f2"),
        24 => "i1".to_owned(),
        25 => format!("{prefix}i2"),
        26 => format!("{prefix}i4"),
        27 => format!("{prefix}i8"),
        28 => format!("{prefix}f8"),
        30 if endian == Endian::Little => "bfloat16".to_owned(),
        30 => return Err(("its type is bfloat16 in big-endian byte order".into(), None)),
        _ => {
            return Err(match quantised(kind) {
                Some(name) => (format!("it is quantised ({name})"), Some(QUANTISED)),
                None => (format!("its type {kind} is unknown"), None),
            });
        }
    };
    DType::parse(&dtype).map_err(|_| (format!("its type is {dtype}"), None))
}

/// The name of a quantised type.
fn quantised(kind: u32) -> Option<&'static str> {
    Some(match kind {
        2 => "Q4_0",
        3 => "Q4_1",
        6 => "Q5_0",
        7 => "Q5_1",
        8 => "Q8_0",
        9 => "Q8_1",
        10 => "Q2_K",
        11 => "Q3_K",
        12 => "Q4_K",
        13 => "Q5_K",
        14 => "Q6_K",
        15 => "Q8_K",
        16 => "IQ2_XXS",
        17 => "IQ2_XS",
        18 => "IQ3_XXS",
        19 => "IQ1_S",
        20 => "IQ4_NL",
        21 => "IQ3_S",
        22 => "IQ2_S",
        23 => "IQ4_XS",
        29 => "IQ1_M",
        34 => "TQ1_0",
        35 => "TQ2_0",
        39 => "MXFP4",
        40 => "NVFP4",
        41 => "Q1_0",
        _ => return None,
    })
}
