//! A block of a view that is padded to a larger shape, such as a chunk at the edge of an array.
//! Padding reads as zeros, and what is written into it is dropped. The elements between it are
//! those of another content.

use std::ops::Range;
use std::sync::Arc;

use super::content::{Content, Elements};
use crate::mapping::AccessError;

/// The elements of a content in C order, followed along each axis by padding.
#[derive(Debug)]
pub struct Padded {
    /// The elements without padding.
    elements: Arc<dyn Content>,
    /// The axes from the first to the last that is padded.
    axes: Vec<Axis>,
    /// The bytes of everything at one index of all `axes`: an element, or several where the last
    /// axes are not padded.
    unit: u64,
    len: u64,
}

/// The lengths of an axis.
#[derive(Debug, Clone, Copy)]
struct Axis {
    /// Without padding, at least 1.
    inner: u64,
    /// With padding.
    padded: u64,
}

impl Padded {
    /// Pads `elements`, items of `itemsize` bytes that have the shape `inner`, to the shape
    /// `padded`, which is nowhere smaller. No length is 0, and the padded size is below 2^63.
    pub fn around(
        elements: Arc<dyn Content>,
        itemsize: u64,
        inner: &[u64],
        padded: &[u64],
    ) -> Arc<dyn Content> {
        let axes = inner.iter().zip(padded);
        let mut axes: Vec<Axis> = axes
            .map(|(&inner, &padded)| Axis { inner, padded })
            .collect();
        let mut unit = itemsize;
        while let Some(axis) = axes.pop_if(|axis| axis.inner == axis.padded) {
            unit *= axis.padded;
        }
        if axes.is_empty() {
            return elements;
        }
        let len = axes.iter().fold(unit, |len, axis| len * axis.padded);
        Arc::new(Padded {
            elements,
            axes,
            unit,
            len,
        })
    }

    /// The number of bytes of elements before byte `at`.
    fn rank(&self, at: u64) -> u64 {
        if at >= self.len {
            return self.elements.len();
        }
        let (mut rest, mut block, mut inner_block) = (at, self.len, self.elements.len());
        let mut rank = 0;
        for axis in &self.axes {
            block /= axis.padded;
            inner_block /= axis.inner;
            let index = rest / block;
            if index >= axis.inner {
                // In the padding behind the last index.
                return rank + axis.inner * inner_block;
            }
            rank += index * inner_block;
            rest %= block;
        }
        rank + rest
    }

    /// The position of byte `rank` of the elements, which are more.
    fn position(&self, rank: u64) -> u64 {
        let (mut rest, mut block, mut inner_block) = (rank, self.len, self.elements.len());
        let mut position = 0;
        for axis in &self.axes {
            block /= axis.padded;
            inner_block /= axis.inner;
            position += rest / inner_block * block;
            rest %= inner_block;
        }
        position + rest
    }

    /// The bytes of elements between which there is no padding.
    fn run(&self) -> u64 {
        self.axes.last().map_or(1, |axis| axis.inner) * self.unit
    }

    /// The bytes of the elements that are in `range`.
    fn inner(&self, range: &Range<u64>) -> Range<u64> {
        self.rank(range.start)..self.rank(range.end)
    }

    /// The runs of elements without padding between them, of the bytes `inner` of the elements:
    /// each with its position.
    fn runs(&self, inner: Range<u64>) -> impl Iterator<Item = (u64, Range<u64>)> + use<'_> {
        let run = self.run();
        let mut at = inner.start;
        std::iter::from_fn(move || {
            let start = at;
            at = (start / run + 1).saturating_mul(run).min(inner.end);
            (start < at).then(|| (self.position(start), start..at))
        })
    }

    /// What a transfer of `wanted` bytes from byte `at` on comes to, of which `transferred` is that
    /// of the elements in it, `inner`. It ends before the first of them that was not transferred.
    fn outcome(
        &self,
        transferred: Result<usize, AccessError>,
        (at, wanted): (u64, usize),
        inner: &Range<u64>,
    ) -> Result<usize, AccessError> {
        let done = |end: u64| match end < inner.end {
            true => (self.position(end) - at) as usize,
            false => wanted,
        };
        match (transferred, done(inner.start)) {
            (Ok(count), _) => Ok(done(inner.start + count as u64)),
            (Err(error), 0) => Err(error),
            (Err(_), padding) => Ok(padding),
        }
    }

    /// The elements in `data`, the bytes from byte `at` on.
    fn gathered(&self, at: u64, data: &[u8], inner: &Range<u64>) -> Vec<u8> {
        let mut gathered = Vec::with_capacity((inner.end - inner.start) as usize);
        for (position, run) in self.runs(inner.clone()) {
            let from = (position - at) as usize;
            gathered.extend_from_slice(&data[from..from + (run.end - run.start) as usize]);
        }
        gathered
    }

    /// The part of a buffer for the bytes from byte `at` on that holds the elements `inner`, if
    /// there is no padding between them.
    fn single_run(&self, at: u64, inner: &Range<u64>) -> Option<Range<usize>> {
        let last = inner.end.checked_sub(1)?;
        let start = self.position(inner.start);
        let is_single = self.position(last) - start == last - inner.start;
        let from = || (start - at) as usize;
        is_single.then(|| from()..from() + (inner.end - inner.start) as usize)
    }
}

