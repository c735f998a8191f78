//! Moving the bytes of a view between the mapping and memory of our own: run by
//! run, as far as the file reaches, and where mapped memory faults once more
//! with `pread` and `pwrite`, which say what is wrong.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use memmap2::MmapRaw;

use super::copy::{Fault, gather, scatter};
use super::grids::{gather_grid, scatter_grid};
use super::{AccessError, Mapping};
use crate::array::{Grid, Layout, Run};
use crate::platform;

/// The side of a transfer that is memory of our own.
pub(super) enum Private<'a> {
    /// Bytes go from the mapping into this.
    Out(&'a mut [u8]),
    /// Bytes go from this into the mapping.
    Data(&'a [u8]),
}

/// How far a transfer has come.
#[derive(Default)]
struct Progress {
    /// The bytes moved.
    done: usize,
    /// The end of the furthest of them in the file.
    reached: u64,
}

/// The smallest page there is.
const PAGE: u64 = 4096;

/// How often a transfer starts over because the file has just become shorter.
const ATTEMPTS: usize = 4;

impl Mapping {
    /// Moves the bytes of `view` from byte `at` of it through `map`, a mapping of the file,
    /// and returns how many came before the first that could not be moved.
    ///
    /// The last page of a shortened file does not fault: it reads as zeros and
    /// swallows stores. So the size is looked at before and after, and whether it was
    /// less in between, if anybody has seen that, or may have been, if the kernel tells
    /// of changes. Where others can change the file behind the kernel's back, looking is
    /// also what makes it drop pages that are old.
    ///
    /// # Errors
    ///
    /// When not even the first byte could be moved.
    pub(super) fn transfer(
        &self,
        map: &MmapRaw,
        view: &Layout,
        at: u64,
        mut private: Private<'_>,
    ) -> Result<usize, AccessError> {
        let mut look = self.size.look(&self.file)?;
        for number in 1..=ATTEMPTS {
            let attempt = self.attempt(map, view, at, &mut private, look.size);
            let before = look;
            look = self.size.look(&self.file)?;
            // What lies before every cut is not concerned by any.
            let was_cut = |reached| look.cuts != before.cuts && reached > self.size.least();
            // Others who write all the time do not keep it from coming to an end; and what
            // ended early could end earlier still.
            let may_repeat = |done| number < ATTEMPTS && done == private.len();
            let was_changed = look.tells_of_others(&before);
            match attempt {
                Ok((done, reached))
                    if reached <= look.size
                        && !was_cut(reached)
                        && !(was_changed && may_repeat(done)) =>
                {
                    return Ok(done);
                }
                // A cut that came in between fails more than what it cut off.
                Err(error) if look.size >= before.size => return Err(error),
                _ => {}
            }
        }
        // It is cut again and again: what lies before all cuts can be had, unless there is
        // one more, which nobody has seen.
        let have = self.size.least().min(look.size);
        let attempt = self.attempt(map, view, at, &mut private, have);
        let before = look;
        look = self.size.look(&self.file)?;
        if look.size < have || look.tells_of_others(&before) {
            let need = view.extent().end;
            return Err(AccessError::Shrunk { need, have });
        }
        attempt.map(|(done, _)| done)
    }

    /// One attempt at a transfer in a file of `size` bytes: how many bytes were
    /// moved, and the end of the furthest in the file.
    fn attempt(
        &self,
        map: &MmapRaw,
        view: &Layout,
        at: u64,
        private: &mut Private<'_>,
        size: u64,
    ) -> Result<(usize, u64), AccessError> {
        let base = map.as_mut_ptr();
        let mut progress = Progress::default();
        let mut runs = view.runs(at..at + private.len() as u64);
        while let Some(grid) = runs.next_grid() {
            let mut moved = 0;
            if grid.rows > 1 && grid.end() <= size {
                self.ask_for_grid(map, &grid);
                // SAFETY: as in `move_run`, of every run.
                moved = unsafe { private.copy_grid(base, &grid, progress.done) };
                progress.done += moved * grid.run.nbytes() as usize;
                progress.reached = progress.reached.max(grid.end());
            }
            // What faults in its midst is told run by run.
            for row in moved as u64..grid.rows {
                for run in Mapping::together(&grid.row(row)) {
                    self.ask_for(map, &run);
                    if self.move_within(base, &run, private, size, &mut progress)? {
                        return Ok((progress.done, progress.reached));
                    }
                }
            }
        }
        Ok((progress.done, progress.reached))
    }

    /// Moves one run as far as it lies in a file of `size` bytes. Returns whether
    /// not all of it could be moved, and the transfer is over.
    fn move_within(
        &self,
        base: *mut u8,
        run: &Run,
        private: &mut Private<'_>,
        size: u64,
        progress: &mut Progress,
    ) -> Result<bool, AccessError> {
        let bytes = run.bytes_before(size);
        // The pieces that lie in the file, and what does of the next.
        let whole = run.slice(0, bytes / run.piece);
        let partial = Run {
            piece: bytes % run.piece,
            ..run.slice(whole.count, 1)
        };
        for run in [whole, partial] {
            if run.nbytes() == 0 {
                continue;
            }
            let (moved, outcome) = self.move_run(base, &run, private, progress.done);
            progress.done += moved;
            progress.reached = progress.reached.max(run.end());
            match outcome {
                Err(error) if progress.done == 0 => return Err(error),
                Err(_) => return Ok(true),
                Ok(()) => {}
            }
        }
        if bytes == run.nbytes() {
            return Ok(false);
        }
        let (need, have) = (run.end(), size);
        match progress.done {
            0 => Err(AccessError::Shrunk { need, have }),
            _ => Ok(true),
        }
    }

    /// Moves one run, whose bytes begin at `done` on the private side: how many
    /// of them were moved, and why not all.
    fn move_run(
        &self,
        base: *mut u8,
        run: &Run,
        private: &mut Private<'_>,
        done: usize,
    ) -> (usize, Result<(), AccessError>) {
        let piece = run.piece as usize;
        let mut first = 0;
        while first < run.count {
            let rest = run.slice(first, run.count - first);
            let from = done + first as usize * piece;
            // SAFETY: runs of a view of this file lie in the mapping, since
            // the mapping reaches to the end of the array; `write` has seen to
            // it that bytes go in only where the mode maps for writing; and
            // the guard was installed before the file was mapped.
            let Err(Fault { piece: faulted }) = (unsafe { private.copy(base, &rest, from) }) else {
                break;
            };
            first += faulted;
            let at = run.slice(first, 1).offset;
            let from = done + first as usize * piece;
            let (moved, outcome) = self.move_by_call(at, private, from..from + piece);
            if let Err(error) = outcome {
                return (first as usize * piece + moved, Err(error));
            }
            first += 1;
        }
        (run.count as usize * piece, Ok(()))
    }

    /// Moves the bytes `part` of the private side from or to byte `at` of the
    /// file by system calls: how many, and why not all.
    fn move_by_call(
        &self,
        at: u64,
        private: &mut Private<'_>,
        part: std::ops::Range<usize>,
    ) -> (usize, Result<(), AccessError>) {
        let mut moved = 0;
        while moved < part.len() {
            let place = at + moved as u64;
            let step = self.call(place, private, part.start + moved..part.end);
            match step {
                Ok(bytes) => moved += bytes,
                Err(AccessError::Io(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return (moved, Err(error)),
            }
        }
        (moved, Ok(()))
    }

    fn call(
        &self,
        at: u64,
        private: &mut Private<'_>,
        part: std::ops::Range<usize>,
    ) -> Result<usize, AccessError> {
        let need = at + part.len() as u64;
        let have = self.current_size()?;
        let shrunk = AccessError::Shrunk { need, have };
        let file: &File = &self.file;
        let moved = match private {
            Private::Out(out) => file.read_at(&mut out[part], at)?,
            // `pwrite` would make the file longer again.
            Private::Data(_) if need > have => return Err(shrunk),
            Private::Data(_) if self.mode.writes_through() => self.store(at, private, part)?,
            // What is written must not reach the file, so page by page it is
            // tried again, and reading the page tells why it could not be had.
            Private::Data(_) => match self.copy_in_page(at, private, part) {
                Some(bytes) => bytes,
                None => {
                    self.file.read_at(&mut [0], at)?;
                    return Err(io::Error::from_raw_os_error(libc::EIO).into());
                }
            },
        };
        if moved == 0 { Err(shrunk) } else { Ok(moved) }
    }

    /// Stores bytes once more of which some faulted, up to the end of their page: how
    /// many.
    ///
    /// Those before them are there already, and need nothing. Else it was mostly space
    /// that was missing, or a file that was cut for a moment. So the space is asked for,
    /// which tells why there is none, and the store repeated. Only where that does not
    /// help they are written by `pwrite`, since of a file that is cut after its size was
    /// looked at it would make a longer one.
    fn store(
        &self,
        at: u64,
        private: &mut Private<'_>,
        part: std::ops::Range<usize>,
    ) -> Result<usize, AccessError> {
        if let Some(bytes) = self.copy_in_page(at, private, part.clone()) {
            return Ok(bytes);
        }
        let end = at + part.len() as u64;
        let page = at..end.min(at / PAGE * PAGE + PAGE);
        match self.size.change(|| platform::reserve(&self.file, page)) {
            Ok(()) => {
                if let Some(bytes) = self.copy_in_page(at, private, part.clone()) {
                    return Ok(bytes);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {}
            Err(error) => return Err(error.into()),
        }
        let have = self.current_size()?;
        match private {
            Private::Data(data) if end <= have => {
                let write = || self.file.write_at(&data[part], at);
                Ok(self.size.change(write)?)
            }
            _ => Err(AccessError::Shrunk { need: end, have }),
        }
    }

    /// Moves the bytes `part` of the private side from or to byte `at` of the file up to
    /// the end of its page, through the mapping: how many, unless they fault.
    fn copy_in_page(
        &self,
        at: u64,
        private: &mut Private<'_>,
        part: std::ops::Range<usize>,
    ) -> Option<usize> {
        let map = self.map.as_ref()?.current();
        let bytes = (part.len() as u64).min(PAGE - at % PAGE);
        let run = Run {
            offset: at,
            piece: bytes,
            stride: 0,
            count: 1,
        };
        // SAFETY: as in `move_run`, a part of a piece that it was given.
        let copied = unsafe { private.copy(map.as_mut_ptr(), &run, part.start) };
        copied.is_ok().then_some(bytes as usize)
    }
}

impl Private<'_> {
    pub(super) fn len(&self) -> usize {
        match self {
            Private::Out(out) => out.len(),
            Private::Data(data) => data.len(),
        }
    }

    /// Moves a run whose bytes begin at `from` on this side.
    ///
    /// # Safety
    ///
    /// As [`gather`] and [`scatter`] have it.
    unsafe fn copy(&mut self, base: *mut u8, run: &Run, from: usize) -> Result<(), Fault> {
        let part = from..from + run.nbytes() as usize;
        // SAFETY: the caller's, and the part has the bytes of the run.
        unsafe {
            match self {
                Private::Out(out) => gather(base, run, &mut out[part]),
                Private::Data(data) => scatter(base, run, &data[part]),
            }
        }
    }

    /// Moves the first runs of a grid whose bytes begin at `from` on this side,
    /// and returns how many.
    ///
    /// # Safety
    ///
    /// As [`gather_grid`] and [`scatter_grid`] have it.
    unsafe fn copy_grid(&mut self, base: *mut u8, grid: &Grid, from: usize) -> usize {
        let part = from..from + grid.nbytes() as usize;
        // SAFETY: the caller's, and the part has the bytes of the grid.
        unsafe {
            match self {
                Private::Out(out) => match gather_grid(base, grid, &mut out[part]) {
                    Ok(()) => grid.rows as usize,
                    Err(_) => 0,
                },
                Private::Data(data) => scatter_grid(base, grid, &data[part]),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::thread;

    use super::*;
    use crate::array::{Order, Shape, View};
    use crate::dtype::DType;
    use crate::mapping::{BackingFile, Mode};

    #[test]
    fn a_file_that_is_cut_and_made_whole_meanwhile_is_not_read_as_zeros() {
        const BYTES: usize = 300_000;
        let dtype = DType::parse("u1").unwrap();
        let shape = Shape::new(vec![BYTES as u64]);
        let array = View::contiguous(dtype, 0, shape, Order::C).unwrap();
        let backing = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(backing.path(), [7; BYTES]).unwrap();
        let opened = BackingFile::open(backing.path(), Mode::ReadOnly).unwrap();
        let mapping = Mapping::new(opened, &array.extent()).unwrap().0;
        let (over, reads) = (AtomicBool::new(false), AtomicUsize::new(0));
        thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let mut out = vec![0; BYTES];
                let mut zeros = 0;
                while !over.load(Ordering::Relaxed) {
                    let read = mapping.read(&array.layout(), 0, &mut out).unwrap_or(0);
                    zeros += out[..read].iter().filter(|&&byte| byte == 0).count();
                    reads.fetch_add(1, Ordering::Relaxed);
                }
                zeros
            });
            let file = backing.as_file();
            for number in 0..500 {
                // The time within a read at which it happens differs.
                (0..number).for_each(|_| std::hint::spin_loop());
                let before = reads.load(Ordering::Relaxed);
                file.set_len(BYTES as u64 - 100).unwrap();
                // Another request sees it, where the kernel does not tell.
                assert!(!cfg!(arrayfs_portable) || !mapping.has_size(BYTES as u64));
                file.write_all_at(&[7; 100], BYTES as u64 - 100).unwrap();
                while reads.load(Ordering::Relaxed) == before {
                    thread::yield_now();
                }
            }
            over.store(true, Ordering::Relaxed);
            assert_eq!(reader.join().unwrap(), 0);
        });
    }
}
