//! Locks on directories that only processes of the same user can take. `flock(2)` on the
//! directory itself would be open to every user who can read it, and could be used to block
//! others. So the locks are on private files of the user.

use std::env;
use std::fs::{File, Metadata, OpenOptions};
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

/// Opens the lock file with the suffix `name`, which only this user can open: in the user's
/// runtime directory, otherwise in the directory for temporary files. Returns its path, too.
///
/// # Errors
///
/// When no directory has a usable one. `options` say whether it is created.
fn open(name: &str, options: &OpenOptions) -> io::Result<(File, PathBuf)> {
    let user = geteuid();
    let runtime = if user.is_root() {
        Some(PathBuf::from("/run"))
    } else {
        env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from)
    };
    let directories = runtime.into_iter().chain([env::temp_dir()]);
    let open = |directory: PathBuf| {
        let path = directory.join(format!("arrayfs-{user}{name}.lock"));
        let file = options.open(&path)?;
        let found = file.metadata()?;
        // Other users can create files in the directory for temporary files.
        let is_private =
            found.uid() == user.as_raw() && found.is_file() && found.mode() & 0o077 == 0;
        is_private
            .then_some((file, path))
            .ok_or(io::ErrorKind::PermissionDenied.into())
    };
    let mut failed = io::ErrorKind::NotFound.into();
    for directory in directories {
        match open(directory) {
            Ok(found) => return Ok(found),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

/// How a lock file is opened that exists. No user can make this wait or lead elsewhere.
fn existing() -> OpenOptions {
    let mut options = File::options();
    options.read(true).write(true).mode(0o600);
    options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    options
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
        let (file, _) = super::open("", super::existing().create(true))?;
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
        let Ok((file, _)) = super::open("", super::existing().create(true)) else {
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

/// Other systems: `flock(2)` on a file for each directory and purpose. The last holder removes it.
#[cfg(not(all(target_os = "linux", not(arrayfs_portable))))]
mod held {
    use std::fs::{self, File, Metadata, OpenOptions};
    use std::io;
    use std::os::unix::fs::MetadataExt;
    use std::path::{Path, PathBuf};

    use nix::fcntl::{Flock, FlockArg};

    use super::Purpose;

    #[derive(Debug)]
    pub(super) struct Held {
        file: Flock<File>,
        path: PathBuf,
    }

    impl Drop for Held {
        fn drop(&mut self) {
            // With the exclusive lock this is the last holder. Of two that end at the same time,
            // both can fail to take it. Then the next holder removes the file.
            let is_last = self.file.relock(FlockArg::LockExclusiveNonblock).is_ok();
            if is_last && is_at(&self.file, &self.path) {
                let _ = fs::remove_file(&self.path);
            }
        }
    }

    pub(super) fn lock(number: u64, purpose: Purpose, exclusive: bool) -> io::Result<Held> {
        lock_opened(number, purpose, exclusive, super::existing().create(true))
    }

    pub(super) fn is_locked(number: u64, purpose: Purpose) -> bool {
        // Without a file there is no lock.
        let locked = lock_opened(number, purpose, true, &super::existing());
        locked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }

    fn lock_opened(
        number: u64,
        purpose: Purpose,
        exclusive: bool,
        options: &OpenOptions,
    ) -> io::Result<Held> {
        let operation = if exclusive {
            FlockArg::LockExclusiveNonblock
        } else {
            FlockArg::LockSharedNonblock
        };
        let name = format!("-{number:x}-{}", purpose as u8);
        loop {
            let (file, path) = super::open(&name, options)?;
            // Between the open and the lock, the last holder may have removed the file.
            match Flock::lock(file, operation) {
                Ok(file) if is_at(&file, &path) => return Ok(Held { file, path }),
                Err((file, error)) if is_at(&file, &path) => return Err(error.into()),
                _ => {}
            }
        }
    }

    /// Whether `file` is still the one at `path`.
    fn is_at(file: &File, path: &Path) -> bool {
        let identity = |found: Metadata| (found.dev(), found.ino());
        let opened = file.metadata().map(identity);
        let found = path.symlink_metadata().map(identity);
        matches!((opened, found), (Ok(opened), Ok(found)) if opened == found)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    /// The lock files of the directory with this metadata alone.
    fn files_of(found: &Metadata) -> Vec<PathBuf> {
        let number = format!("-{:x}-", lock_number(found));
        let directories = [Some(PathBuf::from("/run")), Some(env::temp_dir())];
        let runtime = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
        let directories = directories.into_iter().chain([runtime]).flatten();
        let entries = directories.filter_map(|directory| fs::read_dir(directory).ok());
        let paths = entries.flatten().flatten().map(|entry| entry.path());
        paths
            .filter(|path| path.to_string_lossy().contains(&number))
            .collect()
    }

    #[test]
    fn a_directory_is_locked_by_one_or_shared_by_several() {
        use Purpose::{Mount, Removal};
        let dir = tempfile::tempdir().unwrap();
        let found = dir.path().metadata().unwrap();
        let is_held = || Lock::is_held(&found, Mount);
        let refused = |lock: io::Result<Lock>| {
            lock.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
        };
        assert!(!is_held());
        let alone = Lock::exclusive(&found, Mount).unwrap();
        assert!(is_held());
        assert!(refused(Lock::exclusive(&found, Mount)));
        assert!(refused(Lock::shared(&found, Mount)));
        // The other purpose is another lock.
        drop(Lock::exclusive(&found, Removal).unwrap());
        drop(alone);
        assert!(!is_held());
        let shared = [(); 2].map(|()| Lock::shared(&found, Mount).unwrap());
        for lock in shared {
            assert!(is_held());
            assert!(refused(Lock::exclusive(&found, Mount)));
            drop(lock);
        }
        assert!(!is_held());
        assert_eq!(files_of(&found), Vec::<PathBuf>::new());
    }

    #[test]
    fn a_lock_is_held_by_one_thread_also_while_its_file_is_removed() {
        const THREADS: usize = 4;
        const TURNS: usize = 500;
        let dir = tempfile::tempdir().unwrap();
        let found = dir.path().metadata().unwrap();
        let holders = AtomicUsize::new(0);
        let turns = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    while turns.load(Ordering::SeqCst) < TURNS {
                        let Ok(lock) = Lock::exclusive(&found, Purpose::Mount) else {
                            thread::yield_now();
                            continue;
                        };
                        assert_eq!(holders.fetch_add(1, Ordering::SeqCst), 0);
                        thread::yield_now();
                        turns.fetch_add(1, Ordering::SeqCst);
                        holders.fetch_sub(1, Ordering::SeqCst);
                        drop(lock);
                    }
                });
            }
        });
        assert_eq!(files_of(&found), Vec::<PathBuf>::new());
    }
}
