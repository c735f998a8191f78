//! Truth values as bits, the first in the lowest bit of a byte. Read-only: a byte of bits cannot
//! tell which of its eight values was written.

use std::ops::Range;
use std::sync::Arc;

use super::content::Content;
use crate::mapping::AccessError;

/// The most bytes of bits that are made at once.
const CHUNK: usize = 1 << 12;

/// Truth values of one byte each, as bits. The last byte is filled up with zeros.
#[derive(Debug)]
pub(super) struct Bits {
    bytes: Arc<dyn Content>,
}

impl Bits {
    /// The bits of `bytes`. Every byte but 0 is true.
    pub(super) fn new(bytes: Arc<dyn Content>) -> Bits {
        Bits { bytes }
    }

    /// The truth values in the bytes `range` of bits.
    fn stored(&self, range: &Range<u64>) -> Range<u64> {
        let len = self.bytes.len();
        let position = |at: u64| at.saturating_mul(8).min(len);
        position(range.start)..position(range.end)
    }
}

impl Content for Bits {
    fn len(&self) -> u64 {
        self.bytes.len().div_ceil(8)
    }

    fn read(&self, at: u64, out: &mut [u8]) -> Result<usize, AccessError> {
        let mut values = vec![0; 8 * CHUNK.min(out.len())];
        let mut done = 0;
        while done < out.len() {
            let count = CHUNK.min(out.len() - done);
            let start = at + done as u64;
            let range = self.stored(&(start..start + count as u64));
            let values = &mut values[..(range.end - range.start) as usize];
            let mut read = 0;
            while read < values.len() {
                match self
                    .bytes
                    .read(range.start + read as u64, &mut values[read..])
                {
                    Ok(count) => read += count,
                    Err(error) if done + read / 8 == 0 => return Err(error),
                    Err(_) => break,
                }
            }
            let is_whole = read == values.len();
            let whole = if is_whole { count } else { read / 8 };
            let bits = out[done..done + whole].iter_mut();
            for (bits, values) in bits.zip(values.chunks(8)) {
                let set = values.iter().enumerate();
                *bits = set.fold(0, |bits, (k, &value)| bits | u8::from(value != 0) << k);
            }
            done += whole;
            if !is_whole {
                break;
            }
        }
        Ok(done)
    }

    fn accepts(&self, _at: u64, _data: &[u8]) -> bool {
        false
    }

    fn covering_range(&self, range: Range<u64>) -> Range<u64> {
        self.bytes.covering_range(self.stored(&range))
    }

    fn range_showing(&self, backing: &Range<u64>) -> Range<u64> {
        let stored = self.bytes.range_showing(backing);
        stored.start / 8..stored.end.div_ceil(8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vfile::Literal;

    #[test]
    fn every_byte_but_zero_is_a_set_bit() {
        let values: Vec<u8> = (0..70_003u32).map(|k| (k % 11 % 3) as u8).collect();
        let bits = Bits::new(Arc::new(Literal::exact(&values[..])));
        let mut whole = vec![0xff; bits.len() as usize];
        assert_eq!(bits.read(0, &mut whole).unwrap(), whole.len());
        assert_eq!(whole.len(), 8751);
        for (k, value) in values.iter().enumerate() {
            assert_eq!(whole[k / 8] >> (k % 8) & 1, u8::from(*value != 0), "{k}");
        }
        assert_eq!(whole[8750] >> 3, 0);
        for (start, end) in [(0, 1), (3, 8), (100, 8751), (8750, 8751), (4095, 4097)] {
            let mut part = vec![0xff; end - start];
            assert_eq!(bits.read(start as u64, &mut part).unwrap(), part.len());
            assert_eq!(part, whole[start..end]);
        }
    }
}
