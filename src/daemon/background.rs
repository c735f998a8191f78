//! Going into the background: the command that the user typed waits until the
//! daemon, its child, has a usable mount, and ends as the daemon's start ended.
//! What the process was started with, be it descriptors or the signals that a
//! shell's `&` and `nohup(1)` have it ignore, is to be respected.

use std::fs::File;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::process::ExitCode;
use std::ptr;

use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, dup2_stderr, dup2_stdin, dup2_stdout, fork, getppid, setsid};

use super::Error;

/// Which of the two processes this is.
pub(super) enum Role {
    /// The command that the user typed.
    Command(Daemon),
    /// The process that goes on.
    Daemon(Command),
}

/// The daemon as the command sees it.
pub(super) struct Daemon {
    process: Pid,
    ready: PipeReader,
}

/// The command as the daemon sees it.
pub(super) struct Command {
    process: Pid,
    ready: PipeWriter,
    null: File,
}

/// Splits the process in two. The process must not have started a thread.
///
/// # Errors
///
/// When the system has no process, descriptor or session to give.
pub(super) fn split() -> io::Result<Role> {
    let (reader, writer) = io::pipe()?;
    let null = File::options().read(true).write(true).open("/dev/null")?;
    // SAFETY: this is the only thread, so that the child finds no lock held
    // and may do all that this process could.
    match unsafe { fork() }? {
        ForkResult::Parent { child } => Ok(Role::Command(Daemon {
            process: child,
            ready: reader,
        })),
        ForkResult::Child => {
            setsid()?;
            // The daemon keeps no directory from being unmounted or removed.
            std::env::set_current_dir("/")?;
            Ok(Role::Daemon(Command {
                process: getppid(),
                ready: writer,
                null,
            }))
        }
    }
}

impl Daemon {
    /// Waits until the mount is usable, or the daemon has ended. It has then
    /// printed why, unless it died.
    pub(super) fn wait(mut self) -> Result<ExitCode, Error> {
        if self.ready.read_exact(&mut [0]).is_ok() {
            return Ok(ExitCode::SUCCESS);
        }
        let ended = loop {
            match waitpid(self.process, None) {
                Err(nix::Error::EINTR) => {}
                other => break other,
            }
        };
        match ended {
            Ok(WaitStatus::Exited(_, status)) if Error::STATUSES.contains(&status) => {
                Ok(ExitCode::from(status as u8))
            }
            Ok(WaitStatus::Exited(_, status)) => Err(Error::Died(format!("exit status {status}"))),
            Ok(WaitStatus::Signaled(_, signal, _)) => Err(Error::Died(signal.to_string())),
            Ok(other) => Err(Error::Died(format!("{other:?}"))),
            Err(error) => Err(Error::Died(error.desc().into())),
        }
    }
}

impl Command {
    /// Whether it has been interrupted.
    pub(super) fn is_gone(&self) -> bool {
        getppid() != self.process
    }

    /// Lets go of the terminal, then lets the command return.
    ///
    /// # Errors
    ///
    /// `BrokenPipe` when the command has been interrupted meanwhile.
    pub(super) fn release(mut self) -> io::Result<()> {
        self.leave_terminal()?;
        self.ready.write_all(&[0])
    }

    /// Lets go of the terminal in a process that the daemon has split off, and of
    /// the command, which is for the daemon to answer.
    pub(super) fn leave_to_daemon(self) -> io::Result<()> {
        self.leave_terminal()
    }

    fn leave_terminal(&self) -> io::Result<()> {
        dup2_stdin(&self.null)?;
        dup2_stdout(&self.null)?;
        Ok(dup2_stderr(&self.null)?)
    }
}

/// Takes over the open descriptor `number` that the process was started with.
/// Standard input, output and error stay open besides. To be called before the
/// process opens anything that it keeps.
///
/// # Errors
///
/// When it is not open.
pub(super) fn take_descriptor(number: RawFd) -> io::Result<File> {
    // SAFETY: the kernel is asked to look the number up, and refuses one that is
    // not open; it is used for nothing else.
    let given = unsafe { BorrowedFd::borrow_raw(number) };
    let copy = given.try_clone_to_owned()?;
    if number > libc::STDERR_FILENO {
        // SAFETY: it is open, and nothing else here has it: of the descriptors
        // that the process was started with Rust knows only the first three.
        drop(unsafe { OwnedFd::from_raw_fd(number) });
    }
    Ok(File::from(copy))
}

/// Whether the process was started to ignore `signal`: SIGHUP by `nohup(1)`,
/// SIGINT by a shell's `&`.
pub(super) fn was_ignored(signal: Signal) -> bool {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: without a new action nothing is changed, and all zeros is a valid
    // old one, whether it is overwritten or not.
    let action = unsafe {
        libc::sigaction(signal as libc::c_int, ptr::null(), action.as_mut_ptr());
        action.assume_init()
    };
    action.sa_sigaction == libc::SIG_IGN
}
