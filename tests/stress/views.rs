//! Arrays for the stress tests, and their views according to NumPy. An array consists of cells:
//! aligned elements or fields of at most eight bytes, which are read and written atomically. The
//! value of a cell is its writer's counter.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::Dir;
use crate::common::arrays::{Raw, run_script};

/// Each takes several pages, and none of its rows a whole number of them.
#[rustfmt::skip]
pub const KINDS: [Raw; 4] = [
    Raw { dtype: "u1", shape: "96,131", order: "C", offset: "5" },
    Raw { dtype: "[('id','<i8'),('x','>f4'),('y','<f4')]", shape: "40,25", order: "C", offset: "64" },
    Raw { dtype: "<u8", shape: "50,41", order: "F", offset: "128" },
    Raw { dtype: ">u8", shape: "8,16,33", order: "C", offset: "0" },
];

/// An element or a field: where it lies in the file, and its length in bytes.
#[derive(Clone, Copy)]
pub struct Cell {
    pub at: usize,
    pub len: usize,
    /// Whether `native/` shows its bytes in reverse.
    is_foreign: bool,
}

/// A file of the mount.
pub struct View {
    /// The path in the mount.
    pub path: String,
    /// The cells in order.
    pub cells: Vec<u32>,
    /// Where each begins in the file, a header aside.
    at: Vec<usize>,
}

/// An array that is mounted.
pub struct Array {
    pub cells: Vec<Cell>,
    pub views: Vec<View>,
}

impl Array {
    /// Makes the file of an array, all of its cells at count 0, and describes
    /// it in `dir` with views that follow from `seed`.
    pub fn create(dir: &Dir, kind: &Raw, seed: u64) -> (Array, PathBuf) {
        let seed = seed.to_string();
        let arguments = [kind.dtype, kind.shape, kind.order, kind.offset, &seed];
        run_script(dir, "stress/cells.py", &arguments);
        let array = Array::load(dir.path());
        let len = array.cells.iter().map(|cell| cell.at + cell.len).max();
        // Half a page more, which no view shows.
        let mut bytes = vec![0xee; len.unwrap() + 2048];
        for (number, cell) in array.cells.iter().enumerate() {
            bytes[cell.at..][..cell.len].copy_from_slice(&array.value(number, 0));
        }
        let file = dir.file("array.bin", bytes);
        (array, file)
    }

    /// Reads what has been described in a directory.
    pub fn load(directory: &Path) -> Array {
        let words = fs::read(directory.join("array.u32")).unwrap();
        let mut words = words
            .as_chunks()
            .0
            .iter()
            .map(|word| u32::from_le_bytes(*word));
        let text = fs::read_to_string(directory.join("array.txt")).unwrap();
        let mut lines = text.lines();
        let count: usize = lines.next().unwrap().parse().unwrap();
        let mut next = || words.next().unwrap();
        let cells: Vec<Cell> = (0..count)
            .map(|_| Cell {
                at: next() as usize,
                len: next() as usize,
                is_foreign: next() != 0,
            })
            .collect();
        let view = |line: &str| {
            let (count, path) = line.split_once(' ').unwrap();
            let numbers = 0..count.parse().unwrap();
            let view_cells: Vec<u32> = numbers.map(|_| next()).collect();
            let mut end = 0;
            let mut place = |&cell: &u32| {
                let at = end;
                end += cells[cell as usize].len;
                at
            };
            View {
                path: path.into(),
                at: view_cells.iter().map(&mut place).collect(),
                cells: view_cells,
            }
        };
        let views = lines.map(view).collect();
        Array { cells, views }
    }

    /// The bytes of a cell as the view shows those in the file; the other way round, too.
    pub fn shown(&self, view: usize, cell: usize, mut bytes: Vec<u8>) -> Vec<u8> {
        if self.cells[cell].is_foreign && self.views[view].is_native() {
            bytes.reverse();
        }
        bytes
    }

    /// The bytes of a cell in the file at a count.
    pub fn value(&self, cell: usize, count: u64) -> Vec<u8> {
        let key = key(cell);
        match self.cells[cell].len {
            1 => vec![count as u8],
            4 => {
                let count = count as u16;
                let check = !count ^ key as u16;
                (u32::from(check) << 16 | u32::from(count))
                    .to_le_bytes()
                    .into()
            }
            8 => {
                let count = count as u32;
                let check = !count ^ key;
                (u64::from(check) << 32 | u64::from(count))
                    .to_le_bytes()
                    .into()
            }
            len => panic!("a cell of {len} bytes"),
        }
    }

    /// What is wrong with bytes that were read of a cell whose count then was
    /// `low` to `high`.
    pub fn fault(&self, cell: usize, bytes: &[u8], low: u64, high: u64) -> Option<Fault> {
        let count = self.count_near(cell, bytes, low);
        if bytes != self.value(cell, count) {
            return Some(Fault::Torn);
        }
        (count < low || count > high).then_some(Fault::Stale)
    }

    /// The count that the bytes of a cell tell, of which it holds the lowest
    /// bits: the one nearest to `low`.
    pub fn count_near(&self, cell: usize, bytes: &[u8], low: u64) -> u64 {
        let bits = match self.cells[cell].len {
            1 => 8,
            len => len as u32 * 4,
        };
        let mut held = [0; 8];
        held[..bits as usize / 8].copy_from_slice(&bytes[..bits as usize / 8]);
        let span = 1u64 << bits;
        let above = u64::from_le_bytes(held).wrapping_sub(low) & (span - 1);
        let is_below = above >= span / 2 && low >= span - above;
        match is_below {
            true => low - (span - above),
            false => low + above,
        }
    }
}

impl View {
    /// Where the cell at `position` begins, in bytes after a header.
    pub fn at(&self, position: usize) -> usize {
        self.at[position]
    }

    /// Whether the file is in the byte order of the machine.
    fn is_native(&self) -> bool {
        self.path.split('/').any(|name| name == "native")
    }

    /// Whether the file has a header, which no view without one has.
    pub fn has_header(&self) -> bool {
        self.path.ends_with(".npy") || self.path.ends_with(".tif")
    }
}

/// What can be wrong with bytes that were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// An older value than the one that had been written.
    Stale,
    /// No value that was ever written.
    Torn,
}

/// Distinguishes the values of neighbours.
fn key(cell: usize) -> u32 {
    (cell as u32).wrapping_mul(0x9e37_79b1) >> 3
}
