//! Moving whole grids between the mapping and memory of our own, in the order in
//! which they lie in the file instead of that of their bytes. What faults before anything
//! has been moved is left to be moved run by run.

use std::ops::Range;

use super::AccessError;
use super::copy::{Fault, gather};
use super::guard::touch;
use super::interleave::{deinterleave, interleave};
use crate::array::{Grid, Run};

/// Copies the runs of `grid`, counted from `base`, one after the other into `out`,
/// which has exactly as many bytes. Where the runs lie side by side, whole lines
/// of the file are copied while they are in the fastest cache.
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
        match part.lines {
            Some(lines) => {
                let tile = &mut tile[..lines.nbytes() as usize];
                // SAFETY: the pieces of the lines are those of runs side by side.
                unsafe { gather(base, &lines, tile) }?;
                let (item, count) = (grid.run.piece as usize, part.rows.len());
                deinterleave(tile, item, part.first * item, out, count);
            }
            None => {
                let run = grid.row(part.rows.start as u64);
                let run = run.slice(part.first as u64, part.count as u64);
                let item = run.piece as usize;
                let out = &mut out[part.first * item..][..part.count * item];
                // SAFETY: as above, a part of one run.
                unsafe { gather(base, &run, out) }?;
            }
        }
    }
    Ok(())
}

/// What has become of the runs of a grid.
#[derive(Debug)]
pub(super) struct Moved {
    /// How many of the first runs have been moved.
    pub(super) rows: usize,
    /// Where a byte could not be stored, though it had been found writable, and why. Of the
    /// other runs all that lies before has been stored, in whatever order.
    pub(super) failed: Option<(u64, AccessError)>,
}

/// How many bytes of a run were moved, and why not all.
pub(super) type MovedBytes = (usize, Result<(), AccessError>);

/// Has `store` copy `data` over the first runs of `grid`, counted from `base`. Only runs
/// that lie side by side are moved, by whole lines of the file. That is not the order of
/// their bytes, and what lies behind a fault is not to change: so a line is stored to only
/// when all of those that are to be stored together have been found writable.
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
    let ended = |rows, failed| Moved { rows, failed };
    let mut writable = 0;
    for part in tiles(grid) {
        let Some(lines) = part.lines else {
            return ended(0, None);
        };
        let rows = part.rows;
        if rows.start == writable {
            // SAFETY: the pieces of the lines are those of runs side by side.
            if !unsafe { make_writable(base, &grid.interleaved_run(rows.clone())) } {
                return ended(rows.start, None);
            }
            writable = rows.end;
        }
        let data = &data[rows.start * each..rows.end * each];
        let tile = &mut tile[..lines.nbytes() as usize];
        interleave(data, item, part.first * item, tile, rows.len());
        if let (moved, Err(error)) = store(&lines, tile) {
            let (line, byte) = (moved as u64 / lines.piece, moved as u64 % lines.piece);
            let place = lines.slice(line, 1).offset + byte;
            return ended(rows.start, Some((place, error)));
        }
    }
    ended(grid.rows as usize, None)
}

/// Has the pages of the pieces of `run`, which are shorter than a page, made
/// writable without changing them: blocks are found for holes, private pages are
/// copied. Returns whether all of them could be.
///
/// # Safety
///
/// As for [`scatter`].
unsafe fn make_writable(base: *mut u8, run: &Run) -> bool {
    let (first, last) = (run.offset, run.offset + run.piece - 1);
    let in_one_page = run.stride % PAGE as i64 == 0 && first / PAGE == last / PAGE;
    let ends = [Some(first), (!in_one_page).then_some(last)];
    ends.into_iter().flatten().all(|at| {
        let at = base.wrapping_add(at as usize);
        // SAFETY: the bytes are of pieces of the run.
        unsafe { touch(at, run.stride as isize, run.count as usize) == 0 }
    })
}

/// The smallest page there is.
const PAGE: u64 = 4096;

/// The bytes that are moved together, which stay in the fastest cache.
const TILE: usize = 1 << 14;

/// The most bytes of a line: longer ones gain nothing.
const WIDEST: usize = 1 << 10;

