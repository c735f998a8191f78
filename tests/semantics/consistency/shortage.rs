//! Claims 25 and 26: a backing file that has been truncated, and full storage, are errors for
//! the bytes concerned, until the cause is gone.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::os::unix::process::ExitStatusExt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use memmap2::MmapMut;
use nix::sys::signal::Signal;

use crate::common::arrays::{Raw, at, put};
use crate::common::calls::{Numbers, errno, open, truncated};
use crate::common::{Ability, Dir, Mount, kernel_can, needs, wait_until};
use crate::storage::Volume;

/// What the log says then.
const SHORTENED: &str = "of the backing file, which now has";

/// A mounted array whose file is cut short and made whole again.
struct Cut {
    numbers: Numbers,
    expected: Vec<u8>,
    places: BTreeMap<String, Vec<usize>>,
    /// The size of the file.
    size: usize,
    backing: File,
    mount: Mount,
    dir: Dir,
}

impl Cut {
    fn new(raw: &Raw, mode: &str) -> Option<Cut> {
        let dir = Dir::with_fuse()?;
        let mut numbers = Numbers(0x1234_5678);
        let places = raw.places(&dir);
        let end = places["data"].iter().max().unwrap() + 1;
        let expected = numbers.bytes(end);
        let file = dir.file("data.bin", &expected);
        let mut mount = raw.mount(&dir, &file, mode);
        mount.expect_warning(SHORTENED);
        Some(Cut {
            numbers,
            places,
            size: end,
            backing: open(&file),
            mount,
            expected,
            dir,
        })
    }

    /// Cuts the file, or makes it longer with zeros.
    fn resize(&mut self, size: usize) {
        self.backing.set_len(size as u64).unwrap();
        self.size = size;
        if size < self.expected.len() {
            self.expected[size..].fill(0);
        }
    }

    /// Does some reads, or some writes, of these views and of every part that
    /// begins or ends at the cut.
    fn exchange(&mut self, writes: bool) {
        for view in [
            "data", "rows/0", "rows/11", "rows/29", "cols/0", "cols/17", "T/data",
        ] {
            let places = self.places[view].clone();
            let file = File::options()
                .read(true)
                .write(writes)
                .open(self.mount.join(view));
            let file = file.unwrap();
            let all = 0..places.len();
            let first = self.reach(&places, &all);
            let mut parts = vec![all.clone(), first.saturating_sub(5)..all.end];
            parts.extend((0..12).map(|_| self.numbers.range(all.end)));
            parts.extend([first..(first + 3).min(all.end), 0..first]);
            for part in parts.into_iter().filter(|part| !part.is_empty()) {
                let name = format!("{view}, bytes {part:?}, file of {}", self.size);
                if writes {
                    self.write(&file, &places, part, &name);
                } else {
                    self.read(&file, &places, part, &name);
                }
            }
        }
    }

    /// How many of these bytes come before the first that is not in the file.
    fn reach(&self, places: &[usize], part: &Range<usize>) -> usize {
        let part = &places[part.clone()];
        let missing = part.iter().position(|&place| place >= self.size);
        missing.unwrap_or(part.len())
    }

    fn read(&self, file: &File, places: &[usize], part: Range<usize>, name: &str) {
        let mut bytes = vec![0; part.len()];
        let outcome = file.read_at(&mut bytes, part.start as u64);
        match self.reach(places, &part) {
            0 => assert_eq!(errno(outcome), libc::EIO, "{name}"),
            count => {
                assert_eq!(outcome.unwrap(), count, "{name}");
                let there = &places[part.start..part.start + count];
                assert_eq!(bytes[..count], at(&self.expected, there), "{name}");
            }
        }
    }

