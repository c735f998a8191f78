//! The text of a view as the content of a file.

use std::ops::Range;
use std::sync::Arc;

use super::Table;
use crate::mapping::AccessError;
use crate::vfile::Content;

/// The text of elements, read-only.
#[derive(Debug)]
pub struct TableText {
    /// The elements in C order.
    bytes: Arc<dyn Content>,
    table: Table,
}

impl TableText {
    /// The text of `bytes`, the elements of a view in C order, which `table` renders.
    pub fn new(bytes: Arc<dyn Content>, table: Table) -> TableText {
        TableText { bytes, table }
    }
}

impl Content for TableText {
    fn len(&self) -> u64 {
        self.table.len()
    }

    fn read(&self, at: u64, out: &mut [u8]) -> Result<usize, AccessError> {
        let fetch = |at, out: &mut [u8]| self.bytes.read(at, out);
        self.table.read(at, out, fetch)
    }

    fn accepts(&self, _at: u64, _data: &[u8]) -> bool {
        false
    }

    fn covering_range(&self, range: Range<u64>) -> Range<u64> {
        match range.is_empty() {
            true => 0..0,
            false => self.bytes.covering_range(0..self.bytes.len()),
        }
    }

    fn range_showing(&self, backing: &Range<u64>) -> Range<u64> {
        match self.bytes.range_showing(backing).is_empty() {
            true => 0..0,
            false => 0..self.len(),
        }
    }
}
