//! NumPy dtypes: kind, item size, byte order and fields of one array item. Parses what
//! `numpy.dtype` accepts and prints `dtype.str`, `dtype.name` and `dtype.descr`. Arrays of such
//! items are left to `array`.
//!
//! Item sizes are those of NumPy on 64-bit Linux: `long` has 8 bytes and `longdouble` 16. The value
//! of a `longdouble` is not interpreted. The parser accepts what NumPy 2.4 accepts, except:
//!
//! - items of 0 bytes (`S`, `U0`, `void`, an empty structure), also as fields. A field can be a
//!   sub-array of length 0;
//! - items that hold pointers (`O`, `T`);
//! - a single control character, which NumPy reads as an internal type number (`"\n"` is `uint64`);
//! - datetime divisors that NumPy miscalculates: below 1 (0 crashes the process), beyond 32 bits,
//!   or with a negative unit or zero years as the result (`M8[s/-25]`, `M8[W/11]`);
//! - a sub-array as the whole dtype, `(2,3)f4`, which NumPy moves to the shape of the array;
//! - structures larger than 2^31 - 1 bytes, whose size overflows in NumPy;
//! - nested sub-arrays with more than 64 axes in total, and sub-arrays of empty sub-arrays, where
//!   NumPy confuses length and item size;
//! - more than [`MAX_LEVELS`] nested structures;
//! - dtypes based on another dtype, `('i4', [('low', 'i2'), ('high', 'i2')])`;
//! - titles that are not strings, offsets that are not integers, dict keys that NumPy ignores, and
//!   strings in place of lists (`{'names': 'xy', ...}`).
//!
//! A title of `None` counts as no title. In a list, NumPy keeps it as a title.
//!
//! The floats of the Python package `ml_dtypes` that have whole bytes, such as `bfloat16`, are
//! dtypes by their names, as in NumPy once the package is imported. NumPy stores them as opaque
//! bytes: their `dtype.str` is `<V2` or `<V1`. Only that of `float8_e5m2` is `<f1`, which NumPy
//! itself does not parse; here it is `<V1`, and `<f1` is accepted in headers.
//!
//! Extensions are the short form `x:f4,m:(3,3)f8`, a byte-order mark before a name of `ml_dtypes`,
//! and such names in comma strings.

mod comma;
mod descr;
mod element;
mod error;
mod field;
mod integer;
mod layout;
pub mod literal;
mod narrow_float;
mod parse;
mod print;
mod short;
mod structured;
mod units;
mod words;

use std::str::FromStr;
use std::sync::Arc;

use element::Subdtype;
use error::Reason;
pub use error::{DTypeError, Refusal};
pub use field::Field;
use literal::Literal;
pub use narrow_float::NarrowFloat;
pub use parse::names;
pub use units::{TimeUnit, Unit};
pub use words::Words;

/// The maximum item size in bytes. NumPy stores it in a C `int`.
const MAX_ITEMSIZE: u32 = i32::MAX as u32;

/// The maximum number of axes of a sub-array, as of an array in NumPy.
const MAX_AXES: usize = 64;

/// The maximum nesting depth of structures. Each level takes at most three levels of brackets in
/// any form, so the text stays within [`literal::MAX_DEPTH`].
pub const MAX_LEVELS: usize = 16;

/// The type of one array item, as `numpy.dtype`. The item size is never 0.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DType {
    kind: Kind,
    byte_order: ByteOrder,
    itemsize: u32,
}

impl DType {
    /// `uint8`, the default dtype of `numpy.memmap`.
    pub const BYTE: Self = Self {
        kind: Kind::UInt,
        byte_order: ByteOrder::NotApplicable,
        itemsize: 1,
    };

    /// `float32` in the byte order of this machine.
    pub const FLOAT32: Self = Self {
        kind: Kind::Float,
        byte_order: ByteOrder::NATIVE,
        itemsize: 4,
    };

    /// Parses a dtype in one of three forms:
    ///
    /// - a string that `numpy.dtype` accepts, such as `f4` or `f4,i8`;
    /// - a Python literal that `numpy.dtype` accepts, such as `[('x', 'f4')]`;
    /// - the short form `x:f4,m:(3,3)f8`.
    ///
    /// # Errors
    ///
    /// When NumPy refuses the dtype, or one of the exceptions in the documentation of
    /// [`dtype`](self) applies.
    pub fn parse(text: &str) -> Result<Self, DTypeError> {
        parse_any_form(text).map_err(|reason| DTypeError::new(text, reason))
    }

    /// As [`DType::parse`], with `+` between fields, because a comma ends a mount option:
    /// `x:f4+id:i8`, `f4+i8`.
    ///
    /// # Errors
    ///
    /// As [`DType::parse`].
    pub fn parse_mount_option(text: &str) -> Result<Self, DTypeError> {
        parse_any_form(&short::commas_for_plus(text))
            .map_err(|reason| DTypeError::new(text, reason))
    }

    /// Parses a Python literal, as `numpy.dtype(literal)` does.
    ///
    /// # Errors
    ///
    /// As [`DType::parse`].
    pub fn from_literal(literal: &Literal) -> Result<Self, DTypeError> {
        if let Literal::Str(text) = literal {
            let element = structured::text(text, false);
            return element
                .and_then(Subdtype::into_item)
                .map_err(|reason| DTypeError::new(text, reason));
        }
        structured::element(literal, false)
            .and_then(Subdtype::into_item)
            .map_err(|reason| DTypeError::new(&literal.to_string(), reason))
    }

