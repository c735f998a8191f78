//! Claim 47 in mode `r` under `--cache always`, where the kernel opens files without the daemon.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::PathBuf;

use nix::sys::signal::Signal;

use super::caching::can_be_mapped;
use crate::common::arrays::{mounted, numbered};
use crate::common::calls::errno;
use crate::common::{Dir, in_time};

const CONSTANT: [&str; 4] = ["--mode", "r", "--cache", "always"];

/// The options of a constant mount of this shape.
fn constant(shape: &str) -> Vec<&str> {
    [&["--shape", shape], &CONSTANT[..]].concat()
}

#[test]
#[cfg_attr(arrayfs_portable, ignore = "pages are not kept portably")]
fn claim_47_a_constant_mount_is_read_listed_and_examined_without_the_daemon() {
    let Some(dir) = Dir::with_fuse() else { return };
    let bytes: Vec<u8> = (0..100 * 5000).map(|k| (k % 251) as u8).collect();
    let file = dir.file("data.bin", &bytes);
    let mount = mounted(&dir, &file, &constant("100,5000"));
    let (rows, column) = (mount.join("rows"), mount.join("slices/:,7"));
    let look = move || -> Vec<(u64, Vec<u8>)> {
        let listed = fs::read_dir(&rows).unwrap();
        let mut paths: Vec<PathBuf> = listed.map(|entry| entry.unwrap().path()).collect();
        paths.sort_by_key(|path| {
            path.file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .parse::<u64>()
                .unwrap()
        });
        paths.push(column.clone());
        let examine = |path: PathBuf| (path.metadata().unwrap().len(), fs::read(path).unwrap());
        paths.into_iter().map(examine).collect()
    };
    let first = look();
    for (row, (len, read)) in first[..100].iter().enumerate() {
        assert_eq!(
            (*len, &read[..]),
            (5000, &bytes[row * 5000..][..5000]),
            "{row}"
        );
    }
    let column: Vec<u8> = bytes[7..].iter().copied().step_by(5000).collect();
    assert_eq!(first[100].1, column);
    mount.signal(Signal::SIGSTOP);
    let second = in_time("a second look", look);
    mount.signal(Signal::SIGCONT);
    assert_eq!(second.expect("the daemon is not asked"), first);
}

#[test]
fn claim_47_the_stats_of_a_constant_mount_are_new_when_they_are_opened() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", numbered());
    let mount = mounted(&dir, &file, &constant("10,10"));
    let stats = mount.join(".arrayfs/stats");
    let mut uptime = 0.0;
    for row in 0..10 {
        // As Python does, with the size first, and then until the end.
        let text = fs::read_to_string(&stats).unwrap();
        let found: serde_json::Value = serde_json::from_str(&text).unwrap();
        let now = found["uptime_seconds"].as_f64().unwrap();
        assert!(now > uptime, "{row}: {now} after {uptime}");
        uptime = now;
        let is_constant = !cfg!(arrayfs_portable);
        assert_eq!(found["kernel"]["omits_opens"], is_constant);
        assert_eq!(found["open_files"].is_null(), is_constant);
        let read = found["requests"]["read"]["count"].as_u64().unwrap_or(0);
        assert!(read >= row, "{row}: {text}");
        fs::read(mount.join(&format!("rows/{row}"))).unwrap();
    }
}

#[test]
fn claim_47_the_stats_of_a_constant_mount_end_where_they_did_if_others_open_them() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", numbered());
    let mount = mounted(&dir, &file, &constant("10,10"));
    let stats = mount.join(".arrayfs/stats");
    let mut opened = File::open(&stats).unwrap();
    let mut text = String::new();
    opened.read_to_string(&mut text).unwrap();
    // Requests of more kinds, which the next contents list.
    nix::sys::statfs::statfs(&mount.join("rows")).unwrap();
    File::open(mount.join("data")).unwrap().sync_all().unwrap();
    let next = fs::read_to_string(&stats).unwrap();
    assert!(next.trim_end().len() > text.trim_end().len(), "{next}");
    assert_eq!(opened.read(&mut [0; 100]).unwrap(), 0);
    let parsed: serde_json::Value = serde_json::from_str(&next).unwrap();
    assert!(parsed.is_object());
}

#[test]
fn claim_47_files_of_a_constant_mount_can_be_used_as_others_for_reading() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", numbered());
    let mount = mounted(&dir, &file, &constant("10,10"));
    let expected = fs::read(&file).unwrap();
    let data = File::open(mount.join("data")).unwrap();
    data.sync_all().unwrap();
    let mut direct = vec![0; expected.len()];
    let options = fs::OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_DIRECT)
        .open(mount.join("data"));
    options.unwrap().read_exact_at(&mut direct, 0).unwrap();
    assert_eq!(direct, expected);
    // SAFETY: the call only reports an offset.
    let hole = unsafe {
        use std::os::fd::AsRawFd;
        libc::lseek(data.as_raw_fd(), 5, libc::SEEK_HOLE)
    };
    assert_eq!(hole, expected.len() as i64);
    assert!(cfg!(arrayfs_portable) || can_be_mapped(&mount));
    for path in ["data", "rows/3", "slices/::2"] {
        let written = fs::OpenOptions::new().write(true).open(mount.join(path));
        assert_eq!(errno(written), libc::EROFS, "{path}");
    }
    assert_eq!(errno(fs::read(mount.join("rows/10"))), libc::ENOENT);
    assert_eq!(errno(fs::read(mount.join("rows"))), libc::EISDIR);
}

#[test]
fn claim_47_lost_bytes_of_a_constant_mount_are_errors() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", vec![7; 4 * 8192]);
    let mut mount = mounted(&dir, &file, &constant("4,8192"));
    mount.expect_warning("of the backing file, which now has 8292");
    File::options()
        .write(true)
        .open(&file)
        .unwrap()
        .set_len(8192 + 100)
        .unwrap();
    assert_eq!(fs::read(mount.join("rows/0")).unwrap(), [7; 8192]);
    for row in 1..4 {
        let lost = fs::read(mount.join(&format!("rows/{row}")));
        assert_eq!(errno(lost), libc::EIO, "{row}");
    }
    assert_eq!(mount.join("rows/3").metadata().unwrap().size(), 8192);
}

#[test]
fn claim_47_a_mount_that_ends_when_unused_is_told_of_opened_files() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", numbered());
    let options = [&constant("10,10")[..], &["--idle-timeout", "1h"]].concat();
    let mount = mounted(&dir, &file, &options);
    let _opened = File::open(mount.join("rows/3")).unwrap();
    let stats = fs::read_to_string(mount.join(".arrayfs/stats")).unwrap();
    let stats: serde_json::Value = serde_json::from_str(&stats).unwrap();
    // The stats are open as well, once they have been made.
    assert_eq!(stats["open_files"], 1);
    assert_eq!(stats["kernel"]["omits_opens"], false);
}
