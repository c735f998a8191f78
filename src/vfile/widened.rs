//! Elements of one or two bytes, shown as numbers of four: floats of types that NumPy lacks as
//! float32, integers as int32. Read-only: most of those numbers are no value of the smaller type.

use std::ops::Range;
use std::sync::Arc;

use super::content::Content;
use crate::dtype::NarrowFloat;
use crate::mapping::AccessError;

/// The size of a widened element in bytes.
const WIDE: u64 = 4;

/// The most elements that are widened at once.
const CHUNK: usize = 1 << 14;

/// How elements are widened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Widening {
    /// Floats, to float32 in the byte order of this machine.
    Float {
        /// The type of the elements.
        float: NarrowFloat,
        /// Whether elements of two bytes have the most significant byte first.
        is_big: bool,
    },
    /// Little-endian integers, to little-endian int32.
    Integer {
        /// The size of an element in bytes, 1 or 2.
        itemsize: u8,
        /// Whether there are negative numbers.
        is_signed: bool,
    },
}

impl Widening {
    /// The size of an element in bytes.
    fn itemsize(self) -> u64 {
        match self {
            Widening::Float { float, .. } => float.itemsize().into(),
            Widening::Integer { itemsize, .. } => itemsize.into(),
        }
    }

    /// The widened form of an element.
    fn widen(self, element: [u8; 2]) -> [u8; 4] {
        let bits = u16::from_le_bytes(element);
        match self {
            Widening::Float { float, is_big } => {
                let bits = if is_big { bits.swap_bytes() } else { bits };
                float.value(bits).to_ne_bytes()
            }
            Widening::Integer {
                itemsize: 1,
                is_signed: true,
            } => i32::from(element[0] as i8).to_le_bytes(),
            Widening::Integer {
                is_signed: true, ..
            } => i32::from(bits as i16).to_le_bytes(),
            Widening::Integer {
                is_signed: false, ..
            } => i32::from(bits).to_le_bytes(),
        }
    }
}

/// Elements in C order, widened.
#[derive(Debug)]
pub struct Widened {
    /// The elements as they are stored.
    elements: Arc<dyn Content>,
    widening: Widening,
    /// The widened forms of all bytes, for types of one byte.
    values: Option<Box<[[u8; 4]; 256]>>,
}

impl Widened {
    /// The elements of the content `elements`.
    pub fn new(elements: Arc<dyn Content>, widening: Widening) -> Widened {
        let value = |byte: usize| widening.widen([byte as u8, 0]);
        Widened {
            elements,
            widening,
            values: (widening.itemsize() == 1).then(|| Box::new(std::array::from_fn(value))),
        }
    }

    /// The size of a stored element in bytes.
    fn itemsize(&self) -> u64 {
        self.widening.itemsize()
    }

    /// The bytes of whole stored elements that the bytes `range` depend on.
    fn stored(&self, range: &Range<u64>) -> Range<u64> {
        let len = self.len();
        let (start, end) = (range.start.min(len), range.end.min(len));
        start / WIDE * self.itemsize()..end.div_ceil(WIDE) * self.itemsize()
    }

    /// Reads stored elements from byte `at` on. Returns the number of bytes of the elements before
    /// the first that cannot be read.
    ///
    /// # Errors
    ///
    /// When the first element cannot be read.
    fn read_elements(&self, at: u64, stored: &mut [u8]) -> Result<usize, AccessError> {
        let itemsize = self.itemsize() as usize;
        let mut count = self.elements.read(at, stored)?;
        while count < itemsize {
            let rest = &mut stored[count..itemsize];
            count += self.elements.read(at + count as u64, rest)?;
        }
        Ok(count / itemsize * itemsize)
    }

    /// Widens stored elements into `out`, but for the first `skipped` bytes and what exceeds
    /// `out`. Returns the number of bytes.
    fn widen_all(&self, stored: &[u8], skipped: usize, out: &mut [u8]) -> usize {
        let mut elements = stored.chunks_exact(self.itemsize() as usize);
        let mut done = 0;
        if skipped > 0
            && let Some(element) = elements.next()
        {
            let shown = &self.widen(element)[skipped..];
            done = shown.len().min(out.len());
            out[..done].copy_from_slice(&shown[..done]);
        }
        let (singles, rest) = out[done..].as_chunks_mut();
        for (single, element) in singles.iter_mut().zip(&mut elements) {
            *single = self.widen(element);
            done += single.len();
        }
        if let Some(element) = elements.next() {
            rest.copy_from_slice(&self.widen(element)[..rest.len()]);
            done += rest.len();
        }
        done
    }

    /// The widened form of a stored element.
    fn widen(&self, element: &[u8]) -> [u8; 4] {
        match (element, &self.values) {
            (&[byte], Some(values)) => values[usize::from(byte)],
            (&[first, second], _) => self.widening.widen([first, second]),
            _ => [0; 4],
        }
    }
}

impl Content for Widened {
    fn len(&self) -> u64 {
        self.elements.len() / self.itemsize() * WIDE
    }

    fn read(&self, at: u64, out: &mut [u8]) -> Result<usize, AccessError> {
        let itemsize = self.itemsize() as usize;
        let mut stored = vec![0; itemsize * CHUNK.min(out.len() / 4 + 2)];
        let mut done = 0;
        while done < out.len() {
            let start = at + done as u64;
            let range = self.stored(&(start..at + out.len() as u64));
            let count = stored.len().min((range.end - range.start) as usize);
            let chunk = &mut stored[..count];
            let read = match self.read_elements(range.start, chunk) {
                Ok(read) => read,
                Err(error) if done == 0 => return Err(error),
                Err(_) => return Ok(done),
            };
            // A part of the first element was asked for before.
            let skipped = (start % WIDE) as usize;
            done += self.widen_all(&chunk[..read], skipped, &mut out[done..]);
            if read < count {
                break;
            }
        }
        Ok(done)
    }

    fn accepts(&self, _at: u64, _data: &[u8]) -> bool {
        false
    }

    fn covering_range(&self, range: Range<u64>) -> Range<u64> {
        self.elements.covering_range(self.stored(&range))
    }

    fn range_showing(&self, backing: &Range<u64>) -> Range<u64> {
        let stored = self.elements.range_showing(backing);
        let (first, end) = (
            stored.start / self.itemsize(),
            stored.end.div_ceil(self.itemsize()),
        );
        first * WIDE..end * WIDE
    }
}
