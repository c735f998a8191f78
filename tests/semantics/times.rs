//! Claim 51: writes through a mount update the mtime of the backing file, and a time set after
//! the last write is kept.

use std::fs::{self, File, FileTimes};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, SystemTime};

use memmap2::{MmapMut, MmapOptions};
use nix::sys::signal::Signal;

use crate::common::arrays::{hundred, numbered};
use crate::common::calls::{open, truncated};
use crate::common::{Ability, Dir, Mount, kernel_can, wait_until};

/// Long before any test.
fn past() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::new(1_000_000_000, 123_456_789)
}

fn modified(path: impl AsRef<Path>) -> SystemTime {
    fs::metadata(path).unwrap().modified().unwrap()
}

/// The file system's clock, which is a tick behind at most, as a new file has it.
fn now(dir: &Dir) -> SystemTime {
    modified(dir.file("now", ""))
}

/// A mount whose first page has been stored to and not been written back, so that no
/// further store to it changes the mtime of the file, which is long past.
fn with_a_dirty_page(options: &[&str]) -> Option<(Dir, Mount)> {
    let (dir, mount) = hundred(options)?;
    open(mount.join("data")).write_all_at(&[1], 0).unwrap();
    open(dir.join("data.bin")).set_modified(past()).unwrap();
    Some((dir, mount))
}

/// What stays open after a write.
type Left = (Option<File>, Option<MmapMut>);

