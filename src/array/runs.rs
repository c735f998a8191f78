//! Gather and scatter lists: maps a byte range of a view, in C order, to runs of
//! equally spaced pieces of the file. A contiguous view yields one run of one
//! piece, so it needs no separate code path. Copying is left to `mapping`.

#[cfg(test)]
mod tests;

use std::ops::Range;

use super::{Grid, MAX_NDIM, View};

/// Equally spaced pieces of the file that are consecutive in a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// File offset of the first piece, in bytes.
    pub offset: u64,
    /// Size of a piece in bytes.
    pub piece: u64,
    /// Distance in bytes between the starts of consecutive pieces.
    pub stride: i64,
    /// Number of pieces, at least 1.
    pub count: u64,
}

impl Run {
    /// Total size of all pieces in bytes.
    pub fn nbytes(&self) -> u64 {
        self.piece * self.count
    }

    /// The lowest file offset of any piece, in bytes.
    pub fn start(&self) -> u64 {
        let lowest = (self.count - 1) as i64 * self.stride.min(0);
        self.offset.wrapping_add_signed(lowest)
    }

    /// Length in bytes of the longest prefix of the run that lies entirely
    /// before file offset `end`.
    pub fn bytes_before(&self, end: u64) -> u64 {
        if self.end() <= end {
            return self.nbytes();
        }
        // Under a positive stride the pieces approach `end`. Under a negative
        // stride the first piece is the one that crosses it. A run of stride 0
        // has one piece.
        let room = end.saturating_sub(self.offset);
        let step = self.stride.max(0) as u64;
        let whole = match room.checked_sub(self.piece) {
            Some(rest) if step > 0 => rest / step + 1,
            _ => 0,
        };
        let partial = room.saturating_sub(whole * step).min(self.piece);
        whole * self.piece + partial
    }

    /// Whether any piece contains a byte of the file range `file`.
    pub fn has_any(&self, file: &Range<u64>) -> bool {
        let axis = Axis {
            length: self.count,
            stride: self.stride,
        };
        intersects(&[axis], self.start()..self.end(), file)
    }

    /// The run of `count` pieces that starts at piece `first`.
    pub fn slice(&self, first: u64, count: u64) -> Run {
        let ahead = first as i64 * self.stride;
        Run {
            offset: self.offset.wrapping_add_signed(ahead),
            count,
            ..*self
        }
    }

    /// The highest file offset at which a piece ends, in bytes.
    pub fn end(&self) -> u64 {
        let highest = (self.count - 1) as i64 * self.stride.max(0);
        self.offset.wrapping_add_signed(highest) + self.piece
    }
}

/// A view in reduced form, for iterating over its bytes in C order.
///
/// - Adjacent axes that can be merged without a copy are one axis.
/// - The contiguous innermost axes and the item form one block of bytes.
/// - Axes of length 1 are dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// File offset of the first element, in bytes.
    offset: u64,
    /// Size of a block in bytes.
    block: u64,
    /// Outermost first, none of length 1, none that can be merged with the next.
    axes: Vec<Axis>,
    nbytes: u64,
    extent: Range<u64>,
}

/// An axis of a [`Layout`]. Its elements are blocks, or whole inner axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Axis {
    /// Number of elements.
    pub(super) length: u64,
    /// Distance in bytes between consecutive elements in the file.
    pub(super) stride: i64,
}

