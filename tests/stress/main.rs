//! Stress tests of the promises. Each row of the table is one attack. A test runs it for a few
//! seconds; `scripts/stress.sh` runs all rows for a given time and prints the number of
//! operations and failures.
//!
//! A row continues after a failure. Details of a failure go to standard error.

#![cfg(target_os = "linux")]

#[path = "../common/mod.rs"]
mod common;

mod beside;
mod coherence;
mod ends;
mod hostile;
mod limits;
mod mounts;
mod registers;
mod requests;
mod storage;
mod tables;
mod traffic;
mod views;
mod workers;
mod writers;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use common::{Ability, Dir, deadline, kernel_can, needs, skip};

/// How long a row takes as a test, at the most: 6 seconds, or more on a machine that is
/// emulated.
fn short() -> Duration {
    deadline() / 5
}

/// An attack.
struct Row {
    /// The name of its test.
    name: &'static str,
    /// What is counted.
    what: &'static str,
    /// How often it is done for a test.
    short: u64,
    /// How often it has been done when it counts as proven.
    reach: u64,
    /// What it needs of the kernel.
    needs: Option<Ability>,
    run: fn(&Budget) -> Outcome,
}

/// How long a row goes on.
struct Budget {
    count: u64,
    end: Option<Instant>,
}

/// What a row did.
#[derive(Default)]
struct Outcome {
    done: u64,
    failures: u64,
    /// It could not be tried here.
    is_skipped: bool,
    /// What else there is to say, in a few words.
    note: String,
}

impl Budget {
    fn new(count: u64, time: Option<Duration>) -> Budget {
        let end = time.map(|time| Instant::now() + time);
        Budget { count, end }
    }

    /// What there is for each of so many parts, from when it begins.
    fn each(&self, parts: u64) -> impl Fn() -> Budget {
        let count = self.count.div_ceil(parts);
        let time = self
            .end
            .map(|end| end.saturating_duration_since(Instant::now()));
        move || Budget::new(count, time.map(|time| time / parts as u32))
    }

    /// Whether to go on after this has been `done` so many times.
    fn lasts(&self, done: u64) -> bool {
        done < self.count && self.end.is_none_or(|end| Instant::now() < end)
    }
}

impl Outcome {
    /// Of a row that cannot be run here.
    fn skipped(why: &str) -> Outcome {
        Outcome {
            is_skipped: true,
            note: why.into(),
            ..Outcome::default()
        }
    }

    /// Why it proves nothing, if it was to be done `count` times. Machines are slow and
    /// fast, but a row that has hardly begun, or could not, has not been tried.
    fn trouble(&self, count: u64) -> Option<String> {
        let least = count.div_ceil(50);
        match self {
            Outcome {
                is_skipped: true,
                note,
                ..
            } => Some(format!(
                "skipped: {note}; scripts/stress.sh installs what is needed"
            )),
            Outcome { failures: 1.., .. } => Some(format!("{} failures", self.failures)),
            Outcome { done, .. } if *done < least => Some(format!("{done} done, not {least}")),
            _ => None,
        }
    }
}

/// Defines the table, and a test for each row:
/// `name: what is counted, how often for a test, how often to prove it, function`, and
/// what is needed of the kernel.
macro_rules! rows {
    ($($name:ident: $what:literal, $short:literal, $reach:literal, $run:path $(, $needs:ident)?;)*) => {
        const ROWS: &[Row] = &[$(Row {
            name: stringify!($name),
            what: $what,
            short: $short,
            reach: $reach,
            needs: [$(Ability::$needs)?].first().copied(),
            run: $run,
        },)*];

        /// Apart, so that `scripts/test.sh` can leave them out by the name of the module.
        mod attacks {
            use super::*;

            $(#[test]
            #[cfg_attr(arrayfs_portable, ignore = "the portable twin does not drop pages")]
            fn $name() {
                // Where tests that mount are to be left out, this says so.
                if Dir::with_fuse().is_none() {
                    return;
                }
                let row = ROWS.iter().find(|row| row.name == stringify!($name)).unwrap();
                if !row.needs.is_none_or(needs) {
                    return;
                }
                let outcome = attempt(row, row.short, Some(short()));
                eprintln!("{}: {} done, {}", row.what, outcome.done, outcome.note);
                if outcome.is_skipped {
                    return skip(&outcome.note);
                }
                assert_eq!(outcome.trouble(row.short), None, "{}", row.what);
            })*
        }
    };
}

