//! One file mounted by several daemons, with different shapes and dtypes. All mounts share the
//! page cache of the file, so they show the same bytes.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;

use crate::common::arrays::{Raw, at};
use crate::common::calls::{Numbers, errno, open};
use crate::common::{Dir, Mount, lengthen_portably};
use crate::views::Views;

const DOUBLES: Raw = Raw {
    dtype: "<f8",
    shape: "100,24",
    order: "C",
    offset: "16",
};
const BYTES: Raw = Raw {
    dtype: "u1",
    shape: "130,150",
    order: "C",
    offset: "77",
};
const TRIPLES: Raw = Raw {
    dtype: "V3",
    shape: "11,23,26",
    order: "F",
    offset: "5",
};
const INTEGERS: Raw = Raw {
    dtype: ">i4",
    shape: "70,70",
    order: "F",
    offset: "10",
};

/// Bytes in the file.
const LEN: usize = 20_000;

fn file_of(dir: &Dir, numbers: &mut Numbers) -> (PathBuf, Vec<u8>) {
    let bytes = numbers.bytes(LEN);
    (dir.file("data.bin", &bytes), bytes)
}

#[test]
fn what_one_daemon_writes_all_others_read_next() {
    let Some(dir) = Dir::with_fuse() else { return };
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let (file, mut expected) = file_of(&dir, &mut numbers);
    let arrays = [&DOUBLES, &BYTES, &TRIPLES, &INTEGERS];
    let places = arrays.map(|array| array.places(&dir));
    let mounts = [
        DOUBLES.mount(&dir, &file, "r+"),
        BYTES.mount(&dir, &file, "r+"),
        TRIPLES.mount(&dir, &file, "r"),
        INTEGERS.mount(&dir, &file, "c"),
    ];
    let views: Vec<Views> = mounts
        .iter()
        .zip(&places)
        .map(|(m, p)| Views::new(m, p))
        .collect();
    for _ in 0..200 {
        match numbers.below(4) {
            0 => {
                let part = numbers.range(LEN);
                let bytes = numbers.bytes(part.len());
                open(&file).write_all_at(&bytes, part.start as u64).unwrap();
                expected[part].copy_from_slice(&bytes);
            }
            1 => views[numbers.below(2)].store(&mut numbers, &mut expected),
            _ => drop(views[numbers.below(2)].write(&mut numbers, &mut expected)),
        }
        views
            .iter()
            .for_each(|views| views.read(&mut numbers, &expected));
    }
    mounts.into_iter().for_each(Mount::unmount);
    assert_eq!(fs::read(&file).unwrap(), expected);
}

/// The bytes that a mount in mode `c` ought to show.
struct Copied {
    page: usize,
    /// The pages that were written to, by their first byte, as they were then
    /// and have been written since.
    pages: BTreeMap<usize, Vec<u8>>,
}

impl Copied {
    fn new(dir: &Dir) -> Copied {
        let page = dir.command("getconf", &["PAGESIZE"]).run().succeeds();
        let page = page.trim().parse().unwrap();
        let pages = BTreeMap::new();
        Copied { page, pages }
    }

    /// What is shown while the file holds `file`.
    fn shown(&self, file: &[u8]) -> Vec<u8> {
        let mut shown = file.to_vec();
        for (&start, page) in &self.pages {
            shown[start..start + page.len()].copy_from_slice(page);
        }
        shown
    }

    /// The bytes at `places` were written, and `shown` is what is shown since.
    fn written(&mut self, places: &[usize], shown: &[u8]) {
        for place in places {
            let start = place / self.page * self.page;
            let end = shown.len().min(start + self.page);
            self.pages.insert(start, shown[start..end].to_vec());
        }
    }
}

