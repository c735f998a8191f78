//! Clients that hold too many resources, or are stopped in the middle of a call.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use memmap2::{MmapOptions, MmapRaw};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::Signal;

use crate::coherence::compare;
use crate::common::arrays::mounted;
use crate::common::calls::{Numbers, open};
use crate::common::{Dir, Mount};
use crate::mounts::Holdings;
use crate::views::{Array, KINDS};
use crate::workers::{Board, Count, Crew, Worker};
use crate::{Budget, Outcome};

/// Processes that share what is too much for one.
const CROWD: usize = 8;

/// An array of 1000 x 1000 bytes, all zero.
pub fn million(dir: &Dir) -> Mount {
    let file = dir.file("million.bin", vec![0; 1_000_000]);
    mounted(dir, &file, &["--shape", "1000,1000"])
}

/// Files are opened and stay so.
pub fn handles(budget: &Budget) -> Outcome {
    let Some(dir) = Dir::with_fuse() else {
        return Outcome::skipped("no FUSE");
    };
    let board = Board::create(&dir, 0);
    let mount = million(&dir);
    let before = Holdings::of(mount.daemon());
    let goal = budget.count.min(100_000);
    board.setting().store(goal.div_ceil(CROWD as u64), SeqCst);
    let mut crew = Crew::new();
    for _ in 0..CROWD {
        crew.start(
            &dir,
            &board,
            "hold handles",
            &[mount.point().to_str().unwrap()],
        );
    }
    let done = || board.sum(Count::Done);
    crew.wait(&board, || done() >= goal || !budget.lasts(done()));
    let full = Holdings::of(mount.daemon());
    let start = Instant::now();
    fs::read(mount.join("cols/7")).unwrap();
    let answer = start.elapsed();
    crew.stop(&board);
    let after = Holdings::of(mount.daemon());
    mount.unmount();
    let leaked = after.descriptors != before.descriptors || after.threads != before.threads;
    Outcome {
        done: done(),
        failures: board.failures() + u64::from(leaked),
        note: format!(
            "daemon {} to {} KiB, a read {answer:.1?}",
            before.memory, full.memory
        ),
        ..Outcome::default()
    }
}

/// Opens as many files as it is told, and reads and writes through all of them.
pub fn hold_handles(worker: &Worker) {
    let limit = Resource::RLIMIT_NOFILE;
    let (_, most) = getrlimit(limit).unwrap();
    // Only root may go beyond.
    if setrlimit(limit, 30_000, 30_000).is_err() {
        setrlimit(limit, most, most).unwrap();
    }
    let count = worker.board.setting().load(SeqCst) as usize;
    let mine = worker.number * 100..(worker.number + 1) * 100;
    let mut files: Vec<(usize, File)> = Vec::new();
    let mut numbers = Numbers(worker.number as u64 + 1);
    while worker.board.goes_on() {
        let at = numbers.below(files.len().max(1));
        if files.len() < count {
            let row = mine.start + files.len() % mine.len();
            let name = match files.len() % 3 {
                0 => format!("rows/{row}"),
                1 => format!("slices/{row}"),
                _ => format!("npy/../slices/{row},:"),
            };
            let path = Path::new(&worker.words[0]).join(name);
            let file = File::options().read(true).write(true).open(path);
            match worker.in_time(|| file) {
                Ok(file) => files.push((row, file)),
                Err(error) => {
                    eprintln!("after {} files: {error}", files.len());
                    worker.board.add(worker.number, Count::Errors);
                    return;
                }
            }
            worker.board.add(worker.number, Count::Done);
            if !files.len().is_multiple_of(16) {
                continue;
            }
        }
        // What is written through one is read through another.
        let byte = [numbers.below(256) as u8];
        let (row, file) = &files[at];
        let place = numbers.below(1000) as u64;
        worker.in_time(|| file.write_all_at(&byte, place)).unwrap();
        let same = files.iter().rev().find(|(other, _)| other == row).unwrap();
        let mut read = [0];
        worker
            .in_time(|| same.1.read_exact_at(&mut read, place))
            .unwrap();
        if read != byte {
            worker.board.add(worker.number, Count::Stale);
        }
    }
}

/// Thousands of mappings all show what is written.
pub fn mappings(budget: &Budget) -> Outcome {
    let Some(dir) = Dir::with_fuse() else {
        return Outcome::skipped("no FUSE");
    };
    let mount = million(&dir);
    let mut outcome = Outcome::default();
    let mut slowest = Duration::ZERO;
    let (mut maps, mut held): (Vec<(usize, MmapRaw)>, usize) = (Vec::new(), 0);
    let mut value = 0;
    while budget.lasts(outcome.done) {
        // Some thousands, and a write every now and then.
        if maps.len() == 8000 {
            maps.drain(..4000);
        }
        for _ in 0..250 {
            let row = maps.len() % 1000;
            let name = match maps.len() / 1000 {
                0 => format!("rows/{row}"),
                1 => format!("npy/rows/{row}.npy"),
                n => format!("slices/{row},:{}", 1000 - n),
            };
            let header = if name.starts_with("npy") { 128 } else { 0 };
            let map = MmapOptions::new().map_raw_read_only(&open(mount.join(&name)));
            let map = map.unwrap_or_else(|error| panic!("{} mapped: {error}", maps.len()));
            // SAFETY: within the mapping, which others change.
            unsafe { map.as_ptr().add(header + 5).read_volatile() };
            maps.push((header, map));
            outcome.done += 1;
        }
        held = held.max(maps.len());
        value = value % 255 + 1;
        let start = Instant::now();
        fs::write(mount.join("cols/5"), [value; 1000]).unwrap();
        slowest = slowest.max(start.elapsed());
        let old = maps.iter().filter(|(header, map)| {
            // SAFETY: as above.
            let shown: u8 = unsafe { map.as_ptr().add(header + 5).read_volatile() };
            shown != value
        });
        outcome.failures += old.count() as u64;
    }
    drop(maps);
    mount.unmount();
    outcome.note = format!("{held} at a time, slowest write of a column {slowest:.1?}");
    outcome
}

/// A client with stored pages is stopped while others write.
pub fn stopped(budget: &Budget) -> Outcome {
    let Some(dir) = Dir::with_fuse() else {
        return Outcome::skipped("no FUSE");
    };
    let kind = &KINDS[2];
    let (array, file) = Array::create(&dir, kind, 13);
    let board = Board::create(&dir, array.cells.len());
    let mount = mounted(&dir, &file, &kind.options());
    let point = mount.point().to_str().unwrap();
    let mut crew = Crew::new();
    for number in 0..8 {
        match number {
            0 => crew.start(&dir, &board, "store alone", &[point, "8", "data"]),
            _ => crew.start(&dir, &board, "read", &[point, "8"]),
        }
    }
    let done = || board.sum(Count::Done);
    let mut stops = 0;
    let mut meanwhile = 0;
    while budget.lasts(meanwhile) {
        let stores = board.sum(Count::Stores);
        crew.wait(&board, || board.sum(Count::Stores) > stores + 50);
        crew.signal(0, Signal::SIGSTOP);
        let before = done();
        crew.wait(&board, || done() >= before + 300);
        meanwhile += done() - before;
        board.count(0, Count::Since).store(0, SeqCst);
        crew.signal(0, Signal::SIGCONT);
        stops += 1;
    }
    crew.stop(&board);
    mount.unmount();
    let failures = board.failures() + compare(&array, &file, &board);
    Outcome {
        done: meanwhile,
        failures,
        note: format!("{stops} stops, slowest {:.1?}", board.slowest()),
        ..Outcome::default()
    }
}
