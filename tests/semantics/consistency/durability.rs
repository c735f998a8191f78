//! Claims 21 to 23: acknowledged writes are kept, flushed writes are on disk, and failures of
//! write-back are reported.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use nix::sys::signal::Signal;

use crate::common::arrays::mounted;
use crate::common::calls::{Numbers, errno, open};
use crate::common::{ARRAYFS, Dir, Mount, wait_until};
use crate::storage::{LoopDevice, Volume};

/// Writes 1, 2, 3, ... to all elements of a view, each number once, until the
/// daemon is no more; `acknowledged` is the last that was written.
fn write_numbers(file: &File, acknowledged: &AtomicU64) {
    let len = file.metadata().unwrap().len() as usize;
    for number in 1u64.. {
        match file.write_at(&number.to_le_bytes().repeat(len / 8), 0) {
            Ok(written) => assert_eq!(written, len),
            Err(error) => {
                let gone = [libc::ENOTCONN, libc::ECONNABORTED];
                assert!(gone.contains(&error.raw_os_error().unwrap()), "{error}");
                return;
            }
        }
        acknowledged.store(number, Ordering::SeqCst);
    }
}

/// Kills the daemon among writes to the first four slices, and returns the
/// last number that each of them is known to hold.
fn killed_among_writes(mount: &mut Mount, folder: &str, writes: u64) -> [u64; 4] {
    let acknowledged: [AtomicU64; 4] = Default::default();
    let all = || {
        acknowledged
            .each_ref()
            .map(|number| number.load(Ordering::SeqCst))
    };
    let files = [0, 1, 2, 3].map(|index| open(mount.join(&format!("{folder}/{index}"))));
    thread::scope(|scope| {
        for (file, acknowledged) in files.iter().zip(&acknowledged) {
            scope.spawn(|| write_numbers(file, acknowledged));
        }
        wait_until("writes", || all().iter().sum::<u64>() >= writes);
        mount.signal(Signal::SIGKILL);
    });
    assert_eq!(mount.died().signal(), Some(Signal::SIGKILL as i32));
    all()
}

#[test]
fn claim_21_killing_the_daemon_loses_no_write_that_has_returned() {
    let Some(dir) = Dir::with_fuse() else { return };
    let file = dir.file("data.bin", vec![0; 64 * 64 * 8]);
    for round in 0..20 {
        let folder = ["rows", "cols"][round % 2];
        let mode = ["r+", "w+"][round / 2 % 2];
        fs::write(&file, vec![0; 64 * 64 * 8]).unwrap();
        let described = ["--dtype", "<u8", "--shape", "64,64", "--mode", mode];
        let mut mount = mounted(&dir, &file, &described);
        let acknowledged = killed_among_writes(&mut mount, folder, 20 * round as u64 + 7);
        mount.unmount_command().run().succeeds_silently();
        let items: Vec<u64> = fs::read(&file)
            .unwrap()
            .chunks(8)
            .map(little_endian)
            .collect();
        for (index, last) in acknowledged.into_iter().enumerate() {
            for other in 0..64 {
                let place = if folder == "rows" {
                    64 * index + other
                } else {
                    64 * other + index
                };
                // The next write may have begun.
                let kept = [last, last + 1].contains(&items[place]);
                assert!(
                    kept,
                    "round {round}, {folder}/{index}: {last}, {}",
                    items[place]
                );
            }
        }
    }
}

fn little_endian(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes.try_into().unwrap())
}

/// A disk with the file of an array of 16 x 4096 bytes, and a look at what is
/// written on it.
struct Disk {
    image: PathBuf,
    /// Where the array's file lies on the disk.
    start: u64,
    expected: Vec<u8>,
    // The inner file system goes first.
    _disk: Volume,
    _memory: Volume,
    _dir: Dir,
}

impl Disk {
    fn mounted() -> Option<(Disk, Mount)> {
        let dir = Dir::for_root()?;
        let memory = Volume::tmpfs(&dir, 1 << 25);
        let image = memory.join("image");
        let disk = Volume::ext4(&dir, &image, 1 << 24);
        let file = disk.join("data.bin");
        let expected = Numbers(7).bytes(16 * 4096);
        let mut created = File::create(&file).unwrap();
        // In pieces, or the kernel may hold all of it as one large page.
        for piece in expected.chunks(4096) {
            created.write_all(piece).unwrap();
        }
        created.sync_all().unwrap();
        let bytes = fs::read(&image).unwrap();
        let mut blocks = (0..bytes.len()).step_by(1024);
        let start = blocks.find(|&block| bytes[block..].starts_with(&expected));
        let mount = dir.mount(&file, &["--shape", "16,4096"]);
        let disk = Disk {
            image,
            start: start.expect("the file in one piece") as u64,
            expected,
            _disk: disk,
            _memory: memory,
            _dir: dir,
        };
        Some((disk, mount))
    }

    /// Whether all that was written to the array is written on the disk.
    fn has_all(&self) -> bool {
        let mut bytes = vec![0; self.expected.len()];
        let image = File::open(&self.image).unwrap();
        image.read_exact_at(&mut bytes, self.start).unwrap();
        bytes == self.expected
    }

