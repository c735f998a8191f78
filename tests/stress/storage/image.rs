//! A backing file on an ext4 image that is truncated or cannot grow. Access beyond its end is an
//! error, and `fsync` reports data that could not be stored.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use nix::fcntl::{FallocateFlags, PosixFadviseAdvice, fallocate, posix_fadvise};

use super::probe::{ALL, Probe, State, paths};
use super::volumes::{FILE_SYSTEMS, Volume};
use super::{Tally, Watchdog};
use crate::common::arrays::Raw;
use crate::common::calls::{Numbers, open};
use crate::common::{Dir, Mount, TestCommand};
use crate::{Budget, Outcome};

const BLOCK: usize = 4096;

const ROWS: usize = 96;

/// A block a row.
const ARRAY: Raw = Raw {
    dtype: "u1",
    shape: "96,4096",
    order: "C",
    offset: "0",
};

/// How many bytes the image has. There has to be room for it below.
const IMAGE: u64 = 12 << 20;

/// Cuts the image of a file system, or has no space for it to grow.
pub fn cut_image(budget: &Budget) -> Outcome {
    let Some(dir) = Dir::for_root() else {
        return Outcome::skipped("needs root");
    };
    let tmpfs = FILE_SYSTEMS.iter().find(|kind| kind.name == "tmpfs");
    let Some(memory) = tmpfs.and_then(|kind| kind.make(&dir)) else {
        return Outcome::skipped("no tmpfs");
    };
    let tally = Tally::default();
    let image = Image::new(&dir, &memory);
    let mount = image.mount(&dir);
    let content = Numbers(0x1a6e).bytes(ROWS * BLOCK);
    open(&image.file).write_all_at(&content, 0).unwrap();
    let paths = paths(ROWS, BLOCK, false);
    let probe = Probe::new(&tally, (&dir, &mount), (&ARRAY, &paths), content, true);
    let mut scene = Scene { probe, image };
    scene.close(mount);
    let mut done = 0;
    while budget.lasts(done) {
        // The kernel has nothing of the file that could be read all the same.
        let mount = scene.image.mount(&dir);
        scene.probe.reopen(&mount);
        scene.image.forget();
        let watchdog = Watchdog::new(mount.daemon());
        match done % 2 {
            0 => scene.cut(),
            _ => scene.fill_up(&memory),
        }
        watchdog.end(&tally);
        scene.close(mount);
        done += 1;
    }
    Outcome {
        done,
        failures: tally.failures(),
        note: String::new(),
        ..Outcome::default()
    }
}

/// An ext4 in a file.
struct Image {
    path: PathBuf,
    file: PathBuf,
    _mounted: Mounted,
}

/// A mount that goes with its guard.
struct Mounted(PathBuf);

impl Image {
    fn new(dir: &Dir, memory: &Volume) -> Image {
        let path = memory.join("image");
        File::create(&path).unwrap().set_len(IMAGE).unwrap();
        // A journal that cannot be written would make it read-only for good.
        let options = ["-q", "-F", "-b", "4096", "-O", "^has_journal", "-m", "0"];
        let make = dir.command("mkfs.ext4", &options);
        make.args(&[&path]).run().succeeds();
        let point = dir.directory("ext4");
        let mount = dir.command("mount", &["-o", "loop"]);
        mount.args(&[&path, &point]).run().succeeds_silently();
        let file = point.join("data.bin");
        fs::write(&file, vec![0; ROWS * BLOCK]).unwrap();
        Image {
            path,
            file,
            _mounted: Mounted(point),
        }
    }

    fn mount(&self, dir: &Dir) -> Mount {
        let mut mount = ARRAY.mount(dir, &self.file, "r+");
        mount.expect_warning("os error");
        mount
    }

    /// Has the kernel drop what it has of the file.
    fn forget(&self) {
        let file = open(&self.file);
        file.sync_all().unwrap();
        posix_fadvise(&file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED).unwrap();
    }

