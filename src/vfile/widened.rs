//! Elements of types that NumPy lacks, shown as float32. Read-only: most float32 are no value of
//! such a type.

use std::ops::Range;
use std::sync::Arc;

use super::content::Content;
use crate::array::Layout;
use crate::dtype::NarrowFloat;
use crate::mapping::{AccessError, Mapping};

/// The size of a float32 in bytes.
const SINGLE: u64 = 4;

/// The most elements that are widened at once.
const CHUNK: usize = 1 << 14;

/// Elements of a view in C order, as float32 in the byte order of this machine.
#[derive(Debug)]
pub struct Widened {
    mapping: Arc<Mapping>,
    layout: Layout,
    float: NarrowFloat,
    /// Whether elements of two bytes have the most significant byte first.
    is_big: bool,
    /// The values of all bytes, for types of one byte.
    values: Option<Box<[[u8; 4]; 256]>>,
}

impl Widened {
    /// The elements of `layout`, which are of the type `float`.
    pub fn new(
        mapping: &Arc<Mapping>,
        layout: Layout,
        float: NarrowFloat,
        is_big: bool,
    ) -> Widened {
        let value = |byte: usize| float.value(byte as u16).to_ne_bytes();
        Widened {
            mapping: mapping.clone(),
            layout,
            float,
            is_big,
            values: (float.itemsize() == 1).then(|| Box::new(std::array::from_fn(value))),
        }
    }

    /// The size of a stored element in bytes.
    fn itemsize(&self) -> u64 {
        self.float.itemsize().into()
    }

    /// The bytes of whole stored elements that the bytes `range` depend on.
    fn stored(&self, range: &Range<u64>) -> Range<u64> {
        let len = self.len();
        let (start, end) = (range.start.min(len), range.end.min(len));
        start / SINGLE * self.itemsize()..end.div_ceil(SINGLE) * self.itemsize()
    }

    /// Reads stored elements from byte `at` on. Returns the number of bytes of the elements before
    /// the first that cannot be read.
    ///
    /// # Errors
    ///
    /// When the first element cannot be read.
    fn read_elements(&self, at: u64, stored: &mut [u8]) -> Result<usize, AccessError> {
        let itemsize = self.itemsize() as usize;
        let mut count = self.mapping.read(&self.layout, at, stored)?;
        while count < itemsize {
            let rest = &mut stored[count..itemsize];
            count += self.mapping.read(&self.layout, at + count as u64, rest)?;
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

    /// The float32 of a stored element.
    fn widen(&self, element: &[u8]) -> [u8; 4] {
        match (element, &self.values) {
            (&[byte], Some(values)) => values[usize::from(byte)],
            (&[first, second], _) => {
                let bytes = [first, second];
                let bits = match self.is_big {
                    true => u16::from_be_bytes(bytes),
                    false => u16::from_le_bytes(bytes),
                };
                self.float.value(bits).to_ne_bytes()
            }
            _ => [0; 4],
        }
    }
}

impl Content for Widened {
    fn len(&self) -> u64 {
        self.layout.nbytes() / self.itemsize() * SINGLE
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
            let skipped = (start % SINGLE) as usize;
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
        self.layout.covering_range(self.stored(&range))
    }

    fn range_showing(&self, backing: &Range<u64>) -> Range<u64> {
        let stored = self.layout.view_range_in(backing);
        let (first, end) = (
            stored.start / self.itemsize(),
            stored.end.div_ceil(self.itemsize()),
        );
        first * SINGLE..end * SINGLE
    }
}
