//! A bounded queue of log lines with one writer thread, so that a blocked log delays no FUSE
//! request. Lines that do not fit are dropped and counted; the count is logged once the log can
//! be written again. The destination of the log is the business of `logging`.

use std::io::{self, Write};
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// The most bytes in the queue.
const CAPACITY: usize = 1 << 20;

/// Writes of up to this many bytes to a pipe are atomic (`PIPE_BUF`).
const ATOMIC_WRITE: usize = 4096;

/// The time limit for writing the queue when the process exits.
const DRAIN_TIMEOUT: Duration = Duration::from_millis(500);

/// A writer that never blocks once its thread has been [started](LogQueue::start). Before that
/// it writes synchronously, since there must be no thread before the process forks.
#[derive(Clone)]
pub(super) struct LogQueue(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// `None` while the thread writes to it.
    log: Option<Box<dyn Write + Send>>,
    is_started: bool,
    /// The queue: complete lines.
    queued: Vec<u8>,
    /// The number of dropped lines that have not been reported.
    dropped: u64,
}

impl LogQueue {
    /// An empty queue in front of `log`.
    pub(super) fn new(log: Box<dyn Write + Send>) -> LogQueue {
        LogQueue(Arc::new(Shared {
            state: Mutex::new(State {
                log: Some(log),
                is_started: false,
                queued: Vec::new(),
                dropped: 0,
            }),
            changed: Condvar::new(),
        }))
    }

    /// Starts the writer thread.
    ///
    /// # Errors
    ///
    /// When the thread cannot be started.
    pub(super) fn start(&self) -> io::Result<()> {
        let queue = self.clone();
        let write = move || queue.write_forever();
        thread::Builder::new().name("log".into()).spawn(write)?;
        self.state().is_started = true;
        Ok(())
    }

    /// Flushes the underlying log, which opens a log file that is not open yet.
    ///
    /// # Errors
    ///
    /// When it cannot be opened.
    pub(super) fn open(&self) -> io::Result<()> {
        match &mut self.state().log {
            Some(log) => log.flush(),
            // The thread is writing, and has opened it.
            None => Ok(()),
        }
    }

    /// Waits until the queue has been written, for at most [`DRAIN_TIMEOUT`].
    pub(super) fn drain(&self) {
        let start = Instant::now();
        let mut state = self.state();
        while state.is_started && (state.log.is_none() || !state.queued.is_empty()) {
            let remaining = DRAIN_TIMEOUT.saturating_sub(start.elapsed());
            if remaining.is_zero() {
                return;
            }
            let waited = self.0.changed.wait_timeout(state, remaining);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_forever(&self) {
        loop {
            let (mut log, lines) = self.take_lines();
            let mut failed = 0;
            for chunk in chunks(&lines) {
                if log.write_all(chunk).is_err() {
                    failed += chunk.iter().filter(|&&byte| byte == b'\n').count() as u64;
                }
            }
            let dropped = {
                let mut state = self.state();
                state.log = Some(log);
                state.dropped += failed;
                self.0.changed.notify_all();
                // The report itself must not be dropped.
                match state.queued.is_empty() && failed == 0 {
                    true => mem::take(&mut state.dropped),
                    false => 0,
                }
            };
            if dropped > 0 {
                log::warn!("{dropped} lines of the log were lost: the log could not be written");
            }
        }
    }

    /// Waits until there are lines. Takes the log and all queued lines.
    fn take_lines(&self) -> (Box<dyn Write + Send>, Vec<u8>) {
        let mut state = self.state();
        loop {
            if !state.queued.is_empty()
                && let Some(log) = state.log.take()
            {
                return (log, mem::take(&mut state.queued));
            }
            let woken = self.0.changed.wait(state);
            state = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Write for LogQueue {
    /// Queues a complete line, or drops and counts it if the queue is full.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut state = self.state();
        if !state.is_started {
            return match &mut state.log {
                Some(log) => log.write(line),
                None => Ok(line.len()),
            };
        }
        if state.queued.len() + line.len() > CAPACITY {
            state.dropped += 1;
        } else {
            state.queued.extend_from_slice(line);
            self.0.changed.notify_all();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Cuts lines into chunks of complete lines, each at most [`ATOMIC_WRITE`] bytes or one longer
/// line.
fn chunks(lines: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = lines;
    std::iter::from_fn(move || {
        let is_end = |byte: &u8| *byte == b'\n';
        let start = &rest[..rest.len().min(ATOMIC_WRITE)];
        let end = start.iter().rposition(is_end);
        let end = end.or_else(|| rest.iter().position(is_end));
        let (chunk, tail) = rest.split_at(end.map_or(rest.len(), |end| end + 1));
        rest = tail;
        (!chunk.is_empty()).then_some(chunk)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_complete_lines_of_atomic_size() {
        let line = |length: usize| [vec![b'x'; length - 1], vec![b'\n']].concat();
        for (lengths, expected) in [
            (&[][..], &[][..]),
            (&[5, 6], &[11]),
            (&[4000, 96, 1], &[4096, 1]),
            (&[4000, 97], &[4000, 97]),
            (&[5000, 3], &[5000, 3]),
        ] {
            let lines: Vec<u8> = lengths.iter().flat_map(|&length| line(length)).collect();
            let found: Vec<&[u8]> = chunks(&lines).collect();
            let sizes: Vec<usize> = found.iter().map(|chunk| chunk.len()).collect();
            assert_eq!(sizes, expected);
            assert_eq!(found.concat(), lines);
        }
        assert_eq!(chunks(b"cut").collect::<Vec<_>>(), [b"cut"]);
    }
}
