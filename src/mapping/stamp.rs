//! Detection of writes to a file between two moments: by its size and times, and by the change
//! notifications of kernels that have them. What to do about a write is left to the caller.

use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::platform::Watch;

/// The age from which timestamps show every earlier write. A file system sets a file's times
/// when a write begins, so the write may still be running; and some have timestamps of two
/// seconds' granularity (FAT).
const TIMESTAMP_GRANULARITY: Duration = Duration::from_secs(2);

/// The state of a file that a write changes: size, times and count of notifications. A store
/// to a mapping changes the times only if it is the first to its page since the last
/// write-back, and causes no notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    size: u64,
    /// The number of change notifications.
    changes: u64,
    /// The modification time, in seconds and nanoseconds.
    modified: (i64, i64),
    /// The status change time, likewise.
    changed: (i64, i64),
}

/// Counts the kernel's notifications that a file was written or truncated.
#[derive(Debug)]
pub(super) struct ChangeCounter {
    count: AtomicU64,
    /// Locked from reading a notification until it is counted.
    watch: Mutex<Watch>,
}

impl ChangeCounter {
    /// A counter for `file`; `None` if the kernel provides no notifications.
    pub(super) fn new(file: &File) -> Option<ChangeCounter> {
        let watch = Mutex::new(Watch::new(file)?);
        let count = AtomicU64::new(0);
        Some(ChangeCounter { count, watch })
    }

    /// The count so far. Notifications since the last call count as one.
    pub(super) fn count(&self) -> u64 {
        let watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        let more = u64::from(watch.is_told());
        self.count.fetch_add(more, Ordering::SeqCst) + more
    }
}

impl Stamp {
    /// The stamp of a file with the metadata `found`. `changes` is the number of change
    /// notifications before the metadata was read.
    pub(super) fn new(found: &Metadata, changes: u64) -> Stamp {
        Stamp {
            size: found.len(),
            changes,
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        }
    }

    /// Whether the times are old enough that bytes read now stay current as long as the file
    /// has this stamp. With newer times, a write may still be running, or a further write may
    /// get the same times. A write of more than two seconds is detected at its end, if the
    /// kernel provides notifications.
    pub fn is_past_timestamp_granularity(&self) -> bool {
        self.is_past_granularity_at(SystemTime::now())
    }

    fn is_past_granularity_at(&self, now: SystemTime) -> bool {
        let Ok(now) = now.duration_since(UNIX_EPOCH) else {
            return false;
        };
        let time = |(seconds, nanoseconds): (i64, i64)| {
            i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds)
        };
        let now = now.as_nanos() as i128;
        let first = now - TIMESTAMP_GRANULARITY.as_nanos() as i128;
        // The modification time can have been set to one in the future.
        let recently = first..=now;
        time(self.changed) < first && !recently.contains(&time(self.modified))
    }
}

#[cfg(test)]
impl Stamp {
    /// A stamp that differs for each value of `changes`.
    pub(crate) fn after(changes: i64) -> Stamp {
        Stamp {
            size: 100,
            changes: 0,
            modified: (1, 0),
            changed: (changes, 0),
        }
    }

    /// The stamp of a file just created.
    pub(crate) fn of_a_new_file() -> Stamp {
        let file = tempfile::tempfile().unwrap();
        Stamp::new(&file.metadata().unwrap(), 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_reliable_two_seconds_after_the_change() {
        let now = UNIX_EPOCH + Duration::from_secs(1000);
        for (modified, changed, is_past_timestamp_granularity) in [
            ((500, 0), (500, 0), true),
            ((997, 999_999_999), (997, 999_999_999), true),
            ((998, 0), (990, 0), false),
            ((990, 0), (998, 0), false),
            ((1000, 0), (1000, 0), false),
            // A modification time set to the future; a clock that was set back.
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
                stamp.is_past_granularity_at(now),
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
    fn truncating_and_extending_a_file_is_counted() {
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
