//! Arrays for the stress tests, and their views according to NumPy. An array consists of cells:
//! aligned elements or fields of at most eight bytes, which are read and written atomically. The
//! value of a cell is its writer's counter.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::Dir;
use crate::common::arrays::python;

/// A kind of array.
pub struct Kind {
    dtype: &'static str,
    shape: &'static str,
    order: &'static str,
    offset: &'static str,
}

const fn kind(
    dtype: &'static str,
    shape: &'static str,
    order: &'static str,
    offset: &'static str,
) -> Kind {
    Kind {
        dtype,
        shape,
        order,
        offset,
    }
}

/// Each takes several pages, and none of its rows a whole number of them.
pub const KINDS: [Kind; 4] = [
    kind("u1", "96,131", "C", "5"),
    kind("[('id','<i8'),('x','<f4'),('y','<f4')]", "40,25", "C", "64"),
    kind("<u8", "50,41", "F", "128"),
    kind("<u8", "8,16,33", "C", "0"),
];

impl Kind {
    /// The options that describe it.
    pub fn options(&self) -> Vec<&'static str> {
        vec![
            "--dtype",
            self.dtype,
            "--shape",
            self.shape,
            "--order",
            self.order,
            "--offset",
            self.offset,
        ]
    }
}

/// Writes to `array.u32` where in the file each cell lies and how long it is,
/// then the cells of each view in order; to `array.txt` how many there are and
/// what the views are called.
const DESCRIBE: &str = r#"
import random, sys
import numpy as np
dtype, shape, order, offset, seed = sys.argv[1:]
random.seed(int(seed))
dtype = np.dtype(eval(dtype) if dtype.startswith("[") else dtype)
shape = tuple(int(length) for length in shape.split(","))
fields = dtype.fields or {"": (dtype, 0)}
leaves = [(fields[name][1], fields[name][0].itemsize) for name in dtype.names or [""]]
items = np.arange(np.prod(shape)).reshape(shape, order=order)
cells = [(int(offset) + item * dtype.itemsize + at, length)
         for item in range(items.size) for at, length in leaves]

def index(shape):
    parts = []
    for length in shape:
        if random.random() < 0.25:
            parts.append(random.randrange(-length, length))
        else:
            step = random.choice([1, 1, 1, -1, 2, -3, 5])
            ends = [random.choice([None, random.randrange(-length, length)]) for _ in range(2)]
            parts.append(slice(*ends, step))
    if random.random() < 0.2:
        parts = parts[:random.randrange(len(parts) + 1)] + [...]
    return tuple(parts)

def name(index):
    def word(part):
        if part is ...:
            return "..."
        if isinstance(part, slice):
            start, stop, step = ["" if n is None else str(n)
                                 for n in (part.start, part.stop, part.step)]
            return f"{start}:{stop}:{step}"
        return str(part)
    return ",".join(map(word, index))

views = {}
def directory(prefix, numbers, shape):
    a = numbers
    ndim = len(shape)
    some = {"data": a}
    for i in range(shape[0]):
        some[f"rows/{i}"] = a[i]
    for j in range(shape[1]):
        some[f"cols/{j}"] = a[:, j]
    for axis in range(ndim):
        for i in range(shape[axis]):
            some[f"axes/{axis}/{i}"] = a.take(i, axis=axis)
    for _ in range(30):
        chosen = index(shape)
        where = chosen if ... in chosen else chosen + (...,)
        some["slices/" + name(chosen)] = a[where + (slice(None),)]
    # Whole arrays are few and overlap with everything.
    kept = ["data"] + random.sample(sorted(some), min(40, len(some)))
    for path in kept:
        encoding, suffix = random.choice([("", "")] * 3 + [("npy/", ".npy")])
        if some[path].size:
            views[prefix + encoding + path + suffix] = some[path]

for names in [[None]] + ([[field] for field in dtype.names] if dtype.names else []):
    field = names[0]
    chosen = range(len(leaves)) if field is None else [list(dtype.names).index(field)]
    numbers = items[..., None] * len(leaves) + np.array(chosen)
    prefix = "" if field is None else f"fields/{field}/"
    directory(prefix, numbers, items.shape)
    transposed = tuple(reversed(range(items.ndim))) + (items.ndim,)
    directory(prefix + "T/", numbers.transpose(transposed), items.T.shape)
# Every cell is in these two.
everything = items[..., None] * len(leaves) + np.arange(len(leaves))
views["data"] = everything
views["T/data"] = everything.transpose(tuple(reversed(range(items.ndim))) + (items.ndim,))

with open("array.u32", "wb") as out:
    np.array(cells, dtype="<u4").tofile(out)
    for numbers in views.values():
        numbers.astype("<u4").tofile(out)
with open("array.txt", "w") as out:
    print(len(cells), file=out)
    for path, numbers in views.items():
        print(numbers.size, path, file=out)
"#;

/// An element or a field: where it lies in the file, and its length in bytes.
#[derive(Clone, Copy)]
pub struct Cell {
    pub at: usize,
    pub len: usize,
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
    pub fn create(dir: &Dir, kind: &Kind, seed: u64) -> (Array, PathBuf) {
        let seed = seed.to_string();
        let arguments = [kind.dtype, kind.shape, kind.order, kind.offset, &seed];
        python(dir, DESCRIBE, &arguments);
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
            .chunks_exact(4)
            .map(|word| u32::from_le_bytes(word.try_into().unwrap()));
        let text = fs::read_to_string(directory.join("array.txt")).unwrap();
        let mut lines = text.lines();
        let count: usize = lines.next().unwrap().parse().unwrap();
        let mut next = || words.next().unwrap();
        let cells: Vec<Cell> = (0..count)
            .map(|_| Cell {
                at: next() as usize,
                len: next() as usize,
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

    /// The bytes of a cell at a count.
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

    /// Whether the file has a header, which no view without one has.
    pub fn has_header(&self) -> bool {
        self.path.ends_with(".npy")
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
