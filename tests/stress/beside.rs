//! Processes that access the same bytes with rare system calls: `copy_file_range`, hole
//! punching, and writes to the backing file while others open it.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::Duration;

use memmap2::{MmapOptions, MmapRaw};
use nix::fcntl::{FallocateFlags, copy_file_range, fallocate};
use nix::unistd::truncate as truncate_by_name;

use crate::common::Dir;
use crate::common::arrays::mounted;
use crate::common::calls::{Numbers, open};
use crate::workers::{Board, Count, Crew, Worker};
use crate::{Budget, Outcome};

/// What a worker does that was started for one of these rows.
pub fn work(task: &str, worker: &Worker) {
    let root = Path::new(&worker.words[0]);
    let file = worker.directory.join("data.bin");
    let step: &mut dyn FnMut(u64) -> io::Result<bool> = match task {
        "store beside" => &mut |turn| store(root, &file, turn),
        "write beside" => &mut |turn| write(root, &file, turn),
        "copy beside" => &mut |turn| copy(root, turn),
        "punch beside" => &mut |turn| punch(root, turn),
        "write below" => &mut |turn| write_below(worker, &file, turn),
        "open anew" => &mut opener(worker, root),
        "truncate beside" => &mut |turn| truncate(root, turn),
        "touch beside" => &mut |turn| touch(root, turn),
        "write rows beside" => &mut |turn| write_row(root, turn),
        _ => panic!("{task}: no such task"),
    };
    for turn in 1.. {
        if !worker.board.goes_on() {
            break;
        }
        match worker.in_time(|| step(turn)) {
            Ok(true) => worker.board.add(worker.number, Count::Done),
            Ok(false) => worker.board.add(worker.number, Count::Lost),
            Err(error) => {
                eprintln!("worker {}: {task}: {error}", worker.number);
                worker.board.add(worker.number, Count::Errors);
                return;
            }
        }
    }
}

/// Starts workers with these tasks, and lets them work.
fn crew(budget: &Budget, options: &[&str], (dir, bytes): (&Dir, usize), tasks: &[&str]) -> Outcome {
    let file = dir.file("data.bin", vec![0; bytes]);
    let board = Board::create(dir, 1);
    let mount = mounted(dir, &file, options);
    let mut crew = Crew::new();
    for task in tasks {
        crew.start(dir, &board, task, &[mount.point().to_str().unwrap()]);
    }
    let done = || board.sum(Count::Done);
    crew.wait(&board, || !budget.lasts(done()));
    crew.stop(&board);
    mount.unmount();
    Outcome {
        done: done(),
        failures: board.failures(),
        note: format!("slowest {:.1?}", board.slowest()),
        ..Outcome::default()
    }
}

/// All of this goes on in one page of row 0 and in the same bytes of the file.
pub fn copies(budget: &Budget) -> Outcome {
    let Some(dir) = Dir::with_fuse() else {
        return Outcome::skipped("no FUSE");
    };
    let tasks = [
        "store beside",
        "write beside",
        "copy beside",
        "punch beside",
    ];
    let options = ["--dtype", ">u8", "--shape", "8,512"];
    crew(budget, &options, (&dir, 8 * 4096), &tasks)
}

/// Where each of them leaves its mark.
const STORED: u64 = 3000;
const WRITTEN: u64 = 2000;
const COPIED: u64 = 1000;
const PUNCHED: i64 = 1500;

/// Stores through a mapping, which is in the file once it is synchronised.
fn store(root: &Path, file: &Path, turn: u64) -> io::Result<bool> {
    let map = MmapRaw::map_raw(&open(root.join("rows/0")))?;
    // SAFETY: within the mapping, and aligned.
    unsafe {
        let place = map.as_mut_ptr().add(STORED as usize);
        place.cast::<u64>().write_volatile(turn);
    }
    map.flush()?;
    holds(file, STORED, turn)
}

/// Writes through another view, every other time in the other byte order. What was written
/// before is still there.
fn write(root: &Path, file: &Path, turn: u64) -> io::Result<bool> {
    let stayed = holds(file, WRITTEN, turn - 1)?;
    let (view, shown) = match turn % 2 {
        0 => ("data", turn),
        _ => ("native/data", turn.swap_bytes()),
    };
    open(root.join(view)).write_all_at(&shown.to_ne_bytes(), WRITTEN)?;
    Ok(stayed && holds(file, WRITTEN, turn)?)
}

/// Has the kernel copy from another row what was just written there.
fn copy(root: &Path, turn: u64) -> io::Result<bool> {
    let data = open(root.join("data"));
    let written: Vec<u8> = (0..125).flat_map(|k| (turn + k).to_ne_bytes()).collect();
    data.write_all_at(&written, 4096)?;
    let (from, to) = (open(root.join("rows/1")), open(root.join("rows/0")));
    let (mut at, mut into) = (0, 0);
    let copied = copy_file_range(&from, Some(&mut at), &to, Some(&mut into), COPIED as usize)?;
    let mut read = vec![0; COPIED as usize];
    data.read_exact_at(&mut read, 0)?;
    Ok(copied as u64 == COPIED && read == written)
}

