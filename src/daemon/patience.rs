//! Asking a file system that may not answer, for as long as that can take: a mount whose
//! daemon is stopped, or waits for its disk, would hold up whoever looks at it.

use std::io;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// What `ask` returns, or `None` if that takes longer than `patience`. No thread is
/// left of it unless it took too long.
///
/// # Errors
///
/// When the system has no thread to give.
pub(super) fn within<T: Send + 'static>(
    patience: Duration,
    ask: impl FnOnce() -> T + Send + 'static,
) -> io::Result<Option<T>> {
    let (sender, answer) = mpsc::channel();
    let asking = thread::Builder::new().spawn(move || {
        // Nobody waits any longer if it took too long.
        let _ = sender.send(ask());
    })?;
    let answer = answer.recv_timeout(patience).ok();
    if answer.is_some() {
        // It has only to end, which a process that is about to split waits for.
        let _ = asking.join();
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_waited_for_and_silence_is_not() {
        let soon = within(Duration::from_secs(60), || 5).unwrap();
        assert_eq!(soon, Some(5));
        let (_kept, silent) = mpsc::channel::<()>();
        let never = within(Duration::from_millis(1), move || silent.recv()).unwrap();
        assert_eq!(never, None);
    }
}
