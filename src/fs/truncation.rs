//! Files of fixed size under programs that truncate first and write then.
//!
//! After a truncation the file counts as empty until written: a mark says up
//! to where it has been. A write beyond the mark fills the gap with zeros as
//! it would in a file that was really empty, a resize to the full size fills
//! what is left, and a read, a mapping or the last close of a writer drops the
//! mark and changes nothing. So a copy that skips holes gives exact bytes, and
//! a short one leaves the tail as it was.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use super::error::FsError;
use super::handle::Handle;
use crate::vfile::VirtualFile;

/// How many inodes that nobody has open may keep a mark.
const MAX_UNOPENED: usize = 1024;

/// The mark of an inode.
#[derive(Debug, Default)]
struct Mark {
    /// How many bytes count as written, if it counts as truncated. Held while a write
    /// fills a gap and moves the mark, which can take as long as its storage does.
    written: Mutex<Option<u64>>,
    /// It counts so no longer. Whoever holds the mark sees to that.
    ended: AtomicBool,
}

/// The inodes that are open for writing or have a mark.
#[derive(Debug, Default)]
pub(super) struct Truncations {
    inodes: Mutex<HashMap<u64, Writers>>,
    /// How many marks there may be, so that no request pays for none.
    marks: AtomicUsize,
}

#[derive(Debug, Default)]
struct Writers {
    /// Handles that are open for writing.
    open: usize,
    /// Those that have not been closed by the one who used them last.
    ///
    /// The kernel tells of a `close` at once (FLUSH) and of the end of a handle
    /// later (RELEASE), maybe only when the next writer has opened the file.
    in_use: usize,
    /// Writes that are under way, if it has a mark.
    writing: usize,
    mark: Arc<Mark>,
}

impl Truncations {
    fn inodes(&self) -> MutexGuard<'_, HashMap<u64, Writers>> {
        self.inodes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn any(&self) -> bool {
        self.marks.load(Ordering::SeqCst) > 0
    }

    /// Drops a mark, without waiting for who holds it.
    fn drop_mark(&self, mark: &Mark) {
        mark.ended.store(true, Ordering::SeqCst);
        self.settle(mark);
    }

    /// Does what has been left to the last who held a mark.
    fn settle(&self, mark: &Mark) {
        while mark.ended.load(Ordering::SeqCst) {
            match mark.written.try_lock() {
                Ok(written) => self.take(mark, written),
                Err(TryLockError::Poisoned(written)) => self.take(mark, written.into_inner()),
                Err(TryLockError::WouldBlock) => return,
            }
        }
    }