    fn write(&mut self, file: &File, places: &[usize], part: Range<usize>, name: &str) {
        let bytes = self.numbers.bytes(part.len());
        let outcome = file.write_at(&bytes, part.start as u64);
        match self.reach(places, &part) {
            0 => assert_eq!(errno(outcome), libc::EIO, "{name}"),
            count => {
                assert_eq!(outcome.unwrap(), count, "{name}");
                put(&mut self.expected, &places[part], &bytes[..count]);
            }
        }
        assert_eq!(
            self.backing.metadata().unwrap().len(),
            self.size as u64,
            "{name}"
        );
    }
}

#[test]
fn claim_25_bytes_beyond_a_cut_are_errors_until_the_file_is_whole_again() {
    for (order, offset) in [("C", "8"), ("F", "3")] {
        let raw = Raw {
            dtype: "<f8",
            shape: "30,40",
            order,
            offset,
        };
        let Some(mut array) = Cut::new(&raw, "r+") else {
            return;
        };
        let whole = array.size;
        for cut in [8192, 4096, 5003, whole - 1, 9, 0] {
            array.resize(cut);
            array.exchange(false);
            array.exchange(true);
            let stored = fs::read(array.dir.join("data.bin")).unwrap();
            assert_eq!(stored, array.expected[..cut], "cut at {cut}");
            array.resize(whole);
            array.exchange(false);
            array.exchange(true);
            array.exchange(false);
        }
        let stored = fs::read(array.dir.join("data.bin")).unwrap();
        assert_eq!(stored, array.expected);
    }
}

#[test]
fn claim_25_it_is_the_same_in_modes_that_do_not_change_the_file() {
    for mode in ["r", "c"] {
        let raw = Raw {
            dtype: "<f8",
            shape: "30,40",
            order: "C",
            offset: "8",
        };
        let Some(mut array) = Cut::new(&raw, mode) else {
            return;
        };
        let whole = array.size;
        for cut in [8192, 4096, 0] {
            for size in [cut, whole] {
                array.resize(size);
                array.exchange(false);
                if mode == "c" {
                    array.exchange(true);
                    array.exchange(false);
                }
            }
        }
        let stored = fs::read(array.dir.join("data.bin")).unwrap();
        assert_eq!(stored, vec![0; whole]);
    }
}

#[test]
fn claim_25_a_large_read_ends_at_the_very_byte() {
    let Some(dir) = Dir::with_fuse() else { return };
    const LEN: usize = 5 << 20;
    let file = dir.file("data.bin", vec![7; LEN]);
    let mut mount = dir.mount(&file, &["--shape", "5,1048576"]);
    mount.expect_warning(SHORTENED);
    for cut in [3_500_001, 3 << 20] {
        open(&file).set_len(cut as u64).unwrap();
        let data = open(mount.join("data"));
        let mut bytes = vec![0; LEN];
        assert_eq!(data.read_at(&mut bytes, 0).unwrap(), cut);
        assert!(bytes[..cut] == vec![7; cut]);
        assert_eq!(data.write_at(&vec![7; LEN], 0).unwrap(), cut);
        assert_eq!(errno(data.read_at(&mut bytes, cut as u64)), libc::EIO);
    }
}

/// Reads or writes all of a file, again and again, until it is cut short. The
/// backing file has no bytes but 7, so other ones are not to be seen.
fn exchange_until_cut(file: &File, writes: bool, begun: &AtomicUsize) {
    let sevens = vec![7; file.metadata().unwrap().len() as usize];
    let mut bytes = sevens.clone();
    loop {
        begun.fetch_add(1, Ordering::SeqCst);
        let outcome = if writes {
            file.write_at(&bytes, 0)
        } else {
            file.read_at(&mut bytes, 0)
        };
        let count = outcome.unwrap();
        assert!(bytes[..count] == sevens[..count], "writes: {writes}");
        if count < bytes.len() {
            return;
        }
    }
}

