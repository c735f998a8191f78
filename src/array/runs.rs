//! How the bytes of a view follow one another: a range of its C-order bytes
//! becomes runs of equally spaced pieces of the file. A contiguous view is the
//! case of one run with one piece, not a path of its own.

use std::ops::Range;

use super::{MAX_NDIM, View};

/// Equally spaced pieces of the file that follow one another in a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// Where the first piece begins, in bytes from the start of the file.
    pub offset: u64,
    /// Bytes in a piece.
    pub piece: u64,
    /// Bytes from the start of one piece to the start of the next.
    pub stride: i64,
    /// How many pieces, at least one.
    pub count: u64,
}

impl Run {
    /// The start of the piece that lies nearest to the start of the file.
    pub fn start(&self) -> u64 {
        let nearest = (self.count - 1) as i64 * self.stride.min(0);
        self.offset.wrapping_add_signed(nearest)
    }

    /// How many of the run's bytes, in order, come before the first that does
    /// not lie before byte `end` of the file.
    pub fn bytes_before(&self, end: u64) -> u64 {
        if self.end() <= end {
            return self.piece * self.count;
        }
        // Otherwise the pieces come nearer to the end, or the first is the
        // furthest, and a step of 0 has just one piece.
        let room = end.saturating_sub(self.offset);
        let step = self.stride.max(0) as u64;
        let whole = match room.checked_sub(self.piece) {
            Some(rest) if step > 0 => rest / step + 1,
            _ => 0,
        };
        let partial = room.saturating_sub(whole * step).min(self.piece);
        whole * self.piece + partial
    }

    /// The run of `count` of the pieces from the `first`-th on.
    pub fn slice(&self, first: u64, count: u64) -> Run {
        let ahead = first as i64 * self.stride;
        Run {
            offset: self.offset.wrapping_add_signed(ahead),
            count,
            ..*self
        }
    }

    /// The end of the piece that lies furthest into the file.
    pub fn end(&self) -> u64 {
        let furthest = (self.count - 1) as i64 * self.stride.max(0);
        self.offset.wrapping_add_signed(furthest) + self.piece
    }
}

/// A view made ready for walking: axes that follow one another without a gap
/// are one, and what is contiguous at the fast end is a block of bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    offset: u64,
    block: u64,
    /// Outermost first; no axis of length 1, none that continues the next.
    axes: Vec<Axis>,
    nbytes: u64,
    extent: Range<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Axis {
    length: u64,
    stride: i64,
}

impl Axis {
    /// The stride of an axis that would continue this one without a gap.
    fn reach(self) -> i64 {
        self.length as i64 * self.stride
    }
}

impl Layout {
    pub(super) fn new(view: &View) -> Layout {
        let mut block = view.dtype().itemsize();
        let mut axes: Vec<Axis> = Vec::new();
        if view.size() > 0 {
            let shape = view.shape().lengths().iter();
            for (&length, &stride) in shape.zip(view.strides()).rev() {
                match axes.last_mut() {
                    _ if length == 1 => {}
                    None if stride == block as i64 => block *= length,
                    Some(inner) if stride == inner.reach() => inner.length *= length,
                    _ => axes.push(Axis { length, stride }),
                }
            }
        }
        axes.reverse();
        Layout {
            offset: view.offset(),
            block,
            axes,
            nbytes: view.nbytes(),
            extent: view.extent(),
        }
    }

    /// The number of bytes in the view.
    pub fn nbytes(&self) -> u64 {
        self.nbytes
    }

    /// The bytes of the file from the first to the last that the view covers.
    pub fn extent(&self) -> Range<u64> {
        self.extent.clone()
    }

    /// The bytes of the file from the first to the last that the bytes `range`
    /// of the view cover; empty for an empty range.
    pub fn hull(&self, range: Range<u64>) -> Range<u64> {
        if range.start == 0 && range.end >= self.nbytes {
            return self.extent();
        }
        let hulls = self.runs(range).map(|run| run.start()..run.end());
        let joined = hulls.reduce(|a, b| a.start.min(b.start)..a.end.max(b.end));
        joined.unwrap_or(self.offset..self.offset)
    }

