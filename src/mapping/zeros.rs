//! Filling bytes of a view with zeros. Long stretches of the file become holes, as they
//! would be in a file that has never been written there: that takes no space and hardly
//! any time.

use std::ops::Range;

use super::{AccessError, Mapping};
use crate::array::Layout;
use crate::platform;

/// The least pages that become a hole, in bytes: fewer are stored as quickly, and the file
/// stays in one piece on its disk.
const HOLE: u64 = 1 << 20;

/// The smallest page there is.
const PAGE: u64 = 4096;

/// How many bytes are stored at a time.
static ZEROS: [u8; 1 << 16] = [0; 1 << 16];

impl Mapping {
    /// Writes zeros over the bytes `range` of `view`. The caller keeps them within it.
    ///
    /// # Errors
    ///
    /// As [`write`](Mapping::write), of any byte; some of the others then are zeros.
    pub fn fill(&self, view: &Layout, range: Range<u64>) -> Result<(), AccessError> {
        let hole = self.punch(view, &range).unwrap_or(range.end..range.end);
        self.store_zeros(view, range.start..hole.start)?;
        self.store_zeros(view, hole.end..range.end)
    }

    /// Makes a hole of the whole pages of `range`, if they are many and the file can have
    /// holes. Returns which bytes of the view it shows.
    fn punch(&self, view: &Layout, range: &Range<u64>) -> Option<Range<u64>> {
        let can_be = self.mode.writes_through() && self.device_size.is_none();
        if !can_be || !view.is_contiguous() {
            return None;
        }
        let bytes = view.covering_range(range.clone());
        let pages = bytes.start.next_multiple_of(PAGE)..bytes.end / PAGE * PAGE;
        if pages.end.saturating_sub(pages.start) < HOLE {
            return None;
        }
        // Why it cannot be done is told by the stores.
        platform::punch(&self.file, pages.clone()).ok()?;
        if let Some(column_cache) = self.column_cache.get() {
            column_cache.drop_all();
        }
        let shown = |byte: u64| range.start + (byte - bytes.start);
        Some(shown(pages.start)..shown(pages.end))
    }

    fn store_zeros(&self, view: &Layout, range: Range<u64>) -> Result<(), AccessError> {
        let mut at = range.start;
        while at < range.end {
            let step = (range.end - at).min(ZEROS.len() as u64);
            at += self.write(view, at, &ZEROS[..step as usize])? as u64;
        }
        Ok(())
    }
}
