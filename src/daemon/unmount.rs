//! `arrayfs -u`: unmounts an array like `umount` or `fusermount3 -u`. It refuses other mounts,
//! frees dead and hung ones, and waits for the daemon's cleanup. A mount is found by its mount point
//! or its file.

use std::ffi::OsString;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use nix::unistd::geteuid;

use super::probe::stat_mount;
use super::{list, mountpoint_lock, server, timeout};
use crate::platform::{
    self, DETACH, LIST_USERS, Mount, is_of_dead_mount, os_error_message, quoted,
};

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
    /// The path is a file that several mounts show.
    #[error("{}: is mounted on {} mount points", file.display(), points.len())]
    SeveralMounts {
        /// The file.
        file: PathBuf,
        /// The mount points.
        points: Vec<PathBuf>,
    },
    /// The mount table does not say who has mounted what.
    #[error("--all: the mount table does not say which mounts are yours")]
    UnknownOwners,
    /// The mount table cannot be read.
    #[error("the mount table cannot be read: {}", os_error_message(.0))]
    MountTable(io::Error),
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

/// The advice for who wants to know what is mounted.
const LISTS: &str = "arrayfs --list shows the mounts of arrays";

impl UnmountError {
    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            UnmountError::Busy(point) => Some(match mount_below(point) {
                Some(mount) => format!("unmount {} first", quoted(&mount.point)),
                None => format!(
                    "close the files that are open there and leave it with cd ({LIST_USERS} shows who), \
                 or detach it: {DETACH} {}",
                    quoted(point)
                ),
            }),
            UnmountError::Missing(point) | UnmountError::NothingMounted(point) => {
                Some(match mount_around(point) {
                    Some(mount) => format!(
                        "it is in the mount on {0}: arrayfs -u {0}",
                        quoted(&mount.point)
                    ),
                    None => LISTS.into(),
                })
            }
            UnmountError::OtherMount { .. } | UnmountError::UnknownOwners => Some(LISTS.into()),
            UnmountError::SeveralMounts { points, .. } => {
                let points: Vec<String> = points.iter().map(|point| quoted(point)).collect();
                Some(format!("say which: arrayfs -u {}", points.join(" or ")))
            }
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

/// The arrays that this user has mounted, in the order of mounting. Root has mounted only its own.
/// On macOS, where the mount table does not distinguish them from other FUSE mounts, only those
/// that answer.
///
/// # Errors
///
/// When the mount table cannot be read, or does not have the user of a mount.
pub fn own_mounts() -> Result<Vec<Mount>, UnmountError> {
    let mut mounts = platform::mount_table().map_err(UnmountError::MountTable)?;
    mounts.retain(Mount::is_arrayfs);
    if mounts.iter().any(|mount| mount.user.is_none()) {
        return Err(UnmountError::UnknownOwners);
    }
    mounts.retain(|mount| mount.user == Some(geteuid().as_raw()));
    if cfg!(target_os = "macos") {
        mounts.retain(|mount| shows_array(&mount.point));
    }
    Ok(mounts)
}

/// Whether a mount answers in time that it has the file `.arrayfs/stats`.
fn shows_array(point: &Path) -> bool {
    const TIMEOUT: Duration = Duration::from_secs(2);
    let path = point.join(".arrayfs/stats");
    let found = timeout::within(TIMEOUT, move || path.symlink_metadata());
    matches!(found, Ok(Some(Ok(_))))
}

/// The last mount below the mount point `point`.
fn mount_below(point: &Path) -> Option<Mount> {
    let mut table = platform::mount_table().ok()?.into_iter().rev();
    table.find(|mount| mount.point != point && mount.point.starts_with(point))
}

/// The innermost mount of an array that `path` lies in.
fn mount_around(path: &Path) -> Option<Mount> {
    let table = platform::mount_table().ok()?.into_iter();
    let around = table.filter(|mount| mount.is_arrayfs() && path.starts_with(&mount.point));
    around.max_by_key(|mount| mount.point.as_os_str().len())
}

/// Whether a mount of an array shows the file `path`.
fn shows(mount: &Mount, path: &Path) -> bool {
    let source = Path::new(&mount.source);
    // Only a name given by `fsname=` is relative. The mount itself knows its file.
    source == path
        || !source.is_absolute() && list::file(&mount.point).is_some_and(|file| file == path)
}

/// The mount on `path`, or else the one that shows the file `path`.
///
/// # Errors
///
/// When there is none, or several show the file.
fn find(path: &Path) -> Result<Mount, UnmountError> {
    let table = platform::mount_table().map_err(UnmountError::MountTable)?;
    if let Some(mount) = table.iter().rfind(|mount| mount.point == path) {
        return Ok(mount.clone());
    }
    let arrays = table.iter().filter(|mount| mount.is_arrayfs());
    let mounts: Vec<&Mount> = arrays.filter(|mount| shows(mount, path)).collect();
    match mounts[..] {
        [only] => Ok(only.clone()),
        [] => match path.symlink_metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(UnmountError::Missing(path.to_path_buf()))
            }
            _ => Err(UnmountError::NothingMounted(path.to_path_buf())),
        },
        _ => Err(UnmountError::SeveralMounts {
            file: path.to_path_buf(),
            points: mounts.iter().map(|mount| mount.point.clone()).collect(),
        }),
    }
}

/// Unmounts the array on `path`, or the only one that shows the file `path`. It is absolute and
/// without symbolic links. The daemon may be alive, dying or dead.
///
/// # Errors
///
/// When no array is mounted there, the mount is in use, or unmounting fails.
pub fn unmount(path: &Path) -> Result<(), UnmountError> {
    let mount = find(path)?;
    let point = mount.point.as_path();
    let refused = |source| UnmountError::Refused {
        point: point.to_path_buf(),
        source,
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
            Err(UnmountError::Busy(mount.point.clone()))
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
    fn an_array_is_known_by_its_statistics() {
        let dir = tempfile::tempdir().unwrap();
        assert!(!shows_array(dir.path()));
        std::fs::create_dir(dir.path().join(".arrayfs")).unwrap();
        assert!(!shows_array(dir.path()));
        std::fs::write(dir.path().join(".arrayfs/stats"), "").unwrap();
        assert!(shows_array(dir.path()));
    }

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
