//! Views: an item type, an offset, and for each axis a length and a stride.
//! Rows, columns, other axes and transposes are all made here, by arithmetic
//! alone; how a view's bytes follow one another is the business of `runs`.

use std::ops::Range;

use super::{ArrayError, Layout, MAX_NDIM, Order, Shape};
use crate::dtype::{DType, Field};

/// A strided window on the bytes of a file, as `numpy.ndarray` has it.
///
/// A valid view holds to these, and every function here keeps to them:
///
/// 1. There are as many strides as axes, and at most [`MAX_NDIM`](super::MAX_NDIM).
/// 2. Its bytes are counted in 63 bits, empty axes taken as one element.
/// 3. Each element lies between bytes 0 and 2^63 of the file.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct View {
    dtype: DType,
    offset: u64,
    shape: Shape,
    strides: Vec<i64>,
}

impl View {
    /// The whole array that begins `offset` bytes into a file and follows
    /// without gaps: `numpy.memmap(..., dtype, offset=, shape=, order=)`.
    ///
    /// # Errors
    ///
    /// [`ArrayError::TooLarge`] when its end cannot be counted in 63 bits.
    pub fn contiguous(
        dtype: DType,
        offset: u64,
        shape: Shape,
        order: Order,
    ) -> Result<View, ArrayError> {
        let itemsize = dtype.itemsize();
        let end = shape
            .span(itemsize)
            .and_then(|span| span.checked_add(offset))
            .and_then(|end| i64::try_from(end).ok());
        if end.is_none() {
            return Err(ArrayError::TooLarge {
                shape,
                itemsize,
                offset,
            });
        }
        let mut strides = vec![0; shape.ndim()];
        // Fits: the products are factors of the span.
        let mut stride = itemsize as i64;
        let mut fill = |axis: usize| {
            strides[axis] = stride;
            stride *= shape.lengths()[axis].max(1) as i64;
        };
        match order {
            Order::C => (0..shape.ndim()).rev().for_each(&mut fill),
            Order::F => (0..shape.ndim()).for_each(&mut fill),
        }
        Ok(View {
            dtype,
            offset,
            shape,
            strides,
        })
    }

    /// A view of these parts, which hold to the invariants above.
    pub(super) fn from_parts(dtype: DType, offset: u64, shape: Shape, strides: Vec<i64>) -> View {
        View {
            dtype,
            offset,
            shape,
            strides,
        }
    }

    /// The type of an element.
    pub fn dtype(&self) -> &DType {
        &self.dtype
    }

    /// Where the first element lies, in bytes from the start of the file.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The length of each axis, in elements.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The bytes from one element to the next along each axis.
    pub fn strides(&self) -> &[i64] {
        &self.strides
    }

    /// The number of axes.
    pub fn ndim(&self) -> usize {
        self.shape.ndim()
    }

    /// The number of elements along `axis`; 0 for an axis that is not there.
    pub fn length(&self, axis: usize) -> u64 {
        self.shape.lengths().get(axis).copied().unwrap_or(0)
    }

    /// The number of elements.
    pub fn size(&self) -> u64 {
        self.shape.lengths().iter().product()
    }

    /// The number of bytes of all elements, `a.nbytes`.
    pub fn nbytes(&self) -> u64 {
        self.size() * self.dtype.itemsize()
    }

    /// `a.take(index, axis)`: one axis fewer. `None` where there is no such
    /// axis or index.
    pub fn take(&self, axis: usize, index: u64) -> Option<View> {
        if index >= self.length(axis) {
            return None;
        }
        let mut taken = self.clone();
        let stride = taken.strides.remove(axis);
        let mut lengths = taken.shape.lengths().to_vec();
        lengths.remove(axis);
        taken.shape = Shape::new(lengths);
        // Fits by invariant 3: it is the offset of an element, or lies within
        // the span of an empty array.
        taken.offset = self.offset.wrapping_add_signed(index as i64 * stride);
        Some(taken)
    }

    /// A view of the type and shape of those that [`take`](View::take) leads to
    /// along `axis`, also where there is none to take. `None` where there is no
    /// such axis.
    pub fn like_taken(&self, axis: usize) -> Option<View> {
        self.take(axis, 0).or_else(|| {
            let mut lengths = self.shape.lengths().to_vec();
            (axis < lengths.len()).then(|| lengths.remove(axis))?;
            View::contiguous(self.dtype.clone(), 0, Shape::new(lengths), Order::C).ok()
        })
    }

    /// The axis and the index that [`take`](View::take) leads by to `view`, which
    /// is canonical; `None` where none does, or there is nothing in it.
    pub fn element_like(&self, view: &View) -> Option<(usize, u64)> {
        if view.ndim() + 1 != self.ndim() || view.size() == 0 {
            return None;
        }
        let ahead = view.offset.wrapping_sub(self.offset) as i64;
        (0..self.ndim()).find_map(|axis| {
            let stride = self.strides[axis];
            let index = match self.length(axis) {
                1 => 0,
                _ => u64::try_from(ahead.checked_div(stride)?).ok()?,
            };
            let taken = self.take(axis, index)?;
            (taken.canonical() == *view).then_some((axis, index))
        })
    }

