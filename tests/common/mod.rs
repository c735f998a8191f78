//! Shared helpers of the mounted tests: temporary directories, commands with a deadline, and
//! mounts that must end cleanly. On a failure each prints the command and the directory.
//!
//! A daemon outlives the command that started it. The test process adopts it
//! (`PR_SET_CHILD_SUBREAPER`), so it can wait for its exit status like for that of any child.

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

use std::cell::Cell;
use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

pub use kernel::{Ability, kernel_can, needs};
pub use machine::{INSTALLED, Machine};
pub use mount::{Mount, process_with, rss_anon, watchdog_of};
pub use run::{
    JUDGES_DEADLINE, Outcome, TestCommand, deadline, in_time, wait_for_process, wait_until,
};
pub use skip::{skip, skip_case};
use tempfile::TempDir;

/// The program under test.
pub const ARRAYFS: &str = env!("CARGO_BIN_EXE_arrayfs");

/// A temporary directory of a test.
///
/// Only one exists at a time. Child processes that another test forks inherit open files until
/// they exec, which would keep a mount busy.
pub struct Dir {
    machine: Option<Machine>,
    path: PathBuf,
    _temporary: TempDir,
    _turn: Option<Turn>,
}

/// The right of a thread to have the one directory.
struct Turn(MutexGuard<'static, ()>);

static ALONE: Mutex<()> = Mutex::new(());

thread_local! {
    static HAS_TURN: Cell<bool> = const { Cell::new(false) };
}

impl Turn {
    /// `None` for the thread that has it already.
    fn unless_taken() -> Option<Turn> {
        (!HAS_TURN.get()).then(Turn::new)
    }

    fn new() -> Turn {
        let guard = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        HAS_TURN.set(true);
        Turn(guard)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        HAS_TURN.set(false);
    }
}

/// Whether tests can mount; they are skipped where that is wanted.
fn has_fuse() -> bool {
    let device = fs::File::options().read(true).write(true).open("/dev/fuse");
    match device {
        Ok(_) => true,
        Err(error) if std::env::var_os("ARRAYFS_SKIP_FUSE").is_some_and(|skip| skip == "1") => {
            skip(&format!("/dev/fuse: {error}"));
            false
        }
        Err(error) => panic!(
            "/dev/fuse: {error}; this test mounts, which needs FUSE \
             (ARRAYFS_SKIP_FUSE=1 skips it)"
        ),
    }
}

impl Dir {
    /// An empty directory, accessible to every user.
    pub fn new() -> Dir {
        Dir::of_turn(Some(Turn::new()))
    }

    fn of_turn(turn: Option<Turn>) -> Dir {
        nix::sys::prctl::set_child_subreaper(true).unwrap();
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().canonicalize().unwrap();
        let everyone = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(&path, everyone).unwrap();
        Dir {
            machine: None,
            path,
            _temporary: temporary,
            _turn: turn,
        }
    }

    /// A directory for a test that mounts; `None` if such tests are skipped.
    pub fn with_fuse() -> Option<Dir> {
        has_fuse().then(Dir::new)
    }

    /// A directory for a test that mounts and needs root; `None` for other users.
    pub fn for_root() -> Option<Dir> {
        if !nix::unistd::geteuid().is_root() {
            skip("it needs root");
            return None;
        }
        Dir::with_fuse()
    }

    /// A directory for a test on a private machine, which needs root; `None` for other users.
    pub fn on_own_machine() -> Option<Dir> {
        let mut dir = Dir::for_root()?;
        dir.machine = Some(Machine::new());
        Some(dir)
    }

    /// The private machine of the test.
    pub fn machine(&self) -> &Machine {
        self.machine.as_ref().expect("a test on its own machine")
    }

    /// The directory, absolute and without symbolic links.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of `name` in the directory.
    pub fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Creates a file with these bytes.
    pub fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// Creates a subdirectory.
    pub fn directory(&self, name: &str) -> PathBuf {
        let path = self.join(name);
        fs::create_dir(&path).unwrap();
        path
    }

    /// Creates a subdirectory owned by a user and the group of the same ID.
    pub fn directory_of(&self, user: u32, name: &str) -> PathBuf {
        let path = self.directory(name);
        chown(&path, Some(user), Some(user)).unwrap();
        path
    }

    /// Creates a file with these bytes, owned by a user and the group of the same ID.
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

    /// Mounts `file` on a new directory, in the background. The command must succeed and print
    /// nothing but assumptions about the file.
    pub fn mount(&self, file: &Path, options: &[&str]) -> Mount {
        let (mount, outcome) = Mount::start(self, file, options);
        outcome.succeeds_silently();
        mount
    }

    /// Mounts `file` on a new directory in the foreground. Returns when the mount is usable.
    pub fn mount_in_foreground(&self, file: &Path, options: &[&str]) -> Mount {
        Mount::start_in_foreground(self, file, options)
    }

    /// A recursive listing with sizes and times. Two listings are equal if nothing has changed.
    pub fn listing(&self) -> String {
        let mut lines = vec![format!("{}:", self.path.display())];
        list(&self.path, &mut lines);
        lines.extend(mounts_below(&self.path));
        lines.join("\n")
    }
}

/// Checks that the test has left nothing mounted.
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

/// The notice of a mount that extends, creates or overwrites its file. The portable build cannot
/// reserve space.
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

/// In tests of the portable build, extends an existing file to `end` bytes, since that build does
/// not extend files itself.
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

/// The lines of this thread's mount table for mount points at or below `path`.
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
