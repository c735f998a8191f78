//! Scratch files: files that are made beside those of the array, to be renamed over one of them.
//! Here are their names, inode numbers and limits, and the end of files that nobody uses. Which
//! names a directory takes is left to `tree`, the requests to `namespace`.
//!
//! A scratch file lives until it is renamed, removed, or closed and unused for [`LIFETIME`]. It
//! stays in the table after that while it is open.

mod blocks;
mod file;

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::error::FsError;
use blocks::Budget;
pub(super) use file::{Owner, PageFill, ScratchFile, Target, Written};

/// How long a file lives that is closed and unused.
const LIFETIME: Duration = Duration::from_secs(60);

/// The most files at a time.
const MAX_FILES: usize = 1024;

/// The scratch files of a mount.
#[derive(Debug)]
pub(super) struct ScratchFiles {
    /// The inode numbers to give out.
    inodes: Range<u64>,
    budget: Arc<Budget>,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    by_name: HashMap<Name, u64>,
    by_inode: HashMap<u64, Entry>,
    /// How many inode numbers were given out.
    given_out: u64,
}

/// The inode number of a directory, and a name in it.
type Name = (u64, OsString);

#[derive(Debug)]
struct Entry {
    file: Arc<ScratchFile>,
    /// `None` once it has been renamed or removed.
    name: Option<Name>,
    /// The number of open handles.
    handles: usize,
    last_use: Instant,
}

impl ScratchFiles {
    /// No files yet. They get numbers from `inodes`, and have `limit` bytes together.
    pub(super) fn new(inodes: Range<u64>, limit: u64) -> ScratchFiles {
        ScratchFiles {
            inodes,
            budget: Arc::new(Budget::new(limit)),
            table: Mutex::default(),
        }
    }

    /// Calls `act` with the table locked.
    fn with<T>(&self, act: impl FnOnce(&mut Table) -> T) -> T {
        let mut table: MutexGuard<'_, Table> =
            self.table.lock().unwrap_or_else(PoisonError::into_inner);
        act(&mut table)
    }

    /// Whether files can be made at all.
    pub(super) fn is_enabled(&self) -> bool {
        self.budget.limit() > 0
    }

    /// The number of files and their bytes, in whole pages.
    pub(super) fn usage(&self) -> (usize, u64) {
        (self.with(|table| table.by_inode.len()), self.budget.used())
    }

    /// The most bytes of all files together.
    pub(super) fn limit(&self) -> u64 {
        self.budget.limit()
    }

    /// Whether `inode` is the number of a scratch file, now or earlier.
    pub(super) fn owns(&self, inode: u64) -> bool {
        self.inodes.contains(&inode)
    }

    /// Makes an empty file called `name` in `directory`.
    ///
    /// # Errors
    ///
    /// `Exists` when there is one of that name, `NoSpace` when there are too many.
    pub(super) fn create(
        &self,
        directory: u64,
        name: &OsStr,
        owner: Owner,
        now: Instant,
    ) -> Result<Arc<ScratchFile>, FsError> {
        self.expire(now);
        self.with(|table| {
            let name = (directory, name.to_owned());
            if table.by_name.contains_key(&name) {
                return Err(FsError::Exists);
            }
            if table.by_inode.len() >= MAX_FILES {
                return Err(FsError::NoSpace);
            }
            let inode = table.next_inode(&self.inodes);
            let file = Arc::new(ScratchFile::new(inode, owner, self.budget.clone()));
            table.by_name.insert(name.clone(), inode);
            let entry = Entry {
                file: file.clone(),
                name: Some(name),
                handles: 0,
                last_use: now,
            };
            table.by_inode.insert(inode, entry);
            Ok(file)
        })
    }

    /// The file called `name` in `directory`.
    pub(super) fn find(&self, directory: u64, name: &OsStr) -> Option<Arc<ScratchFile>> {
        self.with(|table| {
            let name = (directory, name.to_owned());
            let entry = table.by_inode.get_mut(table.by_name.get(&name)?)?;
            entry.last_use = Instant::now();
            Some(entry.file.clone())
        })
    }

    /// The file with this inode number, and the number of its names.
    pub(super) fn get(&self, inode: u64) -> Option<(Arc<ScratchFile>, u32)> {
        if !self.owns(inode) {
            return None;
        }
        self.with(|table| {
            let entry = table.by_inode.get_mut(&inode)?;
            entry.last_use = Instant::now();
            Some((entry.file.clone(), u32::from(entry.name.is_some())))
        })
    }

    /// Counts a new open handle of the file `inode`.
    ///
    /// # Errors
    ///
    /// `Stale` when there is no such file.
    pub(super) fn opened(&self, inode: u64) -> Result<Arc<ScratchFile>, FsError> {
        self.with(|table| {
            let entry = table.by_inode.get_mut(&inode).ok_or(FsError::Stale)?;
            entry.handles += 1;
            Ok(entry.file.clone())
        })
    }

    /// Counts the release of an open handle of the file `inode`.
    pub(super) fn released(&self, inode: u64) {
        let unused = self.with(|table| {
            let entry = table.by_inode.get_mut(&inode)?;
            entry.handles -= 1;
            entry.last_use = Instant::now();
            let is_over = entry.handles == 0 && entry.name.is_none();
            is_over.then(|| table.by_inode.remove(&inode))
        });
        // Unmaps its memory, without the lock.
        drop(unused);
    }

    /// Removes the name of the file `inode`, and the file once it is not open.
    pub(super) fn remove(&self, inode: u64) {
        let unused = self.with(|table| {
            let entry = table.by_inode.get_mut(&inode)?;
            let name = entry.name.take();
            let is_over = entry.handles == 0;
            name.map(|name| table.by_name.remove(&name));
            is_over.then(|| table.by_inode.remove(&inode))
        });
        drop(unused);
    }

    /// Removes files that have been unused for [`LIFETIME`]. Returns the time until the next one
    /// is due, if there is one that is not open.
    pub(super) fn expire(&self, now: Instant) -> Option<Duration> {
        let (expired, next) = self.with(|table| {
            let age = |entry: &Entry| now.saturating_duration_since(entry.last_use);
            let is_expired =
                |_: &u64, entry: &mut Entry| entry.handles == 0 && age(entry) >= LIFETIME;
            let expired: Vec<Entry> = table
                .by_inode
                .extract_if(is_expired)
                .map(|(_, entry)| entry)
                .collect();
            for name in expired.iter().filter_map(|entry| entry.name.as_ref()) {
                table.by_name.remove(name);
            }
            let closed = table.by_inode.values().filter(|entry| entry.handles == 0);
            (expired, closed.map(|entry| LIFETIME - age(entry)).min())
        });
        for (_, name) in expired.iter().filter_map(|entry| entry.name.as_ref()) {
            log::warn!("the file {name:?}, made beside the array, was not renamed: removed");
        }
        next
    }
}

impl Table {
    /// A number of `inodes` that is not in use. A number is used again only after all others.
    fn next_inode(&mut self, inodes: &Range<u64>) -> u64 {
        loop {
            let inode = inodes.start + self.given_out % (inodes.end - inodes.start);
            self.given_out += 1;
            if !self.by_inode.contains_key(&inode) {
                return inode;
            }
        }
    }
}

#[cfg(test)]
mod tests;
