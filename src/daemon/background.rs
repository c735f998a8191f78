//! Daemonizing: fork, session and terminal. The command that the user typed is the parent. It
//! waits until the daemon, its child, has a usable mount, and exits with the status of the start.
//! Also here is what a process inherits: open descriptors, and signals that `nohup(1)` or a
//! shell's `&` ignores. What the daemon does in between is the business of the other modules.

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

/// The process in which [`split`] has returned.
pub(super) enum Role {
    /// The parent: the command that the user typed.
    Command(Daemon),
    /// The child, which serves the mount.
    Daemon(Command),
}

/// The command's handle of the daemon.
pub(super) struct Daemon {
    process: Pid,
    /// Receives one byte when the mount is usable.
    ready: PipeReader,
}

/// The daemon's handle of the command.
pub(super) struct Command {
    process: Pid,
    ready: PipeWriter,
    null: File,
}

/// Forks the daemon from the command. The process must be single-threaded.
///
/// # Errors
///
/// When `pipe`, `fork` or `setsid` fails, or `/dev/null` cannot be opened.
pub(super) fn split() -> io::Result<Role> {
    let (reader, writer) = io::pipe()?;
    let null = File::options().read(true).write(true).open("/dev/null")?;
    // SAFETY: the process is single-threaded. So no lock is held in the child, and it may call
    // any function, not only async-signal-safe ones.
    match unsafe { fork() }? {
        ForkResult::Parent { child } => Ok(Role::Command(Daemon {
            process: child,
            ready: reader,
        })),
        ForkResult::Child => {
            setsid()?;
            // A working directory would keep its file system busy.
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
    /// Waits until the mount is usable or the daemon has exited. Returns the exit status of
    /// the command. If the daemon exited with an error, it has already printed it.
    ///
    /// # Errors
    ///
    /// When the daemon was killed, or exited with an unknown status.
    pub(super) fn wait(mut self) -> Result<ExitCode, Error> {
        if self.ready.read_exact(&mut [0]).is_ok() {
            return Ok(ExitCode::SUCCESS);
        }
        let wait_status = loop {
            match waitpid(self.process, None) {
                Err(nix::Error::EINTR) => {}
                other => break other,
            }
        };
        match wait_status {
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
    /// Whether the command has exited, because it was interrupted.
    pub(super) fn is_gone(&self) -> bool {
        getppid() != self.process
    }

    /// Detaches from the terminal, then lets the command return.
    ///
    /// # Errors
    ///
    /// `BrokenPipe` when the command has been interrupted.
    pub(super) fn release(mut self) -> io::Result<()> {
        self.detach_from_terminal()?;
        self.ready.write_all(&[0])
    }

    /// Detaches a child of the daemon from the terminal, and closes its copy of the pipe to
    /// the command. The daemon itself answers the command.
    pub(super) fn detach(self) -> io::Result<()> {
        self.detach_from_terminal()
    }

    fn detach_from_terminal(&self) -> io::Result<()> {
        dup2_stdin(&self.null)?;
        dup2_stdout(&self.null)?;
        Ok(dup2_stderr(&self.null)?)
    }
}

/// Takes ownership of the inherited descriptor `number`. Standard input, output and error are
/// duplicated and stay open. Must be called before the process opens files of its own.
///
/// # Errors
///
/// When `number` is not an open descriptor.
pub(super) fn take_descriptor(number: RawFd) -> io::Result<File> {
    // SAFETY: the borrowed descriptor is only passed to fcntl(2), which fails with EBADF if it
    // is not open.
    let inherited = unsafe { BorrowedFd::borrow_raw(number) };
    let duplicate = inherited.try_clone_to_owned()?;
    if number > libc::STDERR_FILENO {
        // SAFETY: the descriptor is open, since it has just been duplicated. Nothing else owns
        // it: of the inherited descriptors the standard library uses only the first three.
        drop(unsafe { OwnedFd::from_raw_fd(number) });
    }
    Ok(File::from(duplicate))
}

/// Whether the process was started with `signal` ignored: SIGHUP by `nohup(1)`, SIGINT by a
/// shell's `&`.
pub(super) fn was_ignored(signal: Signal) -> bool {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: a null new action changes nothing. The old action is initialized even if the call
    // fails, since all zeros is a valid `sigaction`.
    let action = unsafe {
        libc::sigaction(signal as libc::c_int, ptr::null(), action.as_mut_ptr());
        action.assume_init()
    };
    action.sa_sigaction == libc::SIG_IGN
}
