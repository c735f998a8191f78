//! The guard of a mounted array. Dropping it unmounts, and checks that the daemon exits with
//! status 0 and has logged no warning.

use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::run::{Outcome, wait_for_process, wait_until};
use super::{ARRAYFS, Dir, INSTALLED, TestCommand, mounts_below};

/// A mounted array.
pub struct Mount {
    point: PathBuf,
    log: PathBuf,
    directory: PathBuf,
    /// The user who unmounts; `None` for the user who runs the tests.
    user: Option<u32>,
    shown: String,
    /// `None` once the test has waited for its exit.
    daemon: Option<Pid>,
    /// The text of a warning that the log may contain.
    expected_warning: Option<String>,
}

impl Mount {
    /// Runs the command that mounts `file` on a new directory. A guard is returned even if the
    /// command fails.
    pub fn start(dir: &Dir, file: &Path, options: &[&str]) -> (Mount, Outcome) {
        Mount::start_on(dir, file, &new_point(dir), options, &[])
    }

    /// Runs the command that mounts `file` on `point`, with additional environment variables.
    pub fn start_on(
        dir: &Dir,
        file: &Path,
        point: &Path,
        options: &[&str],
        environment: &[(&str, &str)],
    ) -> (Mount, Outcome) {
        let (mut mount, mut command) = Mount::prepare(dir, file, point, options);
        for (name, value) in environment {
            command = command.env(name, value);
        }
        let outcome = command.run();
        mount.daemon = process_with(point);
        if outcome.status.success() {
            assert_eq!(mounts_below(point).len(), 1, "{outcome}\nnot mounted");
            assert!(mount.daemon.is_some(), "{outcome}\nno daemon");
        }
        (mount, outcome)
    }

    /// Runs another command that mounts `file` on a new directory: `words`, then the two paths.
    /// The mount may be invisible to this process, and has no log file.
    pub fn start_elsewhere(dir: &Dir, file: &Path, words: &[&str]) -> Mount {
        let (mut mount, _) = Mount::prepare(dir, file, &new_point(dir), &[]);
        let command = dir
            .command(words[0], &words[1..])
            .args(&[file, &mount.point]);
        command.run().succeeds_silently();
        mount.daemon = process_with(&mount.point);
        assert!(mount.daemon.is_some(), "{words:?}: no daemon");
        mount
    }

    /// Runs the command as another user, and mounts `file` on a new directory of that user. The
    /// test must be on a private machine.
    pub fn start_as(dir: &Dir, user: u32, file: &Path, options: &[&str]) -> (Mount, Outcome) {
        let point = new_point(dir);
        chown(&point, Some(user), Some(user)).unwrap();
        let (mut mount, _) = Mount::prepare(dir, file, &point, &[]);
        fs::write(&mount.log, "").unwrap();
        chown(&mount.log, Some(user), Some(user)).unwrap();
        mount.user = Some(user);
        mount.shown += &format!(" by user {user} with {options:?}");
        let command = dir.command(INSTALLED, options).user(user);
        let paths = [file, &point, Path::new("--log-file"), &mount.log];
        let outcome = command.args(&paths).run();
        mount.daemon = process_with(&point);
        (mount, outcome)
    }

    /// The guard of an array that another command has mounted on `point`. Its log file is
    /// `POINT.log`.
    pub fn found(dir: &Dir, point: &Path) -> Mount {
        let (mut mount, _) = Mount::prepare(dir, Path::new(""), point, &[]);
        assert_eq!(mounts_below(point).len(), 1, "{}", point.display());
        mount.daemon = process_with(point);
        assert!(mount.daemon.is_some(), "{}: no daemon", point.display());
        mount
    }

