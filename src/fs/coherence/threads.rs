//! The two threads that wait so that workers need not. The invalidation thread has the kernel
//! invalidate pages and runs deferred changes. The completion thread answers fills that had to
//! wait. What has to wait, and for what, is left to the parent module.

use std::collections::VecDeque;
use std::io;
use std::mem;
use std::ops::Range;
use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::thread;

use fuser::{INodeNo, Notifier};

use super::super::error::FsError;
use super::super::panics::catch_panic;
use super::pages::Stale;
use super::{
    Answer, Coherence, DeferredChange, HeldFill, Invalidation, MAX_ATTEMPTS, MAX_HOLD, PAGE,
    PendingChange, State, Task, overlap,
};

/// Starts both threads. They end with [`stop`](Coherence::stop).
///
/// # Errors
///
/// When a thread cannot be started.
pub(in super::super) fn serve(coherence: Arc<Coherence>, notifier: Notifier) -> io::Result<()> {
    let invalidate = move |Stale { inode, range, .. }: &Stale| {
        let (start, len) = (range.start as i64, (range.end - range.start) as i64);
        if let Err(error) = notifier.inval_inode(INodeNo(*inode), start, len) {
            log::debug!("cannot invalidate pages of inode {inode}: {error}");
        }
    };
    let completing = coherence.clone();
    let thread = |name: &str| thread::Builder::new().name(name.into());
    thread("invalidation").spawn(move || coherence.run_tasks(invalidate))?;
    thread("completion").spawn(move || completing.run_answers())?;
    Ok(())
}

impl Coherence {
    /// Runs the queued tasks until the mount ends.
    pub(super) fn run_tasks(&self, invalidate: impl Fn(&Stale)) {
        while let Some(task) = self.next_task() {
            catch_panic(|| self.run(task, &invalidate));
        }
    }

    fn next_task(&self) -> Option<Task> {
        let is_waiting = |state: &mut State| state.tasks.is_empty() && !state.is_stopped;
        let state = self.has_task.wait_while(self.state(), is_waiting);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        state.tasks.pop_front()
    }

    /// Sends the answers that are due until the mount ends, and releases held fills in time.
    pub(super) fn run_answers(&self) {
        while let Some(answers) = self.next_answers() {
            answers.into_iter().for_each(catch_panic);
        }
    }

    /// The answers that are due; empty after `MAX_HOLD` without one. `None` when the mount ends.
    fn next_answers(&self) -> Option<VecDeque<Answer>> {
        let is_idle = |state: &mut State| {
            state.answers.is_empty() && state.held.is_empty() && !state.is_stopped
        };
        let state = self.has_answer.wait_while(self.state(), is_idle);
        let state = state.unwrap_or_else(PoisonError::into_inner);
        let is_waiting = |state: &mut State| state.answers.is_empty() && !state.is_stopped;
        let waited = self
            .has_answer
            .wait_timeout_while(state, MAX_HOLD, is_waiting);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let answers = mem::take(&mut state.answers);
        let is_over = state.is_stopped && answers.is_empty();
        drop(state);
        if answers.is_empty() {
            self.release(|_| true);
        }
        (!is_over).then_some(answers)
    }

    pub(super) fn run(&self, task: Task, invalidate: &impl Fn(&Stale)) {
        match task {
            Task::Change(bytes, change) => self.run_change(&bytes, change, invalidate),
            Task::Invalidate(stale) => {
                self.invalidate(stale, invalidate);
            }
            Task::Answer(answer) => answer(),
        }
    }

    /// Runs a change once the pages that show its bytes have been invalidated. Fails it with
    /// EBUSY after `MAX_ATTEMPTS`.
    fn run_change(&self, bytes: &Range<u64>, change: DeferredChange, invalidate: &impl Fn(&Stale)) {
        let pending = PendingChange::new(self, bytes.clone());
        for _ in 0..MAX_ATTEMPTS {
            let stale = self.state().pages.begin_invalidation(bytes, None);
            // The kernel waits for fills of these pages before it drops them.
            self.release(|fill| stale.iter().any(|stale| stale.may_share_folio(fill)));
            let Some(invalidated) = self.invalidate(stale, invalidate) else {
                break;
            };
            if let Some(guard) = self.try_change_after(bytes, &invalidated) {
                drop(pending);
                return change(Ok(guard));
            }
        }
        drop(pending);
        log::warn!("write failed with EBUSY: its pages could not be invalidated");
        change(Err(FsError::Busy));
    }

