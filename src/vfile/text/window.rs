//! A read buffer over the bytes of a view. It fetches up to 64 KiB at a time, so that
//! many values share the cost of a fetch.

use std::io;

use crate::mapping::AccessError;

/// The maximum size of the buffer in bytes. It is a multiple of the size of every number
/// and character.
pub(super) const WINDOW: usize = 1 << 16;

/// A buffered range of the bytes of a view, in C order.
pub(super) struct Window<F> {
    fetch: F,
    itemsize: u64,
    /// End of the readahead, in bytes of the view.
    limit: u64,
    /// Position of the buffer, in bytes of the view.
    start: u64,
    bytes: Vec<u8>,
}

impl<F: FnMut(u64, &mut [u8]) -> Result<usize, AccessError>> Window<F> {
    /// A window on items of `itemsize` bytes. Readahead stops at byte `limit` of the
    /// view.
    pub(super) fn new(fetch: F, itemsize: u64, limit: u64) -> Window<F> {
        Window {
            fetch,
            itemsize,
            limit,
            start: 0,
            bytes: Vec::new(),
        }
    }

    /// The `len` bytes at byte `at` of the view. `len` is at most [`WINDOW`].
    ///
    /// # Errors
    ///
    /// When one of these bytes cannot be fetched.
    pub(super) fn bytes(&mut self, at: u64, len: usize) -> Result<&[u8], AccessError> {
        if at < self.start || at + len as u64 > self.start + self.bytes.len() as u64 {
            self.fill(at, len)?;
        }
        Ok(&self.bytes[(at - self.start) as usize..][..len])
    }

    /// Refills the buffer from byte `at`. A request before the buffer means that the
    /// fields of an item are not in the order of their offsets. The buffer then starts
    /// at the item, so that one fetch serves all its fields.
    fn fill(&mut self, at: u64, len: usize) -> Result<(), AccessError> {
        let align_to_item = at < self.start && self.itemsize <= WINDOW as u64 / 2;
        self.start = if align_to_item {
            at - at % self.itemsize
        } else {
            at
        };
        let needed = (at - self.start) as usize + len;
        let expected = self.limit.saturating_sub(self.start).min(WINDOW as u64);
        self.bytes.resize(needed.max(expected as usize), 0);
        let mut fetched = 0;
        while fetched < needed {
            let rest = &mut self.bytes[fetched..];
            let result = match (self.fetch)(self.start + fetched as u64, rest) {
                Ok(0) => Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
                other => other,
            };
            match result {
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

    /// A `fetch` whose byte k has the value k. Bytes from `end` on cannot be read.
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
    fn bytes_before_an_unreadable_byte_are_served() {
        let calls = RefCell::default();
        let mut window = Window::new(counting(20, &calls), 8, 64);
        assert!(window.bytes(0, 8).is_ok());
        assert!(window.bytes(8, 8).is_ok());
        assert!(window.bytes(16, 8).is_err());
        assert!(window.bytes(16, 4).is_ok());
        assert!(window.bytes(8, 12).is_ok());
    }
}