/// Punches a hole, if it can, also one that begins inside an element.
fn punch(root: &Path, turn: u64) -> io::Result<bool> {
    let row = ["rows/0", "native/rows/0"][turn as usize % 2];
    let hole = FallocateFlags::FALLOC_FL_PUNCH_HOLE | FallocateFlags::FALLOC_FL_KEEP_SIZE;
    match fallocate(open(root.join(row)), hole, PUNCHED, 100) {
        Ok(()) | Err(nix::Error::EOPNOTSUPP) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

fn holds(file: &Path, at: u64, value: u64) -> io::Result<bool> {
    let mut bytes = [0; 8];
    File::open(file)?.read_exact_at(&mut bytes, at)?;
    let found = u64::from_ne_bytes(bytes);
    if found != value {
        eprintln!("byte {at} of the file: {found}, not {value}");
    }
    Ok(found == value)
}

/// What is cached, and how the array is mounted.
const MOUNTS: [&[&str]; 4] = [
    &[],
    &["--cache", "auto"],
    &["--cache", "always"],
    &["--mode", "c"],
];

/// Files are truncated and given their size while others have their pages mapped, store
/// to them and write. Nobody waits for ever.
pub fn truncations(budget: &Budget) -> Outcome {
    let tasks = [
        "truncate beside",
        "truncate beside",
        "touch beside",
        "touch beside",
        "write rows beside",
        "write rows beside",
    ];
    let mut outcome = Outcome::default();
    let each = budget.each(MOUNTS.len() as u64);
    for options in MOUNTS {
        let Some(dir) = Dir::with_fuse() else {
            return Outcome::skipped("no FUSE");
        };
        let options = [&["--shape", "16,4096"], options].concat();
        let part = crew(&each(), &options, (&dir, 16 * 4096), &tasks);
        outcome.done += part.done;
        outcome.failures += part.failures;
        outcome.note = part.note;
    }
    outcome
}

/// Stores to a mapping of the whole array, truncates it and gives it its size.
fn truncate(root: &Path, turn: u64) -> io::Result<bool> {
    let path = root.join(["data", "T/data"][turn as usize % 2]);
    let file = open(&path);
    let len = file.metadata()?.len();
    let map = MmapRaw::map_raw(&file)?;
    for row in 0..16 {
        // SAFETY: within the mapping.
        unsafe {
            map.as_mut_ptr()
                .add(row * 4096 + 100)
                .write_volatile(turn as u8)
        };
    }
    truncate_by_name(&path, 0)?;
    if !turn.is_multiple_of(3) {
        file.set_len(len)?;
    }
    Ok(file.metadata()?.len() == len)
}

/// Reads a row through a mapping, and the array through a file that is only read.
fn touch(root: &Path, turn: u64) -> io::Result<bool> {
    let row = File::open(root.join(format!("rows/{}", turn % 16)))?;
    let map = MmapOptions::new().map_raw_read_only(&row)?;
    for at in (0..4096).step_by(512) {
        // SAFETY: within the mapping.
        unsafe { map.as_ptr().add(at).read_volatile() };
    }
    let mut bytes = [0; 4096];
    File::open(root.join("data"))?.read_exact_at(&mut bytes, turn % 16 * 4096)?;
    Ok(true)
}

fn write_row(root: &Path, turn: u64) -> io::Result<bool> {
    let row = open(root.join(format!("rows/{}", turn * 7 % 16)));
    row.write_all_at(&turn.to_ne_bytes(), turn % 400 * 8)?;
    Ok(true)
}

/// How many columns the array has whose row 0 is written below.
const COLUMNS: usize = 1 << 17;

/// What is opened anew shows what was written to the file itself before.
pub fn opens(budget: &Budget) -> Outcome {
    let Some(dir) = Dir::with_fuse() else {
        return Outcome::skipped("no FUSE");
    };
    let shape = format!("4,{COLUMNS}");
    let options = ["--dtype", "u8", "--shape", &shape, "--cache", "auto"];
    let mut tasks = vec!["open anew"; 4];
    tasks.push("write below");
    crew(budget, &options, (&dir, 4 * COLUMNS * 8), &tasks)
}

/// Writes row 0 by one call; now and then so late that what was read before is kept.
fn write_below(worker: &Worker, file: &Path, turn: u64) -> io::Result<bool> {
    let pause = match turn % 500 {
        0 => Duration::from_millis(2100),
        _ => Duration::from_micros(turn * 7919 % 1000),
    };
    thread::sleep(pause);
    let bytes = turn.to_ne_bytes().repeat(COLUMNS);
    worker.board.begun(0).store(turn, SeqCst);
    open(file).write_all_at(&bytes, 0)?;
    worker.board.written(0).store(turn, SeqCst);
    Ok(true)
}

/// Opens row 0 or a column and reads an element of row 0, one of those that are written
/// last; then another through what it opened before, which may be old, but fills pages.
fn opener(worker: &Worker, root: &Path) -> impl FnMut(u64) -> io::Result<bool> {
    let mut numbers = Numbers(worker.number as u64 + 1);
    let mut before: Option<File> = None;
    move |_| {
        let column = COLUMNS - 1 - numbers.below(2048);
        let (name, at) = match numbers.below(4) {
            0 => (format!("cols/{column}"), 0),
            _ => ("rows/0".to_owned(), column as u64 * 8),
        };
        let mut element = [0; 8];
        let low = worker.board.written(0).load(SeqCst);
        let file = File::open(root.join(&name))?;
        file.read_exact_at(&mut element, at)?;
        let high = worker.board.begun(0).load(SeqCst);
        if let Some(before) = &before {
            before.read_exact_at(&mut [0; 8], (COLUMNS - 1 - numbers.below(2048)) as u64 * 8)?;
        }
        if at > 0 && numbers.below(2) == 0 {
            before = Some(file);
        }
        let count = u64::from_ne_bytes(element);
        let right = (low..=high).contains(&count);
        if !right {
            eprintln!("column {column} of {name}: {count} of {low}..={high}");
        }
        Ok(right)
    }
}
