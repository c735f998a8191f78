//! The directory of a mount: made if it is missing, kept from others who would
//! mount there too, and removed at the end by whoever has made it.

use std::fs::{self, Metadata};
use std::io;
use std::mem;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::mountpoint::{self, MountpointError};
use crate::platform::{self, Lock, Purpose};

/// How long a directory is waited for that somebody else has for themselves.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long the end of a mount is waited for, after it has been unmounted.
const LAST_PATIENCE: Duration = Duration::from_secs(5);

const PAUSE: Duration = Duration::from_millis(5);

/// A mount point that no other process of this user mounts an array on. When dropped it
/// is removed, if it was made for the mount.
#[derive(Debug)]
pub(super) struct MountpointLock {
    point: PathBuf,
    /// `None` where the directory cannot be seen or locked.
    lock: Option<Locked>,
    made: bool,
}

/// A directory that was made for a mount, and is removed when this is dropped.
#[derive(Debug)]
pub(super) struct CreatedDirectory {
    point: PathBuf,
    /// Locked until it is removed, for those who wait for that. Others can mount there
    /// meanwhile: the mount may have been detached, and still be used.
    directory: Option<Locked>,
}

/// A directory and what it is locked by.
#[derive(Debug)]
struct Locked {
    directory: Metadata,
    _lock: Lock,
}

impl MountpointLock {
    /// Makes `point` if it is missing and keeps others off it: of two who look at
    /// once, both would find nothing there. Both paths are absolute and without
    /// symbolic links.
    ///
    /// # Errors
    ///
    /// When `file` cannot be mounted there, or somebody else is about to.
    pub(super) fn new(point: &Path, file: &Path) -> Result<MountpointLock, MountpointError> {
        let start = Instant::now();
        let mut made = false;
        loop {
            // Who removed another just now can still have the lock of this one, which may
            // have got the same inode number.
            made |= make(point)?;
            let lock = lock(point);
            let found = mountpoint::check(point, file);
            let is_contended = match (&lock, &found) {
                // Who had it before has removed it.
                (_, Err(MountpointError::Missing(_))) => true,
                (Ok(Some(lock)), _) => !is_at(&lock.directory, point),
                (Ok(None), _) => false,
                (Err(Contended), Ok(())) => true,
                (Err(Contended), Err(_)) => false,
            };
            if is_contended && start.elapsed() < PATIENCE {
                thread::sleep(PAUSE);
                continue;
            }
            // From here on it is removed again, whatever comes.
            let contended = || MountpointError::Contended(point.to_path_buf());
            let lock = MountpointLock {
                point: point.to_path_buf(),
                made,
                lock: lock.map_err(|Contended| contended()).or_else(|contended| {
                    // Better to say what is mounted there than that something is.
                    found.as_ref().map_or(Ok(None), |()| Err(contended))
                })?,
            };
            found?;
            return Ok(lock);
        }
    }

    /// The array is mounted. Others who find it there need not be kept off.
    pub(super) fn mounted(mut self) -> Option<CreatedDirectory> {
        let lock = self.lock.take();
        let made = mem::take(&mut self.made);
        made.then(|| {
            let directory = lock.and_then(|locked| {
                let directory = locked.directory.clone();
                let lock = Lock::shared(&directory, Purpose::Removal).ok()?;
                Some(Locked {
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
        // Whoever is about to mount there has it now; and another may be there.
        let Ok(_lock) = lock(&self.point) else { return };
        let is_there = |own: &Locked| is_at(&own.directory, &self.point);
        if self.directory.as_ref().is_none_or(is_there) {
            // Somebody may have put something there.
            let _ = fs::remove_dir(&self.point);
        }
    }
}

impl Drop for MountpointLock {
    fn drop(&mut self) {
        if self.made {
            // Somebody may have put something there.
            let _ = fs::remove_dir(&self.point);
        }
    }
}

/// Waits for the end of an array's daemon that was mounted on `point`, as far as
/// it has the directory to remove.
pub(super) fn wait_until_left(point: &Path) {
    let start = Instant::now();
    // Looking at an automount point would mount it anew.
    let is_bare = || platform::mounted_at(point).is_ok_and(|mount| mount.is_none());
    let is_left = || {
        let directory = fs::metadata(point);
        !directory.is_ok_and(|directory| Lock::is_held(&directory, Purpose::Removal))
    };
    while is_bare() && !is_left() && start.elapsed() < LAST_PATIENCE {
        thread::sleep(PAUSE);
    }
}

/// Somebody else has the directory for themselves.
#[derive(Debug)]
struct Contended;

/// Makes the directory `point`, and says whether it was missing.
fn make(point: &Path) -> Result<bool, MountpointError> {
    match fs::create_dir(point) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        // What is there can be mounted on, wherever it is.
        Err(_) if point.symlink_metadata().is_ok() => Ok(false),
        Err(source) => Err(MountpointError::NotMade {
            point: point.to_path_buf(),
            source,
        }),
    }
}

fn lock(point: &Path) -> Result<Option<Locked>, Contended> {
    let Ok(directory) = fs::metadata(point) else {
        return Ok(None);
    };
    match Lock::exclusive(&directory, Purpose::Mount) {
        Ok(lock) => Ok(Some(Locked {
            directory,
            _lock: lock,
        })),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(Contended),
        // There is no place for locks.
        Err(_) => Ok(None),
    }
}

/// Whether a directory is still the one at `point`.
fn is_at(directory: &Metadata, point: &Path) -> bool {
    let identity = |found: &Metadata| (found.dev(), found.ino());
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
    fn a_directory_that_was_missing_is_there_for_as_long_as_it_is_reserved() {
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
    fn a_directory_that_was_there_or_is_used_stays() {
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
    fn a_directory_that_another_mount_uses_or_that_is_another_stays() {
        let (_dir, dir) = empty();
        let (point, file) = (dir.join("new"), dir.join("file"));
        let first = MountpointLock::new(&point, &file)
            .unwrap()
            .mounted()
            .unwrap();
        // The first has been detached, and is still in use.
        let second = MountpointLock::new(&point, &file).unwrap();
        drop(first);
        assert!(point.is_dir());
        drop(second);
        fs::remove_dir(&point).unwrap();
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
    fn a_directory_is_reserved_once() {
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
        assert!(next.made && point.is_dir());
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_refused_with_what_to_do() {
        let (_dir, dir) = empty();
        let point = dir.join("no/such");
        let error = MountpointLock::new(&point, &dir.join("file")).unwrap_err();
        assert!(error.to_string().contains("cannot be made"), "{error}");
        assert!(error.hint().unwrap().contains("mkdir -p"), "{error:?}");
    }
}