    fn take(&self, mark: &Mark, mut written: MutexGuard<'_, Option<u64>>) {
        if mark.ended.swap(false, Ordering::SeqCst) && written.take().is_some() {
            self.marks.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// Does `work` while nobody else has the mark, unless that has ended.
    fn holding<T>(&self, mark: &Mark, work: impl FnOnce(&mut Option<u64>) -> T) -> T {
        let hold = || mark.written.lock().unwrap_or_else(PoisonError::into_inner);
        self.take(mark, hold());
        let outcome = work(&mut hold());
        self.settle(mark);
        outcome
    }

    fn mark_of(&self, inode: u64) -> Option<Arc<Mark>> {
        let marked = self.any();
        marked.then(|| self.inodes().get(&inode).map(|w| w.mark.clone()))?
    }

    /// A handle of `inode` has been opened for writing.
    pub(super) fn opened(&self, inode: u64) {
        let mut inodes = self.inodes();
        let writers = inodes.entry(inode).or_default();
        if writers.open > 0 && writers.in_use + writers.writing == 0 {
            self.drop_mark(&writers.mark);
        }
        writers.open += 1;
        writers.in_use += 1;
    }

    /// A descriptor of `handle` has been closed.
    pub(super) fn flushed(&self, handle: &Handle) {
        if handle.writes
            && !handle.idle.swap(true, Ordering::SeqCst)
            && let Some(writers) = self.inodes().get_mut(&handle.inode)
        {
            writers.in_use -= 1;
        }
    }

    /// `handle` is used by someone, though a descriptor of it was closed.
    fn used(&self, handle: &Handle) {
        if handle.writes
            && handle.idle.swap(false, Ordering::SeqCst)
            && let Some(writers) = self.inodes().get_mut(&handle.inode)
        {
            writers.in_use += 1;
        }
    }

    /// The last descriptor and mapping of `handle` are gone.
    pub(super) fn released(&self, handle: &Handle) {
        if !handle.writes {
            return;
        }
        self.flushed(handle);
        let mut inodes = self.inodes();
        if let Some(writers) = inodes.get_mut(&handle.inode) {
            writers.open -= 1;
            if writers.open == 0 {
                self.drop_mark(&writers.mark);
                inodes.remove(&handle.inode);
            }
        }
    }

    /// `inode` has been truncated to nothing, and keeps its size. No write to it may be
    /// under way.
    pub(super) fn truncated(&self, inode: u64) {
        let mut inodes = self.inodes();
        let unopened =
            |inodes: &HashMap<_, Writers>| inodes.values().filter(|w| w.open == 0).count();
        if inodes.len() >= MAX_UNOPENED && unopened(&inodes) >= MAX_UNOPENED {
            inodes.retain(|_, writers| {
                let keep = writers.open > 0;
                if !keep {
                    self.drop_mark(&writers.mark);
                }
                keep
            });
        }
        // Nobody holds it: no write is under way.
        let mark = &inodes.entry(inode).or_default().mark;
        let is_new = self.holding(mark, |written| written.replace(0).is_none());
        self.marks.fetch_add(usize::from(is_new), Ordering::SeqCst);
    }

    /// Whether `inode` counts as truncated, so that a write may fill a gap; also while
    /// one is under way, which is not waited for.
    pub(super) fn is_marked(&self, inode: u64) -> bool {
        let mark = self.mark_of(inode);
        mark.is_some_and(|mark| match mark.written.try_lock() {
            Ok(written) => written.is_some(),
            Err(TryLockError::Poisoned(written)) => written.into_inner().is_some(),
            Err(TryLockError::WouldBlock) => true,
        })
    }

    /// `inode` is read or mapped: it no longer counts as truncated.
    pub(super) fn read(&self, inode: u64) {
        if let Some(mark) = self.mark_of(inode) {
            self.drop_mark(&mark);
        }
    }

    /// `inode`, the file `file`, has been given its full size. Returns whether
    /// it counted as truncated.
    ///
    /// # Errors
    ///
    /// When the bytes that were not written cannot be filled with zeros.
    pub(super) fn completed(&self, inode: u64, file: &VirtualFile) -> Result<bool, FsError> {
        let Some(mark) = self.mark_of(inode) else {
            return Ok(false);
        };
        let is_marked = self.holding(&mark, |written| written.is_some());
        self.fill(&mark, file, file.len())?;
        self.drop_mark(&mark);
        Ok(is_marked)
    }

    /// Does a write from byte `at` through `handle` by calling `write`, which
    /// returns how many bytes were taken, after filling the gap that it leaves to
    /// what has been written.
    ///
    /// # Errors
    ///
    /// What `write` returns, or that the gap cannot be filled.
    pub(super) fn write(
        &self,
        handle: &Handle,
        at: u64,
        write: impl FnOnce() -> Result<usize, FsError>,
    ) -> Result<usize, FsError> {
        self.used(handle);
        let Some(mark) = self.mark_of(handle.inode) else {
            return write();
        };
        self.writing(handle.inode, |writing| *writing += 1);
        let outcome = self.write_behind(&mark, handle, at, write);
        self.writing(handle.inode, |writing| *writing -= 1);
        outcome
    }

    fn writing(&self, inode: u64, count: impl FnOnce(&mut usize)) {
        // It is open for as long as it is written.
        if let Some(writers) = self.inodes().get_mut(&inode) {
            count(&mut writers.writing);
        }
    }

    fn write_behind(
        &self,
        mark: &Mark,
        handle: &Handle,
        at: u64,
        write: impl FnOnce() -> Result<usize, FsError>,
    ) -> Result<usize, FsError> {
        if at < handle.file.len() {
            self.fill(mark, &handle.file, at)?;
        }
        self.holding(mark, |mark| {
            let taken = write()?;
            if let Some(written) = mark {
                // Not to where it would have ended: a full disk can cut it short.
                *written = (*written).max(at.saturating_add(taken as u64));
            }
            Ok(taken)
        })
    }

    /// Fills `file` with zeros from its mark up to byte `end`, a step at a time: a
    /// read that comes in between ends the fill with the mark.
    fn fill(&self, mark: &Mark, file: &VirtualFile, end: u64) -> Result<(), FsError> {
        const STEP: u64 = 1 << 20;
        let step = |mark: &mut Option<u64>| -> Result<bool, FsError> {
            match mark {
                Some(written) if *written < end => {
                    let next = end.min(written.saturating_add(STEP));
                    file.fill(*written..next)?;
                    *written = next;
                    Ok(true)
                }
                _ => Ok(false),
            }
        };
        while self.holding(mark, step)? {}
        Ok(())
    }
}
