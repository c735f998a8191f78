//! Creation and extension of the backing file. Everything that can be checked is checked
//! first; the file changes only after the mount has succeeded. Other processes may write the
//! file meanwhile, so it is extended by a single call that cannot truncate or overwrite.
//! Opening the file is left to `file`.

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

/// A change of the file's size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Growth {
    /// The size before, in bytes; 0 if the file was created.
    pub from: u64,
    /// The size after, in bytes.
    pub to: u64,
    /// No disk space could be reserved, so a later store can fail with ENOSPC.
    pub sparse: bool,
}

/// A prepared change of the file's size. [`commit`](Pending::commit) makes it; dropping it
/// before that removes a file that was created.
#[derive(Debug)]
pub struct Pending {
    path: PathBuf,
    mode: Mode,
    file: Arc<File>,
    /// The size to set, in bytes; `None` if the file stays as it is.
    to: Option<u64>,
    /// The first bytes of a file that is created or cleared.
    beginning: Arc<[u8]>,
    /// Whether the file was created here, so that dropping this removes it.
    created: bool,
}

/// Checks that a file can hold the byte range `array` in its mode, without changing anything.
/// Returns whether the file has to be extended, cleared or created.
///
/// # Errors
///
/// When the file is too short for the mode, would exceed the limit on file sizes, cannot be
/// created, or when there is no space or inode.
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
            let needed = missing_space(file, backing.mode, backing.len, to).map_err(no_space)?;
            has_space(fstatvfs(file), needed).map_err(no_space)?;
        }
        None => {
            let directory = path.parent().unwrap_or(Path::new("/"));
            let system = statvfs(directory);
            let creatable = can_create_in(directory).and_then(|()| has_inode(system));
            creatable.map_err(|source| FileError::Create {
                path: path.clone(),
                source,
            })?;
            has_space(system, to).map_err(no_space)?;
        }
    }
    Ok(true)
}

impl Pending {
    /// Checks that the file can hold the byte range `array`, without changing the content or
    /// size of an existing file. In mode `w+` a missing file is created empty.
    ///
    /// # Errors
    ///
    /// As [`check`], and when the file cannot be created.
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
                (Arc::new(made), true)
            }
        };
        let pending = Pending {
            path,
            mode,
            file,
            to: grows.then_some(array.end),
            beginning: Arc::default(),
            created,
        };
        if created {
            // Reserved only for a new file: removing the file frees the space. Freeing space
            // beyond the end of an existing file would mean to truncate it, which could
            // destroy bytes that another process has appended.
            match platform::reserve(&pending.file, 0..array.end) {
                Err(error) if error.kind() != io::ErrorKind::Unsupported => {
                    return Err(no_space(&pending.path, array.end, error));
                }
                _ => {}
            }
        }
        Ok((pending.file.clone(), pending))
    }

    /// Sets the bytes at the start of a file that is created or cleared: the header before
    /// the array.
    pub fn begin_with(&mut self, bytes: Arc<[u8]>) {
        self.beginning = bytes;
    }

    /// Gives the file its size. In mode `w+` also writes the header and clears all other
    /// bytes. Returns the change, or `None` if the file had the size already.
    ///
    /// # Errors
    ///
    /// When the file cannot be resized or written.
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
        // Allocates blocks for holes within the size, and changes no bytes. A file that could only
        // be cleared by a truncation is one hole.
        let start = if self.mode == Mode::Write {
            0
        } else {
            from.min(to)
        };
        let sparse = platform::reserve(&self.file, start..to).is_err();
        // Another process may have extended the file meanwhile.
        let grew = self.mode == Mode::Write || from < to;
        Ok(grew.then_some(Growth { from, to, sparse }))
    }

    /// Clears the first `from` bytes and gives the file the size `to`. Bytes that another
    /// process appends meanwhile are truncated only if the file becomes shorter.
    ///
    /// # Errors
    ///
    /// When the file cannot be resized or written.
    fn overwrite(&self, from: u64, to: u64) -> io::Result<()> {
        if from < to {
            self.grow_or_resize(to)?;
        }
        match platform::zero(&self.file, 0..from.min(to)) {
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                self.file.set_len(0)?;
                self.grow_or_resize(to)?;
            }
            other => other?,
        }
        if from > to {
            self.file.set_len(to)?;
        }
        self.file.write_all_at(&self.beginning, 0)
    }

    /// Extends a file that `w+` clears to at least `to` bytes. Without `fallocate` it is
    /// resized, which may truncate; `w+` truncates anyway.
    ///
    /// # Errors
    ///
    /// When the file cannot be resized.
    fn grow_or_resize(&self, to: u64) -> io::Result<()> {
        match platform::extend(&self.file, to) {
            Err(error) if error.kind() == io::ErrorKind::Unsupported => self.file.set_len(to),
            other => other,
        }
    }

    /// Extends the file to at least `to` bytes, and never truncates it. `fstat` followed by
    /// `ftruncate` would not do: another process may append between the two calls.
    ///
    /// # Errors
    ///
    /// When there is no space, or the file system has no `fallocate`.
    fn extend(&self, to: u64) -> Result<(), FileError> {
        platform::extend(&self.file, to).map_err(|source| match source.kind() {
            io::ErrorKind::Unsupported => FileError::CannotExtend {
                path: self.path.clone(),
                bytes: to,
            },
            _ => no_space(&self.path, to, source),
        })
    }

    /// Removes the created file, unless its name leads to another file by now.
    ///
    /// # Errors
    ///
    /// When the file cannot be found or removed.
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