    /// Starts `arrayfs -f`, and waits for the mount.
    #[expect(
        clippy::zombie_processes,
        reason = "waited for by its number, as all daemons are"
    )]
    pub fn start_in_foreground(dir: &Dir, file: &Path, options: &[&str]) -> Mount {
        let (mut mount, command) = Mount::prepare(dir, file, &new_point(dir), options);
        let mut command = command.args(&["-f", "-v"]).into_inner();
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().unwrap();
        mount.daemon = Some(Pid::from_raw(child.id() as i32));
        // The mount table shows it before it is served.
        wait_until(&mount.shown, || mount.log().contains(": mounted on "));
        mount
    }

    /// Starts `arrayfs` with `options`, which must select the foreground, and waits for the
    /// mount. Its standard error is its log.
    #[expect(
        clippy::zombie_processes,
        reason = "waited for by its number, as all daemons are"
    )]
    pub fn start_logging_to(dir: &Dir, file: &Path, options: &[&str], log: fs::File) -> Mount {
        let point = new_point(dir);
        let (mut mount, _) = Mount::prepare(dir, file, &point, &[]);
        let mut command = dir.arrayfs(options).args(&[file, &point]).into_inner();
        command.stdout(Stdio::null()).stderr(log);
        let child = command.spawn().unwrap();
        mount.daemon = Some(Pid::from_raw(child.id() as i32));
        wait_until(&mount.shown, || !mounts_below(&point).is_empty());
        mount
    }

    fn prepare(dir: &Dir, file: &Path, point: &Path, options: &[&str]) -> (Mount, TestCommand) {
        let log = dir.join(&format!("{}.log", point.file_name().unwrap().display()));
        let command = dir
            .arrayfs(options)
            .args(&[file, point, Path::new("--log-file"), &log]);
        let mount = Mount {
            shown: format!(
                "{ARRAYFS} {options:?} {} {}",
                file.display(),
                point.display()
            ),
            point: point.into(),
            log,
            directory: dir.path().into(),
            user: None,
            daemon: None,
            expected_warning: None,
        };
        (mount, command)
    }

    /// The mount point.
    pub fn point(&self) -> &Path {
        &self.point
    }

    /// The path of `name` in the mount.
    pub fn join(&self, name: &str) -> PathBuf {
        self.point.join(name)
    }

    /// The log of the daemon.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Allows a warning with this text in the log.
    pub fn expect_warning(&mut self, text: &str) {
        self.expected_warning = Some(text.into());
    }

    /// The daemon, which serves the mount.
    pub fn daemon(&self) -> Pid {
        self.daemon.expect("the daemon has ended")
    }

    /// Sends a signal to the daemon.
    pub fn signal(&self, signal: Signal) {
        kill(self.daemon(), signal).unwrap();
    }

    /// The command `arrayfs -u` for this mount.
    pub fn unmount_command(&self) -> TestCommand {
        let arguments = [Path::new("-u"), &self.point];
        match self.user {
            None => TestCommand::new(ARRAYFS, &self.directory).args(&arguments),
            Some(user) => TestCommand::new(INSTALLED, &self.directory)
                .args(&arguments)
                .user(user),
        }
    }

    /// Waits for the daemon to exit. Checks that the file system is unmounted and the log has no
    /// warning. Returns the exit status.
    #[track_caller]
    pub fn ended(&mut self) -> ExitStatus {
        let status = self.died();
        let left = mounts_below(&self.point);
        assert!(left.is_empty(), "{}: left mounted: {left:?}", self.shown);
        let log = self.log();
        let is_trouble = |line: &&str| {
            let expected = self
                .expected_warning
                .as_ref()
                .is_some_and(|text| line.contains(text));
            let level = line.split_whitespace().nth(1);
            let is_trouble = matches!(level, Some("WARN" | "ERROR")) || line.contains("panicked");
            is_trouble && !expected
        };
        let trouble = log.lines().find(is_trouble);
        assert_eq!(trouble, None, "{}: logged", self.shown);
        status
    }

    /// Waits for the daemon to exit, without further checks. Returns the exit status.
    #[track_caller]
    pub fn died(&mut self) -> ExitStatus {
        let daemon = self.daemon.take().expect("the daemon has ended");
        wait_for_process(daemon).unwrap_or_else(|| {
            self.daemon = Some(daemon);
            panic!("{}: the daemon does not end", self.shown)
        })
    }

    /// Unmounts with `arrayfs -u`, which must succeed silently. The daemon must exit with
    /// status 0.
    #[track_caller]
    pub fn unmount(mut self) {
        self.unmount_well();
    }

    #[track_caller]
    fn unmount_well(&mut self) {
        self.unmount_command().run().succeeds_silently();
        assert_eq!(self.ended(), ExitStatus::from_raw(0), "{}", self.shown);
    }

    fn abandon(&mut self) {
        if let Some(daemon) = self.daemon.take() {
            let _ = kill(daemon, Signal::SIGKILL);
            let _ = wait_for_process(daemon);
        }
        while !mounts_below(&self.point).is_empty() {
            let detached = TestCommand::new("umount", &self.directory)
                .args(&["-l"])
                .args(&[&self.point]);
            if !detached.run().status.success() {
                break;
            }
        }
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // Who asks a mount that hangs would hang, too.
            self.abandon();
            let listing = TestCommand::new("ls", &self.directory)
                .args(&["-lan"])
                .run();
            eprintln!("{}\n--- log ---\n{}--- {listing}", self.shown, self.log());
        } else if self.daemon.is_some() {
            self.unmount_well();
        }
    }
}

fn new_point(dir: &Dir) -> PathBuf {
    dir.directory(&format!(
        "mount{}",
        fs::read_dir(dir.path()).unwrap().count()
    ))
}

/// The watchdog process of the daemon of a mount.
pub fn watchdog_of(mount: &Mount) -> Pid {
    let daemon = mount.daemon();
    let children = fs::read_to_string(format!("/proc/{daemon}/task/{daemon}/children")).unwrap();
    Pid::from_raw(children.trim().parse().unwrap())
}

/// The resident anonymous memory (`RssAnon`) of a process, in KiB.
pub fn rss_anon(process: Pid) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let mut lines = status.lines();
    let memory = lines.find_map(|line| line.strip_prefix("RssAnon:"));
    let memory = memory.unwrap().trim().trim_end_matches(" kB");
    memory.parse().unwrap()
}

/// The process that has `path` as an argument and is not a watchdog.
pub fn process_with(path: &Path) -> Option<Pid> {
    let wanted = path.as_os_str().as_encoded_bytes();
    let processes = fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .find(|id: &i32| {
            // It can have ended since it was listed.
            let read = |name| fs::read(format!("/proc/{id}/{name}")).unwrap_or_default();
            let is_watchdog = read("comm").starts_with(b"fuse-watchdog");
            let arguments = read("cmdline");
            !is_watchdog
                && arguments
                    .split(|&byte| byte == 0)
                    .any(|argument| argument == wanted)
        })
        .map(Pid::from_raw)
}
