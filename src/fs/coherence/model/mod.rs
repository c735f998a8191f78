//! A model of the protocol and of the kernel's page cache around it, of which
//! every interleaving is explored. One page of each view shows the same bytes of
//! the file; processes store to pages, read them, and write through a view that
//! nobody has mapped, each to a byte of its own.
//!
//! A byte holds how often it was changed, so what is older is less. That a page
//! is read or written at one instant loses nothing: each promise is about one
//! byte, and what happens next never depends on a value. Time is left out: a fill
//! waits for no change, and no change is given up.

mod daemon;
mod kernel;

use std::collections::HashSet;

const VIEWS: usize = 3;
const WRITERS: usize = 2;

/// The thread that makes changes which were put off, and the one that gives a file its
/// size.
const THREADS: usize = 2;
const PAGES: usize = 0;
const SIZER: usize = 1;

/// A byte for each writer, then one for whoever stores through each view.
type Bytes = [u8; WRITERS + VIEWS];

/// What a set of views is, by number.
type Views = [bool; VIEWS];

/// A set of changes: one of each writer, and what is written back of each view.
type Changes = [bool; WRITERS + VIEWS];

/// How far a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
enum Stage {
    #[default]
    None,
    Sent,
    /// A worker has it: a change has passed the gate, a fill is noted.
    Entered,
    /// The file is changed, or read.
    Done,
    /// It is left to the thread.
    PutOff,
}

/// The page of a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
struct Page {
    /// What it holds; while it is filled, what the answer will bring.
    bytes: Option<Bytes>,
    /// While it is filled the page is locked.
    fill: Stage,
    /// The changes that were under way when the fill was noted, and still are.
    awaited: Changes,
    dirty: bool,
    write_back: Stage,
    /// Locked by the thread that drops it, and mapped by nobody.
    dropping: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Task {
    /// The change of a writer.
    Change(usize),
    /// Pages of other views than this are old.
    Refresh(usize),
}

/// Where a thread is that has pages dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
enum Thread {
    #[default]
    Idle,
    Leave(Task),
    Drop(Task, Views),
    Enter(usize),
    Entered(usize),
    Done(usize),
    Answer(usize),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
struct State {
    file: Bytes,
    /// How many changes of each writer are answered.
    answered: [u8; WRITERS],
    writes: [Stage; WRITERS],
    pages: [Page; VIEWS],
    /// What is still to be done through each view.
    stores: [u8; VIEWS],
    reads: [u8; VIEWS],
    noted: Views,
    /// The pages that each thread has told to leave, and those that have left for it.
    leaving: [Views; THREADS],
    left: [Views; THREADS],
    /// Pages written back whose bytes are still to be looked for in other views.
    written_back: [u8; VIEWS],
    tasks: Vec<Task>,
    threads: [Thread; THREADS],
}

/// Ways of keeping pages like the file, of which one is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Chosen,
    /// Changes the file before the pages are dropped.
    ChangeFirst,
    /// Does not look again for pages once they are dropped.
    LookOnce,
    /// Takes pages as dropped before the kernel has dropped them.
    LeftAtOnce,
    /// Has what is written back wait for the thread.
    WriteBackWaits,
    /// Notes a fill when it has read.
    NoteLate,
    /// Has no fill wait for the changes that are under way.
    FillAtOnce,
    /// Gives files their size by the thread that makes the other changes.
    OneThread,
    /// Takes pages that the other thread has told to leave as gone.
    LeftForAll,
    /// Leaves pages of other views that a page written back has made old.
    NoRefresh,
}

/// A promise that is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    /// A write that was answered is no longer in the file.
    WriteLost,
    /// A page shows bytes from before a write that was answered.
    PageOld,
    /// In the end a page remains that is unlike the file.
    PageUnlikeFile,
    /// In the end what was stored to a page is not in the file.
    StoreLost,
    /// Something is left to be done, and nothing can happen.
    AllWait,
}