/// Checks that `RLIMIT_FSIZE` allows a file of `bytes` bytes.
///
/// # Errors
///
/// EFBIG if it does not.
fn within_limit(bytes: u64) -> io::Result<()> {
    let (limit, _) = getrlimit(Resource::RLIMIT_FSIZE)?;
    if bytes > limit {
        return Err(io::Error::from_raw_os_error(libc::EFBIG));
    }
    Ok(())
}

/// The disk space needed to bring a file from `len` to `to` bytes. In mode `w+` its holes
/// count too, since clearing allocates them.
///
/// # Errors
///
/// When `fstat` fails.
fn missing_space(file: &File, mode: Mode, len: u64, to: u64) -> io::Result<u64> {
    let mut needed = to.saturating_sub(len);
    if mode == Mode::Write {
        let allocated = file.metadata()?.blocks().saturating_mul(512);
        needed = needed.saturating_add(len.min(to).saturating_sub(allocated));
    }
    Ok(needed)
}

/// Checks that a file system has `needed` bytes free. Reserves none, since the file must not
/// change yet.
///
/// # Errors
///
/// ENOSPC if it has not, and when `statvfs` failed.
fn has_space(system: nix::Result<Statvfs>, needed: u64) -> io::Result<()> {
    let system = system?;
    // The types of these two differ between systems.
    let free = u128::from(system.blocks_available()) * u128::from(system.fragment_size());
    // A file system that reports no blocks does not count them.
    if u128::from(needed) > free && system.blocks() > 0 {
        return Err(io::Error::from_raw_os_error(libc::ENOSPC));
    }
    Ok(())
}

/// Checks that a file system has an inode for a new file.
///
/// # Errors
///
/// ENOSPC if it has none, and when `statvfs` failed.
fn has_inode(system: nix::Result<Statvfs>) -> io::Result<()> {
    let system = system?;
    // A file system that reports no inodes does not count them.
    if system.files_available() == 0 && system.files() > 0 {
        return Err(io::Error::from_raw_os_error(libc::ENOSPC));
    }
    Ok(())
}

/// Checks that the permissions of `directory` allow to create a file there.
///
/// # Errors
///
/// When they do not.
fn can_create_in(directory: &Path) -> io::Result<()> {
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
    fn growth_that_is_not_committed_leaves_no_trace() {
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
        // Another file that has the name by then stays.
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
    fn bytes_appended_meanwhile_are_kept() {
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
    fn extending_never_loses_concurrent_appends() {
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
    fn committed_growth_has_the_sizes_and_zeros_of_numpy() {
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
