//! The amount of disk reads for views of a file that is not in the page cache, and of disk
//! writes for small changes.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};

use nix::unistd::Pid;

use crate::common::Dir;
use crate::common::arrays::mounted;
use crate::common::skip;

/// How many bytes of a file are in memory.
fn resident(dir: &Dir, file: &Path) -> u64 {
    let words = ["--bytes", "--noheadings", "--output", "RES"];
    let printed = dir.command("fincore", &words).args(&[file]).run();
    printed.succeeds().trim().parse().unwrap()
}

const ROW: usize = 1 << 16;

/// The most bytes that the command reads at the start of a file, to tell its format.
const START: u64 = 8 * 4096;

/// Checks that the pages that were needed are in memory, and no others but those of the start.
#[track_caller]
fn only_these_are_resident(dir: &Dir, file: &Path, needed: u64) {
    let found = resident(dir, file);
    assert!(
        (needed..=needed + START).contains(&found),
        "{found} bytes, needed {needed}"
    );
}

/// A file of 256 rows, none of which is in memory. `None` where that cannot be told.
fn cold_rows(dir: &Dir) -> Option<(Vec<u8>, PathBuf)> {
    let content: Vec<u8> = (0..256 * ROW).map(|k| (k / 7 % 251) as u8).collect();
    let file = dir.file("data.bin", &content);
    let backing = File::open(&file).unwrap();
    backing.sync_all().unwrap();
    posix_fadvise(&backing, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED).unwrap();
    // Where all is in memory there is nothing to see.
    (resident(dir, &file) == 0).then_some((content, file))
}

#[test]
fn what_lies_between_scattered_pieces_stays_on_the_disk() {
    let Some(dir) = Dir::with_fuse() else { return };
    let Some((content, file)) = cold_rows(&dir) else {
        return;
    };
    let mount = mounted(&dir, &file, &["--shape", "256,65536"]);
    let column = |index: usize| {
        let read = fs::read(mount.join(&format!("cols/{index}"))).unwrap();
        let expected: Vec<u8> = content.chunks(ROW).map(|row| row[index]).collect();
        assert_eq!(read, expected, "{index}");
        resident(&dir, &file)
    };
    column(20_000);
    only_these_are_resident(&dir, &file, 256 * 4096);
    // Who goes on is taken to want the rest.
    for index in (20_000..60_000).step_by(4096) {
        column(index);
    }
    assert!(column(60_000) > 256 * (40_000 - 4 * 4096));
}

#[test]
fn what_lies_around_a_single_row_stays_on_the_disk() {
    let Some(dir) = Dir::with_fuse() else { return };
    let Some((content, file)) = cold_rows(&dir) else {
        return;
    };
    let mount = mounted(&dir, &file, &["--shape", "256,65536"]);
    for (number, index) in [100, 30, 200, 90].into_iter().enumerate() {
        let read = fs::read(mount.join(&format!("rows/{index}"))).unwrap();
        assert_eq!(read, content[index * ROW..][..ROW], "{index}");
        only_these_are_resident(&dir, &file, (number + 1) as u64 * ROW as u64);
    }
    // Who reads in order has the kernel's readahead.
    for index in 91..95 {
        fs::read(mount.join(&format!("rows/{index}"))).unwrap();
    }
    assert!(resident(&dir, &file) > 8 * ROW as u64);
}

#[test]
fn what_lies_around_parts_of_pieces_stays_on_the_disk() {
    let Some(dir) = Dir::with_fuse() else { return };
    let Some((content, file)) = cold_rows(&dir) else {
        return;
    };
    let mount = mounted(&dir, &file, &["--shape", "256,16,4096"]);
    // A page from each of the 256 rows.
    let pages = File::open(mount.join("axes/1/5")).unwrap();
    let place = |k: usize| k / 4096 * ROW + 5 * 4096 + k % 4096;
    let mut needed = 0;
    for range in [6000..6100, 43_000..47_000, 90_000..190_000] {
        let mut bytes = vec![0; range.len()];
        pages.read_exact_at(&mut bytes, range.start as u64).unwrap();
        let expected: Vec<u8> = range.clone().map(|k| content[place(k)]).collect();
        assert_eq!(bytes, expected, "{range:?}");
        needed += (range.end - 1) / 4096 - range.start / 4096 + 1;
        only_these_are_resident(&dir, &file, needed as u64 * 4096);
    }
}

