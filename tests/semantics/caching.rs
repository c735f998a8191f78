//! Claims 47 and 60, and claims 24 and 25 with caching: what the kernel may cache, and which
//! changes are visible all the same.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use memmap2::{Mmap, MmapMut};

use crate::common::arrays::{mount_each, mounted, numbered, run_script};
use crate::common::calls::open;
use crate::common::{Ability, Dir, Mount, kernel_can, needs};

#[test]
#[cfg_attr(arrayfs_portable, ignore = "views cannot be mapped shared portably")]
fn claim_47_what_is_written_is_seen_at_once_and_else_when_a_file_is_opened() {
    for cache in ["auto", "always"] {
        let Some(dir) = Dir::with_fuse() else { return };
        let file = dir.file("data.bin", vec![7; 48 * 500 * 4 + 100]);
        let described = ["<u4", "48,500", "C", "100"];
        let (mounts, mut arguments) = mount_each(&dir, &file, &["--cache", cache], &[described]);
        arguments.push(cache.into());
        run_script(&dir, "semantics/scripts/writes_are_seen.py", &arguments);
        drop(mounts);
    }
}

/// How long it takes until the times of a file are more than two seconds old.
fn until_settled(file: &Path) -> Duration {
    let found = file.metadata().unwrap();
    let changed = Duration::new(found.ctime() as u64, found.ctime_nsec() as u32);
    let settled = UNIX_EPOCH + changed + Duration::from_millis(2001);
    let rest = settled.duration_since(SystemTime::now());
    rest.unwrap_or_default()
}

/// Waits until the times of a file are more than two seconds old.
fn settle(file: &Path) {
    while !until_settled(file).is_zero() {
        thread::sleep(until_settled(file));
    }
}

#[test]
fn claim_47_what_is_opened_anew_is_new_while_the_file_is_being_changed() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", vec![0; 64 * 4096]);
    let mount = mounted(&dir, &file, &["--shape", "64,4096", "--cache", "auto"]);
    let backing = open(&file);
    // SAFETY: only this thread and the daemon access the file, and not at once.
    let mut map = unsafe { MmapMut::map_mut(&backing) }.unwrap();
    for turn in 1..100 {
        // Only the first of them to a page changes the file's times, as a `write` does
        // before it copies.
        for row in 0..64 {
            map[row * 4096 + 5] = turn;
        }
        assert_eq!(fs::read(mount.join("cols/5")).unwrap(), [turn; 64]);
        assert_eq!(fs::read(mount.join("rows/3")).unwrap()[5], turn);
        // On a slow machine: what is read from then on is kept, and nothing tells of stores.
        if until_settled(&file) < Duration::from_millis(10) {
            break;
        }
    }
}

#[test]
#[cfg_attr(arrayfs_portable, ignore = "pages are not kept portably")]
fn claim_47_what_is_kept_is_read_without_the_daemon() {
    use nix::sys::signal::Signal;

    use crate::common::in_time;

    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", vec![7; 1 << 20]);
    settle(&file);
    for cache in ["auto", "always"] {
        let options = ["--shape", "1024,1024", "--cache", cache];
        let mount = mounted(&dir, &file, &options);
        let first = fs::read(mount.join("cols/9")).unwrap();
        let opened = File::open(mount.join("cols/9")).unwrap();
        mount.signal(Signal::SIGSTOP);
        let second = in_time("a column that is kept", move || {
            let mut bytes = vec![0; 1024];
            opened.read_exact_at(&mut bytes, 0).unwrap();
            bytes
        });
        mount.signal(Signal::SIGCONT);
        assert_eq!(second.expect("the daemon is not asked"), first);
        mount.unmount();
    }
}

#[test]
fn claim_47_more_files_than_are_kept_show_what_is_written() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", vec![0; 5000 * 16]);
    let mount = mounted(&dir, &file, &["--shape", "5000,16", "--cache", "always"]);
    let read = |row: usize| fs::read(mount.join(&format!("rows/{row}"))).unwrap();
    for turn in 1..4u8 {
        for row in 0..5000 {
            assert_eq!(read(row), [turn - 1; 16], "row {row}, turn {turn}");
        }
        let data = open(mount.join("data"));
        data.write_all_at(&vec![turn; 5000 * 16], 0).unwrap();
    }
}

#[test]
fn claim_47_a_truncation_is_followed_by_what_is_read_then() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", vec![7; 100 * 100]);
    let mount = mounted(&dir, &file, &["--shape", "100,100", "--cache", "always"]);
    let row = mount.join("rows/3");
    assert_eq!(fs::read(&row).unwrap(), [7; 100]);
    let written = File::create(&row).unwrap();
    // A read ends the truncation (claim 9), so that nothing is filled with zeros.
    assert_eq!(fs::read(&row).unwrap(), [7; 100]);
    written.write_all_at(&[8; 10], 50).unwrap();
    let expected = [[7; 50].as_slice(), &[8; 10], &[7; 40]].concat();
    assert_eq!(fs::read(&row).unwrap(), expected);
    assert_eq!(fs::read(&file).unwrap()[300..400], expected);
}

