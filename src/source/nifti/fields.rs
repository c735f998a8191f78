//! The fields of NIfTI headers, and those of them that become attributes.

use serde_json::{Value, json};

use super::Version;
use crate::source::{Attributes, Cursor, FormatError, text};

/// The fields that say where the array is, and the attributes.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) version: Version,
    pub(super) dim: Vec<i64>,
    pub(super) datatype: i16,
    pub(super) vox_offset: f64,
    pub(super) slope: f64,
    pub(super) intercept: f64,
    /// NIfTI-2 has no such field.
    pub(super) glmin: Option<i32>,
    pub(super) attributes: Attributes,
}

/// The type of a field.
#[derive(Debug, Clone, Copy)]
enum Type {
    U8,
    I16,
    I32,
    I64,
    F32,
    F64,
}

use Type::{F32, F64, I16, I32, I64, U8};

/// Where a field is, and its type.
type Place = (u64, Type);

/// A numeric field that becomes an attribute: its name, the number of its elements, and its
/// places in NIfTI-1 and NIfTI-2.
type Numeric = (&'static str, usize, Place, Place);

const NUMERIC: [Numeric; 25] = [
    ("dim_info", 1, (39, U8), (524, U8)),
    ("pixdim", 8, (76, F32), (104, F64)),
    ("xyzt_units", 1, (123, U8), (500, I32)),
    ("intent_code", 1, (68, I16), (504, I32)),
    ("intent_p1", 1, (56, F32), (80, F64)),
    ("intent_p2", 1, (60, F32), (88, F64)),
    ("intent_p3", 1, (64, F32), (96, F64)),
    ("cal_max", 1, (124, F32), (192, F64)),
    ("cal_min", 1, (128, F32), (200, F64)),
    ("slice_start", 1, (74, I16), (224, I64)),
    ("slice_end", 1, (120, I16), (232, I64)),
    ("slice_code", 1, (122, U8), (496, I32)),
    ("slice_duration", 1, (132, F32), (208, F64)),
    ("toffset", 1, (136, F32), (216, F64)),
    ("qform_code", 1, (252, I16), (344, I32)),
    ("sform_code", 1, (254, I16), (348, I32)),
    ("quatern_b", 1, (256, F32), (352, F64)),
    ("quatern_c", 1, (260, F32), (360, F64)),
    ("quatern_d", 1, (264, F32), (368, F64)),
    ("qoffset_x", 1, (268, F32), (376, F64)),
    ("qoffset_y", 1, (272, F32), (384, F64)),
    ("qoffset_z", 1, (276, F32), (392, F64)),
    ("srow_x", 4, (280, F32), (400, F64)),
    ("srow_y", 4, (296, F32), (432, F64)),
    ("srow_z", 4, (312, F32), (464, F64)),
];

/// A text field: its name, its size, and where it is in NIfTI-1 and NIfTI-2.
const TEXT: [(&str, usize, usize, usize); 3] = [
    ("descrip", 80, 148, 240),
    ("aux_file", 24, 228, 320),
    ("intent_name", 16, 328, 508),
];

impl Header {
    /// The header at the start of the file of `cursor`. Its bytes are `bytes`.
    ///
    /// # Errors
    ///
    /// When the file ends within it.
    pub(super) fn new(
        version: Version,
        cursor: Cursor,
        bytes: &[u8],
    ) -> Result<Header, FormatError> {
        let mut fields = Fields { version, cursor };
        fields.seek((40, I16), (16, I64));
        let dim = (0..8).map(|_| match version {
            Version::First => fields.cursor.i16().map(i64::from),
            Version::Second => fields.cursor.i64(),
        });
        let dim = dim.collect::<Result<_, _>>()?;
        fields.seek((70, I16), (12, I16));
        let datatype = fields.cursor.i16()?;
        let glmin = match version {
            Version::First => {
                fields.cursor.seek(144);
                Some(fields.cursor.i32()?)
            }
            Version::Second => None,
        };
        Ok(Header {
            version,
            dim,
            datatype,
            vox_offset: fields.float((108, F32), (168, I64))?,
            slope: fields.float((112, F32), (176, F64))?,
            intercept: fields.float((116, F32), (184, F64))?,
            glmin,
            attributes: fields.attributes(bytes)?,
        })
    }
}

/// The fields of a header of this version.
struct Fields<'a> {
    version: Version,
    cursor: Cursor<'a>,
}

impl Fields<'_> {
    /// Goes to a field with these places in NIfTI-1 and NIfTI-2, and returns its type.
    fn seek(&mut self, first: Place, second: Place) -> Type {
        let (at, of_type) = match self.version {
            Version::First => first,
            Version::Second => second,
        };
        self.cursor.seek(at);
        of_type
    }

    fn float(&mut self, first: Place, second: Place) -> Result<f64, FormatError> {
        match self.seek(first, second) {
            U8 => self.cursor.u8().map(f64::from),
            I16 => self.cursor.i16().map(f64::from),
            I32 => self.cursor.i32().map(f64::from),
            I64 => self.cursor.i64().map(|number| number as f64),
            F32 => self.cursor.f32().map(f64::from),
            F64 => self.cursor.f64(),
        }
    }

    /// The number at the cursor. One that is infinite or no number is `null`.
    fn next(&mut self, of_type: Type) -> Result<Value, FormatError> {
        let cursor = &mut self.cursor;
        Ok(match of_type {
            U8 => json!(cursor.u8()?),
            I16 => json!(cursor.i16()?),
            I32 => json!(cursor.i32()?),
            I64 => json!(cursor.i64()?),
            F32 => json!(f64::from(cursor.f32()?)),
            F64 => json!(cursor.f64()?),
        })
    }

    /// The fields that are not zero or empty, and the units in words.
    fn attributes(&mut self, bytes: &[u8]) -> Result<Attributes, FormatError> {
        let mut attributes = Attributes::new();
        for (name, count, first, second) in NUMERIC {
            let of_type = self.seek(first, second);
            let values = (0..count).map(|_| self.next(of_type));
            let mut values: Vec<Value> = values.collect::<Result<_, _>>()?;
            if values.iter().all(|value| value.as_f64() == Some(0.0)) {
                continue;
            }
            let value = match (count, values.pop()) {
                (1, Some(value)) => value,
                (_, last) => values.into_iter().chain(last).collect(),
            };
            attributes.insert(name.into(), value);
        }
        for (name, size, first, second) in TEXT {
            let at = match self.version {
                Version::First => first,
                Version::Second => second,
            };
            let value = bytes.get(at..).and_then(|rest| rest.get(..size));
            let value = text::fixed(value.unwrap_or_default());
            if !value.is_empty() {
                attributes.insert(name.into(), value.into());
            }
        }
        let units = attributes.get("xyzt_units").and_then(Value::as_i64);
        if let Some(units) = units.map(units_in_words) {
            attributes.insert("units".into(), units);
        }
        Ok(attributes)
    }
}

/// The units of the first three axes and of the fourth, in words.
fn units_in_words(code: i64) -> Value {
    let space = match code & 0x07 {
        1 => "m",
        2 => "mm",
        3 => "um",
        _ => "unknown",
    };
    let time = match code & 0x38 {
        8 => "s",
        16 => "ms",
        24 => "us",
        32 => "Hz",
        40 => "ppm",
        48 => "rad/s",
        _ => "unknown",
    };
    json!({"space": space, "time": time})
}
