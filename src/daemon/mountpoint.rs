//! Checks of the mount point before anything is changed, and the removal of a dead mount from it.
//! Creating and locking the directory is the business of `mountpoint_lock`.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::probe::stat_mount;
use super::server;
use crate::cli::{Settings, each_alone};
use crate::mapping::Mode;
use crate::platform::{self, Mount, is_of_dead_mount, os_error_message, quoted};

/// The time limit of `stat` on an existing mount.
const STAT_TIMEOUT: Duration = Duration::from_secs(2);

/// Why a path cannot be mounted on.
#[derive(Debug, thiserror::Error)]
pub enum MountpointError {
    /// The mount point does not exist.
    #[error("{}: the mount point does not exist", .0.display())]
    Missing(PathBuf),
    /// The mount point does not exist and cannot be created.
    #[error("{}: the mount point cannot be made: {}", point.display(), os_error_message(source))]
    NotCreated {
        /// The mount point.
        point: PathBuf,
        /// The error of the system call.
        source: io::Error,
    },
    /// The default mount point, named after the file, is a directory that is not empty.
    #[error("{}: is not empty", .0.display())]
    NotEmpty(PathBuf),
    /// The default mount point, named after the file, exists and is not a directory.
    #[error("{}: is in the way of a mount point", .0.display())]
    Obstructed(PathBuf),
    /// The mount point is not a directory.
    #[error("{}: the mount point is not a directory", .0.display())]
    NotADirectory(PathBuf),
    /// The mount point is a file of the same suffix as the file.
    #[error("{}: the mount point is not a directory", point.display())]
    SecondFile {
        /// The mount point.
        point: PathBuf,
        /// How to mount both.
        advice: String,
    },
    /// Mounting would hide what programs need to find.
    #[error("{}: the mount point is in /proc, /sys or /dev, which belong to the system", .0.display())]
    OfTheKernel(PathBuf),
    /// The mount point is a file, and the file a directory or missing: they are swapped.
    #[error("{}: the mount point is not a directory, and {} is no file", point.display(), file.display())]
    Swapped {
        /// The mount point.
        point: PathBuf,
        /// The file.
        file: PathBuf,
        /// The mode, in which the other way round can erase.
        mode: Mode,
    },
    /// Mounting would hide the backing file.
    #[error("{}: the mount point holds the file to mount, {}", point.display(), file.display())]
    HoldsFile {
        /// The mount point.
        point: PathBuf,
        /// The backing file.
        file: PathBuf,
    },
    /// Another process is mounting there.
    #[error("{}: another mount is being made there", .0.display())]
    Contended(PathBuf),
    /// An array is already mounted there.
    #[error("{}: is already an arrayfs mount, of {}", point.display(), mounted.display())]
    AlreadyMounted {
        /// The mount point.
        point: PathBuf,
        /// The source in the mount table: the backing file.
        mounted: OsString,
    },
    /// The mount there has lost its daemon.
    #[error(
        "{}: is a dead mount, of {} ({}): {}",
        point.display(), mounted.display(), kind.display(), os_error_message(error)
    )]
    Dead {
        /// The mount point.
        point: PathBuf,
        /// The source in the mount table.
        mounted: OsString,
        /// The file system type.
        kind: OsString,
        /// Whether the mount is an array.
        is_arrayfs: bool,
        /// The error of `stat`.
        error: io::Error,
    },
    /// The mount there does not answer within the time limit.
    #[error(
        "{}: is a mount that does not answer, of {} ({})",
        point.display(), mounted.display(), kind.display()
    )]
    Unresponsive {
        /// The mount point.
        point: PathBuf,
        /// The source in the mount table.
        mounted: OsString,
        /// The file system type.
        kind: OsString,
        /// Whether the mount is an array.
        is_arrayfs: bool,
    },
    /// `stat` of the mount point fails, or a dead mount on it cannot be removed.
    #[error("{}: the mount point cannot be used: {}", point.display(), os_error_message(source))]
    Unreadable {
        /// The mount point.
        point: PathBuf,
        /// The error of the system call.
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
            MountpointError::NotCreated { point, source }
                if source.kind() == io::ErrorKind::NotFound =>
            {
                Some(format!("create it with: mkdir -p {}", quoted(point)))
            }
            MountpointError::NotEmpty(_) | MountpointError::Obstructed(_) => {
                Some("say where to mount it".into())
            }
            MountpointError::Swapped {
                point,
                mode: Mode::Write,
                ..
            } => Some(format!(
                "the mount point comes second; with {} first, mode w+ would set all of it to zeros",
                quoted(point)
            )),
            MountpointError::Swapped { point, file, .. } => Some(format!(
                "the file comes first, then the mount point: {} {}",
                quoted(point),
                quoted(file)
            )),
            MountpointError::SecondFile { advice, .. } => {
                Some(format!("mount on an empty directory; or {advice}"))
            }
            MountpointError::NotADirectory(_)
            | MountpointError::HoldsFile { .. }
            | MountpointError::OfTheKernel(_) => Some("mount on an empty directory".into()),
            _ => self.hint_on_mounted(),
        }
    }

    /// What the user can do about what is mounted there.
    fn hint_on_mounted(&self) -> Option<String> {
        match self {
            MountpointError::AlreadyMounted { point, .. } => {
                Some(format!("to unmount it, type: arrayfs -u {}", quoted(point)))
            }
            MountpointError::Dead {
                point, is_arrayfs, ..
            } => {
                let command = if *is_arrayfs { "arrayfs -u" } else { "umount" };
                Some(format!("to remove it, type: {command} {}", quoted(point)))
            }
            MountpointError::Unresponsive {
                point, is_arrayfs, ..
            } => {
                let command = if *is_arrayfs {
                    "arrayfs -u"
                } else {
                    platform::DETACH_ANY
                };
                Some(format!(
                    "who serves it is stopped, or waits for a disk or a server; to unmount it all \
                     the same, type: {command} {}",
                    quoted(point)
                ))
            }
            MountpointError::Unreadable { source, .. } if is_of_dead_mount(source) => {
                Some(platform::BELOW_DEAD_MOUNT.into())
            }
            _ => None,
        }
    }
}

