//! Full storage, exhausted quotas, and sparse files on both. Acknowledged writes are kept, and a
//! refused write changes nothing.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use super::oracle::View;
use super::probe::{ALL, Probe, paths};
use super::volumes::{FILE_SYSTEMS, FileSystem};
use super::{Tally, Watchdog};
use crate::common::Dir;
use crate::common::arrays::Raw;
use crate::common::calls::{Numbers, errno};
use crate::{Budget, Outcome};

/// A page a row.
const ARRAY: Raw = Raw {
    dtype: "u1",
    shape: "96,4096",
    order: "C",
    offset: "0",
};

const ROWS: usize = 96;
const COLUMNS: usize = 4096;

/// How many clients write, each to rows of its own.
const CLIENTS: usize = 2;

/// How often a little space is given back on one mount, and how much.
const TIMES: usize = 10;
const LITTLE: usize = 32 << 10;

/// How many writes are refused before that, or made if none has to be.
const REFUSED: u64 = 16;
const MADE: u64 = 250;

/// Fills up small file systems of several kinds.
pub fn full(budget: &Budget) -> Outcome {
    let (mut outcome, mut refused, mut tried) = (Outcome::default(), 0, Vec::new());
    let tally = Tally::default();
    for number in 0.. {
        if !budget.lasts(outcome.done) {
            break;
        }
        let Some(dir) = Dir::for_root() else {
            return Outcome::skipped("needs root");
        };
        let kind: &FileSystem = &FILE_SYSTEMS[number % FILE_SYSTEMS.len()];
        let Some(volume) = kind.make(&dir) else {
            return Outcome::skipped(&format!("no {}", kind.name));
        };
        let seed = number as u64 + 1;
        let place = Place {
            directory: volume.path(),
            errno: libc::ENOSPC,
            name: kind.name,
        };
        let (writes, errors) = fill_up(&dir, &place, seed, &tally);
        outcome.done += writes;
        refused += errors;
        if !tried.contains(&kind.name) {
            tried.push(kind.name);
        }
    }
    outcome.failures = tally.failures();
    outcome.note = format!("{refused} refused; {}", tried.join(", "));
    outcome
}

/// Uses up what is granted to a subvolume.
pub fn over_quota(budget: &Budget) -> Outcome {
    let (mut done, mut refused) = (0, 0);
    let tally = Tally::default();
    while budget.lasts(done) {
        let Some(dir) = Dir::for_root() else {
            return Outcome::skipped("needs root");
        };
        let btrfs = FILE_SYSTEMS.iter().find(|kind| kind.name == "btrfs");
        let Some(volume) = btrfs.and_then(|kind| kind.make(&dir)) else {
            return Outcome::skipped("no file system with quotas");
        };
        let part = volume.join("part");
        let btrfs = |words: &[&str], path: &Path| {
            dir.command("btrfs", words).args(&[path]).run().succeeds();
        };
        btrfs(&["quota", "enable"], volume.path());
        btrfs(&["subvolume", "create"], &part);
        btrfs(&["qgroup", "limit", "4M"], &part);
        let place = Place {
            directory: &part,
            errno: libc::EDQUOT,
            name: "quota",
        };
        let (writes, errors) = fill_up(&dir, &place, done + 1, &tally);
        done += writes;
        refused += errors;
    }
    Outcome {
        done,
        failures: tally.failures(),
        note: format!("{refused} refused; btrfs"),
        ..Outcome::default()
    }
}

/// Where files are put, and what is said when there is no more space.
struct Place<'a> {
    directory: &'a Path,
    errno: i32,
    name: &'a str,
}

/// Writes to a sparse file while space comes and goes: how many writes there
/// were, and how many of them were refused.
fn fill_up(dir: &Dir, place: &Place<'_>, seed: u64, tally: &Tally) -> (u64, u64) {
    let file = place.directory.join("data.bin");
    let content = vec![0; ROWS * COLUMNS];
    File::create(&file)
        .unwrap()
        .set_len(content.len() as u64)
        .unwrap();
    let mut mount = ARRAY.mount(dir, &file, "r+");
    mount.expect_warning(match place.errno {
        libc::EDQUOT => "quota exceeded",
        _ => "space left on device",
    });
    let paths = paths(ROWS, COLUMNS, false);
    let mut probe = Probe::new(tally, (dir, &mount), (&ARRAY, &paths), content, true);
    let watchdog = Watchdog::new(mount.daemon());
    let mut filler = Filler::new(place);
    filler.take();
    let (written, made, refused) = write_while_full(&probe, &mut filler, seed, &watchdog);
    for (own, rows) in written.iter().enumerate() {
        for row in (own..ROWS).step_by(CLIENTS) {
            let row = row * COLUMNS..(row + 1) * COLUMNS;
            probe.content[row.clone()].copy_from_slice(&rows[row]);
        }
    }
    probe.read_all(&ALL);
    watchdog.beat();
    filler.remove();
    let synced = probe.files.iter().try_for_each(File::sync_all);
    tally.expect(synced.is_ok(), || {
        format!("{}: {synced:?} with space again", place.name)
    });
    probe.rewrite();
    probe.read_all(&ALL);
    watchdog.end(tally);
    let content = std::mem::take(&mut probe.content);
    drop(probe);
    mount.unmount();
    let stored = fs::read(&file).unwrap();
    tally.expect(stored == content, || {
        format!("{}: the file is wrong", place.name)
    });
    (made, refused)
}