impl Axis {
    /// The stride of an outer axis that can be merged with this one.
    fn outer_stride(self) -> i64 {
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
                    Some(inner) if stride == inner.outer_stride() => inner.length *= length,
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

    /// A layout of blocks of `block` bytes along `axes`. `extent` is its range in
    /// the file, in bytes.
    pub(super) fn from_axes(
        offset: u64,
        block: u64,
        axes: Vec<Axis>,
        extent: Range<u64>,
    ) -> Layout {
        let blocks: u64 = axes.iter().map(|axis| axis.length).product();
        Layout {
            offset,
            block,
            axes,
            nbytes: blocks * block,
            extent,
        }
    }

    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Size in bytes of each contiguous piece of the view.
    pub fn block(&self) -> u64 {
        self.block
    }

    pub(super) fn axes(&self) -> &[Axis] {
        &self.axes
    }

    /// Size of the view in bytes.
    pub fn nbytes(&self) -> u64 {
        self.nbytes
    }

    /// Whether the view is C-contiguous in the file.
    pub fn is_contiguous(&self) -> bool {
        self.axes.is_empty()
    }

    /// The smallest file range, in bytes, that contains the view.
    pub fn extent(&self) -> Range<u64> {
        self.extent.clone()
    }

    /// The smallest file range that contains the bytes `range` of the view. Empty
    /// for an empty range.
    pub fn covering_range(&self, range: Range<u64>) -> Range<u64> {
        if range.start == 0 && range.end >= self.nbytes {
            return self.extent();
        }
        let extents = self.runs(range).map(|run| run.start()..run.end());
        let joined = extents.reduce(|a, b| a.start.min(b.start)..a.end.max(b.end));
        joined.unwrap_or(self.offset..self.offset)
    }

    /// The approximate number of cache lines of `line_size` bytes that a read of
    /// `bytes` consecutive bytes of the view touches. `None` in two cases:
    ///
    /// - The view is contiguous.
    /// - The read spans several rows whose elements are adjacent in the file. The
    ///   rows share cache lines, so they are best read together.
    pub fn cache_lines(&self, bytes: u64, line_size: u64) -> Option<u64> {
        let inner = self.axes.last()?;
        let outer = self.axes.iter().rev().nth(1);
        let rows_share_lines = outer.is_some_and(|outer| outer.stride == self.block as i64);
        if rows_share_lines && bytes > inner.length * self.block {
            return None;
        }
        let step = inner.stride.unsigned_abs().min(line_size);
        Some((bytes / self.block) * step.max(self.block) / line_size)
    }

    /// Whether consecutive pieces start at most `bytes` bytes apart in the file, along
    /// the innermost axis.
    pub fn is_dense(&self, bytes: u64) -> bool {
        let inner = self.axes.last();
        inner.is_none_or(|inner| inner.stride.unsigned_abs() <= bytes)
    }

    /// A range of view bytes that contains every byte of the view in the file
    /// range `file`. Exact for contiguous views, an upper bound for others.
    pub fn view_range_in(&self, file: &Range<u64>) -> Range<u64> {
        if self.nbytes == 0 || file.start >= self.extent.end || file.end <= self.extent.start {
            return 0..0;
        }
        let mut bytes = 0..self.nbytes;
        let mut extent = self.extent.clone();
        for axis in &self.axes {
            let step = axis.stride.unsigned_abs();
            let count = axis.length;
            // Size in the file of one element of the axis. Elements are numbered
            // by file offset here.
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
            let element_bytes = (bytes.end - bytes.start) / count;
            bytes = bytes.start + first * element_bytes..bytes.start + (last + 1) * element_bytes;
            if first < last {
                return bytes;
            }
        }
        // A single block remains, and blocks are contiguous.
        let start = file.start.saturating_sub(extent.start);
        let end = (file.end - extent.start).min(extent.end - extent.start);
        bytes.start + start..bytes.start + end
    }

    /// Whether the view contains a byte of the file range `file`.
    pub fn has_any(&self, file: &Range<u64>) -> bool {
        self.nbytes > 0 && intersects(&self.axes_by_stride(), self.extent.clone(), file)
    }

    /// The axes by descending absolute stride. In this order, few elements of each
    /// axis intersect a given file range.
    fn axes_by_stride(&self) -> Vec<Axis> {
        let mut axes = self.axes.clone();
        axes.sort_unstable_by_key(|axis| std::cmp::Reverse(axis.stride.unsigned_abs()));
        axes
    }

    /// The last position in the view, at or before byte `at`, that splits no word.
    /// Words are `word` bytes long and aligned in the file. The result is in the
    /// block of `at`: a word that starts before that block counts from its start.
    pub fn boundary(&self, at: u64, word: u64) -> u64 {
        let Some(run) = self.runs(at..at + 1).next() else {
            return at;
        };
        at - (run.offset % word).min(at % self.block)
    }

    /// Whether the bytes `range` of this view and the view `other` share a byte of
    /// the file.
    pub fn overlaps(&self, range: Range<u64>, other: &Layout) -> bool {
        let axes = other.axes_by_stride();
        let has_any =
            |bytes: Range<u64>| other.nbytes > 0 && intersects(&axes, other.extent.clone(), &bytes);
        let run_overlaps = |run: Run| {
            let covering = run.start()..run.end();
            if !has_any(covering.clone()) || other.is_interleaved_with(&run) {
                return false;
            }
            // Iterates over the side with fewer pieces in this range.
            let within = other.view_range_in(&covering);
            match (within.end - within.start) / other.block < run.count {
                true => {
                    let pieces = |other: Run| (0..other.count).map(move |k| other.slice(k, 1));
                    let mut pieces = other.runs(within).flat_map(pieces);
                    pieces.any(|piece| run.has_any(&(piece.offset..piece.end())))
                }
                false => {
                    let mut pieces = (0..run.count).map(|k| run.slice(k, 1));
                    pieces.any(|piece| has_any(piece.offset..piece.end()))
                }
            }
        };
        has_any(self.covering_range(range.clone())) && self.runs(range).any(run_overlaps)
    }

    /// Whether the view has one axis with the stride of `run`, up to sign, and all
    /// its blocks lie in the gaps between the pieces of `run`.
    fn is_interleaved_with(&self, run: &Run) -> bool {
        let [axis] = self.axes[..] else { return false };
        let step = axis.stride.unsigned_abs();
        if step == 0 || run.stride.unsigned_abs() != step {
            return false;
        }
        let [view_phase, run_phase] = [self.offset % step, run.offset % step];
        let distance = |from: u64, to: u64| (to + step - from) % step;
        distance(run_phase, view_phase) >= run.piece
            && distance(view_phase, run_phase) >= self.block
    }

    /// The pieces of the file that make up the bytes `range` of the view, in C
    /// order. The range is clipped at the end of the view.
    pub fn runs(&self, range: Range<u64>) -> Runs<'_> {
        let end = range.end.min(self.nbytes);
        let start = range.start.min(end);
        let mut runs = Runs {
            layout: self,
            index: [0; MAX_NDIM],
            offset: self.offset,
            skip: start % self.block,
            remaining: end - start,
        };
        let mut block = start / self.block;
        let index = &mut runs.index[..self.axes.len()];
        for (index, axis) in index.iter_mut().zip(&self.axes).rev() {
            *index = block % axis.length;
            block /= axis.length;
            runs.offset = runs.offset.wrapping_add_signed(*index as i64 * axis.stride);
        }
        runs
    }
}

