//! A watchdog process, which aborts the FUSE connection when the daemon exits. Without it a
//! killed daemon can hang: a thread that waits for a request to its own mount keeps `/dev/fuse`
//! open, for instance in the write-back of a page before its invalidation. The watchdog also
//! makes the first `stat` of the mounted root, which the daemon must not make itself.

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

/// The name of the process. `pkill arrayfs` must not match it.
const NAME: &CStr = c"fuse-watchdog";

/// The parent-death signal of the watchdog. Nobody sends SIGUSR2 for another purpose, since it
/// would terminate the daemon.
const DAEMON_EXITED: Signal = Signal::SIGUSR2;

/// The daemon's handle of the watchdog process. Dropping it before [`stat_root`](Self::stat_root),
/// or where the watchdog cannot abort the connection, waits for the process to exit. Otherwise
/// the process lives as long as the daemon.
pub(super) struct Watchdog {
    process: Pid,
    /// `None` once the request for `stat` has been sent.
    request: Option<PipeWriter>,
    /// Receives the errno of `stat`, and whether the process stays.
    reply: PipeReader,
    stays: bool,
}

impl Watchdog {
    /// Forks a watchdog for the mount that will be at `path`. The child calls
    /// `close_inherited`, which closes what it must not keep open. The process must be
    /// single-threaded. The calling thread must live as long as the daemon, since its exit
    /// raises the parent-death signal.
    ///
    /// # Errors
    ///
    /// When `pipe` or `fork` fails.
    pub(super) fn spawn(path: &Path, close_inherited: impl FnOnce()) -> io::Result<Watchdog> {
        let (request, request_writer) = io::pipe()?;
        let (reply_reader, reply) = io::pipe()?;
        let daemon = getpid();
        // SAFETY: the process is single-threaded. So no lock is held in the child, and it may
        // call any function, not only async-signal-safe ones.
        match unsafe { fork() }? {
            ForkResult::Parent { child } => Ok(Watchdog {
                process: child,
                request: Some(request_writer),
                reply: reply_reader,
                stays: false,
            }),
            ForkResult::Child => {
                drop((request_writer, reply_reader));
                platform::name_process(NAME);
                close_inherited();
                // It fails if the daemon has died, which needs no report.
                let _ = watch(daemon, request, reply, path);
                process::exit(0)
            }
        }
    }

    /// The process ID, for [`kill_process`].
    pub(super) fn process(&self) -> Pid {
        self.process
    }

    /// Has the watchdog `stat` the path, and waits for the result.
    ///
    /// # Errors
    ///
    /// When `stat` fails; `UnexpectedEof` when the watchdog was killed.
    pub(super) fn stat_root(&mut self) -> io::Result<()> {
        let mut reply = [0; 5];
        if let Some(mut request) = self.request.take() {
            request.write_all(&[0])?;
        }
        self.reply.read_exact(&mut reply)?;
        let [errno @ .., stays] = reply;
        self.stays = stays != 0;
        match i32::from_ne_bytes(errno) {
            0 => Ok(()),
            errno => Err(io::Error::from_raw_os_error(errno)),
        }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.request = None;
        while !self.stays && waitpid(self.process, None) == Err(nix::Error::EINTR) {}
    }
}

/// Kills a watchdog whose `stat` will not return.
pub(super) fn kill_process(process: Pid) {
    // It may have exited already.
    let _ = kill(process, Signal::SIGKILL);
}

/// The watchdog process: answers one `request` with the result of `stat` of `path`. Then it waits
/// for the exit of the daemon, if it can abort the connection of the mount there.
fn watch(
    daemon: Pid,
    mut request: PipeReader,
    mut reply: PipeWriter,
    path: &Path,
) -> io::Result<()> {
    // Signals to the process group of the daemon must not terminate the watchdog.
    SigSet::all().thread_block()?;
    setsid()?;
    let has_death_signal = platform::signal_at_end_of_parent(DAEMON_EXITED).is_ok();
    if getppid() != daemon {
        return Ok(());
    }
    request.read_exact(&mut [0])?;
    let (errno, switch) = match path.symlink_metadata() {
        Ok(root) => (0, platform::abort_switch(root.dev()).ok()),
        Err(error) => (error.raw_os_error().unwrap_or(nix::libc::EIO), None),
    };
    let switch = switch.filter(|_| has_death_signal);
    let [a, b, c, d] = errno.to_ne_bytes();
    reply.write_all(&[a, b, c, d, u8::from(switch.is_some())])?;
    drop((request, reply));
    switch.map_or(Ok(()), abort_at_exit)
}

/// Waits for the exit of the daemon, then aborts the connection, which ends all waiting calls. If
/// the file system has been unmounted, this has no effect.
fn abort_at_exit(mut switch: File) -> io::Result<()> {
    SigSet::from(DAEMON_EXITED).wait()?;
    switch.write_all(b"1")
}
