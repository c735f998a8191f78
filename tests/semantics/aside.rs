//! Claim 69: files that are made beside the array's and renamed over one of them. What such a
//! file is to a program is compared with a regular file in tests/syscalls/aside.c, what tools do
//! with them in tests/tools.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use memmap2::MmapOptions;
use nix::sys::signal::Signal;

use crate::common::arrays::{Raw, at, hundred, mounted, numbered, put};
use crate::common::calls::{Numbers, errno, open};
use crate::common::{Ability, Dir, Mount, TestCommand, needs, rss_anon, wait_until};

const ARRAY: Raw = Raw {
    dtype: "<f4",
    shape: "30,7,11",
    order: "C",
    offset: "6",
};

#[test]
fn claim_69_a_rename_writes_the_bytes_of_the_file_through_the_other() {
    for mode in ["r+", "c"] {
        let Some(dir) = Dir::with_fuse() else { return };
        let places = ARRAY.places(&dir);
        let whole = &places["data"];
        let end = whole.iter().max().unwrap() + 1;
        let mut numbers = Numbers(0x5eed);
        let original = numbers.bytes(end + 5);
        let file = dir.file("data.bin", &original);
        let mount = ARRAY.mount(&dir, &file, mode);
        let mut expected = original.clone();
        for (view, folder) in [
            ("data", ""),
            ("rows/3", "rows"),
            ("rows/03", "slices"),
            ("cols/4", "cols"),
            ("axes/2/10", "axes/2"),
            ("axes/2/10", ""),
            ("T/data", "T"),
            ("npy/data.npy", "npy"),
            ("npy/rows/5.npy", "npy/rows"),
            ("T/npy/cols/2.npy", "rows"),
        ] {
            let shown = fs::read(mount.join(view)).unwrap();
            let plain = view
                .replace("npy/", "")
                .replace(".npy", "")
                .replace("03", "3");
            let places = &places[&plain];
            let bytes = numbers.bytes(places.len());
            put(&mut expected, places, &bytes);
            let aside = mount.join(folder).join(".new");
            let header = &shown[..shown.len() - bytes.len()];
            fs::write(&aside, [header, &bytes].concat()).unwrap();
            assert_eq!(fs::read(mount.join(view)).unwrap(), shown, "{view}");
            fs::rename(&aside, mount.join(view)).unwrap();
            let data = fs::read(mount.join("data")).unwrap();
            assert_eq!(data, at(&expected, whole), "{view}");
        }
        let slice = fs::read(mount.join("slices/::2,3")).unwrap();
        fs::write(mount.join("slices/.new"), &slice).unwrap();
        fs::rename(mount.join("slices/.new"), mount.join("slices/::2,3")).unwrap();
        mount.unmount();
        let left = if mode == "c" { &original } else { &expected };
        assert!(&fs::read(&file).unwrap() == left, "mode {mode}");
    }
}

#[test]
fn claim_69_a_rename_obeys_what_the_other_file_demands() {
    let Some((dir, mount)) = hundred(&[]) else {
        return;
    };
    let aside = mount.join("rows/.new");
    let text = fs::read(mount.join("csv/rows/3.csv")).unwrap();
    let meta = fs::read(mount.join("meta.json")).unwrap();
    let mut header = fs::read(mount.join("npy/rows/3.npy")).unwrap();
    header[20] ^= 1;
    for (bytes, name, expected) in [
        (&text, "csv/rows/3.csv", libc::EPERM),
        (&meta, "meta.json", libc::EPERM),
        (&header, "npy/rows/3.npy", libc::EINVAL),
        (&vec![7; 9], "rows/3", libc::EINVAL),
        (&vec![7; 11], "rows/3", libc::EINVAL),
        (&vec![7; 10], "cols", libc::EISDIR),
        (&vec![7; 10], "rows/.other", libc::EPERM),
        (&vec![7; 10], "rows/10", libc::EPERM),
    ] {
        fs::write(&aside, bytes).unwrap();
        assert_eq!(
            errno(fs::rename(&aside, mount.join(name))),
            expected,
            "{name}"
        );
        assert_eq!(&fs::read(&aside).unwrap(), bytes, "{name}");
    }
    assert_eq!(fs::read(dir.join("data.bin")).unwrap(), numbered());
    // Mode and times of the file are dropped.
    fs::write(&aside, [8; 10]).unwrap();
    fs::set_permissions(&aside, Permissions::from_mode(0o600)).unwrap();
    let hour_ago = SystemTime::now() - Duration::from_secs(3600);
    open(&aside).set_modified(hour_ago).unwrap();
    fs::rename(&aside, mount.join("rows/3")).unwrap();
    let found = fs::metadata(mount.join("rows/3")).unwrap();
    assert_eq!(found.mode() & 0o777, 0o644);
    let backing = fs::metadata(dir.join("data.bin")).unwrap();
    for modified in [found.modified().unwrap(), backing.modified().unwrap()] {
        assert!(modified > hour_ago + Duration::from_secs(3000));
    }
}

