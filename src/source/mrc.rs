//! The MRC format of electron microscopy, which is also that of CCP4 maps: a header of 1024
//! bytes, an extended header, and one array (<https://www.ccpem.ac.uk/mrc-format/mrc2014/>).
//! Shapes are those of `mrcfile`. What the extended header holds is left out.

use std::sync::Arc;

use serde_json::{Value, json};

use super::format::Reader;
use super::signature::Sample;
use super::{Attributes, Contents, Details, Endian, Format, FormatError, Input, Member, text};
use crate::array::{Order, Shape, View};
use crate::dtype::DType;

/// The MRC format.
pub(super) const FORMAT: Format = Format {
    name: "mrc",
    title: "MRC, CCP4 map",
    suffixes: &[".mrc", ".map"],
    matches,
    reader: Reader::SelfDescribing(read),
};

/// The size of the header in bytes, without the extended one.
const HEADER_SIZE: u64 = 1024;

/// What IMOD writes at byte 152, before its flags.
const IMOD_STAMP: i32 = 1_146_047_817;

/// The space groups that mean a stack of volumes.
const VOLUME_STACKS: std::ops::RangeInclusive<i32> = 401..=630;

fn matches(sample: &Sample) -> bool {
    let Some(endian) = endian(&sample.first).filter(|_| sample.has(208, b"MAP")) else {
        return false;
    };
    // An empty map is taken for numbers.
    [0, 4, 8].iter().all(|&at| {
        let length = sample.number(at).map(|bytes| match endian {
            Endian::Little => i32::from_le_bytes(bytes),
            Endian::Big => i32::from_be_bytes(bytes),
        });
        length.is_some_and(|length| length > 0)
    })
}

/// The byte order that the machine stamp says.
fn endian(header: &[u8]) -> Option<Endian> {
    match header.get(212..214)? {
        [0x44, 0x44 | 0x41] => Some(Endian::Little),
        [0x11, 0x11] => Some(Endian::Big),
        _ => None,
    }
}

/// The image, volume or stack in the file.
///
/// # Errors
///
/// When the header is not valid, or NumPy has no such type.
fn read(input: &Input) -> Result<Contents, FormatError> {
    let bytes = input.bytes(0, HEADER_SIZE)?;
    if bytes.get(208..211) != Some(b"MAP") {
        return Err(FormatError::invalid("byte 208 does not begin \"MAP\""));
    }
    let endian = endian(&bytes).ok_or_else(|| {
        let stamp = bytes.get(212..216).unwrap_or_default();
        FormatError::invalid(format!(
            "the machine stamp is {stamp:02x?}: expected 44 44, 44 41 or 11 11"
        ))
    })?;
    let header = Header {
        input,
        endian,
        bytes: &bytes,
    };
    let extended = header.length("nsymbt", 92)?;
    let dtype = header.dtype()?;
    let shape = header.shape()?;
    let view = View::contiguous(dtype, HEADER_SIZE + extended, shape, Order::C)
        .map_err(|error| FormatError::invalid(error.to_string()))?;
    let mut member = Member::new("", view, Order::C);
    member.details = Arc::new(Details {
        attributes: header.attributes(extended)?,
        ..Details::default()
    });
    let mut contents = Contents::array(member);
    contents.warning =
        Some("dmin, dmax, dmean and rms in the header stay as they are when values are written");
    Ok(contents)
}

/// The header of a file.
#[derive(Debug, Clone, Copy)]
struct Header<'a> {
    input: &'a Input,
    endian: Endian,
    bytes: &'a [u8],
}

