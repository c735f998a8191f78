//! The times of writes. A store to a page of the backing file that has been stored to
//! already, and not yet been written back, leaves its mtime as it is. So of each write it
//! is remembered that it happened, and what the mtime was then. If that is still so when
//! a file is closed or synchronised the mtime is set; if not, somebody has written the
//! file or set its times since, which stays.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::sys::time::TimeSpec;

use crate::mapping::Mapping;
use crate::platform;

/// The last write through the mount.
#[derive(Debug, Default)]
pub(super) struct WriteTimes {
    /// When it was, in nanoseconds since 1970; 0 if there is none.
    last: AtomicU64,
    /// The last that the backing file's mtime may not show.
    unshown: Mutex<Option<Unshown>>,
    /// Held while the times of the backing file are set.
    setting: Mutex<()>,
}

/// A write that the backing file's mtime may not show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Unshown {
    /// When it was.
    written: Time,
    /// The tick of the kernel's clock in which the mtime was looked at.
    tick: Time,
    /// The mtime after this write, or after another in the same tick.
    mtime: Time,
}

/// Seconds since 1970, and nanoseconds.
type Time = (i64, i64);

impl WriteTimes {
    /// When the last write was; `None` if its time has been replaced by one that was
    /// set.
    pub(super) fn last(&self) -> Option<SystemTime> {
        match self.last.load(Ordering::Relaxed) {
            0 => None,
            nanoseconds => UNIX_EPOCH.checked_add(Duration::from_nanos(nanoseconds)),
        }
    }

    /// The file of `mapping` has just been written. It is looked at only once in a tick.
    ///
    /// # Errors
    ///
    /// When its mtime cannot be told.
    pub(super) fn written(&self, mapping: &Mapping) -> io::Result<()> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.unwrap_or_default();
        let written = (now.as_secs() as i64, i64::from(now.subsec_nanos()));
        self.last.fetch_max(nanoseconds(written), Ordering::Relaxed);
        if !mapping.mode().writes_through() {
            return Ok(());
        }
        let tick = time(platform::clock_tick());
        let mut unshown = self.unshown();
        match &mut *unshown {
            Some(last) if last.tick == tick => last.written = last.written.max(written),
            other => {
                let found = mapping.metadata()?;
                mapping.drop_set_id(&found);
                let mtime = mtime(&found);
                // Another that was later can have come here first.
                let written = other.map_or(written, |last| last.written.max(written));
                *other = Some(Unshown {
                    written,
                    tick,
                    mtime,
                });
            }
        }
        Ok(())
    }

    /// Has the mtime of the file of `mapping` show the last write, unless it was set
    /// after that.
    ///
    /// # Errors
    ///
    /// When it cannot be set.
    pub(super) fn show(&self, mapping: &Mapping) -> io::Result<()> {
        if self.unshown().is_none() {
            return Ok(());
        }
        let _alone = self.setting();
        let Some(last) = *self.unshown() else {
            return Ok(());
        };
        let found = mapping.metadata()?;
        let mut set = None;
        // The times of a device's node are not those of what it holds.
        if found.is_file() && mtime(&found) == last.mtime {
            // Not later than what others write from now on, which gets the time of the
            // tick; nor earlier than what they wrote before, as the time of the tick
            // could be.
            let time = match last.written <= time(platform::clock_tick()) {
                true => TimeSpec::new(last.written.0, last.written.1),
                false => TimeSpec::UTIME_NOW,
            };
            mapping.set_modified(time)?;
            let shown = mtime(&mapping.metadata()?);
            // What `stat` has shown once it shows until another time is set.
            self.last.fetch_max(nanoseconds(shown), Ordering::Relaxed);
            set = Some(shown);
        }
        self.is_shown(Some(last), set);
        Ok(())
    }

    /// Sets the times of the file of `mapping` as somebody wants them.
    ///
    /// # Errors
    ///
    /// What the system reports.
    pub(super) fn set(
        &self,
        mapping: &Mapping,
        atime: Option<TimeSpec>,
        mtime: Option<TimeSpec>,
    ) -> io::Result<()> {
        let _alone = self.setting();
        // What is written while they are set counts as written afterwards.
        let (last, unshown) = (self.last.load(Ordering::Relaxed), *self.unshown());
        let omit = TimeSpec::UTIME_OMIT;
        mapping.set_times(atime.unwrap_or(omit), mtime.unwrap_or(omit))?;
        if mtime.is_none() || !mapping.mode().writes_through() {
            return Ok(());
        }
        let order = Ordering::Relaxed;
        let _ = self.last.compare_exchange(last, 0, order, order);
        let shown = self::mtime(&mapping.metadata()?);
        self.is_shown(unshown, Some(shown));
        Ok(())
    }

    /// The mtime shows this write, or a time that was set after it; it has just been `set`.
    fn is_shown(&self, write: Option<Unshown>, set: Option<Time>) {
        match &mut *self.unshown() {
            unshown if *unshown == write => *unshown = None,
            // Of what was written meanwhile the mtime may have been looked at before.
            Some(later) => later.mtime = set.unwrap_or(later.mtime),
            None => {}
        }
    }

    fn unshown(&self) -> MutexGuard<'_, Option<Unshown>> {
        self.unshown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn setting(&self) -> MutexGuard<'_, ()> {
        self.setting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn mtime(found: &Metadata) -> Time {
    (found.mtime(), found.mtime_nsec())
}

fn nanoseconds((seconds, nanoseconds): Time) -> u64 {
    let since = i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds);
    u64::try_from(since).unwrap_or(0)
}

fn time(time: TimeSpec) -> Time {
    (time.tv_sec(), time.tv_nsec())
}
