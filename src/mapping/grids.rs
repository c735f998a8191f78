//! Copies of whole grids of runs between the mapping and a private buffer. The bytes are
//! accessed in the order of the file rather than in that of the view, which uses each cache
//! line once. After a fault, `transfer` repeats the rest run by run.

use std::ops::Range;

use super::AccessError;
use super::copy::{Fault, gather};
use super::guard::touch;
use super::interleave::{deinterleave, interleave};
use crate::array::{Grid, Run};

/// Copies the runs of `grid` from the mapping at `base` into `out`, back to back. `out` has
/// `grid.nbytes()` bytes. Adjacent runs are copied as interleaved rows of the file, a tile at a
/// time, and deinterleaved in the L1 cache.
///
/// # Errors
///
/// When an access faults. `out` is then only partly filled.
///
/// # Safety
///
/// As for [`gather`], of every run.
pub(super) unsafe fn gather_grid(
    base: *const u8,
    grid: &Grid,
    out: &mut [u8],
) -> Result<(), Fault> {
    let mut tile = [0; TILE];
    let each = grid.run.nbytes() as usize;
    for part in tiles(grid) {
        let out = &mut out[part.rows.start * each..part.rows.end * each];
        match part.interleaved {
            Some(interleaved) => {
                let tile = &mut tile[..interleaved.nbytes() as usize];
                // SAFETY: the interleaved run consists of the pieces of the grid's runs.
                unsafe { gather(base, &interleaved, tile) }?;
                let (item, count) = (grid.run.piece as usize, part.rows.len());
                deinterleave(tile, item, part.first * item, out, count);
            }
            None => {
                let run = grid.row(part.rows.start as u64);
                let run = run.slice(part.first as u64, part.count as u64);
                let item = run.piece as usize;
                let out = &mut out[part.first * item..][..part.count * item];
                // SAFETY: as above; it is a part of one run.
                unsafe { gather(base, &run, out) }?;
            }
        }
    }
    Ok(())
}

/// The outcome of [`scatter_grid`].
#[derive(Debug)]
pub(super) struct Moved {
    /// The number of leading runs stored completely.
    pub(super) rows: usize,
    /// If a store failed although its page had been made writable: the number of leading bytes
    /// of the next run that have been stored, and the error.
    pub(super) failed: Option<(usize, AccessError)>,
}

/// The number of leading bytes of a run that were moved, and the error that ended the move.
pub(super) type MovedBytes = (usize, Result<(), AccessError>);

/// Copies `data` over the leading runs of `grid` in the mapping at `base`, by calls of `store`.
/// `data` has `grid.nbytes()` bytes. Only adjacent runs are stored, as interleaved rows of the
/// file.
///
/// That is not the order of the bytes in the view, yet no byte after a fault may change. So all
/// pages of a group of runs are made writable before the first of its rows is stored. If one
/// cannot be, the group and all runs after it are left to the caller.
///
/// # Safety
///
/// As for [`scatter`](super::copy::scatter), of every run.
pub(super) unsafe fn scatter_grid(
    base: *mut u8,
    grid: &Grid,
    data: &[u8],
    store: impl Fn(&Run, &[u8]) -> MovedBytes,
) -> Moved {
    let mut tile = [0; TILE];
    let (item, each) = (grid.run.piece as usize, grid.run.nbytes() as usize);
    let outcome = |rows, failed| Moved { rows, failed };
    let mut writable = 0;
    for part in tiles(grid) {
        let Some(interleaved) = part.interleaved else {
            return outcome(0, None);
        };
        let rows = part.rows;
        if rows.start == writable {
            // SAFETY: the interleaved run consists of the pieces of the grid's runs.
            if !unsafe { make_writable(base, &grid.interleaved_run(rows.clone())) } {
                return outcome(rows.start, None);
            }
            writable = rows.end;
        }
        let data = &data[rows.start * each..rows.end * each];
        let tile = &mut tile[..interleaved.nbytes() as usize];
        interleave(data, item, part.first * item, tile, rows.len());
        if let (moved, Err(error)) = store(&interleaved, tile) {
            // Each interleaved row begins with a piece of the first run.
            let row = interleaved.piece as usize;
            let pieces = part.first + moved / row;
            let stored = pieces * item + (moved % row).min(item);
            return outcome(rows.start, Some((stored, error)));
        }
    }
    outcome(grid.rows as usize, None)
}