#[test]
fn claim_69_the_size_stays_during_a_rename() {
    let Some(dir) = Dir::with_fuse() else { return };
    let content = Numbers(7).bytes(1 << 22);
    let file = dir.file("data.bin", &content);
    let mount = mounted(&dir, &file, &["--shape", "2048,2048"]);
    let aside = mount.join("T/.new");
    for _ in 0..30 {
        fs::write(&aside, &content).unwrap();
        let opened = open(&aside);
        let has_ended = AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !has_ended.load(Ordering::Relaxed) {
                        assert_eq!(opened.metadata().unwrap().len(), 1 << 22);
                    }
                });
            }
            fs::rename(&aside, mount.join("T/data")).unwrap();
            has_ended.store(true, Ordering::Relaxed);
        });
    }
}

#[test]
fn claim_69_other_bytes_behind_the_data_leave_the_array_unchanged() {
    let Some(dir) = Dir::with_fuse() else { return };
    let content = Numbers(7).bytes(30 * 512 * 200);
    let file = dir.file("data.bin", &content);
    let mount = mounted(&dir, &file, &["--shape", "30,512,200"]);
    let stack = mount.join("tiff/data.tif");
    let mut bytes = fs::read(&stack).unwrap();
    // The last directory of a page, megabytes behind the first byte of the data.
    let end = bytes.len() - 20;
    bytes[end] ^= 1;
    let data = bytes.windows(100).position(|some| some == &content[..100]);
    bytes[data.unwrap()] ^= 1;
    let aside = mount.join("tiff/.new");
    fs::write(&aside, &bytes).unwrap();
    assert_eq!(errno(fs::rename(&aside, &stack)), libc::EINVAL);
    assert!(fs::read(&file).unwrap() == content);
    bytes[end] ^= 1;
    fs::write(&aside, &bytes).unwrap();
    fs::rename(&aside, &stack).unwrap();
    assert_eq!(fs::read(&file).unwrap()[0], content[0] ^ 1);
    assert!(fs::read(&stack).unwrap() == bytes);
}

#[test]
fn claim_69_a_rename_that_cannot_write_says_so_and_can_be_tried_again() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", vec![1; 64 << 10]);
    let mut mount = mounted(&dir, &file, &["--shape", "16,4096"]);
    mount.expect_warning("of the backing file, which now has");
    fs::write(mount.join(".new"), vec![2; 64 << 10]).unwrap();
    open(&file).set_len(20 << 10).unwrap();
    let rename = || fs::rename(mount.join(".new"), mount.join("data"));
    assert_eq!(errno(rename()), libc::EIO);
    assert_eq!(fs::read(mount.join(".new")).unwrap(), vec![2; 64 << 10]);
    open(&file).set_len(64 << 10).unwrap();
    rename().unwrap();
    assert_eq!(fs::read(&file).unwrap(), vec![2; 64 << 10]);
}

