//! Making a backing file as long as its array. All that can be told before is
//! checked first, and the file changes only once the mount has come about. Others
//! can write it all the while, so a file is extended by one call that can neither
//! cut nor overwrite.

use std::fs::{File, OpenOptions};
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::fcntl::{AT_FDCWD, AtFlags};
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::statvfs::{Statvfs, fstatvfs, statvfs};
use nix::unistd::{AccessFlags, faccessat};

use super::{BackingFile, FileError, Mode};
use crate::platform;

/// How a file has been given its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Growth {
    /// Its size before, in bytes; 0 if it has been made.
    pub from: u64,
    /// Its size now.
    pub to: u64,
    /// The file system could not reserve the space, so a store can run out of it.
    pub sparse: bool,
}

/// What is still to be done to a file.
#[derive(Debug)]
pub struct Pending {
    path: PathBuf,
    mode: Mode,
    file: Arc<File>,
    /// The size that the mode asks for, where it is not the present one.
    to: Option<u64>,
    /// What a file that is made or cleared begins with.
    beginning: Arc<[u8]>,
    /// Whether the file was not there before, and is removed when this is dropped.
    created: bool,
}

/// Makes sure that a file can hold `array` as its mode asks, without changing
/// anything, and says whether it has to grow or be made for that.
///
/// # Errors
///
/// When it is too short for the mode, may not be that long or be made, or there
/// is no space.
pub(super) fn check(backing: &BackingFile, array: &Range<u64>) -> Result<bool, FileError> {
    let grows = backing.must_grow(array)?;
    if !grows {
        return Ok(false);
    }
    let (path, to) = (&backing.path, array.end);
    let no_space = |source| no_space(path, to, source);
    within_limit(to).map_err(no_space)?;
    match &backing.file {
        Some(file) => {
            let needed = needed(file, backing.mode, backing.len, to).map_err(no_space)?;
            has_space(fstatvfs(file), needed).map_err(no_space)?;
        }
        None => {
            let directory = path.parent().unwrap_or(Path::new("/"));
            can_be_made(directory).map_err(|source| FileError::Create {
                path: path.clone(),
                source,
            })?;
            has_space(statvfs(directory), to).map_err(no_space)?;
        }
    }
    Ok(true)
}

impl Pending {
    /// Makes sure that the file can hold `array`, without changing what it holds
    /// or its size. Under `w+` an empty file is created where there is none.
    ///
    /// # Errors
    ///
    /// When the file is too short for the mode, or there is no space.
    pub(super) fn prepare(
        backing: BackingFile,
        array: &Range<u64>,
    ) -> Result<(Arc<File>, Pending), FileError> {
        let grows = check(&backing, array)?;
        let BackingFile {
            path, mode, file, ..
        } = backing;
        let (file, created) = match file {
            Some(file) => (file, false),
            None => {
                let mut options = OpenOptions::new();
                options.read(true).write(true).create_new(true);
                let made = options.open(&path);
                let made = made.map_err(|source| FileError::Create {
                    path: path.clone(),
                    source,
                })?;
                (made, true)
            }
        };
        let pending = Pending {
            path,
            mode,
            file: Arc::new(file),
            to: grows.then_some(array.end),
            beginning: Arc::default(),
            created,
        };
        if created {
            // It can be given back with the file. Space behind the end of another
            // could not: cutting it off would take what others append meanwhile.
            match platform::reserve(&pending.file, 0..array.end) {
                Err(error) if error.kind() != io::ErrorKind::Unsupported => {
                    return Err(no_space(&pending.path, array.end, error));
                }
                _ => {}
            }
        }
        Ok((pending.file.clone(), pending))
    }

    /// Has a file that is made or cleared begin with `bytes`, which come before
    /// the array.
    pub fn begin_with(&mut self, bytes: Arc<[u8]>) {
        self.beginning = bytes;
    }

