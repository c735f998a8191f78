//! The regular grid of chunks of an array: their shape, names and positions. What is in a chunk
//! is left to `zarr`.

use crate::array::Order;

/// The most bytes of a chunk, unless an element is larger or another shape was asked for.
const MAX_CHUNK: u64 = 4 << 20;

/// A grid of chunks of equal shape. Those at the edge can reach beyond the array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Grid {
    /// The shape of the array.
    shape: Vec<u64>,
    /// The shape of a chunk. No length is 0.
    pub(super) chunk: Vec<u64>,
    /// The number of chunks along each axis.
    counts: Vec<u64>,
    /// The number of chunks. None of an empty array.
    pub(super) len: u64,
    /// The size of a chunk in bytes, padding included.
    pub(super) chunk_bytes: u64,
}

impl Grid {
    /// The grid of chunks of the shape `chunk`, which has no length of 0, over an array of
    /// elements of `itemsize` bytes. `None` if there are 2^63 chunks, or a chunk has 2^63 bytes, or
    /// more.
    pub(super) fn new(shape: &[u64], itemsize: u64, chunk: Vec<u64>) -> Option<Grid> {
        let below = |number: &u64| i64::try_from(*number).is_ok();
        let counts = shape.iter().zip(&chunk);
        let counts: Vec<u64> = counts
            .map(|(length, step)| length.div_ceil(*step))
            .collect();
        let len = match counts.contains(&0) {
            true => 0,
            false => product(1, &counts).filter(below)?,
        };
        let chunk_bytes = product(itemsize, &chunk).filter(below)?;
        Some(Grid {
            shape: shape.to_vec(),
            chunk,
            counts,
            len,
            chunk_bytes,
        })
    }

    /// The index of chunk `number` along each axis. The last axis varies fastest.
    fn index(&self, number: u64) -> Vec<u64> {
        let mut rest = number;
        let digits = self.counts.iter().rev().map(|&count| {
            let digit = rest % count.max(1);
            rest /= count.max(1);
            digit
        });
        let mut index: Vec<u64> = digits.collect();
        index.reverse();
        index
    }

    /// The name of chunk `number`.
    pub(super) fn name(&self, number: u64) -> String {
        let index = self.index(number);
        let index: Vec<String> = index.iter().map(u64::to_string).collect();
        match index.is_empty() {
            true => "0".to_owned(),
            false => index.join("."),
        }
    }

    /// The number of the chunk called `name`. `None` if there is none: `01`, `+1` and `1.` are no
    /// names.
    pub(super) fn find(&self, name: &str) -> Option<u64> {
        let mut parts = name.split('.');
        let one = [1];
        let counts = match self.counts.is_empty() {
            true => &one[..],
            false => &self.counts,
        };
        let number = counts.iter().try_fold(0u64, |number, &count| {
            let part = parts.next()?;
            let digit: u64 = part.parse().ok()?;
            let is_canonical = part.starts_with(|c: char| c.is_ascii_digit())
                && (part.len() == 1 || !part.starts_with('0'));
            (is_canonical && digit < count).then(|| number * count + digit)
        })?;
        (parts.next().is_none() && number < self.len).then_some(number)
    }

    /// The index of the first element of chunk `number`, and the shape of the part of the array
    /// that it holds.
    pub(super) fn block(&self, number: u64) -> (Vec<u64>, Vec<u64>) {
        let axes = self.index(number).into_iter().zip(&self.chunk);
        let starts: Vec<u64> = axes.map(|(index, step)| index * step).collect();
        let lengths = self.shape.iter().zip(&starts).zip(&self.chunk);
        let lengths = lengths.map(|((length, start), step)| (length - start).min(*step));
        let lengths = lengths.collect();
        (starts, lengths)
    }
}

/// The shape of chunks that are contiguous in an array of this shape and memory order: of as many
/// of its slowest axes as needed they have length 1, of the next one a part, and all of the rest.
pub(super) fn contiguous(shape: &[u64], itemsize: u64, order: Order) -> Vec<u64> {
    let mut bytes = itemsize;
    let mut is_cut = false;
    let mut part = |&length: &u64| {
        let length = length.max(1);
        let fits = (MAX_CHUNK / bytes).clamp(1, length);
        let chosen = if is_cut { 1 } else { fits };
        is_cut |= fits < length;
        bytes = bytes.saturating_mul(length);
        chosen
    };
    match order {
        Order::F => shape.iter().map(part).collect(),
        Order::C => {
            let mut chunk: Vec<u64> = shape.iter().rev().map(&mut part).collect();
            chunk.reverse();
            chunk
        }
    }
}

