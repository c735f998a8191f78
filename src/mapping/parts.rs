//! Reading many scattered pieces by several threads at once. Each piece is a wait
//! for memory, and cores wait for theirs at the same time. What each thread does
//! is `transfer`'s business.

use std::iter;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use super::transfer::TransferBuffer;
use super::{AccessError, Mapping};
use crate::array::Layout;

/// The bytes that come from memory together.
const LINE: u64 = 64;

/// How many lines are worth a thread, which takes some 30 us to start and end.
const WORTH: u64 = 1 << 14;

/// The threads that read scattered pieces.
#[derive(Debug)]
pub(super) struct ThreadBudget {
    /// How many there are to be, those that the requests come on included.
    most: usize,
    /// How many there are.
    at_work: AtomicUsize,
}

impl ThreadBudget {
    /// At most `most` threads, and no more than there are cores to run on.
    pub(super) fn new(most: usize) -> ThreadBudget {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        ThreadBudget {
            most: most.min(cores),
            at_work: AtomicUsize::new(0),
        }
    }

    /// Has up to `wanted` threads come to work, as many as are free, but one in
    /// any case.
    pub(super) fn acquire(&self, wanted: usize) -> Permit<'_> {
        let count = |at_work: usize| wanted.min(self.most.saturating_sub(at_work)).max(1);
        let before = self
            .at_work
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |at_work| {
                Some(at_work + count(at_work))
            });
        let count = count(before.unwrap_or_else(|at_work| at_work));
        Permit {
            threads: self,
            count,
        }
    }
}

/// Threads at work, until this is dropped.
pub(super) struct Permit<'a> {
    threads: &'a ThreadBudget,
    count: usize,
}

impl Permit<'_> {
    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Has them do `work` on each of `parts`, and returns what came of it, in order.
    /// Where threads cannot be had those that can do all of it.
    pub(super) fn share<P: Send, R: Send>(
        &self,
        parts: Vec<P>,
        work: impl Fn(P) -> R + Sync,
    ) -> Vec<R> {
        let threads = self.count.min(parts.len());
        let done = Mutex::new(Vec::with_capacity(parts.len()));
        let left = Mutex::new(parts.into_iter().enumerate());
        let next = || held(&left).next();
        let go_on = || {
            while let Some((number, part)) = next() {
                let outcome = work(part);
                held(&done).push((number, outcome));
            }
        };
        thread::scope(|scope| {
            for _ in 1..threads {
                let _ = thread::Builder::new().spawn_scoped(scope, go_on);
            }
            go_on();
        });
        let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        done.sort_unstable_by_key(|&(number, _)| number);
        done.into_iter().map(|(_, outcome)| outcome).collect()
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.threads
            .at_work
            .fetch_sub(self.count, Ordering::Relaxed);
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Mapping {
    /// Reads the bytes of `view` from byte `at` of it, and returns how many came
    /// before the first that could not be read.
    ///
    /// # Errors
    ///
    /// When not even the first byte could be read.
    pub(super) fn read_in_parts(
        &self,
        view: &Layout,
        at: u64,
        out: &mut [u8],
    ) -> Result<usize, AccessError> {
        let lines = view.cache_lines(out.len() as u64, LINE).unwrap_or(0);
        if lines < 2 * WORTH {
            return self.transfer_in_bounds(view, at, TransferBuffer::Out(out));
        }
        let permit = self.threads.acquire((lines / WORTH) as usize);
        // Parts begin where pieces do, so that no element is read by two.
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
        let outcomes = permit.share(parts.collect(), |(start, part)| {
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

    /// A mapped array of `ROWS` rows of 100 elements of 3 bytes, 7 bytes into its file.
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
    fn several_threads_read_what_one_reads() {
        let (array, content, _file, mapping) = array(4);
        let column = array.take(1, 33).unwrap().layout();
        let place = |at: u64| (7 + at / 3 * 300 + 99 + at % 3) as usize;
        for range in [0..3 * ROWS, 1..3 * ROWS, 5..3 * ROWS - 4, 2..3 * ROWS - 1] {
            let expected: Vec<u8> = range.clone().map(|at| content[place(at)]).collect();
            let mut out = vec![0; expected.len()];
            assert!(column.cache_lines(out.len() as u64, LINE).unwrap() > 2 * WORTH);
            let read = mapping.read(&column, range.start, &mut out).unwrap();
            assert_eq!(read, expected.len());
            assert!(out == expected, "{range:?}");
        }
    }

    #[test]
    fn what_several_threads_read_ends_at_the_first_byte_that_is_not_there() {
        let (array, content, file, mapping) = array(4);
        let column = array.take(1, 33).unwrap().layout();
        let mut out = vec![0; 3 * ROWS as usize];
        // In the first, the middle and the last part, and before all of them.
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
    fn threads_that_are_at_work_are_not_to_be_had_again() {
        let threads = ThreadBudget {
            most: 4,
            at_work: AtomicUsize::new(0),
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
