//! Claim 7: gaps in truncated files, of all lengths and causes. The reference is an ordinary
//! file with the same operations.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::thread;

use memmap2::MmapRaw;
use nix::fcntl::{FallocateFlags, fallocate};

use crate::common::arrays::{hundred, numbered};
use crate::common::calls::{errno, open, truncated};
use crate::common::{Ability, Dir, Mount, needs, wait_until};
use crate::storage::blocks;

const GROW: FallocateFlags = FallocateFlags::empty();
const KEEP_SIZE: FallocateFlags = FallocateFlags::FALLOC_FL_KEEP_SIZE;

/// What is done to a file of ten bytes.
type Deeds = fn(&File);

#[test]
#[cfg_attr(arrayfs_portable, ignore = "space cannot be reserved portably")]
fn claim_07_what_fallocate_makes_a_truncated_file_reach_is_filled() {
    let cases: [(&str, Deeds); 7] = [
        ("all of it", |file| {
            fallocate(file, GROW, 0, 10).unwrap();
        }),
        ("the rest", |file| {
            file.write_all_at(b"abc", 0).unwrap();
            fallocate(file, GROW, 5, 5).unwrap();
        }),
        ("all of it, then a write", |file| {
            fallocate(file, GROW, 0, 10).unwrap();
            file.write_all_at(b"i", 8).unwrap();
        }),
        ("a part", |file| {
            fallocate(file, GROW, 2, 4).unwrap();
            file.write_all_at(b"ab", 0).unwrap();
        }),
        ("a part, then a write beyond it", |file| {
            file.write_all_at(b"ab", 0).unwrap();
            fallocate(file, GROW, 0, 6).unwrap();
            file.write_all_at(b"i", 8).unwrap();
        }),
        ("what is written", |file| {
            file.write_all_at(b"abcde", 0).unwrap();
            fallocate(file, GROW, 0, 4).unwrap();
        }),
        ("nothing, since the size is kept", |file| {
            file.write_all_at(b"ab", 0).unwrap();
            fallocate(file, KEEP_SIZE, 0, 10).unwrap();
        }),
    ];
    for mode in ["r+", "c"] {
        let Some((dir, mount)) = hundred(&["--mode", mode]) else {
            return;
        };
        for (what, deeds) in cases {
            for view in ["rows/1", "cols/9"] {
                let path = mount.join(view);
                let before = fs::read(&path).unwrap();
                let ordinary = dir.file("ordinary", &before);
                for path in [&ordinary, &path] {
                    let file = open(path);
                    file.set_len(0).unwrap();
                    deeds(&file);
                }
                let written = fs::read(&ordinary).unwrap();
                let expected = [&written, &before[written.len()..]].concat();
                let found = fs::read(&path).unwrap();
                assert_eq!(found, expected, "{view}, {what}, mode {mode}");
                open(&path).write_all_at(&before, 0).unwrap();
            }
        }
        assert_eq!(fs::read(mount.join("data")).unwrap(), numbered());
    }
}

/// A mounted array of bytes in a file of `len` bytes that is one hole.
fn sparse(len: u64, shape: &str) -> Option<(Dir, Mount)> {
    let dir = Dir::with_fuse()?;
    let file = dir.file("data.bin", "");
    let backing = File::options().write(true).open(file).unwrap();
    backing.set_len(len).unwrap();
    let mount = dir.mount(&dir.join("data.bin"), &["--shape", shape]);
    Some((dir, mount))
}

#[test]
#[cfg_attr(arrayfs_portable, ignore = "holes cannot be punched portably")]
fn claim_07_a_long_gap_becomes_a_hole() {
    const MIB: u64 = 1 << 20;
    const LEN: u64 = 256 * MIB;
    let Some((dir, mount)) = sparse(LEN, "2,134217728") else {
        return;
    };
    let file = dir.join("data.bin");
    let backing = open(&file);
    // Of what is stored only the ends are beside the pages of the gap.
    for at in [0, 7 * MIB, LEN / 2 - MIB, LEN / 2, LEN - 2 * MIB] {
        backing.write_all_at(&vec![7; MIB as usize], at).unwrap();
    }
    let data = truncated(mount.join("data"));
    data.write_all_at(b"ab", 4095).unwrap();
    data.write_all_at(b"i", LEN - MIB - 5000).unwrap();
    drop(data);
    let ordinary = dir.file("ordinary", "");
    let model = open(&ordinary);
    model.set_len(LEN - MIB).unwrap();
    model.write_all_at(b"ab", 4095).unwrap();
    model.write_all_at(b"i", LEN - MIB - 5000).unwrap();
    model.write_all_at(&[7; 4999], LEN - MIB - 4999).unwrap();
    model.set_len(LEN).unwrap();
    // What a file really takes is known once it has been written.
    backing.sync_all().unwrap();
    model.sync_all().unwrap();
    let compared = dir.command("cmp", &[&file, &ordinary]);
    compared.run().succeeds_silently();
    let (taken, least) = (blocks(&file), blocks(&ordinary));
    assert!(taken <= least + 2 * MIB / 512, "{taken}, at least {least}");
}

