//! Claims 5 to 10: files of fixed size, used by programs that resize, append, truncate, leave
//! holes or reserve space.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;

use memmap2::{Mmap, MmapMut};
use nix::fcntl::{FallocateFlags, fallocate};
use nix::unistd::{Whence, lseek, truncate};

use crate::common::arrays::{hundred, numbered};
use crate::common::calls::{errno, open, truncated};
use crate::common::{Ability, Dir, Mount, kernel_can};
use crate::storage::blocks;

#[test]
fn claim_05_a_file_is_resized_to_its_size_only() {
    let Some((dir, mount)) = hundred(&[]) else {
        return;
    };
    for view in [
        "data",
        "rows/1",
        "cols/1",
        "axes/1/2",
        "T/data",
        "T/rows/1",
        "slices/::3,1",
        "npy/data.npy",
        "npy/slices/2:4.npy",
    ] {
        let path = mount.join(view);
        let file = open(&path);
        let len = file.metadata().unwrap().len();
        for size in [1, len - 1, len + 1, 1 << 40] {
            assert_eq!(errno(file.set_len(size)), libc::EPERM, "{view} to {size}");
            let outcome = truncate(&path, size as i64);
            assert_eq!(errno(outcome), libc::EPERM, "{view} to {size}");
        }
        file.set_len(len).unwrap();
        truncate(&path, len as i64).unwrap();
        assert_eq!(file.metadata().unwrap().len(), len);
    }
    assert_eq!(fs::read(dir.join("data.bin")).unwrap(), numbered());
}

#[test]
fn claim_05_an_empty_file_stays_empty() {
    let Some(dir) = Dir::with_fuse() else { return };
    let mount = dir.mount(&dir.file("data.bin", ""), &["--shape", "0,4"]);
    for view in ["data", "cols/1", "T/rows/3"] {
        let file = truncated(mount.join(view));
        file.set_len(0).unwrap();
        assert_eq!(errno(file.set_len(1)), libc::EPERM, "{view}");
        assert_eq!(errno(file.write_at(b"x", 0)), libc::EFBIG, "{view}");
    }
}