rows! {
    pairs_of_write_and_read: "write, then read through another view: stale or torn",
        20_000, 1_000_000, coherence::pairs;
    writes_beside_mappings: "the same while two others store through mappings",
        10_000, 200_000, coherence::mapped, StableWriteBack;
    pairs_past_the_daemon: "write, then read, with --passthrough rw",
        10_000, 300_000, coherence::pairs_past_the_daemon;
    pairs_through_caches: "write, then read, with --cache auto and always",
        20_000, 500_000, coherence::pairs_through_caches;
    writes_beside_mappings_and_caches: "the same while two others store through mappings",
        10_000, 200_000, coherence::mapped_through_caches, StableWriteBack;
    several_writers: "writes of the same elements by several: all reads fit one order",
        6_000, 400_000, writers::several;
    several_writers_through_caches: "the same with --cache auto and always, and mapped",
        6_000, 300_000, writers::through_caches;
    several_writers_and_truncations: "the same while two of them truncate",
        4_000, 200_000, writers::beside_truncations;
    several_writers_and_stores: "the same while two others store through mappings",
        4_000, 100_000, writers::beside_stores, StableWriteBack;
    rivals_below: "writes of 1 MiB, part of it written below meanwhile: which stays",
        100, 2_000, writers::rivals;
    rivals_in_views: "the same, that part written through a row",
        100, 2_000, writers::rivals_in_views;
    copies_beside_mappings: "copies and holes beside others who store and write there",
        2_000, 100_000, beside::copies, StableWriteBack;
    opens_beside_writers: "views opened anew while others write to the file, --cache auto",
        20_000, 1_000_000, beside::opens;
    truncations_beside_mappings: "truncations beside mappings, stores and writes: nobody waits",
        4_000, 200_000, beside::truncations, StableWriteBack;
    frozen_storage: "mapped pages read while a write waits for frozen storage",
        200, 5_000, storage::frozen, DirectMappings;
    killed_daemons: "daemon killed amid writes and stores, file compared",
        15, 300, coherence::killed, DirectMappings;
    aborted_daemons: "SIGABRT amid stores and writes: nobody waits for ever",
        8, 100, ends::aborted, DirectMappings;
    faulting_daemons: "SIGSEGV amid stores and writes: nobody waits for ever",
        8, 100, ends::segmentation_fault, DirectMappings;
    quit_daemons: "SIGQUIT amid stores and writes: nobody waits for ever",
        8, 100, ends::quit, DirectMappings;
    killed_groups: "process group killed amid stores and writes: nobody waits for ever",
        8, 100, ends::group_killed, DirectMappings;
    killed_ends: "daemon killed as it unmounts amid stores and writes: nobody waits for ever",
        8, 100, ends::killed_while_ending, DirectMappings;
    killed_watchdogs: "daemon and watchdog killed amid stores and writes: -u frees the mount",
        8, 100, ends::all_killed, DirectMappings;
    memory_ends: "daemon out of memory amid stores and writes: nobody waits for ever",
        4, 100, ends::out_of_memory, DirectMappings;
    mount_cycles: "mount, traffic, unmount: nothing is left",
        12, 500, mounts::cycles;
    long_lived_mount: "write and read on one mount, which does not grow",
        20_000, 500_000, mounts::long_lived;
    open_handles: "files opened, kept and used",
        5_000, 100_000, hostile::handles;
    odd_offsets: "calls at offsets near 2^63",
        20_000, 1_000_000, requests::offsets;
    huge_requests: "requests of no byte and of 1 GiB",
        50, 5_000, requests::sizes;
    interrupted_requests: "signals amid requests of megabytes, clients killed",
        2_000, 100_000, requests::interrupted;
    thousands_of_mappings: "mappings, all of which show what is written",
        2_000, 50_000, hostile::mappings, StableWriteBack;
    stopped_clients: "writes while a client with stored pages is stopped",
        3_000, 100_000, hostile::stopped, DirectMappings;
    no_more_threads: "mounts without a thread more: stores, truncations, writes",
        2, 20, limits::without_threads, DirectMappings;
    crowds: "rows of 1 MiB written by 600 threads while others have them mapped",
        1_200, 100_000, limits::crowd, StableWriteBack;
    mapped_buffers: "reads and writes whose memory is another view's mapping",
        1_000, 50_000, requests::buffers, StableWriteBack;
    truncated_files: "backing file cut and made whole again amid reads and writes",
        200, 3_000, storage::cut_short, DirectMappings;
    displaced_files: "backing file replaced or deleted",
        9, 300, storage::displaced;
    full_storage: "writes to sparse files on full file systems",
        4_800, 100_000, storage::full;
    quotas: "writes to sparse files over quota",
        800, 20_000, storage::over_quota;
    failing_storage: "storage below fails reads, writes or fsync of some bytes",
        150, 3_000, storage::failing;
    cut_images: "image of the ext4 below is cut or cannot grow",
        10, 300, storage::cut_image;
    outgrown_page_tables: "columns written and read while the file is mapped anew: lost or old",
        20, 300, tables::outgrown;
    fsx: "operations of fsx on five views",
        10_000, 1_000_000, storage::fsx;
    fio: "reads and writes of fio --verify, 8 jobs over rows",
        20_000, 1_000_000, storage::fio;
}

