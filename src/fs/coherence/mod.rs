//! One truth for mapped pages too. The kernel fills pages of a view by reads of
//! its own and keeps them, so a write through another view has to have them
//! invalidated, and in such an order that neither is a page left that shows old
//! bytes, nor does a page that somebody has stored to bring old bytes of its
//! neighbours back after the write was acknowledged:
//!
//! 1. Whoever changes the file holds a [`WriteGuard`], which knows the bytes that are
//!    being changed. A fill is noted before it reads, and waits for the changes of its
//!    bytes that are under way: so either it finds the changed bytes, or the change finds
//!    the note.
//! 2. A change that finds no note of the bytes concerned happens at once.
//! 3. Any other is deferred to the invalidation thread, which holds nothing: it takes
//!    the notes out, has the kernel invalidate the pages (which first writes back those
//!    that were stored to), and tries again from 2, since pages may have been
//!    filled anew meanwhile. A fill of its bytes is held until the change is made, lest pages
//!    be filled as fast as they are invalidated; but not one of pages that are being
//!    invalidated, and not for longer than a moment, since the kernel can wait for the fill
//!    before it drops pages, also others of the same folio.
//! 4. What the kernel writes back is applied and answered at once, whatever is deferred:
//!    the thread of 3 waits for it. Pages of other views that it makes old are
//!    invalidated afterwards. So it is with a file that is given its size: until that is
//!    answered the kernel writes none of its pages back.
//!
//! Nobody waits in a circle, since each waits only for those below:
//!
//! - the invalidation thread, for fills and for what is written back;
//! - a fill, for changes that are under way;
//! - a change that is under way, for the storage.
//!
//! A worker waits for the storage alone. A fill that has to wait is parked: it is answered
//! by the completion thread. Both threads are there from the start.

mod buffers;
mod extents;
mod pages;
#[cfg(all(test, shuttle))]
mod simulation;
mod sync;
#[cfg(all(test, not(shuttle)))]
mod tests;
mod threads;

use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use std::{fmt, io};

use super::error::FsError;
use crate::vfile::VirtualFile;
use buffers::BufferPool;
pub(super) use buffers::DeferredData;
use pages::{Pages, Stale};
use sync::{Condvar, Mutex, MutexGuard};
pub(super) use threads::serve;

/// How often pages are invalidated for one change before it is given up.
const MAX_ATTEMPTS: usize = 1000;

/// The bytes in a page, or a part of it where the machine's are larger.
const PAGE: u64 = 4096;

/// How long a fill is held at most.
const COURTESY: Duration = Duration::from_millis(2);

/// How long the end of the mount waits for pages that are being invalidated.
const LAST_WAIT: Duration = Duration::from_secs(5);

/// What is done once no page is in the way, or is not done as there always is one.
type DeferredChange = Box<dyn FnOnce(Result<WriteGuard<'_>, FsError>) + Send>;

/// A request that is answered later.
type Answer = Box<dyn FnOnce() + Send>;

/// What the invalidation thread has to do.
enum Task {
    /// Invalidate the pages that are in the way of these bytes of the backing file, then
    /// make the change.
    Change(Range<u64>, DeferredChange),
    /// Invalidate these pages.
    Invalidate(Vec<Stale>),
    /// Answer a request that waits for what came before it.
    Answer(Answer),
}

/// The pages that the kernel may hold, and the changes of the backing file.
pub(super) struct Coherence {
    state: Mutex<State>,
    /// Memory for the data of deferred writes.
    pub(super) buffers: Arc<BufferPool>,
    /// There is a task, or the mount ends.
    has_task: Condvar,
    /// There is an answer to be given, or the mount ends.
    has_answer: Condvar,
    /// No page is being invalidated.
    is_idle: Condvar,
    /// How often the kernel was told to invalidate pages.
    invalidations: AtomicU64,
}

struct State {
    pages: Pages,
    /// The changes that are under way, each with its bytes of the backing file.
    changes: Vec<(u64, Range<u64>)>,
    /// How many there have been.
    number: u64,
    /// The bytes of the backing file that the deferred change will touch which is being
    /// prepared.
    pending: Option<Range<u64>>,
    /// The fills that wait for it.
    held: Vec<HeldFill>,
    /// The fills that wait for changes.
    parked: Vec<ParkedFill>,
    /// How often each inode is open.
    open: HashMap<u64, usize>,
    tasks: VecDeque<Task>,
    answers: VecDeque<Answer>,
    /// A page is being invalidated.
    is_invalidating: bool,
    /// No more pages are to be invalidated.
    is_stopped: bool,
}

/// A fill that is not noted yet.
struct HeldFill {
    inode: u64,
    file: VirtualFile,
    range: Range<u64>,
    answer: Answer,
}

/// A fill that is noted and waits for changes.
struct ParkedFill {
    awaited: Vec<u64>,
    answer: Answer,
}

/// A change of the backing file that is under way until this is dropped. No page that
/// shows its bytes is read for the kernel meanwhile.
pub(super) struct WriteGuard<'a> {
    coherence: &'a Coherence,
    number: u64,
}

