//! Eviction of dentries. Directories such as `slices/` have unlimited names, so the kernel is
//! told to forget the names least recently looked up. This needs a thread of its own: the
//! notification takes a directory lock, which a LOOKUP in the same directory holds until its
//! reply.

use std::ffi::OsStr;
use std::io;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;

use fuser::{INodeNo, Notifier};

/// Wakes the eviction thread.
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

/// Starts the eviction thread, which ends when the waker is dropped. At each wake it has the
/// kernel forget each directory and name that `next_excess_name` returns, until `None`.
///
/// # Errors
///
/// When the thread cannot be started.
pub(super) fn start(
    next_excess_name: impl Fn() -> Option<(u64, Box<str>)> + Send + 'static,
    wakes: Receiver<()>,
    notifier: Notifier,
) -> io::Result<()> {
    let work = move || {
        while wakes.recv().is_ok() {
            while let Some((directory, name)) = next_excess_name() {
                forget_name(&notifier, directory, &name);
            }
        }
    };
    thread::Builder::new().name("names".into()).spawn(work)?;
    Ok(())
}

fn forget_name(notifier: &Notifier, directory: u64, name: &str) {
    // NotFound: the kernel has dropped the name itself.
    if let Err(error) = notifier.inval_entry(INodeNo(directory), OsStr::new(name))
        && error.kind() != io::ErrorKind::NotFound
    {
        log::debug!("cannot evict the name {name:?} from the kernel: {error}");
    }
}