/// Makes the pages of the pieces of `run` writable without changing them: the file system
/// allocates blocks for holes, and the kernel copies private pages. The pieces are shorter than
/// a page. Returns whether no access faulted.
///
/// # Safety
///
/// As for [`scatter`](super::copy::scatter).
unsafe fn make_writable(base: *mut u8, run: &Run) -> bool {
    let (first, last) = (run.offset, run.offset + run.piece - 1);
    let in_one_page = run.stride % PAGE as i64 == 0 && first / PAGE == last / PAGE;
    let ends = [Some(first), (!in_one_page).then_some(last)];
    ends.into_iter().flatten().all(|at| {
        let at = base.wrapping_add(at as usize);
        // SAFETY: the bytes lie in pieces of the run.
        unsafe { touch(at, run.stride as isize, run.count as usize) == 0 }
    })
}

/// The smallest page size of any supported kernel, in bytes.
const PAGE: u64 = 4096;

/// Bytes copied together: they stay in the L1 cache.
const TILE: usize = 1 << 14;

/// The most bytes of an interleaved row; longer ones gain nothing.
const MAX_ROW: usize = 1 << 10;

/// Pieces of a run that are copied before the pieces of the next run, if runs lie closer together
/// than pieces do. Otherwise the order of the file is run by run.
const STRETCH: usize = 32;

/// A part of a grid: some pieces of some runs.
struct Tile {
    /// The runs.
    rows: Range<usize>,
    /// The index of the first piece in each run.
    first: usize,
    /// The number of pieces of each run.
    count: usize,
    /// The same pieces as one interleaved run, if the runs are adjacent.
    interleaved: Option<Run>,
}

/// Splits `grid` into tiles, in the order in which to copy them.
fn tiles(grid: &Grid) -> impl Iterator<Item = Tile> + use<> {
    let grid = *grid;
    let (piece, count) = (grid.run.piece as usize, grid.run.count as usize);
    let rows = grid.rows as usize;
    let side_by_side = grid.spacing == grid.run.piece as i64 && piece <= MAX_ROW / 2;
    let (spacing, stride) = (grid.spacing.unsigned_abs(), grid.run.stride.unsigned_abs());
    // The number of runs in a tile, and of pieces of each.
    let (runs_each, stretch) = match side_by_side {
        true => {
            let runs_each = (MAX_ROW / piece).min(rows);
            (runs_each, TILE / (runs_each * piece))
        }
        false if spacing < stride => (1, STRETCH),
        false => (1, count),
    };
    let tile = move |rows: Range<usize>, first: usize| {
        let count = stretch.min(count - first);
        let interleaved = || {
            grid.interleaved_run(rows.clone())
                .slice(first as u64, count as u64)
        };
        let interleaved = side_by_side.then(interleaved);
        Tile {
            rows,
            first,
            count,
            interleaved,
        }
    };
    let groups = move || {
        (0..rows)
            .step_by(runs_each)
            .map(move |row| row..rows.min(row + runs_each))
    };
    let stretches = move || (0..count).step_by(stretch);
    // Adjacent runs: group by group. Others: a stretch of all runs, then the next stretch.
    let by_group = side_by_side.then(|| {
        groups().flat_map(move |rows| stretches().map(move |first| (rows.clone(), first)))
    });
    let by_stretch = (!side_by_side)
        .then(|| stretches().flat_map(move |first| groups().map(move |rows| (rows, first))));
    let all = by_group
        .into_iter()
        .flatten()
        .chain(by_stretch.into_iter().flatten());
    all.map(move |(rows, first)| tile(rows, first))
}