#[test]
fn claim_25_a_cut_in_the_middle_of_a_request_is_seen() {
    let Some(dir) = Dir::with_fuse() else { return };
    const LEN: usize = 1 << 20;
    let file = dir.file("data.bin", vec![7; LEN]);
    let mut mount = dir.mount(&file, &["--shape", "1024,1024"]);
    mount.expect_warning(SHORTENED);
    let backing = open(&file);
    for round in 0..64 {
        let view = ["data", "T/data"][round % 2];
        let cut = [LEN - 100, LEN / 2 + 10][round / 2 % 2];
        let writes = round % 8 >= 4;
        let opened = open(mount.join(view));
        let begun = AtomicUsize::new(0);
        thread::scope(|scope| {
            scope.spawn(|| exchange_until_cut(&opened, writes, &begun));
            let some = 1 + round / 16;
            wait_until("requests", || begun.load(Ordering::SeqCst) > some);
            backing.set_len(cut as u64).unwrap();
        });
        let stored = fs::read(&file).unwrap();
        assert!(stored == vec![7; cut]);
        backing
            .write_all_at(&vec![7; LEN - cut], cut as u64)
            .unwrap();
    }
}

#[test]
#[cfg_attr(arrayfs_portable, ignore = "views cannot be mapped shared portably")]
fn claim_25_mapped_pages_beyond_a_cut_fault_and_cannot_be_written_back() {
    if !needs(Ability::DirectMappings) {
        return;
    }
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", [7; 16384]);
    let mut mount = dir.mount(&file, &["--shape", "4,4096"]);
    mount.expect_warning(SHORTENED);
    let path = mount.join("data");
    let access = |place: usize, what: &str| {
        let script = dir
            .script("semantics/scripts/access_mapped.py")
            .args(&[&path]);
        let outcome = script.args(&[place.to_string().as_str(), what]).run();
        outcome.status
    };
    let backing = open(&file);
    backing.set_len(5000).unwrap();
    for what in ["load", "store"] {
        assert!(access(4000, what).success());
        for place in [4999, 5000, 8192, 16383] {
            // A page is there or it is not.
            assert_eq!(
                access(place, what).signal(),
                Some(Signal::SIGBUS as i32),
                "{place}"
            );
        }
    }
    assert_eq!(backing.metadata().unwrap().len(), 5000);
    backing.set_len(16384).unwrap();
    for (place, what) in [(4999, "load"), (5001, "store"), (16383, "store")] {
        assert!(access(place, what).success(), "{what} at {place}");
    }
    let script = dir.script("semantics/scripts/cut_while_mapped.py");
    let printed = script.args(&[&path, &file]).run().succeeds();
    assert_eq!(printed, format!("{0}\n{0}\n", libc::EIO));
    assert_eq!(backing.metadata().unwrap().len(), 5000);
    let mut expected = vec![7; 5000];
    expected[4000] = 9;
    assert_eq!(fs::read(&file).unwrap(), expected);
}

/// Writes to a sparse file whose storage is full, and again once it is not.
fn fills_up(dir: &Dir, volume: &Volume) {
    let file = volume.join("data.bin");
    let mut expected = vec![0; 64 * 4096];
    File::create(&file)
        .unwrap()
        .set_len(expected.len() as u64)
        .unwrap();
    let mut mount = dir.mount(&file, &["--shape", "64,4096"]);
    mount.expect_warning("space left on device");
    let [there, missing, column] =
        ["rows/0", "rows/5", "cols/3"].map(|name| open(mount.join(name)));
    there.write_all_at(&[1; 4096], 0).unwrap();
    there.sync_all().unwrap();
    let filler = volume.fill();
    for value in [2, 3] {
        for at in [0, 1, 4095] {
            assert_eq!(errno(missing.write_at(&[value; 4096], at)), libc::ENOSPC);
        }
        there.write_all_at(&[value; 4096], 0).unwrap();
        // The rest of what these cover has no block.
        let data = open(mount.join("data"));
        assert_eq!(data.write_at(&[value; 8192], 0).unwrap(), 4096);
        assert_eq!(column.write_at(&[value + 10; 64], 0).unwrap(), 1);
        assert_eq!(errno(column.write_at(&[value + 10; 63], 1)), libc::ENOSPC);
        expected[..4096].fill(value);
        expected[3] = value + 10;
        assert!(fs::read(mount.join("data")).unwrap() == expected);
        there.sync_all().unwrap();
    }
    if kernel_can(Ability::DirectMappings) {
        // SAFETY: the file keeps its size, and nothing else stores to the row.
        let mut map = unsafe { MmapMut::map_mut(&missing) }.unwrap();
        map.fill(6);
        assert_eq!(errno(map.flush()), libc::ENOSPC);
    }
    fs::remove_file(filler).unwrap();
    missing.write_all_at(&[4; 4096], 0).unwrap();
    column.write_all_at(&[5; 64], 0).unwrap();
    expected[5 * 4096..6 * 4096].fill(4);
    expected
        .iter_mut()
        .skip(3)
        .step_by(4096)
        .for_each(|byte| *byte = 5);
    assert!(fs::read(mount.join("data")).unwrap() == expected);
    drop([there, missing, column]);
    mount.unmount();
    assert!(fs::read(&file).unwrap() == expected);
}

