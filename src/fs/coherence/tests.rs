//! Fills, changes and their order of waiting, without an invalidation thread.

use std::sync::atomic::AtomicUsize;

use super::pages::tests::files;
use super::*;

/// Fills pages of `inode` with the bytes `range` of `file`. Counts the answers.
fn fill(coherence: &Coherence, inode: u64, file: &VirtualFile, range: Range<u64>) -> Answered {
    let answered = Answered::default();
    let count = answered.0.clone();
    coherence.fill(inode, file, &range, move || {
        count.fetch_add(1, Ordering::SeqCst);
    });
    answered
}

#[derive(Default)]
struct Answered(Arc<AtomicUsize>);

impl Answered {
    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// Sends the answers that are due.
fn answer(coherence: &Coherence) {
    let answers: Vec<Answer> = coherence.state().answers.drain(..).collect();
    answers.into_iter().for_each(|answer| answer());
}

#[test]
fn a_fill_waits_for_changes_of_its_bytes_that_began_before_it() {
    let files = files(100, &[0, 200]);
    let coherence = Coherence::of_pages(1);
    let change = coherence.try_change(&(10..20)).unwrap();
    let other = coherence.try_change(&(5..9)).unwrap();
    assert_eq!(fill(&coherence, 1, &files[1], 0..100).count(), 1);
    assert_eq!(fill(&coherence, 2, &files[0], 20..100).count(), 1);
    let parked = fill(&coherence, 3, &files[0], 0..15);
    // The fill is recorded before the changes have ended.
    assert!(coherence.try_change(&(0..1)).is_none());
    drop(other);
    answer(&coherence);
    assert_eq!(parked.count(), 0);
    // The fill does not wait for a change that begins later.
    let later = coherence.change_at_once(&(12..13));
    drop(change);
    answer(&coherence);
    assert_eq!(parked.count(), 1);
    drop(later);
    assert!(coherence.state().changes.is_empty() && coherence.state().parked.is_empty());
}

#[test]
fn a_fill_waits_for_all_changes_of_its_bytes() {
    let file = &files(100, &[0])[0];
    for first_ends_first in [true, false] {
        let coherence = Coherence::of_pages(1);
        let first = coherence.try_change(&(10..20)).unwrap();
        let second = coherence.try_change(&(30..40)).unwrap();
        let parked = fill(&coherence, 1, file, 0..100);
        let (ended, other) = match first_ends_first {
            true => (first, second),
            false => (second, first),
        };
        drop(ended);
        answer(&coherence);
        assert_eq!(parked.count(), 0);
        drop(other);
        answer(&coherence);
        assert_eq!(parked.count(), 1);
    }
}

#[test]
fn a_fill_of_bytes_of_a_pending_change_is_held_for_a_moment() {
    let file = &files(100, &[0])[0];
    let coherence = Arc::new(Coherence::of_pages(1));
    let pending = PendingChange::new(&coherence, 10..20);
    assert_eq!(fill(&coherence, 1, file, 20..100).count(), 1);
    let held = fill(&coherence, 1, file, 0..15);
    // A held fill does not block the change.
    drop(coherence.try_change(&(10..15)).unwrap());
    answer(&coherence);
    assert_eq!(held.count(), 0);
    drop(pending);
    answer(&coherence);
    assert_eq!(held.count(), 1);
    // The hold ends after a moment, even if the change does not run.
    let _pending = PendingChange::new(&coherence, 10..20);
    let held = fill(&coherence, 2, file, 0..15);
    let completing = coherence.clone();
    let completion = std::thread::spawn(move || completing.run_answers());
    while held.count() == 0 {
        std::thread::yield_now();
    }
    coherence.stop();
    completion.join().unwrap();
}

#[test]
fn a_fill_of_pages_that_are_being_invalidated_is_not_held_though_the_file_was_closed_since() {
    let file = &files(100, &[0])[0];
    let coherence = Coherence::of_pages(1);
    coherence.opened(1);
    fill(&coherence, 1, file, 0..100);
    let _pending = PendingChange::new(&coherence, 10..20);
    let stale = coherence.state().pages.begin_invalidation(&(10..20), None);
    coherence.released(1, || false);
    // The invalidation waits for the page that the next who opens the file has filled.
    coherence.opened(1);
    assert_eq!(fill(&coherence, 1, file, 0..15).count(), 1);
    coherence.state().pages.finish_invalidation(&stale);
    coherence.released(1, || false);
    assert!(coherence.try_change(&(0..100)).is_some());
}

#[test]
fn pages_of_a_closed_file_are_forgotten_unless_they_are_kept() {
    let file = &files(100, &[0])[0];
    // Whether they are when the file is closed and when others are kept in their place, and
    // whether it is open then.
    for (at_close, later, is_open, are_known) in [
        (false, false, false, false),
        (true, false, false, false),
        (true, true, false, true),
        (true, false, true, true),
    ] {
        let coherence = Coherence::of_pages(1);
        coherence.opened(1);
        fill(&coherence, 1, file, 0..100);
        if !is_open {
            coherence.released(1, || at_close);
        }
        coherence.forget_if_closed(1, || later);
        let is_free = coherence.try_change(&(0..1)).is_some();
        assert_eq!(!is_free, are_known, "{at_close} {later} {is_open}");
    }
}

#[test]
fn a_change_that_panics_blocks_no_fill() {
    let file = &files(100, &[0])[0];
    let coherence = Arc::new(Coherence::of_pages(1));
    let changing = coherence.clone();
    let change = std::thread::spawn(move || {
        let _guard = changing.try_change(&(0..10));
        panic!("as it is meant to");
    });
    assert!(change.join().is_err());
    assert_eq!(fill(&coherence, 1, file, 0..100).count(), 1);
}

#[test]
fn the_invalidation_of_a_page_is_queued_once() {
    let file = &files(100, &[0])[0];
    let coherence = Coherence::of_pages(1);
    fill(&coherence, 1, file, 0..100);
    for _ in 0..1000 {
        coherence.invalidate_later(None, &(0..50));
        coherence.invalidate_later(Some(1), &(0..100));
    }
    assert_eq!(coherence.state().tasks.len(), 1);
}
