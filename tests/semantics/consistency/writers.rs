//! Claim 49: an acknowledged write is not undone by a write that began earlier.

use std::fs::{self, File};
use std::hint;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;

use memmap2::{MmapOptions, MmapRaw};

use crate::common::Dir;
use crate::common::calls::open;

/// An array of words that takes 1 MiB, as much as one request.
const ROWS: usize = 128;
const COLUMNS: usize = 1024;
const WORDS: usize = ROWS * COLUMNS;

/// How often one writes what another is about to have written.
const RACES: usize = 20;

/// The value of the first word of the file.
fn first_word(map: &MmapRaw) -> u64 {
    // SAFETY: the mapping is aligned to pages and has a word; as it is mapped memory
    // all values are valid.
    unsafe { map.as_ptr().cast::<u64>().read_volatile() }
}

/// Writes the whole array, and the first word through `second` as soon as it is seen
/// there: whether it was so before the first write had returned, and what is there then.
fn race(whole: &File, map: &MmapRaw, second: &File, turn: u64) -> (bool, u64) {
    let is_over = AtomicBool::new(false);
    let mut is_between = false;
    thread::scope(|scope| {
        scope.spawn(|| {
            let bytes = turn.to_le_bytes().repeat(WORDS);
            whole.write_all_at(&bytes, 0).unwrap();
            is_over.store(true, SeqCst);
        });
        while first_word(map) != turn && !is_over.load(SeqCst) {
            hint::spin_loop();
        }
        second.write_all_at(&(!turn).to_le_bytes(), 0).unwrap();
        is_between = !is_over.load(SeqCst);
    });
    (is_between, first_word(map))
}

/// How many acknowledged writes of [`RACES`] were undone.
fn undone(whole: &File, backing: &Path, second: &Path) -> usize {
    let second = open(second);
    let file = open(backing);
    let map = MmapOptions::new().map_raw_read_only(&file).unwrap();
    let (mut races, mut undone) = (0, 0);
    for turn in 1..100_000 {
        let (is_between, word) = race(whole, &map, &second, turn);
        races += usize::from(is_between);
        undone += usize::from(word != !turn);
        if races == RACES {
            return undone;
        }
    }
    panic!("{races} races");
}

/// Tells a thread that all is over, also when a test fails.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}

#[test]
fn claim_49_an_acknowledged_write_is_not_undone_by_one_that_began_before() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", vec![0; WORDS * 8]);
    let shape = format!("{ROWS},{COLUMNS}");
    let mount = dir.mount(&file, &["--dtype", "<u8", "--shape", &shape]);
    let whole = open(mount.join("T/data"));
    for beside in [false, true] {
        for second in [&file, &mount.join("data"), &mount.join("rows/0")] {
            let is_over = AtomicBool::new(false);
            let count = thread::scope(|scope| {
                // A third writes elsewhere in the file.
                if beside {
                    scope.spawn(|| {
                        let file = open(&file);
                        while !is_over.load(SeqCst) {
                            file.write_all_at(&[1; 8], (WORDS - 1) as u64 * 8).unwrap();
                        }
                    });
                }
                let _ends = Over(&is_over);
                undone(&whole, &file, second)
            });
            let how = format!("{}, a third: {beside}", second.display());
            assert_eq!(count, 0, "undone of {RACES} written to {how}");
        }
    }
    drop(whole);
    mount.unmount();
    assert_eq!(fs::metadata(&file).unwrap().len(), WORDS as u64 * 8);
}
