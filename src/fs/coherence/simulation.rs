//! The real thing between a kernel and a file that are simulated, under a scheduler that
//! tries out how threads can take turns. One page of each view shows the same bytes of the
//! file. Processes store to pages, read them, and write through views, each to a byte of
//! its own that counts up: so what is older is less.
//!
//! Each promise is judged by the simulated kernel, which knows what was answered. A
//! scheme that makes one of the mistakes that are easily made has to fail, or the
//! simulation proves nothing.

mod kernel;

use std::sync::Arc as StdArc;

use kernel::{Kernel, Page};
use shuttle::sync::Arc;
use shuttle::thread;

use super::pages::tests::files;
use crate::vfile::VirtualFile;

/// The views, of which each has one page.
const VIEWS: usize = 3;

/// A byte for each writer, then one for whoever stores through each view.
const WRITERS: usize = 2;
const BYTES: usize = WRITERS + VIEWS;

/// How often each scheduler is asked for another order: one gives turns by chance, one by
/// priorities, so that it keeps a thread waiting for long.
const ORDERS: usize = 10_000;

/// How many turns have to come in a certain order for a mistake to show.
const DEPTH: usize = 4;

/// Ways of answering requests, of which one is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Chosen,
    /// Changes the file before the pages are invalidated.
    ChangeFirst,
    /// Has what is written back wait for the invalidation thread.
    WriteBackWaits,
    /// Reads before a fill is noted.
    NoteLate,
    /// Leaves pages of other views that a page written back has made old.
    NoInvalidation,
    /// Changes bytes without a guard, so that no fill waits for it.
    NoGuard,
    /// Has a file that is given its size wait for the invalidation thread.
    ResizeWaits,
    /// Lets the kernel keep pages that were forgotten when nobody had the file open.
    KeepForgotten,
    /// Counts a file as closed that is still mapped.
    ClosedEarly,
}

/// Who does what, how often.
#[derive(Debug, Clone, Copy)]
struct Setting {
    scheme: Scheme,
    workers: usize,
    /// Through each view.
    stores: [u8; VIEWS],
    reads: [u8; VIEWS],
    /// By each writer, through the last view.
    writes: [u8; WRITERS],
    /// The view whose file is given its size once.
    resized: Option<usize>,
    /// The view whose file each process opens for itself, those that read for each read. The
    /// others are open from the start.
    reopened: Option<usize>,
}

const ONE_OF_EACH: Setting = Setting {
    scheme: Scheme::Chosen,
    workers: 2,
    stores: [1, 0, 0],
    reads: [0, 1, 0],
    writes: [1, 0],
    resized: None,
    reopened: None,
};

/// Runs everybody to the end, and checks what is left then.
fn run(setting: Setting, file: &VirtualFile) {
    let kernel = Arc::new(Kernel::new(setting, file));
    let daemon = kernel.start();
    let mut processes = Vec::new();
    let mut start = |work: Box<dyn FnOnce(&Kernel) + Send>| {
        let kernel = kernel.clone();
        processes.push(thread::spawn(move || work(&kernel)));
    };
    for view in 0..VIEWS {
        if setting.stores[view] > 0 {
            start(Box::new(move |kernel| kernel.store_all(view)));
        }
        if setting.reads[view] > 0 {
            start(Box::new(move |kernel| kernel.read_all(view)));
        }
    }
    for writer in 0..WRITERS {
        if setting.writes[writer] > 0 {
            start(Box::new(move |kernel| kernel.write_all(writer)));
        }
    }
    if let Some(view) = setting.resized {
        start(Box::new(move |kernel| kernel.resize(view)));
    }
    for process in processes {
        process.join().unwrap();
    }
    kernel.settle();
    kernel.stop();
    for thread in daemon {
        thread.join().unwrap();
    }
    let file = kernel.bytes();
    // What the kernel has of a closed file it drops before anybody sees it.
    for view in (0..VIEWS).filter(|view| setting.reopened != Some(*view)) {
        if let Page {
            bytes: Some(bytes), ..
        } = &*kernel.page(view)
        {
            assert_eq!(*bytes, file, "page {view} is unlike the file");
        }
    }
    assert_eq!(file[..WRITERS], setting.writes, "writes are lost");
    // Those who store through different views can overwrite each other.
    if setting.stores.iter().filter(|&&stores| stores > 0).count() == 1 {
        assert_eq!(file[WRITERS..], setting.stores, "stores are lost");
    }
}

