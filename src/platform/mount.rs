//! Entries of the mount table and look-ups in it. Reading the table is left to `linux` and
//! `portable`.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// A mounted file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// The kernel's mount ID, unique while it is mounted; `None` if the table has none.
    pub id: Option<u64>,
    /// The device number, such as `0:40`; `None` if the table has none.
    pub device: Option<String>,
    /// The mount point.
    pub point: PathBuf,
    /// The file system type, such as `ext4` or `fuse.arrayfs`.
    pub kind: OsString,
    /// The source: for arrayfs the backing file, unless set by `fsname=`.
    pub source: OsString,
    /// The ID of the user who mounted it; `None` if the table does not have it. That of Linux
    /// has it for FUSE file systems alone.
    pub user: Option<u32>,
}

impl Mount {
    /// Whether it is an arrayfs mount. On macOS, whether it is any FUSE mount: the table does
    /// not distinguish them.
    pub fn is_arrayfs(&self) -> bool {
        if cfg!(target_os = "macos") {
            self.kind.to_string_lossy().contains("fuse")
        } else {
            self.kind == "fuse.arrayfs"
        }
    }

    /// The device number as an `st_dev` of `stat(2)`; `None` if the table has none.
    pub fn device_number(&self) -> Option<u64> {
        let (major, minor) = self.device.as_ref()?.split_once(':')?;
        Some(libc::makedev(major.parse().ok()?, minor.parse().ok()?) as u64)
    }

    /// The current table entry of the same mount, whose mount point differs if a directory
    /// above it was renamed. `None` if it is no longer mounted.
    ///
    /// # Errors
    ///
    /// When the table cannot be read.
    pub fn now(&self) -> io::Result<Option<Mount>> {
        // The ID of a mount that is gone is soon that of another one.
        let is_this = |other: &Mount| match self.id {
            Some(_) => {
                (other.id, &other.kind, &other.source) == (self.id, &self.kind, &self.source)
            }
            None => other == self,
        };
        Ok(super::mount_table()?.into_iter().find(is_this))
    }
}

/// The topmost mount on `point`, a path without symbolic links. `None` if it is not a mount
/// point.
///
/// # Errors
///
/// When the table cannot be read.
pub fn mounted_at(point: &Path) -> io::Result<Option<Mount>> {
    let table = super::mount_table()?;
    Ok(table.into_iter().rfind(|mount| mount.point == point))
}

/// The arrayfs mount that was just made on `point`. It is waited for where it can be missing from
/// the table at first. `None` if it does not appear in time.
///
/// # Errors
///
/// When the table cannot be read.
pub fn new_mount(point: &Path) -> io::Result<Option<Mount>> {
    wait_for(super::MOUNT_DELAY, || {
        // Below it, another file system may be mounted.
        Ok(mounted_at(point)?.filter(Mount::is_arrayfs))
    })
}

/// Calls `find` until it gives something or fails, for as long as `limit`, and at least once.
fn wait_for<T>(
    limit: Duration,
    mut find: impl FnMut() -> io::Result<Option<T>>,
) -> io::Result<Option<T>> {
    const PAUSE: Duration = Duration::from_millis(20);
    let start = Instant::now();
    loop {
        match find()? {
            None if start.elapsed() < limit => thread::sleep(PAUSE),
            found => return Ok(found),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_that_appears_late_is_waited_for_up_to_the_limit() {
        let late = |limit: Duration, late: usize| {
            let mut calls = 0;
            let found = wait_for(limit, || {
                calls += 1;
                Ok((calls > late).then_some("mount"))
            });
            (found.unwrap(), calls)
        };
        let long = Duration::from_secs(60);
        assert_eq!(late(long, 0), (Some("mount"), 1));
        assert_eq!(late(long, 2), (Some("mount"), 3));
        assert_eq!(late(Duration::ZERO, 2), (None, 1));
        let (found, calls) = late(Duration::from_millis(1), usize::MAX);
        assert!(found.is_none() && calls >= 2, "{calls}");
        let failed = wait_for::<()>(long, || Err(io::ErrorKind::NotFound.into()));
        assert!(failed.is_err());
    }

    #[test]
    fn a_mount_is_found_by_its_point_and_again_by_itself() {
        let root = mounted_at(Path::new("/")).unwrap().unwrap();
        assert_eq!(root.now().unwrap(), Some(root.clone()));
        assert!(!root.is_arrayfs());
        let gone = Mount {
            id: root.id.map(|_| u64::MAX),
            point: "/nowhere".into(),
            ..root.clone()
        };
        assert_eq!(gone.now().unwrap(), None);
        let replaced = Mount {
            source: "/another".into(),
            ..root
        };
        assert_eq!(replaced.now().unwrap(), None);
        assert_eq!(mounted_at(&gone.point).unwrap(), None);
    }
}
