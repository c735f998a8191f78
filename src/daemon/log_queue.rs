//! Lines on their way to the log. Whoever logs puts them into a bounded queue, and one
//! thread writes them, so that a log that nobody reads holds up no request. What does not
//! fit is counted, and the log says so once it is read again.

use std::io::{self, Write};
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How many bytes wait to be written at most.
const CAPACITY: usize = 1 << 20;

/// A pipe takes as many bytes without the words of others in between (`PIPE_BUF`).
const ATOMIC: usize = 4096;

/// How long the end of the process is put off at most for what waits to be written.
const PATIENCE: Duration = Duration::from_millis(500);

/// A writer that never waits once its thread has been [started](LogQueue::start). Until
/// then it writes at once: there may be no thread before the process has gone into the
/// background.
#[derive(Clone)]
pub(super) struct LogQueue(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// `None` while the thread has it.
    log: Option<Box<dyn Write + Send>>,
    is_started: bool,
    /// Whole lines.
    waiting: Vec<u8>,
    /// How many lines did not fit.
    lost: u64,
}

impl LogQueue {
    /// A queue of what is to be written to `log`.
    pub(super) fn new(log: Box<dyn Write + Send>) -> LogQueue {
        LogQueue(Arc::new(Shared {
            state: Mutex::new(State {
                log: Some(log),
                is_started: false,
                waiting: Vec::new(),
                lost: 0,
            }),
            changed: Condvar::new(),
        }))
    }

    /// Starts the thread that writes.
    ///
    /// # Errors
    ///
    /// When there is none to be had.
    pub(super) fn start(&self) -> io::Result<()> {
        let queue = self.clone();
        let write = move || queue.write_all_that_comes();
        thread::Builder::new().name("log".into()).spawn(write)?;
        self.state().is_started = true;
        Ok(())
    }

    /// Flushes the log itself: a file that nothing has been written to is created by that.
    pub(super) fn create(&self) {
        // Where it cannot be created, neither can lines be written, which are then counted.
        if let Some(log) = &mut self.state().log {
            let _ = log.flush();
        }
    }

    /// Waits until everything is written, but not for a log that nobody reads.
    pub(super) fn drain(&self) {
        let start = Instant::now();
        let mut state = self.state();
        while state.is_started && (state.log.is_none() || !state.waiting.is_empty()) {
            let rest = PATIENCE.saturating_sub(start.elapsed());
            if rest.is_zero() {
                return;
            }
            let waited = self.0.changed.wait_timeout(state, rest);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_all_that_comes(&self) {
        loop {
            let (mut log, lines) = self.next();
            let mut failed = 0;
            for piece in pieces(&lines) {
                if log.write_all(piece).is_err() {
                    failed += piece.iter().filter(|&&byte| byte == b'\n').count() as u64;
                }
            }
            let lost = {
                let mut state = self.state();
                state.log = Some(log);
                state.lost += failed;
                self.0.changed.notify_all();
                // There has to be room for the number.
                match state.waiting.is_empty() && failed == 0 {
                    true => mem::take(&mut state.lost),
                    false => 0,
                }
            };
            if lost > 0 {
                log::warn!("{lost} lines of the log were lost: it took no more");
            }
        }
    }

    /// The log, and the lines that wait, once there are some.
    fn next(&self) -> (Box<dyn Write + Send>, Vec<u8>) {
        let mut state = self.state();
        loop {
            if !state.waiting.is_empty()
                && let Some(log) = state.log.take()
            {
                return (log, mem::take(&mut state.waiting));
            }
            let woken = self.0.changed.wait(state);
            state = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Write for LogQueue {
    /// Takes a whole line, or as good as takes it.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut state = self.state();
        if !state.is_started {
            return match &mut state.log {
                Some(log) => log.write(line),
                None => Ok(line.len()),
            };
        }
        if state.waiting.len() + line.len() > CAPACITY {
            state.lost += 1;
        } else {
            state.waiting.extend_from_slice(line);
            self.0.changed.notify_all();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Cuts lines into pieces that end with a line and are as long as a pipe takes at once,
/// or one longer line.
fn pieces(lines: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = lines;
    std::iter::from_fn(move || {
        let is_end = |byte: &u8| *byte == b'\n';
        let start = &rest[..rest.len().min(ATOMIC)];
        let end = start.iter().rposition(is_end);
        let end = end.or_else(|| rest.iter().position(is_end));
        let (piece, others) = rest.split_at(end.map_or(rest.len(), |end| end + 1));
        rest = others;
        (!piece.is_empty()).then_some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_whole_lines_that_a_pipe_takes_at_once() {
        let line = |length: usize| [vec![b'x'; length - 1], vec![b'\n']].concat();
        for (lengths, expected) in [
            (&[][..], &[][..]),
            (&[5, 6], &[11]),
            (&[4000, 96, 1], &[4096, 1]),
            (&[4000, 97], &[4000, 97]),
            (&[5000, 3], &[5000, 3]),
        ] {
            let lines: Vec<u8> = lengths.iter().flat_map(|&length| line(length)).collect();
            let found: Vec<&[u8]> = pieces(&lines).collect();
            let sizes: Vec<usize> = found.iter().map(|piece| piece.len()).collect();
            assert_eq!(sizes, expected);
            assert_eq!(found.concat(), lines);
        }
        assert_eq!(pieces(b"cut").collect::<Vec<_>>(), [b"cut"]);
    }
}
