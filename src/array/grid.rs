//! Grids: equally spaced runs of the same shape. A grid lets `mapping` choose the
//! loop order of a copy. In a transposed view, for example, the pieces of one run
//! are far apart, and the pieces of the next run are adjacent to them.

use std::ops::Range;

use super::runs::{Run, Runs};

/// Equally spaced runs of the same shape that are consecutive in a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    /// The first run.
    pub run: Run,
    /// Number of runs, at least 1.
    pub rows: u64,
    /// Distance in bytes between the first pieces of consecutive runs.
    pub spacing: i64,
}

impl Grid {
    /// Total size of all runs in bytes.
    pub fn nbytes(&self) -> u64 {
        self.run.nbytes() * self.rows
    }

    /// The highest file offset at which a piece ends, in bytes.
    pub fn end(&self) -> u64 {
        let highest = (self.rows - 1) as i64 * self.spacing.max(0);
        self.run.end().wrapping_add_signed(highest)
    }

    /// The run of index `row`.
    pub fn row(&self, row: u64) -> Run {
        let ahead = row as i64 * self.spacing;
        Run {
            offset: self.run.offset.wrapping_add_signed(ahead),
            ..self.run
        }
    }

    /// The runs `rows` as one run in file order. Piece k of the result consists of
    /// piece k of each of the runs. Adjacent runs must be adjacent in the file:
    /// `spacing` equals the size of a piece.
    pub fn interleaved_run(&self, rows: Range<usize>) -> Run {
        debug_assert_eq!(self.spacing, self.run.piece as i64);
        Run {
            piece: self.run.piece * rows.len() as u64,
            ..self.row(rows.start as u64)
        }
    }
}

impl Runs<'_> {
    /// The longest grid of the next runs. `None` at the end of the range.
    pub fn next_grid(&mut self) -> Option<Grid> {
        self.next_full_rows().or_else(|| {
            let run = self.next()?;
            Some(Grid {
                run,
                rows: 1,
                spacing: 0,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::array::{Order, Shape, View};
    use crate::dtype::DType;

    #[test]
    fn the_rows_of_grids_are_the_runs_of_the_view() {
        let array = |shape: &[u64]| {
            let dtype = DType::parse("<i2").unwrap();
            View::contiguous(dtype, 10, Shape::new(shape.to_vec()), Order::C).unwrap()
        };
        let deep = array(&[3, 4, 5, 2]);
        for view in [
            array(&[7]),
            array(&[6, 9]),
            array(&[6, 9]).transposed(),
            array(&[1, 9]).transposed(),
            deep.transposed(),
            deep.take(1, 2).unwrap().transposed(),
        ] {
            let layout = view.layout();
            for start in 0..view.nbytes() {
                for end in [start + 1, start + 7, start + 40, view.nbytes()] {
                    let mut runs = layout.runs(start..end);
                    let mut found = Vec::new();
                    while let Some(grid) = runs.next_grid() {
                        let rows = (0..grid.rows).map(|row| grid.row(row));
                        let highest = rows.clone().map(|run| run.end()).max().unwrap();
                        assert_eq!(highest, grid.end());
                        let bytes: u64 = rows.clone().map(|run| run.piece * run.count).sum();
                        assert_eq!(bytes, grid.nbytes());
                        found.extend(rows);
                    }
                    let expected: Vec<Run> = layout.runs(start..end).collect();
                    assert_eq!(found, expected, "{view:?} {start}..{end}");
                }
            }
        }
    }

    #[test]
    fn a_transposed_view_is_one_grid() {
        let dtype = DType::parse("<f4").unwrap();
        let array = View::contiguous(dtype, 0, Shape::new(vec![20, 30]), Order::C).unwrap();
        let layout = array.transposed().layout();
        let mut runs = layout.runs(0..layout.nbytes());
        let grid = runs.next_grid().unwrap();
        assert_eq!((grid.rows, grid.spacing), (30, 4));
        assert_eq!((grid.run.count, grid.run.stride), (20, 120));
        assert_eq!(runs.next_grid(), None);
    }
}
