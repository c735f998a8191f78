//! Truncation of files of fixed size, for programs that truncate before they write.
//!
//! A file truncated to size 0 keeps its bytes and counts as empty until written. Its inode is in
//! the *truncated state*, which records the end of what has been written since. The bytes
//! between that end and a later write are the *gap*. The gap is filled with zeros, up to its
//! end:
//!
//! - by a write beyond the gap, up to the start of the write;
//! - by a resize to the full size, up to the end of the file;
//! - by `fallocate` without `FALLOC_FL_KEEP_SIZE`, up to the end of its range.
//!
//! So a copy that skips holes gives exact bytes, and a short copy leaves the tail as it was. A
//! gap is filled in steps; each is a change of the backing file of its own.
//!
//! The truncated state ends, changing no byte, when:
//!
//! - the inode is read, or a page of a mapping is accessed for the first time;
//! - a write through another inode reaches bytes of the file;
//! - the last descriptor that was opened for writing is closed;
//! - the kernel opens any file for writing by passthrough, past the daemon.
//!
//! The state stays visible until a step in progress has ended. A write that comes meanwhile
//! finds the state and waits for the step, so that no zeros overwrite acknowledged bytes.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lru::LruCache;

use super::error::FsError;
use super::handle::Handle;
use crate::vfile::VirtualFile;

/// The bytes of a gap that are filled in one step.
const STEP: u64 = 1 << 22;

/// The smallest page size in bytes. Steps end at page boundaries, since whole pages can become
/// holes.
const PAGE: u64 = 4096;

/// The most inodes that stay truncated while nobody has them open for writing.
const UNOPENED: usize = 1024;

/// The inodes that are open for writing or truncated.
#[derive(Debug)]
pub(super) struct Truncations {
    inodes: Mutex<Inodes>,
    /// The number of truncated inodes, so that requests take no lock when there are none.
    marks: AtomicUsize,
}

#[derive(Debug)]
struct Inodes {
    /// The inodes that are open for writing.
    open: HashMap<u64, Writers>,
    /// The inodes truncated by path and not opened for writing since.
    unopened: LruCache<u64, Arc<Mark>>,
    marks: usize,
}

/// The open handles of an inode that can write.
#[derive(Debug, Default)]
struct Writers {
    /// The number of handles.
    open: usize,
    /// The number of handles without a FLUSH since their last write.
    ///
    /// The kernel sends FLUSH at once on `close`. RELEASE comes later, possibly after the next
    /// writer's OPEN.
    in_use: usize,
    mark: Option<Arc<Mark>>,
}

/// The end of what has been written to an inode since its truncation.
#[derive(Debug)]
struct Mark {
    file: VirtualFile,
    /// Locked during each step of a fill.
    progress: Mutex<Progress>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Progress {
    /// The bytes from the start of the file that count as written.
    written: u64,
    /// The number of writes that have begun.
    writes: u64,
    /// Whether the truncated state has ended, so that no more gaps are filled.
    is_dropped: bool,
}

impl Default for Truncations {
    fn default() -> Truncations {
        Truncations {
            inodes: Mutex::new(Inodes {
                open: HashMap::new(),
                unopened: LruCache::unbounded(),
                marks: 0,
            }),
            marks: AtomicUsize::new(0),
        }
    }
}

impl Truncations {
    /// Calls `act` with the inodes locked.
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

    /// Ends these truncated states. Waits for steps that are in progress.
    fn drop_marks(&self, marks: impl IntoIterator<Item = (u64, Arc<Mark>)>) {
        for (inode, mark) in marks {
            // Before the removal, so that the state stays visible during a step in progress.
            mark.progress().is_dropped = true;
            self.with(|inodes| inodes.forget(inode, &mark));
        }
    }

