//! Asks a mount whether its daemon is alive, with a time limit. What to do with a dead mount is
//! left to `mountpoint` and `unmount`.

use std::fs::{File, Metadata};
use std::io;
use std::path::Path;
use std::time::Duration;

use nix::sys::statvfs::statvfs;

use super::timeout;
use crate::platform::{self, Mount, is_of_dead_mount};

/// `stat` and `statvfs` of `point`, on which `mounted` is mounted. `stat` alone can succeed on a
/// dead mount, from attributes that the kernel has cached.
///
/// # Errors
///
/// When one of the calls fails: [`is_of_dead_mount`] if the mount has lost its daemon; `TimedOut`
/// if a mount does not answer within `limit`.
pub(super) fn stat_mount(
    point: &Path,
    mounted: Option<&Mount>,
    limit: Duration,
) -> io::Result<Metadata> {
    let path = point.to_path_buf();
    let is_arrayfs = mounted.is_some_and(Mount::is_arrayfs);
    let stat = move || {
        let metadata = std::fs::metadata(&path)?;
        statvfs(&path)?;
        if is_arrayfs && !platform::STATVFS_ASKS_DAEMON {
            open(&path)?;
        }
        Ok(metadata)
    };
    match mounted {
        // A plain directory needs no time limit, so it works even if no thread can be started.
        None => stat(),
        Some(_) => {
            timeout::within(limit, stat)?.unwrap_or_else(|| Err(io::ErrorKind::TimedOut.into()))
        }
    }
}

/// Opens the root of a mount.
///
/// # Errors
///
/// When the mount has lost its daemon. Other errors, such as missing permission, do not count.
fn open(root: &Path) -> io::Result<()> {
    match File::open(root) {
        Err(error) if is_of_dead_mount(&error) => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_that_lives_is_not_taken_for_dead() {
        let root = platform::mounted_at(Path::new("/")).unwrap().unwrap();
        // As an array, which has to be opened.
        let array = Mount {
            kind: "fuse.arrayfs".into(),
            ..root.clone()
        };
        for mount in [None, Some(&root), Some(&array)] {
            let limit = Duration::from_secs(60);
            assert!(stat_mount(Path::new("/"), mount, limit).unwrap().is_dir());
        }
        assert!(open(Path::new("/no/such/path")).is_ok());
    }
}