#[test]
fn claim_06_writes_at_the_end_are_short_or_refused() {
    let Some((dir, mount)) = hundred(&[]) else {
        return;
    };
    let mut expected = numbered();
    for (view, place) in [("rows/1", 18), ("data", 98), ("T/rows/1", 81)] {
        let file = open(mount.join(view));
        let len = file.metadata().unwrap().len();
        assert_eq!(file.write_at(&[200; 5], len - 2).unwrap(), 2, "{view}");
        let step = if view.starts_with('T') { 10 } else { 1 };
        [expected[place], expected[place + step]] = [200, 200];
        for at in [len, len + 1, len + (1 << 20), 1 << 62] {
            let outcome = file.write_at(&[200; 5], at);
            assert_eq!(errno(outcome), libc::EFBIG, "{view} at {at}");
        }
        let appending = File::options().append(true).open(mount.join(view)).unwrap();
        let outcome = std::io::Write::write(&mut &appending, b"x");
        assert_eq!(errno(outcome), libc::EFBIG, "{view}");
        assert_eq!(file.metadata().unwrap().len(), len);
    }
    let append = dir.command("sh", &["-c", r#"cat data.bin >> "$1""#, "sh"]);
    let outcome = append.args(&[mount.join("rows/5")]).run();
    assert!(outcome.stderr.contains("File too large"), "{outcome}");
    let copy = ["if=data.bin", "bs=15", "count=1", "conv=notrunc"];
    let into = format!("of={}", mount.join("rows/7").display());
    let outcome = dir.command("dd", &copy).args(&[into]).run();
    assert!(outcome.stderr.contains("File too large"), "{outcome}");
    expected.copy_within(0..10, 70);
    assert_eq!(fs::read(dir.join("data.bin")).unwrap(), expected);
}

#[test]
fn claim_06_a_write_of_several_requests_is_short_at_the_end() {
    const LEN: usize = 1 << 21;
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", vec![0; LEN]);
    let mount = dir.mount(&file, &["--shape", "2097152"]);
    let data = open(mount.join("data"));
    for (value, at) in [(1, 0), (2, 5), (3, LEN / 2)] {
        let written = data.write_at(&vec![value; 2 * LEN], at as u64).unwrap();
        assert_eq!(written, LEN - at);
        let bytes = fs::read(&file).unwrap();
        assert!(bytes[at..] == vec![value; LEN - at]);
    }
}

#[test]
fn claim_07_a_truncated_file_keeps_its_bytes_and_has_its_gaps_filled() {
    for mode in ["r+", "c"] {
        let Some((dir, mount)) = hundred(&["--mode", mode]) else {
            return;
        };
        let row = |k: usize| fs::read(mount.join(&format!("rows/{k}"))).unwrap();
        let untouched = |k: usize| numbered()[10 * k..10 * k + 10].to_vec();
        for truncate in ["O_TRUNC", "truncate"] {
            let path = mount.join("rows/1");
            if truncate == "O_TRUNC" {
                truncated(&path);
            } else {
                nix::unistd::truncate(&path, 0).unwrap();
            }
            assert_eq!(fs::metadata(&path).unwrap().len(), 10, "{truncate}");
            assert_eq!(row(1), untouched(1), "{truncate}");
        }

        let file = truncated(mount.join("rows/2"));
        file.write_at(b"cd", 2).unwrap();
        file.write_at(b"h", 7).unwrap();
        file.write_at(b"b", 1).unwrap();
        assert_eq!(row(2), b"\0bcd\0\0\0h\x1c\x1d");

        // By the descriptor, as programs do that overwrite what they have read.
        let file = open(mount.join("rows/3"));
        file.set_len(0).unwrap();
        file.write_at(b"d", 3).unwrap();
        file.set_len(10).unwrap();
        assert_eq!(row(3), b"\0\0\0d\0\0\0\0\0\0");

        // Strided, by path, and without an open file at first.
        nix::unistd::truncate(&mount.join("cols/9"), 0).unwrap();
        let file = File::options()
            .write(true)
            .open(mount.join("cols/9"))
            .unwrap();
        file.write_at(b"x", 2).unwrap();
        let column = fs::read(mount.join("cols/9")).unwrap();
        assert_eq!(
            column,
            [&b"\0\0x\0"[..], &[49, 59, 69, 79, 89, 99]].concat()
        );
        let backing = fs::read(dir.join("data.bin")).unwrap();
        assert_eq!(backing == numbered(), mode == "c");
    }
}

/// The length of the sparse files to copy.
const LEN: usize = 1 << 16;

/// A file of bytes 7, with holes from one quarter to another.
fn sparse(dir: &Dir, name: &str, holes: &[(usize, usize)]) {
    let path = dir.file(name, "");
    let file = File::options().write(true).open(&path).unwrap();
    file.set_len(LEN as u64).unwrap();
    let mut data = 0;
    for &(start, end) in holes.iter().chain([&(4, 4)]) {
        let bytes = vec![7; (start - data) * LEN / 4];
        file.write_all_at(&bytes, (data * LEN / 4) as u64).unwrap();
        data = end;
    }
    let hole = lseek(&file, 0, Whence::SeekHole).unwrap() as usize;
    assert_eq!(hole, holes.first().map_or(LEN, |hole| hole.0 * LEN / 4));
}

#[test]
fn claim_07_copies_of_sparse_files_are_exact() {
    let Some(dir) = Dir::with_fuse() else { return };
    sparse(&dir, "none", &[]);
    sparse(&dir, "first", &[(0, 1)]);
    sparse(&dir, "middle", &[(1, 2)]);
    sparse(&dir, "last", &[(3, 4)]);
    sparse(&dir, "ends", &[(0, 1), (3, 4)]);
    sparse(&dir, "all", &[(0, 4)]);
    dir.file("zeros", [vec![0; 30_000], vec![7; LEN - 30_000]].concat());
    let file = dir.file("data.bin", vec![0xff; 2 * LEN]);
    let contiguous = dir.mount(&file, &["--shape", "2,65536"]);
    let strided = dir.mount(&file, &["--shape", "65536,2"]);
    for source in ["none", "first", "middle", "last", "ends", "all", "zeros"] {
        let mut commands = vec![
            r#"cp "$1" "$2""#,
            r#"cp --sparse=always "$1" "$2""#,
            r#"cp --sparse=never "$1" "$2""#,
            r#"cat "$1" >"$2""#,
        ];
        if !["last", "ends", "all"].contains(&source) {
            commands.push(r#"dd conv=sparse bs=4096 if="$1" of="$2" status=none"#);
        }
        for command in commands {
            for (mount, view) in [(&contiguous, "rows/1"), (&strided, "cols/0")] {
                copies_exactly(&dir, command, source, mount, view);
            }
        }
    }
}

fn copies_exactly(dir: &Dir, command: &str, source: &str, mount: &Mount, view: &str) {
    let path = mount.join(view);
    open(&path).write_all_at(&vec![0xff; LEN], 0).unwrap();
    let shell = dir
        .command("sh", &["-c", command, "sh", source])
        .args(&[&path]);
    shell.run().succeeds_silently();
    dir.command("cmp", &[source])
        .args(&[&path])
        .run()
        .succeeds_silently();
}

#[test]
fn claim_08_a_copy_that_ends_early_leaves_the_tail() {
    let Some((dir, mount)) = hundred(&[]) else {
        return;
    };
    dir.file("short", "abc");
    let mut expected = numbered();
    for (row, command) in [
        (1, r#"cat short >"$1""#),
        (2, r#"cp short "$1""#),
        (3, r#"head -c 3 short >"$1""#),
        (4, r#"dd if=short of="$1" status=none"#),
        (5, r#"tee "$1" <short >/dev/null"#),
        (6, r#"cp --sparse=always short "$1""#),
        // The copy is cut off in the middle.
        (7, r#"{ printf abc; kill -9 $$; } >"$1""#),
        (8, r#"cat /dev/null >"$1""#),
    ] {
        let path = mount.join(&format!("rows/{row}"));
        let shell = dir.command("sh", &["-c", command, "sh"]).args(&[path]);
        let outcome = shell.run();
        assert_eq!(outcome.stderr, "", "{outcome}");
        if row != 8 {
            expected[10 * row..10 * row + 3].copy_from_slice(b"abc");
        }
        assert_eq!(
            fs::read(dir.join("data.bin")).unwrap(),
            expected,
            "{command}"
        );
    }
}

/// Truncates row 1, writes `ab`, lets `end` happen, and then writes `i` at 8:
/// whether the gap was left as it was.
#[track_caller]
fn ends_truncation(mount: &Mount, end: impl FnOnce(&Path, File) -> File) -> bool {
    let path = mount.join("rows/1");
    open(&path).write_all_at(b"0123456789", 0).unwrap();
    let file = truncated(&path);
    file.write_at(b"ab", 0).unwrap();
    let file = end(&path, file);
    file.write_at(b"i", 8).unwrap();
    match &fs::read(&path).unwrap()[..] {
        b"ab234567i9" => true,
        b"ab\0\0\0\0\0\0i9" => false,
        other => panic!("{other:?}"),
    }
}

#[test]
#[cfg_attr(arrayfs_portable, ignore = "views cannot be mapped shared portably")]
fn claim_09_a_read_a_mapping_or_the_last_close_ends_a_truncation() {
    let maps = kernel_can(Ability::DirectMappings);
    let Some((_dir, mount)) = hundred(&[]) else {
        return;
    };
    let ends = |end: fn(&Path, File) -> File| ends_truncation(&mount, end);
    assert!(!ends(|_, file| file));
    assert!(ends(|path, file| {
        File::open(path).unwrap().read_at(&mut [0], 9).unwrap();
        file
    }));
    if maps {
        assert!(ends(|path, file| {
            // SAFETY: the file is not resized.
            let map = unsafe { Mmap::map(&File::open(path).unwrap()) }.unwrap();
            assert_eq!(map[..3], *b"ab2");
            file
        }));
        assert!(ends(|path, file| {
            // SAFETY: the file is not resized.
            let mut map = unsafe { MmapMut::map_mut(&open(path)) }.unwrap();
            map[9] = b'9';
            map.flush().unwrap();
            file
        }));
    }
    assert!(ends(|path, file| {
        drop(file);
        open(path)
    }));
    // Another writer is left, a reader does not count.
    assert!(!ends(|path, file| {
        let other = open(path);
        drop(file);
        other
    }));
    assert!(ends(|path, file| {
        let _reader = File::open(path).unwrap();
        drop(file);
        open(path)
    }));
    // Neither does what happens to other files.
    assert!(!ends(|path, file| {
        fs::read(path.with_file_name("2")).unwrap();
        truncated(path.with_file_name("3"));
        file
    }));
}

#[test]
fn claim_09_a_write_through_another_view_to_the_same_bytes_ends_a_truncation() {
    let Some((_dir, mount)) = hundred(&[]) else {
        return;
    };
    // Each writes a byte of row 1, by the one that is there.
    let writes = [
        ("data", 14, b"4"),
        ("T/data", 41, b"4"),
        ("cols/9", 1, b"9"),
        ("T/cols/1", 0, b"a"),
        ("slices/::-1", 80, b"a"),
        ("slices/1,3:", 4, b"7"),
        ("npy/data.npy", 14, b"4"),
        ("npy/rows/1.npy", 5, b"5"),
    ];
    for (path, at, byte) in writes {
        let file = open(mount.join(path));
        let len: u64 = match path.rsplit('/').next().unwrap() {
            "data" | "data.npy" | "::-1" => 100,
            "1,3:" => 7,
            _ => 10,
        };
        let header = file.metadata().unwrap().len() - len;
        assert!(ends_truncation(&mount, |_, truncated| {
            file.write_all_at(byte, header + at).unwrap();
            truncated
        }));
    }
    // What is written elsewhere does not.
    for (path, at) in [("data", 9), ("data", 20), ("cols/3", 2), ("rows/2", 0)] {
        assert!(!ends_truncation(&mount, |_, truncated| {
            open(mount.join(path)).write_all_at(b"x", at).unwrap();
            truncated
        }));
    }
}

#[test]
fn claim_09_an_unused_duplicate_of_a_closed_descriptor_does_not_hold_a_truncation() {
    let Some((dir, mount)) = hundred(&[]) else {
        return;
    };
    assert!(ends_truncation(&mount, |path, file| {
        let _duplicate = file.try_clone().unwrap();
        drop(file);
        open(path)
    }));
    assert!(!ends_truncation(&mount, |path, file| {
        let duplicate = file.try_clone().unwrap();
        drop(file);
        duplicate.write_at(b"b", 1).unwrap();
        let other = open(path);
        drop(duplicate);
        other
    }));
    assert!(!ends_truncation(&mount, |_, file| {
        let duplicate = file.try_clone().unwrap();
        drop(file);
        duplicate
    }));
    // A shell and its children write through duplicates of one descriptor.
    let path = mount.join("rows/4");
    let script =
        r#"{ printf ab; printf e | dd bs=1 seek=2 conv=notrunc status=none; (printf f); } >"$1""#;
    dir.command("sh", &["-c", script, "sh"])
        .args(&[&path])
        .run()
        .succeeds_silently();
    assert_eq!(fs::read(&path).unwrap(), b"ab\0\0ef\x2e\x2f\x30\x31");
}

/// Bytes of a row in an array of four, whose file is one hole.
const ROW: u64 = 1 << 18;

fn four_rows(mode: &str) -> Option<(Dir, Mount)> {
    let dir = Dir::with_fuse()?;
    let file = dir.file("data.bin", "");
    File::options()
        .write(true)
        .open(&file)
        .unwrap()
        .set_len(4 * ROW)
        .unwrap();
    let mount = dir.mount(&file, &["--shape", "4,262144", "--mode", mode]);
    Some((dir, mount))
}

const RESERVE: FallocateFlags = FallocateFlags::empty();
const KEEP_SIZE: FallocateFlags = FallocateFlags::FALLOC_FL_KEEP_SIZE;
const ZERO: FallocateFlags = FallocateFlags::FALLOC_FL_ZERO_RANGE;
const PUNCH: FallocateFlags = FallocateFlags::FALLOC_FL_PUNCH_HOLE.union(KEEP_SIZE);

#[test]
#[cfg_attr(arrayfs_portable, ignore = "space cannot be reserved portably")]
fn claim_10_fallocate_reserves_space_within_the_size() {
    for mode in ["r+", "c"] {
        let Some((dir, mount)) = four_rows(mode) else {
            return;
        };
        let backing = dir.join("data.bin");
        assert_eq!(blocks(&backing), 0);
        let row = open(mount.join("rows/1"));
        fallocate(&row, RESERVE, 0, ROW as i64 / 2).unwrap();
        fallocate(&row, KEEP_SIZE, ROW as i64 / 2, ROW as i64).unwrap();
        let reserved = blocks(&backing);
        let expected = if mode == "c" { 0 } else { ROW / 512 };
        assert_eq!(reserved, expected, "mode {mode}");
        for (offset, len) in [(ROW - 1, 2), (ROW, 1), (0, 5 * ROW)] {
            let refused = fallocate(&row, RESERVE, offset as i64, len as i64);
            assert_eq!(errno(refused), libc::EFBIG, "{len} bytes at {offset}");
            fallocate(&row, KEEP_SIZE, offset as i64, len as i64).unwrap();
        }
        assert_eq!(blocks(&backing), reserved);
        assert_eq!(fs::metadata(&backing).unwrap().len(), 4 * ROW);
        assert_eq!(row.metadata().unwrap().len(), ROW);
    }
}

#[test]
fn claim_10_no_hole_is_punched_and_no_range_zeroed() {
    for mode in ["r+", "c"] {
        let Some((_dir, mount)) = hundred(&["--mode", mode]) else {
            return;
        };
        for view in ["data", "rows/1", "cols/0", "T/rows/2"] {
            for how in [PUNCH, ZERO, ZERO | KEEP_SIZE] {
                let refused = fallocate(open(mount.join(view)), how, 3, 4);
                assert_eq!(errno(refused), libc::EOPNOTSUPP, "{view} {how:?}");
            }
        }
        assert_eq!(fs::read(mount.join("data")).unwrap(), numbered());
    }
}

#[test]
fn claim_10_a_file_is_one_piece_of_data() {
    let Some((_dir, mount)) = four_rows("r+") else {
        return;
    };
    for view in ["data", "rows/2", "T/data", "T/rows/5"] {
        let file = File::open(mount.join(view)).unwrap();
        let len = file.metadata().unwrap().len() as i64;
        for at in [0, 1, len - 1] {
            assert_eq!(lseek(&file, at, Whence::SeekData), Ok(at), "{view}");
            assert_eq!(lseek(&file, at, Whence::SeekHole), Ok(len), "{view}");
        }
        for whence in [Whence::SeekData, Whence::SeekHole] {
            for at in [len, len + 1, -1] {
                assert_eq!(errno(lseek(&file, at, whence)), libc::ENXIO, "{view} {at}");
            }
        }
    }
}
