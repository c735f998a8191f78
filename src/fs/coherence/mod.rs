//! Coherence between the kernel's page cache and the backing file. The kernel caches pages of
//! each inode separately, while several inodes show the same bytes of the backing file. A write
//! through one inode therefore has to invalidate the pages of the others.
//!
//! Two outcomes must be impossible:
//!
//! - a page that still shows old bytes after a write was acknowledged;
//! - a dirty page whose write-back restores old bytes next to the stored ones.
//!
//! Terms: a *fill* is a READ request by which the kernel populates pages. A *change* is any
//! modification of the backing file: a write, a write-back, the zeros of a gap. A page *shows*
//! the bytes of the backing file that it was filled with.
//!
//! The protocol:
//!
//! 1. Each change holds a [`WriteGuard`], which records its byte range. Each fill is recorded
//!    before it reads, and waits for the changes of its bytes that have begun. So either the
//!    fill reads the changed bytes, or the change finds the fill recorded.
//! 2. A change runs at once if no recorded fill shows its bytes.
//! 3. Any other change is deferred to the invalidation thread, which holds no guard meanwhile. It
//!    removes the records, has the kernel invalidate the pages, and tries again from step 2,
//!    since pages may have been filled again. The kernel writes dirty pages back before it drops
//!    them. New fills of these bytes are held until the change has run, so that pages are not
//!    filled as fast as they are invalidated. There are two exceptions, because the kernel can
//!    wait for a fill before it drops pages, including other pages of the same folio: fills of
//!    pages that are being invalidated are not held, and no fill is held for longer than
//!    [`MAX_HOLD`].
//! 4. A write-back is applied and answered at once, whatever is deferred, because the
//!    invalidation thread of step 3 waits for it. Stale pages of other inodes are invalidated
//!    afterwards. SETATTR(size) is treated likewise: until it is answered, the kernel suspends
//!    write-back of that inode.
//!
//! There is no deadlock, since each party waits only for those below it:
//!
//! - the invalidation thread: for fills and for write-backs;
//! - a fill: for changes that have begun;
//! - a change that has begun: for the storage.
//!
//! A worker thread waits only for the storage. A fill that has to wait is parked, and the
//! completion thread answers it. Both threads start with the mount.

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

/// Attempts to invalidate all pages in the way of one change, before the change fails.
const MAX_ATTEMPTS: usize = 1000;

/// The page size in bytes, or a divisor of it on machines with larger pages.
const PAGE: u64 = 4096;

/// The longest time that a fill is held.
const MAX_HOLD: Duration = Duration::from_millis(2);

/// The longest time that the end of the mount waits for an invalidation in progress.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// Runs with a guard once no page shows the bytes, or with an error if the change is abandoned.
type DeferredChange = Box<dyn FnOnce(Result<WriteGuard<'_>, FsError>) + Send>;

/// Sends a delayed reply.
type Answer = Box<dyn FnOnce() + Send>;

/// A task of the invalidation thread.
enum Task {
    /// Invalidate the pages that show these bytes of the backing file, then run the change.
    Change(Range<u64>, DeferredChange),
    /// Invalidate these pages.
    Invalidate(Vec<Stale>),
    /// Send a reply after all earlier tasks.
    Answer(Answer),
}

/// The pages that the kernel may hold, and the changes of the backing file in progress.
pub(super) struct Coherence {
    state: Mutex<State>,
    /// Buffers for the data of deferred writes.
    pub(super) buffers: Arc<BufferPool>,
    /// Notified when a task is queued and when the mount ends.
    has_task: Condvar,
    /// Notified when an answer is due, when a fill is held, and when the mount ends.
    has_answer: Condvar,
    /// Notified when an invalidation has ended.
    is_idle: Condvar,
    /// The number of invalidation requests sent to the kernel.
    invalidations: AtomicU64,
}

struct State {
    pages: Pages,
    /// The changes in progress: id, and byte range of the backing file.
    changes: Vec<(u64, Range<u64>)>,
    /// The id of the next change.
    next_id: u64,
    /// The bytes of the backing file that the deferred change in preparation will modify.
    pending: Option<Range<u64>>,
    /// Fills that wait for `pending`.
    held: Vec<HeldFill>,
    /// Fills that wait for changes in progress.
    parked: Vec<ParkedFill>,
    /// The number of open handles of each inode.
    open: HashMap<u64, usize>,
    tasks: VecDeque<Task>,
    answers: VecDeque<Answer>,
    /// Whether the kernel is invalidating a page.
    is_invalidating: bool,
    /// Whether the mount ends, so that no more pages are invalidated.
    is_stopped: bool,
}

/// A fill that is not recorded yet.
struct HeldFill {
    inode: u64,
    file: VirtualFile,
    range: Range<u64>,
    answer: Answer,
}

/// A fill that is recorded and waits for the changes `awaited`.
struct ParkedFill {
    awaited: Vec<u64>,
    answer: Answer,
}

/// A change of the backing file, in progress until this is dropped. Fills of pages that show its
/// bytes wait for it.
pub(super) struct WriteGuard<'a> {
    coherence: &'a Coherence,
    id: u64,
}

