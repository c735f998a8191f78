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

/// How often the scheduler is asked for another order.
const ORDERS: usize = 10_000;

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
}

const ONE_OF_EACH: Setting = Setting {
    scheme: Scheme::Chosen,
    workers: 2,
    stores: [1, 0, 0],
    reads: [0, 1, 0],
    writes: [1, 0],
    resized: None,
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
    for view in 0..VIEWS {
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
    shuttle::check_random(move || run(setting, &file), ORDERS);
}

#[test]
fn nothing_is_lost_or_old_and_nobody_waits_for_ever() {
    // Workers, stores and reads through each view, writes of each writer, resizes.
    for (workers, stores, reads, writes, resized) in [
        (2, [1, 0, 0], [0, 1, 0], [1, 1], None),
        (1, [1, 0, 0], [0, 1, 0], [1, 1], None),
        (2, [2, 0, 0], [0, 0, 1], [2, 1], None),
        (2, [1, 0, 0], [0, 2, 0], [2, 0], None),
        (2, [1, 1, 0], [0, 0, 0], [1, 1], None),
        (3, [0, 0, 0], [1, 1, 1], [2, 2], None),
        (3, [1, 0, 0], [0, 2, 2], [2, 2], None),
        (1, [2, 1, 1], [1, 1, 1], [2, 2], None),
        (1, [1, 0, 0], [0, 1, 0], [1, 1], Some(0)),
        (2, [1, 1, 0], [0, 1, 1], [1, 1], Some(1)),
    ] {
        explore(Setting {
            scheme: Scheme::Chosen,
            workers,
            stores,
            reads,
            writes,
            resized,
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

#[test]
fn a_change_before_the_pages_are_invalidated_is_lost() {
    fails(Scheme::ChangeFirst, TWO_WRITERS, "write");
}

#[test]
fn a_fill_that_is_noted_when_it_has_read_is_old() {
    fails(Scheme::NoteLate, ONE_OF_EACH, "write");
}

#[test]
fn a_fill_that_waits_for_no_change_is_old() {
    fails(Scheme::NoGuard, ONE_OF_EACH, "write");
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
