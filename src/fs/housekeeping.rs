//! Work that no request waits for: the eviction of dentries, and the end of scratch files that
//! nobody uses. Directories such as `slices/` have unlimited names, so the kernel is told to
//! forget the names least recently looked up. This needs a thread of its own: the notification
//! takes a directory lock, which a LOOKUP in the same directory holds until its reply.

use std::ffi::OsStr;
use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::Duration;

use fuser::{INodeNo, Notifier};

/// Wakes the housekeeping thread.
#[derive(Debug)]
pub(super) struct Waker(SyncSender<()>);

impl Waker {
    /// A waker, and the receiver of its wakes.
    pub(super) fn new() -> (Waker, Receiver<()>) {
        let (sender, wakes) = sync_channel(1);
        (Waker(sender), wakes)
    }

    /// Wakes the thread. Does not block.
    pub(super) fn wake(&self) {
        match self.0.try_send(()) {
            // A wake is pending already, or the thread has ended.
            Ok(()) | Err(TrySendError::Full(()) | TrySendError::Disconnected(())) => {}
        }
    }
}

/// Starts the housekeeping thread, which ends when the waker is dropped. At each wake it has the
/// kernel forget each directory and name that `next_excess_name` returns, until `None`. Then it
/// calls `expire`, and again after the time that this returns.
///
/// # Errors
///
/// When the thread cannot be started.
pub(super) fn start(
    next_excess_name: impl Fn() -> Option<(u64, Box<str>)> + Send + 'static,
    expire: impl Fn() -> Option<Duration> + Send + 'static,
    wakes: Receiver<()>,
    notifier: Notifier,
) -> io::Result<()> {
    let work = move || {
        let mut timeout = None;
        while is_due(&wakes, timeout) {
            while let Some((directory, name)) = next_excess_name() {
                forget_name(&notifier, directory, &name);
            }
            timeout = expire();
        }
    };
    thread::Builder::new()
        .name("housekeeping".into())
        .spawn(work)?;
    Ok(())
}

/// Waits for a wake, at most for `timeout`. False once the waker has been dropped.
fn is_due(wakes: &Receiver<()>, timeout: Option<Duration>) -> bool {
    let Some(timeout) = timeout else {
        return wakes.recv().is_ok();
    };
    let outcome = wakes.recv_timeout(timeout);
    !matches!(outcome, Err(RecvTimeoutError::Disconnected))
}

fn forget_name(notifier: &Notifier, directory: u64, name: &str) {
    // NotFound: the kernel has dropped the name itself.
    if let Err(error) = notifier.inval_entry(INodeNo(directory), OsStr::new(name))
        && error.kind() != io::ErrorKind::NotFound
    {
        log::debug!("cannot evict the name {name:?} from the kernel: {error}");
    }
}