    /// Counts a new handle of `inode` that can write.
    pub(super) fn opened(&self, inode: u64) {
        let unused = self.with(|inodes| {
            let writers = inodes.open.get(&inode);
            let unused = writers.filter(|writers| writers.in_use == 0)?;
            Some((inode, unused.mark.clone()?))
        });
        self.drop_marks(unused);
        self.with(|inodes| {
            let unopened = inodes.unopened.pop(&inode);
            let writers = inodes.open.entry(inode).or_default();
            writers.mark = writers.mark.take().or(unopened);
            writers.open += 1;
            writers.in_use += 1;
        });
    }

    /// Handles a FLUSH of `handle`: a descriptor of it was closed.
    pub(super) fn flushed(&self, handle: &Handle) {
        if handle.writes && !handle.idle.swap(true, Ordering::SeqCst) {
            self.with(|inodes| inodes.writers(handle, |writers| writers.in_use -= 1));
        }
    }

    /// Counts `handle` as in use again: it is written after a FLUSH, through another descriptor.
    fn used(&self, handle: &Handle) {
        if handle.writes && handle.idle.swap(false, Ordering::SeqCst) {
            self.with(|inodes| inodes.writers(handle, |writers| writers.in_use += 1));
        }
    }

    /// Counts the release of a handle of `inode` that can write, with all its descriptors and
    /// mappings. `idle` says whether no write came after its last FLUSH.
    pub(super) fn released(&self, inode: u64, idle: bool) {
        let last = self.with(|inodes| {
            let writers = inodes.open.get_mut(&inode)?;
            writers.open -= 1;
            writers.in_use -= usize::from(!idle);
            let is_open = writers.open > 0;
            let mark = writers.mark.clone().filter(|_| !is_open);
            if !is_open && mark.is_none() {
                inodes.open.remove(&inode);
            }
            Some((inode, mark?))
        });
        self.drop_marks(last);
    }

    /// Begins the truncated state of `inode`, the file `file`. An earlier one ends.
    pub(super) fn truncated(&self, inode: u64, file: VirtualFile) {
        self.read(inode);
        let oldest = self.with(|inodes| {
            let progress = Mutex::default();
            inodes.add(inode, Arc::new(Mark { file, progress }));
            let is_full = inodes.unopened.len() > UNOPENED;
            let oldest = inodes.unopened.peek_lru().filter(|_| is_full);
            oldest.map(|(inode, mark)| (*inode, mark.clone()))
        });
        self.drop_marks(oldest);
    }

    /// Whether `inode` is truncated, so that a write may have a gap to fill.
    pub(super) fn is_marked(&self, inode: u64) -> bool {
        self.mark_of(inode).is_some()
    }

    /// Ends the truncated state of `inode`.
    pub(super) fn read(&self, inode: u64) {
        self.drop_marks(self.mark_of(inode).map(|mark| (inode, mark)));
    }

    /// Ends all truncated states. No gap is filled after this returns.
    pub(super) fn drop_all(&self) {
        self.drop_marks(self.with(|inodes| inodes.marks_but(None)));
    }

    /// Ends the truncated state of all inodes but `inode` that show some of the bytes `range` of
    /// `file`, which are about to be written. Their gaps are not filled after this returns.
    pub(super) fn written(&self, inode: u64, file: &VirtualFile, range: &Range<u64>) {
        if self.marks.load(Ordering::SeqCst) == 0 {
            return;
        }
        let others = self.with(|inodes| inodes.marks_but(Some(inode)));
        // Outside the lock, since the comparison can take long.
        let is_reached = |(_, mark): &(u64, Arc<Mark>)| file.overlaps(range, &mark.file);
        self.drop_marks(others.into_iter().filter(is_reached));
    }

    /// The bytes `start..end` of the first step of the gap before byte `end` of `inode`. `None`
    /// if there is no gap.
    pub(super) fn gap(&self, inode: u64, end: u64) -> Option<Range<u64>> {
        let mark = self.mark_of(inode)?;
        let (start, end) = (mark.progress().written, end.min(mark.file.len()));
        let step = || mark.file.boundary(start.saturating_add(STEP), PAGE);
        (start < end).then(|| start..end.min(step()))
    }

