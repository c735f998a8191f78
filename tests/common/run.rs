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

/// How long the program may take for anything that it does by itself: 30 seconds, or
/// more on a machine that is emulated.
pub fn deadline() -> Duration {
    let said = std::env::var("ARRAYFS_TEST_DEADLINE").ok();
    Duration::from_secs(said.map_or(30, |seconds| seconds.parse().unwrap()))
}

/// How long a script may take that judges many files, each by several accesses.
pub const JUDGES_DEADLINE: Duration = Duration::from_secs(120);

/// A command to run to its end.
pub struct TestCommand {
    command: Command,
    deadline: Duration,
    directory: PathBuf,
}

impl TestCommand {
    /// `program`, to be run in `directory`, without the environment's say in what is logged.
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

    /// Sets a variable of its environment.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> TestCommand {
        self.command.env(name, value);
        self
    }

    /// Runs it as another user, with a group of the same number.
    pub fn user(mut self, id: u32) -> TestCommand {
        self.command.uid(id).gid(id);
        self
    }

    /// Gives it so much time instead of [`DEADLINE`].
    pub fn within(mut self, deadline: Duration) -> TestCommand {
        self.deadline = deadline;
        self
    }

    /// The command, to be started otherwise.
    pub fn into_inner(self) -> Command {
        self.command
    }

    /// Gives it `input` on standard input, and returns what it printed; it has
    /// to succeed.
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

    /// Waits until it has ended and let go of its output.
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

/// What was printed of the kernel's limits, with the hint below it, and all else, which is
/// the same on every kernel.
fn about_kernel(stderr: &str) -> (String, String) {
    let lines: Vec<&str> = stderr.split_inclusive('\n').collect();
    let is_told = |at: usize| lines[at].contains(": this kernel, before Linux");
    let (told, rest): (Vec<_>, Vec<_>) = (0..lines.len())
        .partition(|&at| is_told(at) || at > 0 && is_told(at - 1) && lines[at].starts_with("  "));
    let text = |numbers: Vec<usize>| numbers.into_iter().map(|at| lines[at]).collect();
    (text(told), text(rest))
}

/// Has a process start as from a terminal, although the tests may have been
/// started by nohup or a shell's `&`, which ignore signals on behalf of their programs.
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
    /// But for what is [about the kernel](Self::about_kernel).
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
    /// It has to have succeeded; what it printed on standard output.
    #[track_caller]
    pub fn succeeds(self) -> String {
        assert!(self.status.success(), "{self}");
        self.stdout
    }

    /// It has to have succeeded, and printed nothing but what it assumed of a file's
    /// type or shape, or left out, which tests that are about something else do not say.
    #[track_caller]
    pub fn succeeds_silently(self) {
        let said = self.but_for_what_was_assumed();
        assert!(self.status.success(), "{self}");
        assert_eq!((self.stdout.as_str(), said.as_str()), ("", ""), "{self}");
    }

    /// What it printed as errors, without what it assumed of a file, or left out.
    pub fn but_for_what_was_assumed(&self) -> String {
        let is_assumed = |line: &str| {
            let ends = ["(no --dtype given)", "(no --shape given)", "left over"];
            line.starts_with("arrayfs: /") && ends.iter().any(|end| line.ends_with(end))
        };
        let lines = self.stderr.lines().filter(|line| !is_assumed(line));
        lines.map(|line| format!("{line}\n")).collect()
    }

    /// It has to have ended with this status, and printed exactly this as its error.
    #[track_caller]
    pub fn fails(self, status: i32, stderr: &str) {
        assert_eq!(self.status.code(), Some(status), "{self}");
        assert_eq!(self.stderr, stderr, "{self}");
        assert_eq!(self.stdout, "", "{self}");
    }
}

/// What `work` returns, unless it takes longer than the deadline.
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

/// Waits for a condition that nothing announces.
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

/// The exit status of a daemon that this process has adopted.
pub fn wait_for_process(process: Pid) -> Option<ExitStatus> {
    use nix::sys::wait::{WaitStatus, waitpid};
    in_time("waitpid", move || waitpid(process, None)).map(|ended| match ended {
        Ok(WaitStatus::Exited(_, status)) => ExitStatus::from_raw(status << 8),
        Ok(WaitStatus::Signaled(_, signal, _)) => ExitStatus::from_raw(signal as i32),
        other => panic!("daemon {process}: {other:?}"),
    })
}
