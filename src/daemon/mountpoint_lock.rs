//! The mount point directory: created if missing, locked against other arrayfs processes while
//! mounting, and removed at the end by the process that created it. Whether a directory is a
//! suitable mount point is the business of `mountpoint`.

use std::fs::{self, Metadata};
use std::io;
use std::mem;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::mountpoint::{self, MountpointError};
use crate::platform::{self, Lock, Purpose};

/// The time limit for acquiring the lock of a mount point.
const LOCK_TIMEOUT: Duration = Duration::from_secs(1);

/// The time limit for the removal of a mount point after the unmount.
const REMOVAL_TIMEOUT: Duration = Duration::from_secs(5);

/// The polling interval of both.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// The lock of a mount point against other arrayfs processes of this user. Dropping it removes the
/// directory if it was created for the mount.
#[derive(Debug)]
pub(super) struct MountpointLock {
    point: PathBuf,
    /// `None` if the directory cannot be accessed or locks are not available.
    lock: Option<LockedDirectory>,
    /// Whether the directory was created for the mount.
    created: bool,
}

/// A directory that was created for a mount. Dropping it removes the directory.
#[derive(Debug)]
pub(super) struct CreatedDirectory {
    point: PathBuf,
    /// The lock is held until the removal, for [`wait_for_removal`] and for a process that mounts
    /// there meanwhile and then takes the removal over. It does not keep others from mounting:
    /// this mount may be detached and still in use.
    directory: Option<LockedDirectory>,
}

/// A directory and its lock.
#[derive(Debug)]
struct LockedDirectory {
    directory: Metadata,
    _lock: Lock,
}

impl MountpointLock {
    /// Creates `point` if it is missing, locks it and checks it. Without the lock, two
    /// processes could both find the mount point free. Both paths are absolute and without
    /// symbolic links.
    ///
    /// # Errors
    ///
    /// When `file` cannot be mounted there, or another process is mounting there.
    pub(super) fn new(point: &Path, file: &Path) -> Result<MountpointLock, MountpointError> {
        let start = Instant::now();
        let mut created = false;
        loop {
            // The lock may still be held by a process that has just removed another directory
            // with the same inode number.
            created |= create_if_missing(point)?;
            let lock = lock(point);
            let checked = mountpoint::check(point, file);
            let is_contended = match (&lock, &checked) {
                // The previous owner has removed the directory.
                (_, Err(MountpointError::Missing(_))) => true,
                (Ok(Some(lock)), _) => !is_at(&lock.directory, point),
                (Ok(None), _) => false,
                (Err(Contended), Ok(())) => true,
                (Err(Contended), Err(_)) => false,
            };
            if is_contended && start.elapsed() < LOCK_TIMEOUT {
                thread::sleep(POLL_INTERVAL);
                continue;
            }
            // A daemon that created the directory and is about to end finds it locked, and leaves
            // its removal to the mount that is being made.
            if let Ok(Some(locked)) = &lock {
                created |= Lock::is_held(&locked.directory, Purpose::Removal);
            }
            // From here on, an error removes the directory again.
            let contended = || MountpointError::Contended(point.to_path_buf());
            let lock = MountpointLock {
                point: point.to_path_buf(),
                created,
                lock: lock.map_err(|Contended| contended()).or_else(|contended| {
                    // An error of the check says more than that the lock is held.
                    checked.as_ref().map_or(Ok(None), |()| Err(contended))
                })?,
            };
            checked?;
            return Ok(lock);
        }
    }

    /// Releases the lock once the array is mounted, since others can see the mount. Returns
    /// the directory if it was created for the mount.
    pub(super) fn mounted(mut self) -> Option<CreatedDirectory> {
        let lock = self.lock.take();
        let created = mem::take(&mut self.created);
        created.then(|| {
            let directory = lock.and_then(|locked| {
                let directory = locked.directory.clone();
                let lock = Lock::shared(&directory, Purpose::Removal).ok()?;
                Some(LockedDirectory {
                    directory,
                    _lock: lock,
                })
            });
            let point = mem::take(&mut self.point);
            CreatedDirectory { point, directory }
        })
    }
}

impl Drop for CreatedDirectory {
    fn drop(&mut self) {
        // If the lock is held, another process is mounting there.
        let Ok(_lock) = lock(&self.point) else { return };
        let is_unchanged = |created: &LockedDirectory| is_at(&created.directory, &self.point);
        if self.directory.as_ref().is_none_or(is_unchanged) {
            // Fails if the directory is not empty, and leaves it.
            let _ = fs::remove_dir(&self.point);
        }
    }
}

impl Drop for MountpointLock {
    fn drop(&mut self) {
        if self.created {
            // Fails if the directory is not empty, and leaves it.
            let _ = fs::remove_dir(&self.point);
        }
    }
}