fn explore(setting: Setting) {
    let file = StdArc::new(files(BYTES as u64, &[0]).remove(0));
    let (by_chance, by_priority) = (file.clone(), file);
    shuttle::check_random(move || run(setting, &by_chance), ORDERS);
    shuttle::check_pct(move || run(setting, &by_priority), ORDERS, DEPTH);
}

#[test]
fn nothing_is_lost_or_old_and_nobody_waits_for_ever() {
    // Workers, stores and reads through each view, writes of each writer, the view that is
    // given its size, and the one that is opened each time.
    for (workers, stores, reads, writes, resized, reopened) in [
        (2, [1, 0, 0], [0, 1, 0], [1, 1], None, None),
        (1, [1, 0, 0], [0, 1, 0], [1, 1], None, None),
        (2, [2, 0, 0], [0, 0, 1], [2, 1], None, None),
        (2, [1, 0, 0], [0, 2, 0], [2, 0], None, None),
        (2, [1, 1, 0], [0, 0, 0], [1, 1], None, None),
        (3, [0, 0, 0], [1, 1, 1], [2, 2], None, None),
        (3, [1, 0, 0], [0, 2, 2], [2, 2], None, None),
        (1, [2, 1, 1], [1, 1, 1], [2, 2], None, None),
        (1, [1, 0, 0], [0, 1, 0], [1, 1], Some(0), None),
        (2, [1, 1, 0], [0, 1, 1], [1, 1], Some(1), None),
        (2, [0, 0, 0], [0, 3, 0], [2, 0], None, Some(1)),
        (2, [1, 0, 0], [0, 2, 0], [1, 1], None, Some(1)),
        (2, [1, 0, 0], [2, 1, 0], [1, 1], None, Some(0)),
    ] {
        explore(Setting {
            scheme: Scheme::Chosen,
            workers,
            stores,
            reads,
            writes,
            resized,
            reopened,
        });
    }
}

/// Asserts that `scheme` breaks a promise, with these words.
#[track_caller]
fn fails(scheme: Scheme, setting: Setting, words: &str) {
    let setting = Setting { scheme, ..setting };
    let outcome = std::panic::catch_unwind(|| explore(setting)).unwrap_err();
    let text = match outcome.downcast_ref::<String>() {
        Some(text) => text.as_str(),
        None => outcome.downcast_ref::<&str>().copied().unwrap_or_default(),
    };
    assert!(text.contains(words), "{scheme:?}: {text}");
}

const TWO_WRITERS: Setting = Setting {
    writes: [1, 1],
    ..ONE_OF_EACH
};

const NO_STORE: Setting = Setting {
    stores: [0, 0, 0],
    ..ONE_OF_EACH
};

const NO_READ: Setting = Setting {
    reads: [0, 0, 0],
    ..ONE_OF_EACH
};

#[test]
fn a_change_before_the_pages_are_invalidated_is_lost() {
    fails(Scheme::ChangeFirst, TWO_WRITERS, "write");
}

#[test]
fn a_fill_that_is_noted_when_it_has_read_is_old() {
    fails(Scheme::NoteLate, NO_STORE, "is unlike the file");
    fails(Scheme::NoteLate, NO_READ, "write");
}

#[test]
fn a_fill_that_waits_for_no_change_is_old() {
    fails(Scheme::NoGuard, NO_STORE, "is unlike the file");
}

#[test]
fn pages_stay_old_unless_they_are_invalidated_after_another_is_written_back() {
    fails(Scheme::NoInvalidation, ONE_OF_EACH, "is unlike the file");
}

#[test]
fn all_wait_if_what_is_written_back_waits_for_the_thread() {
    fails(Scheme::WriteBackWaits, ONE_OF_EACH, "deadlock");
}

#[test]
fn all_wait_if_a_file_that_is_given_its_size_waits_for_the_thread() {
    let resized = Setting {
        resized: Some(0),
        ..TWO_WRITERS
    };
    fails(Scheme::ResizeWaits, resized, "deadlock");
}

#[test]
fn pages_that_were_forgotten_are_old_unless_they_are_dropped_at_the_next_open() {
    let reopened = Setting {
        reads: [0, 2, 0],
        reopened: Some(1),
        ..NO_STORE
    };
    fails(Scheme::KeepForgotten, reopened, "write");
}

#[test]
fn a_write_is_lost_if_pages_are_forgotten_of_a_file_that_is_still_mapped() {
    let reopened = Setting {
        reopened: Some(0),
        ..NO_READ
    };
    fails(Scheme::ClosedEarly, reopened, "write");
}