/// Checks the mount point before anything is changed. It may be missing, since it will be created.
///
/// # Errors
///
/// As [`check`], and when a mount point that is named after the file is not empty.
pub(super) fn check_before(settings: &Settings) -> Result<(), MountpointError> {
    let point = &settings.mountpoint;
    let mode = settings.description.mode;
    match check(point, &settings.file) {
        // The file and the mount point are the same path, and neither exists yet.
        Err(MountpointError::Missing(point)) if point == settings.file && mode == Mode::Write => {
            Err(MountpointError::Obstructed(point))
        }
        Err(MountpointError::Missing(_)) => Ok(()),
        Err(MountpointError::NotADirectory(point)) if settings.named_after_file => {
            Err(MountpointError::Obstructed(point))
        }
        Err(MountpointError::NotADirectory(point)) => {
            check_order(&settings.file, Some(&point), mode)?;
            Err(match settings.given.as_slice() {
                [one, other] if mode != Mode::Write && are_alike(&settings.file, &point) => {
                    let advice = each_alone(one, other);
                    MountpointError::SecondFile { point, advice }
                }
                _ => MountpointError::NotADirectory(point),
            })
        }
        Ok(()) if settings.named_after_file && !is_empty(point) => {
            Err(MountpointError::NotEmpty(point.clone()))
        }
        other => other,
    }
}

/// Checks that a mount point and a file are not swapped.
///
/// # Errors
///
/// When the mount point is a file, and the file is a directory or is missing.
pub fn check_order(file: &Path, point: Option<&Path>, mode: Mode) -> Result<(), MountpointError> {
    let is_missing = || mode != Mode::Write && file.symlink_metadata().is_err();
    match point.filter(|point| point.is_file() && (file.is_dir() || is_missing())) {
        Some(point) => Err(MountpointError::Swapped {
            point: point.to_path_buf(),
            file: file.to_path_buf(),
            mode,
        }),
        None => Ok(()),
    }
}