#[test]
fn what_lies_around_pieces_in_two_pages_stays_on_the_disk() {
    let Some(dir) = Dir::with_fuse() else { return };
    let Some((content, file)) = cold_rows(&dir) else {
        return;
    };
    let mount = mounted(
        &dir,
        &file,
        &[
            "--dtype",
            "x:u4,rest:(65535,)u1",
            "--shape",
            "255",
            "--offset",
            "3333",
        ],
    );
    let starts = (0..255).map(|k| 3333 + k * 65539);
    let read = fs::read(mount.join("fields/x/data")).unwrap();
    let expected: Vec<u8> = starts
        .flat_map(|start| content[start..start + 4].to_vec())
        .collect();
    assert_eq!(read, expected);
    // Only the last piece lies in two pages.
    only_these_are_resident(&dir, &file, 256 * 4096);
}

#[test]
fn a_column_of_a_sparse_file_is_not_read_with_the_holes_around_it() {
    const ROWS: u64 = 2000;
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.path().join("sparse.bin");
    File::create(&file).unwrap().set_len(ROWS << 20).unwrap();
    let mount = mounted(&dir, &file, &["--shape", "2000,1048576"]);
    let read = fs::read(mount.join("cols/70000")).unwrap();
    assert_eq!(read, vec![0; ROWS as usize]);
    only_these_are_resident(&dir, &file, ROWS * 4096);
}

/// The bytes of files that a process has made dirty, proc_pid_io(5). `None` where the kernel does
/// not count them.
fn dirtied(process: Pid) -> Option<u64> {
    let counts = fs::read_to_string(format!("/proc/{process}/io")).ok()?;
    let count = counts
        .lines()
        .find_map(|line| line.strip_prefix("write_bytes: "));
    count?.parse().ok()
}

#[test]
fn a_small_write_after_a_flush_makes_only_its_pages_dirty() {
    const COUNT: usize = 32;
    const STEP: usize = 1 << 18;
    // The largest folio.
    const FOLIO: u64 = 2 << 20;
    let Some(dir) = Dir::with_fuse() else { return };
    // Written at once: the page cache holds the file in folios as large as it has.
    let mut content: Vec<u8> = (0..COUNT * STEP).map(|k| (k / 7 % 251) as u8).collect();
    let backing = dir.file("data.bin", &content);
    File::open(&backing).unwrap().sync_all().unwrap();
    let mount = mounted(&dir, &backing, &[]);
    let file = File::options()
        .write(true)
        .open(mount.join("data"))
        .unwrap();
    let mut change = |at: usize, bytes: &[u8]| {
        file.write_all_at(bytes, at as u64).unwrap();
        file.sync_data().unwrap();
        content[at..at + bytes.len()].copy_from_slice(bytes);
    };
    change(0, b"first");
    let Some(before) = dirtied(mount.daemon()) else {
        skip("the kernel does not count the bytes that a process writes");
        return;
    };
    for number in 0..COUNT {
        // From one page into the next.
        change(number * STEP + 5000, &[number as u8; 4096]);
    }
    let bytes = dirtied(mount.daemon()).unwrap() - before;
    // A folio that the kernel uses at the same moment stays whole.
    let needed = COUNT as u64 * 2 * 4096;
    assert!(bytes <= needed + FOLIO, "{bytes} bytes, needed {needed}");
    assert_eq!(fs::read(backing).unwrap(), content);
}
