//! Looking at a mount from outside. A process that waits for an answer of a
//! mount which it serves itself cannot be ended if it dies meanwhile: the
//! waiting thread keeps the device open, and so the answer never comes. So a
//! process of its own looks, which is split off while there is one thread.

use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::path::Path;
use std::process;

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, fork};

/// A process that looks at a path when it is told to, once. It ends by itself
/// when this is dropped.
pub(super) struct Witness {
    process: Pid,
    /// `None` once it has been told.
    go: Option<PipeWriter>,
    answer: PipeReader,
}

impl Witness {
    /// Splits off a process that will look at `path`. The process must not
    /// have started a thread.
    ///
    /// # Errors
    ///
    /// When the system has no process or descriptor to give.
    pub(super) fn of(path: &Path) -> io::Result<Witness> {
        let (told, go) = io::pipe()?;
        let (answer, told_back) = io::pipe()?;
        // SAFETY: this is the only thread, so that the child finds no lock held
        // and may do all that this process could.
        match unsafe { fork() }? {
            ForkResult::Parent { child } => Ok(Witness {
                process: child,
                go: Some(go),
                answer,
            }),
            ForkResult::Child => {
                drop((go, answer));
                // Whoever asked may have died, which is nothing to report.
                let _ = look(told, told_back, path);
                process::exit(0)
            }
        }
    }

    /// The process, which [`give_up`] ends.
    pub(super) fn process(&self) -> Pid {
        self.process
    }

    /// What `stat` says of the path.
    ///
    /// # Errors
    ///
    /// What it says, or `UnexpectedEof` when the process was ended.
    pub(super) fn look(&mut self) -> io::Result<()> {
        let mut errno = [0; 4];
        if let Some(mut go) = self.go.take() {
            go.write_all(&[0])?;
        }
        self.answer.read_exact(&mut errno)?;
        match i32::from_ne_bytes(errno) {
            0 => Ok(()),
            errno => Err(io::Error::from_raw_os_error(errno)),
        }
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.go = None;
        while waitpid(self.process, None) == Err(nix::Error::EINTR) {}
    }
}

/// Ends a witness whose mount is not going to answer.
pub(super) fn give_up(process: Pid) {
    // It may have ended already.
    let _ = kill(process, Signal::SIGKILL);
}

fn look(mut told: PipeReader, mut told_back: PipeWriter, path: &Path) -> io::Result<()> {
    told.read_exact(&mut [0])?;
    let errno = match path.symlink_metadata() {
        Ok(_) => 0,
        Err(error) => error.raw_os_error().unwrap_or(nix::libc::EIO),
    };
    told_back.write_all(&errno.to_ne_bytes())
}
