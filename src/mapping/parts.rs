//! Multi-threaded reads of scattered pieces. Such a read is bound by memory latency, and
//! each core waits for its own cache misses. This module splits the read and limits the
//! number of threads; `transfer` does the copying in each.

use std::iter;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use super::transfer::TransferBuffer;
use super::{AccessError, Mapping};
use crate::array::Layout;

/// The size of a CPU cache line, in bytes.
const CACHE_LINE: u64 = 64;

/// Cache lines per thread: fewer do not repay a thread, whose start and end take 30 to 70 us.
const LINES_PER_THREAD: u64 = 1 << 14;

/// The same for adjacent cache lines, which the processor fetches ahead.
const ADJACENT_LINES_PER_THREAD: u64 = 1 << 16;

/// The limit on threads that read scattered pieces, shared by all requests.
#[derive(Debug)]
pub(super) struct ThreadBudget {
    /// The limit. It counts the threads that run the requests themselves.
    max_threads: usize,
    /// Threads granted to permits.
    in_use: AtomicUsize,
}

impl ThreadBudget {
    /// A budget of `max_threads` threads, but no more than the process has cores.
    pub(super) fn new(max_threads: usize) -> ThreadBudget {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        ThreadBudget {
            max_threads: max_threads.min(cores),
            in_use: AtomicUsize::new(0),
        }
    }

    /// Takes up to `wanted` threads from the budget, until the permit is dropped. The permit
    /// has at least one thread, the caller's, even when none is free.
    pub(super) fn acquire(&self, wanted: usize) -> Permit<'_> {
        let order = Ordering::Relaxed;
        let mut in_use = self.in_use.load(order);
        loop {
            let free = self.max_threads.saturating_sub(in_use);
            let count = wanted.min(free).max(1);
            let taken = in_use + count;
            match self
                .in_use
                .compare_exchange_weak(in_use, taken, order, order)
            {
                Ok(_) => {
                    return Permit {
                        threads: self,
                        count,
                    };
                }
                Err(now) => in_use = now,
            }
        }
    }
}

/// Threads taken from a [`ThreadBudget`]; dropping the permit returns them.
pub(super) struct Permit<'a> {
    threads: &'a ThreadBudget,
    count: usize,
}

impl Permit<'_> {
    /// The number of threads, at least 1.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Runs `work` on each of `parts` in the permitted threads. Returns the results in the
    /// order of `parts`. If a thread cannot be spawned, the others do its share.
    pub(super) fn run_all<P: Send, R: Send>(
        &self,
        parts: Vec<P>,
        work: impl Fn(P) -> R + Sync,
    ) -> Vec<R> {
        let threads = self.count.min(parts.len());
        let done = Mutex::new(Vec::with_capacity(parts.len()));
        let left = Mutex::new(parts.into_iter().enumerate());
        let take = || lock(&left).next();
        let run_parts = || {
            while let Some((number, part)) = take() {
                let outcome = work(part);
                lock(&done).push((number, outcome));
            }
        };
        thread::scope(|scope| {
            for _ in 1..threads {
                let _ = thread::Builder::new().spawn_scoped(scope, run_parts);
            }
            run_parts();
        });
        let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        done.sort_unstable_by_key(|&(number, _)| number);
        done.into_iter().map(|(_, outcome)| outcome).collect()
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.threads.in_use.fetch_sub(self.count, Ordering::Relaxed);
    }
}

