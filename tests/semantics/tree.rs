//! Claims 11 to 15: a tree of fixed names, and its `stat` and `statfs`.

use std::ffi::OsStr;
use std::fs::{self, File, FileTimes, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use nix::sys::stat::Mode;
use nix::sys::statvfs::statvfs;
use nix::unistd::{mkfifo, truncate};

use crate::common::arrays::{hundred, numbered};
use crate::common::calls::{errno, open};
use crate::common::{Dir, wait_until};

#[test]
fn claim_11_names_are_neither_made_nor_removed_nor_changed() {
    for (mode, expected) in [("r+", libc::EPERM), ("c", libc::EPERM), ("r", libc::EROFS)] {
        let Some((dir, mount)) = hundred(&["--mode", mode]) else {
            return;
        };
        let path = |name: &str| mount.join(name);
        for name in [
            "new",
            "rows/new",
            "rows/10",
            "rows/.3.swp",
            "axes/2",
            "T/new",
            "slices/new",
            "npy/new.npy",
        ] {
            for (what, outcome) in [
                ("directory", fs::create_dir(path(name))),
                ("symbolic link", symlink("data", path(name))),
                ("link", fs::hard_link(path("data"), path(name))),
                (
                    "FIFO",
                    mkfifo(&path(name), Mode::S_IRUSR).map_err(io::Error::from),
                ),
                ("rename", fs::rename(path("rows/1"), path(name))),
            ] {
                assert_eq!(errno(outcome), expected, "{what} {name}, mode {mode}");
            }
        }
        // A file that can be renamed over another is made elsewhere: claim 69.
        for name in [
            "rows/10",
            "rows/-11",
            "axes/2",
            "axes/new",
            "csv/new",
            "csv/rows/new.csv",
            "npy/rows/10.npy",
            "slices/100",
            "rows/._3",
            "rows/.DS_Store",
        ] {
            let made = File::create_new(path(name));
            assert_eq!(errno(made), expected, "file {name}, mode {mode}");
            let made = File::create(path(name));
            assert_eq!(errno(made), expected, "file {name}, mode {mode}");
        }
        for name in ["data", "meta.json", "rows/3", "rows/-1", "slices/::2"] {
            assert_eq!(errno(fs::remove_file(path(name))), expected, "{name}");
            let renamed = fs::rename(path(name), path("rows/4"));
            assert_eq!(errno(renamed), expected, "{name}");
        }
        for name in ["rows", "axes/0", "T"] {
            assert_eq!(errno(fs::remove_dir(path(name))), expected, "{name}");
            let renamed = fs::rename(path(name), path("axes/1"));
            assert_eq!(errno(renamed), expected, "{name}");
        }
        assert_eq!(fs::read(dir.join("data.bin")).unwrap(), numbered());
    }
}

#[test]
fn claim_11_a_name_that_is_not_in_the_tree_does_not_exist() {
    for mode in ["r+", "r"] {
        let Some((_dir, mount)) = hundred(&["--mode", mode]) else {
            return;
        };
        for name in [
            ".rows.swp",
            "._data",
            "Data",
            "data ",
            "rows/10",
            "rows/x",
            "rows/.Trash",
            "axes/2",
            "T/T",
            "T/._3",
            "README",
            "T/README.txt",
            "T/index.html",
            "npy/index.html",
            "T/fields",
            "fields",
            "slices/x",
            "npy/T",
            "npy/data",
            "npy/meta.json",
            "csv/data.npy",
            "csv/fields",
            "zarr/data",
            "zarr/rows",
            "zarr/slices",
            "zarr/T",
            "zarr/meta.json",
            "zarr/.zgroup",
            "zarr/.zmetadata",
            "zarr/00.0",
            "zarr/99.99",
            "ome.zarr/1",
            "ome.zarr/00",
            "ome.zarr/.zgroup",
            "ome.zarr/0/.zarray",
            "ome.zarr/0/99.99",
        ] {
            let path = mount.join(name);
            for (what, outcome) in [
                ("stat", fs::symlink_metadata(&path).map(drop)),
                ("open", File::open(&path).map(drop)),
                (
                    "open for writing",
                    File::options().write(true).open(&path).map(drop),
                ),
                ("list", fs::read_dir(&path).map(drop)),
                ("truncate", truncate(&path, 0).map_err(io::Error::from)),
            ] {
                assert_eq!(errno(outcome), libc::ENOENT, "{what} {name:?}, mode {mode}");
            }
        }
        let odd = OsStr::from_bytes(b"rows/\xff\xfe");
        assert_eq!(errno(fs::metadata(mount.point().join(odd))), libc::ENOENT);
    }
}

#[test]
fn claim_12_descriptions_and_text_are_written_by_nobody() {
    for (mode, expected) in [
        ("r+", libc::EACCES),
        ("c", libc::EACCES),
        ("r", libc::EROFS),
    ] {
        let Some((_dir, mount)) = hundred(&["--mode", mode]) else {
            return;
        };
        for name in [
            "meta.json",
            "README.txt",
            "index.html",
            "csv/data.csv",
            "zarr/zarr.json",
            "T/zarr/.zattrs",
            "ome.zarr/zarr.json",
            "T/ome.zarr/0/zarr.json",
            "T/meta.json",
            "T/csv/rows/3.csv",
            "csv/slices/::2.csv",
            "arrow/data.arrow",
            "T/parquet/data.parquet",
        ] {
            let path = mount.join(name);
            let before = fs::read(&path).unwrap();
            for flags in [0, libc::O_TRUNC, libc::O_APPEND, libc::O_CREAT] {
                for read in [false, true] {
                    let mut options = File::options();
                    let opened = options
                        .read(read)
                        .write(true)
                        .custom_flags(flags)
                        .open(&path);
                    assert_eq!(errno(opened), expected, "{name}, flags {flags:#o}");
                }
            }
            for size in [0, 1, before.len() as i64] {
                assert_eq!(errno(truncate(&path, size)), expected, "{name} to {size}");
            }
            let found = fs::metadata(&path).unwrap();
            assert_eq!(found.mode() & 0o222, 0, "{name}");
            assert_eq!(fs::read(&path).unwrap(), before);
        }
    }
}

/// The permission bits of a file, a directory and `meta.json`.
fn bits(point: &Path) -> [u32; 3] {
    ["rows/1", "rows", "meta.json"]
        .map(|name| fs::metadata(point.join(name)).unwrap().mode() & 0o7777)
}

#[test]
fn claim_13_the_owner_and_the_bits_are_the_backing_files() {
    let Some(dir) = Dir::for_root() else { return };
    let file = dir.file("data.bin", numbered());
    chown(&file, Some(1234), Some(5678)).unwrap();
    for (backing, mode, expected) in [
        (0o644, "r+", [0o644, 0o755, 0o444]),
        (0o600, "r+", [0o600, 0o700, 0o444]),
        (0o664, "r", [0o444, 0o555, 0o444]),
        (0o444, "r+", [0o444, 0o555, 0o444]),
        (0o640, "c", [0o640, 0o750, 0o444]),
        (0o7755, "r+", [0o755, 0o755, 0o444]),
        (0o6711, "r", [0o511, 0o511, 0o444]),
    ] {
        fs::set_permissions(&file, Permissions::from_mode(backing)).unwrap();
        let mount = dir.mount(&file, &["--shape", "10,10", "--mode", mode]);
        let row = format!("{backing:o}, mode {mode}");
        assert_eq!(bits(mount.point()), expected, "{row}");
        let text = fs::metadata(mount.join("csv/rows/1.csv")).unwrap().mode();
        assert_eq!(text & 0o7777, expected[0] & 0o444, "{row}");
        for name in ["", "data", "rows", "rows/1", "meta.json", "T/axes/1/2"] {
            let found = fs::metadata(mount.join(name)).unwrap();
            assert_eq!((found.uid(), found.gid()), (1234, 5678), "{name}, {row}");
        }
    }
}

#[test]
fn claim_13_options_replace_the_owner_and_the_bits() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", numbered());
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    let own = fs::metadata(&file).unwrap();
    for (options, uid, gid, expected) in [
        ("uid=12,gid=34", 12, 34, [0o600, 0o700, 0o444]),
        ("gid=34", own.uid(), 34, [0o600, 0o700, 0o444]),
        ("umask=027", own.uid(), own.gid(), [0o640, 0o750, 0o440]),
        ("uid=12,umask=0", 12, own.gid(), [0o666, 0o777, 0o444]),
        ("ro,umask=022", own.uid(), own.gid(), [0o444, 0o555, 0o444]),
    ] {
        let mount = dir.mount(&file, &["--shape", "10,10", "-o", options]);
        let found = fs::metadata(mount.join("rows/1")).unwrap();
        assert_eq!((found.uid(), found.gid()), (uid, gid), "{options}");
        assert_eq!(bits(mount.point()), expected, "{options}");
        let text = fs::metadata(mount.join("csv/rows/1.csv")).unwrap().mode();
        assert_eq!(text & 0o7777, expected[0] & 0o444, "{options}");
    }
}