/// Detaches the mount of an array from `point` if its daemon is dead or dying.
///
/// # Errors
///
/// When this user may not detach it.
pub(super) fn remove_dead(point: &Path) -> Result<(), MountpointError> {
    let mounted = platform::mounted_at(point).unwrap_or_default();
    let Some(mount) = mounted.filter(Mount::is_arrayfs) else {
        return Ok(());
    };
    let root = || stat_mount(point, Some(&mount), STAT_TIMEOUT);
    let is_dead = || root().is_err_and(|error| is_of_dead_mount(&error));
    // `stat` on a hung mount would only time out.
    let removed = match server::free_hung(&mount) {
        Ok(false) if is_dead() => platform::detach(point),
        other => other.map(drop),
    };
    removed.map_err(|source| MountpointError::Unreadable {
        point: point.to_path_buf(),
        source,
    })
}

/// Whether two paths lead to two files of one suffix.
fn are_alike(file: &Path, other: &Path) -> bool {
    let is_alike = file.extension().is_some() && file.extension() == other.extension();
    is_alike && other.is_file() && file != other
}

/// Whether a mount on `point` would hide files.
pub(super) fn hides_files(point: &Path) -> bool {
    point
        .read_dir()
        .is_ok_and(|mut entries| entries.next().is_some())
}

/// Whether a directory is one that the kernel fills, or is below one. `/dev/shm` is for everybody.
fn is_of_the_kernel(point: &Path) -> bool {
    let directories = ["/proc", "/sys", "/dev"];
    directories
        .iter()
        .any(|directory| point.starts_with(directory))
        && !point.starts_with("/dev/shm")
}

fn is_empty(directory: &Path) -> bool {
    directory
        .read_dir()
        .is_ok_and(|mut entries| entries.next().is_none())
}

/// Checks that `point` can be mounted on and that the mount will not hide `file`. Both paths are
/// absolute and without symbolic links.
///
/// # Errors
///
/// The reason why it cannot be used.
pub(super) fn check(point: &Path, file: &Path) -> Result<(), MountpointError> {
    if is_of_the_kernel(point) {
        return Err(MountpointError::OfTheKernel(point.to_path_buf()));
    }
    // Without a mount table, mounting itself will report the error.
    let mounted = platform::mounted_at(point).unwrap_or_default();
    let point = point.to_path_buf();
    let root = match &mounted {
        // `stat` on a hung mount would only time out.
        Some(mount) if server::is_hung(mount) => Err(nix::Error::ENOTCONN.into()),
        mounted => stat_mount(&point, mounted.as_ref(), STAT_TIMEOUT),
    };
    match (root, mounted) {
        (Err(error), Some(mount)) if error.kind() == io::ErrorKind::TimedOut => {
            Err(MountpointError::Unresponsive {
                is_arrayfs: mount.is_arrayfs(),
                point,
                mounted: mount.source,
                kind: mount.kind,
            })
        }
        (Err(error), Some(mount)) if is_of_dead_mount(&error) => Err(MountpointError::Dead {
            is_arrayfs: mount.is_arrayfs(),
            point,
            mounted: mount.source,
            kind: mount.kind,
            error,
        }),
        (_, Some(mount)) if mount.is_arrayfs() => {
            let mounted = mount.source;
            Err(MountpointError::AlreadyMounted { point, mounted })
        }
        (Err(error), _) if error.kind() == io::ErrorKind::NotFound => {
            Err(MountpointError::Missing(point))
        }
        (Err(source), _) => Err(MountpointError::Unreadable { point, source }),
        (Ok(root), _) if !root.is_dir() => Err(MountpointError::NotADirectory(point)),
        // If both are the same path, the file is refused as not being a directory.
        _ if file != point && file.starts_with(&point) => {
            let file = file.to_path_buf();
            Err(MountpointError::HoldsFile { point, file })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unusable_mount_points_are_refused_with_a_hint() {
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
        for point in ["/proc", "/sys/fs", "/dev/pts/new"] {
            let refused = check(Path::new(point), &file);
            assert!(
                matches!(refused, Err(MountpointError::OfTheKernel(_))),
                "{point}"
            );
        }
        let shared = check(Path::new("/dev/shm/new"), &file);
        assert!(!matches!(shared, Err(MountpointError::OfTheKernel(_))));
        assert!(check(&dir, Path::new("/elsewhere")).is_ok());
    }
}