/// Pages that the kernel is told to invalidate. They count as filled until this is dropped.
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
    /// No recorded fills; pages have `page` bytes.
    fn with(page: u64, buffers: Arc<BufferPool>) -> Coherence {
        Coherence {
            state: Mutex::new(State {
                pages: Pages::new(page),
                changes: Vec::new(),
                next_id: 0,
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

    /// No recorded fills; requests have up to `request` bytes.
    ///
    /// # Errors
    ///
    /// `OutOfMemory` when there is no address space for the buffers of deferred writes.
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

    /// Records that pages of `inode` are being filled with the bytes `range` of `file`. Then
    /// calls `answer`, which reads the bytes and replies: at once, or on the completion thread
    /// after the changes of these bytes that are in progress. Later changes find the record.
    pub(super) fn fill(
        &self,
        inode: u64,
        file: &VirtualFile,
        range: &Range<u64>,
        answer: impl FnOnce() + Send + 'static,
    ) {
        let mut state = self.state();
        if state.must_hold(inode, file, range) {
            state.held.push(HeldFill {
                inode,
                file: file.clone(),
                range: range.clone(),
                answer: Box::new(answer),
            });
            // The completion thread releases it after MAX_HOLD at the latest.
            return self.has_answer.notify_one();
        }
        let awaited = state.record_fill(inode, file, range);
        if awaited.is_empty() {
            drop(state);
            return answer();
        }
        let answer = Box::new(answer);
        state.parked.push(ParkedFill { awaited, answer });
    }

    /// Releases the held fills for which `due` is true.
    fn release(&self, due: impl Fn(&HeldFill) -> bool) {
        let mut state = self.state();
        let due: Vec<HeldFill> = state.held.extract_if(.., |fill| due(fill)).collect();
        for fill in due {
            let awaited = state.record_fill(fill.inode, &fill.file, &fill.range);
            let answer = fill.answer;
            match awaited.is_empty() {
                true => state.answers.push_back(answer),
                false => state.parked.push(ParkedFill { awaited, answer }),
            }
        }
        self.has_answer.notify_one();
    }

    /// Begins a change of `bytes` of the backing file. `None` if a page shows some of them: the
    /// change then has to be [deferred](Self::defer).
    pub(super) fn try_change(&self, bytes: &Range<u64>) -> Option<WriteGuard<'_>> {
        self.try_change_after(bytes, &[])
    }

    /// Like [`try_change`](Self::try_change), where the pages `invalidated` do not count.
    fn try_change_after(
        &self,
        bytes: &Range<u64>,
        invalidated: &[Stale],
    ) -> Option<WriteGuard<'_>> {
        let mut state = self.state();
        let is_free = !state.pages.is_shown(bytes, None, invalidated);
        is_free.then(|| self.begin(&mut state, bytes))
    }

    /// Begins a change that must not wait for pages: a write-back, or a SETATTR(size). The
    /// caller has to [invalidate](Self::invalidate_later) stale pages afterwards.
    pub(super) fn change_at_once(&self, bytes: &Range<u64>) -> WriteGuard<'_> {
        self.begin(&mut self.state(), bytes)
    }

    /// Runs `apply`, which writes pages of the inode `source` back to `bytes` of the backing
    /// file. Queues the invalidation of stale pages of other inodes. It is queued before the
    /// reply, so that [`answer_after`](Self::answer_after) waits for it.
    pub(super) fn write_back<T>(
        &self,
        source: u64,
        bytes: &Range<u64>,
        apply: impl FnOnce() -> T,
    ) -> T {
        let guard = self.change_at_once(bytes);
        let outcome = apply();
        drop(guard);
        self.invalidate_later(Some(source), bytes);
        outcome
    }

    /// Runs `change`, which modifies `bytes` of the backing file: at once, or after the pages
    /// that show them have been invalidated.
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
        let id = state.next_id;
        state.next_id += 1;
        state.changes.push((id, bytes.clone()));
        let coherence = self;
        WriteGuard { coherence, id }
    }

    /// Has the invalidation thread run `change` once no page shows `bytes` of the backing file.
    pub(super) fn defer(
        &self,
        bytes: Range<u64>,
        change: impl FnOnce(Result<WriteGuard<'_>, FsError>) + Send + 'static,
    ) {
        self.push(Task::Change(bytes, Box::new(change)));
    }

    /// Queues the invalidation of all pages that show `bytes` of the backing file, which have
    /// changed. Pages of the inode `except` are left alone. Does not wait.
    pub(super) fn invalidate_later(&self, except: Option<u64>, bytes: &Range<u64>) {
        let mut stale = self.state().pages.begin_invalidation(bytes, except);
        // Their invalidation is queued or in progress already.
        stale.retain(|stale| !stale.was_begun_before);
        if !stale.is_empty() {
            self.push(Task::Invalidate(stale));
        }
    }

    /// Has the invalidation thread call `answer` after all tasks that are queued now.
    pub(super) fn answer_after(&self, answer: impl FnOnce() + Send + 'static) {
        self.push(Task::Answer(Box::new(answer)));
    }

    fn push(&self, task: Task) {
        self.state().tasks.push_back(task);
        self.has_task.notify_one();
    }

    /// The number of invalidation requests sent to the kernel.
    pub(super) fn invalidations(&self) -> u64 {
        self.invalidations.load(Ordering::Relaxed)
    }

    /// Counts a new open handle of `inode`.
    pub(super) fn opened(&self, inode: u64) {
        *self.state().open.entry(inode).or_default() += 1;
    }

    /// Counts the release of a handle of `inode`, with all its mappings. After the last one the
    /// kernel invalidates the pages before it reads any of them, unless it `keeps_pages`.
    pub(super) fn released(&self, inode: u64, keeps_pages: impl FnOnce() -> bool) {
        let mut state = self.state();
        let Some(count) = state.open.get_mut(&inode) else {
            return;
        };
        *count -= 1;
        if *count == 0 {
            state.open.remove(&inode);
            state.forget_if_closed(inode, keeps_pages);
        }
    }

    /// Forgets the fills of `inode`, unless it is open: the kernel invalidates its pages at the
    /// next open. It may have been open since that was decided, so that the kernel
    /// `keeps_pages` again.
    pub(super) fn forget_if_closed(&self, inode: u64, keeps_pages: impl FnOnce() -> bool) {
        self.state().forget_if_closed(inode, keeps_pages);
    }

    /// Stops further invalidations, and waits for the one in progress. The process cannot end
    /// while the kernel waits for a write-back, which some thread of it has to answer.
    pub(super) fn stop(&self) {
        let mut state = self.state();
        state.is_stopped = true;
        self.has_task.notify_all();
        self.has_answer.notify_all();
        // After this timeout, waiting longer does not help.
        let is_invalidating = |state: &mut State| state.is_invalidating;
        let _ = self
            .is_idle
            .wait_timeout_while(state, STOP_TIMEOUT, is_invalidating);
    }
}

