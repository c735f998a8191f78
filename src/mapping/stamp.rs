//! Telling whether a file has been written since: by its size and its times, as
//! far as those tell, and by the kernel, where it does.

use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::platform::Watch;

/// How old times are that tell of every change before them. A file system sets them
/// when a write begins, which then takes a while, and not all tell apart what happens
/// within two seconds (FAT).
const SETTLING: Duration = Duration::from_secs(2);

/// What changes when a file is written. A store to a mapping of it changes the
/// times only when it is the first to its page since that was last written back, and
/// is never told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    size: u64,
    /// How often the kernel has told of a change.
    changes: u64,
    /// Seconds and nanoseconds.
    modified: (i64, i64),
    changed: (i64, i64),
}

/// Counts how often the kernel tells that a file has been written or truncated.
#[derive(Debug)]
pub(super) struct ChangeCounter {
    count: AtomicU64,
    /// Held until what it has told is counted.
    watch: Mutex<Watch>,
}

impl ChangeCounter {
    /// That of `file`; `None` where the kernel does not tell.
    pub(super) fn new(file: &File) -> Option<ChangeCounter> {
        let watch = Mutex::new(Watch::new(file)?);
        let count = AtomicU64::new(0);
        Some(ChangeCounter { count, watch })
    }

    /// How often it has told so far.
    pub(super) fn count(&self) -> u64 {
        let watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        let more = u64::from(watch.is_told());
        self.count.fetch_add(more, Ordering::SeqCst) + more
    }
}

impl Stamp {
    /// That of a file of which this was found after the kernel had told so many times that
    /// it was changed.
    pub(super) fn new(found: &Metadata, changes: u64) -> Stamp {
        Stamp {
            size: found.len(),
            changes,
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        }
    }

    /// Whether what is read now is what the file holds as long as it has this stamp: its
    /// times are not so new that a write can be under way, or another come with the same.
    /// A write that takes longer is told of when it is over, where the kernel does.
    pub fn is_past_timestamp_granularity(&self) -> bool {
        self.was_past_timestamp_granularity(SystemTime::now())
    }

    fn was_past_timestamp_granularity(&self, now: SystemTime) -> bool {
        let Ok(now) = now.duration_since(UNIX_EPOCH) else {
            return false;
        };
        let time = |(seconds, nanoseconds): (i64, i64)| {
            i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds)
        };
        let now = now.as_nanos() as i128;
        let first = now - SETTLING.as_nanos() as i128;
        // The time of the last modification can be set to one to come.
        let recently = first..=now;
        time(self.changed) < first && !recently.contains(&time(self.modified))
    }
}

#[cfg(test)]
impl Stamp {
    /// That of a file which has been changed so many times.
    pub(crate) fn after(changes: i64) -> Stamp {
        Stamp {
            size: 100,
            changes: 0,
            modified: (1, 0),
            changed: (changes, 0),
        }
    }

    /// That of a file which has just been made.
    pub(crate) fn of_a_new_file() -> Stamp {
        let file = tempfile::tempfile().unwrap();
        Stamp::new(&file.metadata().unwrap(), 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_settled_two_seconds_after_the_change() {
        let now = UNIX_EPOCH + Duration::from_secs(1000);
        for (modified, changed, is_past_timestamp_granularity) in [
            ((500, 0), (500, 0), true),
            ((997, 999_999_999), (997, 999_999_999), true),
            ((998, 0), (990, 0), false),
            ((990, 0), (998, 0), false),
            ((1000, 0), (1000, 0), false),
            // Set to a time to come; and a clock that was set back.
            ((2000, 0), (500, 0), true),
            ((500, 0), (2000, 0), false),
            ((-5, 0), (-5, 0), true),
        ] {
            let stamp = Stamp {
                size: 1,
                changes: 0,
                modified,
                changed,
            };
            assert_eq!(
                stamp.was_past_timestamp_granularity(now),
                is_past_timestamp_granularity,
                "{stamp:?}"
            );
        }
        assert!(!Stamp::of_a_new_file().is_past_timestamp_granularity());
    }

    #[test]
    #[cfg_attr(
        any(arrayfs_portable, not(target_os = "linux")),
        ignore = "nothing tells of changes portably"
    )]
    fn a_file_that_was_cut_and_made_whole_has_been_changed() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(100).unwrap();
        let changes = ChangeCounter::new(&file).unwrap();
        let mut before = changes.count();
        assert_eq!(changes.count(), before);
        for _ in 0..10 {
            file.set_len(50).unwrap();
            file.set_len(100).unwrap();
            let count = changes.count();
            assert!(count > before);
            before = count;
        }
    }
}
