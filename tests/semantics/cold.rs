//! The amount of disk reads for views of a file that is not in the page cache.

use std::fs::{self, File};
use std::path::Path;

use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};

use crate::common::Dir;
use crate::common::arrays::mounted;

/// How many bytes of a file are in memory.
fn resident(dir: &Dir, file: &Path) -> u64 {
    let words = ["--bytes", "--noheadings", "--output", "RES"];
    let printed = dir.command("fincore", &words).args(&[file]).run();
    printed.succeeds().trim().parse().unwrap()
}

#[test]
fn what_lies_between_scattered_pieces_stays_on_the_disk() {
    const ROW: usize = 1 << 16;
    let Some(dir) = Dir::with_fuse() else { return };
    let content: Vec<u8> = (0..256 * ROW).map(|k| (k / 7 % 251) as u8).collect();
    let file = dir.file("data.bin", &content);
    let backing = File::open(&file).unwrap();
    backing.sync_all().unwrap();
    posix_fadvise(&backing, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED).unwrap();
    if cfg!(arrayfs_portable) || resident(&dir, &file) > 0 {
        // Where all is in memory there is nothing to see.
        return;
    }
    let mount = mounted(&dir, &file, &["--shape", "256,65536"]);
    let column = |index: usize| {
        let read = fs::read(mount.join(&format!("cols/{index}"))).unwrap();
        let expected: Vec<u8> = content.chunks(ROW).map(|row| row[index]).collect();
        assert_eq!(read, expected, "{index}");
        resident(&dir, &file)
    };
    // Beside the pages themselves what the samples made the system read.
    let some = 256 * 4096 + (1 << 20);
    let first = column(20_000);
    assert!((256 * 4096..=some).contains(&first), "{first} bytes");
    // Who goes on is taken to want the rest.
    for index in (20_000..60_000).step_by(4096) {
        column(index);
    }
    assert!(column(60_000) > 256 * (40_000 - 4 * 4096));
}
