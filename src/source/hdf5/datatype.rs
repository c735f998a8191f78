//! HDF5 datatypes as NumPy dtypes, as h5py maps them.

use hdf5_pure::{
    CompoundMember, Datatype, DatatypeByteOrder, FixedPointLayout, FloatingPointLayout,
};

use crate::dtype::literal::Literal;
use crate::dtype::{DType, MAX_LEVELS};

/// The most levels of a datatype: each level of a dtype can be in an array.
const MAX_DEPTH: usize = 2 * MAX_LEVELS;

/// The IEEE 754 binary16 layout.
const BINARY16: FloatingPointLayout = FloatingPointLayout {
    bit_offset: 0,
    bit_precision: 16,
    exponent_location: 10,
    exponent_size: 5,
    mantissa_location: 0,
    mantissa_size: 10,
    exponent_bias: 15,
};

/// The extended precision of x86, with 6 bytes of padding.
const EXTENDED: FloatingPointLayout = FloatingPointLayout {
    bit_offset: 0,
    bit_precision: 80,
    exponent_location: 64,
    exponent_size: 15,
    mantissa_location: 0,
    mantissa_size: 64,
    exponent_bias: 16383,
};

/// A dtype with the lengths of a sub-array, none for one item.
struct Subdtype {
    /// The item, as an argument of `numpy.dtype`.
    item: Literal,
    lengths: Vec<u64>,
}

impl From<Literal> for Subdtype {
    fn from(item: Literal) -> Subdtype {
        let lengths = Vec::new();
        Subdtype { item, lengths }
    }
}

impl Subdtype {
    /// An array of this many. NumPy merges the axes of an array of arrays.
    fn repeated(mut self, lengths: &[u32]) -> Subdtype {
        let lengths = lengths.iter().copied().map(u64::from);
        self.lengths.splice(0..0, lengths);
        self
    }

    fn into_literal(self) -> Literal {
        if self.lengths.is_empty() {
            return self.item;
        }
        let lengths = self.lengths.into_iter().map(Literal::from).collect();
        Literal::Tuple(vec![self.item, Literal::Tuple(lengths)])
    }
}

/// The dtype of an element, and the axes that an array datatype adds to those of the dataset.
///
/// # Errors
///
/// When NumPy has no such dtype: what the elements are, in the plural.
pub(super) fn dtype(datatype: &Datatype) -> Result<(DType, Vec<u64>), String> {
    let Subdtype { item, lengths } = subdtype(datatype, 0)?;
    let dtype = DType::from_literal(&item).map_err(|error| {
        let refusal = super::brief(error.refusal());
        format!("of a type that NumPy lacks: {refusal}")
    })?;
    Ok((dtype, lengths))
}

fn subdtype(datatype: &Datatype, depth: usize) -> Result<Subdtype, String> {
    if depth > MAX_DEPTH {
        return Err(format!("of a type with more than {MAX_DEPTH} levels"));
    }
    let item = match datatype {
        Datatype::FixedPoint {
            size,
            byte_order,
            layout,
        } => integer(*size, *byte_order, layout)?,
        Datatype::BitField {
            size,
            byte_order,
            bit_offset,
            bit_precision,
        } => {
            let layout = FixedPointLayout {
                signed: false,
                bit_offset: *bit_offset,
                bit_precision: *bit_precision,
            };
            integer(*size, *byte_order, &layout)?
        }
        Datatype::FloatingPoint {
            size,
            byte_order,
            layout,
        } => float(*size, *byte_order, layout)?,
        Datatype::String { size, .. } => code("S", *size),
        Datatype::Opaque { size, .. } => code("V", *size),
        Datatype::Enumeration { .. } if is_bool(datatype) => code("b", 1),
        Datatype::Enumeration { base_type, .. } => return subdtype(base_type, depth + 1),
        Datatype::Array {
            base_type,
            dimensions,
        } => return Ok(subdtype(base_type, depth + 1)?.repeated(dimensions)),
        Datatype::Compound { size, members } => match complex(*size, members) {
            Some(complex) => complex,
            None if is_misread_complex(*size, members) => {
                return Err("complex numbers in the form that HDF5 2.0 introduced".into());
            }
            None => structure(*size, members, depth)?,
        },
        Datatype::VariableLength {
            is_string: true, ..
        } => return Err("strings of variable length".into()),
        Datatype::VariableLength { .. } => return Err("sequences of variable length".into()),
        Datatype::Reference { .. } => return Err("references to other objects".into()),
        other => return Err(super::brief(other)),
    };
    Ok(item.into())
}

