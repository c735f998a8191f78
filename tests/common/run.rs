//! Running commands with a deadline.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::io::Write;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{SigHandler, Signal, kill};
use nix::unistd::Pid;

/// The deadline of each operation of the program: 30 seconds, or `ARRAYFS_TEST_DEADLINE` seconds
/// on slow machines, such as emulated ones.
pub fn deadline() -> Duration {
    let said = std::env::var("ARRAYFS_TEST_DEADLINE").ok();
    Duration::from_secs(said.map_or(30, |seconds| seconds.parse().unwrap()))
}

/// The deadline of a script that checks many files.
pub const JUDGES_DEADLINE: Duration = Duration::from_secs(120);

/// A command with a deadline.
pub struct TestCommand {
    command: Command,
    deadline: Duration,
    directory: PathBuf,
}

impl TestCommand {
    /// `program`, with `directory` as its working directory. Environment variables that affect
    /// logging are removed.
    pub fn new(program: &str, directory: &Path) -> TestCommand {
        let mut command = Command::new(program);
        command
            .current_dir(directory)
            .stdin(Stdio::null())
            .env_remove("RUST_LOG");
        // SAFETY: signal is safe to call between fork and exec.
        unsafe { command.pre_exec(hear_signals) };
        TestCommand {
            command,
            deadline: deadline(),
            directory: directory.into(),
        }
    }

    /// Adds arguments.
    pub fn args<S: AsRef<OsStr>>(mut self, arguments: &[S]) -> TestCommand {
        self.command.args(arguments);
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> TestCommand {
        self.command.env(name, value);
        self
    }

    /// Sets the user, and the group of the same ID.
    pub fn user(mut self, id: u32) -> TestCommand {
        self.command.uid(id).gid(id);
        self
    }

    /// Sets the deadline, which is [`deadline`] by default.
    pub fn within(mut self, deadline: Duration) -> TestCommand {
        self.deadline = deadline;
        self
    }

    /// The underlying command.
    pub fn into_inner(self) -> Command {
        self.command
    }

    /// Runs the command with `input` on standard input. It must succeed. Returns its standard
    /// output.
    pub fn fed(mut self, input: &str) -> String {
        let shown = format!("{:?}", self.command);
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = self
            .command
            .spawn()
            .unwrap_or_else(|error| panic!("{shown}: {error}: run scripts/test.sh"));
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).unwrap();
        drop(stdin);
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{shown}: {}", output.status);
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs the command until it has exited and its output streams are closed.
    pub fn run(mut self) -> Outcome {
        let shown = format!("{:?} in {}", self.command, self.directory.display());
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = self
            .command
            .spawn()
            .unwrap_or_else(|error| panic!("{shown}: {error}"));
        let process = Pid::from_raw(child.id() as i32);
        let deadline = self.deadline;
        let output = ends_within(deadline, &shown, move || child.wait_with_output());
        let output = output.unwrap_or_else(|| {
            let _ = kill(process, Signal::SIGKILL);
            panic!("{shown}: neither ended nor closed its output in {deadline:?}")
        });
        let output = output.unwrap();
        let (about_kernel, stderr) = about_kernel(&String::from_utf8_lossy(&output.stderr));
        Outcome {
            status: output.status,
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr,
            about_kernel,
            shown,
        }
    }
}

/// Splits standard error into notices about limits of the kernel, with their hints, and the rest,
/// which is the same on every kernel.
fn about_kernel(stderr: &str) -> (String, String) {
    let lines: Vec<&str> = stderr.split_inclusive('\n').collect();
    let is_told = |at: usize| lines[at].contains(": this kernel, before Linux");
    let (told, rest): (Vec<_>, Vec<_>) = (0..lines.len())
        .partition(|&at| is_told(at) || at > 0 && is_told(at - 1) && lines[at].starts_with("  "));
    let text = |numbers: Vec<usize>| numbers.into_iter().map(|at| lines[at]).collect();
    (text(told), text(rest))
}

/// Resets signals to their default action, like in a process started from a terminal. They are
/// ignored if the tests were started with nohup or a shell's `&`.
fn hear_signals() -> io::Result<()> {
    for signal in [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT] {
        // SAFETY: no handler is installed.
        unsafe { nix::sys::signal::signal(signal, SigHandler::SigDfl) }?;
    }
    Ok(())
}

/// How a command ended.
pub struct Outcome {
    pub status: ExitStatus,
    pub stdout: String,
    /// Standard error without [notices about the kernel](Self::about_kernel).
    pub stderr: String,
    pub about_kernel: String,
    shown: String,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Outcome {
            status,
            stdout,
            stderr,
            about_kernel,
            shown,
        } = self;
        write!(
            f,
            "{shown}\n{status}\nstdout: {stdout}\nstderr: {stderr}{about_kernel}"
        )
    }
}

impl Outcome {
    /// Checks that the command succeeded. Returns its standard output.
    #[track_caller]
    pub fn succeeds(self) -> String {
        assert!(self.status.success(), "{self}");
        self.stdout
    }

    /// Checks that the command succeeded silently. Notices of an assumed dtype or shape, of a file
    /// read as raw, and of bytes left over are allowed.
    #[track_caller]
    pub fn succeeds_silently(self) {
        let said = self.but_for_what_was_assumed();
        assert!(self.status.success(), "{self}");
        assert_eq!((self.stdout.as_str(), said.as_str()), ("", ""), "{self}");
    }

    /// Standard error without notices of an assumed dtype or shape, of a file read as raw, and of
    /// bytes left over.
    pub fn but_for_what_was_assumed(&self) -> String {
        let is_assumed = |line: &str| {
            let ends = ["(no --dtype given)", "(no --shape given)", "ignored"];
            let is_raw = line.contains(" is read as raw bytes because of --");
            line.starts_with("arrayfs: /") && (is_raw || ends.iter().any(|end| line.ends_with(end)))
        };
        let lines = self.stderr.lines().filter(|line| !is_assumed(line));
        lines.map(|line| format!("{line}\n")).collect()
    }

    /// Checks that the command exited with this status, and printed exactly `stderr`.
    #[track_caller]
    pub fn fails(self, status: i32, stderr: &str) {
        assert_eq!(self.status.code(), Some(status), "{self}");
        assert_eq!(self.stderr, stderr, "{self}");
        assert_eq!(self.stdout, "", "{self}");
    }
}

/// Runs `work` in a thread. Returns its result; `None` after the deadline.
pub fn in_time<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    ends_within(deadline(), name, work)
}

fn ends_within<T: Send + 'static>(
    deadline: Duration,
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (sender, receiver) = mpsc::channel();
    let thread =
        thread::Builder::new().name(name.chars().take(15).filter(|c| *c != '\0').collect());
    thread.spawn(move || sender.send(work())).unwrap();
    receiver.recv_timeout(deadline).ok()
}

/// Polls `condition` until it is true, at most until the deadline.
#[track_caller]
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(
            start.elapsed() < deadline(),
            "{what}: not within {:?}",
            deadline()
        );
        thread::yield_now();
    }
}

/// Waits for a daemon that this process has adopted. Returns its exit status.
pub fn wait_for_process(process: Pid) -> Option<ExitStatus> {
    use nix::sys::wait::{WaitStatus, waitpid};
    in_time("waitpid", move || waitpid(process, None)).map(|ended| match ended {
        Ok(WaitStatus::Exited(_, status)) => ExitStatus::from_raw(status << 8),
        Ok(WaitStatus::Signaled(_, signal, _)) => ExitStatus::from_raw(signal as i32),
        other => panic!("daemon {process}: {other:?}"),
    })
}
