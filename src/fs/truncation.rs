//! Files of fixed size under programs that truncate first and write then.
//!
//! After a truncation the file counts as empty until written: its inode has a mark, up to
//! where it has been written since. A write beyond the mark fills the gap with zeros as
//! it would in a file that was really empty, and a resize to the full size fills what is
//! left. So a copy that skips holes gives exact bytes, and a short one leaves the tail as
//! it was. The mark is dropped, and no byte changed, by:
//!
//! - a read through the inode, or the first access to a page of a mapping;
//! - a write that reaches bytes of the file through another inode;
//! - the last close of a descriptor that was opened for writing.

use std::collections::HashMap;
use std::num::NonZero;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lru::LruCache;

use super::error::FsError;
use super::handle::Handle;
use crate::vfile::VirtualFile;

/// How many bytes of a gap are filled at a time.
const STEP: u64 = 1 << 18;

/// How many inodes that nobody has open keep their mark.
const UNOPENED: NonZero<usize> = NonZero::new(1024).expect("is not zero");

/// The inodes that are open for writing or have a mark.
#[derive(Debug)]
pub(super) struct Truncations {
    inodes: Mutex<Inodes>,
    /// How many have a mark, so that no request pays for none.
    marks: AtomicUsize,
}

#[derive(Debug)]
struct Inodes {
    /// Those that are open for writing.
    open: HashMap<u64, Writers>,
    /// Those that were truncated by name, and have not been opened since.
    unopened: LruCache<u64, Arc<Mark>>,
    marks: usize,
}

/// Who has an inode open for writing.
#[derive(Debug, Default)]
struct Writers {
    /// How many handles.
    open: usize,
    /// Those that have not been closed by the one who used them last.
    ///
    /// The kernel tells of a `close` at once (FLUSH) and of the end of a handle
    /// later (RELEASE), maybe only when the next writer has opened the file.
    in_use: usize,
    mark: Option<Arc<Mark>>,
}

/// How far an inode has been written since it was truncated.
#[derive(Debug)]
struct Mark {
    file: VirtualFile,
    /// Held for each step of a fill.
    progress: Mutex<Progress>,
    /// No more gaps are filled.
    is_dropped: AtomicBool,
}

#[derive(Debug, Default, Clone, Copy)]
struct Progress {
    /// How many bytes count as written.
    written: u64,
    /// How many writes have begun.
    writes: u64,
}

impl Default for Truncations {
    fn default() -> Truncations {
        Truncations {
            inodes: Mutex::new(Inodes {
                open: HashMap::new(),
                unopened: LruCache::new(UNOPENED),
                marks: 0,
            }),
            marks: AtomicUsize::new(0),
        }
    }
}

impl Truncations {
    /// For a look at the inodes or a change of them.
    fn with<T>(&self, act: impl FnOnce(&mut Inodes) -> T) -> T {
        let mut inodes = self.inodes.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = act(&mut inodes);
        self.marks.store(inodes.marks, Ordering::SeqCst);
        outcome
    }

    fn mark_of(&self, inode: u64) -> Option<Arc<Mark>> {
        match self.marks.load(Ordering::SeqCst) {
            0 => None,
            _ => self.with(|inodes| inodes.mark(inode).cloned()),
        }
    }

    /// A handle of `inode` has been opened for writing.
    pub(super) fn opened(&self, inode: u64) {
        self.with(|inodes| {
            if inodes
                .open
                .get(&inode)
                .is_some_and(|writers| writers.in_use == 0)
            {
                inodes.drop_mark(inode);
            }
            let unopened = inodes.unopened.pop(&inode);
            let writers = inodes.open.entry(inode).or_default();
            writers.mark = writers.mark.take().or(unopened);
            writers.open += 1;
            writers.in_use += 1;
        });
    }

    /// A descriptor of `handle` has been closed.
    pub(super) fn flushed(&self, handle: &Handle) {
        if handle.writes && !handle.idle.swap(true, Ordering::SeqCst) {
            self.with(|inodes| inodes.writers(handle, |writers| writers.in_use -= 1));
        }
    }