    /// Bytes of the view outside of which none lies in the bytes `file` of the
    /// file; empty if none does. For contiguous views they are exact.
    pub fn bytes_in(&self, file: &Range<u64>) -> Range<u64> {
        if self.nbytes == 0 || file.start >= self.extent.end || file.end <= self.extent.start {
            return 0..0;
        }
        let mut bytes = 0..self.nbytes;
        let mut extent = self.extent.clone();
        for axis in &self.axes {
            let step = axis.stride.unsigned_abs();
            let count = axis.length;
            // What one element of the axis covers, the lowest first.
            let width = extent.end - extent.start - (count - 1) * step;
            let past = file.start.saturating_sub(extent.start);
            let first = match past.checked_sub(width) {
                Some(past) if step > 0 => past / step + 1,
                _ => 0,
            };
            let before = file.end - extent.start;
            let last = match before.checked_sub(1) {
                Some(before) if step > 0 => (before / step).min(count - 1),
                _ => count - 1,
            };
            if first > last {
                return 0..0;
            }
            let low = extent.start + first * step;
            extent = low..low + (last - first) * step + width;
            let (first, last) = match axis.stride < 0 {
                true => (count - 1 - last, count - 1 - first),
                false => (first, last),
            };
            let each = (bytes.end - bytes.start) / count;
            bytes = bytes.start + first * each..bytes.start + (last + 1) * each;
            if first < last {
                return bytes;
            }
        }
        // One block is left, which is contiguous.
        let start = file.start.saturating_sub(extent.start);
        let end = (file.end - extent.start).min(extent.end - extent.start);
        bytes.start + start..bytes.start + end
    }

    /// The pieces of the file that make up the bytes `range` of the view, in
    /// order. What lies past the end of the view is left out.
    pub fn runs(&self, range: Range<u64>) -> Runs<'_> {
        let end = range.end.min(self.nbytes);
        let start = range.start.min(end);
        let mut runs = Runs {
            layout: self,
            index: [0; MAX_NDIM],
            at: self.offset,
            within: start % self.block,
            left: end - start,
        };
        let mut block = start / self.block;
        let index = &mut runs.index[..self.axes.len()];
        for (index, axis) in index.iter_mut().zip(&self.axes).rev() {
            *index = block % axis.length;
            block /= axis.length;
            runs.at = runs.at.wrapping_add_signed(*index as i64 * axis.stride);
        }
        runs
    }
}

/// The runs of a range of a [`Layout`], by [`Layout::runs`].
#[derive(Debug)]
pub struct Runs<'a> {
    layout: &'a Layout,
    /// The place along each axis of the block that comes next.
    index: [u64; MAX_NDIM],
    /// Where that block begins in the file.
    at: u64,
    /// Bytes of that block that lie before the range.
    within: u64,
    /// Bytes of the range still to come.
    left: u64,
}

impl Iterator for Runs<'_> {
    type Item = Run;

    fn next(&mut self) -> Option<Run> {
        if self.left == 0 {
            return None;
        }
        let block = self.layout.block;
        if self.within > 0 || self.left < block {
            let piece = (block - self.within).min(self.left);
            let offset = self.at + self.within;
            self.left -= piece;
            self.within = 0;
            self.advance(1);
            return Some(Run {
                offset,
                piece,
                stride: 0,
                count: 1,
            });
        }
        let offset = self.at;
        let (stride, ahead) = match self.layout.axes.last() {
            Some(axis) => (
                axis.stride,
                axis.length - self.index[self.layout.axes.len() - 1],
            ),
            None => (0, 1),
        };
        let count = ahead.min(self.left / block);
        self.left -= count * block;
        self.advance(count);
        Some(Run {
            offset,
            piece: block,
            stride,
            count,
        })
    }
}

