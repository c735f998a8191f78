//! Locks on directories that only processes of the same user can take. `flock(2)` on the
//! directory itself would be open to every user who can read it, and could be used to block
//! others. So the locks are on private files of the user.

use std::env;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::PathBuf;

use nix::unistd::geteuid;

/// The purpose of a lock on a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The directory is a mount point.
    Mount,
    /// The directory was created and is to be removed.
    Removal,
}

/// A held lock; dropping it releases it.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "holds the lock")] held::Held);

impl Lock {
    /// Takes an exclusive lock on the directory with the metadata `found`.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when it is already locked; other errors when the lock file is unusable.
    pub fn exclusive(found: &Metadata, purpose: Purpose) -> io::Result<Lock> {
        held::lock(lock_number(found), purpose, true).map(Lock)
    }

    /// Takes a shared lock on the directory with the metadata `found`.
    ///
    /// # Errors
    ///
    /// As [`exclusive`](Lock::exclusive).
    pub fn shared(found: &Metadata, purpose: Purpose) -> io::Result<Lock> {
        held::lock(lock_number(found), purpose, false).map(Lock)
    }

    /// Whether the directory is locked. False if that cannot be determined.
    pub fn is_held(found: &Metadata, purpose: Purpose) -> bool {
        held::is_locked(lock_number(found), purpose)
    }
}

/// A 61-bit number for the directory. Collisions are improbable.
fn lock_number(found: &Metadata) -> u64 {
    // Device numbers and most inode numbers are small, so the device number is hashed.
    let spread = found.dev().wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (spread ^ found.ino()) & (u64::MAX >> 3)
}

/// Opens or creates the lock file with the suffix `name`, which only this user can open: in the
/// user's runtime directory, otherwise in the directory for temporary files.
///
/// # Errors
///
/// When no directory has a usable one.
fn open(name: &str) -> io::Result<File> {
    let user = geteuid();
    let runtime = if user.is_root() {
        Some(PathBuf::from("/run"))
    } else {
        env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from)
    };
    let mut options = File::options();
    options.read(true).write(true).create(true).mode(0o600);
    options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    let directories = runtime.into_iter().chain([env::temp_dir()]);
    let open = |directory: PathBuf| {
        let file = options.open(directory.join(format!("arrayfs-{user}{name}.lock")))?;
        let found = file.metadata()?;
        // Other users can create files in the directory for temporary files.
        let is_private =
            found.uid() == user.as_raw() && found.is_file() && found.mode() & 0o077 == 0;
        is_private
            .then_some(file)
            .ok_or(io::ErrorKind::PermissionDenied.into())
    };
    let mut failed = io::ErrorKind::NotFound.into();
    for directory in directories {
        match open(directory) {
            Ok(file) => return Ok(file),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

/// Linux: record locks (`F_OFD_SETLK`, fcntl(2)) in one file, on a byte for each directory and
/// purpose.
#[cfg(all(target_os = "linux", not(arrayfs_portable)))]
mod held {
    use std::fs::File;
    use std::io;

    use nix::fcntl::{FcntlArg, fcntl};

    use super::Purpose;

    pub(super) type Held = File;

    pub(super) fn lock(number: u64, purpose: Purpose, exclusive: bool) -> io::Result<Held> {
        let file = super::open("")?;
        let kind = if exclusive {
            libc::F_WRLCK
        } else {
            libc::F_RDLCK
        };
        let range = byte(number, purpose, kind);
        match fcntl(&file, FcntlArg::F_OFD_SETLK(&range)) {
            Ok(_) => Ok(file),
            Err(nix::Error::EACCES | nix::Error::EAGAIN) => Err(io::ErrorKind::WouldBlock.into()),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn is_locked(number: u64, purpose: Purpose) -> bool {
        let mut range = byte(number, purpose, libc::F_WRLCK);
        let Ok(file) = super::open("") else {
            return false;
        };
        let queried = fcntl(&file, FcntlArg::F_OFD_GETLK(&mut range));
        queried.is_ok() && i32::from(range.l_type) != libc::F_UNLCK
    }

    fn byte(number: u64, purpose: Purpose, kind: libc::c_int) -> libc::flock {
        libc::flock {
            l_type: kind as libc::c_short,
            l_whence: libc::SEEK_SET as libc::c_short,
            l_start: (2 * number + purpose as u64) as libc::off_t,
            l_len: 1,
            l_pid: 0,
        }
    }
}

/// Other systems: `flock(2)` on a file for each directory and purpose, which is never removed.
#[cfg(not(all(target_os = "linux", not(arrayfs_portable))))]
mod held {
    use std::fs::File;
    use std::io;

    use nix::fcntl::{Flock, FlockArg};

    use super::Purpose;

    pub(super) type Held = Flock<File>;

    pub(super) fn lock(number: u64, purpose: Purpose, exclusive: bool) -> io::Result<Held> {
        let file = super::open(&format!("-{number:x}-{}", purpose as u8))?;
        let operation = if exclusive {
            FlockArg::LockExclusiveNonblock
        } else {
            FlockArg::LockSharedNonblock
        };
        Flock::lock(file, operation).map_err(|(_, error)| error.into())
    }

    pub(super) fn is_locked(number: u64, purpose: Purpose) -> bool {
        let locked = lock(number, purpose, true);
        locked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }
}