    /// `handle` is used by someone, though a descriptor of it was closed.
    fn used(&self, handle: &Handle) {
        if handle.writes && handle.idle.swap(false, Ordering::SeqCst) {
            self.with(|inodes| inodes.writers(handle, |writers| writers.in_use += 1));
        }
    }

    /// A handle of `inode` that was opened for writing is gone, with all its descriptors and
    /// mappings; `idle` if it was closed by the one who used it last.
    pub(super) fn released(&self, inode: u64, idle: bool) {
        self.with(|inodes| {
            let Some(writers) = inodes.open.get_mut(&inode) else {
                return;
            };
            writers.open -= 1;
            writers.in_use -= usize::from(!idle);
            if writers.open == 0 {
                inodes.drop_mark(inode);
                inodes.open.remove(&inode);
            }
        });
    }

    /// `inode`, the file `file`, has been truncated to nothing, and keeps its size.
    pub(super) fn truncated(&self, inode: u64, file: VirtualFile) {
        self.with(|inodes| {
            inodes.drop_mark(inode);
            inodes.marks += 1;
            let mark = Arc::new(Mark {
                file,
                progress: Mutex::default(),
                is_dropped: AtomicBool::new(false),
            });
            if let Some(writers) = inodes.open.get_mut(&inode) {
                writers.mark = Some(mark);
            } else if let Some(_oldest) = inodes.unopened.push(inode, mark) {
                inodes.marks -= 1;
            }
        });
    }

    /// Whether `inode` counts as truncated, so that a write may fill a gap.
    pub(super) fn is_marked(&self, inode: u64) -> bool {
        self.mark_of(inode).is_some()
    }

    /// `inode` is read or mapped: it no longer counts as truncated.
    pub(super) fn read(&self, inode: u64) {
        if self.marks.load(Ordering::SeqCst) > 0 {
            self.with(|inodes| inodes.drop_mark(inode));
        }
    }

    /// No inode counts as truncated any longer: no gap is filled once this returns.
    pub(super) fn drop_all(&self) {
        let marks = self.with(|inodes| {
            let marks = inodes.marks_but(None);
            marks.iter().for_each(|(inode, _)| inodes.drop_mark(*inode));
            marks
        });
        for (_, mark) in marks {
            drop(mark.progress());
        }
    }

    /// The bytes `range` of `file`, the node `inode`, are about to be written. Other inodes
    /// that show some of them no longer count as truncated: no gap of theirs is filled
    /// once this returns.
    pub(super) fn written(&self, inode: u64, file: &VirtualFile, range: &Range<u64>) {
        if self.marks.load(Ordering::SeqCst) == 0 {
            return;
        }
        let others = self.with(|inodes| inodes.marks_but(Some(inode)));
        // The comparison can take long, in which others need not wait.
        let is_reached = |(_, mark): &(u64, Arc<Mark>)| file.overlaps(range, &mark.file);
        let reached: Vec<(u64, Arc<Mark>)> = others.into_iter().filter(is_reached).collect();
        if reached.is_empty() {
            return;
        }
        self.with(|inodes| {
            for (other, mark) in &reached {
                inodes.drop_this_mark(*other, mark);
            }
        });
        for (_, mark) in reached {
            // A step that is being filled comes first.
            drop(mark.progress());
        }
    }

    /// The first byte of `inode` that is changed by a write from byte `at`, a gap that it
    /// leaves included.
    pub(super) fn start_of_gap(&self, inode: u64, at: u64) -> u64 {
        let mark = self.mark_of(inode);
        mark.map_or(at, |mark| mark.progress().written.min(at))
    }

    /// `inode` has been given its full size: what has not been written since it was
    /// truncated is filled with zeros. Returns whether it counted as truncated.
    ///
    /// # Errors
    ///
    /// When the bytes cannot be filled.
    pub(super) fn completed(&self, inode: u64) -> Result<bool, FsError> {
        let Some(mark) = self.mark_of(inode) else {
            return Ok(false);
        };
        mark.fill(mark.file.len())?;
        self.read(inode);
        Ok(true)
    }

