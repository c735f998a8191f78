//! File systems and block devices for one test. Their guards remove them even if the test fails.
//! They need root.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::fcntl::{FallocateFlags, fallocate};

use crate::common::{Dir, TestCommand, skip_case};

/// A kind of file system.
#[derive(Debug)]
pub struct FileSystem {
    /// What `mount -t` calls it.
    pub name: &'static str,
    /// Its size in bytes.
    size: u64,
    /// The options of `mkfs`, where it lies on a device.
    made: Option<&'static [&'static str]>,
    /// For which writes space can be reserved on it.
    pub reserves: Reserves,
}

/// For which writes space can be reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reserves {
    Nothing,
    /// For the first to each byte: bytes that are stored are not overwritten,
    /// what takes their place is stored elsewhere.
    FirstWrites,
    Everything,
}

impl Reserves {
    /// Whether it is done, by this build of the program.
    pub fn anything(self) -> bool {
        self != Reserves::Nothing && !cfg!(arrayfs_portable)
    }
}

const EXT: Option<&[&str]> = Some(&["-q", "-F", "-m", "0"]);
const OTHER: Option<&[&str]> = Some(&["-q", "-f"]);

/// Those that arrays are tried on, the devices as small as each allows.
pub const FILE_SYSTEMS: [FileSystem; 6] = [
    file_system("ext4", 16 << 20, EXT, Reserves::Everything),
    file_system("ext2", 16 << 20, EXT, Reserves::Nothing),
    file_system("xfs", 300 << 20, OTHER, Reserves::Everything),
    file_system("btrfs", 120 << 20, OTHER, Reserves::FirstWrites),
    file_system("tmpfs", 16 << 20, None, Reserves::Everything),
    file_system("overlay", 16 << 20, None, Reserves::Everything),
];

const fn file_system(
    name: &'static str,
    size: u64,
    made: Option<&'static [&'static str]>,
    reserves: Reserves,
) -> FileSystem {
    FileSystem {
        name,
        size,
        made,
        reserves,
    }
}

impl FileSystem {
    /// Makes one in `dir` and mounts it; says why if this system cannot.
    pub fn make(&self, dir: &Dir) -> Option<Volume> {
        let made = match (self.name, self.made) {
            ("overlay", _) => Volume::overlay(dir, self.size),
            (name, None) => Volume::tmpfs(dir, name, self.size),
            (name, Some(options)) => Volume::on_image(dir, name, self.size, options),
        };
        made.inspect_err(|reason| skip_case(self.name, reason)).ok()
    }
}

/// A mounted file system, unmounted when its guard goes.
pub struct Volume {
    point: PathBuf,
    /// What it lies on.
    _below: Option<Box<Volume>>,
}

impl Volume {
    /// A file system in memory.
    pub fn tmpfs(dir: &Dir, name: &str, size: u64) -> Result<Volume, String> {
        let size = format!("size={size}");
        Volume::mount(dir, name, &["-t", "tmpfs", "-o", &size, "none"])
    }

    /// The image of a device in `dir`, with a file system on it.
    fn on_image(dir: &Dir, name: &str, size: u64, options: &[&str]) -> Result<Volume, String> {
        let image = dir.file(&format!("{name}.image"), "");
        let file = File::options().write(true).open(&image).unwrap();
        file.set_len(size).unwrap();
        let program = format!("mkfs.{name}");
        let found = Command::new(&program).arg("-V").output();
        if found.is_err_and(|error| error.kind() == ErrorKind::NotFound) {
            return Err(format!("{program} is not installed"));
        }
        dir.command(&program, options)
            .args(&[&image])
            .run()
            .succeeds();
        let image = image.to_str().unwrap();
        Volume::mount(dir, name, &["-t", name, "-o", "loop", image])
    }

    /// A layer on top of an empty one, both in memory: `lower` and `upper`
    /// in the directory below.
    pub fn overlay(dir: &Dir, size: u64) -> Result<Volume, String> {
        let below = Volume::tmpfs(dir, "layers", size)?;
        for layer in ["lower", "upper", "work"] {
            fs::create_dir(below.join(layer)).unwrap();
        }
        let layer = |name: &str| below.join(name).display().to_string();
        let (lower, upper, work) = (layer("lower"), layer("upper"), layer("work"));
        let layers = format!("lowerdir={lower},upperdir={upper},workdir={work}");
        let mut volume =
            Volume::mount(dir, "overlay", &["-t", "overlay", "-o", &layers, "overlay"])?;
        volume._below = Some(Box::new(below));
        Ok(volume)
    }

    fn mount(dir: &Dir, name: &str, arguments: &[&str]) -> Result<Volume, String> {
        let point = dir.directory(name);
        let outcome = dir.command("mount", arguments).args(&[&point]).run();
        if outcome.stderr.contains("unknown filesystem type") {
            return Err("the kernel has none".into());
        }
        outcome.succeeds_silently();
        let _below = None;
        Ok(Volume { point, _below })
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        &self.point
    }

    /// A path in it.
    pub fn join(&self, name: &str) -> PathBuf {
        self.point.join(name)
    }

    /// Takes what space is left, by a file that can be removed.
    pub fn fill(&self) -> PathBuf {
        let path = self.join("filler");
        let mut file = File::create(&path).unwrap();
        let mut step = 1 << 30;
        while step >= 512 {
            let len = file.metadata().unwrap().len();
            let taken = match fallocate(&file, FallocateFlags::empty(), len as i64, step as i64) {
                Err(nix::Error::EOPNOTSUPP) => append(&mut file, step),
                other => other.map_err(io::Error::from),
            };
            match taken {
                Ok(()) => {}
                Err(error) if error.raw_os_error() == Some(libc::ENOSPC) => step /= 2,
                Err(error) => panic!("{}: {error}", path.display()),
            }
        }
        path
    }
}

fn append(file: &mut File, bytes: usize) -> io::Result<()> {
    let block = vec![1; bytes.min(1 << 20)];
    for _ in 0..bytes / block.len() {
        file.write_all(&block)?;
    }
    file.sync_all()
}

impl Drop for Volume {
    fn drop(&mut self) {
        let how: &[&str] = if std::thread::panicking() {
            &["-l"]
        } else {
            &[]
        };
        release("umount", how, &self.point);
    }
}

/// A block device on a file, given back when its guard goes.
pub struct LoopDevice {
    path: PathBuf,
}

impl LoopDevice {
    /// A device on `file`, with these options of `losetup`.
    pub fn new(dir: &Dir, file: &Path, options: &[&str]) -> LoopDevice {
        let attach = dir.command("losetup", &["--find", "--show"]).args(options);
        let path = attach.args(&[file]).run().succeeds().trim().into();
        LoopDevice { path }
    }

    /// The device.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for LoopDevice {
    fn drop(&mut self) {
        release("losetup", &["--detach"], &self.path);
    }
}

fn release(program: &str, arguments: &[&str], path: &Path) {
    let command = TestCommand::new(program, Path::new("/")).args(arguments);
    let outcome = command.args(&[path]).run();
    if std::thread::panicking() {
        eprintln!("{outcome}");
    } else {
        outcome.succeeds_silently();
    }
}

/// The bytes of storage that a file has.
pub fn stored(path: &Path) -> u64 {
    fs::metadata(path).unwrap().blocks() * 512
}