/// Who does what, how often.
#[derive(Debug, Clone, Copy)]
struct Setting {
    scheme: Scheme,
    workers: usize,
    stores: [u8; VIEWS],
    reads: [u8; VIEWS],
    writes: [u8; WRITERS],
    /// The view whose file the first writer gives its size: until that is
    /// answered the kernel sends nothing that is to be written back to it.
    resized: Option<usize>,
}

/// The step by which the kernel drops a page on its own.
const RECLAIM: &str = "reclaim";

/// What happened, and to which view or by which writer.
type Step = (&'static str, usize);

/// The states that can follow another.
struct Next<'a> {
    now: &'a State,
    found: Vec<(Step, State)>,
}

impl Next<'_> {
    fn step(&mut self, what: &'static str, whose: usize, change: impl FnOnce(&mut State)) {
        let mut state = self.now.clone();
        change(&mut state);
        self.found.push(((what, whose), state));
    }
}

impl Page {
    /// What a process sees in it.
    fn shown(&self) -> Option<&Bytes> {
        self.bytes.as_ref().filter(|_| self.fill == Stage::None)
    }

    fn is_absent(&self) -> bool {
        *self == Page::default()
    }

    /// Whether somebody who waits for its lock and for what is written back gets it.
    fn is_free(&self) -> bool {
        self.shown().is_some() && self.write_back == Stage::None && self.dropping.is_none()
    }
}

impl State {
    fn first(setting: &Setting) -> State {
        State {
            stores: setting.stores,
            reads: setting.reads,
            ..State::default()
        }
    }

    /// How many of the requests that are at these stages a worker has.
    fn count(stages: impl Iterator<Item = Stage>) -> usize {
        stages
            .filter(|stage| matches!(stage, Stage::Entered | Stage::Done))
            .count()
    }

    /// How many workers make a change.
    fn changing(&self) -> usize {
        let back = self.pages.iter().map(|page| page.write_back);
        State::count(self.writes.iter().copied().chain(back))
    }

    /// The changes that have passed the gate, and are not made yet.
    fn under_way(&self) -> Changes {
        let mut changes = Changes::default();
        for (writer, &stage) in self.writes.iter().enumerate() {
            let by_thread = self.threads.contains(&Thread::Entered(writer));
            changes[writer] = stage == Stage::Entered || by_thread;
        }
        for (view, page) in self.pages.iter().enumerate() {
            changes[WRITERS + view] = page.write_back == Stage::Entered;
        }
        changes
    }

    /// A change is made: nobody waits for it any longer.
    fn made(&mut self, change: usize) {
        for page in &mut self.pages {
            page.awaited[change] = false;
        }
    }

    /// How many workers have something to do.
    fn busy(&self) -> usize {
        let fills = self.pages.iter().map(|page| page.fill);
        let looking = self.written_back.iter().map(|&count| usize::from(count));
        self.changing() + State::count(fills) + looking.sum::<usize>()
    }

    /// Whether a page of another view than `except` is noted, or leaving and has not left
    /// for this thread.
    fn shows(&self, except: Option<usize>, thread: Option<usize>) -> bool {
        let leaving = |view: usize| self.leaving.iter().any(|leaving| leaving[view]);
        let left = |view: usize| thread.is_some_and(|thread| self.left[thread][view]);
        let shows = |view: usize| self.noted[view] || leaving(view) && !left(view);
        (0..VIEWS).any(|view| Some(view) != except && shows(view))
    }

    fn answer(&mut self, writer: usize) {
        self.answered[writer] += 1;
        self.writes[writer] = Stage::None;
    }

    fn next(&self, setting: &Setting) -> Vec<(Step, State)> {
        let found = Vec::new();
        let mut next = Next { now: self, found };
        for view in 0..VIEWS {
            self.process(view, &mut next);
            self.fill(view, setting, &mut next);
            self.write_back(view, setting, &mut next);
        }
        for writer in 0..WRITERS {
            self.write(writer, setting, &mut next);
        }
        for thread in 0..THREADS {
            self.thread(thread, setting, &mut next);
        }
        next.found
    }