/// Pages that the kernel is told to invalidate. They count as shown until this is
/// dropped.
struct Invalidation<'a> {
    coherence: &'a Coherence,
    stale: Vec<Stale>,
}

impl fmt::Debug for Coherence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Coherence").finish_non_exhaustive()
    }
}

impl Coherence {
    /// No page yet, of `page` bytes each, and memory for the data of writes that are
    /// deferred.
    fn with(page: u64, buffers: Arc<BufferPool>) -> Coherence {
        Coherence {
            state: Mutex::new(State {
                pages: Pages::new(page),
                changes: Vec::new(),
                number: 0,
                pending: None,
                held: Vec::new(),
                parked: Vec::new(),
                open: HashMap::new(),
                tasks: VecDeque::new(),
                answers: VecDeque::new(),
                is_invalidating: false,
                is_stopped: false,
            }),
            buffers,
            has_task: Condvar::new(),
            has_answer: Condvar::new(),
            is_idle: Condvar::new(),
            invalidations: AtomicU64::new(0),
        }
    }

    /// No page yet. Requests have up to `request` bytes.
    ///
    /// # Errors
    ///
    /// `OutOfMemory` when there is no address space for what is deferred.
    pub(super) fn new(request: usize) -> io::Result<Coherence> {
        Ok(Coherence::with(PAGE, BufferPool::new(request)?))
    }

    #[cfg(test)]
    fn of_pages(page: u64) -> Coherence {
        Coherence::with(page, BufferPool::new(page as usize).unwrap())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a page of `inode` is going to be filled with the bytes `range` of
    /// `file`, then has `answer` read them and answer: at once, or by the completion
    /// thread when the changes of these bytes that are under way are made. Those that come
    /// later find the note.
    pub(super) fn fill(
        &self,
        inode: u64,
        file: &VirtualFile,
        range: &Range<u64>,
        answer: impl FnOnce() + Send + 'static,
    ) {
        let mut state = self.state();
        if state.holds(inode, file, range) {
            state.held.push(HeldFill {
                inode,
                file: file.clone(),
                range: range.clone(),
                answer: Box::new(answer),
            });
            // The completion thread sees to it that this comes to an end.
            return self.has_answer.notify_one();
        }
        let awaited = state.note(inode, file, range);
        if awaited.is_empty() {
            drop(state);
            return answer();
        }
        let answer = Box::new(answer);
        state.parked.push(ParkedFill { awaited, answer });
    }

    /// Releases the held fills that are `due`.
    fn release(&self, due: impl Fn(&HeldFill) -> bool) {
        let mut state = self.state();
        let due: Vec<HeldFill> = state.held.extract_if(.., |fill| due(fill)).collect();
        for fill in due {
            let awaited = state.note(fill.inode, &fill.file, &fill.range);
            let answer = fill.answer;
            match awaited.is_empty() {
                true => state.answers.push_back(answer),
                false => state.parked.push(ParkedFill { awaited, answer }),
            }
        }
        self.has_answer.notify_one();
    }

    /// Begins a change of the bytes `bytes` of the backing file; `None` if a page is in the
    /// way, and the change has to be [deferred](Self::defer).
    pub(super) fn try_change(&self, bytes: &Range<u64>) -> Option<WriteGuard<'_>> {
        self.change_beside(bytes, &[])
    }

