//! Telling whether a directory can be mounted on, before anything is changed.

use std::ffi::OsString;
use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::statvfs::statvfs;

use super::{patience, server};
use crate::cli::{Settings, quoted};
use crate::mapping::Mode;
use crate::platform::{self, Mount, os_error_message};

/// How long a mount may take to say what is at its mount point.
const PATIENCE: Duration = Duration::from_secs(2);

/// Why a path cannot be mounted on.
#[derive(Debug, thiserror::Error)]
pub enum MountpointError {
    /// Nothing is there.
    #[error("{}: the mount point does not exist", .0.display())]
    Missing(PathBuf),
    /// Nothing is there, nor can be.
    #[error("{}: the mount point cannot be made: {}", point.display(), os_error_message(source))]
    NotMade {
        /// The mount point.
        point: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Something is in the directory that was named after the file.
    #[error("{}: is not empty", .0.display())]
    NotEmpty(PathBuf),
    /// Something else is where the directory would be that is named after the file.
    #[error("{}: is in the way of a mount point", .0.display())]
    InTheWay(PathBuf),
    /// Something else than a directory is there.
    #[error("{}: the mount point is not a directory", .0.display())]
    NotADirectory(PathBuf),
    /// Mounting would hide the backing file.
    #[error("{}: the mount point holds the file to mount, {}", point.display(), file.display())]
    HoldsFile {
        /// The mount point.
        point: PathBuf,
        /// The backing file.
        file: PathBuf,
    },
    /// Somebody else is about to mount there.
    #[error("{}: another mount is being made there", .0.display())]
    Contended(PathBuf),
    /// An array is mounted there.
    #[error("{}: is already an arrayfs mount, of {}", point.display(), what.display())]
    Taken {
        /// The mount point.
        point: PathBuf,
        /// The array's file.
        what: OsString,
    },
    /// What is mounted there has lost its daemon.
    #[error(
        "{}: is a dead mount, of {} ({}): {}",
        point.display(), what.display(), kind.display(), os_error_message(error)
    )]
    Dead {
        /// The mount point.
        point: PathBuf,
        /// What was mounted.
        what: OsString,
        /// Its type.
        kind: OsString,
        /// Whether it was an array.
        is_arrayfs: bool,
        /// What the system says.
        error: io::Error,
    },
    /// What is mounted there does not answer.
    #[error(
        "{}: is a mount that does not answer, of {} ({})",
        point.display(), what.display(), kind.display()
    )]
    Silent {
        /// The mount point.
        point: PathBuf,
        /// What is mounted.
        what: OsString,
        /// Its type.
        kind: OsString,
        /// Whether it is an array.
        is_arrayfs: bool,
    },
    /// It cannot be looked at.
    #[error("{}: the mount point cannot be used: {}", point.display(), os_error_message(source))]
    Unreadable {
        /// The mount point.
        point: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl MountpointError {
    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            MountpointError::Missing(point) if point.symlink_metadata().is_ok() => {
                Some("it is a symbolic link that leads nowhere".into())
            }
            MountpointError::Missing(point) => {
                Some(format!("create it with: mkdir {}", quoted(point)))
            }
            MountpointError::NotMade { point, source }
                if source.kind() == io::ErrorKind::NotFound =>
            {
                Some(format!("create it with: mkdir -p {}", quoted(point)))
            }
            MountpointError::NotEmpty(_) | MountpointError::InTheWay(_) => {
                Some("say where to mount it".into())
            }
            MountpointError::NotADirectory(_) | MountpointError::HoldsFile { .. } => {
                Some("mount on an empty directory".into())
            }
            MountpointError::Taken { point, .. } => {
                Some(format!("to unmount it, type: arrayfs -u {}", quoted(point)))
            }
            MountpointError::Dead {
                point, is_arrayfs, ..
            } => {
                let command = if *is_arrayfs { "arrayfs -u" } else { "umount" };
                Some(format!("to remove it, type: {command} {}", quoted(point)))
            }
            MountpointError::Silent {
                point, is_arrayfs, ..
            } => {
                let command = if *is_arrayfs {
                    "arrayfs -u"
                } else {
                    "umount -l"
                };
                Some(format!(
                    "who serves it is stopped, or waits for a disk or a server; to unmount it all \
                     the same, type: {command} {}",
                    quoted(point)
                ))
            }
            MountpointError::Unreadable { source, .. } if is_dead(source) => Some(
                "it lies below a dead mount: findmnt -t fuse shows it, umount -l removes it".into(),
            ),
            MountpointError::Contended(_)
            | MountpointError::NotMade { .. }
            | MountpointError::Unreadable { .. } => None,
        }
    }
}

