//! Fills bytes of a view with zeros. Long ranges of a contiguous view become holes of the file,
//! which take neither space nor time; other bytes are stored.

use std::ops::Range;

use super::{AccessError, Mapping};
use crate::array::Layout;
use crate::platform;

/// The smallest hole, in bytes. Storing fewer zeros takes no longer, and avoids fragmentation.
const MIN_HOLE: u64 = 1 << 20;

/// The smallest page size of any supported kernel, in bytes.
const PAGE: u64 = 4096;

/// The zeros stored at a time.
static ZEROS: [u8; 1 << 16] = [0; 1 << 16];

impl Mapping {
    /// Writes zeros over the bytes `range` of `view`. The caller keeps `range` within the view.
    ///
    /// # Errors
    ///
    /// As [`write`](Mapping::write), when any byte could not be written. Other bytes may have
    /// become zeros then.
    pub fn fill(&self, view: &Layout, range: Range<u64>) -> Result<(), AccessError> {
        let hole = self
            .punch_hole(view, &range)
            .unwrap_or(range.end..range.end);
        self.store_zeros(view, range.start..hole.start)?;
        self.store_zeros(view, hole.end..range.end)
    }

    /// Punches a hole for the whole pages of `range`, a byte range of `view`. Returns the
    /// bytes of the view that the hole covers. `None` if the view is not contiguous, the hole
    /// would be too small, or the file cannot have holes or ends before them.
    fn punch_hole(&self, view: &Layout, range: &Range<u64>) -> Option<Range<u64>> {
        let has_holes = self.mode.writes_through() && self.device_size.is_none();
        if !has_holes || !view.is_contiguous() {
            return None;
        }
        let bytes = view.covering_range(range.clone());
        let pages = bytes.start.next_multiple_of(PAGE)..bytes.end / PAGE * PAGE;
        if pages.end.saturating_sub(pages.start) < MIN_HOLE {
            return None;
        }
        // The stores instead report any error.
        platform::punch(&self.file, pages.clone()).ok()?;
        // Past the end of the file, punching succeeds. Stores find a truncation instead.
        if !self.reaches(pages.end) {
            return None;
        }
        if let Some(column_cache) = self.column_cache.get() {
            column_cache.drop_all();
        }
        let shown = |byte: u64| range.start + (byte - bytes.start);
        Some(shown(pages.start)..shown(pages.end))
    }

    /// Stores zeros over the bytes `range` of `view`.
    ///
    /// # Errors
    ///
    /// As [`write`](Mapping::write), when any byte could not be written.
    fn store_zeros(&self, view: &Layout, range: Range<u64>) -> Result<(), AccessError> {
        let mut at = range.start;
        while at < range.end {
            let step = (range.end - at).min(ZEROS.len() as u64);
            at += self.write(view, at, &ZEROS[..step as usize])? as u64;
        }
        Ok(())
    }
}
