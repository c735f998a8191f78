//! Storage with errors in reads, writes or flushes of some bytes. Reading those bytes is an
//! error, `fsync` reports failed write-back, and other bytes are not affected.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;

use super::failing_fs::{FailingFile, Failure};
use super::oracle::padded;
use super::probe::{ALL, PAGE, Probe, State, open, paths};
use super::{Tally, Watchdog};
use nix::sys::signal::Signal;

use crate::common::arrays::Raw;
use crate::common::calls::Numbers;
use crate::common::{Dir, Mount};
use crate::{Budget, Outcome};

const ROWS: usize = 61;
const COLUMNS: usize = 331;

const ARRAY: Raw = Raw {
    dtype: "<i4",
    shape: "61,331",
    order: "C",
    offset: "8",
};

/// How often storage fails before the array is mounted anew.
const FAILURES_OF_ONE: u64 = 60;

/// Has the storage below the backing file fail.
pub fn failing(budget: &Budget) -> Outcome {
    let tally = Tally::default();
    let mut done = 0;
    let mut counts = [0; 3];
    for number in 0.. {
        if !budget.lasts(done) {
            break;
        }
        let Some(dir) = Dir::for_root() else {
            return Outcome::skipped("needs root");
        };
        let storage = FailingFile::new(&dir, 8 + ROWS * COLUMNS * 4);
        let mode = ["r+", "c", "r+", "r"][number % 4];
        let mut scene = Scene::new(&dir, &storage, mode, number as u64 + 1, &tally);
        let watchdog = Watchdog::new(scene.mount.daemon());
        for _ in 0..FAILURES_OF_ONE {
            if !budget.lasts(done) {
                break;
            }
            let kinds = if mode == "r+" { 3 } else { 1 };
            let kind = scene.probe.numbers.below(kinds);
            match kind {
                0 => scene.fail_altogether(),
                1 => scene.fail_writes(),
                _ => scene.fail_flushes(),
            }
            counts[kind] += 1;
            watchdog.beat();
            done += 1;
        }
        scene.end();
        watchdog.end(&tally);
    }
    let [all, writes, flushes] = counts;
    Outcome {
        done,
        failures: tally.failures(),
        note: format!("{all} of all, {writes} of writes, {flushes} of fsync"),
        ..Outcome::default()
    }
}

/// An array mounted on storage that fails.
struct Scene<'a> {
    probe: Probe<'a>,
    storage: &'a FailingFile,
    mount: Mount,
    mode: &'a str,
}

