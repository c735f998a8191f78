//! Storage that does not respond for a while. A write waits for it, and does not delay access to
//! other bytes.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::thread;

use memmap2::{Mmap, MmapOptions};
use nix::unistd::truncate;

use super::volumes::FILE_SYSTEMS;
use super::{Tally, Watchdog};
use crate::common::arrays::mounted;
use crate::common::calls::{Numbers, open};
use crate::common::{Dir, Mount, TestCommand};
use crate::{Budget, Outcome};

const ROWS: usize = 64;
const ROW: usize = 4096;

/// How many pages are read while a write waits: more than there are workers.
const PAGES: usize = 24;

/// An ext4 that takes no changes until this goes.
struct Frozen(PathBuf);

impl Frozen {
    fn new(point: PathBuf) -> Frozen {
        let freeze = TestCommand::new("fsfreeze", "/".as_ref());
        freeze
            .args(&["-f".as_ref(), point.as_path()])
            .run()
            .succeeds_silently();
        Frozen(point)
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        let thaw = TestCommand::new("fsfreeze", "/".as_ref());
        thaw.args(&["-u".as_ref(), self.0.as_path()]).run();
    }
}

/// Pages are read while a write waits.
pub fn frozen(budget: &Budget) -> Outcome {
    let Some(dir) = Dir::for_root() else {
        return Outcome::skipped("needs root");
    };
    let Some(volume) = FILE_SYSTEMS[0].make(&dir) else {
        return Outcome::skipped("no ext4");
    };
    let file = volume.join("data.bin");
    let mut content = vec![0; ROWS * ROW];
    fs::write(&file, &content).unwrap();
    let mount = mounted(&dir, &file, &["--shape", "64,4096"]);
    let tally = Tally::default();
    let watchdog = Watchdog::new(mount.daemon());
    let mut numbers = Numbers(0xf0e);
    let mut done = 0;
    while budget.lasts(done) {
        let row = numbers.below(ROWS);
        let value = numbers.below(255) as u8 + 1;
        let write = Write {
            mount: &mount,
            row,
            value,
            tally: &tally,
        };
        done += write.while_frozen(&volume.join("."), &content, &mut numbers, &watchdog);
        content[row * ROW..][..ROW].fill(value);
        let stored = fs::read(&file).unwrap();
        tally.expect(stored == content, || format!("the file after row {row}"));
    }
    watchdog.end(&tally);
    mount.unmount();
    Outcome {
        done,
        failures: tally.failures(),
        ..Outcome::default()
    }
}

/// A write of a row that has to wait.
struct Write<'a> {
    mount: &'a Mount,
    row: usize,
    value: u8,
    tally: &'a Tally,
}

impl Write<'_> {
    /// Reads pages while the write waits: how many.
    fn while_frozen(
        &self,
        point: &Path,
        content: &[u8],
        numbers: &mut Numbers,
        watchdog: &Watchdog,
    ) -> u64 {
        let Write { row, value, .. } = *self;
        let view = ["rows", "npy/../rows"][numbers.below(2)];
        let path = self.mount.join(&format!("{view}/{row}"));
        let written = open(&path);
        let is_truncated = numbers.below(2) == 0;
        if is_truncated {
            truncate(&path, 0).unwrap();
        }
        let frozen = Frozen::new(point.to_path_buf());
        thread::scope(|scope| {
            let write = scope.spawn(|| written.write_all_at(&[value; ROW], 0));
            if is_truncated {
                // It is in use all the same, and has to be filled in again.
                drop(written.try_clone().unwrap());
                drop(open(&path));
            }
            // The same bytes wait for the write, and nobody for them.
            let touched = scope.spawn(|| self.map("data")[row * ROW]);
            for _ in 0..PAGES {
                let other = (row + 1 + numbers.below(ROWS - 1)) % ROWS;
                let right = self.map(&format!("rows/{other}"))[..] == content[other * ROW..][..ROW];
                self.tally
                    .expect(right, || format!("row {other} beside row {row}"));
                watchdog.beat();
            }
            let waits = !write.is_finished();
            drop(frozen);
            let outcome = write.join().unwrap();
            touched.join().unwrap();
            self.tally.expect(waits && outcome.is_ok(), || {
                format!("the write of row {row}: waits: {waits}, then {outcome:?}")
            });
        });
        PAGES as u64
    }

    fn map(&self, view: &str) -> Mmap {
        let file = open(self.mount.join(view));
        // SAFETY: what is read may be of before or after the write.
        unsafe { MmapOptions::new().map(&file) }.unwrap()
    }
}
