//! Compares padded blocks with a model: the rank of the element that each byte shows, if it does.

use std::sync::Mutex;

use super::*;
use crate::mapping::AccessError;

/// Elements in memory. The first byte that cannot be read or written is `broken`.
#[derive(Debug)]
struct Memory {
    bytes: Mutex<Vec<u8>>,
    broken: u64,
}

impl Memory {
    /// The number of bytes of a transfer from byte `at` on, that are `wanted`.
    fn count(&self, at: u64, wanted: usize) -> Result<usize, AccessError> {
        match self.broken.checked_sub(at) {
            None | Some(0) => Err(AccessError::Shrunk {
                need: at + 1,
                have: at,
            }),
            Some(count) => Ok(wanted.min(count as usize)),
        }
    }
}

impl Content for Memory {
    fn len(&self) -> u64 {
        self.bytes.lock().unwrap().len() as u64
    }

    fn read(&self, at: u64, out: &mut [u8]) -> Result<usize, AccessError> {
        let count = self.count(at, out.len())?;
        out[..count].copy_from_slice(&self.bytes.lock().unwrap()[at as usize..][..count]);
        Ok(count)
    }

    fn accepts(&self, _at: u64, _data: &[u8]) -> bool {
        true
    }

    fn write(&self, at: u64, data: &[u8]) -> Result<usize, AccessError> {
        let count = self.count(at, data.len())?;
        self.bytes.lock().unwrap()[at as usize..][..count].copy_from_slice(&data[..count]);
        Ok(count)
    }

    fn fill(&self, range: Range<u64>) -> Result<(), AccessError> {
        self.bytes.lock().unwrap()[range.start as usize..range.end as usize].fill(0);
        Ok(())
    }

    fn covering_range(&self, range: Range<u64>) -> Range<u64> {
        range
    }

    fn range_showing(&self, backing: &Range<u64>) -> Range<u64> {
        backing.start.min(self.len())..backing.end.min(self.len())
    }

    fn boundary(&self, at: u64, word: u64) -> u64 {
        at / word * word
    }
}

/// A padded block, and the rank of the byte of an element that each byte shows.
struct Model {
    elements: Arc<Memory>,
    padded: Arc<dyn Content>,
    shown: Vec<Option<usize>>,
}

const ITEMSIZE: u64 = 3;

fn model(inner: &[u64], padded: &[u64], broken: u64) -> Model {
    let size: u64 = inner.iter().product();
    let bytes = (0..size * ITEMSIZE).map(|k| k as u8 + 1).collect();
    let elements = Arc::new(Memory {
        bytes: Mutex::new(bytes),
        broken,
    });
    let mut shown = Vec::new();
    let mut rank = 0;
    for number in 0..padded.iter().product::<u64>() {
        let mut rest = number;
        let mut is_element = true;
        for (inner, padded) in inner.iter().zip(padded).rev() {
            is_element &= rest % padded < *inner;
            rest /= padded;
        }
        for _ in 0..ITEMSIZE {
            shown.push(is_element.then_some(rank));
            rank += usize::from(is_element);
        }
    }
    Model {
        padded: Padded::around(elements.clone(), ITEMSIZE, inner, padded),
        elements,
        shown,
    }
}

const SHAPES: [(&[u64], &[u64]); 9] = [
    (&[2], &[5]),
    (&[5], &[5]),
    (&[2, 3], &[2, 4]),
    (&[2, 3], &[3, 3]),
    (&[2, 2], &[3, 4]),
    (&[1, 1], &[1, 2]),
    (&[2, 3, 2], &[3, 3, 2]),
    (&[2, 1, 2], &[2, 3, 2]),
    (&[1, 2, 1], &[2, 3, 2]),
];

fn ranges(len: usize) -> impl Iterator<Item = Range<usize>> {
    (0..len).flat_map(move |start| (start + 1..=len).map(move |end| start..end))
}