#[test]
#[cfg_attr(arrayfs_portable, ignore = "views cannot be mapped shared portably")]
fn claim_26_a_full_tmpfs_gives_enospc_where_a_block_is_needed() {
    let Some(dir) = Dir::for_root() else { return };
    let volume = Volume::tmpfs(&dir, 1 << 20);
    fills_up(&dir, &volume);
}

#[test]
#[cfg_attr(arrayfs_portable, ignore = "views cannot be mapped shared portably")]
fn claim_26_a_full_ext4_gives_enospc_where_a_block_is_needed() {
    let Some(dir) = Dir::for_root() else { return };
    let memory = Volume::tmpfs(&dir, 1 << 25);
    let volume = Volume::ext4(&dir, &memory.join("image"), 1 << 24);
    fills_up(&dir, &volume);
}

/// After a truncation, writes three blocks of which the storage has only the
/// first, makes room, and writes behind them: what lies between counts as never
/// written, although the third block had bytes of its own.
fn leaves_a_gap(dir: &Dir, volume: &Volume) {
    let file = volume.join("data.bin");
    let backing = File::create(&file).unwrap();
    backing.set_len(64 * 4096).unwrap();
    for block in [0, 2] {
        backing.write_all_at(&[7; 4096], block * 4096).unwrap();
    }
    backing.sync_all().unwrap();
    let mut mount = dir.mount(&file, &["--shape", "64,4096"]);
    mount.expect_warning("space left on device");
    let filler = volume.fill();
    let data = truncated(mount.join("data"));
    assert_eq!(data.write_at(&[1; 3 * 4096], 0).unwrap(), 4096);
    fs::remove_file(filler).unwrap();
    data.write_all_at(&[2; 4096], 5 * 4096).unwrap();
    drop(data);
    let mut expected = vec![0; 64 * 4096];
    expected[..4096].fill(1);
    expected[5 * 4096..6 * 4096].fill(2);
    assert!(fs::read(mount.join("data")).unwrap() == expected);
    mount.unmount();
    assert!(fs::read(&file).unwrap() == expected);
}

#[test]
fn claim_07_a_write_cut_short_by_a_full_tmpfs_leaves_a_gap_behind_it() {
    let Some(dir) = Dir::for_root() else { return };
    let volume = Volume::tmpfs(&dir, 1 << 20);
    leaves_a_gap(&dir, &volume);
}

#[test]
fn claim_07_a_write_cut_short_by_a_full_ext4_leaves_a_gap_behind_it() {
    let Some(dir) = Dir::for_root() else { return };
    let memory = Volume::tmpfs(&dir, 1 << 25);
    let volume = Volume::ext4(&dir, &memory.join("image"), 1 << 24);
    leaves_a_gap(&dir, &volume);
}