impl State {
    /// Whether a fill has to wait for the change in preparation. Pages that are being
    /// invalidated are exempt, because the kernel may wait for their fills.
    fn must_hold(&self, inode: u64, file: &VirtualFile, range: &Range<u64>) -> bool {
        let pending = self.pending.as_ref();
        pending.is_some_and(|bytes| overlap(&file.file_range_showing(bytes), range))
            && !self.pages.is_invalidating(inode, range)
    }

    /// Forgets the fills of `inode`, unless it is open or the kernel `keeps_pages` of it.
    fn forget_if_closed(&mut self, inode: u64, keeps_pages: impl FnOnce() -> bool) {
        if !self.open.contains_key(&inode) && !keeps_pages() {
            self.pages.forget(inode);
        }
    }

    /// Records a fill. Returns the ids of the changes of its bytes that are in progress.
    fn record_fill(&mut self, inode: u64, file: &VirtualFile, range: &Range<u64>) -> Vec<u64> {
        self.pages.fill(inode, file, range.clone());
        let concerns = |(id, bytes): &(u64, Range<u64>)| {
            overlap(&file.file_range_showing(bytes), range).then_some(*id)
        };
        self.changes.iter().filter_map(concerns).collect()
    }
}

/// The deferred change in preparation, until this is dropped.
struct PendingChange<'a>(&'a Coherence);

impl PendingChange<'_> {
    /// Begins the preparation of a change of `bytes` of the backing file. There is one at a
    /// time.
    fn new(coherence: &Coherence, bytes: Range<u64>) -> PendingChange<'_> {
        coherence.state().pending = Some(bytes);
        PendingChange(coherence)
    }
}

impl Drop for PendingChange<'_> {
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
        changes.retain(|(id, _)| *id != self.id);
        for fill in parked.iter_mut() {
            fill.awaited.retain(|id| *id != self.id);
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
