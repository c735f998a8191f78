//! The gate that changes of the file pass: which are under way, and which pages
//! the kernel may have filled. It is never held while the file is read or written,
//! so a change that waits for its storage holds up nobody but who wants its bytes.

use std::ops::Range;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::pages::{Pages, Stale};
use crate::vfile::VirtualFile;

/// The gate.
#[derive(Debug)]
pub(super) struct Gate {
    state: Mutex<State>,
    /// Something is no longer under way.
    over: Condvar,
}

#[derive(Debug)]
struct State {
    pages: Pages,
    /// The changes that are under way, and the bytes of the backing file of each.
    changes: Vec<(u64, Range<u64>)>,
    /// How many there have been.
    number: u64,
    /// The bytes of which no change may begin.
    closed: Option<Range<u64>>,
}

/// Passage for a change, which is over when this is dropped. No page that shows its
/// bytes is read for the kernel meanwhile.
#[derive(Debug)]
pub(in super::super) struct Passage<'a> {
    gate: &'a Gate,
    number: u64,
}

impl Gate {
    /// Open, without pages, of which each has `size` bytes.
    pub(super) fn new(size: u64) -> Gate {
        Gate {
            state: Mutex::new(State {
                pages: Pages::new(size),
                changes: Vec::new(),
                number: 0,
                closed: None,
            }),
            over: Condvar::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_while<'a>(
        &self,
        state: MutexGuard<'a, State>,
        goes_on: impl Fn(&State) -> bool,
    ) -> MutexGuard<'a, State> {
        self.over
            .wait_while(state, |state| goes_on(state))
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a page of `inode` is filled with the bytes `range` of `file`, and
    /// waits for the changes of these bytes that are under way. Those that come
    /// later find the note, so there are always fewer to wait for.
    pub(super) fn fill(&self, inode: u64, file: &VirtualFile, range: &Range<u64>) {
        let mut state = self.state();
        state.pages.fill(inode, file, range.clone());
        let before = state.number;
        let concerns = |(number, bytes): &(u64, Range<u64>)| {
            *number < before && overlap(&file.bytes_in(bytes), range)
        };
        let _state = self.wait_while(state, |state| state.changes.iter().any(concerns));
    }

    /// Passage for a change of the bytes of the backing file that `reach` gives;
    /// `None` if a page is in the way, those of the inode `own` aside.
    pub(super) fn enter(
        &self,
        own: Option<u64>,
        reach: impl Fn() -> Range<u64>,
    ) -> Option<Passage<'_>> {
        let state = self.state();
        let mut state = self.wait_while(state, |state| state.is_closed_to(&reach()));
        let bytes = reach();
        let free = !state.pages.show(&bytes, own);
        free.then(|| self.begin(&mut state, bytes))
    }

    /// Passage for what the kernel writes back to the bytes that `reach` gives, which
    /// no page may delay.
    pub(super) fn enter_at_once(&self, reach: impl Fn() -> Range<u64>) -> Passage<'_> {
        let state = self.state();
        let mut state = self.wait_while(state, |state| state.is_closed_to(&reach()));
        self.begin(&mut state, reach())
    }

    fn begin(&self, state: &mut State, bytes: Range<u64>) -> Passage<'_> {
        let number = state.number;
        state.number += 1;
        state.changes.push((number, bytes));
        Passage { gate: self, number }
    }

    /// Does `work` while no change of the bytes `bytes` of the backing file is under
    /// way, nor one that does not know its bytes yet.
    pub(super) fn between_changes(&self, bytes: &Range<u64>, work: impl FnOnce()) {
        let state = self.state();
        let mut state = self.wait_while(state, |state| state.closed.is_some());
        state.closed = Some(bytes.clone());
        let mut state = self.wait_while(state, |state| {
            let mut changes = state.changes.iter();
            changes.any(|(_, changed)| may_touch(changed, bytes))
        });
        work();
        state.closed = None;
        self.over.notify_all();
    }

    /// Takes out the notes of the pages that show the bytes `bytes` of the backing
    /// file, those of the inode `except` aside.
    pub(super) fn leave(&self, bytes: &Range<u64>, except: Option<u64>) -> Vec<Stale> {
        self.state().pages.leave(bytes, except)
    }

    /// The pages that were leaving have been dropped.
    pub(super) fn have_left(&self) {
        self.state().pages.have_left();
    }

    /// Forgets the pages of a file that nobody has open.
    pub(super) fn forget(&self, inode: u64) {
        self.state().pages.forget(inode);
    }
}

