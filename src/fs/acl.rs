//! The permission bits of the backing file as far as its access control list goes
//! along with them. The list is read again only when the file's ctime says that it may
//! have changed, since every `stat` and each entry of a listing asks for the bits.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::backing_monitor::BackingFileMonitor;
use crate::mapping::Mapping;

/// How old a ctime has to be before it tells of every change: no clock of a file system
/// is coarser than that.
const SETTLING: Duration = Duration::from_secs(2);

/// What there is left where the list cannot be read.
const OWNER_ONLY: u32 = 0o700;

/// The ctime of the backing file in seconds and nanoseconds.
type Ctime = (i64, i64);

/// What the access control list of the backing file leaves of its bits.
#[derive(Debug, Default)]
pub(super) struct AclLimit {
    /// The bits it left when the file had this ctime.
    known: Mutex<Option<(Ctime, u32)>>,
}

impl AclLimit {
    /// The permission bits of the file of `mapping`, of which `found` has just been
    /// found, that let nobody do what its list forbids.
    pub(super) fn bits(
        &self,
        mapping: &Mapping,
        found: &Metadata,
        monitor: &BackingFileMonitor,
    ) -> u32 {
        let mode = found.mode();
        let ctime = (found.ctime(), found.ctime_nsec());
        let known = *self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, limit)) = known
            && at == ctime
        {
            return mode & limit;
        }
        let limit = match mapping.acl_limit() {
            Ok(limit) => limit,
            Err(error) => {
                monitor.note(mapping.path(), &error.into());
                return mode & OWNER_ONLY;
            }
        };
        if is_past_timestamp_granularity(ctime, SystemTime::now()) {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            *known = Some((ctime, limit));
        }
        // If a list has just been set or removed the bits are other ones.
        let now = mapping.metadata().map_or(0, |found| found.mode());
        mode & now & limit
    }
}

/// Whether whatever changes the file from `now` on gives it another ctime.
fn is_past_timestamp_granularity(ctime: Ctime, now: SystemTime) -> bool {
    let Ok(now) = now.duration_since(UNIX_EPOCH) else {
        return false;
    };
    let settled = i128::from(ctime.0) * 1_000_000_000 + i128::from(ctime.1);
    settled + (SETTLING.as_nanos() as i128) < now.as_nanos() as i128
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ctime_is_settled_when_it_is_two_seconds_old() {
        let now = UNIX_EPOCH + Duration::from_secs(1000);
        for (ctime, expected) in [
            ((500, 0), true),
            ((997, 999_999_999), true),
            ((998, 0), false),
            ((1000, 0), false),
            // A clock that was set back.
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
