//! What a part of a virtual file holds: literal bytes, the bytes of a view, or bytes that are
//! computed from a view. Which contents a file has is decided by encodings; files are put
//! together in `vfile`.

use std::fmt::Debug;
use std::ops::Range;
use std::sync::Arc;

use crate::array::{Layout, View};
use crate::mapping::{AccessError, Mapping};

/// A contiguous part of a virtual file. Ranges are in bytes of this part, unless they are ranges
/// of the backing file.
pub trait Content: Debug + Send + Sync {
    /// The size in bytes.
    fn len(&self) -> u64;

    /// Whether the size is 0.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads into `out` from byte `at`. The range lies within the content. Returns the number of
    /// bytes before the first that cannot be read.
    ///
    /// # Errors
    ///
    /// When the first byte cannot be read.
    fn read(&self, at: u64, out: &mut [u8]) -> Result<usize, AccessError>;

    /// Whether a write of `data` at byte `at` is accepted.
    fn accepts(&self, at: u64, data: &[u8]) -> bool;

    /// Writes `data`, which is accepted, at byte `at`. Returns the number of bytes before the
    /// first that cannot be written. The default changes nothing: the bytes are there already, or
    /// mean the same.
    ///
    /// # Errors
    ///
    /// When the first byte cannot be written.
    fn write(&self, _at: u64, data: &[u8]) -> Result<usize, AccessError> {
        Ok(data.len())
    }

    /// Writes zeros to the bytes `range`, as far as they are elements.
    ///
    /// # Errors
    ///
    /// When a byte cannot be written. Other bytes may have been written by then.
    fn fill(&self, _range: Range<u64>) -> Result<(), AccessError> {
        Ok(())
    }

    /// The elements that writes change; `None` if there are none.
    fn elements(&self) -> Option<Elements<'_>> {
        None
    }

    /// The bytes of [`elements`](Content::elements) that the bytes `range` depend on.
    fn stored_range(&self, range: Range<u64>) -> Range<u64> {
        range
    }

    /// Whether each byte is the byte of the backing file at the offset `start` and the offset in
    /// this content, as passthrough requires. Bytes that no element determines count as such.
    fn is_in_place(&self, _start: u64) -> bool {
        false
    }

    /// Whether the content is the same whatever the elements are, like a header.
    fn is_fixed(&self) -> bool {
        false
    }

    /// The smallest range of the backing file that contains all bytes that the bytes `range`
    /// depend on. Empty if there are none.
    fn covering_range(&self, range: Range<u64>) -> Range<u64>;

    /// A range that contains every byte that depends on a byte of the range `backing` of the
    /// backing file. It can contain other bytes too.
    fn range_showing(&self, backing: &Range<u64>) -> Range<u64>;

    /// A position near byte `at` at which a write can be split: at or before `at` within
    /// elements, so that no word of `word` bytes aligned in the backing file is split; `at` itself
    /// in bytes that only accept themselves; or the end of the content.
    fn boundary(&self, _at: u64, _word: u64) -> u64 {
        self.len()
    }
}

/// The contents of a file, in order.
pub type ContentList = Vec<Arc<dyn Content>>;

/// The elements behind a content: a mapped file, and their position in it.
#[derive(Debug, Clone, Copy)]
pub struct Elements<'a> {
    /// The mapped backing file.
    pub mapping: &'a Arc<Mapping>,
    /// The position of the elements, in the order of the content.
    pub layout: &'a Layout,
}

/// Read-only bytes that are not array data, such as a header.
#[derive(Debug, Clone)]
pub struct Literal {
    /// The bytes. A write to them must repeat them.
    pub bytes: Arc<[u8]>,
    /// Whether a write of the second argument over all of the first is accepted. Both have the
    /// same length. Such a write has no effect.
    pub is_equivalent: fn(&[u8], &[u8]) -> bool,
}

impl Literal {
    /// Bytes over which only the same can be written.
    pub fn exact(bytes: impl Into<Arc<[u8]>>) -> Literal {
        Literal {
            bytes: bytes.into(),
            is_equivalent: |fixed, data| fixed == data,
        }
    }
}

impl Content for Literal {
    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read(&self, at: u64, out: &mut [u8]) -> Result<usize, AccessError> {
        out.copy_from_slice(&self.bytes[at as usize..][..out.len()]);
        Ok(out.len())
    }

    fn accepts(&self, at: u64, data: &[u8]) -> bool {
        let repeated = self.bytes[at as usize..].starts_with(data);
        repeated || data.len() == self.bytes.len() && (self.is_equivalent)(&self.bytes, data)
    }

    fn is_in_place(&self, _start: u64) -> bool {
        true
    }

    fn is_fixed(&self) -> bool {
        true
    }

    fn covering_range(&self, _range: Range<u64>) -> Range<u64> {
        0..0
    }

    fn range_showing(&self, _backing: &Range<u64>) -> Range<u64> {
        0..0
    }
}

/// The bytes of a view in C order.
#[derive(Debug, Clone)]
pub struct ViewBytes {
    mapping: Arc<Mapping>,
    layout: Layout,
}

impl ViewBytes {
    /// The bytes of `view` in C order.
    pub fn new(mapping: &Arc<Mapping>, view: &View) -> ViewBytes {
        ViewBytes {
            mapping: mapping.clone(),
            layout: view.layout(),
        }
    }
}

impl Content for ViewBytes {
    fn len(&self) -> u64 {
        self.layout.nbytes()
    }

    fn read(&self, at: u64, out: &mut [u8]) -> Result<usize, AccessError> {
        self.mapping.read(&self.layout, at, out)
    }

    fn accepts(&self, _at: u64, _data: &[u8]) -> bool {
        true
    }

    fn write(&self, at: u64, data: &[u8]) -> Result<usize, AccessError> {
        self.mapping.write(&self.layout, at, data)
    }

    fn fill(&self, range: Range<u64>) -> Result<(), AccessError> {
        self.mapping.fill(&self.layout, range)
    }

    fn elements(&self) -> Option<Elements<'_>> {
        Some(Elements {
            mapping: &self.mapping,
            layout: &self.layout,
        })
    }

    fn is_in_place(&self, start: u64) -> bool {
        self.layout.is_contiguous() && self.layout.extent().start == start
    }

    fn covering_range(&self, range: Range<u64>) -> Range<u64> {
        self.layout.covering_range(range)
    }

    fn range_showing(&self, backing: &Range<u64>) -> Range<u64> {
        self.layout.view_range_in(backing)
    }

    fn boundary(&self, at: u64, word: u64) -> u64 {
        self.layout.boundary(at, word)
    }
}
