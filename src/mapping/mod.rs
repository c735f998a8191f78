//! The mapped backing file: reads, writes and flushes of views, with each
//! fault that can be foreseen turned into an error. It knows bytes of a file
//! and the views on them; which view a name stands for is decided above.

mod column_cache;
mod copy;
mod file;
mod grids;
mod growth;
mod guard;
mod interleave;
mod memory;
mod mode;
mod parts;
mod readahead;
mod stamp;
mod tables;
mod transfer;
mod zeros;

use std::fs::{File, Metadata, Permissions};
use std::io;
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use memmap2::{MmapOptions, MmapRaw};
use nix::sys::stat::futimens;
use nix::sys::time::TimeSpec;

use crate::array::Layout;
use crate::platform;
use column_cache::ColumnCache;
pub use column_cache::ColumnCacheUsage;
pub use file::{BackingFile, FileError, Remedy};
pub use growth::{Growth, Pending};
pub use memory::{address_space_limit, has_address_space, share_heap};
pub use mode::{Mode, NotAMode};
use parts::ThreadBudget;
use readahead::ReadaheadState;
use stamp::ChangeCounter;
pub use stamp::Stamp;
use tables::BoundedMmap;
use transfer::TransferBuffer;

/// Why bytes of a view could not be read, written or flushed.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The file has become shorter than the view.
    #[error("needs byte {need} of the backing file, which now has {have}")]
    Shrunk {
        /// The end of the bytes needed.
        need: u64,
        /// The file's size in bytes.
        have: u64,
    },
    /// The view has been opened in a mode that does not write.
    #[error("mode {mode} does not write")]
    ReadOnly {
        /// The mode.
        mode: Mode,
    },
    /// The system refused.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// The bytes of a backing file from its start to the end of the array.
///
/// Others can change, shorten and fill the file at any time, so its memory is
/// never lent out as a slice: bytes are copied in and out here and only here.
#[derive(Debug)]
pub struct Mapping {
    /// `None` when the array has no bytes: there is nothing to map.
    map: Option<BoundedMmap>,
    file: Arc<File>,
    path: PathBuf,
    mode: Mode,
    /// The size of a block device in bytes, which `fstat` does not tell.
    device_size: Option<u64>,
    /// What the kernel tells of writes by others, if anything is kept that they make old.
    changes: OnceLock<ChangeCounter>,
    column_cache: OnceLock<ColumnCache>,
    threads: ThreadBudget,
    readahead: ReadaheadState,
}

impl Mapping {
    /// Maps `backing` up to the end of the bytes of `array`, after making sure
    /// that there is, or can be, a file that long. The file itself changes
    /// only when what is pending is committed, so that everything that can
    /// fail comes first; no byte may be accessed before.
    ///
    /// # Errors
    ///
    /// When the file is too short for a mode that does not extend it, when
    /// there is no space for it, or when the system refuses the mapping.
    pub fn new(backing: BackingFile, array: &Range<u64>) -> Result<(Mapping, Pending), FileError> {
        let path = backing.path().to_path_buf();
        let mode = backing.mode();
        let device_size = backing.block_device.then_some(backing.len);
        guard::install().map_err(|source| FileError::Map {
            path: path.clone(),
            bytes: array.end,
            source,
        })?;
        let (file, pending) = Pending::prepare(backing, array)?;
        let map = if array.is_empty() {
            None
        } else {
            let mapped = BoundedMmap::new(&file, mode, array.end);
            Some(mapped.map_err(|source| {
                let path = path.clone();
                // A device that cannot be written can be opened for it all the same.
                let unwritable = device_size.is_some() && mode.writes_through();
                match source.kind() {
                    io::ErrorKind::InvalidInput if unwritable => FileError::Unwritable {
                        path,
                        mode,
                        source: io::ErrorKind::ReadOnlyFilesystem.into(),
                    },
                    _ => FileError::Map {
                        path,
                        bytes: array.end,
                        source,
                    },
                }
            })?)
        };
        let mapping = Mapping {
            map,
            file,
            path,
            mode,
            device_size,
            changes: OnceLock::new(),
            column_cache: OnceLock::new(),
            threads: ThreadBudget::new(1),
            readahead: ReadaheadState::default(),
        };
        Ok((mapping, pending))
    }

    /// From now on reads what is scattered over many places by up to `threads`
    /// threads at once, as far as there are cores that have nothing else to read.
    pub fn read_by_several(&mut self, threads: usize) {
        self.threads = ThreadBudget::new(threads);
    }

