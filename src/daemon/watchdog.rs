//! A process of its own that watches the daemon: it looks at the mount once as it
//! starts, and aborts the connection when the daemon ends. A daemon that waits for
//! a request which it serves itself cannot be killed, since the waiting thread keeps
//! the device open: while a page is written back before it is dropped, for instance.

use std::ffi::CStr;
use std::fs::File;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process;

use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, fork, getpid, getppid, setsid};

use crate::platform;

/// The name of the process, which `pkill arrayfs` does not match.
const NAME: &CStr = c"fuse-watchdog";

/// Tells the process of the daemon's end. Nobody sends it for anything else: it
/// would end the daemon.
const DAEMON_ENDED: Signal = Signal::SIGUSR2;

/// A process that looks at a path when it is told to, and then stays to see to
/// it that the mount there ends with the daemon. It ends with this if it has
/// nothing to see to.
pub(super) struct Watchdog {
    process: Pid,
    /// `None` once it has been told.
    go: Option<PipeWriter>,
    answer: PipeReader,
    stays: bool,
}

impl Watchdog {
    /// Splits off a process that will look at `path`, and calls `let_go` there
    /// of what it must not keep open. This process must not have started a
    /// thread, and is watched by the one it has.
    ///
    /// # Errors
    ///
    /// When the system has no process or descriptor to give.
    pub(super) fn of(path: &Path, let_go: impl FnOnce()) -> io::Result<Watchdog> {
        let (told, go) = io::pipe()?;
        let (answer, told_back) = io::pipe()?;
        let daemon = getpid();
        // SAFETY: this is the only thread, so that the child finds no lock held
        // and may do all that this process could.
        match unsafe { fork() }? {
            ForkResult::Parent { child } => Ok(Watchdog {
                process: child,
                go: Some(go),
                answer,
                stays: false,
            }),
            ForkResult::Child => {
                drop((go, answer));
                platform::name_process(NAME);
                let_go();
                // Whoever asked may have died, which is nothing to report.
                let _ = attend(daemon, told, told_back, path);
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
        let mut answer = [0; 5];
        if let Some(mut go) = self.go.take() {
            go.write_all(&[0])?;
        }
        self.answer.read_exact(&mut answer)?;
        let [errno @ .., stays] = answer;
        self.stays = stays != 0;
        match i32::from_ne_bytes(errno) {
            0 => Ok(()),
            errno => Err(io::Error::from_raw_os_error(errno)),
        }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.go = None;
        while !self.stays && waitpid(self.process, None) == Err(nix::Error::EINTR) {}
    }
}

/// Ends a watchdog whose mount is not going to answer.
pub(super) fn give_up(process: Pid) {
    // It may have ended already.
    let _ = kill(process, Signal::SIGKILL);
}

/// What the process does: it looks at `path` when it is `told`, says what it
/// found, and if it can end the mount there, waits until that is due.
fn attend(
    daemon: Pid,
    mut told: PipeReader,
    mut told_back: PipeWriter,
    path: &Path,
) -> io::Result<()> {
    // What ends the daemon, or its process group, leaves this process to its task.
    SigSet::all().thread_block()?;
    setsid()?;
    let watches = platform::signal_at_end_of_parent(DAEMON_ENDED).is_ok();
    if getppid() != daemon {
        return Ok(());
    }
    told.read_exact(&mut [0])?;
    let (errno, switch) = match path.symlink_metadata() {
        Ok(root) => (0, platform::abort_switch(root.dev()).ok()),
        Err(error) => (error.raw_os_error().unwrap_or(nix::libc::EIO), None),
    };
    let switch = switch.filter(|_| watches);
    let [a, b, c, d] = errno.to_ne_bytes();
    told_back.write_all(&[a, b, c, d, u8::from(switch.is_some())])?;
    drop((told, told_back));
    switch.map_or(Ok(()), cut_off_at_end)
}

/// Waits for the end of the daemon, and lets nobody wait for it then. A mount
/// that has ended is none the worse for it.
fn cut_off_at_end(mut switch: File) -> io::Result<()> {
    SigSet::from(DAEMON_ENDED).wait()?;
    switch.write_all(b"1")
}