#[test]
fn claim_69_a_directory_takes_files_where_it_has_some_that_can_be_written() {
    let Some((dir, mount)) = hundred(&[]) else {
        return;
    };
    for (folder, is_taken) in [
        ("", true),
        ("rows", true),
        ("cols", true),
        ("axes", false),
        ("axes/0", true),
        ("slices", true),
        ("T", true),
        ("T/rows", true),
        ("npy", true),
        ("npy/slices", true),
        ("tiff", true),
        ("csv", false),
        ("csv/rows", false),
        (".arrayfs", false),
    ] {
        let path = mount.join(folder).join("new");
        match is_taken {
            true => fs::write(&path, "x").unwrap(),
            false => assert_eq!(errno(fs::write(&path, "x")), libc::EPERM, "{folder}"),
        }
        let listed = fs::read_dir(mount.join(folder)).unwrap();
        let mut names = listed.map(|entry| entry.unwrap().file_name());
        assert!(names.all(|name| name != "new"), "{folder}");
    }
    mount.unmount();
    let options = ["--shape", "10,10", "--scratch-size", "0"];
    let mount = mounted(&dir, &dir.join("data.bin"), &options);
    assert_eq!(errno(File::create(mount.join("rows/new"))), libc::EPERM);
}

#[test]
fn claim_69_what_reads_as_an_index_is_no_other_name() {
    let Some((_dir, mount)) = hundred(&[]) else {
        return;
    };
    for path in [
        "rows/100",
        "slices/0:5,0:5,0:5",
        "slices/0_5,0_5,0_5",
        "slices/_,99",
        "slices/0_5_0",
        "slices/1_3_4_5",
        "slices/1:3:4:5",
        "slices/1_2.5",
        "slices/..._,...",
        "npy/slices/1_3_4_5.npy",
        "rows/+3",
        "npy/slices/_,99.npy",
        "rows/._3",
    ] {
        let made = fs::write(mount.join(path), "x");
        assert_eq!(errno(made), libc::EPERM, "{path}");
    }
}

#[test]
fn claim_69_the_files_have_a_limit_together_and_give_their_memory_back() {
    const SIZE: usize = 8 << 20;
    let Some((_dir, mount)) = hundred(&["--scratch-size", "8M"]) else {
        return;
    };
    let before = rss_anon(mount.daemon());
    let path = |k: usize| mount.join(&format!("rows/new{k}"));
    for round in 0..3 {
        fs::write(path(0), vec![7; SIZE]).unwrap();
        assert_eq!(errno(fs::write(path(1), "x")), libc::ENOSPC, "{round}");
        assert!(rss_anon(mount.daemon()) > before + (7 << 10));
        open(path(0)).set_len(4096).unwrap();
        fs::write(path(1), "x").unwrap();
        let longer = open(path(1)).set_len(SIZE as u64);
        assert_eq!(errno(longer), libc::ENOSPC);
        for k in 0..2 {
            fs::remove_file(path(k)).unwrap();
        }
    }
    for k in 0..1024 {
        fs::write(path(k), vec![7; 4096]).unwrap();
    }
    assert_eq!(errno(File::create(path(1024))), libc::ENOSPC);
    for k in 0..1024 {
        fs::remove_file(path(k)).unwrap();
    }
    fs::write(path(0), vec![7; SIZE]).unwrap();
    fs::remove_file(path(0)).unwrap();
    // What the kernel has not released yet.
    wait_until("the memory", || {
        rss_anon(mount.daemon()) < before + (4 << 10)
    });
}

