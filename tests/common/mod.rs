//! What the tests of the whole program share: directories to work in, commands
//! that are run and waited for, and mounts that must end well. On a failure
//! each prints what it did and what is there.
//!
//! A daemon outlives the command that started it. The test process adopts it
//! (`PR_SET_CHILD_SUBREAPER`), so that its end and its exit status can be
//! waited for like those of any child.

// Each test binary uses a part of it.
#![allow(dead_code, unused_imports)]

pub mod arrays;
pub mod calls;
mod kernel;
mod machine;
mod mount;
pub mod python;
mod run;
mod skip;

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

pub use kernel::{Ability, kernel_can, needs};
pub use machine::{INSTALLED, Machine};
pub use mount::{Mount, process_with, rss_anon, watchdog_of};
pub use run::{JUDGES_DEADLINE, TestCommand, deadline, in_time, wait_for_process, wait_until};
pub use skip::{skip, skip_case};
use tempfile::TempDir;

/// The program under test.
pub const ARRAYFS: &str = env!("CARGO_BIN_EXE_arrayfs");

/// A directory that lives as long as a test.
///
/// There is one at a time: what a test has open, the children that another
/// starts hold open too until they are programs of their own, and a mount
/// would be busy for no reason that the test can see.
pub struct Dir {
    machine: Option<Machine>,
    path: PathBuf,
    _temporary: TempDir,
    _alone: MutexGuard<'static, ()>,
}

static ALONE: Mutex<()> = Mutex::new(());

impl Dir {
    /// An empty directory, open to every user.
    pub fn new() -> Dir {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        nix::sys::prctl::set_child_subreaper(true).unwrap();
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().canonicalize().unwrap();
        let everyone = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(&path, everyone).unwrap();
        Dir {
            machine: None,
            path,
            _temporary: temporary,
            _alone: alone,
        }
    }

    /// A directory for a test that mounts; `None` where such tests are to be skipped.
    pub fn with_fuse() -> Option<Dir> {
        let device = fs::File::options().read(true).write(true).open("/dev/fuse");
        match device {
            Ok(_) => Some(Dir::new()),
            Err(error) if std::env::var_os("ARRAYFS_SKIP_FUSE").is_some_and(|skip| skip == "1") => {
                skip(&format!("/dev/fuse: {error}"));
                None
            }
            Err(error) => panic!(
                "/dev/fuse: {error}; this test mounts, which needs FUSE \
                 (ARRAYFS_SKIP_FUSE=1 skips it)"
            ),
        }
    }

    /// A directory for a test that mounts and only root can run; `None` for others.
    pub fn for_root() -> Option<Dir> {
        if !nix::unistd::geteuid().is_root() {
            skip("it needs root");
            return None;
        }
        Dir::with_fuse()
    }

    /// A directory for a test that mounts on a machine of its own, which only
    /// root can run; `None` for others.
    pub fn on_own_machine() -> Option<Dir> {
        let mut dir = Dir::for_root()?;
        dir.machine = Some(Machine::new());
        Some(dir)
    }

    /// The test's own machine.
    pub fn machine(&self) -> &Machine {
        self.machine.as_ref().expect("a test on its own machine")
    }

    /// The directory, absolute and without symbolic links.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A path in the directory.
    pub fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// A file of these bytes.
    pub fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// A directory in it.
    pub fn directory(&self, name: &str) -> PathBuf {
        let path = self.join(name);
        fs::create_dir(&path).unwrap();
        path
    }

    /// A directory in it that belongs to a user, and to the group of the same number.
    pub fn directory_of(&self, user: u32, name: &str) -> PathBuf {
        let path = self.directory(name);
        chown(&path, Some(user), Some(user)).unwrap();
        path
    }

    /// A file of these bytes that belongs to a user, and to the group of the same number.
    pub fn file_of(&self, user: u32, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.file(name, bytes);
        chown(&path, Some(user), Some(user)).unwrap();
        path
    }

    /// An arrayfs command with this directory as its working directory.
    pub fn arrayfs<S: AsRef<std::ffi::OsStr>>(&self, arguments: &[S]) -> TestCommand {
        self.command(ARRAYFS, arguments)
    }

