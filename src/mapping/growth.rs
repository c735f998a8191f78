//! Making a backing file as long as its array: space is reserved first, the
//! file changes only once the mount has come about, and what was begun is
//! undone if it does not.

use std::fs::{File, FileTimes, OpenOptions};
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use nix::sys::resource::{Resource, getrlimit};

use super::{BackingFile, FileError, Mode};
use crate::platform;

/// How a file has been made longer, or made at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Growth {
    /// Its size before, in bytes.
    pub from: u64,
    /// Its size now.
    pub to: u64,
    /// The file system could not reserve the space, so a store can run out of it.
    pub sparse: bool,
}

/// What is still to be done to a file, and undone when this is dropped.
#[derive(Debug)]
pub struct Pending {
    path: PathBuf,
    mode: Mode,
    file: Arc<File>,
    /// Its size before, in bytes.
    from: u64,
    /// The size that the mode asks for, where it is not the present one.
    to: Option<u64>,
    sparse: bool,
    /// What a file that is made or cleared begins with.
    beginning: Arc<[u8]>,
    undo: Undo,
}

/// What has been done to the file so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Undo {
    Nothing,
    /// Space was reserved past its end, which changes the time given here.
    Reserved(SystemTime),
    /// It was not there before.
    Created,
}

impl Pending {
    /// Makes sure that the file can hold `array`, without changing what it
    /// holds or its size: space is reserved past its end, and under `w+` an
    /// empty file is created where there is none.
    ///
    /// # Errors
    ///
    /// When the file is too short for the mode, or there is no space.
    pub(super) fn reserve(
        backing: BackingFile,
        array: &Range<u64>,
    ) -> Result<(Arc<File>, Pending), FileError> {
        let grows = backing.must_grow(array)?;
        let BackingFile {
            path,
            mode,
            file,
            len,
            ..
        } = backing;
        if grows {
            within_limit(array.end).map_err(|source| no_space(&path, array.end, source))?;
        }
        let failed = |source| FileError::Create {
            path: path.clone(),
            source,
        };
        let (file, undo) = match file {
            Some(file) if grows => {
                let modified = file.metadata().and_then(|found| found.modified());
                (file, Undo::Reserved(modified.map_err(failed)?))
            }
            Some(file) => (file, Undo::Nothing),
            None => {
                let mut options = OpenOptions::new();
                options.read(true).write(true).create_new(true);
                (options.open(&path).map_err(failed)?, Undo::Created)
            }
        };
        let mut pending = Pending {
            path,
            mode,
            file: Arc::new(file),
            from: len,
            to: grows.then_some(array.end),
            sparse: false,
            beginning: Arc::default(),
            undo,
        };
        if grows {
            pending.reserve_space(len.min(array.end)..array.end)?;
            if mode == Mode::Write && !pending.sparse {
                let outcome = holes_have_space(&pending.file, len.min(array.end));
                outcome.map_err(|source| pending.no_space(array.end, source))?;
            }
        }
        Ok((pending.file.clone(), pending))
    }

