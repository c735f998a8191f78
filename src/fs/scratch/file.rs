//! One scratch file: its bytes and attributes, and the move of its bytes into a file of the
//! array. The names are left to the parent module, the order of writes and page invalidations
//! to `namespace`.
//!
//! During a move the file is in two places. The bytes before a boundary are in the array, those
//! from there on in memory. Each step moves the boundary, with the file locked, so a read or a
//! write-back that comes meanwhile finds each byte in one place. After the last step the file
//! *is* that file of the array, under an inode number of its own.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::SystemTime;

use fuser::{FileAttr, FileType, INodeNo};
use nix::sys::time::TimeSpec;

use super::super::attr::{AttributeChange, time};
use super::super::error::FsError;
use super::blocks::{Blocks, Budget};
use crate::tree::{Node, Pin};
use crate::vfile::VirtualFile;

/// A file of the array that a scratch file is moved into.
#[derive(Debug)]
pub(in super::super) struct Target {
    /// The node.
    pub(in super::super) node: Node,
    /// Its bytes.
    pub(in super::super) file: VirtualFile,
    _pin: Option<Pin>,
}

/// The owner and the permission bits of a new scratch file.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Owner {
    /// The user.
    pub(in super::super) uid: u32,
    /// The group.
    pub(in super::super) gid: u32,
    /// The permission bits.
    pub(in super::super) mode: u32,
}

impl Owner {
    /// The owner of a file that is made with the permission bits `mode` without those of
    /// `umask`.
    pub(in super::super) fn new(uid: u32, gid: u32, mode: u32, umask: u32) -> Owner {
        let mode = mode & 0o7777 & !umask;
        Owner { uid, gid, mode }
    }
}

/// A scratch file.
#[derive(Debug)]
pub(in super::super) struct ScratchFile {
    inode: u64,
    state: Mutex<State>,
    /// What the file has become by a rename.
    became: OnceLock<Arc<Target>>,
}

#[derive(Debug)]
struct State {
    bytes: Blocks,
    owner: Owner,
    atime: SystemTime,
    mtime: SystemTime,
    ctime: SystemTime,
    /// Whether the kernel may hold pages that were filled before a move.
    has_pages: bool,
    moving: Option<Move>,
}

/// A move in progress.
#[derive(Debug)]
struct Move {
    target: Arc<Target>,
    /// The number of bytes in the array.
    done: u64,
}

/// What is left to do after a write to a scratch file.
#[derive(Debug)]
pub(in super::super) enum Written {
    /// Nothing.
    InMemory,
    /// The first `count` bytes are in the array already, and are to be written there.
    AlsoIn {
        /// The file of the array.
        target: Arc<Target>,
        /// The number of bytes.
        count: usize,
    },
    /// The file has become one of the array. Nothing has been written.
    Became,
}

/// Where a page fill finds the bytes.
#[derive(Debug)]
pub(in super::super) enum PageFill {
    /// In memory.
    InMemory,
    /// In this file of the array, at least in part.
    In(Arc<Target>),
}

impl Target {
    /// The file `node` of the array with its bytes. Holds `pin`.
    pub(in super::super) fn new(node: Node, file: VirtualFile, pin: Option<Pin>) -> Target {
        Target {
            node,
            file,
            _pin: pin,
        }
    }
}

