//! What the main thread waits for: a signal to end, or the end itself.

use std::io;
use std::sync::mpsc::Sender;
use std::thread;

use nix::sys::signal::{SigSet, Signal};

/// Something that the main thread has to react to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// The mount is gone.
    Ended,
    /// SIGTERM, SIGINT or SIGHUP.
    Signal(Signal),
}

/// Blocks the signals that end a daemon, for this thread and all that it will
/// start, and sends them as events. To be called before any other thread is started.
///
/// # Errors
///
/// When no thread can be started.
pub(super) fn listen(events: Sender<Event>) -> io::Result<()> {
    let signals = SigSet::from_iter([Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP]);
    signals.thread_block()?;
    let receive = move || {
        loop {
            match signals.wait() {
                Ok(signal) if events.send(Event::Signal(signal)).is_ok() => {}
                Err(nix::Error::EINTR) => {}
                _ => return,
            }
        }
    };
    thread::Builder::new()
        .name("signals".into())
        .spawn(receive)?;
    Ok(())
}
