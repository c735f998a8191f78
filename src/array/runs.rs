//! How the bytes of a view follow one another: a range of its C-order bytes
//! becomes runs of equally spaced pieces of the file. A contiguous view is the
//! case of one run with one piece, not a path of its own.

#[cfg(test)]
mod tests;

use std::ops::Range;

use super::{Grid, MAX_NDIM, View};

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
    /// The bytes in all pieces.
    pub fn nbytes(&self) -> u64 {
        self.piece * self.count
    }

    /// The start of the piece that lies nearest to the start of the file.
    pub fn start(&self) -> u64 {
        let nearest = (self.count - 1) as i64 * self.stride.min(0);
        self.offset.wrapping_add_signed(nearest)
    }

    /// How many of the run's bytes, in order, come before the first that does
    /// not lie before byte `end` of the file.
    pub fn bytes_before(&self, end: u64) -> u64 {
        if self.end() <= end {
            return self.nbytes();
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

    /// Whether one of the pieces has one of the bytes `file` of the file.
    pub fn has_any(&self, file: &Range<u64>) -> bool {
        let axis = Axis {
            length: self.count,
            stride: self.stride,
        };
        meets(&[axis], self.start()..self.end(), file)
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

/// An axis along which the blocks of a view are spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Axis {
    /// How many there are.
    pub(super) length: u64,
    /// Bytes of the file from one to the next.
    pub(super) stride: i64,
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

    /// A layout of blocks of `block` bytes along `axes`, which covers `extent`.
    pub(super) fn of(offset: u64, block: u64, axes: Vec<Axis>, extent: Range<u64>) -> Layout {
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

    /// The bytes of each of the contiguous pieces that make up the view.
    pub fn block(&self) -> u64 {
        self.block
    }

    pub(super) fn axes(&self) -> &[Axis] {
        &self.axes
    }

    /// The number of bytes in the view.
    pub fn nbytes(&self) -> u64 {
        self.nbytes
    }

    /// Whether the bytes of the view follow one another in the file.
    pub fn is_contiguous(&self) -> bool {
        self.axes.is_empty()
    }

    /// The bytes of the file from the first to the last that the view covers.
    pub fn extent(&self) -> Range<u64> {
        self.extent.clone()
    }

    /// The bytes of the file from the first to the last that the bytes `range`
    /// of the view cover; empty for an empty range.
    pub fn covering_range(&self, range: Range<u64>) -> Range<u64> {
        if range.start == 0 && range.end >= self.nbytes {
            return self.extent();
        }
        let hulls = self.runs(range).map(|run| run.start()..run.end());
        let joined = hulls.reduce(|a, b| a.start.min(b.start)..a.end.max(b.end));
        joined.unwrap_or(self.offset..self.offset)
    }

    /// How many lines of `line` bytes of the file, about, `bytes` bytes of the view
    /// that follow one another lie in. None where rows lie side by side in the same
    /// lines, so that lines had better be read for several rows at once.
    pub fn cache_lines(&self, bytes: u64, line: u64) -> Option<u64> {
        let inner = self.axes.last()?;
        let outer = self.axes.iter().rev().nth(1);
        let beside = outer.is_some_and(|outer| outer.stride == self.block as i64);
        if beside && bytes > inner.length * self.block {
            return None;
        }
        let step = inner.stride.unsigned_abs().min(line);
        Some((bytes / self.block) * step.max(self.block) / line)
    }

    /// Bytes of the view outside of which none lies in the bytes `file` of the
    /// file; empty if none does. For contiguous views they are exact.
    pub fn view_range_in(&self, file: &Range<u64>) -> Range<u64> {
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

    /// Whether the view has one of the bytes `file` of the file.
    pub fn has_any(&self, file: &Range<u64>) -> bool {
        self.nbytes > 0 && meets(&self.by_stride(), self.extent.clone(), file)
    }

    /// The axes from the widest step to the narrowest, so that few elements of each meet a
    /// range of the file.
    fn by_stride(&self) -> Vec<Axis> {
        let mut axes = self.axes.clone();
        axes.sort_unstable_by_key(|axis| std::cmp::Reverse(axis.stride.unsigned_abs()));
        axes
    }

    /// The last byte of the view up to byte `at` before which none of its words of `word`
    /// bytes is cut that is aligned in the file.
    pub fn boundary(&self, at: u64, word: u64) -> u64 {
        let Some(run) = self.runs(at..at + 1).next() else {
            return at;
        };
        at - (run.offset % word).min(at % self.block)
    }

    /// Whether the bytes `range` of the view and some of `other` are the same bytes of the
    /// file.
    pub fn overlaps(&self, range: Range<u64>, other: &Layout) -> bool {
        let axes = other.by_stride();
        let has_any =
            |bytes: Range<u64>| other.nbytes > 0 && meets(&axes, other.extent.clone(), &bytes);
        let meets_other = |run: Run| {
            let covering = run.start()..run.end();
            if !has_any(covering.clone()) || other.is_beside(&run) {
                return false;
            }
            // Whichever has fewer pieces there.
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
        has_any(self.covering_range(range.clone())) && self.runs(range).any(meets_other)
    }

    /// Whether the view has one piece at each step of `run`, and all of them lie beside the
    /// pieces of that.
    fn is_beside(&self, run: &Run) -> bool {
        let [axis] = self.axes[..] else { return false };
        let step = axis.stride.unsigned_abs();
        if step == 0 || run.stride.unsigned_abs() != step {
            return false;
        }
        let [own, runs] = [self.offset % step, run.offset % step];
        let from = |a: u64, b: u64| (b + step - a) % step;
        from(runs, own) >= run.piece && from(own, runs) >= self.block
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

/// Whether what is spread along `axes` over `extent`, from its first to its last byte, has
/// one of the bytes `file`.
fn meets(axes: &[Axis], extent: Range<u64>, file: &Range<u64>) -> bool {
    if extent.start.max(file.start) >= extent.end.min(file.end) {
        return false;
    }
    let Some((axis, inner)) = axes.split_first() else {
        return true;
    };
    let step = axis.stride.unsigned_abs();
    // What one element of the axis covers.
    let width = extent.end - extent.start - (axis.length - 1) * step;
    if step == 0 || (extent.start >= file.start && extent.end <= file.end) {
        return step != 0 || meets(inner, extent, file);
    }
    let past = (file.start + 1).saturating_sub(extent.start + width);
    let last = (file.end - 1 - extent.start) / step;
    let mut met = past.div_ceil(step)..last.min(axis.length - 1) + 1;
    met.any(|k| {
        let start = extent.start + k * step;
        meets(inner, start..start + width, file)
    })
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
            self.advance(self.layout.axes.len(), 1);
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
    /// The runs along all of the innermost axis that come next, if there are
    /// several along the next axis.
    pub(super) fn rows_of_grid(&mut self) -> Option<Grid> {
        let [.., outer, inner] = self.layout.axes[..] else {
            return None;
        };
        let depth = self.layout.axes.len() - 1;
        if self.within > 0 || self.index[depth] > 0 {
            return None;
        }
        let each = inner.length * self.layout.block;
        let rows = (outer.length - self.index[depth - 1]).min(self.left / each);
        if rows < 2 {
            return None;
        }
        let run = Run {
            offset: self.at,
            piece: self.layout.block,
            stride: inner.stride,
            count: inner.length,
        };
        self.left -= rows * each;
        self.advance(depth, rows);
        Some(Grid {
            run,
            rows,
            spacing: outer.stride,
        })
    }

    /// Moves `count` steps ahead along the last of the first `depth` axes, which
    /// do not go past its end. After the last block of the view the position
    /// means nothing, which is why it may wrap.
    fn advance(&mut self, depth: usize, count: u64) {
        let mut steps = count;
        let axes = &self.layout.axes[..depth];
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
