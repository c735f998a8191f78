//! A backing file that is mapped again and again, since each of its columns needs more page
//! tables than one mapping may have.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;

use crate::common::arrays::mounted;
use crate::common::calls::open;
use crate::common::{Dir, Mount};
use crate::storage::volumes::Volume;
use crate::{Budget, Outcome};

/// A row is as long as a page table reaches.
const ROW: u64 = 2 << 20;
const ROWS: usize = 10 << 10;

const WRITERS: u64 = 2;

/// Columns are written over and over, each by one writer, who reads them back by another
/// view. A reader sees that no element goes back to what was replaced.
pub fn outgrown(budget: &Budget) -> Outcome {
    let Some(dir) = Dir::for_root() else {
        return Outcome::skipped("needs root");
    };
    // In memory nothing is read ahead. The columns lie in the same page of each row.
    let size = ROWS as u64 * 4096 + (8 << 20);
    let volume = match Volume::tmpfs(&dir, "memory", size) {
        Ok(volume) => volume,
        Err(reason) => return Outcome::skipped(&reason),
    };
    let path = volume.join("data");
    let file = File::create(&path).unwrap();
    file.set_len(ROWS as u64 * ROW).unwrap();
    let mount = mounted(&dir, &path, &["--shape", &format!("{ROWS},{ROW}")]);
    let (done, failures) = (AtomicU64::new(0), AtomicU64::new(0));
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let reader = scope.spawn(|| failures.fetch_add(went_back(&mount, &over), Relaxed));
        let writers = (0..WRITERS).map(|column| {
            let (mount, path, done, failures) = (&mount, &path, &done, &failures);
            scope.spawn(move || {
                let mut round: u8 = 0;
                while budget.lasts(done.load(Relaxed)) {
                    round = round.wrapping_add(1);
                    failures.fetch_add(lost(mount, column, round), Relaxed);
                    done.fetch_add(1, Relaxed);
                }
                let stored = open(path);
                let is_lost = |row: &u64| {
                    let mut found = [0];
                    stored
                        .read_exact_at(&mut found, row * ROW + column)
                        .unwrap();
                    found[0] != round
                };
                let lost = (0..ROWS as u64).filter(is_lost).count();
                failures.fetch_add(lost as u64, Relaxed);
            })
        });
        let writers: Vec<_> = writers.collect();
        let mut ended = writers.into_iter().map(|writer| writer.join());
        let panicked = ended.by_ref().find(Result::is_err);
        // Whoever is left ends with the budget.
        over.store(true, Relaxed);
        assert!(panicked.is_none() && reader.join().is_ok());
    });
    Outcome {
        done: done.into_inner(),
        failures: failures.into_inner(),
        ..Outcome::default()
    }
}

/// Writes a column, and counts the elements that another view does not show then.
fn lost(mount: &Mount, column: u64, round: u8) -> u64 {
    fs::write(mount.join(&format!("cols/{column}")), [round; ROWS]).unwrap();
    let shown = fs::read(mount.join(&format!("npy/cols/{column}.npy"))).unwrap();
    let elements = &shown[shown.len() - ROWS..];
    elements.iter().filter(|&&element| element != round).count() as u64
}

/// Reads the first writer's column until it is `over`, and counts the elements that are
/// older than when they were read before.
fn went_back(mount: &Mount, over: &AtomicBool) -> u64 {
    let mut last = vec![0; ROWS];
    let mut count = 0;
    while !over.load(Relaxed) {
        let now = fs::read(mount.join("T/rows/0")).unwrap();
        // Rounds are counted modulo 256, and fewer than half of these pass meanwhile.
        let is_older = |(now, last): &(&u8, &u8)| now.wrapping_sub(**last) > 128;
        count += now.iter().zip(&last).filter(is_older).count() as u64;
        last = now;
    }
    count
}