impl ScratchFile {
    /// An empty file.
    pub(super) fn new(inode: u64, owner: Owner, budget: Arc<Budget>) -> ScratchFile {
        let now = SystemTime::now();
        ScratchFile {
            inode,
            state: Mutex::new(State {
                bytes: Blocks::new(budget),
                owner,
                atime: now,
                mtime: now,
                ctime: now,
                has_pages: false,
                moving: None,
            }),
            became: OnceLock::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The inode number.
    pub(in super::super) fn inode(&self) -> u64 {
        self.inode
    }

    /// The file of the array that it has become.
    pub(in super::super) fn target(&self) -> Option<&Arc<Target>> {
        self.became.get()
    }

    /// The size in bytes.
    pub(in super::super) fn len(&self) -> u64 {
        // What it has become is set with the lock, and has as many bytes.
        let state = self.state();
        match self.target() {
            Some(target) => target.file.len(),
            None => state.bytes.len(),
        }
    }

    /// The attributes; `None` once it has become a file of the array. `links` is the number of
    /// names.
    pub(in super::super) fn attributes(&self, links: u32) -> Option<FileAttr> {
        let state = self.state();
        if self.target().is_some() {
            return None;
        }
        let len = state.bytes.len();
        Some(FileAttr {
            ino: INodeNo(self.inode),
            size: len,
            blocks: len.div_ceil(512),
            atime: state.atime,
            mtime: state.mtime,
            ctime: state.ctime,
            crtime: state.ctime,
            kind: FileType::RegularFile,
            perm: (state.owner.mode & 0o7777) as u16,
            nlink: links,
            uid: state.owner.uid,
            gid: state.owner.gid,
            rdev: 0,
            blksize: 4096,
            flags: 0,
        })
    }

    /// Changes attributes, the size included, and returns whether it has. It changes nothing once
    /// it has become a file of the array.
    ///
    /// # Errors
    ///
    /// `NoSpace` for a size beyond the limit, `Busy` for a size during a move.
    pub(in super::super) fn change(&self, change: &AttributeChange) -> Result<bool, FsError> {
        let now = SystemTime::now();
        let mut state = self.state();
        if self.target().is_some() {
            return Ok(false);
        }
        if let Some(size) = change.size {
            state.resize(size)?;
            state.mtime = now;
        }
        let owner = &mut state.owner;
        owner.mode = change.mode.unwrap_or(owner.mode);
        owner.uid = change.uid.unwrap_or(owner.uid);
        owner.gid = change.gid.unwrap_or(owner.gid);
        state.atime = change.atime.map_or(state.atime, |at| system_time(at, now));
        state.mtime = change.mtime.map_or(state.mtime, |at| system_time(at, now));
        state.ctime = now;
        Ok(true)
    }

    /// Makes the file at least `len` bytes long, with zeros, and returns whether it is. It does
    /// nothing once it has become a file of the array.
    ///
    /// # Errors
    ///
    /// As of [`change`](Self::change).
    pub(in super::super) fn extend(&self, len: u64) -> Result<bool, FsError> {
        let mut state = self.state();
        if self.target().is_some() {
            return Ok(false);
        }
        if len > state.bytes.len() {
            state.resize(len)?;
        }
        Ok(true)
    }

    /// Reads bytes from offset `at` on, and returns their number.
    ///
    /// # Errors
    ///
    /// When bytes that are in the array cannot be read.
    pub(in super::super) fn read(&self, at: u64, out: &mut [u8]) -> Result<usize, FsError> {
        let state = self.state();
        let (file, done) = match (self.target(), &state.moving) {
            (Some(target), _) => (&target.file, u64::MAX),
            (None, Some(moving)) => (&moving.target.file, moving.done),
            (None, None) => return Ok(state.bytes.read(at, out)),
        };
        let in_array = clipped(done.saturating_sub(at), out.len());
        let mut count = 0;
        while count < in_array {
            match file.read_at(at + count as u64, &mut out[count..in_array])? {
                0 => return Ok(count),
                more => count += more,
            }
        }
        Ok(count + state.bytes.read(at + count as u64, &mut out[count..]))
    }

    /// Writes `data` at offset `at`.
    ///
    /// # Errors
    ///
    /// When there is no space or no memory.
    pub(in super::super) fn write(&self, at: u64, data: &[u8]) -> Result<Written, FsError> {
        let mut state = self.state();
        if self.target().is_some() {
            return Ok(Written::Became);
        }
        if state.moving.is_some() && at.saturating_add(data.len() as u64) > state.bytes.len() {
            return Err(FsError::Busy);
        }
        // Also of what is in the array already: a move that fails leaves the file as it was.
        state.bytes.write(at, data)?;
        let now = SystemTime::now();
        (state.mtime, state.ctime) = (now, now);
        let moving = state.moving.as_ref();
        Ok(match moving.filter(|moving| at < moving.done) {
            None => Written::InMemory,
            Some(Move { target, done }) => Written::AlsoIn {
                target: target.clone(),
                count: clipped(done - at, data.len()),
            },
        })
    }

    /// Records that pages are about to be filled.
    pub(in super::super) fn fill_pages(&self) -> PageFill {
        let mut state = self.state();
        let moving = state.moving.as_ref().map(|moving| &moving.target);
        match self.target().or(moving) {
            Some(target) => PageFill::In(target.clone()),
            None => {
                state.has_pages = true;
                PageFill::InMemory
            }
        }
    }

    /// Begins the move into `target`. Returns whether the kernel may hold pages.
    ///
    /// # Errors
    ///
    /// `Invalid` if the size is another, `Busy` if a move has begun before.
    pub(in super::super) fn begin_move(&self, target: &Arc<Target>) -> Result<bool, FsError> {
        let mut state = self.state();
        if state.moving.is_some() || self.target().is_some() {
            return Err(FsError::Busy);
        }
        if state.bytes.len() != target.file.len() {
            return Err(FsError::Invalid);
        }
        let (target, done) = (target.clone(), 0);
        state.moving = Some(Move { target, done });
        Ok(state.has_pages)
    }

    /// The number of bytes that a move has in the array.
    pub(in super::super) fn moved(&self) -> u64 {
        self.state().moving.as_ref().map_or(0, |moving| moving.done)
    }

    /// One step of the move: the bytes from where it has come to, as far as `buffer` is long.
    /// `write` writes them at an offset and returns their number.
    ///
    /// # Errors
    ///
    /// The error of `write`.
    pub(in super::super) fn step(
        &self,
        buffer: &mut [u8],
        mut write: impl FnMut(u64, &[u8]) -> Result<usize, FsError>,
    ) -> Result<(), FsError> {
        let mut state = self.state();
        let State { bytes, moving, .. } = &mut *state;
        let Some(moving) = moving else {
            return Err(FsError::Stale);
        };
        let count = bytes.read(moving.done, buffer);
        let mut data = &buffer[..count];
        while !data.is_empty() {
            let written = write(moving.done, data)?;
            if written == 0 {
                return Err(FsError::Invalid);
            }
            moving.done += written as u64;
            data = &data[written..];
        }
        Ok(())
    }

    /// Ends a move: all bytes are in the array, and the memory is given back.
    pub(in super::super) fn finish_move(&self) {
        let mut state = self.state();
        if let Some(moving) = state.moving.take() {
            let _ = self.became.set(moving.target);
            state.bytes.clear();
        }
    }

    /// Ends a move that failed. The file keeps its bytes.
    pub(in super::super) fn abandon_move(&self) {
        self.state().moving = None;
    }
}

impl State {
    fn resize(&mut self, len: u64) -> Result<(), FsError> {
        match self.moving.is_some() && len != self.bytes.len() {
            true => Err(FsError::Busy),
            false => self.bytes.set_len(len),
        }
    }
}

/// The smaller of `count` and `len`.
fn clipped(count: u64, len: usize) -> usize {
    usize::try_from(count).unwrap_or(len).min(len)
}

fn system_time(at: TimeSpec, now: SystemTime) -> SystemTime {
    match at == TimeSpec::UTIME_NOW {
        true => now,
        false => time(at.tv_sec(), at.tv_nsec()),
    }
}
