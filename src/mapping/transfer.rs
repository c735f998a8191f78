//! Moving the bytes of a view between the mapping and memory of our own: run by
//! run, as far as the file reaches, and where mapped memory faults once more
//! with `pread` and `pwrite`, which say what is wrong.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use memmap2::MmapRaw;

use super::copy::{Fault, gather, scatter};
use super::grids::{Moved, MovedBytes, gather_grid, scatter_grid};
use super::{AccessError, Mapping};
use crate::array::{Grid, Layout, Run};
use crate::platform;

/// The side of a transfer that is memory of our own.
pub(super) enum TransferBuffer<'a> {
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

impl Mapping {
    /// Moves the bytes of `view` from byte `at` of it through `map`, a mapping of the file,
    /// and returns how many came before the first that could not be moved. No byte is
    /// stored twice, lest it be stored over what somebody else has written since.
    ///
    /// The last page of a shortened file does not fault: it reads as zeros and
    /// swallows stores. So the size is looked at before and after. Where others can
    /// change the file behind the kernel's back, looking is also what makes it drop pages
    /// that are old.
    ///
    /// # Errors
    ///
    /// When not even the first byte could be moved.
    pub(super) fn transfer(
        &self,
        map: &MmapRaw,
        view: &Layout,
        at: u64,
        mut buffer: TransferBuffer<'_>,
    ) -> Result<usize, AccessError> {
        let size = self.size()?;
        let moved = self.move_runs(map, view, at, &mut buffer, size)?;
        let have = self.size()?;
        if moved.reached <= have {
            return Ok(moved.done);
        }
        cut_off(view, at..at + moved.done as u64, have)
    }

    /// Moves the runs of a view in a file of `size` bytes, as far as it can.
    fn move_runs(
        &self,
        map: &MmapRaw,
        view: &Layout,
        at: u64,
        buffer: &mut TransferBuffer<'_>,
        size: u64,
    ) -> Result<Progress, AccessError> {
        let base = map.as_mut_ptr();
        let mut progress = Progress::default();
        let mut runs = view.runs(at..at + buffer.len() as u64);
        while let Some(grid) = runs.next_grid() {
            let mut moved = 0;
            if grid.rows > 1 && grid.end() <= size {
                self.prefetch_grid(map, &grid);
                let copied = self.move_grid(base, &grid, buffer, progress.done);
                moved = copied.rows;
                progress.done += moved * grid.run.nbytes() as usize;
                progress.reached = progress.reached.max(grid.end());
                if let Some((place, error)) = copied.failed {
                    let rest = (grid.rows - moved as u64) * grid.run.nbytes();
                    let next = at + progress.done as u64;
                    progress.done += bytes_before(view, next..next + rest, place) as usize;
                    return match progress.done {
                        0 => Err(error),
                        _ => Ok(progress),
                    };
                }
            }
            // What faults in its midst is told run by run.
            for row in moved as u64..grid.rows {
                for run in Mapping::together(&grid.row(row)) {
                    self.prefetch(map, &run);
                    if self.move_within(base, &run, buffer, size, &mut progress)? {
                        return Ok(progress);
                    }
                }
            }
        }
        Ok(progress)
    }

    /// Moves the first runs of a grid, whose bytes begin at `done` in the buffer.
    fn move_grid(
        &self,
        base: *mut u8,
        grid: &Grid,
        buffer: &mut TransferBuffer<'_>,
        done: usize,
    ) -> Moved {
        let part = done..done + grid.nbytes() as usize;
        match buffer {
            TransferBuffer::Out(out) => Moved {
                // SAFETY: as in `move_run`, of every run.
                rows: match unsafe { gather_grid(base, grid, &mut out[part]) } {
                    Ok(()) => grid.rows as usize,
                    Err(_) => 0,
                },
                failed: None,
            },
            TransferBuffer::Data(data) => {
                let store = |lines: &Run, data: &[u8]| {
                    self.move_run(base, lines, &mut TransferBuffer::Data(data), 0)
                };
                // SAFETY: as above.
                unsafe { scatter_grid(base, grid, &data[part], store) }
            }
        }
    }