impl State {
    fn is_closed_to(&self, bytes: &Range<u64>) -> bool {
        let mut closed = self.closed.iter();
        closed.any(|closed| may_touch(bytes, closed))
    }
}

impl Drop for Passage<'_> {
    fn drop(&mut self) {
        let mut state = self.gate.state();
        state.changes.retain(|&(number, _)| number != self.number);
        self.gate.over.notify_all();
    }
}

fn overlap(a: &Range<u64>, b: &Range<u64>) -> bool {
    a.start.max(b.start) < a.end.min(b.end)
}

/// Whether a change of `changed`, which is empty where it depends on what happens
/// before, can touch `bytes`.
fn may_touch(changed: &Range<u64>, bytes: &Range<u64>) -> bool {
    changed.is_empty() || overlap(changed, bytes)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::super::pages::tests::files;
    use super::*;

    #[test]
    fn a_fill_waits_for_a_change_of_its_bytes_and_for_no_other() {
        let files = files(100, &[0, 200]);
        let gate = Gate::new(1);
        let change = gate.enter(None, || 10..20).unwrap();
        // Neither of these waits.
        gate.fill(1, &files[1], &(0..100));
        gate.fill(2, &files[0], &(20..100));
        let other = gate.enter(None, || 5..9).unwrap();
        let filled = AtomicUsize::new(0);
        thread::scope(|scope| {
            scope.spawn(|| {
                gate.fill(3, &files[0], &(0..15));
                filled.store(1, Ordering::SeqCst);
            });
            // The note is there before the change is over.
            while gate.enter(None, || 0..1).is_some() {
                thread::yield_now();
            }
            drop(other);
            assert_eq!(filled.load(Ordering::SeqCst), 0);
            drop(change);
        });
        assert_eq!(filled.load(Ordering::SeqCst), 1);
        assert!(gate.enter(None, || 0..1).is_none());
        assert!(gate.enter(Some(3), || 0..1).is_some());
    }

    #[test]
    fn what_happens_between_changes_waits_for_those_of_its_bytes_alone() {
        let gate = Gate::new(1);
        let elsewhere = gate.enter(None, || 100..200).unwrap();
        let done = AtomicUsize::new(0);
        gate.between_changes(&(0..50), || done.store(1, Ordering::SeqCst));
        assert_eq!(done.load(Ordering::SeqCst), 1);
        for bytes in [10..20, 0..0] {
            let change = gate.enter(None, || bytes.clone()).unwrap();
            done.store(0, Ordering::SeqCst);
            thread::scope(|scope| {
                scope.spawn(|| {
                    gate.between_changes(&(0..50), || done.store(1, Ordering::SeqCst));
                });
                // Changes of those bytes begin afterwards, all others at once.
                while gate.state().closed.is_none() {
                    thread::yield_now();
                }
                drop(gate.enter(None, || 300..301));
                let late = scope.spawn(|| {
                    let _passage = gate.enter(None, || 30..31).unwrap();
                    done.load(Ordering::SeqCst)
                });
                assert_eq!(done.load(Ordering::SeqCst), 0);
                drop(change);
                assert_eq!(late.join().unwrap(), 1);
            });
        }
        drop(elsewhere);
        assert!(gate.state().changes.is_empty());
    }
}
