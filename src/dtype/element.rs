//! The intermediate result of parsing a dtype: one item, or a sub-array of items. Nested sub-arrays
//! are merged into one with all the lengths, as in a field.

use super::error::{Reason, show};
use super::literal::Literal;
use super::{DType, Kind, MAX_AXES, MAX_ITEMSIZE, Refusal};

/// A dtype with a sub-array shape, as `dtype.subdtype`.
#[derive(Clone, Debug)]
pub(super) struct Subdtype {
    pub dtype: DType,
    /// The shape of the sub-array. Empty for one item.
    pub shape: Vec<u64>,
    /// Total size in bytes. 0 if a length is 0.
    pub size: u32,
    /// Alignment in bytes under `aligned`, a power of two.
    pub alignment: u32,
    /// Nesting depth of structures, this one included.
    pub levels: usize,
}

impl Subdtype {
    /// One item that is not a structure.
    pub fn plain(dtype: DType) -> Self {
        Self {
            alignment: alignment(&dtype),
            size: dtype.itemsize,
            dtype,
            shape: Vec::new(),
            levels: 0,
        }
    }

    /// A sub-array of this type, as `numpy.dtype((self, shape))`. An empty shape changes nothing.
    ///
    /// # Errors
    ///
    /// When the type has 0 bytes, the sub-array is too large, or it has too many axes.
    pub fn repeated(mut self, lengths: &[u64]) -> Result<Self, Refusal> {
        if self.size == 0 {
            return Err(Refusal::NoBytes);
        }
        // A length of 0 hides an overflow in the lengths after it, but not before it.
        let mut items = 1_i64;
        for &length in lengths {
            items = i64::try_from(length)
                .ok()
                .and_then(|length| items.checked_mul(length))
                .ok_or(Refusal::TooLarge)?;
            if items == 0 {
                break;
            }
        }
        self.size = items
            .checked_mul(self.size.into())
            .and_then(|size| u32::try_from(size).ok())
            .filter(|&size| size <= MAX_ITEMSIZE)
            .ok_or(Refusal::TooLarge)?;
        self.shape.splice(0..0, lengths.iter().copied());
        if self.shape.len() > MAX_AXES {
            return Err(Refusal::SubArrayAxes);
        }
        Ok(self)
    }

    /// The dtype of a single item.
    ///
    /// # Errors
    ///
    /// When this is a sub-array.
    pub fn into_item(self) -> Result<DType, Reason> {
        if self.shape.is_empty() {
            return Ok(self.dtype);
        }
        let refusal = Refusal::WholeSubArray {
            dtype: self.dtype.to_string(),
            shape: show(&lengths_literal(&self.shape)),
        };
        Err(refusal.into())
    }
}

/// The lengths as a tuple.
pub(super) fn lengths_literal(lengths: &[u64]) -> Literal {
    Literal::Tuple(lengths.iter().copied().map(Literal::from).collect())
}

/// NumPy's `dtype.alignment` of a plain dtype, in bytes: the alignment of the C type.
fn alignment(dtype: &DType) -> u32 {
    match dtype.kind {
        Kind::Bool | Kind::Bytes | Kind::Void | Kind::Structured(_) => 1,
        Kind::Str => 4,
        Kind::Complex => dtype.itemsize / 2,
        Kind::Int
        | Kind::UInt
        | Kind::Float
        | Kind::NarrowFloat(_)
        | Kind::DateTime(_)
        | Kind::TimeDelta(_) => dtype.itemsize,
    }
}