/// Has clients write while a little space is given back now and then: what each
/// has made of the array, how many writes there were and how many were refused.
fn write_while_full(
    probe: &Probe<'_>,
    filler: &mut Filler<'_>,
    seed: u64,
    watchdog: &Watchdog,
) -> (Vec<Vec<u8>>, u64, u64) {
    let (made, refused) = (AtomicU64::new(0), AtomicU64::new(0));
    let over = AtomicBool::new(false);
    let client = |own| Client {
        probe,
        own,
        place: filler.place,
        watchdog,
        over: &over,
        made: &made,
        refused: &refused,
    };
    let clients: [Client<'_>; CLIENTS] = std::array::from_fn(client);
    let written = thread::scope(|scope| {
        let write = |client: Client<'_>| {
            let numbers = Numbers(seed * 64 + client.own as u64 + 1);
            client.write(numbers)
        };
        let clients = clients.map(|client| scope.spawn(move || write(client)));
        for _ in 0..TIMES {
            let now = || (made.load(Ordering::SeqCst), refused.load(Ordering::SeqCst));
            let before = now();
            while now().0 < before.0 + MADE && now().1 < before.1 + REFUSED {
                thread::yield_now();
            }
            filler.give_back();
        }
        over.store(true, Ordering::SeqCst);
        clients.map(|client| client.join().unwrap())
    });
    (written.into(), made.into_inner(), refused.into_inner())
}

/// One that writes to every so many-th row.
struct Client<'a> {
    probe: &'a Probe<'a>,
    own: usize,
    place: &'a Place<'a>,
    watchdog: &'a Watchdog,
    over: &'a AtomicBool,
    made: &'a AtomicU64,
    refused: &'a AtomicU64,
}

impl Client<'_> {
    /// What the array then is, as far as it is this client's.
    fn write(&self, mut numbers: Numbers) -> Vec<u8> {
        let mut content = self.probe.content.clone();
        while !self.over.load(Ordering::SeqCst) {
            let which = numbers.below(self.probe.views.len());
            let view = &self.probe.views[which];
            let start = numbers.below(view.bytes.len());
            let longest = [1, 50, 4096, 20_000][numbers.below(4)].min(view.bytes.len() - start);
            let is_own = |place: usize| place / COLUMNS % CLIENTS == self.own;
            let count = view.reach(&(start..start + longest), &is_own);
            if count == 0 {
                continue;
            }
            let range = start..start + count;
            let bytes = view.other(&mut numbers, &range);
            let outcome = self.probe.files[which].write_at(&bytes, start as u64);
            self.watchdog.beat();
            let made = self.made.fetch_add(1, Ordering::SeqCst);
            match outcome {
                Ok(taken) => view.put(&mut content, start, &bytes[..taken]),
                Err(error) => {
                    self.refused.fetch_add(1, Ordering::SeqCst);
                    let right = error.raw_os_error() == Some(self.place.errno);
                    self.probe.tally.expect(right, || {
                        format!("{}: write of {}: {error}", self.place.name, view.path)
                    });
                }
            }
            if made.is_multiple_of(16) {
                self.check(view, which, &content);
            }
        }
        content
    }

    /// Reads its own bytes of a view.
    fn check(&self, view: &View, which: usize, content: &[u8]) {
        let all = 0..view.bytes.len();
        let mut bytes = vec![0; all.len()];
        let outcome = self.probe.files[which].read_at(&mut bytes, 0);
        let right = view.of(content, &all);
        let is_own = |place: usize| place / COLUMNS % CLIENTS == self.own;
        let wrong = all
            .clone()
            .find(|&at| view.reach(&(at..at + 1), &is_own) == 1 && bytes[at] != right[at]);
        let read = outcome.as_ref().is_ok_and(|&count| count == all.end);
        self.probe.tally.expect(read && wrong.is_none(), || {
            format!(
                "{}: read of {}: {outcome:?}, wrong at {wrong:?}",
                self.place.name, view.path
            )
        });
    }
}

/// Files that take all space: one, and little ones that are given back.
struct Filler<'a> {
    place: &'a Place<'a>,
    file: File,
    little: usize,
}

impl<'a> Filler<'a> {
    fn new(place: &'a Place<'a>) -> Filler<'a> {
        let file = File::create(place.directory.join("filler")).unwrap();
        for number in 0..TIMES {
            fs::write(Filler::little(place, number), vec![1; LITTLE]).unwrap();
        }
        Filler {
            place,
            file,
            little: TIMES,
        }
    }

    fn little(place: &Place<'_>, number: usize) -> PathBuf {
        place.directory.join(format!("little{number}"))
    }

    fn take(&mut self) {
        let mut before = None;
        // What is written out may need less than was put aside for it.
        while before != Some(self.len()) {
            before = Some(self.len());
            for size in [1 << 18, 4096, 512] {
                let full = loop {
                    if let Err(error) = self.file.write_all(&vec![1; size]) {
                        break errno::<(), _>(Err(error));
                    }
                };
                assert_eq!(full, self.place.errno, "{}", self.place.name);
            }
            // Where space is short, it may be for this too.
            let _ = self.file.sync_all();
        }
    }

    fn give_back(&mut self) {
        if self.little > 0 {
            self.little -= 1;
            // As before; some is given back when others are.
            let _ = fs::remove_file(Filler::little(self.place, self.little));
        }
    }

    fn remove(mut self) {
        while self.little > 0 {
            self.give_back();
        }
        fs::remove_file(self.place.directory.join("filler")).unwrap();
    }

    fn len(&self) -> u64 {
        self.file.metadata().unwrap().len()
    }
}
