//! The size of the file, look by look. A file that is cut and made whole again while
//! a transfer is under way has its size at both ends of it; that it was cut is known
//! from the looks that others took in between, or from the kernel.

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::platform::Watch;

/// What has been seen of the size of a file.
#[derive(Debug, Default)]
pub(super) struct Size {
    /// The size of a block device in bytes, which `fstat` does not tell.
    device: Option<u64>,
    /// The end of the array: what comes and goes behind it does not matter.
    end: u64,
    /// What the last look found before the end.
    last: AtomicU64,
    /// The least that any found.
    least: AtomicU64,
    /// How often a look found less than the one before.
    cuts: AtomicU64,
    /// How often the kernel told that the file had been written or cut.
    changes: AtomicU64,
    /// How many calls of our own, which are told of too, have begun and ended.
    begun: AtomicU64,
    ended: AtomicU64,
    /// Held until what it has told is counted.
    watch: Option<Mutex<Watch>>,
}

/// What a look found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Look {
    /// The size in bytes.
    pub(super) size: u64,
    /// How often the file has been seen to become shorter. If that is the same as at an
    /// earlier look, nobody has seen it shorter in between.
    pub(super) cuts: u64,
    /// How often it may have been, where the kernel tells: cut, or written by a call.
    changes: u64,
    /// How many calls of our own had begun and ended before what was told was counted, and
    /// after.
    own: [(u64, u64); 2],
}

impl Look {
    /// Whether others have written or cut the file since an `earlier` look, as far as the
    /// kernel tells and it was not one of our own calls.
    pub(super) fn tells_of_others(&self, earlier: &Look) -> bool {
        let [before @ (begun, ended), _] = earlier.own;
        // What ended before has been counted then, and what began later shows now.
        self.changes != earlier.changes && begun == ended && self.own[1] == before
    }
}

impl Size {
    /// The size of `file`, which is to reach to byte `end`, or of a block device that has
    /// so many bytes.
    pub(super) fn new(file: &File, device: Option<u64>, end: u64) -> Size {
        let watch = match device {
            Some(_) => None,
            None => Watch::new(file),
        };
        Size {
            device,
            end,
            least: AtomicU64::new(end),
            watch: watch.map(Mutex::new),
            ..Size::default()
        }
    }

    /// Looks at `file`.
    ///
    /// # Errors
    ///
    /// What the system reports.
    pub(super) fn look(&self, file: &File) -> io::Result<Look> {
        let size = match self.device {
            Some(size) => size,
            None => file.metadata()?.len(),
        };
        let found = size.min(self.end);
        self.least.fetch_min(found, Ordering::SeqCst);
        if self.last.swap(found, Ordering::SeqCst) > found {
            self.cuts.fetch_add(1, Ordering::SeqCst);
        }
        let before = self.own();
        // Afterwards: of a file that has its size again, the cut has been told.
        let changes = self.changes();
        Ok(Look {
            size,
            cuts: self.cuts.load(Ordering::SeqCst),
            changes,
            own: [before, self.own()],
        })
    }

    fn own(&self) -> (u64, u64) {
        let ended = self.ended.load(Ordering::SeqCst);
        (self.begun.load(Ordering::SeqCst), ended)
    }

    /// The least size that has ever been seen before the end of the array.
    pub(super) fn least(&self) -> u64 {
        self.least.load(Ordering::SeqCst)
    }

    /// Makes a call that changes the file and is none of others.
    pub(super) fn change<T>(&self, call: impl FnOnce() -> T) -> T {
        self.begun.fetch_add(1, Ordering::SeqCst);
        let outcome = call();
        self.ended.fetch_add(1, Ordering::SeqCst);
        outcome
    }

    /// How often the kernel has told so far that the file was written or cut.
    pub(super) fn changes(&self) -> u64 {
        if let Some(watch) = &self.watch {
            let watch = watch.lock().unwrap_or_else(PoisonError::into_inner);
            if watch.is_told() {
                self.changes.fetch_add(1, Ordering::SeqCst);
            }
        }
        self.changes.load(Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt;

    use super::*;

    #[test]
    fn a_file_that_was_cut_has_been_seen_to_be() {
        let file = tempfile::tempfile().unwrap();
        let size = Size::new(&file, None, 100);
        let mut cuts = Vec::new();
        for bytes in [100, 300, 200, 100, 99, 40, 70, 100, 0, 0] {
            file.set_len(bytes).unwrap();
            let look = size.look(&file).unwrap();
            assert_eq!(look.size, bytes);
            cuts.push(look.cuts);
        }
        assert_eq!(size.least(), 0);
        assert_eq!(cuts, [0, 0, 0, 0, 1, 2, 2, 2, 3, 3]);
        let device = Size::new(&file, Some(7), 5);
        assert_eq!(device.look(&file).unwrap().size, 7);
    }

    #[test]
    #[cfg_attr(arrayfs_portable, ignore = "nothing tells of changes portably")]
    fn a_file_that_was_cut_and_made_whole_has_been_changed() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(100).unwrap();
        let size = Size::new(&file, None, 100);
        let mut last = size.look(&file).unwrap();
        assert_eq!(size.look(&file).unwrap(), last);
        for round in 0..10 {
            file.set_len(50).unwrap();
            file.set_len(100).unwrap();
            if round % 2 == 0 {
                file.write_all_at(&[1; 50], 50).unwrap();
            }
            let look = size.look(&file).unwrap();
            assert_eq!((look.size, look.cuts), (100, 0));
            assert!(look.tells_of_others(&last));
            last = look;
            size.change(|| file.write_all_at(&[2], 0)).unwrap();
            let look = size.look(&file).unwrap();
            assert!(!look.tells_of_others(&last));
            last = look;
        }
    }
}
