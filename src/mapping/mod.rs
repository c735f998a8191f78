//! The memory-mapped backing file: reads, writes and flushes of views. Page faults that
//! cannot be served become errors. The module handles bytes of the file and layouts of
//! views; which view a path names is decided in `tree` and `fs`.

mod column_cache;
mod copy;
mod file;
mod folios;
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
use folios::FlushExpectation;
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
    /// The file was truncated and no longer holds the view.
    #[error("needs byte {need} of the backing file, which now has {have}")]
    Shrunk {
        /// The end of the bytes needed, as a file offset.
        need: u64,
        /// The file's size in bytes.
        have: u64,
    },
    /// The mode does not allow writes.
    #[error("mode {mode} does not write")]
    ReadOnly {
        /// The mode.
        mode: Mode,
    },
    /// A system call failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// The bytes of a backing file from its start to the end of the array.
///
/// Other processes can write, truncate and extend the file at any time. So no slice of the
/// mapping is ever lent out: only this module copies bytes in and out.
#[derive(Debug)]
pub struct Mapping {
    /// `None` if the array has no bytes: an empty range cannot be mapped.
    map: Option<BoundedMmap>,
    file: Arc<File>,
    path: PathBuf,
    mode: Mode,
    /// The size of a block device in bytes, for which `fstat` reports 0. `None` for a file.
    device_size: Option<u64>,
    /// Counts the writes that the kernel reports; set if caches depend on it.
    changes: OnceLock<ChangeCounter>,
    column_cache: OnceLock<ColumnCache>,
    threads: ThreadBudget,
    readahead: ReadaheadState,
    flush_expectation: FlushExpectation,
}