    /// The same where these pages have been invalidated.
    fn change_beside(&self, bytes: &Range<u64>, invalidated: &[Stale]) -> Option<WriteGuard<'_>> {
        let mut state = self.state();
        let is_free = !state.pages.show(bytes, None, invalidated);
        is_free.then(|| self.begin(&mut state, bytes))
    }

    /// Begins a change that no page may delay: what the kernel writes back, or a file that
    /// is given its size. Pages that it makes old are to be
    /// [invalidated later](Self::invalidate_later).
    pub(super) fn change_at_once(&self, bytes: &Range<u64>) -> WriteGuard<'_> {
        self.begin(&mut self.state(), bytes)
    }

    /// Has `apply` make a change of the bytes `bytes` of the backing file that the kernel
    /// writes back from pages of `own`. Pages of other inodes that it makes old are
    /// invalidated afterwards: before the answer, for who waits for what has been deferred
    /// until then.
    pub(super) fn write_back<T>(
        &self,
        own: u64,
        bytes: &Range<u64>,
        apply: impl FnOnce() -> T,
    ) -> T {
        let guard = self.change_at_once(bytes);
        let outcome = apply();
        drop(guard);
        self.invalidate_later(Some(own), bytes);
        outcome
    }

    /// Makes `change` of the bytes `bytes` of the backing file: at once, or if a page is in
    /// the way when it is gone.
    pub(super) fn change(
        &self,
        bytes: Range<u64>,
        change: impl FnOnce(Result<WriteGuard<'_>, FsError>) + Send + 'static,
    ) {
        match self.try_change(&bytes) {
            Some(guard) => change(Ok(guard)),
            None => self.defer(bytes, change),
        }
    }

    fn begin(&self, state: &mut State, bytes: &Range<u64>) -> WriteGuard<'_> {
        let number = state.number;
        state.number += 1;
        state.changes.push((number, bytes.clone()));
        let coherence = self;
        WriteGuard { coherence, number }
    }

    /// Has the invalidation thread make `change` once no page shows the bytes `bytes` of
    /// the backing file.
    pub(super) fn defer(
        &self,
        bytes: Range<u64>,
        change: impl FnOnce(Result<WriteGuard<'_>, FsError>) + Send + 'static,
    ) {
        self.push(Task::Change(bytes, Box::new(change)));
    }

    /// Has the pages invalidated that show the bytes `bytes` of the backing file, which
    /// have changed, but for those of the inode `own`. Nobody waits for it.
    pub(super) fn invalidate_later(&self, own: Option<u64>, bytes: &Range<u64>) {
        let mut stale = self.state().pages.begin_invalidation(bytes, own);
        // Those are on their way out already.
        stale.retain(|stale| !stale.is_anothers);
        if !stale.is_empty() {
            self.push(Task::Invalidate(stale));
        }
    }

    /// Has the invalidation thread give `answer` once all that was deferred until now is
    /// done.
    pub(super) fn answer_after(&self, answer: impl FnOnce() + Send + 'static) {
        self.push(Task::Answer(Box::new(answer)));
    }

    fn push(&self, task: Task) {
        self.state().tasks.push_back(task);
        self.has_task.notify_one();
    }

    /// How often the kernel was told to invalidate pages.
    pub(super) fn invalidations(&self) -> u64 {
        self.invalidations.load(Ordering::Relaxed)
    }

    /// `inode` has been opened once more.
    pub(super) fn opened(&self, inode: u64) {
        *self.state().open.entry(inode).or_default() += 1;
    }

    /// An open file of `inode`, and all mappings of it, are gone. After the last,
    /// unless its pages are `kept`, the kernel drops them before it reads any of
    /// them again.
    pub(super) fn released(&self, inode: u64, kept: impl FnOnce() -> bool) {
        let mut state = self.state();
        let Some(count) = state.open.get_mut(&inode) else {
            return;
        };
        *count -= 1;
        if *count == 0 {
            state.open.remove(&inode);
            state.forget_closed(inode, kept);
        }
    }

    /// Pages of `inode` were no longer kept when nobody has it open. It may have been open
    /// since, so that they are `kept` again.
    pub(super) fn no_longer_kept(&self, inode: u64, kept: impl FnOnce() -> bool) {
        self.state().forget_closed(inode, kept);
    }

    /// Has no more pages invalidated, and waits for the one that is. The thread cannot
    /// be ended while the kernel waits for a page to be written back, and that needs
    /// somebody who answers.
    pub(super) fn stop(&self) {
        let mut state = self.state();
        state.is_stopped = true;
        self.has_task.notify_all();
        self.has_answer.notify_all();
        // If it takes longer than this, waiting does not help.
        let goes_on = |state: &mut State| state.is_invalidating;
        let _ = self.is_idle.wait_timeout_while(state, LAST_WAIT, goes_on);
    }
}