impl Header<'_> {
    fn int(&self, at: u64) -> Result<i32, FormatError> {
        self.input.cursor(at, self.endian).i32()
    }

    /// The field `name` at byte `at`, which is not negative.
    fn length(&self, name: &str, at: u64) -> Result<u64, FormatError> {
        let length = self.int(at)?;
        u64::try_from(length).map_err(|_| {
            FormatError::invalid(format!("{name} is {length}: a length is not negative"))
        })
    }

    /// The dtype of the mode.
    ///
    /// # Errors
    ///
    /// When NumPy has no such type.
    fn dtype(&self) -> Result<DType, FormatError> {
        let order = self.endian.prefix();
        let mode = self.int(12)?;
        let text = match mode {
            0 if self.has_unsigned_bytes()? => "u1".into(),
            0 => "i1".into(),
            1 => format!("{order}i2"),
            2 => format!("{order}f4"),
            3 => format!("[('real', '{order}i2'), ('imag', '{order}i2')]"),
            4 => format!("{order}c8"),
            6 => format!("{order}u2"),
            12 => format!("{order}f2"),
            101 => {
                return Err(FormatError::unsupported(
                    "mode 101: two numbers of 4 bits share a byte",
                    "convert it, for example with IMOD: newstack -mode 0",
                ));
            }
            _ => {
                return Err(FormatError::invalid(format!(
                    "mode {mode}: expected 0, 1, 2, 3, 4, 6, 12 or 101"
                )));
            }
        };
        DType::parse(&text).map_err(|error| FormatError::invalid(error.to_string()))
    }

    /// Whether IMOD wrote bytes without a sign, as its older versions did.
    fn has_unsigned_bytes(&self) -> Result<bool, FormatError> {
        Ok(self.int(152)? == IMOD_STAMP && self.int(156)? & 1 == 0)
    }

    /// The shape as `mrcfile` has it: a single image of a stack has two axes, and a stack of
    /// volumes has four.
    ///
    /// # Errors
    ///
    /// When a length is negative, or no whole number of volumes is in a stack.
    fn shape(&self) -> Result<Shape, FormatError> {
        let columns = self.length("nx", 0)?;
        let rows = self.length("ny", 4)?;
        let sections = self.length("nz", 8)?;
        let space_group = self.int(88)?;
        let mut lengths = match sections {
            1 if space_group == 0 => Vec::new(),
            _ if VOLUME_STACKS.contains(&space_group) => {
                let each = self.length("mz", 36)?;
                match (sections.checked_div(each), sections.checked_rem(each)) {
                    (Some(volumes), Some(0)) => vec![volumes, each],
                    _ => {
                        return Err(FormatError::invalid(format!(
                            "nz is {sections}, which is no multiple of mz {each} in a stack of \
                             volumes (ispg {space_group})"
                        )));
                    }
                }
            }
            _ => vec![sections],
        };
        lengths.extend([rows, columns]);
        Ok(Shape::new(lengths))
    }

    /// The fields of the header, and its labels.
    fn attributes(&self, extended: u64) -> Result<Attributes, FormatError> {
        let ints = |at: u64, count: u64| {
            let values = (0..count).map(|k| self.int(at + 4 * k));
            values.collect::<Result<Vec<i32>, _>>()
        };
        let floats = |at: u64, count: u64| {
            let mut cursor = self.input.cursor(at, self.endian);
            let values = (0..count).map(|_| cursor.f32().map(f64::from));
            values.collect::<Result<Vec<f64>, _>>()
        };
        let mut attributes = Attributes::new();
        let mut insert = |name: &str, value: Value| attributes.insert(name.into(), value);
        insert("mode", json!(self.int(12)?));
        insert("nstart", json!(ints(16, 3)?));
        insert("m", json!(ints(28, 3)?));
        insert("cella", json!(floats(40, 3)?));
        insert("cellb", json!(floats(52, 3)?));
        insert("map_axes", json!(ints(64, 3)?));
        for (name, at) in [("dmin", 76), ("dmax", 80), ("dmean", 84), ("rms", 216)] {
            insert(
                name,
                json!(self.input.cursor(at, self.endian).f32()? as f64),
            );
        }
        insert("ispg", json!(self.int(88)?));
        insert("origin", json!(floats(196, 3)?));
        if extended > 0 {
            let kind = self.bytes.get(104..108).map(text::fixed);
            insert("exttyp", json!(kind.unwrap_or_default()));
            insert("nsymbt", json!(extended));
        }
        let count = usize::try_from(self.int(220)?).unwrap_or(0).min(10);
        let labels = self.bytes.get(224..).unwrap_or_default().chunks(80);
        let labels: Vec<String> = labels.take(count).map(text::fixed).collect();
        insert("labels", json!(labels));
        Ok(attributes)
    }
}
