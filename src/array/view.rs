//! Strided views: a dtype, an offset, and a length and a stride for each axis.
//! Slices, transposes and fields are derived here by arithmetic alone. Iteration
//! over the bytes of a view is left to `runs`.

use std::ops::Range;

use super::{ArrayError, Layout, MAX_NDIM, Order, Shape};
use crate::dtype::{DType, Field};

/// A strided view of the bytes of a file, as `numpy.ndarray` is of memory.
///
/// Invariants of a valid view, which every function here preserves:
///
/// 1. It has one stride for each axis, and at most [`MAX_NDIM`](super::MAX_NDIM) axes.
/// 2. Its size in bytes is below 2^63, with empty axes counted as length 1.
/// 3. Each element lies between bytes 0 and 2^63 of the file.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct View {
    dtype: DType,
    offset: u64,
    shape: Shape,
    strides: Vec<i64>,
}

impl View {
    /// A contiguous array at file offset `offset`, in bytes, as
    /// `numpy.memmap(..., dtype, offset=, shape=, order=)`.
    ///
    /// # Errors
    ///
    /// [`ArrayError::TooLarge`] when its end exceeds 2^63 - 1 bytes.
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
        // No overflow: the products divide the span.
        let mut stride = itemsize as i64;
        let mut set_stride = |axis: usize| {
            strides[axis] = stride;
            stride *= shape.lengths()[axis].max(1) as i64;
        };
        match order {
            Order::C => (0..shape.ndim()).rev().for_each(&mut set_stride),
            Order::F => (0..shape.ndim()).for_each(&mut set_stride),
        }
        Ok(View {
            dtype,
            offset,
            shape,
            strides,
        })
    }

    /// A view of these parts: offset and strides in bytes, one stride for each axis, as
    /// `numpy.ndarray(shape, dtype, buffer, offset, strides)`.
    ///
    /// # Errors
    ///
    /// [`ArrayError::TooLarge`] when an element lies before the start of the file or its end
    /// exceeds 2^63 - 1 bytes, or when the size does; [`ArrayError::Strides`] when there is not
    /// one stride for each axis, or more than [`MAX_NDIM`] axes.
    pub fn strided(
        dtype: DType,
        offset: u64,
        shape: Shape,
        strides: Vec<i64>,
    ) -> Result<View, ArrayError> {
        if strides.len() != shape.ndim() || shape.ndim() > MAX_NDIM {
            let (axes, strides) = (shape.ndim(), strides.len());
            return Err(ArrayError::Strides { axes, strides });
        }
        let itemsize = dtype.itemsize();
        // The bytes before the element at index 0, and from it to the end of the last.
        let extent = || {
            shape.span(itemsize)?;
            let (mut before, mut after) = (0u64, itemsize);
            for (&length, &stride) in shape.lengths().iter().zip(&strides) {
                let steps = length.saturating_sub(1);
                let distance = steps.checked_mul(stride.unsigned_abs())?;
                let side = if stride < 0 { &mut before } else { &mut after };
                *side = side.checked_add(distance)?;
            }
            offset.checked_sub(before)?;
            i64::try_from(offset.checked_add(after)?).ok()
        };
        if extent().is_none() {
            return Err(ArrayError::TooLarge {
                shape,
                itemsize,
                offset,
            });
        }
        Ok(View {
            dtype,
            offset,
            shape,
            strides,
        })
    }

    /// A view of these parts. They must satisfy the invariants of [`View`].
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

    /// File offset of the element at index 0 of every axis, in bytes.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The length of each axis, in elements.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The stride of each axis, in bytes.
    pub fn strides(&self) -> &[i64] {
        &self.strides
    }

    /// The number of axes.
    pub fn ndim(&self) -> usize {
        self.shape.ndim()
    }

    /// The number of elements along `axis`. 0 if there is no such axis.
    pub fn length(&self, axis: usize) -> u64 {
        self.shape.lengths().get(axis).copied().unwrap_or(0)
    }

    /// The number of elements.
    pub fn size(&self) -> u64 {
        self.shape.lengths().iter().product()
    }

    /// The size of all elements in bytes, `a.nbytes`.
    pub fn nbytes(&self) -> u64 {
        self.size() * self.dtype.itemsize()
    }

    /// `a.take(index, axis)`, without that axis. `None` if the axis or the index is
    /// out of range.
    pub fn take(&self, axis: usize, index: u64) -> Option<View> {
        if index >= self.length(axis) {
            return None;
        }
        let mut taken = self.clone();
        let stride = taken.strides.remove(axis);
        let mut lengths = taken.shape.lengths().to_vec();
        lengths.remove(axis);
        taken.shape = Shape::new(lengths);
        // No overflow, by invariant 3: this is the offset of an element, or lies
        // within the span of an empty array.
        taken.offset = self.offset.wrapping_add_signed(index as i64 * stride);
        Some(taken)
    }

    /// The elements from index `starts` on, `lengths` along the axes: `a[s0:s0 + n0, s1:s1 + n1]`.
    /// `None` unless they are all elements of the view, at least one, and there is one start and
    /// one length for each axis.
    pub fn block(&self, starts: &[u64], lengths: &[u64]) -> Option<View> {
        if starts.len() != self.ndim() || lengths.len() != self.ndim() {
            return None;
        }
        let mut block = self.clone();
        block.shape = Shape::new(lengths.to_vec());
        for (axis, (&start, &length)) in starts.iter().zip(lengths).enumerate() {
            let end = start.checked_add(length)?;
            if length == 0 || end > self.length(axis) {
                return None;
            }
            // No overflow, by invariant 3: this is the offset of an element.
            let distance = (start as i64).wrapping_mul(self.strides[axis]);
            block.offset = block.offset.wrapping_add_signed(distance);
        }
        Some(block)
    }

    /// Every `step`th index of `axis`, beginning with the first: `a[::step]` along that axis.
    /// `None` if there is no such axis, or the step is 0.
    pub fn every(&self, axis: usize, step: u64) -> Option<View> {
        let mut lengths = self.shape.lengths().to_vec();
        let length = lengths.get(axis).copied()?;
        let count = (step > 0).then(|| length.div_ceil(step))?;
        lengths[axis] = count;
        let mut every = self.clone();
        every.shape = Shape::new(lengths);
        if count > 1 {
            // No overflow, by invariant 3: this is the distance between two elements.
            every.strides[axis] = self.strides[axis].wrapping_mul(step as i64);
        }
        Some(every)
    }

    /// A view with the dtype and shape that [`take`](View::take) returns along
    /// `axis`, also if that axis is empty. `None` if there is no such axis.
    pub fn like_taken(&self, axis: usize) -> Option<View> {
        self.take(axis, 0).or_else(|| {
            let mut lengths = self.shape.lengths().to_vec();
            (axis < lengths.len()).then(|| lengths.remove(axis))?;
            View::contiguous(self.dtype.clone(), 0, Shape::new(lengths), Order::C).ok()
        })
    }

    /// The axis and index for which [`take`](View::take) returns `view`. `view` must
    /// be [canonical](View::canonical). `None` if there are none, or if it is empty.
    pub fn element_like(&self, view: &View) -> Option<(usize, u64)> {
        if view.ndim() + 1 != self.ndim() || view.size() == 0 {
            return None;
        }
        let distance = view.offset.wrapping_sub(self.offset) as i64;
        (0..self.ndim()).find_map(|axis| {
            let stride = self.strides[axis];
            let index = match self.length(axis) {
                1 => 0,
                _ => u64::try_from(distance.checked_div(stride)?).ok()?,
            };
            let taken = self.take(axis, index)?;
            (taken.canonical() == *view).then_some((axis, index))
        })
    }

    /// `a.T`: the axes in reverse order.
    pub fn transposed(&self) -> View {
        let mut transposed = self.clone();
        transposed.strides.reverse();
        let lengths = self.shape.lengths().iter().rev().copied();
        transposed.shape = Shape::new(lengths.collect());
        transposed
    }

    /// `a[field]`, for a field of this dtype. The axes of the field follow those of
    /// the array. `None` in two cases:
    ///
    /// - the result has more than 64 axes;
    /// - an axis is empty, and the other lengths overflow 63 bits.
    pub fn field(&self, field: &Field) -> Option<View> {
        let lengths = [self.shape.lengths(), field.shape()].concat();
        let shape = Shape::new(lengths);
        let fits = shape.span(field.dtype().itemsize()).is_some();
        if shape.ndim() > MAX_NDIM || !fits {
            return None;
        }
        let mut strides = self.strides.clone();
        // No overflow: the products divide the span.
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

    /// Whether the elements lie in this order, without gaps, as in `flags.c_contiguous` and
    /// `flags.f_contiguous`. The stride of an axis with one element does not matter.
    pub fn is_contiguous(&self, order: Order) -> bool {
        let (shape, dtype) = (self.shape.clone(), self.dtype.clone());
        let Ok(block) = View::contiguous(dtype, self.offset, shape, order) else {
            return false;
        };
        let strides = self.strides.iter().zip(&block.strides);
        let mut axes = self.shape.lengths().iter().zip(strides);
        self.size() == 0 || axes.all(|(&length, (own, expected))| length == 1 || own == expected)
    }

    /// The smallest file range, in bytes, that contains all elements. Empty for an
    /// empty view.
    pub fn extent(&self) -> Range<u64> {
        if self.size() == 0 {
            return self.offset..self.offset;
        }
        let (mut low, mut high) = (self.offset, self.offset + self.dtype.itemsize());
        for (&length, &stride) in self.shape.lengths().iter().zip(&self.strides) {
            let distance = (length - 1) as i64 * stride;
            if distance < 0 {
                low = low.wrapping_add_signed(distance);
            } else {
                high = high.wrapping_add_signed(distance);
            }
        }
        low..high
    }

    /// The reduced form of the view, for iterating over its bytes in C order.
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
    fn a_view_is_contiguous_in_the_orders_that_numpy_says() {
        let strided = |lengths: &[u64], strides: &[i64]| {
            let (dtype, shape) = (DType::parse("i2").unwrap(), Shape::new(lengths.to_vec()));
            View::strided(dtype, 64, shape, strides.to_vec()).unwrap()
        };
        // The flags of numpy.ndarray(lengths, 'i2', bytes(200), 64, strides).
        for (lengths, strides, expected) in [
            (&[][..], &[][..], [true, true]),
            (&[3], &[2], [true, true]),
            (&[3], &[4], [false, false]),
            (&[3], &[-2], [false, false]),
            (&[2, 3], &[6, 2], [true, false]),
            (&[2, 3], &[2, 4], [false, true]),
            (&[2, 3], &[8, 2], [false, false]),
            (&[1, 3], &[99, 2], [true, true]),
            (&[2, 1, 3], &[6, -1, 2], [true, false]),
            (&[2, 4, 3], &[8, 2, 16], [false, false]),
            (&[0, 3], &[5, 7], [true, true]),
        ] {
            let view = strided(lengths, strides);
            let found = [Order::C, Order::F].map(|order| view.is_contiguous(order));
            assert_eq!(found, expected, "{lengths:?} {strides:?}");
        }
    }

    #[test]
    fn strided_views_outside_the_largest_file_are_refused() {
        let strided = |offset, lengths: &[u64], strides: &[i64]| {
            let shape = Shape::new(lengths.to_vec());
            View::strided(DType::parse("f8").unwrap(), offset, shape, strides.to_vec())
        };
        let reversed = strided(16, &[3, 2], &[-8, 100]).unwrap();
        assert_eq!(reversed.extent(), 0..124);
        assert_eq!(reversed.take(0, 2).unwrap().offset(), 0);
        for (offset, lengths, strides) in [
            (15, &[3][..], &[-8][..]),
            (0, &[2], &[i64::MAX]),
            (0, &[u64::MAX], &[0]),
            (0, &[1 << 40, 1 << 40], &[0, 0]),
            (0, &[2], &[]),
            (0, &[2], &[8, 8]),
            (0, &[1 << 62, 3], &[8, i64::MIN]),
            (i64::MAX as u64 - 6, &[], &[]),
        ] {
            assert!(strided(offset, lengths, strides).is_err(), "{lengths:?}");
        }
        assert!(strided(0, &[0, 5], &[i64::MAX, 8]).is_ok());
        let (lengths, strides) = (vec![1; 65], vec![8; 65]);
        assert!(strided(0, &lengths, &strides).is_err());
    }

    #[test]
    fn a_block_has_the_elements_of_basic_slices() {
        let a = view("i2", 10, &[4, 5], Order::F);
        let block = a.block(&[1, 3], &[2, 2]).unwrap();
        let index = "1:3,3:5".parse().unwrap();
        assert_eq!(block, a.index(&index).unwrap().view);
        for (starts, lengths) in [
            (&[1, 3][..], &[4, 1][..]),
            (&[4, 0], &[1, 1]),
            (&[0, 0], &[1, 0]),
            (&[0, u64::MAX], &[1, 2]),
            (&[0], &[1]),
        ] {
            assert_eq!(a.block(starts, lengths), None, "{starts:?} {lengths:?}");
        }
    }

    #[test]
    fn the_extent_spans_the_first_to_the_last_byte() {
        let a = view("<i2", 10, &[3, 4], Order::C);
        assert_eq!(a.extent(), 10..34);
        assert_eq!(a.take(0, 2).unwrap().extent(), 26..34);
        assert_eq!(a.take(1, 1).unwrap().extent(), 12..30);
        assert_eq!(view("<i2", 10, &[3, 0], Order::C).extent(), 10..10);
    }

    #[test]
    fn take_drops_the_axis_and_gives_none_out_of_range() {
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