    /// From now on has the kernel tell of writes by others, so that [stamps](Self::stamp)
    /// differ after them even where times do not.
    pub fn count_changes(&self) {
        if let Some(changes) = ChangeCounter::new(&self.file) {
            // Who has begun before goes on counting.
            let _ = self.changes.set(changes);
        }
    }

    /// From now on keeps up to `limit` bytes of the neighbours of columns that are
    /// read. What is read then is what the file held when its size or times
    /// changed last, or later. Unless it is written here `alone`, none are kept until
    /// those times have [settled](Stamp::is_past_timestamp_granularity).
    pub fn enable_column_cache(&self, limit: u64, alone: bool) {
        self.column_cache
            .get_or_init(|| ColumnCache::new(limit, alone));
    }

    /// What has become of the memory for neighbours; `None` if none are kept.
    pub fn column_cache_usage(&self) -> Option<ColumnCacheUsage> {
        self.column_cache.get().map(ColumnCache::usage)
    }

    /// The bytes of the file up to the end of the array.
    fn bytes(&self) -> u64 {
        self.map.as_ref().map_or(0, BoundedMmap::bytes)
    }

    /// The file's size and times now.
    ///
    /// # Errors
    ///
    /// What the system reports.
    pub fn stamp(&self) -> io::Result<Stamp> {
        // Before: what is told of later comes after the times.
        let changes = self.changes.get().map_or(0, ChangeCounter::count);
        Ok(Stamp::new(&self.metadata()?, changes))
    }

    /// The file's path, absolute.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How the file was opened.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The file's size now, in bytes.
    fn size(&self) -> io::Result<u64> {
        match self.device_size {
            Some(size) => Ok(size),
            None => Ok(self.file.metadata()?.len()),
        }
    }

    /// The file, for calls that are passed one.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// Whether the kernel can open the file anew, as passthrough does, without
    /// harm: a regular file that no FUSE file system serves.
    pub fn can_be_reopened(&self) -> bool {
        let is_regular = self.metadata().is_ok_and(|found| found.is_file());
        is_regular && !platform::is_on_fuse(&self.file)
    }

    /// Whether the file has just as many bytes now.
    pub fn has_size(&self, bytes: u64) -> bool {
        self.size().is_ok_and(|size| size == bytes)
    }

    /// Whether the file has at least so many bytes now.
    pub fn reaches(&self, bytes: u64) -> bool {
        self.size().is_ok_and(|size| size >= bytes)
    }

    /// Copies the bytes of `view` from byte `at` of it into `out`, and returns
    /// how many there were before the first that could not be read.
    ///
    /// Elements of up to eight bytes that are aligned in the file are read
    /// whole. The caller keeps `at + out.len()` within the view.
    ///
    /// # Errors
    ///
    /// When not even the first byte could be read: the file has become too
    /// short, or its storage fails.
    pub fn read(&self, view: &Layout, at: u64, out: &mut [u8]) -> Result<usize, AccessError> {
        let column_cache = self.column_cache.get();
        match column_cache.and_then(|found| found.read(self, view, at, out)) {
            Some(count) => Ok(count),
            None => self.read_now(view, at, out),
        }
    }

    /// As [`read`](Mapping::read), from the file and nothing else.
    fn read_now(&self, view: &Layout, at: u64, out: &mut [u8]) -> Result<usize, AccessError> {
        self.read_in_parts(view, at, out)
    }

    /// Copies `data` over the bytes of `view` from byte `at` of it, and returns
    /// how many were written before the first that could not be.
    ///
    /// Elements of up to eight bytes that are aligned in the file are written
    /// whole. The caller keeps `at + data.len()` within the view.
    ///
    /// # Errors
    ///
    /// When the mode is `r`, or not even the first byte could be written: the
    /// file has become too short, or its storage is full or fails.
    pub fn write(&self, view: &Layout, at: u64, data: &[u8]) -> Result<usize, AccessError> {
        let mode = self.mode;
        if !mode.writes() {
            return Err(AccessError::ReadOnly { mode });
        }
        let outcome = self.transfer_in_bounds(view, at, TransferBuffer::Data(data));
        if let Some(column_cache) = self.column_cache.get() {
            column_cache.drop_all();
        }
        outcome
    }

    /// Writes the bytes `range` of the file to the disk, `msync(MS_SYNC)`.
    /// Nothing to do in modes `r` and `c`.
    ///
    /// # Errors
    ///
    /// What the system reports of the write-back.
    pub fn flush(&self, range: Range<u64>) -> io::Result<()> {
        let Some(map) = &self.map else { return Ok(()) };
        let end = range.end.min(map.bytes());
        if !self.mode.writes_through() || range.start >= end {
            return Ok(());
        }
        map.current()
            .flush_range(range.start as usize, (end - range.start) as usize)
    }