/// A way to write bytes to the start of a view, and to be done with it.
type Way = (&'static str, fn(&Path, &[u8]) -> Left);

/// Opens a view and writes to it.
fn written(view: &Path, bytes: &[u8]) -> File {
    let file = open(view);
    file.write_all_at(bytes, 0).unwrap();
    file
}

/// Stores to a mapping of a view.
fn stored(view: &Path, bytes: &[u8]) -> (File, MmapMut) {
    let file = open(view);
    // SAFETY: nobody cuts the file.
    let mut map = unsafe { MmapOptions::new().map_mut(&file) }.unwrap();
    map[..bytes.len()].copy_from_slice(bytes);
    (file, map)
}

const WAYS: [Way; 9] = [
    ("close", |view, bytes| {
        drop(written(view, bytes));
        (None, None)
    }),
    ("close of a duplicate", |view, bytes| {
        let file = written(view, bytes);
        drop(file.try_clone().unwrap());
        (Some(file), None)
    }),
    ("fsync", |view, bytes| {
        let file = written(view, bytes);
        file.sync_all().unwrap();
        (Some(file), None)
    }),
    ("fdatasync", |view, bytes| {
        let file = written(view, bytes);
        file.sync_data().unwrap();
        (Some(file), None)
    }),
    ("fsync of a directory", |view, bytes| {
        let file = written(view, bytes);
        let directory = File::open(view.parent().unwrap()).unwrap();
        directory.sync_all().unwrap();
        (Some(file), None)
    }),
    ("O_SYNC", |view, bytes| {
        let mut options = File::options();
        let file = options.write(true).custom_flags(libc::O_SYNC).open(view);
        let file = file.unwrap();
        file.write_all_at(bytes, 0).unwrap();
        (Some(file), None)
    }),
    ("msync", |view, bytes| {
        let (file, map) = stored(view, bytes);
        map.flush().unwrap();
        (Some(file), Some(map))
    }),
    ("munmap", |view, bytes| {
        drop(stored(view, bytes));
        (None, None)
    }),
    ("a resize to the full size", |view, bytes| {
        let len = fs::metadata(view).unwrap().len();
        let file = truncated(view);
        file.write_all_at(bytes, 0).unwrap();
        file.set_len(len).unwrap();
        (Some(file), None)
    }),
];

#[test]
#[cfg_attr(arrayfs_portable, ignore = "views are not mapped shared portably")]
fn claim_51_what_was_written_shows_in_the_files_mtime() {
    let maps = kernel_can(Ability::DirectMappings);
    for (name, write) in WAYS {
        for options in [&[][..], &["--cache", "auto"], &["--passthrough", "rw"]] {
            // With rw other views cannot be mapped shared, and `data` is written past the daemon.
            if (!maps || options.contains(&"rw")) && ["msync", "munmap"].contains(&name) {
                continue;
            }
            for view in ["data", "rows/0", "T/cols/0", "slices/::2"] {
                let Some((dir, mount)) = with_a_dirty_page(options) else {
                    return;
                };
                let before = now(&dir);
                let left = write(&mount.join(view), b"xy");
                // What was mapped is written back a moment after it is unmapped.
                let shows = || modified(dir.join("data.bin")) >= before;
                if name == "munmap" {
                    wait_until("the mtime shows what was stored", shows);
                }
                let shown = modified(dir.join("data.bin"));
                assert!(shows(), "{name} of {view} with {options:?}: {shown:?}");
                assert_eq!(fs::read(dir.join("data.bin")).unwrap()[0], b'x');
                drop(left);
                mount.unmount();
            }
        }
    }
}

#[test]
fn claim_51_what_was_written_shows_at_the_end_of_the_mount() {
    let Some((dir, mut mount)) = with_a_dirty_page(&[]) else {
        return;
    };
    let before = now(&dir);
    let file = open(mount.join("rows/0"));
    file.write_all_at(b"xy", 0).unwrap();
    mount.signal(Signal::SIGTERM);
    assert!(mount.ended().success());
    assert!(modified(dir.join("data.bin")) >= before);
}

#[test]
fn claim_51_a_file_that_was_written_is_seen_by_rsync_and_make() {
    let Some((dir, mount)) = hundred(&[]) else {
        return;
    };
    dir.file("Makefile", "copy: data.bin\n\tcp data.bin copy\n");
    let sh = |line: &str| {
        let shell = dir.command("sh", &["-ec", line]).env("LC_ALL", "C");
        shell.env("view", mount.join("rows/3")).run().succeeds()
    };
    for byte in ["a", "b", "c"] {
        // The page has been stored to before, and is not written back.
        sh("printf 0 >$view; touch -d '1 hour ago' data.bin; rsync -a data.bin backup");
        sh("cp data.bin copy; touch -d '1 minute ago' copy");
        assert_eq!(sh("rsync -ai --dry-run data.bin backup; make -q"), "");
        sh(&format!("printf {byte} >$view"));
        let listed = sh("rsync -ai --dry-run data.bin backup");
        assert_eq!(listed, ">f..t...... data.bin\n", "{byte}");
        sh("make -s; rsync -a data.bin backup; cmp data.bin copy; cmp data.bin backup");
    }
    mount.unmount();
}

#[test]
fn claim_51_a_time_that_is_set_after_the_last_write_stays() {
    let set = |path: &Path| {
        let times = FileTimes::new().set_modified(past());
        File::open(path).unwrap().set_times(times).unwrap();
    };
    for through_the_mount in [true, false] {
        let Some((dir, mount)) = hundred(&[]) else {
            return;
        };
        let backing = dir.join("data.bin");
        let file = open(mount.join("rows/0"));
        for _ in 0..3 {
            file.write_all_at(b"xy", 0).unwrap();
            match through_the_mount {
                true => set(&mount.join("rows/0")),
                false => set(&backing),
            }
            file.sync_all().unwrap();
            assert_eq!(modified(&backing), past(), "{through_the_mount}");
            drop(file.try_clone().unwrap());
            assert_eq!(modified(&backing), past(), "{through_the_mount}");
            // What is written after that counts again.
            let before = now(&dir);
            file.write_all_at(b"z", 0).unwrap();
            drop(file.try_clone().unwrap());
            assert!(modified(&backing) >= before, "{through_the_mount}");
        }
        file.write_all_at(b"xy", 0).unwrap();
        match through_the_mount {
            true => set(&mount.join("data")),
            false => set(&backing),
        }
        drop(file);
        mount.unmount();
        assert_eq!(modified(&backing), past(), "{through_the_mount}");
    }
}

#[test]
fn claim_51_tools_that_set_times_after_writing_keep_them() {
    for line in [
        "cp -p new $m/rows/3",
        "cp --preserve=timestamps new $m/rows/3",
        "rsync -a --inplace new $m/rows/3",
        "rsync -rt --inplace --no-whole-file new $m/rows/3",
        "cat new >$m/rows/3; touch -r new $m/rows/3",
    ] {
        let Some((dir, mount)) = hundred(&[]) else {
            return;
        };
        dir.file("new", "0123456789");
        dir.command("touch", &["-d", "2001-09-09 01:46:40.123456789 UTC", "new"])
            .run()
            .succeeds_silently();
        for _ in 0..2 {
            let shell = dir.command("sh", &["-ec", line]).env("m", mount.point());
            shell.run().succeeds_silently();
            assert_eq!(modified(dir.join("data.bin")), past(), "{line}");
            assert_eq!(modified(mount.join("rows/3")), past(), "{line}");
        }
        mount.unmount();
        assert_eq!(modified(dir.join("data.bin")), past(), "{line}");
    }
}

#[test]
fn claim_51_what_changes_no_time_of_modification_hides_no_write() {
    for line in [
        "chmod 664 data.bin",
        "ln data.bin other",
        "touch -a data.bin",
        "mv data.bin other",
    ] {
        let Some((dir, mut mount)) = with_a_dirty_page(&[]) else {
            return;
        };
        mount.expect_warning("the mount goes on with the file it had opened");
        let before = now(&dir);
        let backing = open(dir.join("data.bin"));
        let file = open(mount.join("rows/0"));
        file.write_all_at(b"xy", 0).unwrap();
        dir.command("sh", &["-ec", line]).run().succeeds_silently();
        drop(file);
        let shown = backing.metadata().unwrap().modified().unwrap();
        assert!(shown >= before, "{line}: {shown:?}");
        mount.unmount();
    }
}

#[test]
fn claim_51_mode_c_leaves_the_files_times_alone() {
    let Some((dir, mount)) = hundred(&["--mode", "c"]) else {
        return;
    };
    let backing = dir.join("data.bin");
    let ctime = || {
        let found = fs::metadata(&backing).unwrap();
        (
            found.mtime(),
            found.mtime_nsec(),
            found.ctime(),
            found.ctime_nsec(),
        )
    };
    let before = ctime();
    written(&mount.join("rows/0"), b"xy").sync_all().unwrap();
    mount.unmount();
    assert_eq!(ctime(), before);
    assert_eq!(fs::read(backing).unwrap(), numbered());
}