    /// The promises that are broken in this state; `last` if all that can still
    /// happen is that the kernel drops a page on its own.
    fn broken(&self, setting: &Setting, last: bool) -> Vec<Failure> {
        let mut broken = Vec::new();
        let mut note = |failed, failure| {
            if failed {
                broken.push(failure);
            }
        };
        let old = |bytes: &Bytes| (0..WRITERS).any(|writer| bytes[writer] < self.answered[writer]);
        let mut shown = self.pages.iter().filter_map(Page::shown);
        note(old(&self.file), Failure::WriteLost);
        note(shown.clone().any(old), Failure::PageOld);
        if last {
            let idle = State {
                file: self.file,
                pages: self.pages,
                noted: self.noted,
                answered: setting.writes,
                ..State::default()
            };
            let waits = |page: &Page| page.dirty || !page.is_free() && !page.is_absent();
            let waiting = *self != idle || self.pages.iter().any(waits);
            let unlike = shown.any(|bytes| *bytes != self.file);
            note(waiting, Failure::AllWait);
            note(unlike, Failure::PageUnlikeFile);
            // Those who store through different views can overwrite each other.
            let storing = setting.stores.iter().filter(|&&stores| stores > 0);
            let lost = storing.count() == 1 && self.file[WRITERS..] != setting.stores;
            note(lost, Failure::StoreLost);
        }
        broken
    }
}

/// Explores every state, and returns how many there are, or how it comes to the
/// first of the failures `sought`.
fn explore(setting: &Setting, sought: &[Failure]) -> Result<usize, String> {
    let first = State::first(setting);
    let mut seen = HashSet::from([first.clone()]);
    let mut states = vec![first];
    // From which state and by which step each came about.
    let mut origins: Vec<(usize, Step)> = vec![(0, ("", 0))];
    let mut at = 0;
    while at < states.len() {
        let next = states[at].next(setting);
        let last = next.iter().all(|((what, _), _)| *what == RECLAIM);
        let mut broken = states[at].broken(setting, last);
        broken.retain(|failure| sought.contains(failure));
        if !broken.is_empty() {
            let mut steps = Vec::new();
            while at > 0 {
                let (origin, (what, whose)) = origins[at];
                steps.push(format!("{what} ({whose})"));
                at = origin;
            }
            steps.reverse();
            let steps = steps.join("\n");
            return Err(format!("{setting:?}: {broken:?} after\n{steps}"));
        }
        for (step, state) in next {
            if seen.insert(state.clone()) {
                states.push(state);
                origins.push((at, step));
            }
        }
        at += 1;
    }
    Ok(states.len())
}

const ONE_OF_EACH: Setting = Setting {
    scheme: Scheme::Chosen,
    workers: 2,
    stores: [1, 0, 0],
    reads: [0, 1, 0],
    writes: [1, 0],
    resized: None,
};

#[test]
fn nothing_is_lost_or_old_and_nobody_waits_for_ever() {
    use Failure::{AllWait, PageOld, PageUnlikeFile, StoreLost, WriteLost};
    let all = [WriteLost, PageOld, PageUnlikeFile, StoreLost, AllWait];
    // Workers, stores and reads through each view, writes of each writer.
    for (workers, stores, reads, writes) in [
        (2, [1, 0, 0], [0, 1, 0], [1, 1]),
        (1, [1, 0, 0], [0, 1, 0], [1, 1]),
        (2, [2, 0, 0], [0, 0, 0], [1, 1]),
        (2, [1, 0, 0], [0, 1, 0], [2, 0]),
        (2, [2, 0, 0], [0, 1, 0], [1, 0]),
        (2, [1, 0, 0], [0, 2, 0], [1, 0]),
        (2, [1, 1, 0], [0, 0, 0], [1, 0]),
        (3, [0, 0, 0], [1, 1, 1], [1, 0]),
    ] {
        let setting = Setting {
            workers,
            stores,
            reads,
            writes,
            ..ONE_OF_EACH
        };
        let explored = explore(&setting, &all);
        assert!(explored.is_ok(), "{}", explored.unwrap_err());
    }
}