    /// Gives the file its size; under `w+` all its bytes become zero, those
    /// aside that it is to begin with. From then on nothing is undone.
    ///
    /// # Errors
    ///
    /// When the system refuses to resize it.
    pub fn commit(mut self) -> Result<Option<Growth>, FileError> {
        let Some(to) = self.to else {
            return Ok(None);
        };
        let failed = |source| no_space(&self.path, to, source);
        let from = self.file.metadata().map_err(failed)?.len();
        if self.mode == Mode::Write {
            self.overwrite(from, to).map_err(failed)?;
        } else {
            self.extend(to)?;
        }
        self.created = false;
        // Blocks within its size, which take nothing from anybody.
        let sparse = platform::reserve(&self.file, from.min(to)..to).is_err();
        // Others can have made it long enough meanwhile.
        let grew = self.mode == Mode::Write || from < to;
        Ok(grew.then_some(Growth { from, to, sparse }))
    }

    /// Turns `from` bytes into zeros and gives the file the size `to`. What others
    /// append meanwhile is cut off, as by any truncation, only behind that.
    fn overwrite(&self, from: u64, to: u64) -> io::Result<()> {
        if from < to {
            self.reach(to)?;
        }
        match platform::zero(&self.file, 0..from.min(to)) {
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                self.file.set_len(0)?;
                self.reach(to)?;
            }
            other => other?,
        }
        if from > to {
            self.file.set_len(to)?;
        }
        self.file.write_all_at(&self.beginning, 0)
    }

    /// Makes a file that is overwritten at least `to` bytes long. Where the system
    /// cannot do just that, a truncation does, which `w+` is anyway.
    fn reach(&self, to: u64) -> io::Result<()> {
        match platform::extend(&self.file, to) {
            Err(error) if error.kind() == io::ErrorKind::Unsupported => self.file.set_len(to),
            other => other,
        }
    }

    /// Makes the file at least `to` bytes long, never shorter: others may have
    /// written beyond meanwhile, and between any look at its size and a
    /// truncation to another.
    fn extend(&self, to: u64) -> Result<(), FileError> {
        platform::extend(&self.file, to).map_err(|source| match source.kind() {
            io::ErrorKind::Unsupported => FileError::CannotExtend {
                path: self.path.clone(),
                bytes: to,
            },
            _ => no_space(&self.path, to, source),
        })
    }

    /// Removes the file that was made, unless another has its name by now.
    fn remove(&self) -> io::Result<()> {
        let (made, found) = (self.file.metadata()?, self.path.symlink_metadata()?);
        if (made.dev(), made.ino()) == (found.dev(), found.ino()) {
            std::fs::remove_file(&self.path)?;
        }
        Ok(())
    }
}

fn no_space(path: &Path, bytes: u64, source: io::Error) -> FileError {
    FileError::NoSpace {
        path: path.to_path_buf(),
        bytes,
        source,
    }
}

/// Makes sure that this process may have files of `bytes` bytes.
///
/// # Errors
///
/// EFBIG when it may not.
fn within_limit(bytes: u64) -> io::Result<()> {
    let (limit, _) = getrlimit(Resource::RLIMIT_FSIZE)?;
    if bytes > limit {
        return Err(io::Error::from_raw_os_error(libc::EFBIG));
    }
    Ok(())
}

/// How many bytes of space a file that has `len` bytes lacks to have `to`; under `w+`
/// its holes count too, since what is cleared keeps its space.
fn needed(file: &File, mode: Mode, len: u64, to: u64) -> io::Result<u64> {
    let mut needed = to.saturating_sub(len);
    if mode == Mode::Write {
        let allocated = file.metadata()?.blocks().saturating_mul(512);
        needed = needed.saturating_add(len.min(to).saturating_sub(allocated));
    }
    Ok(needed)
}

/// Makes sure that there is space for `needed` bytes in a file system. None is taken
/// before the file may change.
///
/// # Errors
///
/// ENOSPC when there is not.
fn has_space(system: nix::Result<Statvfs>, needed: u64) -> io::Result<()> {
    let system = system?;
    // The two have types of their own on each system.
    let free = u128::from(system.blocks_available()) * u128::from(system.fragment_size());
    // Of a file system that does not count its blocks nothing is known.
    if u128::from(needed) > free && system.blocks() > 0 {
        return Err(io::Error::from_raw_os_error(libc::ENOSPC));
    }
    Ok(())
}

/// Makes sure that a file can be made in `directory`, as far as that tells.
fn can_be_made(directory: &Path) -> io::Result<()> {
    let (flags, here) = (AccessFlags::W_OK | AccessFlags::X_OK, AtFlags::AT_EACCESS);
    Ok(faccessat(AT_FDCWD, directory, flags, here)?)
}