impl State {
    /// Whether a fill has to wait for the change that is being prepared: it would be in its
    /// way, and the kernel does not wait for it.
    fn holds(&self, inode: u64, file: &VirtualFile, range: &Range<u64>) -> bool {
        let pending = self.pending.as_ref();
        pending.is_some_and(|bytes| overlap(&file.file_range_showing(bytes), range))
            && !self.pages.is_invalidating(inode, range)
    }

    /// Forgets the pages of `inode` if nobody has it open, unless they are `kept`.
    fn forget_closed(&mut self, inode: u64, kept: impl FnOnce() -> bool) {
        if !self.open.contains_key(&inode) && !kept() {
            self.pages.forget(inode);
        }
    }

    /// Notes a fill. Returns the changes of its bytes that are under way.
    fn note(&mut self, inode: u64, file: &VirtualFile, range: &Range<u64>) -> Vec<u64> {
        self.pages.fill(inode, file, range.clone());
        let concerns = |(number, bytes): &(u64, Range<u64>)| {
            overlap(&file.file_range_showing(bytes), range).then_some(*number)
        };
        self.changes.iter().filter_map(concerns).collect()
    }
}

/// A deferred change is being prepared until this is dropped.
struct Preparation<'a>(&'a Coherence);

impl Preparation<'_> {
    /// Of a change of these bytes of the backing file. There is one at a time.
    fn new(coherence: &Coherence, bytes: Range<u64>) -> Preparation<'_> {
        coherence.state().pending = Some(bytes);
        Preparation(coherence)
    }
}

impl Drop for Preparation<'_> {
    fn drop(&mut self) {
        self.0.state().pending = None;
        self.0.release(|_| true);
    }
}

impl Drop for WriteGuard<'_> {
    fn drop(&mut self) {
        let mut state = self.coherence.state();
        let State {
            changes,
            parked,
            answers,
            ..
        } = &mut *state;
        changes.retain(|(number, _)| *number != self.number);
        for fill in parked.iter_mut() {
            fill.awaited.retain(|number| *number != self.number);
        }
        let due = parked.extract_if(.., |fill| fill.awaited.is_empty());
        answers.extend(due.map(|fill| fill.answer));
        if !answers.is_empty() {
            self.coherence.has_answer.notify_one();
        }
    }
}

impl Drop for Invalidation<'_> {
    fn drop(&mut self) {
        self.coherence
            .state()
            .pages
            .finish_invalidation(&self.stale);
    }
}

fn overlap(a: &Range<u64>, b: &Range<u64>) -> bool {
    a.start.max(b.start) < a.end.min(b.end)
}