impl Mapping {
    /// Maps `backing` from its start to the end of `array`, the array's byte range in the
    /// file. Checks first that the file is, or can become, that long. The file changes only
    /// in [`Pending::commit`], after everything that can fail. No byte may be accessed before
    /// that.
    ///
    /// # Errors
    ///
    /// When the file is too short and the mode does not extend it, when there is no space for
    /// it, or when `mmap` fails.
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
                // A read-only device can be opened for writing; only `mmap` fails.
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
            readahead: ReadaheadState::new(&file, mode),
            file,
            path,
            mode,
            device_size,
            changes: OnceLock::new(),
            column_cache: OnceLock::new(),
            threads: ThreadBudget::new(1),
            flush_expectation: FlushExpectation::default(),
        };
        Ok((mapping, pending))
    }

    /// Lets reads of scattered pieces use up to `threads` threads, shared by all requests and
    /// limited by the number of cores.
    pub fn read_by_several(&mut self, threads: usize) {
        self.threads = ThreadBudget::new(threads);
    }

    /// Starts counting the writes that the kernel reports, so that [stamps](Self::stamp)
    /// differ after a write even if the file's times do not.
    pub fn count_changes(&self) {
        if let Some(changes) = ChangeCounter::new(&self.file) {
            // An earlier counter stays.
            let _ = self.changes.set(changes);
        }
    }

    /// Starts caching up to `limit` bytes of columns adjacent to those that are read. A read
    /// from the cache gives the bytes as of the last change of the file's size or times, or
    /// newer ones. `exclusive` says that the file is written only through this mapping. Without
    /// it, nothing is cached until the times are
    /// [old enough](Stamp::is_past_timestamp_granularity).
    pub fn enable_column_cache(&self, limit: u64, exclusive: bool) {
        self.column_cache
            .get_or_init(|| ColumnCache::new(limit, exclusive));
    }

    /// The use of the column cache; `None` if it is not enabled.
    pub fn column_cache_usage(&self) -> Option<ColumnCacheUsage> {
        self.column_cache.get().map(ColumnCache::usage)
    }

    /// The number of mapped bytes: from the start of the file to the end of the array.
    pub fn mapped_bytes(&self) -> u64 {
        self.map.as_ref().map_or(0, BoundedMmap::bytes)
    }

    /// The current stamp of the file: its size, its times and the count of reported writes.
    ///
    /// # Errors
    ///
    /// When `fstat` fails.
    pub fn stamp(&self) -> io::Result<Stamp> {
        // Counted before `fstat`: a write reported later gives another stamp.
        let changes = self.changes.get().map_or(0, ChangeCounter::count);
        Ok(Stamp::new(&self.metadata()?, changes))
    }

    /// The absolute path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The mode in which the file was opened.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The current size of the file, in bytes.
    fn size(&self) -> io::Result<u64> {
        match self.device_size {
            Some(size) => Ok(size),
            None => Ok(self.file.metadata()?.len()),
        }
    }

    /// The file's descriptor.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// Whether the file may be opened a second time for FUSE passthrough: it is a regular
    /// file, and not on a FUSE file system.
    pub fn can_be_reopened(&self) -> bool {
        let is_regular = self.metadata().is_ok_and(|found| found.is_file());
        is_regular && !platform::is_on_fuse(&self.file)
    }

    /// Whether the file's current size is `bytes`. False if it cannot be determined.
    pub fn has_size(&self, bytes: u64) -> bool {
        self.size().is_ok_and(|size| size == bytes)
    }

    /// Whether the file's current size is at least `bytes`. False if it cannot be determined.
    pub fn reaches(&self, bytes: u64) -> bool {
        self.size().is_ok_and(|size| size >= bytes)
    }

    /// Copies bytes of `view`, starting at byte `at` of the view, into `out`. Returns the
    /// number of bytes before the first that could not be read. The caller keeps
    /// `at + out.len()` within the view.
    ///
    /// Elements of up to 8 bytes that are aligned in the file are not torn.
    ///
    /// # Errors
    ///
    /// When the first byte could not be read: the file was truncated, or its storage failed.
    pub fn read(&self, view: &Layout, at: u64, out: &mut [u8]) -> Result<usize, AccessError> {
        let column_cache = self.column_cache.get();
        match column_cache.and_then(|found| found.read(self, view, at, out)) {
            Some(count) => Ok(count),
            None => self.read_now(view, at, out),
        }
    }

    /// As [`read`](Mapping::read), bypassing the column cache.
    fn read_now(&self, view: &Layout, at: u64, out: &mut [u8]) -> Result<usize, AccessError> {
        self.read_in_parallel(view, at, out)
    }

    /// Copies `data` over the bytes of `view`, starting at byte `at` of the view. Returns the
    /// number of bytes before the first that could not be written. The caller keeps
    /// `at + data.len()` within the view.
    ///
    /// Elements of up to 8 bytes that are aligned in the file are not torn.
    ///
    /// # Errors
    ///
    /// When the mode is `r`, or when the first byte could not be written: the file was
    /// truncated, or its storage is full or failed.
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

    /// Writes the bytes `range` of the file to the disk, with `msync(MS_SYNC)` and what else the
    /// system needs for that. A no-op in modes `r` and `c`.
    ///
    /// # Errors
    ///
    /// When write-back fails.
    pub fn flush(&self, range: Range<u64>) -> io::Result<()> {
        let Some(map) = &self.map else { return Ok(()) };
        let end = range.end.min(map.bytes());
        if !self.mode.writes_through() || range.start >= end {
            return Ok(());
        }
        self.flush_expectation.record_flush();
        map.current()
            .flush_range(range.start as usize, (end - range.start) as usize)?;
        platform::flush_drive(&self.file)
    }

    /// Writes the whole mapped range to the disk.
    ///
    /// # Errors
    ///
    /// As [`flush`](Mapping::flush).
    pub fn flush_all(&self) -> io::Result<()> {
        self.flush(0..u64::MAX)
    }

    /// The current metadata of the file.
    ///
    /// # Errors
    ///
    /// When `fstat` fails.
    pub fn metadata(&self) -> io::Result<Metadata> {
        self.file.metadata()
    }

    /// Permission bits for the file that grant no more than its access control list does.
    ///
    /// # Errors
    ///
    /// When the list cannot be read or parsed.
    pub fn acl_limit(&self) -> io::Result<u32> {
        platform::acl_limit(&self.file)
    }

    /// `deleted` or `replaced`, if the path no longer leads to the file. `None` if it does,
    /// or if that cannot be determined.
    pub fn displaced(&self) -> Option<&'static str> {
        let opened = self.metadata().ok()?;
        match std::fs::metadata(&self.path) {
            Ok(found) if (found.dev(), found.ino()) == (opened.dev(), opened.ino()) => None,
            Ok(_) => Some("replaced"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Some("deleted"),
            Err(_) => None,
        }
    }

    /// Sets the file's access and modification times with `futimens`, which also takes
    /// `UTIME_NOW` and `UTIME_OMIT`. A no-op in modes `r` and `c`, which change no file.
    ///
    /// # Errors
    ///
    /// When `futimens` fails.
    pub fn set_times(&self, atime: TimeSpec, mtime: TimeSpec) -> io::Result<()> {
        if !self.mode.writes_through() {
            return Ok(());
        }
        Ok(futimens(&*self.file, &atime, &mtime)?)
    }

    /// Sets the file's modification time. If this user is not allowed to choose a time, sets
    /// modification and access time to now.
    ///
    /// # Errors
    ///
    /// When `futimens` fails.
    pub fn set_modified(&self, mtime: TimeSpec) -> io::Result<()> {
        match self.set_times(TimeSpec::UTIME_OMIT, mtime) {
            // A user who can write the file but does not own it may only set both to now.
            Err(error) if error.raw_os_error() == Some(libc::EPERM) => {
                self.set_times(TimeSpec::UTIME_NOW, TimeSpec::UTIME_NOW)
            }
            other => other,
        }
    }

    /// Whether the file has a set-user-ID or set-group-ID bit, inode(7).
    pub fn has_set_id(&self) -> bool {
        self.metadata().is_ok_and(|found| set_id(&found) != 0)
    }

    /// Clears the set-user-ID and set-group-ID bits of the file, whose metadata is `found`.
    /// `write(2)` does that; a store to a mapping does not.
    pub fn drop_set_id(&self, found: &Metadata) {
        let rest = Permissions::from_mode(found.mode() & 0o1777);
        if set_id(found) != 0
            && self.mode.writes_through()
            && let Err(error) = self.file.set_permissions(rest)
        {
            let path = self.path.display();
            log::warn!("{path}: cannot clear the set-user-ID bit after a write: {error}");
        }
    }

    /// Allocates disk space for the bytes `range` of the file without changing its size, with
    /// `fallocate(FALLOC_FL_KEEP_SIZE)`. Modes `r` and `c` allocate none.
    ///
    /// # Errors
    ///
    /// When the file ends before `range` does, or the call fails; `ENOTSUP` if the file system
    /// does not support it.
    pub fn allocate(&self, range: Range<u64>) -> Result<(), AccessError> {
        let (need, have) = (range.end, self.size()?);
        if have < need {
            return Err(AccessError::Shrunk { need, have });
        }
        if !self.mode.writes_through() {
            return Ok(());
        }
        Ok(platform::reserve(&self.file, range)?)
    }
}

/// The set-user-ID and set-group-ID bits of a regular file, 0 otherwise.
fn set_id(found: &Metadata) -> u32 {
    match found.is_file() {
        true => found.mode() & 0o6000,
        false => 0,
    }
}

/// Maps the first `bytes` bytes of `file` as `mode` requires.
///
/// # Errors
///
/// When `mmap` fails.
fn map(file: &File, mode: Mode, bytes: u64) -> io::Result<MmapRaw> {
    let bytes = usize::try_from(bytes).map_err(|_| io::ErrorKind::OutOfMemory)?;
    let mut options = MmapOptions::new();
    options.len(bytes);
    match mode {
        Mode::ReadOnly => options.map_raw_read_only(file),
        Mode::ReadWrite | Mode::Write => options.map_raw(file),
        Mode::CopyOnWrite => {
            // Without this the kernel refuses an array larger than memory and swap.
            options.no_reserve_swap();
            // SAFETY: the `MmapMut` becomes an `MmapRaw` at once, so no slice of memory that
            // other processes can change ever exists.
            unsafe { options.map_copy(file) }.map(MmapRaw::from)
        }
    }
}