impl Content for Padded {
    fn len(&self) -> u64 {
        self.len
    }

    fn read(&self, at: u64, out: &mut [u8]) -> Result<usize, AccessError> {
        let inner = self.inner(&(at..at + out.len() as u64));
        let asked = (at, out.len());
        if inner.is_empty() {
            out.fill(0);
            return Ok(out.len());
        }
        let read = match self.single_run(at, &inner) {
            Some(part) => {
                out[..part.start].fill(0);
                out[part.end..].fill(0);
                self.elements.read(inner.start, &mut out[part])
            }
            None => {
                let mut elements = vec![0; (inner.end - inner.start) as usize];
                let read = self.elements.read(inner.start, &mut elements);
                out.fill(0);
                for (position, run) in self.runs(inner.clone()) {
                    let from = (run.start - inner.start) as usize;
                    let run = &elements[from..from + (run.end - run.start) as usize];
                    out[(position - at) as usize..][..run.len()].copy_from_slice(run);
                }
                read
            }
        };
        self.outcome(read, asked, &inner)
    }

    fn accepts(&self, at: u64, data: &[u8]) -> bool {
        let inner = self.inner(&(at..at + data.len() as u64));
        inner.is_empty()
            || match self.single_run(at, &inner) {
                Some(part) => self.elements.accepts(inner.start, &data[part]),
                None => {
                    let gathered = self.gathered(at, data, &inner);
                    self.elements.accepts(inner.start, &gathered)
                }
            }
    }

    fn write(&self, at: u64, data: &[u8]) -> Result<usize, AccessError> {
        let inner = self.inner(&(at..at + data.len() as u64));
        if inner.is_empty() {
            return Ok(data.len());
        }
        let written = match self.single_run(at, &inner) {
            Some(part) => self.elements.write(inner.start, &data[part]),
            None => {
                let gathered = self.gathered(at, data, &inner);
                self.elements.write(inner.start, &gathered)
            }
        };
        self.outcome(written, (at, data.len()), &inner)
    }

    fn fill(&self, range: Range<u64>) -> Result<(), AccessError> {
        self.elements.fill(self.inner(&range))
    }

    fn elements(&self) -> Option<Elements<'_>> {
        self.elements.elements()
    }

    fn stored_range(&self, range: Range<u64>) -> Range<u64> {
        self.elements.stored_range(self.inner(&range))
    }

    fn covering_range(&self, range: Range<u64>) -> Range<u64> {
        self.elements.covering_range(self.inner(&range))
    }

    fn range_showing(&self, backing: &Range<u64>) -> Range<u64> {
        let shown = self.elements.range_showing(backing);
        match shown.is_empty() {
            true => 0..0,
            false => self.position(shown.start)..self.position(shown.end - 1) + 1,
        }
    }

    fn boundary(&self, at: u64, word: u64) -> u64 {
        let rank = self.rank(at);
        if rank >= self.elements.len() || self.position(rank) != at {
            // In padding, which can be split anywhere.
            return at;
        }
        match self.elements.boundary(rank, word) {
            boundary if boundary >= self.elements.len() => self.len,
            // No element reaches across the start of a run.
            boundary => self.position(boundary.max(rank / self.run() * self.run())),
        }
    }
}

#[cfg(test)]
mod tests;
