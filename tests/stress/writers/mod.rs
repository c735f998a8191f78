//! Several clients write the same elements concurrently: through views, through mappings and
//! directly in the backing file, with truncations in between. All operations are recorded. The
//! history of every element must be that of a linearizable register.
//!
//! Operations without a promise are left out. Where the backing file is cached, mapped or
//! truncated, nobody writes to it directly, except to a row that nobody reads.

mod client;
mod history;
mod layout;
mod rivals;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::common::arrays::mounted;
use crate::common::{Ability, Dir, kernel_can};
use crate::workers::{Board, Count, Crew, Worker, now};
use crate::{Budget, Outcome};
use client::Client;
use history::{Histories, INITIAL};
use layout::{SHAPES, Shape, WORD};
pub use rivals::{rivals, rivals_in_views};

/// The most writes in one history.
const ROUND: u64 = 4_000;

/// What a worker does that was started for one of these rows.
pub fn work(task: &str, worker: &Worker) {
    match task.strip_prefix("rival ") {
        Some(task) => rivals::work(task, worker),
        None => Client::new(worker).work(task),
    }
}

/// What workers do, and what they know of each other, in an array that is mounted so.
struct Round {
    options: &'static [&'static str],
    /// Words that [`Client::new`] looks for.
    traits: &'static str,
    tasks: Vec<&'static str>,
}

const THROUGH: &str = "write several";
const BELOW: &str = "write several below";
const STORE_BELOW: &str = "store several below";
const TRUNCATE: &str = "truncate several";
const STORE: &str = "store several";
const PRODUCE: &str = "produce several";

const NEVER: &[&str] = &[];
const AUTO: &[&str] = &["--cache", "auto"];
const ALWAYS: &[&str] = &["--cache", "always"];
const PASSTHROUGH: &[&str] = &["--passthrough", "rw"];

/// Whoever writes, writes through views or to the backing file.
pub fn several(budget: &Budget) -> Outcome {
    let tasks = [THROUGH, THROUGH, THROUGH, BELOW, STORE_BELOW];
    let beside = [&tasks[..], &[PRODUCE]].concat();
    let rounds = [NEVER, PASSTHROUGH].map(|options| {
        [tasks.to_vec(), beside.clone()].map(|tasks| Round {
            options,
            traits: "",
            tasks,
        })
    });
    judged(budget, rounds.as_flattened())
}

/// The same through caches, where nobody writes to the backing file.
pub fn through_caches(budget: &Budget) -> Outcome {
    let round = |options, tasks: &[&'static str]| Round {
        options,
        traits: match kernel_can(Ability::DirectMappings) {
            true => "maps cached",
            false => "cached",
        },
        tasks: tasks.to_vec(),
    };
    let rounds = [
        round(AUTO, &[THROUGH; 5]),
        round(AUTO, &[THROUGH, THROUGH, THROUGH, THROUGH, PRODUCE]),
        round(ALWAYS, &[THROUGH; 5]),
    ];
    judged(budget, &rounds)
}

/// Some truncate what others write. The daemon cannot know of what passthrough writes
/// to a file whose truncation it still remembers.
pub fn beside_truncations(budget: &Budget) -> Outcome {
    let rounds = [NEVER, AUTO, ALWAYS, PASSTHROUGH].map(|options| Round {
        options,
        traits: match options {
            PASSTHROUGH => "indirect",
            _ => "",
        },
        tasks: match options {
            ALWAYS => vec![THROUGH, THROUGH, TRUNCATE, TRUNCATE],
            _ => vec![THROUGH, THROUGH, TRUNCATE, TRUNCATE, PRODUCE],
        },
    });
    judged(budget, &rounds)
}

/// Some store through mappings of views to other bytes of the same pages.
pub fn beside_stores(budget: &Budget) -> Outcome {
    let rounds = [NEVER, AUTO, ALWAYS].map(|options| Round {
        options,
        traits: match options {
            NEVER => "spares maps",
            _ => "spares maps cached",
        },
        tasks: match options {
            ALWAYS => vec![STORE, STORE, THROUGH, THROUGH, THROUGH],
            _ => vec![STORE, STORE, THROUGH, THROUGH, THROUGH, PRODUCE],
        },
    });
    judged(budget, &rounds)
}

