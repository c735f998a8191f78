//! What the main thread waits for: an answer of the mount, a signal to end, or
//! the end itself.

use std::io;
use std::sync::mpsc::Sender;
use std::thread;

use nix::sys::signal::{SigSet, Signal};

use super::{background, verbosity};

/// Something that the main thread has to react to.
#[derive(Debug)]
pub(super) enum Event {
    /// The mount point has been looked at, now that the array is mounted.
    Answered(io::Result<()>),
    /// The mount is gone.
    Ended,
    /// A signal that asks for the end.
    Signal(Signal),
}

/// Blocks the signals that end a process, for this thread and all that it will
/// start, and sends those that ask for the end of the mount as events. To be
/// called before any other thread is started.
///
/// # Errors
///
/// When no thread can be started.
pub(super) fn listen(events: Sender<Event>, foreground: bool) -> io::Result<()> {
    let all = [
        Signal::SIGTERM,
        Signal::SIGINT,
        Signal::SIGHUP,
        Signal::SIGUSR1,
    ];
    let mut blocked = SigSet::from_iter(all);
    // A file that would become too long is an error of the call.
    blocked.add(Signal::SIGXFSZ);
    blocked.thread_block()?;
    // One that is blocked and not waited for is as good as ignored.
    let wanted = all
        .into_iter()
        .filter(|&signal| is_heard(signal, foreground));
    let signals = SigSet::from_iter(wanted);
    let receive = move || {
        loop {
            match signals.wait() {
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

/// Whether a signal is heard: a terminal that closes or interrupts its
/// programs does not concern those in the background, whoever put them there.
fn is_heard(signal: Signal, foreground: bool) -> bool {
    match signal {
        Signal::SIGTERM | Signal::SIGUSR1 => true,
        Signal::SIGHUP if !foreground => false,
        _ => !foreground || !background::was_ignored(signal),
    }
}