    /// Moves one run as far as it lies in a file of `size` bytes. Returns whether
    /// not all of it could be moved, and the transfer is over.
    fn move_within(
        &self,
        base: *mut u8,
        run: &Run,
        buffer: &mut TransferBuffer<'_>,
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
            let (moved, outcome) = self.move_run(base, &run, buffer, progress.done);
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

    /// Moves one run, whose bytes begin at `done` in the buffer: how many of them were
    /// moved, and why not all.
    fn move_run(
        &self,
        base: *mut u8,
        run: &Run,
        buffer: &mut TransferBuffer<'_>,
        done: usize,
    ) -> MovedBytes {
        let piece = run.piece as usize;
        let mut first = 0;
        while first < run.count {
            let rest = run.slice(first, run.count - first);
            let from = done + first as usize * piece;
            // SAFETY: runs of a view of this file lie in the mapping, since
            // the mapping reaches to the end of the array; `write` has seen to
            // it that bytes go in only where the mode maps for writing; and
            // the guard was installed before the file was mapped.
            let Err(fault) = (unsafe { buffer.copy(base, &rest, from) }) else {
                break;
            };
            first += fault.piece;
            let before = fault.bytes as usize;
            let at = run.slice(first, 1).offset + fault.bytes;
            let from = done + first as usize * piece;
            let (moved, outcome) = self.move_by_call(at, buffer, from + before..from + piece);
            if let Err(error) = outcome {
                return (first as usize * piece + before + moved, Err(error));
            }
            first += 1;
        }
        (run.count as usize * piece, Ok(()))
    }

    /// Moves the bytes `part` of the buffer from or to byte `at` of the
    /// file by system calls: how many, and why not all.
    fn move_by_call(
        &self,
        at: u64,
        buffer: &mut TransferBuffer<'_>,
        part: Range<usize>,
    ) -> MovedBytes {
        let mut moved = 0;
        while moved < part.len() {
            let place = at + moved as u64;
            let step = self.call(place, buffer, part.start + moved..part.end);
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
        buffer: &mut TransferBuffer<'_>,
        part: Range<usize>,
    ) -> Result<usize, AccessError> {
        let need = at + part.len() as u64;
        let have = self.size()?;
        let shrunk = AccessError::Shrunk { need, have };
        let file: &File = &self.file;
        let moved = match buffer {
            TransferBuffer::Out(out) => file.read_at(&mut out[part], at)?,
            // `pwrite` would make the file longer again.
            TransferBuffer::Data(_) if need > have => return Err(shrunk),
            TransferBuffer::Data(_) if self.mode.writes_through() => {
                self.store(at, buffer, part)?
            }
            // What is written must not reach the file, so page by page it is
            // tried again, and reading the page tells why it could not be had.
            TransferBuffer::Data(_) => match self.copy_in_page(at, buffer, part) {
                Some(bytes) => bytes,
                None => {
                    self.file.read_at(&mut [0], at)?;
                    return Err(io::Error::from_raw_os_error(libc::EIO).into());
                }
            },
        };
        if moved == 0 { Err(shrunk) } else { Ok(moved) }
    }

    /// Stores bytes of which the first has faulted, up to the end of their page or to the
    /// next that faults: how many.
    ///
    /// Mostly it was space that was missing, or a file that was cut for a moment. So the
    /// space is reserved, which tells why there is none, and the bytes are stored then. Only
    /// where that does not help they are written by `pwrite`, since of a file that is cut
    /// after its size was looked at it would make a longer one.
    fn store(
        &self,
        at: u64,
        buffer: &mut TransferBuffer<'_>,
        part: Range<usize>,
    ) -> Result<usize, AccessError> {
        if let Some(bytes) = self.copy_in_page(at, buffer, part.clone()) {
            return Ok(bytes);
        }
        let end = at + part.len() as u64;
        let page = at..end.min(at / PAGE * PAGE + PAGE);
        match platform::reserve(&self.file, page) {
            Ok(()) => {
                if let Some(bytes) = self.copy_in_page(at, buffer, part.clone()) {
                    return Ok(bytes);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {}
            Err(error) => return Err(error.into()),
        }
        let have = self.size()?;
        match buffer {
            TransferBuffer::Data(data) if end <= have => Ok(self.file.write_at(&data[part], at)?),
            _ => Err(AccessError::Shrunk { need: end, have }),
        }
    }

    /// Moves the bytes `part` of the buffer from or to byte `at` of the file up to
    /// the end of its page, through the mapping: how many, unless the first faults.
    fn copy_in_page(
        &self,
        at: u64,
        buffer: &mut TransferBuffer<'_>,
        part: Range<usize>,
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
        match unsafe { buffer.copy(map.as_mut_ptr(), &run, part.start) } {
            Ok(()) => Some(bytes as usize),
            Err(Fault { bytes: 0, .. }) => None,
            Err(Fault { bytes, .. }) => Some(bytes as usize),
        }
    }
}

/// How far a transfer of the bytes `range` of a view has come in a file that was cut to
/// `have` bytes in its midst.
///
/// # Errors
///
/// When not even the first byte lies before the cut.
fn cut_off(view: &Layout, range: Range<u64>, have: u64) -> Result<usize, AccessError> {
    let need = view.covering_range(range.clone()).end;
    match bytes_before(view, range, have) {
        0 => Err(AccessError::Shrunk { need, have }),
        done => Ok(done as usize),
    }
}

/// How many of the bytes `range` of a view come before the first that does not lie before
/// byte `end` of the file.
fn bytes_before(view: &Layout, range: Range<u64>, end: u64) -> u64 {
    let mut bytes = 0;
    for run in view.runs(range) {
        let before = run.bytes_before(end);
        bytes += before;
        if before < run.nbytes() {
            break;
        }
    }
    bytes
}

impl TransferBuffer<'_> {
    pub(super) fn len(&self) -> usize {
        match self {
            TransferBuffer::Out(out) => out.len(),
            TransferBuffer::Data(data) => data.len(),
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
                TransferBuffer::Out(out) => gather(base, run, &mut out[part]),
                TransferBuffer::Data(data) => scatter(base, run, &data[part]),
            }
        }
    }
}