/// Has each round its turn with each array, for as long as there is time.
fn judged(budget: &Budget, rounds: &[Round]) -> Outcome {
    let mut outcome = Outcome::default();
    let (mut reads, mut stores) = (0, 0);
    let turns = (rounds.len() * SHAPES.len()) as u64;
    let each = budget.each(turns);
    let mut slowest = Default::default();
    for turn in 0.. {
        if !budget.lasts(outcome.done) {
            break;
        }
        let Some(dir) = Dir::with_fuse() else {
            return Outcome::skipped("no FUSE");
        };
        let round = &rounds[turn % rounds.len()];
        let number = turn / rounds.len() % SHAPES.len();
        let shape = &SHAPES[number];
        let file = create(&dir, shape);
        let options = shape.options();
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        let mount = mounted(&dir, &file, &[&options, round.options].concat());
        let setting = Setting {
            dir: &dir,
            root: mount.point(),
            shape: number,
        };
        let share = each();
        let share = Budget {
            count: share.count.min(ROUND),
            ..share
        };
        let (board, mut histories) = setting.run(&share, round, ["data", "T/data"][turn % 2]);
        mount.unmount();
        histories.end(shape, &fs::read(&file).unwrap(), now());
        let what = format!("{:?} of {number} with {:?}", round.tasks, round.options);
        outcome.failures += board.failures() + histories.judge(&what);
        outcome.done += board.sum(Count::Done);
        reads += histories.reads();
        stores += board.sum(Count::Stores);
        slowest = board.slowest().max(slowest);
    }
    outcome.note = format!("{reads} elements read, slowest {slowest:.1?}");
    if stores > 0 {
        outcome.note += &format!(", {stores} stores");
    }
    outcome
}

/// Makes the file of an array.
fn create(dir: &Dir, shape: &Shape) -> PathBuf {
    let elements = INITIAL.to_le_bytes().repeat(shape.bytes() / WORD);
    dir.file("array.bin", elements)
}

/// Where clients work.
struct Setting<'a> {
    dir: &'a Dir,
    root: &'a Path,
    shape: usize,
}

impl Setting<'_> {
    /// Has the clients of a round work; what they counted and noted.
    fn run(&self, budget: &Budget, round: &Round, stored: &str) -> (Board, Histories) {
        let number = self.shape.to_string();
        let words = [self.root.to_str().unwrap(), &number, round.traits, stored];
        let board = Board::create(self.dir, 2);
        let mut crew = Crew::new();
        for task in &round.tasks {
            crew.start(self.dir, &board, task, &words);
        }
        crew.wait(&board, || !budget.lasts(board.sum(Count::Done)));
        crew.stop(&board);
        let mut histories = Histories::new(&SHAPES[self.shape]);
        for client in 0..round.tasks.len() {
            histories.load(self.dir.path(), client);
        }
        (board, histories)
    }
}

/// An ordinary file passes: what is judged wrong is not the judge's.
#[test]
fn several_writers_of_an_ordinary_file_are_judged_right() {
    let tasks = vec![THROUGH, THROUGH, THROUGH, BELOW, STORE_BELOW, PRODUCE];
    let round = Round {
        options: NEVER,
        traits: "",
        tasks,
    };
    let start = Instant::now();
    for (number, shape) in SHAPES.iter().enumerate() {
        let dir = Dir::new();
        let file = create(&dir, shape);
        let setting = Setting {
            dir: &dir,
            root: Path::new(""),
            shape: number,
        };
        let budget = Budget::new(4_000, Some(crate::short() / 3));
        let (board, mut histories) = setting.run(&budget, &round, "");
        histories.end(shape, &fs::read(&file).unwrap(), now());
        assert_eq!(histories.judge("an ordinary file"), 0);
        assert!(board.failures() == 0 && board.sum(Count::Done) > 100);
    }
    eprintln!("{:?}", start.elapsed());
}
