//! Locks on directories that only processes of the same user can take. Locks on the
//! directories themselves (`flock(2)`) are open to everybody who can read them, who could
//! so keep others from what these locks are for.

use std::env;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::PathBuf;

use nix::unistd::geteuid;

/// What a directory is locked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Mounting on it.
    Mount,
    /// Removing it later.
    Removal,
}

/// A lock, until it is dropped.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "holds the lock")] held::Held);

impl Lock {
    /// Locks the directory that `found` is of, for this alone.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when another has it; anything else where nothing can be locked.
    pub fn exclusive(found: &Metadata, purpose: Purpose) -> io::Result<Lock> {
        held::lock(number(found), purpose, true).map(Lock)
    }

    /// Locks it together with others.
    ///
    /// # Errors
    ///
    /// As [`exclusive`](Lock::exclusive).
    pub fn shared(found: &Metadata, purpose: Purpose) -> io::Result<Lock> {
        held::lock(number(found), purpose, false).map(Lock)
    }

    /// Whether another has locked the directory.
    pub fn is_held(found: &Metadata, purpose: Purpose) -> bool {
        held::is_locked(number(found), purpose)
    }
}

/// A number for the directory, of 61 bits, which hardly any other has.
fn number(found: &Metadata) -> u64 {
    // Device numbers are small, and inode numbers mostly.
    let spread = found.dev().wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (spread ^ found.ino()) & (u64::MAX >> 3)
}

/// Opens a file of this user's that no other can open, where there is a place for it.
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
    let places = runtime.into_iter().chain([env::temp_dir()]);
    let open = |place: PathBuf| {
        let file = options.open(place.join(format!("arrayfs-{user}{name}.lock")))?;
        let found = file.metadata()?;
        // Everybody can make files in the directory for temporary ones.
        let is_own = found.uid() == user.as_raw() && found.is_file() && found.mode() & 0o077 == 0;
        is_own
            .then_some(file)
            .ok_or(io::ErrorKind::PermissionDenied.into())
    };
    let mut failed = io::ErrorKind::NotFound.into();
    for place in places {
        match open(place) {
            Ok(file) => return Ok(file),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

/// A byte of one file for each directory and purpose (`F_OFD_SETLK`, fcntl(2)).
#[cfg(all(target_os = "linux", not(arrayfs_portable)))]
mod held {
    use std::fs::File;
    use std::io;

    use nix::fcntl::{FcntlArg, fcntl};

    use super::Purpose;

    pub(super) type Held = File;

    pub(super) fn lock(number: u64, purpose: Purpose, alone: bool) -> io::Result<Held> {
        let file = super::open("")?;
        let kind = if alone { libc::F_WRLCK } else { libc::F_RDLCK };
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
        let asked = fcntl(&file, FcntlArg::F_OFD_GETLK(&mut range));
        asked.is_ok() && i32::from(range.l_type) != libc::F_UNLCK
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

/// A file for each directory and purpose, which stays.
#[cfg(not(all(target_os = "linux", not(arrayfs_portable))))]
mod held {
    use std::fs::File;
    use std::io;

    use nix::fcntl::{Flock, FlockArg};

    use super::Purpose;

    pub(super) type Held = Flock<File>;

    pub(super) fn lock(number: u64, purpose: Purpose, alone: bool) -> io::Result<Held> {
        let file = super::open(&format!("-{number:x}-{}", purpose as u8))?;
        let how = if alone {
            FlockArg::LockExclusiveNonblock
        } else {
            FlockArg::LockSharedNonblock
        };
        Flock::lock(file, how).map_err(|(_, error)| error.into())
    }

    pub(super) fn is_locked(number: u64, purpose: Purpose) -> bool {
        let locked = lock(number, purpose, true);
        locked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }
}
