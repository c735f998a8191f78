//! The events that the main thread waits for, and the thread that turns signals into events.
//! Reacting to events is the business of `mounted`.

use std::io;
use std::sync::mpsc::Sender;
use std::thread;

use nix::sys::signal::{SigSet, Signal};

use super::{background, verbosity};

/// An event for the main thread.
#[derive(Debug)]
pub(super) enum Event {
    /// The watchdog's first `stat` of the mounted root has returned.
    Answered(io::Result<()>),
    /// The FUSE session has ended: the file system is unmounted, or its workers failed.
    Ended,
    /// A signal that requests unmounting.
    Signal(Signal),
}

/// Blocks termination signals in this thread and in the threads that it will start, and starts a
/// thread that sends those that request unmounting as events. SIGUSR1 changes the log level.
/// Must be called before any other thread is started.
///
/// # Errors
///
/// When the thread cannot be started.
pub(super) fn listen(events: Sender<Event>, foreground: bool) -> io::Result<()> {
    let termination = [
        Signal::SIGTERM,
        Signal::SIGINT,
        Signal::SIGHUP,
        Signal::SIGUSR1,
    ];
    let mut blocked = SigSet::from_iter(termination);
    // With SIGXFSZ blocked, exceeding the file size limit is only EFBIG.
    blocked.add(Signal::SIGXFSZ);
    blocked.thread_block()?;
    // A blocked signal that no thread waits for is in effect ignored.
    let handled = termination
        .into_iter()
        .filter(|&signal| is_handled(signal, foreground));
    let handled = SigSet::from_iter(handled);
    let receive = move || {
        loop {
            match handled.wait() {
                Ok(Signal::SIGUSR1) => verbosity::cycle(),
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

/// Whether a signal is acted on. Signals of a terminal (SIGHUP, SIGINT) concern only a
/// foreground process, and not one that was started with them ignored. A daemon acts on SIGINT
/// all the same, since only an explicit `kill` can send it.
fn is_handled(signal: Signal, foreground: bool) -> bool {
    match signal {
        Signal::SIGTERM | Signal::SIGUSR1 => true,
        Signal::SIGHUP if !foreground => false,
        _ => !foreground || !background::was_ignored(signal),
    }
}
