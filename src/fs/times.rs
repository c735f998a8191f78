//! The mtime of the backing file after writes through the mapping. A store to a page that is
//! dirty already does not change mtime. So each write records its time and the mtime at that
//! time. At FLUSH and FSYNC, mtime is set to the time of the last write if it has not changed
//! since. If it has changed, another process has written the file or set its times, and the
//! mtime stays.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::sys::time::TimeSpec;

use crate::mapping::Mapping;
use crate::platform;

/// The time of the last write through the mount.
#[derive(Debug, Default)]
pub(super) struct WriteTimes {
    /// The time shown by `stat`, in nanoseconds since 1970. 0 if there was no write, or if the
    /// time was set explicitly since.
    last: AtomicU64,
    /// The last write that mtime may not reflect.
    pending: Mutex<Option<PendingWrite>>,
    /// Locked while the times of the backing file are set.
    times_lock: Mutex<()>,
}

/// A write that the backing file's mtime may not reflect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct PendingWrite {
    /// The time of the write.
    written: Time,
    /// The tick of the kernel's coarse clock in which mtime was read.
    tick: Time,
    /// The mtime after this write, or after an earlier write in the same tick.
    mtime: Time,
}

/// Seconds since 1970, and nanoseconds.
type Time = (i64, i64);

impl WriteTimes {
    /// The time of the last write. `None` if there was none, or if mtime was set explicitly
    /// since.
    pub(super) fn last(&self) -> Option<SystemTime> {
        match self.last.load(Ordering::Relaxed) {
            0 => None,
            nanoseconds => UNIX_EPOCH.checked_add(Duration::from_nanos(nanoseconds)),
        }
    }

    /// Records a write to the file of `mapping`. Reads the file's metadata once per tick.
    ///
    /// # Errors
    ///
    /// When the metadata cannot be read.
    pub(super) fn record_write(&self, mapping: &Mapping) -> io::Result<()> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.unwrap_or_default();
        let written = (now.as_secs() as i64, i64::from(now.subsec_nanos()));
        self.last.fetch_max(nanoseconds(written), Ordering::Relaxed);
        if !mapping.mode().writes_through() {
            return Ok(());
        }
        let tick = time(platform::clock_tick());
        let mut pending = self.pending();
        match &mut *pending {
            Some(last) if last.tick == tick => last.written = last.written.max(written),
            other => {
                let metadata = mapping.metadata()?;
                mapping.drop_set_id(&metadata);
                let mtime = mtime(&metadata);
                // A concurrent later write may have been recorded first.
                let written = other.map_or(written, |last| last.written.max(written));
                *other = Some(PendingWrite {
                    written,
                    tick,
                    mtime,
                });
            }
        }
        Ok(())
    }

    /// Updates the mtime of the file of `mapping` to the last write, unless mtime has changed
    /// since.
    ///
    /// # Errors
    ///
    /// When mtime cannot be read or set.
    pub(super) fn update_mtime(&self, mapping: &Mapping) -> io::Result<()> {
        if self.pending().is_none() {
            return Ok(());
        }
        let _lock = self.lock_times();
        let Some(last) = *self.pending() else {
            return Ok(());
        };
        let metadata = mapping.metadata()?;
        let mut set = None;
        // The times of a device node are not those of its contents.
        if metadata.is_file() && mtime(&metadata) == last.mtime {
            // The kernel stamps writes of other processes with the tick. The new mtime must be
            // neither later than their next stamp nor, as the tick could be, earlier than their
            // last one.
            let time = match last.written <= time(platform::clock_tick()) {
                true => TimeSpec::new(last.written.0, last.written.1),
                false => TimeSpec::UTIME_NOW,
            };
            mapping.set_modified(time)?;
            let shown = mtime(&mapping.metadata()?);
            // `stat` must not go back behind a time that it has shown, unless a time is set.
            self.last.fetch_max(nanoseconds(shown), Ordering::Relaxed);
            set = Some(shown);
        }
        self.clear_pending(Some(last), set);
        Ok(())
    }

    /// Sets the times of the file of `mapping`. `None` leaves a time as it is.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub(super) fn set(
        &self,
        mapping: &Mapping,
        atime: Option<TimeSpec>,
        mtime: Option<TimeSpec>,
    ) -> io::Result<()> {
        let _lock = self.lock_times();
        // Writes during the call count as later than it.
        let (last, pending) = (self.last.load(Ordering::Relaxed), *self.pending());
        let omit = TimeSpec::UTIME_OMIT;
        mapping.set_times(atime.unwrap_or(omit), mtime.unwrap_or(omit))?;
        if mtime.is_none() || !mapping.mode().writes_through() {
            return Ok(());
        }
        let order = Ordering::Relaxed;
        let _ = self.last.compare_exchange(last, 0, order, order);
        let shown = self::mtime(&mapping.metadata()?);
        self.clear_pending(pending, Some(shown));
        Ok(())
    }

    /// Clears `write`, which mtime reflects now or was set after. `set` is the new mtime, if it
    /// has just been set.
    fn clear_pending(&self, write: Option<PendingWrite>, set: Option<Time>) {
        match &mut *self.pending() {
            pending if *pending == write => *pending = None,
            // A write that came meanwhile may have read mtime before it was set.
            Some(later) => later.mtime = set.unwrap_or(later.mtime),
            None => {}
        }
    }

    fn pending(&self) -> MutexGuard<'_, Option<PendingWrite>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_times(&self) -> MutexGuard<'_, ()> {
        self.times_lock
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn mtime(metadata: &Metadata) -> Time {
    (metadata.mtime(), metadata.mtime_nsec())
}

fn nanoseconds((seconds, nanoseconds): Time) -> u64 {
    let since = i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds);
    u64::try_from(since).unwrap_or(0)
}

fn time(time: TimeSpec) -> Time {
    (time.tv_sec(), time.tv_nsec())
}