/// Waits until the daemon of the array that was mounted on `point` has removed the directory,
/// if it had created it.
pub(super) fn wait_for_removal(point: &Path) {
    let start = Instant::now();
    // `stat` of an automount point would mount it again.
    let is_unmounted = || platform::mounted_at(point).is_ok_and(|mount| mount.is_none());
    let is_released = || {
        let directory = fs::metadata(point);
        !directory.is_ok_and(|directory| Lock::is_held(&directory, Purpose::Removal))
    };
    while is_unmounted() && !is_released() && start.elapsed() < REMOVAL_TIMEOUT {
        thread::sleep(POLL_INTERVAL);
    }
}

/// Another process holds the lock of the directory.
#[derive(Debug)]
struct Contended;

/// Creates the directory `point` if it is missing. Returns whether it was missing.
///
/// # Errors
///
/// When it does not exist and cannot be created.
fn create_if_missing(point: &Path) -> Result<bool, MountpointError> {
    match fs::create_dir(point) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        // An existing directory can be mounted on even if its parent is not writable.
        Err(_) if point.symlink_metadata().is_ok() => Ok(false),
        Err(source) => Err(MountpointError::NotCreated {
            point: point.to_path_buf(),
            source,
        }),
    }
}

/// Locks the directory `point` for mounting; `None` if the directory cannot be accessed or locks
/// are not available.
fn lock(point: &Path) -> Result<Option<LockedDirectory>, Contended> {
    let Ok(directory) = fs::metadata(point) else {
        return Ok(None);
    };
    match Lock::exclusive(&directory, Purpose::Mount) {
        Ok(lock) => Ok(Some(LockedDirectory {
            directory,
            _lock: lock,
        })),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(Contended),
        // Locks are not available.
        Err(_) => Ok(None),
    }
}

/// Whether `directory` is still at `point`.
fn is_at(directory: &Metadata, point: &Path) -> bool {
    let identity = |metadata: &Metadata| (metadata.dev(), metadata.ino());
    fs::metadata(point).is_ok_and(|found| identity(&found) == identity(directory))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn empty() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().canonicalize().unwrap();
        (dir, path)
    }

    #[test]
    fn a_missing_directory_is_created_and_removed_with_its_guard() {
        let (_dir, dir) = empty();
        let (point, file) = (dir.join("new"), dir.join("file"));
        let lock = MountpointLock::new(&point, &file).unwrap();
        assert!(point.is_dir());
        drop(lock);
        assert!(!point.exists());
        let kept = MountpointLock::new(&point, &file).unwrap().mounted();
        assert!(kept.is_some() && point.is_dir());
        drop(kept);
        assert!(!point.exists());
    }

    #[test]
    fn a_directory_that_existed_or_is_not_empty_stays() {
        let (_dir, dir) = empty();
        let (point, file) = (dir.join("there"), dir.join("file"));
        fs::create_dir(&point).unwrap();
        drop(MountpointLock::new(&point, &file).unwrap());
        assert!(point.is_dir());
        fs::remove_dir(&point).unwrap();
        let lock = MountpointLock::new(&point, &file).unwrap();
        fs::write(point.join("mine"), "").unwrap();
        drop(lock);
        assert!(point.join("mine").exists());
    }

    #[test]
    fn a_directory_that_is_locked_or_replaced_stays() {
        let (_dir, dir) = empty();
        let (point, file) = (dir.join("new"), dir.join("file"));
        let first = MountpointLock::new(&point, &file)
            .unwrap()
            .mounted()
            .unwrap();
        // The first mount has been detached and is still in use.
        let second = MountpointLock::new(&point, &file).unwrap();
        drop(first);
        assert!(point.is_dir());
        drop(second);
        assert!(!point.exists(), "the second took its removal over");
        let first = MountpointLock::new(&point, &file)
            .unwrap()
            .mounted()
            .unwrap();
        fs::rename(&point, dir.join("elsewhere")).unwrap();
        fs::create_dir(&point).unwrap();
        drop(first);
        assert!(point.is_dir());
    }

    #[test]
    fn a_directory_is_locked_by_one_process() {
        let (_dir, dir) = empty();
        let (point, file) = (dir.join("new"), dir.join("file"));
        let first = MountpointLock::new(&point, &file).unwrap();
        let error = MountpointLock::new(&point, &file).unwrap_err();
        assert!(matches!(error, MountpointError::Contended(_)), "{error}");
        let next = thread::spawn({
            let (point, file) = (point.clone(), file.clone());
            move || MountpointLock::new(&point, &file).unwrap()
        });
        drop(first);
        let next = next.join().unwrap();
        assert!(next.created && point.is_dir());
    }

    #[test]
    fn a_directory_that_cannot_be_created_is_refused_with_a_hint() {
        let (_dir, dir) = empty();
        let point = dir.join("no/such");
        let error = MountpointLock::new(&point, &dir.join("file")).unwrap_err();
        assert!(error.to_string().contains("cannot be made"), "{error}");
        assert!(error.hint().unwrap().contains("mkdir -p"), "{error:?}");
    }
}