#[test]
#[cfg_attr(arrayfs_portable, ignore = "views cannot be mapped shared portably")]
fn claim_47_a_truncation_does_not_wait_for_what_others_have_stored() {
    use crate::common::in_time;

    if !needs(Ability::DirectMappings) {
        return;
    }
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", vec![7; 100 * 100]);
    for cache in ["auto", "always"] {
        let options = ["--shape", "100,100", "--cache", cache];
        let mount = mounted(&dir, &file, &options);
        let row = mount.join("rows/3");
        let opened = open(&row);
        // SAFETY: the bytes are reached through the pointer only, and stay mapped.
        let mut map = unsafe { MmapMut::map_mut(&opened) }.unwrap();
        map[20] = 9;
        let truncated = in_time("a truncation", move || nix::unistd::truncate(&row, 0));
        assert_eq!(truncated, Some(Ok(())), "{cache}");
        drop(map);
        drop(opened);
        assert_eq!(fs::read(&file).unwrap()[320], 9, "{cache}");
        mount.unmount();
        fs::write(&file, vec![7; 100 * 100]).unwrap();
    }
}

#[test]
#[cfg_attr(arrayfs_portable, ignore = "views cannot be mapped shared portably")]
fn claim_24_what_is_stored_is_read_through_caches_once_it_is_synchronised() {
    if !needs(Ability::DirectMappings) {
        return;
    }
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", vec![0; 16 * 4096]);
    for cache in ["auto", "always"] {
        let options = ["--shape", "16,4096", "--cache", cache];
        let mount = mounted(&dir, &file, &options);
        let data = File::open(mount.join("data")).unwrap();
        // SAFETY: the bytes are reached through this only, and stay mapped.
        let mut map = unsafe { MmapMut::map_mut(&open(mount.join("rows/3"))) }.unwrap();
        for turn in 0..1000 {
            map[40] = turn as u8;
            map.flush().unwrap();
            let mut byte = [0];
            data.read_exact_at(&mut byte, 3 * 4096 + 40).unwrap();
            assert_eq!(byte, [turn as u8], "{cache}, turn {turn}");
        }
    }
}

#[test]
fn claim_25_a_file_that_is_opened_once_it_is_cut_is_read_to_the_very_byte() {
    let Some(dir) = Dir::with_fuse() else { return };
    let content: Vec<u8> = (0..64 * 4096).map(|k| (k * 7 % 251) as u8).collect();
    let file = dir.file("data.bin", &content);
    for cache in ["auto", "always"] {
        let mut mount = mounted(&dir, &file, &["--shape", "64,4096", "--cache", cache]);
        mount.expect_warning("of the backing file, which now has 10000");
        fs::read(mount.join("data")).unwrap();
        open(&file).set_len(10_000).unwrap();
        for (view, at, len, expected) in [
            ("data", 9000, 100, Some(100)),
            ("data", 9999, 1, Some(1)),
            ("data", 8192, 5000, Some(1808)),
            ("data", 10_000, 1, None),
            ("rows/2", 100, 100, Some(100)),
            ("cols/3", 0, 2, Some(2)),
        ] {
            let opened = File::open(mount.join(view)).unwrap();
            let read = opened.read_at(&mut vec![0; len], at).ok();
            assert_eq!(read, expected, "{cache}: {len} bytes of {view} at {at}");
        }
        fs::write(&file, &content).unwrap();
        assert_eq!(fs::read(mount.join("data")).unwrap(), content);
    }
}

/// Maps a view shared for reading, as `numpy.load(..., mmap_mode="r")` does.
pub(super) fn can_be_mapped(mount: &Mount) -> bool {
    // SAFETY: nothing writes the file meanwhile.
    match unsafe { Mmap::map(&File::open(mount.join("cols/3")).unwrap()) } {
        Ok(map) => {
            assert_eq!(
                map[..],
                numbered()[3..]
                    .iter()
                    .copied()
                    .step_by(10)
                    .collect::<Vec<_>>()
            );
            true
        }
        Err(error) => {
            assert_eq!(error.raw_os_error(), Some(libc::ENODEV));
            false
        }
    }
}

#[test]
#[cfg_attr(arrayfs_portable, ignore = "views cannot be mapped shared portably")]
fn claim_60_read_only_mounts_can_be_mapped_on_every_kernel() {
    let direct = kernel_can(Ability::DirectMappings);
    // The cache in force and whether views can be mapped, where direct files cannot be.
    for (options, cache, mapped, hint) in [
        (&["--mode", "r"][..], "auto", true, ""),
        (&["-o", "ro"], "auto", true, ""),
        (&["--mode", "c", "-o", "ro"], "auto", true, ""),
        (&["--mode", "r", "--cache", "always"], "always", true, ""),
        (&["--cache", "auto"], "auto", true, ""),
        (
            &["--mode", "r", "--cache", "never"],
            "never",
            false,
            "--cache auto",
        ),
        (&[], "never", false, "--mode r, or --cache auto"),
        (
            &["--mode", "c"],
            "never",
            false,
            "--mode r, or --cache auto",
        ),
    ] {
        let Some(dir) = Dir::with_fuse() else { return };
        let file = dir.file("data.bin", numbered());
        let options = [&["--shape", "10,10"], options].concat();
        let (mount, outcome) = Mount::start(&dir, &file, &options);
        let told = outcome.about_kernel.clone();
        outcome.succeeds();
        let stats = fs::read_to_string(mount.join(".arrayfs/stats")).unwrap();
        let stats: serde_json::Value = serde_json::from_str(&stats).unwrap();
        let is_default = !options.contains(&"--cache");
        let expected = if direct && is_default { "never" } else { cache };
        assert_eq!(stats["cache"]["mode"], expected, "{options:?}");
        assert_eq!(can_be_mapped(&mount), direct || mapped, "{options:?}");
        let is_told = !direct && !mapped;
        assert_eq!(!told.is_empty(), is_told, "{options:?}: {told}");
        assert!(
            !is_told || told.contains("ENODEV") && told.contains(hint),
            "{told}"
        );
    }
}
