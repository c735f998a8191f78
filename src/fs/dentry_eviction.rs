//! Keeping the kernel's cache of names short where names are without end: the
//! kernel is told to forget those looked up longest ago. From a thread of its
//! own, since it takes a lock that a look-up in the same directory holds until
//! it is answered.

use std::ffi::OsStr;
use std::io;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;

use fuser::{INodeNo, Notifier};

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

/// Has the kernel forget what `surplus` returns, a directory and a name in it, at each
/// ring until there is nothing more; until the waker is gone.
///
/// # Errors
///
/// When no thread can be started.
pub(super) fn start(
    surplus: impl Fn() -> Option<(u64, Box<str>)> + Send + 'static,
    wakes: Receiver<()>,
    notifier: Notifier,
) -> io::Result<()> {
    let work = move || {
        while wakes.recv().is_ok() {
            while let Some((directory, name)) = surplus() {
                forget_name(&notifier, directory, &name);
            }
        }
    };
    thread::Builder::new().name("names".into()).spawn(work)?;
    Ok(())
}

fn forget_name(notifier: &Notifier, directory: u64, name: &str) {
    // Names that the kernel has dropped itself are not found.
    if let Err(error) = notifier.inval_entry(INodeNo(directory), OsStr::new(name))
        && error.kind() != io::ErrorKind::NotFound
    {
        log::debug!("the kernel keeps the name {name:?}: {error}");
    }
}