/// As with `mmap(MAP_PRIVATE)` on Linux, on which NumPy's mode `c` rests too.
#[test]
fn mode_c_keeps_the_pages_it_has_written_and_follows_the_file_in_all_others() {
    let Some(dir) = Dir::with_fuse() else { return };
    let mut numbers = Numbers(0x2545_f491_4f6c_dd1d);
    let (file, mut expected) = file_of(&dir, &mut numbers);
    let (bytes, integers) = (BYTES.places(&dir), INTEGERS.places(&dir));
    let writer = BYTES.mount(&dir, &file, "r+");
    let writing = Views::new(&writer, &bytes);
    for _ in 0..8 {
        let mount = INTEGERS.mount(&dir, &file, "c");
        let views = Views::new(&mount, &integers);
        let mut copied = Copied::new(&dir);
        for step in 1..=40 {
            writing.write(&mut numbers, &mut expected);
            if step % 10 == 0 {
                let mut shown = copied.shown(&expected);
                let places = views.write_a_little(&mut numbers, &mut shown);
                copied.written(places, &shown);
            }
            views.read(&mut numbers, &copied.shown(&expected));
            writing.read(&mut numbers, &expected);
        }
        let shown = at(&copied.shown(&expected), &integers["data"]);
        assert_eq!(fs::read(mount.join("data")).unwrap(), shown);
        assert!(copied.pages.len() >= 2 && shown != at(&expected, &integers["data"]));
        mount.unmount();
    }
    writer.unmount();
    assert_eq!(fs::read(&file).unwrap(), expected);
}

#[test]
fn a_daemon_that_is_killed_takes_nothing_from_the_others() {
    let Some(dir) = Dir::with_fuse() else { return };
    let mut numbers = Numbers(7 << 40);
    let (file, mut expected) = file_of(&dir, &mut numbers);
    let (doubles, bytes) = (DOUBLES.places(&dir), BYTES.places(&dir));
    let stays = DOUBLES.mount(&dir, &file, "r+");
    let mut dies = BYTES.mount(&dir, &file, "r+");
    for _ in 0..20 {
        Views::new(&dies, &bytes).write(&mut numbers, &mut expected);
    }
    dies.signal(Signal::SIGKILL);
    dies.died();
    let views = Views::new(&stays, &doubles);
    views.read(&mut numbers, &expected);
    views.use_well(&mut numbers, &mut expected, 10);
    dies.unmount_command().run().succeeds_silently();
    stays.unmount();
    assert_eq!(fs::read(&file).unwrap(), expected);
}

fn length(path: &Path) -> u64 {
    fs::metadata(path).unwrap().len()
}

#[test]
fn a_file_that_another_daemon_grows_or_makes_anew_stays_usable() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", [7; 10_000]);
    let mut first = dir.mount(&file, &["--shape", "10,1000"]);

    lengthen_portably(&file, 30_000);
    let (second, outcome) = Mount::start(&dir, &file, &["--extend", "--shape", "30,1000"]);
    let extended = outcome
        .stderr
        .contains("extended from 10000 to 30000 bytes");
    assert_eq!(extended, !cfg!(arrayfs_portable), "{outcome}");
    open(second.join("rows/29"))
        .write_all_at(&[8; 1000], 0)
        .unwrap();
    open(second.join("rows/9"))
        .write_all_at(&[9; 1000], 0)
        .unwrap();
    assert_eq!(fs::read(first.join("rows/9")).unwrap(), [9; 1000]);
    assert_eq!(length(&first.join("data")), 10_000);
    second.unmount();

    // Fewer bytes than the first array has: what is left is zeros.
    first.expect_warning("of the backing file, which now has 5500");
    let (third, outcome) = Mount::start(&dir, &file, &["--shape", "55,100", "--mode", "w+"]);
    assert!(outcome.status.success(), "{outcome}");
    assert_eq!(length(&file), 5500);
    let row = |number: usize| File::open(first.join(&format!("rows/{number}"))).unwrap();
    let mut bytes = [1; 1000];
    row(4).read_exact_at(&mut bytes, 0).unwrap();
    assert_eq!(bytes, [0; 1000]);
    assert_eq!(row(5).read_at(&mut bytes, 0).unwrap(), 500);
    assert_eq!(errno(row(5).read_at(&mut bytes, 500)), libc::EIO);
    assert_eq!(errno(row(9).read_at(&mut bytes, 0)), libc::EIO);
    open(third.join("rows/0"))
        .write_all_at(&[3; 100], 0)
        .unwrap();
    assert_eq!(
        fs::read(first.join("rows/0")).unwrap()[..101],
        [&[3; 100][..], &[0]].concat()
    );
    third.unmount();

    open(&file).set_len(10_000).unwrap();
    open(first.join("rows/9"))
        .write_all_at(&[4; 1000], 0)
        .unwrap();
    first.unmount();
    let expected = [&[3; 100][..], &[0; 8900], &[4; 1000]].concat();
    assert_eq!(fs::read(&file).unwrap(), expected);
}