/// The side of a square whose transposed view has bytes in every row at each step of a
/// gap, and every step takes a while.
const SIDE: u64 = 4096;
const SQUARE: u64 = SIDE * SIDE;

/// The byte of the backing file there.
fn byte(backing: &File, at: u64) -> u8 {
    let mut byte = [0];
    backing.read_exact_at(&mut byte, at).unwrap();
    byte[0]
}

#[test]
fn claim_09_no_gap_is_filled_over_what_is_written_once_a_read_has_ended_the_truncation() {
    let Some((dir, mount)) = sparse(SQUARE, "4096,4096") else {
        return;
    };
    let backing = open(dir.join("data.bin"));
    backing.write_all_at(&[7], 0).unwrap();
    let transposed = truncated(mount.join("T/data"));
    let (reader, row) = (open(mount.join("T/data")), open(mount.join("rows/4095")));
    thread::scope(|scope| {
        let writer = scope.spawn(|| transposed.write_all_at(b"i", SQUARE - 1).unwrap());
        wait_until("the gap to be filled", || byte(&backing, 0) == 0);
        reader.read_exact_at(&mut [0], 0).unwrap();
        // Of the columns that the first step fills, most come later.
        row.write_all_at(&[7; SIDE as usize / 4], 0).unwrap();
        writer.join().unwrap();
    });
    let mut written = [0; SIDE as usize / 4];
    row.read_exact_at(&mut written, 0).unwrap();
    assert!(written == [7; SIDE as usize / 4]);
}

#[test]
#[cfg_attr(arrayfs_portable, ignore = "views cannot be mapped shared portably")]
fn claim_07_pages_are_read_while_a_long_gap_is_filled() {
    if !needs(Ability::DirectMappings) {
        return;
    }
    let Some((dir, mount)) = sparse(SQUARE, "4096,4096") else {
        return;
    };
    let backing = open(dir.join("data.bin"));
    // The first and one of the last bytes of the gap, as the transposed view has it.
    let (first, late) = (0, SIDE - 1);
    for at in [first, late] {
        backing.write_all_at(&[7], at).unwrap();
    }
    let transposed = truncated(mount.join("T/data"));
    let row = MmapRaw::map_raw(&open(mount.join("rows/4095"))).unwrap();
    thread::scope(|scope| {
        let writer = scope.spawn(|| transposed.write_all_at(b"i", SQUARE - 1).unwrap());
        wait_until("the gap to be filled", || byte(&backing, first) == 0);
        // SAFETY: within the mapping.
        unsafe { row.as_ptr().read_volatile() };
        assert_eq!(
            byte(&backing, late),
            7,
            "the page was read once the gap was filled"
        );
        writer.join().unwrap();
    });
    assert_eq!(
        (byte(&backing, late), byte(&backing, SQUARE - 1)),
        (0, b'i')
    );
}

#[test]
#[cfg_attr(arrayfs_portable, ignore = "space cannot be reserved portably")]
fn claim_25_no_gap_is_filled_past_the_end_of_a_file_that_was_cut_short() {
    for mode in ["r+", "c"] {
        let Some(dir) = Dir::with_fuse() else { return };
        let file = dir.file("data.bin", vec![7; 16 << 20]);
        let mut mount = dir.mount(&file, &["--shape", "4,-1", "--mode", mode]);
        mount.expect_warning("of the backing file, which now has");
        open(&file).set_len(4 << 20).unwrap();
        let row = truncated(mount.join("rows/2"));
        assert_eq!(errno(row.set_len(4 << 20)), libc::EIO, "{mode}");
        drop(row);
        for whence in [GROW, KEEP_SIZE] {
            let row = truncated(mount.join("rows/2"));
            let error = fallocate(&row, whence, 0, 4 << 20).unwrap_err();
            assert_eq!(error as i32, libc::EIO, "{mode}, {whence:?}");
        }
        let row = truncated(mount.join("rows/2"));
        assert_eq!(
            errno(row.write_at(b"end", (4 << 20) - 3)),
            libc::EIO,
            "{mode}"
        );
        assert_eq!(fs::metadata(&file).unwrap().len(), 4 << 20, "{mode}");
        assert!(
            blocks(&file) <= (4 << 20) / 512 + 64,
            "{mode}: blocks past the end"
        );
    }
}
