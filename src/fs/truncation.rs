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
const MAX_UNOPENED: usize = 1024;

/// The inodes that are open for writing or truncated.
#[derive(Debug)]
pub(super) struct Truncations {
    inodes: Mutex<Inodes>,
    /// The number of truncated inodes, so that requests take no lock when there are none.
    count: AtomicUsize,
}

#[derive(Debug)]
struct Inodes {
    /// The inodes that are open for writing.
    open: HashMap<u64, Writers>,
    /// The inodes truncated by path and not opened for writing since.
    unopened: LruCache<u64, Arc<TruncatedState>>,
    count: usize,
}

/// The open handles of an inode that can write.
#[derive(Debug, Default)]
struct Writers {
    /// The number of handles.
    handles: usize,
    /// The number of handles that were opened or written after their last FLUSH.
    ///
    /// The kernel sends FLUSH at once on `close`. RELEASE comes later, possibly after the next
    /// writer's OPEN.
    in_use: usize,
    state: Option<Arc<TruncatedState>>,
}

/// The end of what has been written to an inode since its truncation.
#[derive(Debug)]
struct TruncatedState {
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
    is_ended: bool,
}

impl Default for Truncations {
    fn default() -> Truncations {
        Truncations {
            inodes: Mutex::new(Inodes {
                open: HashMap::new(),
                unopened: LruCache::unbounded(),
                count: 0,
            }),
            count: AtomicUsize::new(0),
        }
    }
}

impl Truncations {
    /// Calls `act` with the inodes locked.
    fn with<T>(&self, act: impl FnOnce(&mut Inodes) -> T) -> T {
        let mut inodes = self.inodes.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = act(&mut inodes);
        self.count.store(inodes.count, Ordering::SeqCst);
        outcome
    }

    fn state_of(&self, inode: u64) -> Option<Arc<TruncatedState>> {
        match self.count.load(Ordering::SeqCst) {
            0 => None,
            _ => self.with(|inodes| inodes.state(inode).cloned()),
        }
    }

    /// Ends these truncated states. Waits for steps that are in progress.
    fn end_states(&self, states: impl IntoIterator<Item = (u64, Arc<TruncatedState>)>) {
        for (inode, state) in states {
            // Before the removal, so that the state stays visible during a step in progress.
            state.progress().is_ended = true;
            self.with(|inodes| inodes.remove(inode, &state));
        }
    }

    /// Counts a new handle of `inode` that can write.
    pub(super) fn opened(&self, inode: u64) {
        let unused = self.with(|inodes| {
            let writers = inodes.open.get(&inode);
            let unused = writers.filter(|writers| writers.in_use == 0)?;
            Some((inode, unused.state.clone()?))
        });
        self.end_states(unused);
        self.with(|inodes| {
            let unopened = inodes.unopened.pop(&inode);
            let writers = inodes.open.entry(inode).or_default();
            writers.state = writers.state.take().or(unopened);
            writers.handles += 1;
            writers.in_use += 1;
        });
    }

    /// Handles a FLUSH of `handle`: a descriptor of it was closed.
    pub(super) fn flushed(&self, handle: &Handle) {
        if handle.writes && !handle.idle.swap(true, Ordering::SeqCst) {
            self.with(|inodes| inodes.update_writers(handle, |writers| writers.in_use -= 1));
        }
    }

    /// Counts `handle` as in use again: it is written after a FLUSH, through another descriptor.
    fn resume(&self, handle: &Handle) {
        if handle.writes && handle.idle.swap(false, Ordering::SeqCst) {
            self.with(|inodes| inodes.update_writers(handle, |writers| writers.in_use += 1));
        }
    }

    /// Counts the release of a handle of `inode` that can write, with all its descriptors and
    /// mappings. `idle` says whether no write came after its last FLUSH.
    pub(super) fn released(&self, inode: u64, idle: bool) {
        let last = self.with(|inodes| {
            let writers = inodes.open.get_mut(&inode)?;
            writers.handles -= 1;
            writers.in_use -= usize::from(!idle);
            let is_open = writers.handles > 0;
            let state = writers.state.clone().filter(|_| !is_open);
            if !is_open && state.is_none() {
                inodes.open.remove(&inode);
            }
            Some((inode, state?))
        });
        self.end_states(last);
    }

    /// Begins the truncated state of `inode`, the file `file`. An earlier one ends.
    pub(super) fn begin(&self, inode: u64, file: VirtualFile) {
        self.end(inode);
        let oldest = self.with(|inodes| {
            let progress = Mutex::default();
            inodes.add(inode, Arc::new(TruncatedState { file, progress }));
            let is_full = inodes.unopened.len() > MAX_UNOPENED;
            let oldest = inodes.unopened.peek_lru().filter(|_| is_full);
            oldest.map(|(inode, state)| (*inode, state.clone()))
        });
        self.end_states(oldest);
    }

    /// Whether `inode` is truncated, so that a write may have a gap to fill.
    pub(super) fn is_truncated(&self, inode: u64) -> bool {
        self.state_of(inode).is_some()
    }

    /// Ends the truncated state of `inode`.
    pub(super) fn end(&self, inode: u64) {
        self.end_states(self.state_of(inode).map(|state| (inode, state)));
    }

