//! Files of fixed size under programs that truncate first and write then.
//!
//! After a truncation the file counts as empty until written: its inode has a mark, up to
//! where it has been written since. A write beyond the mark fills the gap with zeros as
//! it would in a file that was really empty; a resize to the full size fills what is left,
//! and `fallocate` what it makes the file reach. So a copy that skips holes gives exact
//! bytes, and a short one leaves the tail as it was. A gap is filled step by step, each a
//! change of the file of its own. The mark is dropped, and no byte changed, by:
//!
//! - a read through the inode, or the first access to a page of a mapping;
//! - a write that reaches bytes of the file through another inode;
//! - the last close of a descriptor that was opened for writing.
//!
//! A mark stays known until the step that is being filled has ended: whoever writes then
//! finds it and waits, lest zeros be stored over what was acknowledged.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lru::LruCache;

use super::error::FsError;
use super::handle::Handle;
use crate::vfile::VirtualFile;

/// How many bytes of a gap are filled at a time, while nobody reads pages of them.
const STEP: u64 = 1 << 22;

/// The smallest page there is: a step ends where one does, since whole ones can become holes.
const PAGE: u64 = 4096;

/// How many inodes that nobody has open keep their mark.
const UNOPENED: usize = 1024;

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
}

#[derive(Debug, Default, Clone, Copy)]
struct Progress {
    /// How many bytes count as written.
    written: u64,
    /// How many writes have begun.
    writes: u64,
    /// No more gaps are filled.
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

    /// No more gaps are filled by these marks, once each step that has begun has ended.
    fn drop_marks(&self, marks: impl IntoIterator<Item = (u64, Arc<Mark>)>) {
        for (inode, mark) in marks {
            // First, since it is known until then that a step is being filled.
            mark.progress().is_dropped = true;
            self.with(|inodes| inodes.forget(inode, &mark));
        }
    }

    /// A handle of `inode` has been opened for writing.
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

    /// `inode`, the file `file`, has been truncated to nothing, and keeps its size.
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

    /// Whether `inode` counts as truncated, so that a write may fill a gap.
    pub(super) fn is_marked(&self, inode: u64) -> bool {
        self.mark_of(inode).is_some()
    }

    /// `inode` is read or mapped: it no longer counts as truncated.
    pub(super) fn read(&self, inode: u64) {
        self.drop_marks(self.mark_of(inode).map(|mark| (inode, mark)));
    }

    /// No inode counts as truncated any longer: no gap is filled once this returns.
    pub(super) fn drop_all(&self) {
        self.drop_marks(self.with(|inodes| inodes.marks_but(None)));
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
        self.drop_marks(others.into_iter().filter(is_reached));
    }

    /// The first bytes of `inode` that are to be filled before byte `end` of it is written;
    /// `None` once none are left.
    pub(super) fn gap(&self, inode: u64, end: u64) -> Option<Range<u64>> {
        let mark = self.mark_of(inode)?;
        let (start, end) = (mark.progress().written, end.min(mark.file.len()));
        let step = || mark.file.boundary(start.saturating_add(STEP), PAGE);
        (start < end).then(|| start..end.min(step()))
    }

    /// Fills `gap`, the first of `inode`, with zeros, unless it is another by now.
    ///
    /// # Errors
    ///
    /// When it cannot be filled.
    pub(super) fn fill(&self, inode: u64, gap: &Range<u64>) -> Result<(), FsError> {
        self.mark_of(inode).map_or(Ok(()), |mark| mark.fill(gap))
    }

    /// Does a write of the bytes `range` through `handle` by calling `write`, which
    /// returns how many bytes were taken. The [gap](Self::gap) before it has been filled.
    ///
    /// # Errors
    ///
    /// What `write` returns.
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

    /// Adds the mark of an inode, unless it has got one meanwhile.
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

    /// Forgets the mark of `inode`, unless that is another by now, and the inode with it if
    /// nobody has it open.
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

    /// The marks of all inodes but one.
    fn marks_but(&self, inode: Option<u64>) -> Vec<(u64, Arc<Mark>)> {
        let open = self.open.iter();
        let open = open.filter_map(|(other, writers)| Some((*other, writers.mark.clone()?)));
        let unopened = self.unopened.iter();
        let marks = open.chain(unopened.map(|(other, mark)| (*other, mark.clone())));
        marks.filter(|(other, _)| Some(*other) != inode).collect()
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

    /// Fills `gap` with zeros, if what has been written ends where it begins.
    fn fill(&self, gap: &Range<u64>) -> Result<(), FsError> {
        let mut progress = self.progress();
        if progress.written == gap.start && !progress.is_dropped {
            self.file.fill(gap.clone())?;
            progress.written = gap.end;
        }
        Ok(())
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