#[cfg(test)]
mod tests {
    use super::super::copy::scatter;
    use super::*;
    use crate::array::{Order, Shape, View};
    use crate::dtype::DType;

    /// The end of a two-dimensional array in its file, and all grids of its transposed view,
    /// each with its first byte in the view.
    fn grids(item: usize, offset: u64, shape: [u64; 2]) -> (u64, Vec<(Grid, usize)>) {
        let dtype = DType::parse(&format!("V{item}")).unwrap();
        let array = View::contiguous(dtype, offset, Shape::new(shape.to_vec()), Order::C).unwrap();
        let layout = array.transposed().layout();
        let mut runs = layout.runs(0..layout.nbytes());
        let mut grids = Vec::new();
        let mut at = 0;
        while let Some(grid) = runs.next_grid() {
            grids.push((grid, at));
            at += grid.nbytes() as usize;
        }
        (offset + layout.nbytes(), grids)
    }

    /// A `store` for memory at `base` that backs every run.
    fn stored(base: *mut u8) -> impl Fn(&Run, &[u8]) -> MovedBytes {
        move |interleaved, data| {
            // SAFETY: the tests have memory for every run of their grids.
            unsafe { scatter(base, interleaved, data) }.unwrap();
            (data.len(), Ok(()))
        }
    }

