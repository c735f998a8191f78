//! A view's bytes as they are needed for its text: fetched in pieces of bounded
//! size, so that the cost of a fetch is shared by many values.

use std::io;

use crate::mapping::AccessError;

/// The most bytes that are held at a time; a multiple of every element of a
/// fixed size.
pub(super) const WINDOW: usize = 1 << 16;

/// A stretch of a view's bytes in C order, moved to where they are asked for.
pub(super) struct Window<F> {
    fetch: F,
    itemsize: u64,
    /// Where the bytes end that are expected to be asked for.
    limit: u64,
    start: u64,
    bytes: Vec<u8>,
}

impl<F: FnMut(u64, &mut [u8]) -> Result<usize, AccessError>> Window<F> {
    /// A window on items of `itemsize` bytes, of which those before `limit` are
    /// of interest.
    pub(super) fn new(fetch: F, itemsize: u64, limit: u64) -> Window<F> {
        Window {
            fetch,
            itemsize,
            limit,
            start: 0,
            bytes: Vec::new(),
        }
    }

    /// The `len` bytes from `at` on, at most [`WINDOW`].
    ///
    /// # Errors
    ///
    /// When one of them could not be fetched.
    pub(super) fn bytes(&mut self, at: u64, len: usize) -> Result<&[u8], AccessError> {
        if at < self.start || at + len as u64 > self.start + self.bytes.len() as u64 {
            self.fill(at, len)?;
        }
        Ok(&self.bytes[(at - self.start) as usize..][..len])
    }

    /// Moves the window, so that it begins with the bytes asked for. Where that
    /// is a step back, the fields of an item are not in the order of their
    /// bytes: then it begins with the item, lest it step back each time.
    fn fill(&mut self, at: u64, len: usize) -> Result<(), AccessError> {
        let back = at < self.start && self.itemsize <= WINDOW as u64 / 2;
        self.start = if back { at - at % self.itemsize } else { at };
        let needed = (at - self.start) as usize + len;
        let expected = self.limit.saturating_sub(self.start).min(WINDOW as u64);
        self.bytes.resize(needed.max(expected as usize), 0);
        let mut fetched = 0;
        while fetched < needed {
            let rest = &mut self.bytes[fetched..];
            let step = match (self.fetch)(self.start + fetched as u64, rest) {
                Ok(0) => Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
                other => other,
            };
            match step {
                Ok(count) => fetched += count,
                Err(error) => {
                    self.bytes.clear();
                    return Err(error);
                }
            }
        }
        self.bytes.truncate(fetched);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    /// Fetches from bytes that count up, of which those from `end` on fail.
    fn counting(
        end: u64,
        calls: &RefCell<Vec<(u64, usize)>>,
    ) -> impl FnMut(u64, &mut [u8]) -> Result<usize, AccessError> {
        move |at, out| {
            calls.borrow_mut().push((at, out.len()));
            let count = end.saturating_sub(at).min(out.len() as u64);
            if count == 0 {
                return Err(io::Error::from_raw_os_error(5).into());
            }
            for (k, byte) in out.iter_mut().enumerate().take(count as usize) {
                *byte = (at as usize + k) as u8;
            }
            Ok(count as usize)
        }
    }

    #[test]
    fn one_fetch_serves_many_values_and_stops_at_the_limit() {
        let calls = RefCell::default();
        let mut window = Window::new(counting(u64::MAX, &calls), 8, 100_000);
        for at in (40..100_000).step_by(8) {
            assert_eq!(window.bytes(at, 8).unwrap()[0], at as u8);
        }
        assert_eq!(*calls.borrow(), [(40, 65536), (65576, 34424)]);
    }

    #[test]
    fn fields_in_reverse_do_not_fetch_each_time() {
        let calls = RefCell::default();
        let mut window = Window::new(counting(u64::MAX, &calls), 12, 120_000);
        for item in (0..120_000).step_by(12) {
            for field in [8, 4, 0] {
                let at = item + field;
                assert_eq!(window.bytes(at, 4).unwrap()[0], at as u8);
            }
        }
        assert!(calls.borrow().len() <= 5, "{calls:?}");
    }

    #[test]
    fn bytes_before_a_failing_one_are_served() {
        let calls = RefCell::default();
        let mut window = Window::new(counting(20, &calls), 8, 64);
        assert!(window.bytes(0, 8).is_ok());
        assert!(window.bytes(8, 8).is_ok());
        assert!(window.bytes(16, 8).is_err());
        assert!(window.bytes(16, 4).is_ok());
        assert!(window.bytes(8, 12).is_ok());
    }
}