fn modified(path: impl AsRef<Path>) -> SystemTime {
    fs::metadata(path).unwrap().modified().unwrap()
}

#[test]
fn claim_13_the_modification_time_is_the_later_of_the_files_and_the_last_write() {
    let [past, future] = [1_000_000_000, 4_000_000_000]
        .map(|seconds| SystemTime::UNIX_EPOCH + Duration::new(seconds, 123_456_789));
    for mode in ["r+", "c"] {
        let Some((dir, mount)) = hundred(&["--mode", mode]) else {
            return;
        };
        let set = |time| open(dir.join("data.bin")).set_modified(time).unwrap();
        let shown = |name: &str, time| {
            // The kernel may keep attributes for a second.
            wait_until(name, || modified(mount.join(name)) == time);
        };
        set(past);
        shown("rows/1", past);
        let before = SystemTime::now();
        fs::write(mount.join("rows/1"), b"x").unwrap();
        let written = modified(mount.join("rows/1"));
        assert!(
            (before..=SystemTime::now()).contains(&written),
            "{written:?}"
        );
        set(past);
        shown("cols/3", written);
        set(future);
        shown("rows/1", future);
    }
}

#[test]
fn claim_13_blocks_follow_from_the_size() {
    let Some(dir) = Dir::with_fuse() else { return };
    for (len, block_size) in [
        (1, 4096),
        (513, 4096),
        (4096, 4096),
        (4097, 8192),
        (100_000, 1 << 17),
        (1 << 20, 1 << 20),
        ((1 << 20) + 1, 1 << 20),
        (5 << 30, 1 << 20),
    ] {
        let file = dir.file("data.bin", "");
        File::options()
            .write(true)
            .open(&file)
            .unwrap()
            .set_len(len)
            .unwrap();
        let mount = dir.mount(&file, &["--shape", &format!("1,{len}")]);
        for name in ["data", "rows/0"] {
            let found = fs::metadata(mount.join(name)).unwrap();
            let shown = (found.len(), found.blocks(), found.blksize());
            assert_eq!(shown, (len, len.div_ceil(512), block_size), "{name}");
        }
    }
}