    /// Where in the image each block of the file lies.
    fn blocks(&self) -> Vec<usize> {
        let directory = Path::new("/");
        let filefrag = TestCommand::new("filefrag", directory);
        let listed = filefrag
            .args(&["-v", "-b4096"])
            .args(&[&self.file])
            .run()
            .succeeds();
        let mut blocks = Vec::new();
        for line in listed.lines() {
            // Extent, first and last block in the file, first and last in the image, length.
            let numbers = line.split(|c: char| !c.is_ascii_digit());
            let numbers = numbers.filter_map(|number| number.parse().ok());
            let numbers: Vec<usize> = numbers.collect();
            if line.contains("..") && numbers.len() >= 6 {
                blocks.extend(numbers[3]..=numbers[4]);
            }
        }
        assert_eq!(blocks.len(), ROWS, "{listed}");
        blocks
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let umount = TestCommand::new("umount", Path::new("/"));
        let outcome = umount.args(&["-l"]).args(&[&self.0]).run();
        if !outcome.status.success() {
            eprintln!("{outcome}");
        }
    }
}

/// An array on such a file system.
struct Scene<'a> {
    probe: Probe<'a>,
    image: Image,
}

impl Scene<'_> {
    fn cut(&mut self) {
        let blocks = self.image.blocks();
        let cut = blocks[self.probe.numbers.below(blocks.len())];
        let image = open(&self.image.path);
        let mut tail = vec![0; IMAGE as usize - cut * BLOCK];
        image
            .read_exact_at(&mut tail, (cut * BLOCK) as u64)
            .unwrap();
        image.set_len((cut * BLOCK) as u64).unwrap();
        let name = format!("image cut at block {cut}");
        let state = State {
            is_there: &|place| blocks[place / BLOCK] < cut,
            errno: libc::EIO,
            name: &name,
        };
        // A write of whole blocks needs none of what is gone, and succeeds.
        self.probe.writes = false;
        for _ in 0..30 {
            self.probe.exchange_at_edge(&state);
            self.probe.exchange(&state);
        }
        self.probe.writes = true;
        image.set_len(IMAGE).unwrap();
        image.write_all_at(&tail, (cut * BLOCK) as u64).unwrap();
        self.probe.read_all(&ALL);
        for _ in 0..10 {
            self.probe.exchange(&ALL);
        }
    }

    fn fill_up(&mut self, memory: &Volume) {
        let blocks = self.image.blocks();
        let image = open(&self.image.path);
        // The loop device takes a write for done of which the beginning is.
        let rows = 1 + self.probe.numbers.below(8);
        let how = FallocateFlags::FALLOC_FL_PUNCH_HOLE | FallocateFlags::FALLOC_FL_KEEP_SIZE;
        for &block in &blocks[..rows] {
            fallocate(&image, how, (block * BLOCK) as i64, BLOCK as i64).unwrap();
        }
        self.probe.content[..rows * BLOCK].fill(0);
        self.probe.read_all(&ALL);
        let filler = memory.fill();
        self.probe.rewrite();
        let outcome = self.probe.sync();
        let told = outcome
            .as_ref()
            .err()
            .and_then(std::io::Error::raw_os_error);
        self.probe
            .tally
            .expect(matches!(told, Some(libc::ENOSPC | libc::EIO)), || {
                format!("the first {rows} rows cannot be stored, fsync: {outcome:?}")
            });
        self.probe.read_all(&ALL);
        fs::remove_file(filler).unwrap();
        self.probe.rewrite();
        let outcome = self.probe.sync();
        let right = outcome.is_ok();
        self.probe
            .tally
            .expect(right, || format!("fsync once there is space: {outcome:?}"));
        self.image.forget();
        self.probe.read_all(&ALL);
    }

    /// Unmounts the array, and sees that its file is as it should be.
    fn close(&mut self, mount: Mount) {
        self.probe.files.clear();
        mount.unmount();
        self.image.forget();
        let stored = fs::read(&self.image.file).unwrap();
        let right = stored == self.probe.content;
        self.probe
            .tally
            .expect(right, || "the file is wrong".into());
    }
}