impl<'a> Scene<'a> {
    fn new(
        dir: &Dir,
        storage: &'a FailingFile,
        mode: &'a str,
        seed: u64,
        tally: &'a Tally,
    ) -> Scene<'a> {
        let mut numbers = Numbers(seed);
        let content = numbers.bytes(8 + ROWS * COLUMNS * 4);
        // The file is there, and stays.
        let file = File::options().write(true).open(storage.path()).unwrap();
        file.write_all_at(&content, 0).unwrap();
        file.sync_all().unwrap();
        let mut mount = dir.mount(&storage.path(), &padded(&ARRAY, mode));
        mount.expect_warning("os error");
        let paths = paths(ROWS, COLUMNS, true);
        let probe = Probe::new(tally, (dir, &mount), (&ARRAY, &paths), content, mode != "r");
        Scene {
            probe,
            storage,
            mount,
            mode,
        }
    }

    /// Some pages, and an error for them.
    fn some(&mut self) -> (Vec<usize>, i32) {
        let numbers = &mut self.probe.numbers;
        let pages = self.probe.content.len().div_ceil(PAGE);
        let mut chosen = Vec::new();
        for _ in 0..1 + numbers.below(3) {
            let first = numbers.below(pages);
            chosen.extend(first..(first + 1 + numbers.below(3)).min(pages));
        }
        let errno = [libc::EIO, libc::ENOSPC, libc::EDQUOT][numbers.below(3)];
        (chosen, errno)
    }

    fn fail(&self, operations: &[&'static str], pages: &[usize], errno: i32) {
        let failures = operations.iter().flat_map(|what| {
            pages.iter().map(|page| Failure {
                what,
                errno,
                bytes: page * PAGE..(page + 1) * PAGE,
            })
        });
        self.storage.fail(&failures.collect::<Vec<_>>());
    }

    /// Has all that was written stored, while it can be.
    fn store(&self) {
        if self.mode == "r+" {
            self.probe
                .files
                .iter()
                .for_each(|file| file.sync_all().unwrap());
        }
    }

    fn fail_altogether(&mut self) {
        let (pages, errno) = self.some();
        self.store();
        // Where only reads fail, a write can succeed all the same.
        self.fail(&["read", "write"], &pages, errno);
        let name = format!("mode {}, pages {pages:?} fail with {errno}", self.mode);
        // Pages that were written under mode c are the mount's own.
        let own = match self.mode {
            "c" => self.probe.written.clone(),
            _ => BTreeSet::new(),
        };
        let is_there = |place: usize| {
            let page = place / PAGE;
            own.contains(&page) || !pages.contains(&page)
        };
        let state = State {
            is_there: &is_there,
            errno,
            name: &name,
        };
        for _ in 0..20 {
            self.probe.exchange(&state);
            self.probe.exchange_at_edge(&state);
        }
        self.all_else_works();
        self.storage.fail(&[]);
        self.probe.read_all(&ALL);
        for _ in 0..10 {
            self.probe.exchange(&ALL);
        }
    }

    fn fail_writes(&mut self) {
        let (pages, errno) = self.some();
        let files = self.files();
        self.store();
        self.fail(&["write"], &pages, errno);
        self.probe.rewrite();
        let outcome = files[0].sync_all();
        self.reported("write", &pages, errno, outcome);
        self.probe.read_all(&ALL);
        self.all_else_works();
        self.storage.fail(&[]);
        self.recover(&files);
    }

    fn fail_flushes(&mut self) {
        let (_, errno) = self.some();
        let files = self.files();
        self.store();
        self.fail(&["fsync"], &[0], errno);
        for _ in 0..10 {
            self.probe.exchange(&ALL);
        }
        let outcome = files[0].sync_all();
        self.reported("fsync", &[0], errno, outcome);
        self.probe.read_all(&ALL);
        self.all_else_works();
        self.storage.fail(&[]);
        self.recover(&files);
    }

    /// Some handles of files, the first one of all bytes.
    fn files(&self) -> Vec<File> {
        let views = self.probe.views.iter();
        let views = views.filter(|view| ["data", "T/data", "rows/1"].contains(&&*view.path));
        let mut views: Vec<_> = views.collect();
        views.sort_by_key(|view| view.path != "data");
        let open = |view| open(&self.mount, view, true).unwrap();
        views.into_iter().map(open).collect()
    }

    fn reported(&self, what: &str, pages: &[usize], errno: i32, outcome: std::io::Result<()>) {
        let told = outcome
            .as_ref()
            .err()
            .and_then(std::io::Error::raw_os_error);
        self.probe.tally.expect(told == Some(errno), || {
            format!("{what} of pages {pages:?} fails with {errno}, fsync: {outcome:?}")
        });
    }

    /// Once the cause is gone, each handle that was open tells of the error, the
    /// first has done so; all that is written then is stored.
    fn recover(&mut self, files: &[File]) {
        for file in &files[1..] {
            let told = file.sync_all().is_err();
            self.probe
                .tally
                .expect(told, || "an open handle does not tell".into());
        }
        for file in &self.probe.files {
            let _ = file.sync_all();
        }
        self.probe.rewrite();
        for file in files {
            let outcome = file.sync_all();
            let fine = outcome.is_ok();
            self.probe
                .tally
                .expect(fine, || format!("fsync once all is well: {outcome:?}"));
        }
        // What the kernel had of the file is forgotten.
        self.storage.fail(&[]);
        self.probe.read_all(&ALL);
    }

    /// What does not depend on the storage works.
    fn all_else_works(&self) {
        let works = fs::read(self.mount.join("meta.json")).is_ok()
            && fs::read_dir(self.mount.join("rows")).is_ok_and(|rows| rows.count() == ROWS)
            && fs::metadata(self.mount.join("T/cols/3")).is_ok();
        self.probe
            .tally
            .expect(works, || "the rest of the mount is disturbed".into());
    }

    fn end(self) {
        let Scene {
            probe,
            storage,
            mount,
            mode,
        } = self;
        let (tally, content) = (probe.tally, probe.content);
        drop(probe.files);
        mount.unmount();
        if mode != "c" {
            let stored = fs::read(storage.path()).unwrap();
            tally.expect(stored == content, || "the file is wrong".into());
        }
    }
}

#[test]
fn what_cannot_be_flushed_at_the_end_is_told_by_the_log_and_the_exit_status() {
    let Some(dir) = Dir::for_root() else { return };
    let storage = FailingFile::new(&dir, 2 * PAGE);
    for signal in [Some(Signal::SIGTERM), None] {
        let mut mount = dir.mount_in_foreground(&storage.path(), &["--dtype", "u1"]);
        let said = "write-back failed: Input/output error";
        mount.expect_warning(said);
        fs::write(mount.join("slices/:3"), "new").unwrap();
        storage.fail(&[Failure {
            what: "write",
            errno: libc::EIO,
            bytes: 0..PAGE,
        }]);
        match signal {
            Some(signal) => mount.signal(signal),
            None => mount.unmount_command().run().succeeds_silently(),
        }
        assert_eq!(mount.ended().code(), Some(7), "{signal:?}");
        assert!(mount.log().contains(said), "{}", mount.log());
        storage.fail(&[]);
    }
}