/// Runs a row while no other runs.
fn attempt(row: &Row, count: u64, time: Option<Duration>) -> Outcome {
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let budget = Budget::new(count, time);
    if !row.needs.is_none_or(kernel_can) {
        return Outcome::skipped("the kernel cannot do what it needs");
    }
    let run = AssertUnwindSafe(|| (row.run)(&budget));
    catch_unwind(run).unwrap_or_else(|_| Outcome {
        failures: 1,
        note: "panicked".into(),
        ..Outcome::default()
    })
}

#[test]
fn a_row_that_did_nothing_or_could_not_has_failed() {
    let outcome = |done, failures| Outcome {
        done,
        failures,
        ..Outcome::default()
    };
    let of = |outcome: Outcome| outcome.trouble(200);
    assert_eq!(of(outcome(4, 0)), None);
    assert_eq!(of(outcome(3, 0)).unwrap(), "3 done, not 4");
    assert_eq!(of(outcome(200, 2)).unwrap(), "2 failures");
    assert_eq!(outcome(0, 0).trouble(9).unwrap(), "0 done, not 1");
    let skipped = of(Outcome::skipped("no ext4")).unwrap();
    assert!(skipped.starts_with("skipped: no ext4; "), "{skipped}");
}

/// Does what a worker process is told to.
#[test]
#[ignore = "started by the rows"]
fn worker() {
    let Some((task, worker)) = workers::task() else {
        return;
    };
    match task.as_str() {
        "hold handles" => hostile::hold_handles(&worker),
        "be interrupted" => requests::be_interrupted(&worker),
        "store beside" | "write beside" | "copy beside" | "punch beside" | "write below"
        | "open anew" | "truncate beside" | "touch beside" | "write rows beside" => {
            beside::work(&task, &worker);
        }
        "store under limits" | "truncate under limits" | "write as a crowd" => {
            limits::work(&task, &worker)
        }
        task if task.ends_with(" several") || task.ends_with(" several below") => {
            writers::work(task, &worker);
        }
        task if task.starts_with("rival ") => writers::work(task, &worker),
        "store till its end" | "write till its end" => ends::work(&task, &worker),
        task => coherence::work(task, &worker),
    }
}

/// Runs every row, and prints the table: for `ARRAYFS_STRESS_SECONDS` in all,
/// or as often as proves it if `ARRAYFS_STRESS_COUNTS` is set.
/// `ARRAYFS_STRESS_ONLY` leaves all rows out whose names do not contain it.
#[test]
#[ignore = "takes long: run scripts/stress.sh"]
fn table() {
    let variable = |name| std::env::var(name).ok();
    let only = variable("ARRAYFS_STRESS_ONLY").unwrap_or_default();
    let rows: Vec<&Row> = ROWS.iter().filter(|row| row.name.contains(&only)).collect();
    assert!(!rows.is_empty(), "no row is called {only:?}");
    let seconds = variable("ARRAYFS_STRESS_SECONDS").map_or(600, |text| text.parse().unwrap());
    let share = Duration::from_secs(seconds) / rows.len() as u32;
    let in_full = variable("ARRAYFS_STRESS_COUNTS").is_some();

    println!(
        "{:<72} {:>10} {:>8} {:>7}",
        "what", "done", "failures", "seconds"
    );
    let mut failures = 0;
    for row in rows {
        let start = Instant::now();
        let outcome = match in_full {
            true => attempt(row, row.reach, None),
            false => attempt(row, u64::MAX, Some(share)),
        };
        let least = if in_full { row.reach } else { row.short };
        let trouble = outcome.trouble(least);
        let Outcome {
            done,
            failures: failed,
            note,
            ..
        } = outcome;
        let seconds = start.elapsed().as_secs();
        println!(
            "{:<72} {done:>10} {failed:>8} {seconds:>7}  {note}",
            row.what
        );
        if let Some(trouble) = trouble {
            println!("    FAILED: {trouble}");
            failures += 1;
        }
    }
    if failures > 0 {
        // The table says it all, where a panic would print more.
        std::process::exit(1);
    }
}
