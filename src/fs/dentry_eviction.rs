//! Keeping the kernel's cache of names short where names are without end: the
//! kernel is told to forget those looked up longest ago. From a thread of its
//! own, since it takes a lock that a look-up in the same directory holds until
//! it is answered.

use std::ffi::OsStr;
use std::io;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Weak};
use std::thread;

use fuser::{INodeNo, Notifier};

use super::operations::ArrayFs;

/// Says that there may be names to forget.
#[derive(Debug)]
pub(super) struct Waker(SyncSender<()>);

impl Waker {
    /// A waker, and the end at which it is heard.
    pub(super) fn new() -> (Waker, Receiver<()>) {
        let (sender, wakes) = sync_channel(1);
        (Waker(sender), wakes)
    }

    /// Rings, without waiting.
    pub(super) fn wake(&self) {
        match self.0.try_send(()) {
            // It is ringing already, or nobody listens.
            Ok(()) | Err(TrySendError::Full(()) | TrySendError::Disconnected(())) => {}
        }
    }
}

/// Has the kernel forget surplus names of `fs` at each ring, until the waker is
/// gone.
///
/// # Errors
///
/// When no thread can be started.
pub(super) fn start(fs: &Arc<ArrayFs>, wakes: Receiver<()>, notifier: Notifier) -> io::Result<()> {
    let fs = Arc::downgrade(fs);
    let work = move || {
        while wakes.recv().is_ok() && evict(&fs, &notifier) {}
    };
    thread::Builder::new().name("names".into()).spawn(work)?;
    Ok(())
}

/// Returns whether there is a file system yet.
fn evict(fs: &Weak<ArrayFs>, notifier: &Notifier) -> bool {
    while let Some(fs) = fs.upgrade() {
        let Some((directory, name)) = fs.pop_excess_name() else {
            return true;
        };
        // The mount may end while this waits for the kernel.
        drop(fs);
        // Names that the kernel has dropped itself are not found.
        let forgotten = notifier.inval_entry(INodeNo(directory), OsStr::new(&*name));
        if let Err(error) = forgotten
            && error.kind() != io::ErrorKind::NotFound
        {
            log::debug!("the kernel keeps the name {name:?}: {error}");
        }
    }
    false
}