    /// Parses the value of `descr` in a `.npy` header, as `numpy.lib.format.descr_to_dtype` does.
    ///
    /// # Errors
    ///
    /// As [`DType::parse`].
    pub fn from_descr(descr: &Literal) -> Result<Self, DTypeError> {
        match descr {
            Literal::Str(text) if descr::is_float8(text) => return Ok(descr::FLOAT8),
            Literal::Str(_) => return Self::from_literal(descr),
            _ => {}
        }
        descr::from_descr(descr)
            .and_then(Subdtype::into_item)
            .map_err(|reason| DTypeError::new(&descr.to_string(), reason))
    }

    /// The value of `descr` in a `.npy` header, as from `numpy.lib.format.dtype_to_descr`:
    /// `dtype.str` of a plain dtype, or a list of the fields and the padding between them. `None`
    /// if fields overlap or are not in the order of their offsets. Nested sub-arrays are merged
    /// into one.
    pub fn descr(&self) -> Option<Literal> {
        descr::descr(self)
    }

    /// Whether a header of `other` can stand for this dtype: they are equal, but for a
    /// [`NarrowFloat`] in one and opaque bytes of its size in the other.
    pub fn is_stored_as(&self, other: &Self) -> bool {
        descr::is_stored_as(self, other)
    }

    /// `itemsize` must not be 0. The byte order becomes [`ByteOrder::NotApplicable`] for kinds and
    /// sizes without one.
    fn new(kind: Kind, itemsize: u32, byte_order: ByteOrder) -> Self {
        let byte_order = match kind {
            Kind::Bool | Kind::Bytes | Kind::Void | Kind::Structured(_) => ByteOrder::NotApplicable,
            _ if itemsize == 1 => ByteOrder::NotApplicable,
            _ => byte_order,
        };
        Self {
            kind,
            byte_order,
            itemsize,
        }
    }

    /// Item size in bytes, `dtype.itemsize`. At least 1.
    pub fn itemsize(&self) -> u64 {
        u64::from(self.itemsize)
    }

    /// The byte order of one number or character.
    pub fn byte_order(&self) -> ByteOrder {
        self.byte_order
    }

    /// The kind of value.
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// The fields of a structured dtype, in the order of `dtype.names`. Empty for a plain dtype.
    pub fn fields(&self) -> &[Field] {
        match &self.kind {
            Kind::Structured(fields) => fields,
            _ => &[],
        }
    }

    /// The field with this name. `None` if there is none.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields().iter().find(|field| field.name == name)
    }

    /// NumPy's `dtype.str`, such as `<f4`, `|b1`, `<U4` or `<M8[ns]`. [`DType::parse`] reads it
    /// back, except for a structured dtype, such as `|V12`, and a [`NarrowFloat`], such as `<V2`.
    pub fn numpy_str(&self) -> String {
        print::str(self)
    }

    /// NumPy's `dtype.name`, such as `float32`, `bytes80` or `datetime64[ns]`. Sizes are in bits.
    pub fn numpy_name(&self) -> String {
        print::name(self)
    }
}

/// Parses a Python literal, the short form, or a NumPy dtype string.
fn parse_any_form(text: &str) -> Result<DType, Reason> {
    let trimmed = text.trim_ascii();
    let is_tuple = trimmed.starts_with('(') && trimmed.ends_with(')');
    let element = if is_tuple || trimmed.starts_with(['[', '{']) {
        let literal = Literal::parse(text).map_err(Refusal::from)?;
        structured::element(&literal, false)
    } else if short::is_short_form(text) {
        short::parse(text)
    } else {
        structured::text(text, false)
    };
    element?.into_item()
}

impl FromStr for DType {
    type Err = DTypeError;

    fn from_str(text: &str) -> Result<Self, DTypeError> {
        Self::parse(text)
    }
}

/// The kind of a dtype, as `dtype.kind`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A boolean of 1 byte, 0 or 1.
    Bool,
    /// A signed integer of 1, 2, 4 or 8 bytes.
    Int,
    /// An unsigned integer of 1, 2, 4 or 8 bytes.
    UInt,
    /// A floating-point number of 2, 4 or 8 bytes, or a `longdouble` of 16 bytes.
    Float,
    /// A floating-point number of 1 or 2 bytes, of a type that NumPy lacks.
    NarrowFloat(NarrowFloat),
    /// Two floating-point numbers of half the item size each, real part first.
    Complex,
    /// A byte string, padded with zeros to the item size.
    Bytes,
    /// A string of 4-byte code points, padded with zeros to the item size.
    Str,
    /// Opaque bytes.
    Void,
    /// A point in time: an 8-byte count of this unit since 1970-01-01.
    DateTime(TimeUnit),
    /// A time span: an 8-byte count of this unit.
    TimeDelta(TimeUnit),
    /// Named fields at offsets in the item. They can overlap and leave gaps.
    Structured(Arc<[Field]>),
}

/// The byte order of one number or character.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ByteOrder {
    /// Least significant byte first.
    Little,
    /// Most significant byte first.
    Big,
    /// The item is made of single bytes.
    NotApplicable,
}

impl ByteOrder {
    /// The byte order of this machine. It is the default of codes such as `f4`.
    const NATIVE: Self = if cfg!(target_endian = "big") {
        Self::Big
    } else {
        Self::Little
    };

    /// The name of the byte order in `meta.json`: `little`, `big` or `none`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Little => "little",
            Self::Big => "big",
            Self::NotApplicable => "none",
        }
    }
}
