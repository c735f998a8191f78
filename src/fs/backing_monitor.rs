//! Trouble with the backing file, for the log: what clients are told as an
//! errno somebody has to be able to look up, and a client that tries again and
//! again must not fill the disk with it.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::error::FsError;
use crate::mapping::{AccessError, Mapping};

/// How long an errno is not logged again.
const QUIET: Duration = Duration::from_secs(60);

/// How often the backing file is looked for.
const WATCH: Duration = Duration::from_secs(1);

/// When each errno was logged last, and whether the file is still in its place.
#[derive(Debug, Default)]
pub(super) struct BackingFileMonitor {
    logged: Mutex<HashMap<i32, Instant>>,
    path_state: Mutex<PathState>,
}

/// What is known of the backing file's place.
#[derive(Debug, Default)]
enum PathState {
    /// Nobody has looked yet.
    #[default]
    Unknown,
    /// The file was there then.
    Kept(Instant),
    /// It was not, and that has been logged.
    Lost,
}

impl BackingFileMonitor {
    /// Logs that an operation on `file` failed, if the file below is to blame
    /// and it has not been logged lately.
    pub(super) fn note(&self, file: &Path, failed: &FsError) {
        let FsError::Access(error) = failed else {
            return;
        };
        let is_harmless = match error {
            AccessError::ReadOnly { .. } => true,
            // The file system has no such operation.
            AccessError::Io(error) => error.kind() == io::ErrorKind::Unsupported,
            AccessError::Shrunk { .. } => false,
        };
        if !is_harmless && self.is_due(failed.errno().code()) {
            log::error!("{}: {failed}", file.display());
        }
    }

    /// Looks once in a while whether the path still leads to the backing file, and
    /// logs once that it does not.
    pub(super) fn watch(&self, mapping: &Mapping) {
        let Ok(mut path_state) = self.path_state.try_lock() else {
            return;
        };
        match *path_state {
            PathState::Lost => return,
            PathState::Kept(last) if last.elapsed() < WATCH => return,
            _ => {}
        }
        *path_state = match mapping.displaced() {
            None => PathState::Kept(Instant::now()),
            Some(how) => {
                let path = mapping.path().display();
                log::warn!("{path}: has been {how}; the mount goes on with the file it had opened");
                PathState::Lost
            }
        };
    }

    fn is_due(&self, errno: i32) -> bool {
        let now = Instant::now();
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        let due = logged
            .get(&errno)
            .is_none_or(|&last| now.duration_since(last) >= QUIET);
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
