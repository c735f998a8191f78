//! The gate that changes of the file pass: which are under way, and which pages
//! the kernel may have filled. It is never held while the file is read or written,
//! so a change that waits for its storage holds up nobody but who wants its bytes.

use std::ops::Range;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

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
    /// The inodes that are being given their size. Until that is answered the kernel
    /// writes none of their pages back, so whoever has them dropped waits for it.
    sized: Vec<u64>,
}

/// Whose pages need not be dropped for a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Except {
    Nobodys,
    /// Those of an inode, whose own they are.
    Of(u64),
    /// Those of all inodes that are being given their size.
    Sized,
}

/// What a fill has to wait for before it reads.
#[derive(Debug)]
pub(in super::super) struct Awaited(Vec<u64>);

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
                sized: Vec::new(),
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

    /// Notes that a page of `inode` is filled with the bytes `range` of `file`. Returns
    /// the changes of these bytes that are under way. Those that come later find the note,
    /// so there are always fewer to wait for.
    pub(super) fn fill(&self, inode: u64, file: &VirtualFile, range: &Range<u64>) -> Awaited {
        let mut state = self.state();
        state.pages.fill(inode, file, range.clone());
        let concerns = |(number, bytes): &(u64, Range<u64>)| {
            overlap(&file.bytes_in(bytes), range).then_some(*number)
        };
        Awaited(state.changes.iter().filter_map(concerns).collect())
    }

    /// Waits for changes, for this time at the most. Returns whether they are over.
    pub(super) fn wait_for(&self, awaited: &Awaited, time: Duration) -> bool {
        let goes_on = |state: &mut State| {
            let mut changes = state.changes.iter();
            changes.any(|(number, _)| awaited.0.contains(number))
        };
        let waited = self.over.wait_timeout_while(self.state(), time, goes_on);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Passage for a change of the bytes of the backing file that `reach` gives;
    /// `None` if a page is in the way that is not excepted and has not `left`.
    pub(super) fn enter(
        &self,
        except: Except,
        left: &[Stale],
        reach: impl Fn() -> Range<u64>,
    ) -> Option<Passage<'_>> {
        let state = self.state();
        let mut state = self.wait_while(state, |state| state.is_closed_to(&reach()));
        let bytes = reach();
        let is_excepted = |inode| state.is_excepted(except, inode);
        let free = !state.pages.show(&bytes, is_excepted, left);
        free.then(|| self.begin(&mut state, bytes))
    }

    /// Whether something that touches the bytes `bytes` is under way, so that to come
    /// between changes would take a while.
    pub(super) fn is_busy(&self, bytes: &Range<u64>) -> bool {
        let state = self.state();
        let mut changes = state.changes.iter();
        state.closed.is_some() || changes.any(|(_, changed)| may_touch(changed, bytes))
    }

    /// `inode` is being given its size, until it [has it](Self::has_size).
    pub(super) fn is_sized(&self, inode: u64) {
        self.state().sized.push(inode);
    }

    /// That `inode` has its size has been answered.
    pub(super) fn has_size(&self, inode: u64) {
        let mut state = self.state();
        let found = state.sized.iter().position(|&other| other == inode);
        found.map(|place| state.sized.swap_remove(place));
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
    /// file and are not excepted.
    pub(super) fn leave(&self, bytes: &Range<u64>, except: Except) -> Vec<Stale> {
        let mut state = self.state();
        let State { pages, sized, .. } = &mut *state;
        pages.leave(bytes, |inode| is_excepted(sized, except, inode))
    }

    /// These pages have been dropped.
    pub(super) fn have_left(&self, stale: &[Stale]) {
        self.state().pages.have_left(stale);
    }

    /// Forgets the pages of a file that nobody has open.
    pub(super) fn forget(&self, inode: u64) {
        self.state().pages.forget(inode);
    }
}

impl State {
    fn is_excepted(&self, except: Except, inode: u64) -> bool {
        is_excepted(&self.sized, except, inode)
    }

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

fn is_excepted(sized: &[u64], except: Except, inode: u64) -> bool {
    match except {
        Except::Nobodys => false,
        Except::Of(own) => inode == own,
        Except::Sized => sized.contains(&inode),
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

    /// Passage for a change that no page may be in the way of.
    fn enter(gate: &Gate, bytes: Range<u64>) -> Option<Passage<'_>> {
        gate.enter(Except::Nobodys, &[], || bytes.clone())
    }

    #[test]
    fn a_fill_waits_for_a_change_of_its_bytes_and_for_no_other() {
        const AT_ONCE: Duration = Duration::ZERO;
        let files = files(100, &[0, 200]);
        let gate = Gate::new(1);
        let change = enter(&gate, 10..20).unwrap();
        let other = enter(&gate, 5..9).unwrap();
        for (inode, file, range, waits) in [
            (1, &files[1], 0..100, false),
            (2, &files[0], 20..100, false),
            (3, &files[0], 0..15, true),
        ] {
            let awaited = gate.fill(inode, file, &range);
            assert_eq!(gate.wait_for(&awaited, AT_ONCE), !waits, "{range:?}");
        }
        let awaited = gate.fill(3, &files[0], &(0..15));
        // The note is there before the changes are over.
        assert!(enter(&gate, 0..1).is_none());
        drop(other);
        assert!(!gate.wait_for(&awaited, AT_ONCE));
        // A change that comes later is not waited for.
        let later = gate.enter_at_once(|| 12..13);
        thread::scope(|scope| {
            let fill = scope.spawn(|| gate.wait_for(&awaited, Duration::from_secs(60)));
            drop(change);
            assert!(fill.join().unwrap());
        });
        drop(later);
        let own = gate.enter(Except::Of(3), &[], || 0..1);
        assert!(own.is_some());
    }

    #[test]
    fn pages_of_what_is_given_its_size_are_in_the_way_of_no_other_that_is() {
        let files = files(100, &[0, 50]);
        let gate = Gate::new(1);
        for (inode, file) in (1..).zip(&files) {
            gate.fill(inode, file, &(0..100));
        }
        gate.is_sized(1);
        assert!(gate.enter(Except::Sized, &[], || 60..70).is_none());
        assert_eq!(gate.leave(&(60..70), Except::Sized).len(), 1);
        gate.is_sized(2);
        drop(gate.enter(Except::Sized, &[], || 60..70).unwrap());
        assert!(enter(&gate, 60..70).is_none());
        gate.has_size(1);
        assert!(gate.enter(Except::Sized, &[], || 60..70).is_none());
    }

    #[test]
    fn what_happens_between_changes_waits_for_those_of_its_bytes_alone() {
        let gate = Gate::new(1);
        let elsewhere = enter(&gate, 100..200).unwrap();
        let done = AtomicUsize::new(0);
        gate.between_changes(&(0..50), || done.store(1, Ordering::SeqCst));
        assert_eq!(done.load(Ordering::SeqCst), 1);
        for bytes in [10..20, 0..0] {
            assert!(gate.is_busy(&(150..160)) && !gate.is_busy(&(10..20)));
            let change = enter(&gate, bytes).unwrap();
            assert!(gate.is_busy(&(10..20)));
            done.store(0, Ordering::SeqCst);
            thread::scope(|scope| {
                scope.spawn(|| {
                    gate.between_changes(&(0..50), || done.store(1, Ordering::SeqCst));
                });
                // Changes of those bytes begin afterwards, all others at once.
                while gate.state().closed.is_none() {
                    thread::yield_now();
                }
                drop(enter(&gate, 300..301));
                let late = scope.spawn(|| {
                    let _passage = enter(&gate, 30..31).unwrap();
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