/// Whether the blocks along `axes` contain a byte of the file range `file`. `extent`
/// is the smallest file range that contains the blocks; it implies the block size.
fn intersects(axes: &[Axis], extent: Range<u64>, file: &Range<u64>) -> bool {
    if extent.start.max(file.start) >= extent.end.min(file.end) {
        return false;
    }
    let Some((axis, inner)) = axes.split_first() else {
        return true;
    };
    let step = axis.stride.unsigned_abs();
    // Size in the file of one element of the axis.
    let width = extent.end - extent.start - (axis.length - 1) * step;
    if step == 0 || (extent.start >= file.start && extent.end <= file.end) {
        return step != 0 || intersects(inner, extent, file);
    }
    let past = (file.start + 1).saturating_sub(extent.start + width);
    let last = (file.end - 1 - extent.start) / step;
    let mut candidates = past.div_ceil(step)..last.min(axis.length - 1) + 1;
    candidates.any(|k| {
        let start = extent.start + k * step;
        intersects(inner, start..start + width, file)
    })
}

/// An iterator over the runs of a range of a view, from [`Layout::runs`].
#[derive(Debug)]
pub struct Runs<'a> {
    layout: &'a Layout,
    /// Index of the next block along each axis.
    index: [u64; MAX_NDIM],
    /// File offset of the next block, in bytes.
    offset: u64,
    /// Bytes of the next block that precede the range.
    skip: u64,
    /// Bytes of the range not yet returned.
    remaining: u64,
}

impl Iterator for Runs<'_> {
    type Item = Run;

    fn next(&mut self) -> Option<Run> {
        if self.remaining == 0 {
            return None;
        }
        let block = self.layout.block;
        if self.skip > 0 || self.remaining < block {
            let piece = (block - self.skip).min(self.remaining);
            let offset = self.offset + self.skip;
            self.remaining -= piece;
            self.skip = 0;
            self.advance(self.layout.axes.len(), 1);
            return Some(Run {
                offset,
                piece,
                stride: 0,
                count: 1,
            });
        }
        let offset = self.offset;
        let (stride, blocks) = match self.layout.axes.last() {
            Some(axis) => (
                axis.stride,
                axis.length - self.index[self.layout.axes.len() - 1],
            ),
            None => (0, 1),
        };
        let count = blocks.min(self.remaining / block);
        self.remaining -= count * block;
        self.advance(self.layout.axes.len(), count);
        Some(Run {
            offset,
            piece: block,
            stride,
            count,
        })
    }
}

impl Runs<'_> {
    /// The next runs that span the whole innermost axis, as a grid along the axis
    /// outside it. `None` if fewer than two such runs come next.
    pub(super) fn next_full_rows(&mut self) -> Option<Grid> {
        let [.., outer, inner] = self.layout.axes[..] else {
            return None;
        };
        let depth = self.layout.axes.len() - 1;
        if self.skip > 0 || self.index[depth] > 0 {
            return None;
        }
        let row_bytes = inner.length * self.layout.block;
        let rows = (outer.length - self.index[depth - 1]).min(self.remaining / row_bytes);
        if rows < 2 {
            return None;
        }
        let run = Run {
            offset: self.offset,
            piece: self.layout.block,
            stride: inner.stride,
            count: inner.length,
        };
        self.remaining -= rows * row_bytes;
        self.advance(depth, rows);
        Some(Grid {
            run,
            rows,
            spacing: outer.stride,
        })
    }

    /// Advances by `count` elements along axis `depth - 1`, carrying into the axes
    /// outside it. `count` must not exceed the rest of that axis. The offset may
    /// wrap after the last block of the view, where it is not used.
    fn advance(&mut self, depth: usize, count: u64) {
        let mut steps = count;
        let axes = &self.layout.axes[..depth];
        for (axis, index) in axes.iter().zip(&mut self.index[..axes.len()]).rev() {
            *index += steps;
            self.offset = self
                .offset
                .wrapping_add_signed((steps as i64).wrapping_mul(axis.stride));
            if *index < axis.length {
                return;
            }
            *index = 0;
            self.offset = self
                .offset
                .wrapping_add_signed(axis.outer_stride().wrapping_neg());
            steps = 1;
        }
    }
}