    /// Ends all truncated states. No gap is filled after this returns.
    pub(super) fn end_all(&self) {
        self.end_states(self.with(|inodes| inodes.states_except(None)));
    }

    /// Ends the truncated state of all inodes but `inode` that show some of the bytes `range` of
    /// `file`, which are about to be written. Their gaps are not filled after this returns.
    pub(super) fn end_overlapping(&self, inode: u64, file: &VirtualFile, range: &Range<u64>) {
        if self.count.load(Ordering::SeqCst) == 0 {
            return;
        }
        let others = self.with(|inodes| inodes.states_except(Some(inode)));
        // Outside the lock, since the comparison can take long.
        let overlaps = |(_, state): &(u64, Arc<TruncatedState>)| file.overlaps(range, &state.file);
        self.end_states(others.into_iter().filter(overlaps));
    }

    /// The bytes `start..end` of the first step of the gap before byte `end` of `inode`. `None`
    /// if there is no gap.
    pub(super) fn gap(&self, inode: u64, end: u64) -> Option<Range<u64>> {
        let state = self.state_of(inode)?;
        let (start, end) = (state.progress().written, end.min(state.file.len()));
        let step = || state.file.boundary(start.saturating_add(STEP), PAGE);
        (start < end).then(|| start..end.min(step()))
    }

    /// Fills `gap`, the first step of the gap of `inode`, with zeros. Does nothing if the gap
    /// has changed meanwhile.
    ///
    /// # Errors
    ///
    /// When the bytes cannot be written.
    pub(super) fn fill(&self, inode: u64, gap: &Range<u64>) -> Result<(), FsError> {
        self.state_of(inode).map_or(Ok(()), |state| state.fill(gap))
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
        self.resume(handle);
        let state = self.state_of(handle.inode);
        let Some(state) = state.filter(|_| range.start < handle.file.len()) else {
            return write();
        };
        let before = state.begin_write(range.end);
        let outcome = write();
        let count = outcome.as_ref().map_or(0, |&count| count as u64);
        state.end_write(before, range.start + count);
        outcome
    }
}

impl Inodes {
    fn state(&self, inode: u64) -> Option<&Arc<TruncatedState>> {
        match self.open.get(&inode) {
            Some(writers) => writers.state.as_ref(),
            None => self.unopened.peek(&inode),
        }
    }

    /// Adds the truncated state of an inode, unless it has one.
    fn add(&mut self, inode: u64, state: Arc<TruncatedState>) {
        if self.state(inode).is_some() {
            return;
        }
        self.count += 1;
        match self.open.get_mut(&inode) {
            Some(writers) => writers.state = Some(state),
            None => {
                self.unopened.push(inode, state);
            }
        }
    }

    /// Removes the truncated state of `inode` if it is still `state`, and the entry of the inode
    /// if nobody has it open.
    fn remove(&mut self, inode: u64, state: &Arc<TruncatedState>) {
        if self.state(inode).is_none_or(|now| !Arc::ptr_eq(now, state)) {
            return;
        }
        self.count -= 1;
        match self.open.get_mut(&inode) {
            Some(writers) => {
                writers.state = None;
                if writers.handles == 0 {
                    self.open.remove(&inode);
                }
            }
            None => {
                self.unopened.pop(&inode);
            }
        }
    }

    /// The truncated states of all inodes except `inode`.
    fn states_except(&self, inode: Option<u64>) -> Vec<(u64, Arc<TruncatedState>)> {
        let open = self.open.iter();
        let open = open.filter_map(|(other, writers)| Some((*other, writers.state.clone()?)));
        let unopened = self.unopened.iter();
        let states = open.chain(unopened.map(|(other, state)| (*other, state.clone())));
        states.filter(|(other, _)| Some(*other) != inode).collect()
    }

    /// Updates the counts of the inode of `handle`.
    fn update_writers(&mut self, handle: &Handle, change: impl FnOnce(&mut Writers)) {
        // The entry exists as long as the handle.
        if let Some(writers) = self.open.get_mut(&handle.inode) {
            change(writers);
        }
    }
}

impl TruncatedState {
    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fills `gap` with zeros, if it begins where the written bytes end.
    fn fill(&self, gap: &Range<u64>) -> Result<(), FsError> {
        let mut progress = self.progress();
        if progress.written == gap.start && !progress.is_ended {
            self.file.fill(gap.clone())?;
            progress.written = gap.end;
        }
        Ok(())
    }

    /// Begins a write up to byte `end`, so that no gap is filled over it. Returns the progress
    /// before it.
    fn begin_write(&self, end: u64) -> Progress {
        let mut progress = self.progress();
        let before = *progress;
        progress.written = before.written.max(end);
        progress.writes += 1;
        before
    }

    /// Ends the write that began with the progress `before`. It wrote up to byte `end` only,
    /// which a full disk can make shorter than planned. Leaves the progress alone if other
    /// writes have begun meanwhile.
    fn end_write(&self, before: Progress, end: u64) {
        let mut progress = self.progress();
        if progress.writes == before.writes + 1 {
            progress.written = before.written.max(end);
        }
    }
}
