//! NumPy's description of one array item: what kind of value it is, how many bytes it takes and in
//! which byte order. Parses what `numpy.dtype(text)` parses and prints `dtype.str` and
//! `dtype.name`; what an array of such items looks like is left to others.
//!
//! Sizes are those of NumPy on 64-bit Linux: `long` takes 8 bytes and `longdouble` 16, which are
//! opaque here. NumPy 2.4 decides what is accepted, with these exceptions, each refused with its
//! reason:
//!
//! - items of 0 bytes (`S`, `U0`, `void`), and items that are not data (`O`, `T`);
//! - structured and sub-array texts (`[('x', 'f4')]`, `f4,i8`, `(2,)f4`), and with them those that
//!   come out plain: `()f4` is `f4` to NumPy, and `3V` is `V3`;
//! - a single control character, which NumPy reads as an internal type number (`"\n"` is `uint64`);
//! - datetime divisors that NumPy miscounts: below 1 (0 kills the process), beyond 32 bits, or such
//!   that the unit is left negative or as zero years (`M8[s/-25]`, `M8[W/11]`).

mod error;
mod integer;
mod parse;
mod print;
mod units;

use std::str::FromStr;

pub use error::{DTypeError, Refusal};
pub use units::{TimeUnit, Unit};

/// The largest item that NumPy's dtypes describe, in bytes: a C `int`.
const MAX_ITEMSIZE: u32 = i32::MAX as u32;

/// The type of one array item, as `numpy.dtype`. Its size is never 0.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DType {
    kind: Kind,
    byte_order: ByteOrder,
    itemsize: u32,
}

impl DType {
    /// Reads a type from text, as `numpy.dtype(text)` does.
    ///
    /// # Errors
    ///
    /// What NumPy refuses, and the exceptions that are listed at the top of this module.
    pub fn parse(text: &str) -> Result<Self, DTypeError> {
        parse::parse(text).map_err(|refusal| DTypeError::new(text, refusal))
    }

    /// `itemsize` must not be 0. The byte order is dropped where it means nothing.
    fn new(kind: Kind, itemsize: u32, byte_order: ByteOrder) -> Self {
        let byte_order = match kind {
            Kind::Bool | Kind::Bytes | Kind::Void => ByteOrder::NotApplicable,
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
    pub fn kind(&self) -> Kind {
        self.kind.clone()
    }

    /// NumPy's `dtype.str`, such as `<f4`, `|b1`, `<U4` or `<M8[ns]`. [`DType::parse`] reads it
    /// back.
    pub fn numpy_str(&self) -> String {
        self.to_string()
    }

    /// NumPy's `dtype.name`, such as `float32`, `bytes80` or `datetime64[ns]`; the numbers are
    /// bits.
    pub fn numpy_name(&self) -> String {
        print::name(self)
    }
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
