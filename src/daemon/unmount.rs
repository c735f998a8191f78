//! `arrayfs -u`: unmounts an array like `umount` or `fusermount3 -u`. It refuses other mounts,
//! frees dead and hung ones, and waits for the daemon's cleanup.

use std::ffi::OsString;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use nix::unistd::geteuid;

use super::probe::stat_mount;
use super::{mountpoint_lock, server};
use crate::cli::quoted;
use crate::platform::{self, DETACH, LIST_USERS, Mount, is_of_dead_mount, os_error_message};

/// Why nothing was unmounted.
#[derive(Debug, thiserror::Error)]
pub enum UnmountError {
    /// The path does not exist.
    #[error("{}: does not exist", .0.display())]
    Missing(PathBuf),
    /// The path is not a mount point.
    #[error("{}: is not an arrayfs mount: nothing is mounted there", .0.display())]
    NothingMounted(PathBuf),
    /// Another file system is mounted there.
    #[error(
        "{}: is not an arrayfs mount: {} ({}) is mounted there",
        point.display(), mounted.display(), kind.display()
    )]
    OtherMount {
        /// The mount point.
        point: PathBuf,
        /// The source in the mount table.
        mounted: OsString,
        /// The file system type.
        kind: OsString,
    },
    /// The mount is in use.
    #[error("{}: is busy", .0.display())]
    Busy(PathBuf),
    /// The system call or `fusermount3` failed.
    #[error("{}: cannot be unmounted: {}", point.display(), os_error_message(source))]
    Refused {
        /// The mount point.
        point: PathBuf,
        /// The error of the system call.
        source: io::Error,
    },
}

impl UnmountError {
    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            UnmountError::Busy(point) => Some(format!(
                "close the files that are open there and leave it with cd ({LIST_USERS} shows who), \
                 or detach it: {DETACH} {}",
                quoted(point)
            )),
            UnmountError::OtherMount { point, .. } => Some(format!(
                "to unmount it all the same, type: umount {}",
                quoted(point)
            )),
            // On other systems no program is run.
            UnmountError::Refused { source, .. }
                if cfg!(target_os = "linux") && source.kind() == io::ErrorKind::NotFound =>
            {
                Some("install the package fuse3".into())
            }
            UnmountError::Refused { .. } if !geteuid().is_root() => {
                Some("only root and the user who mounted it may do that".into())
            }
            _ => None,
        }
    }
}

/// Unmounts the array on `point`, an absolute path without symbolic links. The daemon may be
/// alive, dying or dead.
///
/// # Errors
///
/// When no array is mounted there, the mount is in use, or unmounting fails.
pub fn unmount(point: &Path) -> Result<(), UnmountError> {
    let refused = |source| UnmountError::Refused {
        point: point.to_path_buf(),
        source,
    };
    let Some(mount) = platform::mounted_at(point).map_err(refused)? else {
        let path = point.to_path_buf();
        return Err(match point.symlink_metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => UnmountError::Missing(path),
            _ => UnmountError::NothingMounted(path),
        });
    };
    if !mount.is_arrayfs() {
        return Err(UnmountError::OtherMount {
            point: mount.point,
            mounted: mount.source,
            kind: mount.kind,
        });
    }
    // Unmounting a hung mount would wait for write-back.
    let outcome = match server::free_hung(&mount) {
        Ok(true) => Ok(()),
        Ok(false) => unmount_with_retry(point),
        Err(error) => Err(error),
    };
    match outcome {
        Ok(()) => {
            mountpoint_lock::wait_for_removal(point);
            Ok(())
        }
        // Files of a dead mount that are still open are of no use.
        Err(error) if error.kind() == io::ErrorKind::ResourceBusy && is_dead(&mount) => {
            platform::detach(point).map_err(refused)?;
            mountpoint_lock::wait_for_removal(point);
            Ok(())
        }
        // Another process has unmounted it meanwhile.
        Err(_) if matches!(mount.now(), Ok(None)) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
            Err(UnmountError::Busy(mount.point))
        }
        Err(error) => Err(refused(error)),
    }
}

/// Unmounts, and retries while the mount is busy: a `stat` or another unmount keeps it busy for a
/// moment. The pauses are random: two unmounts that retry in step keep it busy for each other.
fn unmount_with_retry(point: &Path) -> io::Result<()> {
    const TIMEOUT: Duration = Duration::from_millis(200);
    const LONGEST_PAUSE_MS: u64 = 20;
    let start = Instant::now();
    loop {
        match platform::unmount(point) {
            Err(error)
                if error.kind() == io::ErrorKind::ResourceBusy && start.elapsed() < TIMEOUT =>
            {
                let random = RandomState::new().hash_one(());
                thread::sleep(Duration::from_millis(1 + random % LONGEST_PAUSE_MS));
            }
            other => return other,
        }
    }
}

/// Whether `mount` has lost its daemon. A mount that does not answer in time counts
/// as alive: it is busy, slow or stopped.
fn is_dead(mount: &Mount) -> bool {
    const TIMEOUT: Duration = Duration::from_millis(300);
    let root = stat_mount(&mount.point, Some(mount), TIMEOUT);
    root.is_err_and(|error| is_of_dead_mount(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_without_a_mounted_array_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().canonicalize().unwrap();
        for (point, expected) in [
            (dir.as_path(), "nothing is mounted there"),
            (&dir.join("missing"), "does not exist"),
            (Path::new("/"), "is not an arrayfs mount: "),
        ] {
            let error = unmount(point).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