    /// Writes `value` to all of a row or a column, opened with these flags.
    fn write(&mut self, mount: &Mount, view: &str, flags: i32, value: u8) -> File {
        assert!(self.has_all());
        let mut options = File::options();
        let opened = options
            .write(true)
            .custom_flags(flags)
            .open(mount.join(view));
        let file = opened.unwrap();
        let bytes = vec![value; file.metadata().unwrap().len() as usize];
        file.write_all_at(&bytes, 0).unwrap();
        let (kind, index) = view.split_once('/').unwrap();
        let index: usize = index.parse().unwrap();
        let (first, step) = if kind == "rows" {
            (4096 * index, 1)
        } else {
            (index, 4096)
        };
        let places = self.expected.iter_mut().skip(first).step_by(step);
        places.take(bytes.len()).for_each(|byte| *byte = value);
        file
    }
}

#[test]
fn claim_22_fsync_puts_the_bytes_on_the_disk() {
    let Some((mut disk, mount)) = Disk::mounted() else {
        return;
    };
    let ways: [fn(&File) -> std::io::Result<()>; 2] = [File::sync_all, File::sync_data];
    for (value, sync) in (1..).zip(ways) {
        for view in ["rows/1", "cols/3"] {
            let file = disk.write(&mount, view, 0, value);
            assert!(!disk.has_all(), "{view}: at once");
            sync(&file).unwrap();
            assert!(disk.has_all(), "{view}");
        }
    }
    // Files that cover what was written through others, and directories.
    for (value, synced) in (3..).zip(["T/data", "cols/0", "", "rows", "T/axes/1"]) {
        let view = if synced == "cols/0" {
            "cols/0"
        } else {
            "rows/5"
        };
        disk.write(&mount, view, 0, value);
        assert!(!disk.has_all(), "{synced}: at once");
        File::open(mount.join(synced)).unwrap().sync_all().unwrap();
        assert!(disk.has_all(), "{synced}");
    }
}

#[test]
fn claim_22_synchronous_writes_are_on_the_disk_when_they_return() {
    let Some((mut disk, mount)) = Disk::mounted() else {
        return;
    };
    for (value, flags) in [(1, libc::O_SYNC), (2, libc::O_DSYNC)] {
        for view in ["rows/1", "cols/3"] {
            disk.write(&mount, view, flags, value);
            assert!(disk.has_all(), "{view}, flags {flags:#o}");
        }
    }
}

#[test]
fn claim_22_unmounting_flushes() {
    let Some((mut disk, mount)) = Disk::mounted() else {
        return;
    };
    disk.write(&mount, "rows/1", 0, 1);
    assert!(!disk.has_all(), "at once");
    mount.unmount();
    assert!(disk.has_all());
}

#[test]
fn claim_23_a_write_back_error_is_reported_once_by_every_descriptor_open_then() {
    let Some(dir) = Dir::for_root() else { return };
    let memory = Volume::tmpfs(&dir, 1 << 20);
    let image = memory.join("image");
    File::create(&image).unwrap().set_len(1 << 19).unwrap();
    // A disk that cannot write once the file system below it is full.
    let device = LoopDevice::new(&dir, &image);
    let mut mount = dir.mount(device.path(), &["--shape", "128,4096"]);
    mount.expect_warning("write-back failed");
    let filler = memory.fill();
    let finder = open(mount.join("rows/1"));
    let others = [
        open(mount.join("cols/7")),
        File::open(mount.join("data")).unwrap(),
    ];
    for value in [1, 2] {
        finder.write_all_at(&[value; 4096], 0).unwrap();
        assert_eq!(errno(finder.sync_all()), libc::EIO);
        finder.sync_all().unwrap();
        let later = open(mount.join("rows/1"));
        for file in &others {
            assert_eq!(errno(file.sync_data()), libc::EIO);
            file.sync_all().unwrap();
        }
        later.sync_all().unwrap();
    }
    fs::remove_file(filler).unwrap();
    finder.write_all_at(&[3; 4096], 0).unwrap();
    finder.sync_all().unwrap();
    drop((finder, others));
    mount.unmount();
    assert_eq!(fs::read(image).unwrap()[4096..8192], [3; 4096]);
}

/// On macOS the call after `msync` asks the drive to empty its cache. Portably it is `fsync` on
/// Linux, which strace lets fail once on each thread.
#[test]
#[cfg_attr(not(arrayfs_portable), ignore = "msync does it all on Linux")]
fn claim_22_what_msync_leaves_in_the_drive_is_flushed_and_failures_are_reported() {
    for (injected, expected) in [
        ("EIO", Some(libc::EIO)),
        // Not every file system supports the call that is tried first.
        ("EOPNOTSUPP", None),
        ("EINVAL", None),
        ("ENOTTY", None),
    ] {
        let Some(dir) = Dir::with_fuse() else { return };
        dir.file("data.bin", [7; 100]);
        let point = dir.directory("mnt");
        let script = format!(
            "exec strace -D -f -o trace -e trace=fsync \
             -e inject=fsync:error={injected}:when=1 \"$@\" >/dev/null 2>&1"
        );
        let shell = dir.command("sh", &["-c", &script, "sh", ARRAYFS, "data.bin", "mnt"]);
        shell.run().succeeds_silently();
        let file = open(point.join("data"));
        file.write_all_at(&[8; 100], 0).unwrap();
        let error = file.sync_all().err();
        let error = error.and_then(|error| error.raw_os_error());
        assert_eq!(error, expected, "{injected}");
        file.sync_all().unwrap();
        drop(file);
        dir.arrayfs(&["-u", "mnt"]).run().succeeds_silently();
        let trace = fs::read_to_string(dir.join("trace")).unwrap();
        assert!(trace.contains("(INJECTED)"), "{trace}");
    }
}