    fn reserve_space(&mut self, range: Range<u64>) -> Result<(), FileError> {
        let bytes = range.end;
        match platform::reserve(&self.file, range) {
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                self.sparse = true;
                Ok(())
            }
            other => other.map_err(|source| self.no_space(bytes, source)),
        }
    }

    fn no_space(&self, bytes: u64, source: io::Error) -> FileError {
        no_space(&self.path, bytes, source)
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
        let resized = match self.mode {
            Mode::Write => self.make(to),
            _ => self.extend(to),
        };
        resized.map_err(|source| self.no_space(to, source))?;
        self.undo = Undo::Nothing;
        Ok(Some(Growth {
            from: self.from,
            to,
            sparse: self.sparse,
        }))
    }

    fn make(&mut self, to: u64) -> io::Result<()> {
        self.clear(to)?;
        self.file.set_len(to)?;
        self.file.write_all_at(&self.beginning, 0)
    }

    /// Makes the file at least `to` bytes long, never shorter: others may have
    /// written beyond meanwhile.
    fn extend(&self, to: u64) -> io::Result<()> {
        match platform::extend(&self.file, self.from..to) {
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {}
            other => return other,
        }
        if self.file.metadata()?.len() < to {
            self.file.set_len(to)?;
        }
        Ok(())
    }

    /// Turns the bytes that the file has into zeros while keeping hold of the
    /// space, where the file system can; elsewhere by truncating it.
    fn clear(&mut self, to: u64) -> io::Result<()> {
        let bytes = self.file.metadata()?.len().min(to);
        match platform::zero(&self.file, 0..bytes) {
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {}
            other => return other,
        }
        self.file.set_len(0)?;
        // There was space for it. If somebody has just taken that, there is no
        // way back to what the file held.
        self.sparse |= platform::reserve(&self.file, 0..to).is_err();
        Ok(())
    }

    /// Frees what was reserved past the end of the file, by cutting it where it
    /// ends, unless others have written there meanwhile.
    fn give_back(&self, modified: SystemTime) -> io::Result<()> {
        if self.file.metadata()?.len() != self.from {
            return Ok(());
        }
        self.file.set_len(self.from)?;
        // Only its owner may do this, and nothing depends on it.
        let _ = self.file.set_times(FileTimes::new().set_modified(modified));
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

/// Makes sure that this process may have files of `bytes` bytes. Reserving
/// space past the end of a file does not ask for that.
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

/// Makes sure that there is space for the holes in the first `bytes` bytes of
/// `file`. They are not filled before the file may change, for nobody could
/// tell afterwards which they were.
///
/// # Errors
///
/// ENOSPC when there is not.
fn holes_have_space(file: &File, bytes: u64) -> io::Result<()> {
    let allocated = file.metadata()?.blocks().saturating_mul(512);
    let holes = bytes.saturating_sub(allocated);
    let system = nix::sys::statvfs::fstatvfs(file)?;
    let free = system
        .blocks_available()
        .saturating_mul(system.fragment_size());
    if holes > free {
        return Err(io::Error::from_raw_os_error(libc::ENOSPC));
    }
    Ok(())
}

impl Drop for Pending {
    fn drop(&mut self) {
        let undone = match self.undo {
            Undo::Nothing => return,
            Undo::Reserved(modified) => self.give_back(modified),
            Undo::Created => std::fs::remove_file(&self.path),
        };
        if let Err(error) = undone {
            log::warn!("{}: cannot be put back: {error}", self.path.display());
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

    fn reserve(path: &std::path::Path, mode: Mode, array: Range<u64>) -> Pending {
        let backing = BackingFile::open(path, mode).unwrap();
        Pending::reserve(backing, &array).unwrap().1
    }

    #[test]
    fn what_the_mount_does_not_complete_is_undone() {
        let (_dir, path) = file_of(100);
        for mode in [Mode::ReadWrite, Mode::Write] {
            drop(reserve(&path, mode, 0..5000));
            assert_eq!(std::fs::read(&path).unwrap(), [7; 100], "{mode}");
        }
        let new = path.with_extension("new");
        let pending = reserve(&new, Mode::Write, 0..5000);
        assert!(new.exists());
        drop(pending);
        assert!(!new.exists());
    }

    #[test]
    fn what_others_write_past_the_end_meanwhile_is_kept() {
        for completed in [true, false] {
            let (_dir, path) = file_of(100);
            let pending = reserve(&path, Mode::ReadWrite, 0..120);
            let mut other = File::options().append(true).open(&path).unwrap();
            other.write_all(&[8; 50]).unwrap();
            if completed {
                pending.commit().unwrap();
            } else {
                drop(pending);
            }
            let expected = [vec![7; 100], vec![8; 50]].concat();
            assert_eq!(std::fs::read(&path).unwrap(), expected, "{completed}");
        }
    }

    #[test]
    fn what_is_undone_leaves_the_time_of_the_last_modification() {
        let (_dir, path) = file_of(100);
        let before = SystemTime::UNIX_EPOCH;
        let file = File::options().write(true).open(&path).unwrap();
        file.set_modified(before).unwrap();
        drop(reserve(&path, Mode::ReadWrite, 0..5000));
        assert_eq!(file.metadata().unwrap().modified().unwrap(), before);
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
            let (_dir, path) = file_of(100);
            reserve(&path, mode, array.clone()).commit().unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), after, "{mode} {array:?}");
        }
    }
}