/// Asserts that `scheme` can fail in this way.
#[track_caller]
fn fails(scheme: Scheme, setting: Setting, failure: Failure) {
    let setting = Setting { scheme, ..setting };
    let told = explore(&setting, &[failure]);
    println!("{told:?}");
    assert!(
        told.is_err(),
        "{scheme:?} never fails by {failure:?}: {told:?}"
    );
}

#[test]
fn a_change_before_the_pages_are_dropped_is_lost() {
    fails(Scheme::ChangeFirst, ONE_OF_EACH, Failure::WriteLost);
}

#[test]
fn a_change_without_a_second_look_is_lost() {
    fails(Scheme::LookOnce, ONE_OF_EACH, Failure::WriteLost);
}

#[test]
fn a_change_that_passes_pages_which_are_leaving_is_lost() {
    let two_writers = Setting {
        writes: [1, 1],
        ..ONE_OF_EACH
    };
    fails(Scheme::LeftAtOnce, two_writers, Failure::WriteLost);
}

#[test]
fn a_fill_that_is_noted_when_it_has_read_is_old() {
    fails(Scheme::NoteLate, ONE_OF_EACH, Failure::PageOld);
    fails(Scheme::NoteLate, ONE_OF_EACH, Failure::WriteLost);
}

#[test]
fn a_fill_that_waits_for_no_change_is_old() {
    fails(Scheme::FillAtOnce, ONE_OF_EACH, Failure::PageOld);
}

#[test]
fn pages_stay_old_unless_they_are_dropped_after_another_is_written_back() {
    fails(Scheme::NoRefresh, ONE_OF_EACH, Failure::PageUnlikeFile);
}

#[test]
fn all_wait_if_what_is_written_back_waits_for_the_thread() {
    fails(Scheme::WriteBackWaits, ONE_OF_EACH, Failure::AllWait);
}

const RESIZED: Setting = Setting {
    resized: Some(0),
    ..ONE_OF_EACH
};

#[test]
fn nobody_waits_for_ever_and_no_write_is_lost_while_a_file_is_given_its_size() {
    use Failure::{AllWait, PageOld, StoreLost, WriteLost};
    for (stores, reads, writes) in [
        ([1, 0, 0], [0, 1, 0], [1, 1]),
        ([1, 0, 0], [0, 1, 1], [1, 0]),
        ([0, 1, 0], [1, 0, 0], [1, 1]),
        ([1, 1, 0], [0, 0, 0], [1, 1]),
        ([1, 0, 0], [0, 0, 0], [2, 1]),
    ] {
        let setting = Setting {
            stores,
            reads,
            writes,
            ..RESIZED
        };
        // Its own pages are dropped afterwards, and what was stored to them is as if it had
        // been stored then.
        let is_own = stores[0] > 0;
        let sought: &[Failure] = match is_own {
            true => &[AllWait],
            false => &[AllWait, WriteLost, StoreLost],
        };
        let explored = explore(&setting, sought);
        assert!(explored.is_ok(), "{}", explored.unwrap_err());
    }
    let others = Setting {
        stores: [0, 1, 0],
        ..RESIZED
    };
    assert!(explore(&others, &[PageOld]).is_ok());
}

#[test]
fn all_wait_if_a_file_is_given_its_size_by_the_thread_that_drops_its_pages() {
    let two_writers = Setting {
        writes: [1, 1],
        ..RESIZED
    };
    fails(Scheme::OneThread, two_writers, Failure::AllWait);
}

#[test]
fn a_change_is_lost_that_takes_what_another_thread_drops_as_gone() {
    let two_writers = Setting {
        stores: [0, 1, 0],
        writes: [1, 1],
        ..RESIZED
    };
    fails(Scheme::LeftForAll, two_writers, Failure::WriteLost);
}
