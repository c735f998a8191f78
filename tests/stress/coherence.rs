//! Eight processes read and write overlapping views, also with stores through mappings, and also
//! with a daemon that is killed.

use std::fs;
use std::path::Path;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::common::arrays::mounted;
use crate::common::calls::Numbers;
use crate::common::{Ability, Dir, Mount, kernel_can};
use crate::traffic::Client;
use crate::views::{Array, KINDS};
use crate::workers::{Board, Count, Crew, Worker};
use crate::{Budget, Outcome};

/// The processes of a row.
const CLIENTS: usize = 8;

/// How many pairs are made on one mount.
const ROUND: u64 = 50_000;

/// What a worker does that was started for one of these rows.
pub fn work(task: &str, worker: &Worker) {
    match task {
        "read without mapping" => Client::new(worker, false).write_and_read(false),
        "read" => Client::new(worker, false).write_and_read(true),
        "store alone" => Client::new(worker, false).store(&worker.words[2], true),
        "store" => Client::new(worker, false).store(&worker.words[2], false),
        "write until the end" => Client::new(worker, true).only_write(),
        "store until the end" => Client::new(worker, true).store(&worker.words[2], true),
        _ => panic!("{task}: no such task"),
    }
}

/// What workers do in a round, and how the array is mounted.
type Round = (Vec<(&'static str, &'static str)>, &'static [&'static str]);

/// Mounts that cache.
const CACHES: [&[&str]; 2] = [&["--cache", "auto"], &["--cache", "always"]];

/// Each writes and then reads what it wrote, through mappings too where `maps` is set.
fn reading(round: usize, maps: bool) -> Vec<(&'static str, &'static str)> {
    let task = match (round % 3, maps) {
        (2, _) | (_, false) => "read without mapping",
        _ => "read",
    };
    vec![(task, ""); CLIENTS]
}

/// Two of the eight store through mappings.
fn storing(round: usize) -> Vec<(&'static str, &'static str)> {
    let storing = match round % 3 {
        0 => [("store alone", "data"); 2],
        1 => [("store", "data"), ("store", "T/data")],
        _ => [("store alone", "T/data"); 2],
    };
    [&[("read", ""); CLIENTS - 2][..], &storing].concat()
}

/// Each writes and then reads what it wrote.
pub fn pairs(budget: &Budget) -> Outcome {
    let maps = kernel_can(Ability::DirectMappings);
    rounds(budget, |round| (reading(round, maps), &[]))
}

/// The same where the kernel reads and writes the whole file itself.
pub fn pairs_past_the_daemon(budget: &Budget) -> Outcome {
    rounds(budget, |_| {
        let tasks = vec![("read without mapping", ""); CLIENTS];
        (tasks, &["--passthrough", "rw"])
    })
}

/// The same through caches.
pub fn pairs_through_caches(budget: &Budget) -> Outcome {
    let maps = kernel_can(Ability::DirectMappings);
    rounds(budget, |round| {
        (reading(round, maps), CACHES[round / 4 % 2])
    })
}

/// Two of the eight store through mappings.
pub fn mapped(budget: &Budget) -> Outcome {
    rounds(budget, |round| (storing(round), &[]))
}

/// The same through caches.
pub fn mapped_through_caches(budget: &Budget) -> Outcome {
    rounds(budget, |round| (storing(round), CACHES[round / 4 % 2]))
}

