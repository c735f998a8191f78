//! The size of the file, look by look. A file that is cut and made whole again while
//! a transfer is under way has its size at both ends of it; that it was cut is known
//! from the looks that others took in between.

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

/// What has been seen of the size of a file.
#[derive(Debug, Default)]
pub(super) struct Size {
    /// The size of a block device in bytes, which `fstat` does not tell.
    device: Option<u64>,
    /// The end of the array: what comes and goes behind it does not matter.
    end: u64,
    /// What the last look found before the end.
    last: AtomicU64,
    /// How often a look found less than the one before.
    cuts: AtomicU64,
}

impl Size {
    /// The size of a file that is to reach to byte `end`, or of a block device that has
    /// so many bytes.
    pub(super) fn new(device: Option<u64>, end: u64) -> Size {
        Size {
            device,
            end,
            ..Size::default()
        }
    }

    /// The size of `file` now, in bytes.
    ///
    /// # Errors
    ///
    /// What the system reports.
    pub(super) fn look(&self, file: &File) -> io::Result<u64> {
        if let Some(size) = self.device {
            return Ok(size);
        }
        let size = file.metadata()?.len();
        let found = size.min(self.end);
        if self.last.swap(found, Ordering::SeqCst) > found {
            self.cuts.fetch_add(1, Ordering::SeqCst);
        }
        Ok(size)
    }

    /// How often the file has been seen to become shorter. If that is the same after
    /// a look as it was after an earlier one, nobody has seen it shorter in between.
    pub(super) fn cuts(&self) -> u64 {
        self.cuts.load(Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_cut_has_been_seen_to_be() {
        let file = tempfile::tempfile().unwrap();
        let size = Size::new(None, 100);
        let mut cuts = Vec::new();
        for bytes in [100, 300, 200, 100, 99, 40, 70, 100, 0, 0] {
            file.set_len(bytes).unwrap();
            assert_eq!(size.look(&file).unwrap(), bytes);
            cuts.push(size.cuts());
        }
        assert_eq!(cuts, [0, 0, 0, 0, 1, 2, 2, 2, 3, 3]);
        assert_eq!(Size::new(Some(7), 5).look(&file).unwrap(), 7);
    }
}
