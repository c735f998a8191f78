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
pub(super) struct Bell(SyncSender<()>);

impl Bell {
    /// A bell, and the end at which it is heard.
    pub(super) fn new() -> (Bell, Receiver<()>) {
        let (sender, rings) = sync_channel(1);
        (Bell(sender), rings)
    }

    /// Rings, without waiting.
    pub(super) fn ring(&self) {
        match self.0.try_send(()) {
            // It is ringing already, or nobody listens.
            Ok(()) | Err(TrySendError::Full(()) | TrySendError::Disconnected(())) => {}
        }
    }
}

/// Has the kernel forget surplus names of `fs` at each ring, until the bell is
/// gone.
///
/// # Errors
///
/// When no thread can be started.
pub(super) fn forget(fs: &Arc<ArrayFs>, rings: Receiver<()>, notifier: Notifier) -> io::Result<()> {
    let fs = Arc::downgrade(fs);
    let work = move || {
        while rings.recv().is_ok() && forget_now(&fs, &notifier) {}
    };
    thread::Builder::new().name("names".into()).spawn(work)?;
    Ok(())
}

/// Returns whether there is a file system yet.
fn forget_now(fs: &Weak<ArrayFs>, notifier: &Notifier) -> bool {
    while let Some(fs) = fs.upgrade() {
        let Some((directory, name)) = fs.surplus_name() else {
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