/// Locks a mutex, even if another thread panicked while holding it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Mapping {
    /// Reads `out.len()` bytes of `view`, starting at byte `at` of the view, in several
    /// threads if the bytes lie in enough cache lines. Returns the number of bytes before
    /// the first that could not be read.
    ///
    /// # Errors
    ///
    /// When the first byte could not be read.
    pub(super) fn read_in_parallel(
        &self,
        view: &Layout,
        at: u64,
        out: &mut [u8],
    ) -> Result<usize, AccessError> {
        let lines = view.cache_lines(out.len() as u64, CACHE_LINE).unwrap_or(0);
        let lines_each = match view.is_dense(CACHE_LINE) {
            true => ADJACENT_LINES_PER_THREAD,
            false => LINES_PER_THREAD,
        };
        if lines < 2 * lines_each {
            return self.transfer_in_bounds(view, at, TransferBuffer::Out(out));
        }
        let permit = self.threads.acquire((lines / lines_each) as usize);
        // Parts begin at piece boundaries, so that no element is read by two threads.
        let block = view.block() as usize;
        let each = out.len().div_ceil(permit.count).next_multiple_of(block);
        let first = each - (at % view.block()) as usize;
        let (first, others) = out.split_at_mut(first.min(out.len()));
        let mut next = at;
        let parts = iter::once(first).chain(others.chunks_mut(each));
        let parts = parts.map(|part| {
            let start = next;
            next += part.len() as u64;
            (start, part)
        });
        let outcomes = permit.run_all(parts.collect(), |(start, part)| {
            let len = part.len();
            (
                len,
                self.transfer_in_bounds(view, start, TransferBuffer::Out(part)),
            )
        });
        let mut done = 0;
        for (len, outcome) in outcomes {
            let whole = done + len;
            match outcome {
                Ok(count) => done += count,
                Err(error) if done == 0 => return Err(error),
                Err(_) => break,
            }
            if done < whole {
                break;
            }
        }
        Ok(done)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::unix::fs::FileExt;

    use super::*;
    use crate::array::{Order, Shape, View};
    use crate::dtype::DType;
    use crate::mapping::{BackingFile, Mode};

    const ROWS: u64 = 40_000;

    /// A mapped array of `ROWS` by 100 elements of 3 bytes, at offset 7 of its file.
    fn array(threads: usize) -> (View, Vec<u8>, File, Mapping) {
        let dtype = DType::parse("V3").unwrap();
        let shape = Shape::new(vec![ROWS, 100]);
        let array = View::contiguous(dtype, 7, shape, Order::C).unwrap();
        let backing = tempfile::NamedTempFile::new().unwrap();
        let content: Vec<u8> = (0..7 + array.nbytes()).map(|k| (k % 253) as u8).collect();
        std::fs::write(backing.path(), &content).unwrap();
        let file = backing.reopen().unwrap();
        let opened = BackingFile::open(backing.path(), Mode::ReadWrite).unwrap();
        let mut mapping = Mapping::new(opened, &array.extent()).unwrap().0;
        mapping.read_by_several(threads);
        (array, content, file, mapping)
    }

    #[test]
    fn several_threads_read_the_bytes_that_one_reads() {
        let (array, content, _file, mapping) = array(4);
        let column = array.take(1, 33).unwrap().layout();
        let place = |at: u64| (7 + at / 3 * 300 + 99 + at % 3) as usize;
        for range in [0..3 * ROWS, 1..3 * ROWS, 5..3 * ROWS - 4, 2..3 * ROWS - 1] {
            let expected: Vec<u8> = range.clone().map(|at| content[place(at)]).collect();
            let mut out = vec![0; expected.len()];
            assert!(
                column.cache_lines(out.len() as u64, CACHE_LINE).unwrap() > 2 * LINES_PER_THREAD
            );
            let read = mapping.read(&column, range.start, &mut out).unwrap();
            assert_eq!(read, expected.len());
            assert!(out == expected, "{range:?}");
        }
    }

    #[test]
    fn a_read_by_several_threads_ends_at_the_first_missing_byte() {
        let (array, content, file, mapping) = array(4);
        let column = array.take(1, 33).unwrap().layout();
        let mut out = vec![0; 3 * ROWS as usize];
        // Truncated in the first, a middle and the last part, and before all of them.
        for row in [0, 1, 9_999, 20_000, 25_001, 39_999] {
            let cut = 7 + row * 300 + 99 + 1;
            file.set_len(cut).unwrap();
            let read = mapping.read(&column, 0, &mut out).unwrap();
            assert_eq!(read as u64, row * 3 + 1);
            file.set_len(cut - 1).unwrap();
            match (row, mapping.read(&column, 0, &mut out)) {
                (0, read) => assert!(matches!(read, Err(AccessError::Shrunk { .. }))),
                (row, read) => assert_eq!(read.unwrap() as u64, row * 3),
            }
            file.write_all_at(&content, 0).unwrap();
        }
    }

    #[test]
    fn permits_share_the_budget_and_have_at_least_one_thread() {
        let threads = ThreadBudget {
            max_threads: 4,
            in_use: AtomicUsize::new(0),
        };
        let first = threads.acquire(3);
        let second = threads.acquire(3);
        let third = threads.acquire(3);
        assert_eq!((first.count, second.count, third.count), (3, 1, 1));
        drop((first, third));
        assert_eq!(threads.acquire(9).count, 3);
        drop(second);
        assert_eq!(threads.acquire(9).count, 4);
    }
}