    /// Does a write of the bytes `range` through `handle` by calling `write`, which
    /// returns how many bytes were taken, after filling the gap that it leaves to
    /// what has been written, if it `may_fill` one.
    ///
    /// # Errors
    ///
    /// What `write` returns, or that the gap cannot be filled.
    pub(super) fn write(
        &self,
        handle: &Handle,
        range: &Range<u64>,
        may_fill: bool,
        write: impl FnOnce() -> Result<usize, FsError>,
    ) -> Result<usize, FsError> {
        self.used(handle);
        let mark = self.mark_of(handle.inode);
        let Some(mark) = mark.filter(|_| range.start < handle.file.len()) else {
            return write();
        };
        if may_fill {
            mark.fill(range.start)?;
        }
        let before = mark.advance(range.end);
        let outcome = write();
        let taken = outcome.as_ref().map_or(0, |&taken| taken as u64);
        mark.retreat(before, range.start + taken);
        outcome
    }
}

impl Inodes {
    fn mark(&self, inode: u64) -> Option<&Arc<Mark>> {
        match self.open.get(&inode) {
            Some(writers) => writers.mark.as_ref(),
            None => self.unopened.peek(&inode),
        }
    }

    /// Drops the mark of `inode`, if it has one.
    fn drop_mark(&mut self, inode: u64) {
        let mark = match self.open.get_mut(&inode) {
            Some(writers) => writers.mark.take(),
            None => self.unopened.pop(&inode),
        };
        if let Some(mark) = mark {
            mark.is_dropped.store(true, Ordering::SeqCst);
            self.marks -= 1;
        }
    }

    /// The marks of all inodes but one.
    fn marks_but(&self, inode: Option<u64>) -> Vec<(u64, Arc<Mark>)> {
        let open = self.open.iter();
        let open = open.filter_map(|(other, writers)| Some((*other, writers.mark.clone()?)));
        let unopened = self.unopened.iter();
        let marks = open.chain(unopened.map(|(other, mark)| (*other, mark.clone())));
        marks.filter(|(other, _)| Some(*other) != inode).collect()
    }

    /// Drops the mark of `inode`, unless that is another by now.
    fn drop_this_mark(&mut self, inode: u64, mark: &Arc<Mark>) {
        if self.mark(inode).is_some_and(|now| Arc::ptr_eq(now, mark)) {
            self.drop_mark(inode);
        }
    }

    /// Notes that those who have the inode of `handle` open are not as they were.
    fn writers(&mut self, handle: &Handle, change: impl FnOnce(&mut Writers)) {
        // It is open for as long as the handle is.
        if let Some(writers) = self.open.get_mut(&handle.inode) {
            change(writers);
        }
    }
}

impl Mark {
    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fills the file with zeros up to byte `end`, a step at a time: what drops the mark in
    /// between ends the fill.
    fn fill(&self, end: u64) -> Result<(), FsError> {
        loop {
            let mut progress = self.progress();
            let start = progress.written;
            if start >= end || self.is_dropped.load(Ordering::SeqCst) {
                return Ok(());
            }
            let next = end.min(start.saturating_add(STEP));
            self.file.fill(start..next)?;
            progress.written = next;
        }
    }

    /// A write up to byte `end` begins, over which no gap must be filled. Returns how it
    /// was before.
    fn advance(&self, end: u64) -> Progress {
        let mut progress = self.progress();
        let before = *progress;
        progress.written = before.written.max(end);
        progress.writes += 1;
        before
    }

    /// The write that began where it was so `before` has ended at byte `end`, since a full
    /// disk can cut it short. Nothing is known of what others have written meanwhile.
    fn retreat(&self, before: Progress, end: u64) {
        let mut progress = self.progress();
        if progress.writes == before.writes + 1 {
            progress.written = before.written.max(end);
        }
    }
}
