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
    /// Who unmounts it; the user who runs the tests, unless it is another.
    user: Option<u32>,
    shown: String,
    /// `None` once its end has been seen.
    daemon: Option<Pid>,
    /// What the log may contain although it is a warning.
    expected_warning: Option<String>,
}

impl Mount {
    /// Runs the command that mounts `file` on a new directory. The mount is a
    /// guard also if the command fails.
    pub fn start(dir: &Dir, file: &Path, options: &[&str]) -> (Mount, Outcome) {
        Mount::start_on(dir, file, &new_point(dir), options, &[])
    }

    /// Runs the command that mounts `file` on `point`, with these variables in
    /// its environment.
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

    /// Runs a command that mounts `file` on a new directory, which this process
    /// may not see, and does not log to a file: `words`, then the two paths.
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

    /// Runs the command that mounts `file` on a new directory of another user,
    /// as that user. The test has to be on a machine of its own.
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

    /// The array that another command has mounted on `point`. What it logs is
    /// looked for in `POINT.log`.
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

    /// Starts `arrayfs` with `options`, which have it stay in the foreground, and standard
    /// error as its log, and waits for the mount.
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

    /// Where it is mounted.
    pub fn point(&self) -> &Path {
        &self.point
    }

    /// A path in the mount.
    pub fn join(&self, name: &str) -> PathBuf {
        self.point.join(name)
    }

    /// What the daemon has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Says that a warning with this text is no failure.
    pub fn expect_warning(&mut self, text: &str) {
        self.expected_warning = Some(text.into());
    }

    /// The process that serves it.
    pub fn daemon(&self) -> Pid {
        self.daemon.expect("the daemon has ended")
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill(self.daemon(), signal).unwrap();
    }

    /// Runs `arrayfs -u` on it.
    pub fn unmount_command(&self) -> TestCommand {
        let arguments = [Path::new("-u"), &self.point];
        match self.user {
            None => TestCommand::new(ARRAYFS, &self.directory).args(&arguments),
            Some(user) => TestCommand::new(INSTALLED, &self.directory)
                .args(&arguments)
                .user(user),
        }
    }

    /// Waits for the end of the daemon, checks that its mount is gone and that
    /// it has logged no warning, and returns its exit status.
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

    /// Waits for the end of the daemon, whatever it leaves behind.
    #[track_caller]
    pub fn died(&mut self) -> ExitStatus {
        let daemon = self.daemon.take().expect("the daemon has ended");
        wait_for_process(daemon).unwrap_or_else(|| {
            self.daemon = Some(daemon);
            panic!("{}: the daemon does not end", self.shown)
        })
    }

    /// Unmounts it with `arrayfs -u`, which has to succeed without a word, and
    /// checks that all ends well.
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

/// The process that cuts a mount off when its daemon ends.
pub fn watchdog_of(mount: &Mount) -> Pid {
    let daemon = mount.daemon();
    let children = fs::read_to_string(format!("/proc/{daemon}/task/{daemon}/children")).unwrap();
    Pid::from_raw(children.trim().parse().unwrap())
}

/// Memory of a process that is not a file's (`RssAnon`), in KiB.
pub fn rss_anon(process: Pid) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let mut lines = status.lines();
    let memory = lines.find_map(|line| line.strip_prefix("RssAnon:"));
    let memory = memory.unwrap().trim().trim_end_matches(" kB");
    memory.parse().unwrap()
}

/// The process that has `path` as an argument, and is no watchdog of another.
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