#[test]
fn every_range_reads_as_the_elements_with_zeros_between_them() {
    for (inner, padded) in SHAPES {
        let model = model(inner, padded, u64::MAX);
        assert_eq!(model.padded.len(), model.shown.len() as u64);
        let stored = model.elements.bytes.lock().unwrap().clone();
        let byte = |rank: &Option<usize>| rank.map_or(0, |rank| stored[rank]);
        for range in ranges(model.shown.len()) {
            let mut out = vec![0xff; range.len()];
            let count = model.padded.read(range.start as u64, &mut out).unwrap();
            let expected: Vec<u8> = model.shown[range.clone()].iter().map(byte).collect();
            assert_eq!((count, out), (range.len(), expected), "{inner:?} {range:?}");
        }
    }
}

#[test]
fn every_range_is_written_and_filled_but_for_the_padding() {
    for (inner, padded) in SHAPES {
        let model = model(inner, padded, u64::MAX);
        for (k, range) in ranges(model.shown.len()).enumerate() {
            let mut expected = model.elements.bytes.lock().unwrap().clone();
            let data: Vec<u8> = range.clone().map(|at| (at * 13 + k) as u8 | 1).collect();
            let at = range.start as u64;
            for fill in [false, true] {
                for (byte, rank) in data.iter().zip(&model.shown[range.clone()]) {
                    if let Some(rank) = rank {
                        expected[*rank] = if fill { 0 } else { *byte };
                    }
                }
                match fill {
                    true => model.padded.fill(at..range.end as u64).unwrap(),
                    false => {
                        assert!(model.padded.accepts(at, &data));
                        assert_eq!(model.padded.write(at, &data).unwrap(), data.len());
                    }
                }
                let found = model.elements.bytes.lock().unwrap().clone();
                assert_eq!(found, expected, "{inner:?} {range:?}");
            }
        }
    }
}

#[test]
fn a_transfer_ends_before_the_first_byte_that_fails() {
    for (inner, padded) in SHAPES {
        let size = inner.iter().product::<u64>() * ITEMSIZE;
        for broken in 0..size {
            let model = model(inner, padded, broken);
            for range in ranges(model.shown.len()) {
                let fails = |rank: &Option<usize>| rank.is_some_and(|rank| rank as u64 >= broken);
                let good = model.shown[range.clone()].iter().position(fails);
                let at = range.start as u64;
                let mut out = vec![0; range.len()];
                let read = model.padded.read(at, &mut out).ok();
                let written = model.padded.write(at, &out).ok();
                let expected = match good {
                    Some(0) => None,
                    Some(good) => Some(good),
                    None => Some(range.len()),
                };
                assert_eq!((read, written), (expected, expected), "{inner:?} {range:?}");
            }
        }
    }
}

#[test]
fn ranges_of_the_elements_and_of_the_block_correspond() {
    for (inner, padded) in SHAPES {
        let model = model(inner, padded, u64::MAX);
        for range in ranges(model.shown.len()) {
            let ranks = || model.shown[range.clone()].iter().flatten();
            let covering = model
                .padded
                .covering_range(range.start as u64..range.end as u64);
            match (ranks().min(), ranks().max()) {
                (Some(&min), Some(&max)) => assert_eq!(covering, min as u64..max as u64 + 1),
                _ => assert!(covering.is_empty()),
            }
        }
        let size = model.elements.len() as usize;
        for range in ranges(size) {
            let showing = model
                .padded
                .range_showing(&(range.start as u64..range.end as u64));
            let at = |rank| model.shown.iter().position(|shown| *shown == Some(rank));
            let expected = at(range.start).zip(at(range.end - 1));
            let expected = expected.map(|(first, last)| first as u64..last as u64 + 1);
            assert_eq!(Some(showing), expected, "{inner:?} {range:?}");
        }
        for word in [1, 2, 4, 8] {
            for (at, shown) in (0..).zip(&model.shown) {
                let boundary = model.padded.boundary(at, word);
                // In padding anywhere, and at most a word before a byte of an element.
                let least = shown.map_or(at, |_| at.saturating_sub(word - 1));
                assert!(
                    (least..=at).contains(&boundary),
                    "{inner:?} {at}: {boundary}"
                );
            }
        }
    }
}