#[test]
#[cfg_attr(arrayfs_portable, ignore = "views cannot be mapped shared portably")]
fn claim_69_readers_see_whole_elements_during_a_rename() {
    const ROW: usize = 3 << 20;
    if !needs(Ability::DirectMappings) {
        return;
    }
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", vec![1; 2 * ROW]);
    let shape = (ROW / 8).to_string();
    let mount = dir.mount(&file, &["--dtype", "<u8", "--shape", &format!("2,{shape}")]);
    let is_over = AtomicBool::new(false);
    let is_whole = |bytes: &[u8]| {
        bytes
            .chunks(8)
            .all(|item| item.iter().all(|b| *b == item[0]))
    };
    thread::scope(|scope| {
        for view in ["data", "rows/1", "cols/7"] {
            let (mount, is_over) = (&mount, &is_over);
            scope.spawn(move || {
                let file = open(mount.join(view));
                let mut bytes = vec![0; file.metadata().unwrap().len() as usize];
                while !is_over.load(Ordering::Relaxed) {
                    file.read_exact_at(&mut bytes, 0).unwrap();
                    assert!(is_whole(&bytes), "{view}");
                }
            });
        }
        // SAFETY: bytes that change are looked at, as a reader of a mapping does.
        let map = unsafe { MmapOptions::new().map(&open(mount.join("data"))) }.unwrap();
        for value in 2..12u8 {
            fs::write(mount.join(".new"), vec![value; ROW]).unwrap();
            fs::rename(mount.join(".new"), mount.join("rows/1")).unwrap();
            for at in (0..ROW).step_by(4096) {
                assert_eq!((map[at], map[ROW + at]), (1, value), "byte {at}");
            }
        }
        is_over.store(true, Ordering::Relaxed);
    });
}

/// Whether all elements of 8 bytes of the file have one of these values, each in all its bytes.
#[track_caller]
fn expect_elements(file: &Path, values: &[u8]) {
    for (k, item) in fs::read(file).unwrap().chunks(8).enumerate() {
        let is_one = values.iter().any(|value| item == [*value; 8]);
        assert!(is_one, "element {k}: {item:?}, expected {values:?}");
    }
}

/// A step of a program that saves a file, whose new file is at this path.
type Step = fn(&Path) -> io::Result<()>;

#[test]
fn claim_69_a_daemon_that_is_killed_at_any_step_leaves_the_array_old_or_new() {
    const SIZE: usize = 1 << 16;
    // And what the array has after it.
    let steps: [(Step, u8); 7] = [
        (|new| File::create_new(new).map(drop), 1),
        (|new| fs::write(new, vec![2; SIZE]), 1),
        (|new| open(new).set_modified(SystemTime::UNIX_EPOCH), 1),
        (
            |new| fs::set_permissions(new, Permissions::from_mode(0o644)),
            1,
        ),
        (|new| open(new).sync_all(), 1),
        (|new| fs::rename(new, new.with_file_name("data")), 2),
        (|new| File::open(new.with_file_name("."))?.sync_all(), 2),
    ];
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", []);
    for last in 0..steps.len() {
        fs::write(&file, vec![1; SIZE]).unwrap();
        let mut mount = dir.mount(&file, &["--dtype", "<u8", "--shape", "8192"]);
        for (step, _) in &steps[..=last] {
            step(&mount.join(".new")).unwrap();
        }
        mount.signal(Signal::SIGKILL);
        assert_eq!(mount.died().signal(), Some(Signal::SIGKILL as i32));
        mount.unmount_command().run().succeeds_silently();
        expect_elements(&file, &[steps[last].1]);
    }
}

#[test]
fn claim_69_a_daemon_that_is_killed_during_a_rename_leaves_whole_elements() {
    const SIZE: usize = 12 << 20;
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", []);
    let mut numbers = Numbers(0x1dea);
    for _ in 0..6 {
        fs::write(&file, vec![1; SIZE]).unwrap();
        let shape = (SIZE / 8).to_string();
        let mut mount = dir.mount(&file, &["--dtype", "<u8", "--shape", &shape]);
        fs::write(mount.join(".new"), vec![2; SIZE]).unwrap();
        let delay = Duration::from_micros(numbers.below(12_000) as u64);
        let (from, to) = (mount.join(".new"), mount.join("data"));
        let renamed = thread::spawn(move || fs::rename(from, to));
        thread::sleep(delay);
        mount.signal(Signal::SIGKILL);
        mount.died();
        let is_acknowledged = renamed.join().unwrap().is_ok();
        mount.unmount_command().run().succeeds_silently();
        match is_acknowledged {
            true => expect_elements(&file, &[2]),
            false => expect_elements(&file, &[1, 2]),
        }
    }
}

