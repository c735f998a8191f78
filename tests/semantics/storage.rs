//! Small file systems and devices that a test can fill. Their guards remove them. They need
//! root.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::common::{Dir, TestCommand};

/// A mounted file system, unmounted when its guard goes.
pub struct Volume {
    point: PathBuf,
}

impl Volume {
    /// A file system in memory.
    pub fn tmpfs(dir: &Dir, bytes: u64) -> Volume {
        let size = format!("size={bytes}");
        Volume::mount(dir, "tmpfs", &["-t", "tmpfs", "-o", &size, "none"])
    }

    /// An ext4 file system in the file `image`, which is made first.
    pub fn ext4(dir: &Dir, image: &Path, bytes: u64) -> Volume {
        File::create(image).unwrap().set_len(bytes).unwrap();
        let quietly = ["-q", "-F", "-m", "0"];
        dir.command("mkfs.ext4", &quietly)
            .args(&[image])
            .run()
            .succeeds();
        Volume::mount(dir, "ext4", &["-o", "loop", image.to_str().unwrap()])
    }

    fn mount(dir: &Dir, name: &str, arguments: &[&str]) -> Volume {
        let point = dir.directory(name);
        dir.command("mount", arguments)
            .args(&[&point])
            .run()
            .succeeds_silently();
        Volume { point }
    }

    /// A path in it.
    pub fn join(&self, name: &str) -> PathBuf {
        self.point.join(name)
    }

    /// Takes all the space that is left, by a file that can be removed.
    pub fn fill(&self) -> PathBuf {
        let path = self.join("filler");
        let mut file = File::create(&path).unwrap();
        loop {
            let before = file.metadata().unwrap().len();
            // What is too large for the space left is refused as a whole.
            for size in [1 << 16, 512] {
                let error = loop {
                    if let Err(error) = file.write_all(&vec![1; size]) {
                        break error;
                    }
                };
                assert_eq!(error.raw_os_error(), Some(libc::ENOSPC), "{error}");
            }
            // What is written out may need less than was put aside for it.
            file.sync_all().unwrap();
            if file.metadata().unwrap().len() == before {
                return path;
            }
        }
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        // Lazily: other processes may see the mount too, in namespaces of theirs.
        release("umount", "--lazy", &self.point);
    }
}

/// A block device on a file, given back when its guard goes.
pub struct LoopDevice {
    path: PathBuf,
}

impl LoopDevice {
    /// A device on `file`.
    pub fn new(dir: &Dir, file: &Path) -> LoopDevice {
        let attach = dir.command("losetup", &["--find", "--show"]).args(&[file]);
        let path = attach.run().succeeds().trim().into();
        LoopDevice { path }
    }

    /// The device.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for LoopDevice {
    fn drop(&mut self) {
        release("losetup", "--detach", &self.path);
    }
}

fn release(program: &str, how: &str, path: &Path) {
    let command = TestCommand::new(program, Path::new("/"));
    let outcome = command.args(&[Path::new(how), path]).run();
    if std::thread::panicking() {
        eprintln!("{outcome}");
    } else {
        outcome.succeeds_silently();
    }
}

/// The blocks of 512 bytes that a file has.
pub fn blocks(path: &Path) -> u64 {
    std::os::unix::fs::MetadataExt::blocks(&fs::metadata(path).unwrap())
}