#[test]
fn claim_14_times_are_set_on_the_backing_file_but_under_mode_c() {
    for mode in ["r+", "w+", "c"] {
        let Some((dir, mount)) = hundred(&["--mode", mode]) else {
            return;
        };
        let backing = dir.join("data.bin");
        let times = |path: &PathBuf| {
            let found = fs::metadata(path).unwrap();
            (found.accessed().unwrap(), found.modified().unwrap())
        };
        fs::write(mount.join("rows/1"), b"x").unwrap();
        for (name, seconds) in [
            ("rows/1", 1_000_000_000),
            ("data", 3),
            ("cols", 4_000_000_000),
        ] {
            let time = |nanoseconds| SystemTime::UNIX_EPOCH + Duration::new(seconds, nanoseconds);
            let wanted = (time(1), time(999_999_999));
            let before = times(&backing);
            let path = mount.join(name);
            let set = FileTimes::new()
                .set_accessed(wanted.0)
                .set_modified(wanted.1);
            File::open(&path).unwrap().set_times(set).unwrap();
            if mode == "c" {
                assert_eq!(times(&backing), before, "{name}");
            } else {
                assert_eq!(times(&backing), wanted, "{name}, mode {mode}");
                assert_eq!(times(&path), wanted, "{name}, mode {mode}");
            }
        }
        let before = times(&backing);
        dir.command("touch", &[mount.join("rows/2")])
            .run()
            .succeeds_silently();
        assert_eq!(times(&backing) == before, mode == "c");
    }
}