    /// Any command with this directory as its working directory.
    pub fn command<S: AsRef<std::ffi::OsStr>>(
        &self,
        program: &str,
        arguments: &[S],
    ) -> TestCommand {
        TestCommand::new(program, self.path()).args(arguments)
    }

    /// Python with a script of `tests`, which can import the modules that scripts share.
    pub fn script(&self, path: &str) -> TestCommand {
        let command = self.command("python3", &["-B", &python::path_of(path)]);
        command.env("PYTHONPATH", python::modules())
    }

    /// Mounts `file` on a new directory, in the background; the command has to
    /// succeed without a word.
    pub fn mount(&self, file: &Path, options: &[&str]) -> Mount {
        let (mount, outcome) = Mount::start(self, file, options);
        outcome.succeeds_silently();
        mount
    }

    /// Mounts `file` on a new directory in the foreground, and returns when it is mounted.
    pub fn mount_in_foreground(&self, file: &Path, options: &[&str]) -> Mount {
        Mount::start_in_foreground(self, file, options)
    }

    /// What is there, with sizes and times: equal if nothing has changed.
    pub fn listing(&self) -> String {
        let mut lines = vec![format!("{}:", self.path.display())];
        list(&self.path, &mut lines);
        lines.extend(mounts_below(&self.path));
        lines.join("\n")
    }
}

/// Whatever a test does, it leaves nothing mounted.
impl Drop for Dir {
    fn drop(&mut self) {
        let left = mounts_below(&self.path);
        // A machine of its own takes its mounts along.
        let table = match self.machine {
            Some(_) => Vec::new(),
            None => arrayfs::platform::mount_table().unwrap_or_default(),
        };
        for mount in table.iter().rev() {
            if mount.point.starts_with(&self.path) {
                let _ = Command::new("umount").arg("-l").arg(&mount.point).status();
            }
        }
        assert!(
            left.is_empty() || std::thread::panicking(),
            "left mounted: {left:?}"
        );
    }
}

/// What a mount that grows, makes or overwrites its file has to print. The portable
/// twin of what only Linux has cannot reserve space.
pub fn growth_notice(file: &Path, mode: &str, from: usize, to: usize) -> String {
    let sparse = cfg!(arrayfs_portable) && to > 0;
    let what = match mode {
        "w+" if from > 0 => {
            format!("overwritten with zeros: it held {from} bytes, and now has {to}")
        }
        "w+" if !sparse => return String::new(),
        "w+" => format!("made with {to} bytes"),
        _ => format!("extended from {from} to {to} bytes"),
    };
    let warning = if sparse {
        ", which are not reserved: a write can fail when the disk is full"
    } else {
        ""
    };
    format!("arrayfs: {}: {what}{warning}\n", file.display())
}

/// The portable twin extends no file: where it is under test, this makes a file that is
/// there long enough for an array that ends at `end`.
pub fn lengthen_portably(file: &Path, end: u64) {
    if !cfg!(arrayfs_portable) {
        return;
    }
    let opened = fs::File::options().write(true).open(file);
    if let Ok(opened) = opened
        && opened.metadata().unwrap().len() < end
    {
        opened.set_len(end).unwrap();
    }
}

fn list(directory: &Path, lines: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(directory) else {
        return;
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        match path.symlink_metadata() {
            Ok(found) => {
                let time = found.modified().unwrap();
                lines.push(format!("{:>8} {time:?} {}", found.len(), path.display()));
                if found.is_dir() && mounts_below(&path).is_empty() {
                    list(&path, lines);
                }
            }
            Err(error) => lines.push(format!("{}: {error}", path.display())),
        }
    }
}

/// The lines of this thread's mount table for `path` and what is below it.
pub fn mounts_below(path: &Path) -> Vec<String> {
    let table = fs::read("/proc/thread-self/mountinfo").unwrap();
    let table = String::from_utf8_lossy(&table);
    let is_below = |line: &&str| {
        // Blanks and backslashes are escaped: proc_pid_mountinfo(5).
        let point = line.split(' ').nth(4).unwrap_or_default();
        let point = point.replace(r"\040", " ").replace(r"\134", r"\");
        Path::new(&point).starts_with(path)
    };
    table.lines().filter(is_below).map(str::to_owned).collect()
}