/// The plain dtype with this code and item size.
fn code(code: &str, size: u32) -> Literal {
    Literal::Str(format!("{code}{size}"))
}

/// `code`, with the mark of the byte order.
fn ordered(order: DatatypeByteOrder, letter: char, size: u32) -> Result<Literal, String> {
    match order {
        DatatypeByteOrder::LittleEndian => Ok(code(&format!("<{letter}"), size)),
        DatatypeByteOrder::BigEndian => Ok(code(&format!(">{letter}"), size)),
        DatatypeByteOrder::Vax => Err("numbers in the byte order of the VAX".into()),
    }
}

fn integer(
    size: u32,
    order: DatatypeByteOrder,
    layout: &FixedPointLayout,
) -> Result<Literal, String> {
    let FixedPointLayout {
        signed,
        bit_offset,
        bit_precision,
    } = *layout;
    let is_whole = bit_offset == 0 && u32::from(bit_precision) == size.saturating_mul(8);
    if !matches!(size, 1 | 2 | 4 | 8) || !is_whole {
        return Err(format!("integers of {bit_precision} bits in {size} bytes"));
    }
    ordered(order, if signed { 'i' } else { 'u' }, size)
}

fn float(
    size: u32,
    order: DatatypeByteOrder,
    layout: &FloatingPointLayout,
) -> Result<Literal, String> {
    let expected = match size {
        2 => BINARY16,
        4 => FloatingPointLayout::IEEE754_BINARY32,
        8 => FloatingPointLayout::IEEE754_BINARY64,
        _ => EXTENDED,
    };
    let is_extended = size == 16 && order == DatatypeByteOrder::LittleEndian;
    if *layout != expected || !(matches!(size, 2 | 4 | 8) || is_extended) {
        return Err(format!(
            "floats of {} bits in {size} bytes, {} of them in the exponent",
            layout.bit_precision, layout.exponent_size
        ));
    }
    ordered(order, 'f', size)
}

/// Whether this is the enumeration in which h5py and the C library store truth values.
pub(super) fn is_bool(datatype: &Datatype) -> bool {
    let Datatype::Enumeration { size, members, .. } = datatype else {
        return false;
    };
    let [first, second] = &members[..] else {
        return false;
    };
    let mut values = [
        (first.name.as_str(), &first.value[..]),
        (second.name.as_str(), &second.value[..]),
    ];
    values.sort_unstable();
    *size == 1 && values == [("FALSE", &[0][..]), ("TRUE", &[1][..])]
}

/// The complex dtype, if the compound is one as h5py stores them.
fn complex(size: u32, members: &[CompoundMember]) -> Option<Literal> {
    let [real, imaginary] = members else {
        return None;
    };
    let Datatype::FloatingPoint {
        size: half,
        byte_order,
        layout,
    } = &real.datatype
    else {
        return None;
    };
    let is_complex = real.name == "r"
        && imaginary.name == "i"
        && real.datatype == imaginary.datatype
        && real.byte_offset == 0
        && imaginary.byte_offset == u64::from(*half)
        && Some(size) == half.checked_mul(2)
        && matches!(half, 4 | 8 | 16);
    float(*half, *byte_order, layout).ok()?;
    let complex = || ordered(*byte_order, 'c', size).ok();
    is_complex.then(complex).flatten()
}

/// Whether this is the complex datatype of HDF5 2.0, which the library reads as a compound. The
/// fields of the datatype of its parts then give a member that is larger than the compound.
fn is_misread_complex(size: u32, members: &[CompoundMember]) -> bool {
    let [only] = members else {
        return false;
    };
    matches!(only.datatype, Datatype::FixedPoint { size: member, .. } if member > size)
}

fn structure(size: u32, members: &[CompoundMember], depth: usize) -> Result<Literal, String> {
    let mut columns = [Vec::new(), Vec::new(), Vec::new()];
    let [names, formats, offsets] = &mut columns;
    for member in members {
        let format = subdtype(&member.datatype, depth + 1).map_err(|why| {
            let name = super::brief(&member.name);
            format!("compounds with {why} in '{name}'")
        })?;
        formats.push(format.into_literal());
        names.push(Literal::from(member.name.as_str()));
        offsets.push(Literal::from(member.byte_offset));
    }
    let keys = ["names", "formats", "offsets"].map(Literal::from);
    let columns = keys.into_iter().zip(columns.map(Literal::List));
    let itemsize = (Literal::from("itemsize"), Literal::from(u64::from(size)));
    Ok(Literal::Dict(columns.chain([itemsize]).collect()))
}
