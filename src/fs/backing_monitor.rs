//! Log messages about the backing file: failed accesses, of which clients see only the errno,
//! and a backing file that was moved or replaced. Repeated messages are suppressed, so that a
//! client that retries does not fill the disk.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::error::FsError;
use crate::mapping::{AccessError, Mapping};

/// The shortest time between log messages for one errno.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// The shortest time between checks of the path.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// The time of the last log message for each errno, and the state of the path.
#[derive(Debug, Default)]
pub(super) struct BackingFileMonitor {
    logged: Mutex<HashMap<i32, Instant>>,
    path_state: Mutex<PathState>,
}

/// Whether the path still leads to the backing file.
#[derive(Debug, Default)]
enum PathState {
    /// Not checked yet.
    #[default]
    Unknown,
    /// It did, at the last check.
    InPlace(Instant),
    /// It does not, and this has been logged.
    Displaced,
}

impl BackingFileMonitor {
    /// Logs a failed operation on `file`, if the backing file caused it and its errno has not
    /// been logged recently.
    pub(super) fn log_error(&self, file: &Path, failure: &FsError) {
        let FsError::Access(error) = failure else {
            return;
        };
        let is_harmless = match error {
            AccessError::ReadOnly { .. } => true,
            // The file system below lacks the operation.
            AccessError::Io(error) => error.kind() == io::ErrorKind::Unsupported,
            AccessError::Shrunk { .. } => false,
        };
        if !is_harmless && self.is_due(failure.errno().code()) {
            log::error!("{}: {failure}", file.display());
        }
    }

    /// Checks from time to time whether the path still leads to the backing file. Logs once that
    /// it does not.
    pub(super) fn watch(&self, mapping: &Mapping) {
        let Ok(mut path_state) = self.path_state.try_lock() else {
            return;
        };
        match *path_state {
            PathState::Displaced => return,
            PathState::InPlace(last) if last.elapsed() < CHECK_INTERVAL => return,
            _ => {}
        }
        *path_state = match mapping.displaced() {
            None => PathState::InPlace(Instant::now()),
            Some(how) => {
                let path = mapping.path().display();
                log::warn!("{path}: has been {how}; the mount goes on with the file it had opened");
                PathState::Displaced
            }
        };
    }

    fn is_due(&self, errno: i32) -> bool {
        let now = Instant::now();
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        let due = logged
            .get(&errno)
            .is_none_or(|&last| now.duration_since(last) >= LOG_INTERVAL);
        if due {
            logged.insert(errno, now);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_errno_is_logged_once_in_a_while() {
        let monitor = BackingFileMonitor::default();
        assert!(monitor.is_due(libc::EIO));
        assert!(!monitor.is_due(libc::EIO));
        assert!(monitor.is_due(libc::ENOSPC));
    }
}