    #[test]
    fn a_grid_moves_the_bytes_of_its_runs() {
        for item in [1, 2, 3, 4, 8, 12, 16, 20, 600] {
            for (rows, columns) in [(2, 3), (5, 64), (37, 29), (300, 7), (3, 700)] {
                for offset in [0, 3, 128] {
                    let (end, grids) = grids(item, offset, [rows, columns]);
                    let before: Vec<u8> = (0..end).map(|k| (k * 7 % 251) as u8).collect();
                    let data: Vec<u8> = (0..end).map(|k| (k * 5 % 241) as u8).collect();
                    let (mut memory, mut expected) = (before.clone(), before);
                    for (grid, at) in grids.into_iter().filter(|(grid, _)| grid.rows > 1) {
                        let data = &data[at..][..grid.nbytes() as usize];
                        let each = grid.run.nbytes() as usize;
                        let base = memory.as_mut_ptr();
                        // SAFETY: the runs are those of an array of so many bytes,
                        // and the memory is no mapping.
                        let moved = unsafe { scatter_grid(base, &grid, data, stored(base)) };
                        let stored = moved.rows;
                        let all = if item <= MAX_ROW / 2 { grid.rows } else { 0 };
                        assert_eq!(stored as u64, all, "{item} {rows} {columns}");
                        for row in 0..stored {
                            let data = &data[row * each..][..each];
                            let run = grid.row(row as u64);
                            // SAFETY: as above.
                            unsafe { scatter(expected.as_mut_ptr(), &run, data) }.unwrap();
                        }
                        assert_eq!(memory, expected, "{item} {rows} {columns} {offset}");
                        let mut out = vec![0; data.len()];
                        // SAFETY: as above.
                        unsafe { gather_grid(memory.as_ptr(), &grid, &mut out) }.unwrap();
                        if stored > 0 {
                            assert_eq!(out, data, "{item} {rows} {columns} {offset}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_grid_gathers_the_pieces_of_each_run_wherever_the_runs_lie() {
        let memory: Vec<u8> = (0..1 << 16).map(|k| (k * 7 % 251) as u8).collect();
        // Runs behind each other, in each other's gaps, and backwards.
        for (offset, stride, spacing) in
            [(0, 8, 800), (3, 13, 1300), (5, 700, 6), (60_000, -9, -900)]
        {
            for piece in [1, 4, 5] {
                let (count, rows) = (70, 9);
                let run = Run {
                    offset,
                    piece,
                    stride,
                    count,
                };
                let grid = Grid { run, rows, spacing };
                let places = (0..rows as i64).flat_map(|row| {
                    let start = offset as i64 + row * spacing;
                    (0..count as i64).map(move |k| (start + k * stride) as usize)
                });
                let pieces = places.flat_map(|at| memory[at..][..piece as usize].iter().copied());
                let expected: Vec<u8> = pieces.collect();
                let mut out = vec![0; expected.len()];
                // SAFETY: every piece lies in the memory, which is no mapping.
                unsafe { gather_grid(memory.as_ptr(), &grid, &mut out) }.unwrap();
                assert!(out == expected, "{grid:?}");
            }
        }
    }

    #[test]
    #[cfg(all(
        any(target_os = "linux", target_os = "macos"),
        any(target_arch = "x86_64", target_arch = "aarch64")
    ))]
    fn a_grid_with_unbacked_pages_is_not_stored_to() {
        crate::mapping::guard::install().unwrap();
        let page = crate::mapping::tables::page_size();
        // 40 rows of at least 7 % of a page: some cross page boundaries.
        let times = page / 4096;
        for (item, columns, cut) in [
            (4, 75 * times, 2 * page),
            (12, 25 * times, page),
            (1, 300 * times, page),
            (2, 2048 * times, page),
        ] {
            let (end, grids) = grids(item, 10, [40, columns]);
            let file = tempfile::tempfile().unwrap();
            file.set_len(end).unwrap();
            let map = memmap2::MmapOptions::new()
                .len(end as usize)
                .map_raw(&file)
                .unwrap();
            file.set_len(cut).unwrap();
            for (grid, _) in grids {
                let data = vec![1; grid.nbytes() as usize];
                let base = map.as_mut_ptr();
                // SAFETY: the runs lie in the mapping, whose end is not backed.
                let moved = unsafe { scatter_grid(base, &grid, &data, stored(base)) };
                assert!(moved.rows == 0 && moved.failed.is_none(), "{grid:?}");
            }
            let kept = std::io::Read::bytes(&file).map(Result::unwrap);
            assert_eq!(kept.filter(|&byte| byte != 0).count(), 0);
        }
    }

    #[test]
    fn a_failed_store_to_a_grid_gives_the_bytes_stored_before_and_the_error() {
        let full = || std::io::Error::from_raw_os_error(libc::ENOSPC);
        // Two tiles of 8 runs of 300 elements; an interleaved row has 64 bytes.
        let (end, grids) = grids(8, 16, [300, 8]);
        for (grid, _) in grids {
            for room in [0, 7, 8, 64, 100, 19_000] {
                let mut memory = vec![0; end as usize];
                let data = vec![1; grid.nbytes() as usize];
                let left = std::cell::Cell::new(room);
                let base = memory.as_mut_ptr();
                let store = |run: &Run, data: &[u8]| {
                    let moved = data.len().min(left.get());
                    left.set(left.get() - moved);
                    for (k, &stored) in data[..moved].iter().enumerate() {
                        let (row, byte) = (k as u64 / run.piece, k as u64 % run.piece);
                        let at = run.slice(row, 1).offset + byte;
                        // SAFETY: the byte lies in the run, and so in the memory.
                        unsafe { *base.add(at as usize) = stored };
                    }
                    let outcome = if moved < data.len() {
                        Err(full())
                    } else {
                        Ok(())
                    };
                    (moved, outcome.map_err(AccessError::Io))
                };
                // SAFETY: the runs are those of an array of so many bytes, and the memory is
                // no mapping.
                let moved = unsafe { scatter_grid(base, &grid, &data, store) };
                let (stored, error) = moved.failed.unwrap();
                let first = grid.row(0);
                let pieces = (0..first.count).map(|k| first.slice(k, 1).offset);
                let bytes = pieces.flat_map(|at| at..at + first.piece);
                let expected = bytes.take_while(|&at| memory[at as usize] == 1).count();
                assert_eq!(
                    (moved.rows, stored),
                    (0, expected),
                    "{grid:?}, room for {room}"
                );
                assert!(
                    matches!(error, AccessError::Io(error) if error.raw_os_error() == full().raw_os_error())
                );
            }
        }
    }
}
