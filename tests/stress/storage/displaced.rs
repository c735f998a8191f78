//! A backing file that is replaced or deleted. The daemon keeps using the opened file and logs
//! this once.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;

use super::Tally;
use crate::common::calls::{Numbers, open};
use crate::common::{Dir, wait_until};
use crate::{Budget, Outcome};

const LEN: usize = 64 * 1000;

/// What becomes of it.
const HOW: [&str; 3] = ["renamed over", "deleted", "recreated"];

/// Replaces or deletes the backing file of a mount that is in use.
pub fn displaced(budget: &Budget) -> Outcome {
    let tally = Tally::default();
    let mut numbers = Numbers(0xd15);
    let mut done = 0;
    while budget.lasts(done) {
        let Some(dir) = Dir::with_fuse() else {
            return Outcome::skipped("no FUSE");
        };
        displace(&dir, HOW[done as usize % HOW.len()], &mut numbers, &tally);
        done += 1;
    }
    Outcome {
        done,
        failures: tally.failures(),
        note: String::new(),
        ..Outcome::default()
    }
}

/// Has the backing file displaced in one way, while the mount is written.
fn displace(dir: &Dir, how: &str, numbers: &mut Numbers, tally: &Tally) {
    let mut content = numbers.bytes(LEN);
    let file = dir.file("data.bin", &content);
    let mut mount = dir.mount(&file, &["--shape", "64,1000"]);
    mount.expect_warning("the mount goes on with the file it had opened");
    let kept = File::open(&file).unwrap();
    let row = open(mount.join("rows/7"));
    let other = numbers.bytes(LEN);
    match how {
        "renamed over" => fs::rename(dir.file("other.bin", &other), &file).unwrap(),
        _ => fs::remove_file(&file).unwrap(),
    }
    if how == "recreated" {
        fs::write(&file, &other).unwrap();
    }
    let new = numbers.bytes(1000);
    row.write_all_at(&new, 0).unwrap();
    content[7000..8000].copy_from_slice(&new);
    let column = numbers.bytes(64);
    fs::write(mount.join("cols/3"), &column).unwrap();
    for (i, byte) in column.iter().enumerate() {
        content[i * 1000 + 3] = *byte;
    }
    row.sync_all().unwrap();
    let told = || {
        let _ = fs::metadata(mount.join("data"));
        mount.log().contains("the mount goes on")
    };
    wait_until("a word in the log", told);
    let shown = fs::read(mount.join("data")).unwrap();
    tally.expect(shown == content, || format!("{how}: wrong bytes are shown"));
    let mut stored = vec![0; LEN];
    kept.read_exact_at(&mut stored, 0).unwrap();
    tally.expect(stored == content, || {
        format!("{how}: wrong bytes are stored")
    });
    if how != "deleted" {
        let untouched = fs::read(&file).unwrap() == other;
        tally.expect(untouched, || format!("{how}: the other file was written"));
    }
    let times = mount.log().matches("the mount goes on").count();
    tally.expect(times == 1, || format!("{how}: told {times} times"));
    drop(row);
    mount.unmount();
}