    /// Writes all of the array to the disk.
    ///
    /// # Errors
    ///
    /// As [`flush`](Mapping::flush).
    pub fn flush_all(&self) -> io::Result<()> {
        self.flush(0..u64::MAX)
    }

    /// What `fstat` says of the file now.
    ///
    /// # Errors
    ///
    /// What the system reports.
    pub fn metadata(&self) -> io::Result<Metadata> {
        self.file.metadata()
    }

    /// The permission bits of the file that do not let anybody do what its access
    /// control list forbids.
    ///
    /// # Errors
    ///
    /// When the list cannot be read or understood.
    pub fn acl_limit(&self) -> io::Result<u32> {
        platform::acl_limit(&self.file)
    }

    /// What has become of the path, `deleted` or `replaced`, if it no longer leads
    /// to the file. `None` also where that cannot be told.
    pub fn displaced(&self) -> Option<&'static str> {
        let own = self.metadata().ok()?;
        match std::fs::metadata(&self.path) {
            Ok(found) if (found.dev(), found.ino()) == (own.dev(), own.ino()) => None,
            Ok(_) => Some("replaced"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Some("deleted"),
            Err(_) => None,
        }
    }

    /// Sets the times of the file's last access and modification as `futimens`
    /// does, `UTIME_NOW` and `UTIME_OMIT` included; a no-op in mode `c`, which
    /// changes no file.
    ///
    /// # Errors
    ///
    /// What the system reports.
    pub fn set_times(&self, atime: TimeSpec, mtime: TimeSpec) -> io::Result<()> {
        if !self.mode.writes_through() {
            return Ok(());
        }
        Ok(futimens(&*self.file, &atime, &mtime)?)
    }

    /// Sets the time of the file's last modification; if this user may not choose which,
    /// to now, and that of the last access with it.
    ///
    /// # Errors
    ///
    /// What the system reports.
    pub fn set_modified(&self, mtime: TimeSpec) -> io::Result<()> {
        match self.set_times(TimeSpec::UTIME_OMIT, mtime) {
            // Who may write a file but does not own it may set both to now, and no less.
            Err(error) if error.raw_os_error() == Some(libc::EPERM) => {
                self.set_times(TimeSpec::UTIME_NOW, TimeSpec::UTIME_NOW)
            }
            other => other,
        }
    }

    /// Whether the file runs as its owner or group (set-user-id and set-group-id, inode(7)).
    pub fn has_set_id(&self) -> bool {
        self.metadata().is_ok_and(|found| set_id(&found) != 0)
    }

    /// Takes the set-user-id and set-group-id bits from the file, of which this was `found`,
    /// as `write(2)` does. A store to a mapping does not.
    pub fn drop_set_id(&self, found: &Metadata) {
        let rest = Permissions::from_mode(found.mode() & 0o1777);
        if set_id(found) != 0
            && self.mode.writes_through()
            && let Err(error) = self.file.set_permissions(rest)
        {
            let path = self.path.display();
            log::warn!("{path}: keeps its set-user-id bit though it was written: {error}");
        }
    }

    /// Makes sure that storing to the bytes `range` of the file will not run
    /// out of space, `fallocate(FALLOC_FL_KEEP_SIZE)`; a no-op in mode `c`.
    ///
    /// # Errors
    ///
    /// What the system reports; `ENOTSUP` where it cannot promise that.
    pub fn allocate(&self, range: Range<u64>) -> io::Result<()> {
        if !self.mode.writes_through() {
            return Ok(());
        }
        platform::reserve(&self.file, range)
    }
}

fn set_id(found: &Metadata) -> u32 {
    match found.is_file() {
        true => found.mode() & 0o6000,
        false => 0,
    }
}

fn map(file: &File, mode: Mode, bytes: u64) -> io::Result<MmapRaw> {
    let bytes = usize::try_from(bytes).map_err(|_| io::ErrorKind::OutOfMemory)?;
    let mut options = MmapOptions::new();
    options.len(bytes);
    match mode {
        Mode::ReadOnly => options.map_raw_read_only(file),
        Mode::ReadWrite | Mode::Write => options.map_raw(file),
        Mode::CopyOnWrite => {
            // Otherwise an array larger than memory and swap is refused.
            options.no_reserve_swap();
            // SAFETY: the `MmapMut` becomes an `MmapRaw` at once, so that no
            // slice of memory that others can change ever exists.
            unsafe { options.map_copy(file) }.map(MmapRaw::from)
        }
    }
}