    /// Has the kernel invalidate these pages, and returns them. `None` when the mount ends.
    fn invalidate(&self, stale: Vec<Stale>, invalidate: &impl Fn(&Stale)) -> Option<Vec<Stale>> {
        let invalidation = Invalidation {
            coherence: self,
            stale,
        };
        for stale in &invalidation.stale {
            let _in_progress = InvalidationInProgress::new(self)?;
            invalidate(stale);
            self.invalidations.fetch_add(1, Ordering::Relaxed);
        }
        Some(invalidation.stale.clone())
    }
}

impl Stale {
    /// Whether a fill is of these pages, or of adjacent ones that may be in the same folio.
    fn may_share_folio(&self, fill: &HeldFill) -> bool {
        let pages = fill.range.start.saturating_sub(PAGE)..fill.range.end.saturating_add(PAGE);
        self.inode == fill.inode && overlap(&self.range, &pages)
    }
}

/// An invalidation by the kernel, in progress until this is dropped.
struct InvalidationInProgress<'a>(&'a Coherence);

impl InvalidationInProgress<'_> {
    /// `None` when the mount ends.
    fn new(coherence: &Coherence) -> Option<InvalidationInProgress<'_>> {
        let mut state = coherence.state();
        state.is_invalidating = !state.is_stopped;
        state
            .is_invalidating
            .then(|| InvalidationInProgress(coherence))
    }
}

impl Drop for InvalidationInProgress<'_> {
    fn drop(&mut self) {
        self.0.state().is_invalidating = false;
        self.0.is_idle.notify_all();
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use std::cell::Cell;
    use std::sync::mpsc::channel;

    use super::super::pages::tests::files;
    use super::*;

    #[test]
    fn claim_43_a_write_fails_when_its_pages_are_refilled_at_every_attempt() {
        let file = &files(100, &[0])[0];
        for (attempts, succeeds) in [(MAX_ATTEMPTS - 1, true), (MAX_ATTEMPTS, false)] {
            let coherence = Coherence::of_pages(4096);
            coherence.fill(7, file, &(0..100), || {});
            let dropped = Cell::new(0);
            let (sender, receiver) = channel();
            let change: DeferredChange =
                Box::new(move |guard| sender.send(guard.map(drop)).unwrap());
            coherence.run(Task::Change(10..20, change), &|stale: &Stale| {
                assert_eq!((stale.inode, &stale.range), (7, &(0..100)));
                dropped.set(dropped.get() + 1);
                if dropped.get() <= attempts {
                    coherence.fill(7, file, &(0..100), || {});
                }
            });
            let outcome = receiver.recv().unwrap();
            assert_eq!(outcome.is_ok(), succeeds, "after {attempts}");
            if let Err(error) = outcome {
                assert_eq!(error.errno().code(), libc::EBUSY);
            }
            assert_eq!(dropped.get(), MAX_ATTEMPTS);
        }
    }

    #[test]
    fn deferred_changes_are_answered_when_the_mount_ends() {
        let file = &files(100, &[0])[0];
        let coherence = Coherence::of_pages(4096);
        coherence.fill(7, file, &(0..100), || {});
        let (sender, receiver) = channel();
        let second_sender = sender.clone();
        coherence.defer(0..10, move |guard| sender.send(guard.is_ok()).unwrap());
        coherence.answer_after(move || second_sender.send(true).unwrap());
        coherence.stop();
        coherence.run_tasks(|_| panic!("no page is invalidated any more"));
        assert!(!receiver.recv().unwrap() && receiver.recv().unwrap());
    }
}
