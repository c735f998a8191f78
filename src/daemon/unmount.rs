//! `arrayfs -u`: what `umount` and `fusermount3 -u` do, for arrays only, with
//! words about what is in the way.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::statvfs::statvfs;
use nix::unistd::geteuid;

use super::{mountpoint_lock, patience, server};
use crate::cli::quoted;
use crate::platform::{self, os_error_message};

/// Why nothing was unmounted.
#[derive(Debug, thiserror::Error)]
pub enum UnmountError {
    /// There is no such path.
    #[error("{}: does not exist", .0.display())]
    Missing(PathBuf),
    /// The path is not a mount point.
    #[error("{}: is not an arrayfs mount: nothing is mounted there", .0.display())]
    NothingMounted(PathBuf),
    /// Something else is mounted there.
    #[error(
        "{}: is not an arrayfs mount: {} ({}) is mounted there",
        point.display(), what.display(), kind.display()
    )]
    OtherMount {
        /// The mount point.
        point: PathBuf,
        /// What is mounted.
        what: OsString,
        /// Its type.
        kind: OsString,
    },
    /// Somebody uses it.
    #[error("{}: is busy", .0.display())]
    Busy(PathBuf),
    /// The system refused.
    #[error("{}: cannot be unmounted: {}", point.display(), os_error_message(source))]
    Refused {
        /// The mount point.
        point: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl UnmountError {
    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            UnmountError::Busy(point) => Some(format!(
                "close the files that are open there and leave it with cd (fuser -vm shows who), \
                 or detach it: fusermount3 -uz {}",
                quoted(point)
            )),
            UnmountError::OtherMount { point, .. } => Some(format!(
                "to unmount it all the same, type: umount {}",
                quoted(point)
            )),
            UnmountError::Refused { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                Some("install the package fuse3".into())
            }
            UnmountError::Refused { .. } if !geteuid().is_root() => {
                Some("only root and the user who mounted it may do that".into())
            }
            _ => None,
        }
    }
}

/// Unmounts the array, its daemon dead, dying or alive, that is mounted on `point`, a
/// path that is absolute and without symbolic links.
///
/// # Errors
///
/// When no array is mounted there, it is in use, or the system refuses.
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
            what: mount.source,
            kind: mount.kind,
        });
    }
    // Unmounting one that hangs would wait for what is still to be written back.
    let outcome = match server::free_hung(&mount) {
        Ok(true) => Ok(()),
        Ok(false) => unmount_when_idle(point),
        Err(error) => Err(error),
    };
    match outcome {
        Ok(()) => {
            mountpoint_lock::wait_until_left(point);
            Ok(())
        }
        // A dead mount is of no use to those who still have files of it open.
        Err(error) if error.kind() == io::ErrorKind::ResourceBusy && is_dead(point) => {
            platform::detach(point).map_err(refused)?;
            mountpoint_lock::wait_until_left(point);
            Ok(())
        }
        // Somebody else has unmounted it meanwhile.
        Err(_) if matches!(mount.now(), Ok(None)) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
            Err(UnmountError::Busy(mount.point))
        }
        Err(error) => Err(refused(error)),
    }
}

/// Unmounts, and tries again if the mount was busy only for a moment: whoever
/// looks at it, or unmounts it too, is in the way for as long as that takes.
fn unmount_when_idle(point: &Path) -> io::Result<()> {
    const PATIENCE: Duration = Duration::from_millis(200);
    const PAUSE: Duration = Duration::from_millis(10);
    let start = Instant::now();
    loop {
        match platform::unmount(point) {
            Err(error)
                if error.kind() == io::ErrorKind::ResourceBusy && start.elapsed() < PATIENCE =>
            {
                thread::sleep(PAUSE);
            }
            other => return other,
        }
    }
}

/// Whether nobody serves the mount on `point` any longer. One that does not answer in time
/// is alive: busy, slow or stopped.
fn is_dead(point: &Path) -> bool {
    const PATIENCE: Duration = Duration::from_millis(300);
    let point = point.to_path_buf();
    let look = move || statvfs(&point).err() == Some(nix::Error::ENOTCONN);
    matches!(patience::within(PATIENCE, look), Ok(Some(true)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_array_is_left_alone() {
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