/// Runs a tool that is killed at the call number `n` of a system call. Whether it was.
fn killed_at(dir: &Dir, tool: &str, call: &str, n: usize) -> bool {
    let inject = format!("inject={call}:signal=KILL:when={n}");
    let command = format!("exec strace -f -qq -o /dev/null -e trace={call} -e {inject} {tool}");
    let outcome = dir.command("sh", &["-c", &command]).run();
    assert!(!outcome.stderr.contains("strace:"), "{outcome}");
    outcome.status.signal() == Some(libc::SIGKILL) || !outcome.status.success()
}

#[test]
fn claim_69_tools_that_are_killed_at_any_step_leave_the_array_old_or_new_and_work_again() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", []);
    fs::write(&file, "1".repeat(4096)).unwrap();
    dir.file("ones", "1".repeat(4096));
    dir.file("twos", "2".repeat(4096));
    let (mount, started) = Mount::start_on(
        &dir,
        &file,
        &PathBuf::from(dir.path()).join("m"),
        &["--dtype", "<u8", "--shape", "512"],
        &[],
    );
    started.succeeds_silently();
    let calls = [
        "openat",
        "write",
        "fchown",
        "fchmod",
        "chmod",
        "utimensat",
        "rename",
        "close",
    ];
    for (tool, first) in [("sed -i s/1/2/g m/data", 5), ("rsync -aI twos m/data", 1)] {
        let mut kills = 0;
        for call in calls {
            // Before the first of these the tool has only begun.
            let from = if ["openat", "close"].contains(&call) {
                first
            } else {
                1
            };
            for n in from..from + 6 {
                if !killed_at(&dir, tool, call, n) {
                    break;
                }
                kills += 1;
                expect_elements(&file, b"12");
                let held = fs::read(&file).unwrap();
                assert!(
                    held.iter().all(|byte| *byte == held[0]),
                    "{tool}, {call} {n}"
                );
                let command = dir.command("ls", &["-A", "m"]);
                assert!(!command.run().succeeds().contains("data."));
                fs::write(mount.join("data"), "1".repeat(4096)).unwrap();
            }
            let command: Vec<&str> = tool.split(' ').collect();
            dir.command(command[0], &command[1..])
                .run()
                .succeeds_silently();
            expect_elements(&file, b"2");
            fs::write(mount.join("data"), "1".repeat(4096)).unwrap();
        }
        assert!(kills > 8, "{tool}: {kills}");
    }
}

#[test]
fn claim_69_who_cannot_write_the_array_makes_no_file() {
    let Some(dir) = Dir::on_own_machine() else {
        return;
    };
    let file = dir.file("data.bin", vec![1; 100]);
    let shape = ["--shape", "10,10", "-o", "allow_other"];
    let save = |mount: &Mount| {
        let script = "printf 0123456789 >m/rows/new && stat -c %u:%a m/rows/new &&
            mv -f m/rows/new m/rows/3"
            .replace("m/", &format!("{}/", mount.point().display()));
        let command = TestCommand::new("sh", Path::new("/"));
        command
            .env("LC_ALL", "C")
            .args(&["-c", &script])
            .user(4321)
            .run()
    };
    for (bits, expected) in [(0o644, None), (0o666, Some("4321:644\n"))] {
        fs::set_permissions(&file, Permissions::from_mode(bits)).unwrap();
        let mount = dir.mount(&file, &shape);
        let outcome = save(&mount);
        match expected {
            Some(printed) => assert_eq!(outcome.succeeds(), printed),
            None => assert!(outcome.stderr.contains("Permission denied"), "{outcome}"),
        }
        let row = fs::read(mount.join("rows/3")).unwrap();
        assert_eq!(row == b"0123456789", expected.is_some());
        mount.unmount();
    }
}
