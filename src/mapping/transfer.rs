//! Transfers between a view's bytes in the mapping and a private buffer, run by run. A
//! transfer stops at the end of the file. Where a mapped access faults, the bytes are
//! retried with `pread` or `pwrite`, whose errno gives the cause. The word-sized copies
//! are in `copy`, the reordering of whole grids in `grids`.

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

/// The private side of a transfer.
pub(super) enum TransferBuffer<'a> {
    /// Destination of a read from the mapping.
    Out(&'a mut [u8]),
    /// Source of a write to the mapping.
    Data(&'a [u8]),
}

/// The progress of a transfer.
#[derive(Default)]
struct Progress {
    /// Bytes moved.
    done: usize,
    /// The highest end offset in the file of any run accessed, in bytes.
    reached: u64,
}

/// The smallest page size of any supported kernel, in bytes.
const PAGE: u64 = 4096;

impl Mapping {
    /// Moves `buffer.len()` bytes of `view`, starting at byte `at` of the view, through
    /// `map`, a mapping of the file. Returns the number of bytes before the first that could
    /// not be moved. No byte is stored twice: the second store could overwrite what another
    /// writer stored in between.
    ///
    /// The last page of a truncated file does not fault: beyond the end, loads give zeros
    /// and stores are lost. So the transfer calls `fstat` before and after, and counts only
    /// bytes that both sizes cover. It does not see a file that another process truncates
    /// and extends again between the two calls. On a network file system `fstat` also
    /// revalidates the page cache, which drops stale pages.
    ///
    /// # Errors
    ///
    /// When the first byte could not be moved.
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
        bytes_before_truncation(view, at..at + moved.done as u64, have)
    }

    /// Moves the runs of a view in a file of `size` bytes, up to the first byte that cannot
    /// be moved.
    ///
    /// # Errors
    ///
    /// When the first byte could not be moved.
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
        let range = at..at + buffer.len() as u64;
        if view.is_contiguous() {
            let bytes = view.covering_range(range.clone());
            self.prefetch_contiguous(map, &bytes);
            if matches!(buffer, TransferBuffer::Data(_)) {
                self.split_folios(map, &bytes);
            }
        } else {
            self.prefetch_ends(map, view, &range);
        }
        let mut runs = view.runs(range);
        while let Some(grid) = runs.next_grid() {
            let mut moved = 0;
            if grid.rows > 1 && grid.end() <= size {
                self.prefetch_grid(map, &grid);
                let copied = self.move_grid(base, &grid, buffer, progress.done);
                moved = copied.rows;
                progress.done += moved * grid.run.nbytes() as usize;
                progress.reached = progress.reached.max(grid.end());
                if let Some((stored, error)) = copied.failed {
                    progress.done += stored;
                    return match progress.done {
                        0 => Err(error),
                        _ => Ok(progress),
                    };
                }
            }
            // Run by run: single runs, and grids that cross the end of the file or have faulted.
            // This finds the first byte that cannot be moved.
            for row in moved as u64..grid.rows {
                for run in Mapping::prefetch_batches(&grid.row(row)) {
                    self.prefetch(map, &run);
                    if self.move_run_within(base, &run, buffer, size, &mut progress)? {
                        return Ok(progress);
                    }
                }
            }
        }
        Ok(progress)
    }

    /// Moves the leading runs of a grid; their bytes begin at `done` in the buffer.
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
                let store = |rows: &Run, data: &[u8]| {
                    self.move_run(base, rows, &mut TransferBuffer::Data(data), 0)
                };
                // SAFETY: as above.
                unsafe { scatter_grid(base, grid, &data[part], store) }
            }
        }
    }

    /// Moves the part of one run that lies in a file of `size` bytes. Returns true if the
    /// run is incomplete, which ends the transfer.
    ///
    /// # Errors
    ///
    /// When the run is incomplete and no byte of the transfer has been moved.
    fn move_run_within(
        &self,
        base: *mut u8,
        run: &Run,
        buffer: &mut TransferBuffer<'_>,
        size: u64,
        progress: &mut Progress,
    ) -> Result<bool, AccessError> {
        let bytes = run.bytes_before(size);
        // The pieces wholly in the file, then the leading part of the next piece.
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

    /// Moves one run; its bytes begin at `done` in the buffer.
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
            // SAFETY: the mapping reaches to the end of the array, so it contains the
            // runs of every view of this file. `write` has checked that the mode maps for
            // writing. The guard was installed before the file was mapped.
            let Err(fault) = (unsafe { buffer.copy(base, &rest, from) }) else {
                break;
            };
            first += fault.piece;
            let before = fault.bytes as usize;
            let at = run.slice(first, 1).offset + fault.bytes;
            let from = done + first as usize * piece;
            let (moved, outcome) = self.move_by_syscalls(at, buffer, from + before..from + piece);
            if let Err(error) = outcome {
                return (first as usize * piece + before + moved, Err(error));
            }
            first += 1;
        }
        (run.count as usize * piece, Ok(()))
    }

    /// Moves the bytes `part` of the buffer from or to byte `at` of the file by system
    /// calls, repeating short transfers and interrupted calls.
    fn move_by_syscalls(
        &self,
        at: u64,
        buffer: &mut TransferBuffer<'_>,
        part: Range<usize>,
    ) -> MovedBytes {
        let mut moved = 0;
        while moved < part.len() {
            let place = at + moved as u64;
            let step = self.syscall_step(place, buffer, part.start + moved..part.end);
            match step {
                Ok(bytes) => moved += bytes,
                Err(AccessError::Io(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return (moved, Err(error)),
            }
        }
        (moved, Ok(()))
    }

    /// Makes one step of [`move_by_syscalls`](Mapping::move_by_syscalls). Returns the
    /// number of bytes moved, at least one.
    ///
    /// # Errors
    ///
    /// When the file does not hold the bytes, or a system call fails.
    fn syscall_step(
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
            // `pwrite` past the end would extend the file.
            TransferBuffer::Data(_) if need > have => return Err(shrunk),
            TransferBuffer::Data(_) if self.mode.writes_through() => {
                self.store(at, buffer, part)?
            }
            // In mode `c` the data must not reach the file, so the store is retried through
            // the private mapping, a page at a time. If it faults again, a `pread` of the
            // page gives the cause.
            TransferBuffer::Data(_) => match self.copy_within_page(at, buffer, part) {
                Some(bytes) => bytes,
                None => {
                    self.file.read_at(&mut [0], at)?;
                    return Err(io::Error::from_raw_os_error(libc::EIO).into());
                }
            },
        };
        if moved == 0 { Err(shrunk) } else { Ok(moved) }
    }

    /// Stores bytes of which the first has faulted, up to the end of its page or to the next
    /// fault. Returns the number of bytes stored.
    ///
    /// Usual causes are a full disk or a file that was truncated for a moment. The steps:
    ///
    /// 1. Store again.
    /// 2. Reserve disk space for the page, whose errno gives the cause, and store again.
    /// 3. Call `pwrite`. This is last, since it would extend a file that is truncated after
    ///    `fstat`.
    ///
    /// # Errors
    ///
    /// When space cannot be reserved, `pwrite` fails, or the file ends before the bytes do.
    fn store(
        &self,
        at: u64,
        buffer: &mut TransferBuffer<'_>,
        part: Range<usize>,
    ) -> Result<usize, AccessError> {
        if let Some(bytes) = self.copy_within_page(at, buffer, part.clone()) {
            return Ok(bytes);
        }
        let end = at + part.len() as u64;
        let page = at..end.min(at / PAGE * PAGE + PAGE);
        match platform::reserve(&self.file, page) {
            Ok(()) => {
                if let Some(bytes) = self.copy_within_page(at, buffer, part.clone()) {
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

    /// Moves the bytes `part` of the buffer from or to byte `at` of the file through the
    /// mapping, up to the end of the page. Returns the number of bytes moved; `None` if the
    /// first faults.
    fn copy_within_page(
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
        // SAFETY: as in `move_run`; the bytes are part of a piece of its run.
        match unsafe { buffer.copy(map.as_mut_ptr(), &run, part.start) } {
            Ok(()) => Some(bytes as usize),
            Err(Fault { bytes: 0, .. }) => None,
            Err(Fault { bytes, .. }) => Some(bytes as usize),
        }
    }
}

/// The number of leading bytes of `range` of a view that lie in a file which was truncated
/// to `have` bytes during their transfer.
///
/// # Errors
///
/// When the first byte lies beyond the new end of the file.
fn bytes_before_truncation(
    view: &Layout,
    range: Range<u64>,
    have: u64,
) -> Result<usize, AccessError> {
    let need = view.covering_range(range.clone()).end;
    match bytes_before(view, range, have) {
        0 => Err(AccessError::Shrunk { need, have }),
        done => Ok(done as usize),
    }
}

/// The number of leading bytes of `range` of a view that lie before byte `end` of the file.
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
    /// The length in bytes.
    pub(super) fn len(&self) -> usize {
        match self {
            TransferBuffer::Out(out) => out.len(),
            TransferBuffer::Data(data) => data.len(),
        }
    }

    /// Moves a run whose bytes begin at `from` in this buffer.
    ///
    /// # Safety
    ///
    /// As for [`gather`] and [`scatter`].
    unsafe fn copy(&mut self, base: *mut u8, run: &Run, from: usize) -> Result<(), Fault> {
        let part = from..from + run.nbytes() as usize;
        // SAFETY: by the caller's contract; `part` has the length of the run.
        unsafe {
            match self {
                TransferBuffer::Out(out) => gather(base, run, &mut out[part]),
                TransferBuffer::Data(data) => scatter(base, run, &data[part]),
            }
        }
    }
}
