//! The permission bits of the backing file within its access control list. They are asked for at
//! every `stat` and for every listed entry, so the list is read again only after the file's
//! ctime has changed.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::backing_monitor::BackingFileMonitor;
use crate::mapping::Mapping;

/// The age at which a ctime is final: no file system has coarser timestamps.
const TIMESTAMP_GRANULARITY: Duration = Duration::from_secs(2);

/// The limit when the access control list cannot be read.
const OWNER_ONLY: u32 = 0o700;

/// The ctime of the backing file: seconds and nanoseconds.
type Ctime = (i64, i64);

/// A mask of the permission bits that the access control list of the backing file allows.
#[derive(Debug, Default)]
pub(super) struct AclLimit {
    /// The mask, and the ctime of the file when it was computed.
    cached: Mutex<Option<(Ctime, u32)>>,
}

impl AclLimit {
    /// The permission bits of the file of `mapping` that grant nothing its access control list
    /// denies. `metadata` is its current metadata. `monitor` logs a failure.
    pub(super) fn bits(
        &self,
        mapping: &Mapping,
        metadata: &Metadata,
        monitor: &BackingFileMonitor,
    ) -> u32 {
        let mode = metadata.mode();
        let ctime = (metadata.ctime(), metadata.ctime_nsec());
        let cached = *self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, limit)) = cached
            && at == ctime
        {
            return mode & limit;
        }
        let limit = match mapping.acl_limit() {
            Ok(limit) => limit,
            Err(error) => {
                monitor.log_error(mapping.path(), &error.into());
                return mode & OWNER_ONLY;
            }
        };
        if is_past_timestamp_granularity(ctime, SystemTime::now()) {
            let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
            *cached = Some((ctime, limit));
        }
        // If an access control list was set or removed meanwhile, the bits have changed with it.
        let current = mapping.metadata().map_or(0, |metadata| metadata.mode());
        mode & current & limit
    }
}

/// Whether every change of the file after `now` changes its ctime.
fn is_past_timestamp_granularity(ctime: Ctime, now: SystemTime) -> bool {
    let Ok(now) = now.duration_since(UNIX_EPOCH) else {
        return false;
    };
    let past = i128::from(ctime.0) * 1_000_000_000 + i128::from(ctime.1);
    past + (TIMESTAMP_GRANULARITY.as_nanos() as i128) < now.as_nanos() as i128
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ctime_is_final_after_two_seconds() {
        let now = UNIX_EPOCH + Duration::from_secs(1000);
        for (ctime, expected) in [
            ((500, 0), true),
            ((997, 999_999_999), true),
            ((998, 0), false),
            ((1000, 0), false),
            // The clock was set back.
            ((2000, 0), false),
            ((-5, 0), true),
        ] {
            assert_eq!(
                is_past_timestamp_granularity(ctime, now),
                expected,
                "{ctime:?}"
            );
        }
    }
}
