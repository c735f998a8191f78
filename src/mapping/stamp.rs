//! Telling whether a file has been written since: by its size and its times, as
//! far as those tell.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

/// What changes when a file is written. A store to a mapping of it changes the
/// times only when it is the first to its page since that was last written back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    size: u64,
    /// Seconds and nanoseconds.
    modified: (i64, i64),
    changed: (i64, i64),
}

impl From<&Metadata> for Stamp {
    fn from(found: &Metadata) -> Stamp {
        Stamp {
            size: found.len(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        }
    }
}

#[cfg(test)]
impl Stamp {
    /// That of a file which has been changed so many times.
    pub(crate) fn after(changes: i64) -> Stamp {
        Stamp {
            size: 100,
            modified: (1, 0),
            changed: (changes, 0),
        }
    }
}
