//! System calls with a time limit. A call on a mount whose daemon is stopped, or waits for
//! storage, blocks without limit. What to do after a timeout is left to the caller.

use std::io;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Runs `call` in a thread of its own. Returns its result, or `None` after `limit`. The thread
/// has ended on return, unless the time limit was exceeded.
///
/// # Errors
///
/// When the thread cannot be started.
pub(super) fn within<T: Send + 'static>(
    limit: Duration,
    call: impl FnOnce() -> T + Send + 'static,
) -> io::Result<Option<T>> {
    let (sender, receiver) = mpsc::channel();
    let thread = thread::Builder::new().spawn(move || {
        // After a timeout there is no receiver.
        let _ = sender.send(call());
    })?;
    let result = receiver.recv_timeout(limit).ok();
    if result.is_some() {
        // fork() needs a single-threaded process.
        let _ = thread.join();
    }
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_returned_unless_the_limit_is_exceeded() {
        let soon = within(Duration::from_secs(60), || 5).unwrap();
        assert_eq!(soon, Some(5));
        let (_sender, receiver) = mpsc::channel::<()>();
        let never = within(Duration::from_millis(1), move || receiver.recv()).unwrap();
        assert_eq!(never, None);
    }
}