    /// `a.T`: the axes in reverse.
    pub fn transposed(&self) -> View {
        let mut transposed = self.clone();
        transposed.strides.reverse();
        let lengths = self.shape.lengths().iter().rev().copied();
        transposed.shape = Shape::new(lengths.collect());
        transposed
    }

    /// `a[field]`: the field's elements, its own axes after those of the array.
    /// `None` where there would be more than 64 axes, or so many elements
    /// beside an empty axis that they cannot be counted. The field is one of
    /// the array's type.
    pub fn field(&self, field: &Field) -> Option<View> {
        let lengths = [self.shape.lengths(), field.shape()].concat();
        let shape = Shape::new(lengths);
        let countable = shape.span(field.dtype().itemsize()).is_some();
        if shape.ndim() > MAX_NDIM || !countable {
            return None;
        }
        let mut strides = self.strides.clone();
        // Fits: the products are factors of the span.
        let mut stride = field.dtype().itemsize() as i64;
        for &length in field.shape().iter().rev() {
            strides.insert(self.ndim(), stride);
            stride *= length.max(1) as i64;
        }
        Some(View {
            dtype: field.dtype().clone(),
            offset: self.offset + field.offset(),
            shape,
            strides,
        })
    }

    /// The bytes of the file from the first to the last that an element
    /// covers; empty for an empty view.
    pub fn extent(&self) -> Range<u64> {
        if self.size() == 0 {
            return self.offset..self.offset;
        }
        let (mut low, mut high) = (self.offset, self.offset + self.dtype.itemsize());
        for (&length, &stride) in self.shape.lengths().iter().zip(&self.strides) {
            let reach = (length - 1) as i64 * stride;
            if reach < 0 {
                low = low.wrapping_add_signed(reach);
            } else {
                high = high.wrapping_add_signed(reach);
            }
        }
        low..high
    }

    /// The view made ready for walking its bytes in C order.
    pub fn layout(&self) -> Layout {
        Layout::new(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(dtype: &str, offset: u64, lengths: &[u64], order: Order) -> View {
        let dtype = DType::parse(dtype).unwrap();
        View::contiguous(dtype, offset, Shape::new(lengths.to_vec()), order).unwrap()
    }

    #[test]
    fn strides_are_those_of_numpy() {
        // As printed by numpy.empty(shape, dtype, order).strides.
        for (lengths, order, strides) in [
            (vec![], Order::C, vec![]),
            (vec![5], Order::C, vec![4]),
            (vec![2, 3, 4], Order::C, vec![48, 16, 4]),
            (vec![2, 3, 4], Order::F, vec![4, 8, 24]),
            (vec![0, 4], Order::C, vec![16, 4]),
            (vec![4, 0, 3], Order::C, vec![12, 12, 4]),
            (vec![4, 0, 3], Order::F, vec![4, 16, 16]),
        ] {
            assert_eq!(
                view("f4", 0, &lengths, order).strides(),
                strides,
                "{lengths:?}"
            );
        }
    }

    #[test]
    fn extents_cover_the_first_to_the_last_byte() {
        let a = view("<i2", 10, &[3, 4], Order::C);
        assert_eq!(a.extent(), 10..34);
        assert_eq!(a.take(0, 2).unwrap().extent(), 26..34);
        assert_eq!(a.take(1, 1).unwrap().extent(), 12..30);
        assert_eq!(view("<i2", 10, &[3, 0], Order::C).extent(), 10..10);
    }

    #[test]
    fn taking_drops_the_axis_and_refuses_what_is_not_there() {
        let a = view("u1", 0, &[3, 4, 5], Order::F);
        let taken = a.take(1, 3).unwrap();
        assert_eq!(taken.shape().lengths(), [3, 5]);
        assert_eq!((taken.offset(), taken.strides()), (9, &[1, 12][..]));
        assert_eq!(a.take(1, 4), None);
        assert_eq!(a.take(3, 0), None);
    }

    #[test]
    fn arrays_that_end_past_the_largest_file_are_refused() {
        let dtype = || DType::parse("f8").unwrap();
        let refused = |offset, lengths: &[u64]| {
            View::contiguous(dtype(), offset, Shape::new(lengths.to_vec()), Order::C).is_err()
        };
        assert!(refused(0, &[1 << 60]));
        assert!(refused(0, &[u64::MAX]));
        assert!(refused(0, &[1 << 40, 1 << 40]));
        assert!(refused(0, &[0, 1 << 40, 1 << 40]));
        assert!(refused(u64::MAX, &[1]));
        assert!(refused(i64::MAX as u64 - 7, &[1]));
        assert!(!refused(i64::MAX as u64 - 8, &[1]));
        assert!(!refused(0, &[(1 << 60) - 1]));
    }
}
