//! A line of the mount table, wherever the table comes from.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

/// A mounted file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// The kernel's number for it, unique as long as it is mounted; `None`
    /// where the table has no numbers.
    pub id: Option<u64>,
    /// The number of its device, as in `0:40`; `None` where the table has none.
    pub device: Option<String>,
    /// Where it is mounted.
    pub point: PathBuf,
    /// Its type, such as `ext4` or `fuse.arrayfs`.
    pub kind: OsString,
    /// What is mounted: for arrayfs, the backing file unless `fsname=` says otherwise.
    pub source: OsString,
    /// Who has mounted it, if it is a FUSE file system; `None` where the table does not say.
    pub user: Option<u32>,
}

impl Mount {
    /// Whether it is a mounted array. macOS does not tell one FUSE file system
    /// from another.
    pub fn is_arrayfs(&self) -> bool {
        if cfg!(target_os = "macos") {
            self.kind.to_string_lossy().contains("fuse")
        } else {
            self.kind == "fuse.arrayfs"
        }
    }

    /// The number of its device, as `stat(2)` has it.
    pub fn device_number(&self) -> Option<u64> {
        let (major, minor) = self.device.as_ref()?.split_once(':')?;
        Some(libc::makedev(major.parse().ok()?, minor.parse().ok()?) as u64)
    }

    /// The same mount as the table shows it now: a renamed directory above it
    /// moves its mount point. `None` once it is unmounted.
    ///
    /// # Errors
    ///
    /// When the table cannot be read.
    pub fn now(&self) -> io::Result<Option<Mount>> {
        let is_this = |other: &Mount| match self.id {
            Some(_) => other.id == self.id && other.kind == self.kind,
            None => other == self,
        };
        Ok(super::mount_table()?.into_iter().find(is_this))
    }
}

/// The mount that a path without symbolic links leads to, if one is mounted
/// there; the uppermost where there are several.
///
/// # Errors
///
/// When the table cannot be read.
pub fn mounted_at(point: &Path) -> io::Result<Option<Mount>> {
    let table = super::mount_table()?;
    Ok(table.into_iter().rfind(|mount| mount.point == point))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_is_found_by_its_point_and_again_by_itself() {
        let root = mounted_at(Path::new("/")).unwrap().unwrap();
        assert_eq!(root.now().unwrap(), Some(root.clone()));
        assert!(!root.is_arrayfs());
        let gone = Mount {
            id: root.id.map(|_| u64::MAX),
            point: "/nowhere".into(),
            ..root
        };
        assert_eq!(gone.now().unwrap(), None);
        assert_eq!(mounted_at(&gone.point).unwrap(), None);
    }
}