/// Has workers do what `plan` says for each round, on one kind of array after
/// the other.
fn rounds(budget: &Budget, plan: impl Fn(usize) -> Round) -> Outcome {
    let mut outcome = Outcome::default();
    let (mut stores, mut slowest) = (0, Default::default());
    let mut round = 0;
    // Every kind has its turn, however little there is.
    let count = budget.count.div_ceil(KINDS.len() as u64).min(ROUND);
    let time = budget.end.map(|end| {
        let time = end.saturating_duration_since(Instant::now());
        time / KINDS.len() as u32
    });
    while budget.lasts(outcome.done) {
        let Some(dir) = Dir::with_fuse() else {
            return Outcome::skipped("no FUSE");
        };
        let kind = &KINDS[round % KINDS.len()];
        let (array, file) = Array::create(&dir, kind, round as u64);
        let board = Board::create(&dir, array.cells.len());
        let (tasks, options) = plan(round);
        let mount = mounted(&dir, &file, &[&kind.options(), options].concat());
        let mut crew = Crew::new();
        for (task, path) in tasks {
            let words = [mount.point().to_str().unwrap(), "8", path];
            crew.start(&dir, &board, task, &words);
        }
        let before = outcome.done;
        let round_budget = Budget::new(count, time);
        let enough = || {
            let done = board.sum(Count::Done);
            !budget.lasts(before + done) || !round_budget.lasts(done)
        };
        crew.wait(&board, enough);
        crew.stop(&board);
        mount.unmount();
        outcome.done += board.sum(Count::Done);
        outcome.failures += board.failures() + compare(&array, &file, &board);
        stores += board.sum(Count::Stores);
        slowest = board.slowest().max(slowest);
        round += 1;
    }
    outcome.note = format!("slowest {slowest:.1?}");
    if stores > 0 {
        outcome.note += &format!(", {stores} stores");
    }
    outcome
}

/// Compares the file with what was acknowledged; how many cells are wrong.
pub fn compare(array: &Array, file: &Path, board: &Board) -> u64 {
    let bytes = fs::read(file).unwrap();
    let mut wrong = 0;
    for (number, cell) in array.cells.iter().enumerate() {
        let held = &bytes[cell.at..][..cell.len];
        let low = board.written(number).load(SeqCst);
        let high = board.begun(number).load(SeqCst);
        if let Some(fault) = array.fault(number, held, low, high) {
            let count = array.count_near(number, held, low);
            eprintln!(
                "{fault:?} in the file: cell {number} at {}: count {count} of {low}..={high}",
                cell.at
            );
            wrong += 1;
        }
        // What was not acknowledged may have been done or not.
        let count = array.count_near(number, held, low);
        board.written(number).store(count, SeqCst);
        board.begun(number).store(count, SeqCst);
    }
    wrong
}

/// The daemon is killed while seven write and one stores through a mapping.
pub fn killed(budget: &Budget) -> Outcome {
    let Some(dir) = Dir::with_fuse() else {
        return Outcome::skipped("no FUSE");
    };
    let kind = &KINDS[2];
    let (array, file) = Array::create(&dir, kind, 7);
    let board = Board::create(&dir, array.cells.len());
    let mut numbers = Numbers(0x5eed);
    let mut outcome = Outcome::default();
    let mut writes = 0;
    while budget.lasts(outcome.done) {
        let mut mount: Mount = mounted(&dir, &file, &kind.options());
        let point = mount.point().to_str().unwrap().to_owned();
        let mut crew = Crew::new();
        for client in 0..CLIENTS {
            let task = match client {
                0 => "store until the end",
                _ => "write until the end",
            };
            crew.start(&dir, &board, task, &[&point, "8", "data"]);
        }
        let before = board.sum(Count::Done);
        let moment = before + 1 + numbers.below(2000) as u64;
        crew.wait(&board, || board.sum(Count::Done) >= moment);
        mount.signal(Signal::SIGKILL);
        if !ends(&mount) {
            eprintln!("round {}: the killed daemon stays", outcome.done);
            outcome.failures += 1;
            // Only so do its clients end, and those that wait for it.
            dir.command("umount", &["-f", &point]).run();
        }
        mount.died();
        crew.gone();
        writes += board.sum(Count::Done) - before;
        outcome.failures += compare(&array, &file, &board);
        mount.unmount_command().run().succeeds_silently();
        outcome.done += 1;
    }
    outcome.note = format!("{writes} writes");
    outcome
}

/// Whether a daemon that was killed is gone within a few seconds, with all of
/// its threads.
fn ends(mount: &Mount) -> bool {
    let threads = format!("/proc/{}/task", mount.daemon());
    let start = Instant::now();
    loop {
        // The first thread stays until it has been waited for.
        let count = fs::read_dir(&threads).map_or(0, Iterator::count);
        if count <= 1 || start.elapsed() > Duration::from_secs(5) {
            return count <= 1;
        }
        thread::sleep(Duration::from_millis(1));
    }
}