#[test]
fn claim_14_owner_and_bits_are_changed_to_what_they_are_only() {
    for mode in ["r+", "c"] {
        let Some((dir, mount)) = hundred(&["--mode", mode]) else {
            return;
        };
        for name in ["data", "rows/1", "rows", "meta.json", ""] {
            let path = mount.join(name);
            let shown = fs::metadata(&path).unwrap();
            let bits = shown.mode() & 0o7777;
            let change = |bits| fs::set_permissions(&path, Permissions::from_mode(bits));
            change(bits).unwrap();
            for other in [bits ^ 0o200, bits ^ 0o001, bits | 0o4000, bits | 0o1000, 0] {
                assert_eq!(errno(change(other)), libc::EPERM, "{name} to {other:o}");
            }
            let (uid, gid) = (Some(shown.uid()), Some(shown.gid()));
            for (uid, gid) in [(uid, gid), (None, gid), (uid, None)] {
                chown(&path, uid, gid).unwrap();
            }
            for (uid, gid) in [(Some(77), None), (uid, Some(77)), (Some(77), gid)] {
                assert_eq!(errno(chown(&path, uid, gid)), libc::EPERM, "{name}");
            }
        }
        let backing = fs::metadata(dir.join("data.bin")).unwrap();
        let shown = fs::metadata(mount.join("data")).unwrap();
        assert_eq!((shown.uid(), shown.gid()), (backing.uid(), backing.gid()));
        assert_eq!(shown.mode(), backing.mode());
    }
}

#[test]
fn claim_58_under_quiet_other_owners_and_bits_are_accepted_and_change_nothing() {
    for mode in ["r+", "c"] {
        let Some((dir, mount)) = hundred(&["--mode", mode, "-o", "quiet"]) else {
            return;
        };
        let backing = dir.join("data.bin");
        let looks = |path: &Path| {
            let found = fs::metadata(path).unwrap();
            (found.mode(), found.uid(), found.gid(), found.len())
        };
        let before = looks(&backing);
        for name in ["data", "rows/1", "rows", "meta.json", ""] {
            let path = mount.join(name);
            let shown = looks(&path);
            for bits in [0o600, 0o777, 0o4755, 0] {
                fs::set_permissions(&path, Permissions::from_mode(bits)).unwrap();
            }
            for (uid, gid) in [(Some(77), None), (None, Some(77)), (Some(77), Some(77))] {
                chown(&path, uid, gid).unwrap();
            }
            assert_eq!(looks(&path), shown, "{name}");
        }
        assert_eq!(looks(&backing), before);
        // All else is as without it.
        let resized = open(mount.join("rows/1")).set_len(5);
        assert_eq!(errno(resized), libc::EPERM);
        let made = File::create(mount.join("rows/10"));
        assert_eq!(errno(made), libc::EPERM);
        mount.unmount();
    }
    let Some((_dir, mount)) = hundred(&["--mode", "r", "-o", "quiet"]) else {
        return;
    };
    let change = fs::set_permissions(mount.join("data"), Permissions::from_mode(0o600));
    assert_eq!(errno(change), libc::EROFS);
}

#[test]
fn claim_15_statfs_shows_a_full_file_system() {
    for mode in ["r+", "r"] {
        let Some(dir) = Dir::with_fuse() else { return };
        let file = dir.file("data.bin", vec![0; 100_000]);
        let options = [
            "--shape", "1000,10", "--dtype", "f8", "--offset", "8", "--mode", mode,
        ];
        let mount = dir.mount(&file, &options);
        for name in ["", "rows/7", "T"] {
            let shown = statvfs(&mount.join(name)).unwrap();
            let bytes = shown.blocks() * shown.fragment_size();
            assert!((80_000..80_512).contains(&bytes), "{bytes}");
            assert!(shown.files() > 2020, "{}", shown.files());
            let free = [shown.blocks_free(), shown.blocks_available()];
            assert_eq!(free, [0, 0]);
            assert_eq!([shown.files_free(), shown.files_available()], [0, 0]);
        }
        let columns = ["-B1", "--output=size,used,avail,pcent"];
        let table = dir
            .command("df", &columns)
            .args(&[mount.point()])
            .run()
            .succeeds();
        let words: Vec<&str> = table.lines().nth(1).unwrap().split_whitespace().collect();
        assert_eq!(words, ["80384", "80384", "0", "100%"]);
    }
}