    /// Fills `gap`, the first step of the gap of `inode`, with zeros. Does nothing if the gap
    /// has changed meanwhile.
    ///
    /// # Errors
    ///
    /// When the bytes cannot be written.
    pub(super) fn fill(&self, inode: u64, gap: &Range<u64>) -> Result<(), FsError> {
        self.mark_of(inode).map_or(Ok(()), |mark| mark.fill(gap))
    }

    /// Calls `write`, which writes the bytes `range` through `handle` and returns the number of
    /// bytes written. The [gap](Self::gap) before `range` has to be filled already.
    ///
    /// # Errors
    ///
    /// The errors of `write`.
    pub(super) fn write(
        &self,
        handle: &Handle,
        range: &Range<u64>,
        write: impl FnOnce() -> Result<usize, FsError>,
    ) -> Result<usize, FsError> {
        self.used(handle);
        let mark = self.mark_of(handle.inode);
        let Some(mark) = mark.filter(|_| range.start < handle.file.len()) else {
            return write();
        };
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

    /// Adds the truncated state of an inode, unless it has one.
    fn add(&mut self, inode: u64, mark: Arc<Mark>) {
        if self.mark(inode).is_some() {
            return;
        }
        self.marks += 1;
        match self.open.get_mut(&inode) {
            Some(writers) => writers.mark = Some(mark),
            None => {
                self.unopened.push(inode, mark);
            }
        }
    }

    /// Removes the truncated state of `inode` if it is still `state`, and the entry of the inode
    /// if nobody has it open.
    fn forget(&mut self, inode: u64, mark: &Arc<Mark>) {
        if self.mark(inode).is_none_or(|now| !Arc::ptr_eq(now, mark)) {
            return;
        }
        self.marks -= 1;
        match self.open.get_mut(&inode) {
            Some(writers) => {
                writers.mark = None;
                if writers.open == 0 {
                    self.open.remove(&inode);
                }
            }
            None => {
                self.unopened.pop(&inode);
            }
        }
    }

    /// The truncated states of all inodes except `inode`.
    fn marks_but(&self, inode: Option<u64>) -> Vec<(u64, Arc<Mark>)> {
        let open = self.open.iter();
        let open = open.filter_map(|(other, writers)| Some((*other, writers.mark.clone()?)));
        let unopened = self.unopened.iter();
        let marks = open.chain(unopened.map(|(other, mark)| (*other, mark.clone())));
        marks.filter(|(other, _)| Some(*other) != inode).collect()
    }

    /// Updates the counts of the inode of `handle`.
    fn writers(&mut self, handle: &Handle, change: impl FnOnce(&mut Writers)) {
        // The entry exists as long as the handle.
        if let Some(writers) = self.open.get_mut(&handle.inode) {
            change(writers);
        }
    }
}

impl Mark {
    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fills `gap` with zeros, if it begins where the written bytes end.
    fn fill(&self, gap: &Range<u64>) -> Result<(), FsError> {
        let mut progress = self.progress();
        if progress.written == gap.start && !progress.is_dropped {
            self.file.fill(gap.clone())?;
            progress.written = gap.end;
        }
        Ok(())
    }

    /// Begins a write up to byte `end`, so that no gap is filled over it. Returns the progress
    /// before it.
    fn advance(&self, end: u64) -> Progress {
        let mut progress = self.progress();
        let before = *progress;
        progress.written = before.written.max(end);
        progress.writes += 1;
        before
    }

    /// Ends the write that began with the progress `before`. It wrote up to byte `end` only,
    /// which a full disk can make shorter than planned. Leaves the progress alone if other
    /// writes have begun meanwhile.
    fn retreat(&self, before: Progress, end: u64) {
        let mut progress = self.progress();
        if progress.writes == before.writes + 1 {
            progress.written = before.written.max(end);
        }
    }
}
