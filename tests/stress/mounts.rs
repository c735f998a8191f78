//! Repeated mounts and unmounts, which leave nothing behind, and one long-lived mount, which
//! does not grow.

use std::fs;

use nix::unistd::Pid;

use crate::common::arrays::mounted;
use crate::common::{Dir, Mount, mounts_below, rss_anon};
use crate::views::{Array, KINDS};
use crate::workers::{Board, Count, Crew};
use crate::{Budget, Outcome};

/// What a process holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holdings {
    pub descriptors: usize,
    pub threads: usize,
    /// Memory that is not a file's, in KiB.
    pub memory: u64,
}

impl Holdings {
    /// What a process holds now.
    pub fn of(process: Pid) -> Holdings {
        let place = format!("/proc/{process}");
        let count = |name| fs::read_dir(format!("{place}/{name}")).unwrap().count();
        Holdings {
            descriptors: count("fd"),
            threads: count("task"),
            memory: rss_anon(process),
        }
    }
}

/// Mounts, writes and reads from four processes, unmounts.
pub fn cycles(budget: &Budget) -> Outcome {
    let Some(dir) = Dir::with_fuse() else {
        return Outcome::skipped("no FUSE");
    };
    let kind = &KINDS[1];
    let (array, file) = Array::create(&dir, kind, 11);
    let board = Board::create(&dir, array.cells.len());
    let point = dir.directory("mount");
    let mut outcome = Outcome::default();
    let mut before = None;
    while budget.lasts(outcome.done) {
        let (mount, started) = Mount::start_on(&dir, &file, &point, &kind.options(), &[]);
        started.succeeds();
        let mut crew = Crew::new();
        let goal = board.sum(Count::Done) + 100;
        for _ in 0..4 {
            crew.start(&dir, &board, "read", &[point.to_str().unwrap(), "4"]);
        }
        crew.wait(&board, || board.sum(Count::Done) >= goal);
        crew.stop(&board);
        let daemon = mount.daemon();
        mount.unmount();
        let leftovers = mounts_below(&point).len()
            + usize::from(fs::exists(format!("/proc/{daemon}")).unwrap());
        // The first round starts threads that stay.
        let descriptors = Holdings::of(Pid::this()).descriptors;
        let leaked = *before.get_or_insert(descriptors) != descriptors;
        outcome.failures += leftovers as u64 + u64::from(leaked);
        outcome.done += 1;
    }
    outcome.failures += board.failures();
    outcome.note = format!("{} pairs", board.sum(Count::Done));
    outcome
}

/// One mount is used for long.
pub fn long_lived(budget: &Budget) -> Outcome {
    let Some(dir) = Dir::with_fuse() else {
        return Outcome::skipped("no FUSE");
    };
    let kind = &KINDS[1];
    let (array, file) = Array::create(&dir, kind, 12);
    let board = Board::create(&dir, array.cells.len());
    let mount = mounted(&dir, &file, &kind.options());
    let mut crew = Crew::new();
    for _ in 0..4 {
        crew.start(
            &dir,
            &board,
            "read",
            &[mount.point().to_str().unwrap(), "4"],
        );
    }
    let done = || board.sum(Count::Done);
    // By then all buffers are as large as they become.
    crew.wait(&board, || {
        done() >= budget.count.min(1000) || !budget.lasts(done())
    });
    let before = Holdings::of(mount.daemon());
    crew.wait(&board, || !budget.lasts(done()));
    let after = Holdings::of(mount.daemon());
    crew.stop(&board);
    mount.unmount();
    let grown = after.memory > before.memory + 1024;
    let leaked = (after.descriptors, after.threads) != (before.descriptors, before.threads);
    if grown || leaked {
        eprintln!("the daemon held {before:?}, then {after:?}");
    }
    Outcome {
        done: done(),
        failures: u64::from(grown) + u64::from(leaked) + board.failures(),
        note: format!(
            "anonymous memory {} KiB, then {} KiB",
            before.memory, after.memory
        ),
        ..Outcome::default()
    }
}
