//! The size of the page tables that a mount occupies.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::common::calls::open;
use crate::common::{Dir, Mount};
use crate::storage::Volume;

/// A row is as long as a page table reaches, so that a column needs one for each row.
const ROW: u64 = 2 << 20;
const ROWS: u64 = 24 << 10;

/// What all tables of a column take, in KiB.
const COLUMN: u64 = ROWS * 4;

/// What the tables of one mapping may take, in KiB.
const BOUND: u64 = 32 << 10;

const THREADS: u64 = 2;

/// The page tables of the daemon, in KiB.
fn tables(mount: &Mount) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", mount.daemon())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmPTE:"));
    let words = line.unwrap().split_whitespace().next();
    words.unwrap().parse().unwrap()
}

/// The most page tables that the daemon has while `work` is done.
fn most_tables(mount: &Mount, work: impl FnOnce()) -> u64 {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut most = 0;
            while !over.load(Ordering::Relaxed) {
                most = most.max(tables(mount));
                thread::sleep(Duration::from_millis(1));
            }
            most
        });
        work();
        over.store(true, Ordering::Relaxed);
        watcher.join().unwrap()
    })
}

fn mounted(dir: &Dir, file: &Path, mode: &str) -> Mount {
    let (shape, threads) = (format!("{ROWS},{ROW}"), THREADS.to_string());
    let options = ["--shape", &shape, "--mode", mode, "--threads", &threads];
    dir.mount(file, &options)
}

/// A file of zeros in memory, where nothing is read ahead, with room for one page of each
/// row.
fn sparse(dir: &Dir) -> (Volume, PathBuf) {
    let volume = Volume::tmpfs(dir, ROWS * 4096 + (8 << 20));
    let file = volume.join("data");
    File::create(&file).unwrap().set_len(ROWS * ROW).unwrap();
    (volume, file)
}

/// What is to be in a column.
fn content(number: usize) -> Vec<u8> {
    (0..ROWS as usize)
        .map(|row| ((row * 7 + number) % 251) as u8 + 1)
        .collect()
}

#[test]
fn claim_57_page_tables_are_bounded_whatever_is_read_and_written() {
    let Some(dir) = Dir::for_root() else { return };
    let (_volume, file) = sparse(&dir);
    let columns = [1234, 1235];
    for mode in ["r+", "r"] {
        let mount = mounted(&dir, &file, mode);
        let paths = columns.map(|column| mount.join(&format!("cols/{column}")));
        let most = most_tables(&mount, || {
            for round in 0..3 {
                thread::scope(|scope| {
                    for (number, path) in paths.iter().enumerate() {
                        scope.spawn(move || {
                            if mode == "r+" {
                                fs::write(path, content(number + round)).unwrap();
                            }
                            let expected = content(number + if mode == "r" { 2 } else { round });
                            assert!(fs::read(path).unwrap() == expected);
                        });
                    }
                });
            }
        });
        assert!(most <= (THREADS + 1) * BOUND + 1024, "{mode}: {most} KiB");
        let left = tables(&mount);
        assert!(left <= BOUND + 1024, "{mode}: {left} KiB are left");
        assert!(left < COLUMN / 2, "the case shows nothing");
    }
    for (number, column) in columns.into_iter().enumerate() {
        let stored = open(&file);
        for (row, byte) in content(number + 2).into_iter().enumerate() {
            let mut found = [0];
            stored
                .read_exact_at(&mut found, row as u64 * ROW + column)
                .unwrap();
            assert_eq!(found[0], byte, "{column}, {row}");
        }
    }
}

#[test]
fn claim_57_what_mode_c_holds_is_never_given_up_for_them() {
    let Some(dir) = Dir::for_root() else { return };
    let (_volume, file) = sparse(&dir);
    let mount = mounted(&dir, &file, "c");
    let path = mount.join("cols/1234");
    fs::write(&path, content(0)).unwrap();
    assert!(tables(&mount) > COLUMN);
    assert!(fs::read(&path).unwrap() == content(0));
}