impl Drop for Pending {
    fn drop(&mut self) {
        if !self.created {
            return;
        }
        if let Err(error) = self.remove() {
            log::warn!("{}: cannot be removed: {error}", self.path.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn file_of(bytes: usize) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("data.bin");
        let mut file = File::create(&path).unwrap();
        file.write_all(&vec![7; bytes]).unwrap();
        (dir, path)
    }

    fn prepare(path: &Path, mode: Mode, array: Range<u64>) -> Pending {
        let mut backing = BackingFile::open(path, mode).unwrap();
        backing.may_extend();
        Pending::prepare(backing, &array).unwrap().1
    }

    #[test]
    fn what_the_mount_does_not_complete_leaves_no_trace() {
        let (_dir, path) = file_of(100);
        let state = || {
            let found = path.metadata().unwrap();
            (found.blocks(), found.modified().unwrap())
        };
        let before = state();
        for mode in [Mode::ReadWrite, Mode::Write] {
            drop(prepare(&path, mode, 0..5000));
            assert_eq!(std::fs::read(&path).unwrap(), [7; 100], "{mode}");
            assert_eq!(state(), before, "{mode}");
        }
        let new = path.with_extension("new");
        let pending = prepare(&new, Mode::Write, 0..5000);
        assert!(new.exists());
        drop(pending);
        assert!(!new.exists());
        // What somebody else has put there by then stays.
        let pending = prepare(&new, Mode::Write, 0..5000);
        std::fs::rename(&path, &new).unwrap();
        drop(pending);
        assert_eq!(std::fs::read(&new).unwrap(), [7; 100]);
    }

    #[test]
    #[cfg_attr(
        any(arrayfs_portable, not(target_os = "linux")),
        ignore = "nothing extends files portably"
    )]
    fn what_others_append_meanwhile_is_kept() {
        for (appended, extended) in [(50, 0), (10, 10)] {
            for completed in [true, false] {
                let (_dir, path) = file_of(100);
                let pending = prepare(&path, Mode::ReadWrite, 0..120);
                let mut other = File::options().append(true).open(&path).unwrap();
                other.write_all(&vec![8; appended]).unwrap();
                let mut expected = [vec![7; 100], vec![8; appended]].concat();
                if completed {
                    let growth = pending.commit().unwrap();
                    assert_eq!(growth.is_some(), extended > 0);
                    expected.extend(vec![0; extended]);
                } else {
                    drop(pending);
                }
                assert_eq!(std::fs::read(&path).unwrap(), expected, "{completed}");
            }
        }
    }

    #[test]
    #[cfg_attr(
        any(arrayfs_portable, not(target_os = "linux")),
        ignore = "nothing extends files portably"
    )]
    fn extending_never_takes_what_is_appended_at_the_same_time() {
        let (_dir, path) = file_of(0);
        let mut other = File::options().append(true).open(&path).unwrap();
        let writing = std::thread::spawn(move || {
            (0..20_000).for_each(|_| other.write_all(&[8; 10]).unwrap());
        });
        while !writing.is_finished() {
            let end = path.metadata().unwrap().len() + 5;
            let pending = prepare(&path, Mode::ReadWrite, 0..end);
            pending.commit().unwrap();
        }
        writing.join().unwrap();
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(bytes.iter().filter(|&&byte| byte == 8).count(), 200_000);
    }

    #[test]
    fn completed_growth_has_the_sizes_and_zeros_of_numpy() {
        // numpy.memmap: r+ keeps the bytes and extends, w+ is all zeros.
        let extended = |zeros| [vec![7; 100], vec![0; zeros]].concat();
        for (mode, array, after) in [
            (Mode::ReadWrite, 200..210, extended(110)),
            (Mode::ReadWrite, 0..50, extended(0)),
            (Mode::ReadWrite, 200..200, extended(100)),
            (Mode::Write, 0..96, vec![0; 96]),
            (Mode::Write, 50..296, vec![0; 296]),
            (Mode::Write, 0..0, vec![]),
        ] {
            let portable = cfg!(any(arrayfs_portable, not(target_os = "linux")));
            if portable && mode == Mode::ReadWrite && array.end > 100 {
                continue;
            }
            let (_dir, path) = file_of(100);
            prepare(&path, mode, array.clone()).commit().unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), after, "{mode} {array:?}");
        }
    }
}