impl Runs<'_> {
    /// Moves `count` blocks ahead, which do not go past the end of the
    /// innermost axis. After the last block of the view the position means
    /// nothing, which is why it may wrap.
    fn advance(&mut self, count: u64) {
        let mut steps = count;
        let axes = &self.layout.axes;
        for (axis, index) in axes.iter().zip(&mut self.index[..axes.len()]).rev() {
            *index += steps;
            self.at = self
                .at
                .wrapping_add_signed((steps as i64).wrapping_mul(axis.stride));
            if *index < axis.length {
                return;
            }
            *index = 0;
            self.at = self.at.wrapping_add_signed(axis.reach().wrapping_neg());
            steps = 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::array::{Order, Shape};
    use crate::dtype::DType;

    /// The file offset of each byte of the view in C order, by nested loops.
    fn naive(view: &View) -> Vec<u64> {
        fn walk(view: &View, axis: usize, at: i64, bytes: &mut Vec<u64>) {
            if axis == view.ndim() {
                bytes.extend((0..view.dtype().itemsize()).map(|b| at as u64 + b));
                return;
            }
            for index in 0..view.length(axis) {
                walk(
                    view,
                    axis + 1,
                    at + index as i64 * view.strides()[axis],
                    bytes,
                );
            }
        }
        let mut bytes = Vec::new();
        walk(view, 0, view.offset() as i64, &mut bytes);
        bytes
    }

    fn spread(runs: Runs<'_>) -> Vec<u64> {
        let mut bytes = Vec::new();
        for run in runs {
            for piece in 0..run.count {
                let at = run.offset as i64 + piece as i64 * run.stride;
                bytes.extend((0..run.piece).map(|b| at as u64 + b));
            }
        }
        bytes
    }

    const INDICES: [&str; 8] = [
        "::-1",
        "...,::-1",
        "::-1,::-1",
        "...,::-2,1:",
        "1:,None,::-3",
        "2:0:-1,...,::2",
        ":,:1,::-1",
        "-1,1:3,-1:0:-2",
    ];

    /// The array, its transpose, every slice of both along every axis, and
    /// those of `INDICES` that have enough axes.
    fn views_of(array: &View) -> Vec<View> {
        let mut views = Vec::new();
        for whole in [array.clone(), array.transposed()] {
            for axis in 0..whole.ndim() {
                let slices = (0..whole.length(axis)).filter_map(|i| whole.take(axis, i));
                views.extend(slices);
            }
            let indexed = INDICES.iter().filter_map(|text| {
                let indexed = whole.index(&text.parse().unwrap())?;
                Some(indexed.view)
            });
            views.extend(indexed);
            views.push(whole);
        }
        views
    }

    fn small_shapes() -> Vec<Vec<u64>> {
        let mut shapes = vec![vec![]];
        for ndim in 1..=3 {
            for code in 0..5u64.pow(ndim) {
                shapes.push((0..ndim).map(|axis| code / 5u64.pow(axis) % 5).collect());
            }
        }
        shapes
    }

    #[test]
    fn every_range_of_every_view_of_small_arrays_is_that_of_nested_loops() {
        for lengths in small_shapes() {
            for order in [Order::C, Order::F] {
                let dtype = DType::parse("V2").unwrap();
                let shape = Shape::new(lengths.clone());
                let array = View::contiguous(dtype, 7, shape, order).unwrap();
                for view in views_of(&array) {
                    let expected = naive(&view);
                    let layout = view.layout();
                    assert_eq!(layout.nbytes(), expected.len() as u64);
                    for start in 0..=expected.len() {
                        for end in start..=expected.len() {
                            let got = spread(layout.runs(start as u64..end as u64));
                            assert_eq!(got, expected[start..end], "{view:?} {start}..{end}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn bytes_in_a_range_of_the_file_are_among_those_named() {
        for lengths in small_shapes() {
            let dtype = DType::parse("V2").unwrap();
            let array = View::contiguous(dtype, 7, Shape::new(lengths), Order::C).unwrap();
            for view in views_of(&array) {
                let bytes = naive(&view);
                let layout = view.layout();
                let contiguous = bytes.windows(2).all(|pair| pair[1] == pair[0] + 1);
                for start in 0..140 {
                    for end in [start + 1, start + 2, start + 9, start + 60] {
                        let named = layout.bytes_in(&(start..end));
                        let inside = |at: &u64| (start..end).contains(at);
                        let outside = bytes[..named.start as usize]
                            .iter()
                            .chain(&bytes[named.end as usize..]);
                        assert_eq!(outside.filter(|at| inside(at)).count(), 0, "{view:?}");
                        let exact = bytes.iter().filter(|at| inside(at)).count() as u64;
                        if contiguous || exact == 0 && view.ndim() <= 1 {
                            assert_eq!(named.end - named.start, exact, "{view:?} {start}..{end}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn bytes_before_an_end_are_those_up_to_the_first_behind_it() {
        for piece in 1..4 {
            for (stride, count) in [(4, 3), (3, 3), (7, 2), (0, 1), (-4, 3), (-5, 2)] {
                let run = Run {
                    offset: 20,
                    piece,
                    stride,
                    count,
                };
                let bytes: Vec<u64> = (0..count as i64)
                    .flat_map(|k| (0..piece).map(move |b| (20 + k * stride) as u64 + b))
                    .collect();
                for end in 0..50 {
                    let before = bytes.iter().take_while(|&&at| at < end).count() as u64;
                    assert_eq!(run.bytes_before(end), before, "{run:?} {end}");
                }
            }
        }
    }

    #[test]
    fn what_lies_past_the_end_has_no_runs() {
        let dtype = DType::parse("u1").unwrap();
        let view = View::contiguous(dtype, 0, Shape::new(vec![4]), Order::C).unwrap();
        let layout = view.layout();
        assert_eq!(layout.runs(4..9).count(), 0);
        assert_eq!(layout.runs(u64::MAX..u64::MAX).count(), 0);
        assert_eq!(spread(layout.runs(2..u64::MAX)), [2, 3]);
    }

    #[test]
    fn a_contiguous_view_is_one_run_of_one_piece() {
        let dtype = DType::parse("f8").unwrap();
        let array = View::contiguous(dtype, 16, Shape::new(vec![5, 6, 7]), Order::F).unwrap();
        for view in [array.transposed(), array.take(2, 3).unwrap().transposed()] {
            let runs: Vec<Run> = view.layout().runs(0..view.nbytes()).collect();
            assert_eq!(runs.len(), 1);
            assert_eq!((runs[0].piece, runs[0].count), (view.nbytes(), 1));
        }
    }
}
