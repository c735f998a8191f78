//! NumPy's description of one array item: what kind of value it is, how many bytes it takes and in
//! which byte order, and where its fields are. Parses what `numpy.dtype` parses and prints
//! `dtype.str`, `dtype.name` and `dtype.descr`; what an array of such items looks like is left to
//! others.
//!
//! Sizes are those of NumPy on 64-bit Linux: `long` takes 8 bytes and `longdouble` 16, which are
//! opaque here. NumPy 2.4 decides what is accepted, with these exceptions, each refused with its
//! reason:
//!
//! - items of 0 bytes (`S`, `U0`, `void`, a structure without any), also as fields, and items that
//!   are not data (`O`, `T`); a field can be a sub-array of length 0;
//! - a single control character, which NumPy reads as an internal type number (`"\n"` is `uint64`);
//! - datetime divisors that NumPy miscounts: below 1 (0 kills the process), beyond 32 bits, or such
//!   that the unit is left negative or as zero years (`M8[s/-25]`, `M8[W/11]`);
//! - sub-arrays as a whole, `(2,3)f4`, which NumPy appends to an array's shape;
//! - structures larger than 2^31 - 1 bytes, whose size NumPy lets wrap; sub-arrays of sub-arrays
//!   with more than 64 axes together, or of empty ones, where NumPy takes the length for a size;
//!   more than [`MAX_LEVELS`] structures inside each other;
//! - types that are based on another, `('i4', [('low', 'i2'), ('high', 'i2')])`, titles that are
//!   not texts, offsets that are not whole numbers, dict keys that NumPy ignores, and texts in the
//!   place of lists (`{'names': 'xy', ...}`).
//!
//! A title `None` counts as no title everywhere; in a list NumPy keeps it.
//!
//! Beyond NumPy there is the short form `x:f4,m:(3,3)f8`.

mod comma;
mod descr;
mod element;
mod error;
mod field;
mod integer;
mod layout;
pub mod literal;
mod parse;
mod print;
mod short;
mod structured;
mod units;

use std::str::FromStr;
use std::sync::Arc;

use element::Subdtype;
use error::Reason;
pub use error::{DTypeError, Refusal};
pub use field::Field;
use literal::Literal;
pub use parse::names;
pub use units::{TimeUnit, Unit};

/// The largest item that NumPy's dtypes describe, in bytes: a C `int`.
const MAX_ITEMSIZE: u32 = i32::MAX as u32;

/// The most axes that an array can have in NumPy, and so a sub-array.
const MAX_AXES: usize = 64;

/// How many structures may be inside each other. In every form they take at most three levels of
/// brackets each, and so stay within [`literal::MAX_DEPTH`].
pub const MAX_LEVELS: usize = 16;

/// The type of one array item, as `numpy.dtype`. Its size is never 0.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DType {
    kind: Kind,
    byte_order: ByteOrder,
    itemsize: u32,
}

impl DType {
    /// `uint8`, which is what `numpy.memmap` takes a file to hold by default.
    pub const BYTE: Self = Self {
        kind: Kind::UInt,
        byte_order: ByteOrder::NotApplicable,
        itemsize: 1,
    };

    /// Reads a type from text: what `numpy.dtype` reads as a text, or as the Python literal that
    /// the text is, or the short form `x:f4,m:(3,3)f8`.
    ///
    /// # Errors
    ///
    /// What NumPy refuses, and the exceptions that are listed at the top of this module.
    pub fn parse(text: &str) -> Result<Self, DTypeError> {
        parse_any_form(text).map_err(|reason| DTypeError::new(text, reason))
    }

    /// As [`DType::parse`], of a text in which fields are joined by `+`, as a comma would end a
    /// mount option: `x:f4+id:i8`, `f4+i8`.
    ///
    /// # Errors
    ///
    /// As [`DType::parse`].
    pub fn parse_mount_option(text: &str) -> Result<Self, DTypeError> {
        parse_any_form(&short::commas_for_plus(text))
            .map_err(|reason| DTypeError::new(text, reason))
    }

    /// Reads a type from a Python literal, as `numpy.dtype(literal)` does.
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

    /// Reads what the header of a `.npy` file has under `descr`, as
    /// `numpy.lib.format.descr_to_dtype` does.
    ///
    /// # Errors
    ///
    /// As [`DType::parse`].
    pub fn from_descr(descr: &Literal) -> Result<Self, DTypeError> {
        if let Literal::Str(_) = descr {
            return Self::from_literal(descr);
        }
        descr::from_descr(descr)
            .and_then(Subdtype::into_item)
            .map_err(|reason| DTypeError::new(&descr.to_string(), reason))
    }

    /// What `numpy.lib.format.dtype_to_descr` writes into a header: `dtype.str`, or the list of the
    /// fields with the padding between them. `None` where NumPy has none, as fields overlap or are
    /// not in the order of their offsets. A sub-array of sub-arrays is one with all their lengths.
    pub fn descr(&self) -> Option<Literal> {
        descr::descr(self)
    }

    /// `itemsize` must not be 0. The byte order is dropped where it means nothing.
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

    /// Bytes that one item takes, as `dtype.itemsize`; at least 1.
    pub fn itemsize(&self) -> u64 {
        u64::from(self.itemsize)
    }

    /// The order of the bytes within one number or character.
    pub fn byte_order(&self) -> ByteOrder {
        self.byte_order
    }

    /// What the bytes of an item stand for.
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// The fields of a structured type, in the order of `dtype.names`; none of a plain one.
    pub fn fields(&self) -> &[Field] {
        match &self.kind {
            Kind::Structured(fields) => fields,
            _ => &[],
        }
    }

    /// The field of this name, if the type is structured and has one.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields().iter().find(|field| field.name == name)
    }

    /// NumPy's `dtype.str`, such as `<f4`, `|b1`, `<U4` or `<M8[ns]`, which [`DType::parse`] reads
    /// back; of a structured type, `|V12`.
    pub fn numpy_str(&self) -> String {
        print::str(self)
    }

    /// NumPy's `dtype.name`, such as `float32`, `bytes80` or `datetime64[ns]`; the numbers are
    /// bits.
    pub fn numpy_name(&self) -> String {
        print::name(self)
    }
}

/// Reads a literal, a text in the short form, or one of NumPy's.
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

/// What the bytes of an item stand for, as `dtype.kind`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A truth value in one byte, 0 or 1.
    Bool,
    /// A signed integer of 1, 2, 4 or 8 bytes.
    Int,
    /// An unsigned integer of 1, 2, 4 or 8 bytes.
    UInt,
    /// A floating-point number of 2, 4 or 8 bytes, or an opaque `longdouble` of 16.
    Float,
    /// Two floating-point numbers of half the item's size, real part first.
    Complex,
    /// Bytes, padded with zeros to the item's size.
    Bytes,
    /// Code points of 4 bytes each, padded with zeros to the item's size.
    Str,
    /// Bytes without a meaning.
    Void,
    /// A point in time: an 8-byte count of this unit since 1970-01-01.
    DateTime(TimeUnit),
    /// A span of time: an 8-byte count of this unit.
    TimeDelta(TimeUnit),
    /// Named fields, each with its place in the item; they need not cover it, and can overlap.
    Structured(Arc<[Field]>),
}

/// The order of the bytes within one number or character.
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
    /// The order of this machine, which a type without a mark (`f4`) has.
    const NATIVE: Self = if cfg!(target_endian = "big") {
        Self::Big
    } else {
        Self::Little
    };

    /// The order in one word: `little`, `big` or `none`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Little => "little",
            Self::Big => "big",
            Self::NotApplicable => "none",
        }
    }
}