/// The product of all `factors`; `None` if it exceeds 64 bits.
fn product(first: u64, factors: &[u64]) -> Option<u64> {
    let mut factors = factors.iter();
    factors.try_fold(first, |product, &factor| product.checked_mul(factor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contiguous_chunks_have_up_to_four_mebibytes() {
        for (shape, itemsize, chunk) in [
            (&[][..], 8, &[][..]),
            (&[10], 8, &[10]),
            (&[1 << 20], 8, &[1 << 19]),
            (&[0, 5], 8, &[1, 5]),
            (&[7, 10, 11], 8, &[7, 10, 11]),
            (&[1000, 1024, 1024], 1, &[4, 1024, 1024]),
            (&[1000, 1024, 1024], 3, &[1, 1024, 1024]),
            (&[9, 1024, 1024], 8, &[1, 512, 1024]),
            (&[9, 3, 1 << 40], 2, &[1, 1, 1 << 21]),
            (&[9, 3], 5 << 20, &[1, 1]),
            (&[2, 1 << 22], 1, &[1, 1 << 22]),
        ] {
            assert_eq!(contiguous(shape, itemsize, Order::C), chunk, "{shape:?}");
            let reversed: Vec<u64> = shape.iter().rev().copied().collect();
            let mut found = contiguous(&reversed, itemsize, Order::F);
            found.reverse();
            assert_eq!(found, chunk, "{reversed:?} in order F");
        }
    }

    #[test]
    fn every_chunk_has_one_name_and_the_chunks_cover_the_array_once() {
        for shape in [&[][..], &[5], &[4, 3], &[3, 1, 5], &[0], &[3, 0]] {
            for step in 1..6 {
                let chunk = vec![step; shape.len()];
                let grid = Grid::new(shape, 2, chunk).unwrap();
                let mut covered = 0;
                for number in 0..grid.len {
                    assert_eq!(grid.find(&grid.name(number)), Some(number));
                    let (starts, lengths) = grid.block(number);
                    let ends = starts.iter().zip(&lengths).map(|(start, n)| start + n);
                    assert!(ends.zip(shape).all(|(end, length)| end <= *length));
                    covered += lengths.iter().product::<u64>();
                }
                assert_eq!(covered, shape.iter().product::<u64>(), "{shape:?} {step}");
            }
        }
    }

    #[test]
    fn only_canonical_names_are_found() {
        let grid = Grid::new(&[12, 3], 1, vec![1, 2]).unwrap();
        assert_eq!((grid.len, grid.find("11.1")), (24, Some(23)));
        for absent in [
            "",
            "0",
            "0.",
            ".0",
            "0.0.0",
            "12.0",
            "0.2",
            "01.0",
            "0.00",
            "+1.0",
            "-1.0",
            " 0.0",
            "0.0 ",
            "0/0",
            "c.0.0",
            "0.18446744073709551616",
            "٣.0",
        ] {
            assert_eq!(grid.find(absent), None, "{absent:?}");
        }
        let point = Grid::new(&[], 1, vec![]).unwrap();
        assert_eq!(
            (point.find("0"), point.find("1"), point.find("0.0")),
            (Some(0), None, None)
        );
        assert_eq!(Grid::new(&[0], 1, vec![1]).unwrap().find("0"), None);
    }

    #[test]
    fn grids_that_overflow_are_none() {
        assert!(Grid::new(&[1 << 40, 1 << 40], 1, vec![1, 1]).is_none());
        assert!(Grid::new(&[1 << 40, 1 << 40], 1, vec![1 << 20, 1 << 20]).is_some());
        assert!(Grid::new(&[3, 3], 8, vec![1 << 30, 1 << 31]).is_none());
        assert!(Grid::new(&[0, 1 << 40, 1 << 40], 1, vec![1, 1, 1]).is_some());
    }
}