/// What can be said of the mount point before anything is changed. That it is
/// missing is no obstacle, as it will be made.
///
/// # Errors
///
/// As [`check`], and when something is in a directory that the user has not named.
pub(super) fn check_before(settings: &Settings) -> Result<(), MountpointError> {
    let point = &settings.mountpoint;
    match check(point, &settings.file) {
        // Neither is there yet: one would be made where the other is to be.
        Err(MountpointError::Missing(point))
            if point == settings.file && settings.description.mode == Mode::Write =>
        {
            Err(MountpointError::InTheWay(point))
        }
        Err(MountpointError::Missing(_)) => Ok(()),
        Err(MountpointError::NotADirectory(point)) if settings.named_after_file => {
            Err(MountpointError::InTheWay(point))
        }
        Ok(()) if settings.named_after_file && !is_empty(point) => {
            Err(MountpointError::NotEmpty(point.clone()))
        }
        other => other,
    }
}

/// Removes the mount of an array from `point` if its daemon is dead or dying.
///
/// # Errors
///
/// When the system does not let it.
pub(super) fn remove_dead(point: &Path) -> Result<(), MountpointError> {
    let mounted = platform::mounted_at(point).unwrap_or_default();
    let Some(mount) = mounted.filter(Mount::is_arrayfs) else {
        return Ok(());
    };
    let is_dead = || look_at(point, Some(&mount)).is_err_and(|error| is_dead(&error));
    // Looking at one that hangs takes long, and tells nothing.
    let removed = match server::free_hung(&mount) {
        Ok(false) if is_dead() => platform::detach(point),
        other => other.map(drop),
    };
    removed.map_err(|source| MountpointError::Unreadable {
        point: point.to_path_buf(),
        source,
    })
}

fn is_empty(directory: &Path) -> bool {
    directory
        .read_dir()
        .is_ok_and(|mut found| found.next().is_none())
}

/// Makes sure that `point` can be mounted on, and that `file` stays visible.
/// Both are absolute and without symbolic links.
///
/// # Errors
///
/// When it cannot, with the reason.
pub(super) fn check(point: &Path, file: &Path) -> Result<(), MountpointError> {
    // Without a mount table, mounting itself has to tell.
    let mounted = platform::mounted_at(point).unwrap_or_default();
    let point = point.to_path_buf();
    let found = match &mounted {
        // Looking at it would tell nothing.
        Some(mount) if server::is_hung(mount) => Err(nix::Error::ENOTCONN.into()),
        mounted => look_at(&point, mounted.as_ref()),
    };
    match (found, mounted) {
        (Err(error), Some(mount)) if error.kind() == io::ErrorKind::TimedOut => {
            Err(MountpointError::Silent {
                is_arrayfs: mount.is_arrayfs(),
                point,
                what: mount.source,
                kind: mount.kind,
            })
        }
        (Err(error), Some(mount)) if is_dead(&error) => Err(MountpointError::Dead {
            is_arrayfs: mount.is_arrayfs(),
            point,
            what: mount.source,
            kind: mount.kind,
            error,
        }),
        (_, Some(mount)) if mount.is_arrayfs() => {
            let what = mount.source;
            Err(MountpointError::Taken { point, what })
        }
        (Err(error), _) if error.kind() == io::ErrorKind::NotFound => {
            Err(MountpointError::Missing(point))
        }
        (Err(source), _) => Err(MountpointError::Unreadable { point, source }),
        (Ok(found), _) if !found.is_dir() => Err(MountpointError::NotADirectory(point)),
        // What is both is refused as a file.
        _ if file != point && file.starts_with(&point) => {
            let file = file.to_path_buf();
            Err(MountpointError::HoldsFile { point, file })
        }
        _ => Ok(()),
    }
}

/// What is at `point`, where `mounted` is. A dead mount can still be remembered by the
/// kernel as a directory, but not as a file system with free blocks.
///
/// # Errors
///
/// What the system says, or `TimedOut` if a mount does not answer.
fn look_at(point: &Path, mounted: Option<&Mount>) -> io::Result<Metadata> {
    let path = point.to_path_buf();
    let look = move || {
        let found = std::fs::metadata(&path)?;
        statvfs(&path)?;
        Ok(found)
    };
    match mounted {
        // Whoever cannot start a thread can still mount on a directory.
        None => look(),
        Some(_) => {
            patience::within(PATIENCE, look)?.unwrap_or_else(|| Err(io::ErrorKind::TimedOut.into()))
        }
    }
}

/// Whether a file system has nobody to serve it: Linux says ENOTCONN, or ECONNABORTED to
/// who was waiting, macOS ENXIO.
fn is_dead(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::ENOTCONN | libc::ECONNABORTED | libc::ENXIO)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_cannot_be_mounted_on_is_refused_with_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().canonicalize().unwrap();
        let file = dir.join("file");
        std::fs::write(&file, "").unwrap();
        let missing = dir.join("missing");
        for (point, file, message, hint) in [
            (&missing, &file, "does not exist", "mkdir"),
            (&file, &file, "is not a directory", "empty directory"),
            (&dir, &file, "holds the file to mount", "empty directory"),
        ] {
            let error = check(point, file).unwrap_err();
            assert!(
                error.to_string().starts_with(point.to_str().unwrap()),
                "{error}"
            );
            assert!(error.to_string().contains(message), "{error}");
            assert!(error.hint().unwrap().contains(hint), "{error:?}");
        }
        assert!(check(&dir, Path::new("/elsewhere")).is_ok());
    }
}