/// How many pieces of a run are moved before those of the next run.
const STRETCH: usize = 32;

/// A part of a grid.
struct Tile {
    /// Which runs.
    rows: Range<usize>,
    /// The first piece of each.
    first: usize,
    /// How many pieces of each.
    count: usize,
    /// The same as one run, if the runs lie side by side.
    lines: Option<Run>,
}

/// The parts in which the runs of `grid` are best moved.
fn tiles(grid: &Grid) -> impl Iterator<Item = Tile> + use<> {
    let grid = *grid;
    let (piece, count) = (grid.run.piece as usize, grid.run.count as usize);
    let rows = grid.rows as usize;
    let side_by_side = grid.spacing == grid.run.piece as i64 && piece <= WIDEST / 2;
    // How many runs and how many pieces of each at once.
    let (abreast, stretch) = match side_by_side {
        true => {
            let abreast = (WIDEST / piece).min(rows);
            (abreast, TILE / (abreast * piece))
        }
        false => (1, STRETCH),
    };
    let tile = move |rows: Range<usize>, first: usize| {
        let count = stretch.min(count - first);
        let lines = || {
            grid.interleaved_run(rows.clone())
                .slice(first as u64, count as u64)
        };
        let lines = side_by_side.then(lines);
        Tile {
            rows,
            first,
            count,
            lines,
        }
    };
    let groups = move || {
        (0..rows)
            .step_by(abreast)
            .map(move |row| row..rows.min(row + abreast))
    };
    let stretches = move || (0..count).step_by(stretch);
    // Lines group by group; parts of runs across all runs.
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

    /// The bytes of a two-dimensional array of items of `item` bytes, and all grids
    /// of its transposed view with the number of their first byte.
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

    /// What stores lines at `base`, where all of them are.
    fn stored(base: *mut u8) -> impl Fn(&Run, &[u8]) -> MovedBytes {
        move |lines, data| {
            // SAFETY: the tests have memory for every run of their grids.
            unsafe { scatter(base, lines, data) }.unwrap();
            (data.len(), Ok(()))
        }
    }

    #[test]
    fn a_grid_is_moved_as_its_runs_are() {
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
                        let all = if item <= WIDEST / 2 { grid.rows } else { 0 };
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
    #[cfg(all(
        target_os = "linux",
        any(target_arch = "x86_64", target_arch = "aarch64")
    ))]
    fn a_grid_that_is_not_all_there_is_not_stored_to() {
        crate::mapping::guard::install().unwrap();
        // 40 rows of 300 bytes and more: some lines cross pages.
        for (item, columns, cut) in [
            (4, 75, 8192),
            (12, 25, 4096),
            (1, 300, 4096),
            (2, 2048, 4096),
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
    fn a_store_to_a_grid_that_fails_says_where_and_why() {
        let full = || std::io::Error::from_raw_os_error(libc::ENOSPC);
        // Two tiles of 8 runs of 300 elements, the lines of which have 64 bytes.
        let (end, grids) = grids(8, 16, [300, 8]);
        let (grid, _) = grids[0];
        let mut memory = vec![0; end as usize];
        let data = vec![1; grid.nbytes() as usize];
        for (room, place) in [(0, 16), (7, 23), (64, 80), (19_000, 19_016)] {
            let left = std::cell::Cell::new(room);
            let store = |_: &Run, data: &[u8]| {
                let moved = data.len().min(left.get());
                left.set(left.get() - moved);
                let outcome = if moved < data.len() {
                    Err(full())
                } else {
                    Ok(())
                };
                (moved, outcome.map_err(AccessError::Io))
            };
            // SAFETY: the runs are those of an array of so many bytes, and the memory is no
            // mapping.
            let moved = unsafe { scatter_grid(memory.as_mut_ptr(), &grid, &data, store) };
            let (at, error) = moved.failed.unwrap();
            assert_eq!((moved.rows, at), (0, place), "room for {room}");
            assert!(
                matches!(error, AccessError::Io(error) if error.raw_os_error() == full().raw_os_error())
            );
        }
    }
}
