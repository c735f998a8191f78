//! The text of a view as the content of a file.

use std::ops::Range;
use std::sync::Arc;

use super::Table;
use crate::array::{Layout, View};
use crate::mapping::{AccessError, Mapping};
use crate::vfile::Content;

/// The text of a view, read-only.
#[derive(Debug)]
pub struct TableText {
    mapping: Arc<Mapping>,
    layout: Layout,
    table: Table,
}

impl TableText {
    /// The text of `view`, which `table` renders.
    pub fn new(mapping: &Arc<Mapping>, view: &View, table: Table) -> TableText {
        TableText {
            mapping: mapping.clone(),
            layout: view.layout(),
            table,
        }
    }
}

impl Content for TableText {
    fn len(&self) -> u64 {
        self.table.len()
    }

    fn read(&self, at: u64, out: &mut [u8]) -> Result<usize, AccessError> {
        let fetch = |at, bytes: &mut [u8]| self.mapping.read(&self.layout, at, bytes);
        self.table.read(at, out, fetch)
    }

    fn accepts(&self, _at: u64, _data: &[u8]) -> bool {
        false
    }

    fn covering_range(&self, range: Range<u64>) -> Range<u64> {
        match range.is_empty() {
            true => 0..0,
            false => self.layout.extent(),
        }
    }

    fn range_showing(&self, backing: &Range<u64>) -> Range<u64> {
        match self.layout.view_range_in(backing).is_empty() {
            true => 0..0,
            false => 0..self.len(),
        }
    }
}
