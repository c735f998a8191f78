//! An array of 8-byte words. The elements and file offsets of its views are computed
//! arithmetically.

use crate::common::calls::Numbers;

/// Bytes of an element.
pub const WORD: usize = 8;

/// An array. Its last row is left to whoever writes elsewhere in the file, its last
/// column to those who store through mappings of views.
pub struct Shape {
    pub dtype: &'static str,
    pub rows: usize,
    pub columns: usize,
    pub order: &'static str,
    pub offset: usize,
    /// Of how many elements one is looked at.
    pub looked_at: usize,
}

/// The last has 1 MiB, as much as a request. Passthrough takes the first and the last.
pub const SHAPES: [Shape; 3] = [
    shape("<u8", [33, 31], "C", 0, 1),
    shape(">u8", [29, 37], "F", 64, 1),
    shape(">u8", [128, 1024], "C", 0, 2048),
];

/// The number of that one.
pub const LARGE: usize = 2;

const fn shape(
    dtype: &'static str,
    [rows, columns]: [usize; 2],
    order: &'static str,
    offset: usize,
    looked_at: usize,
) -> Shape {
    Shape {
        dtype,
        rows,
        columns,
        order,
        offset,
        looked_at,
    }
}

/// A file of the mount: elements are numbered in row-major order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    pub path: String,
    pub start: i64,
    pub lens: [usize; 2],
    pub steps: [i64; 2],
}

impl View {
    fn new(path: String, start: usize, lens: [usize; 2], steps: [i64; 2]) -> View {
        View {
            path,
            start: start as i64,
            lens,
            steps,
        }
    }

    /// How many elements it has.
    pub fn len(&self) -> usize {
        self.lens[0] * self.lens[1]
    }

    /// The element at a position.
    pub fn element(&self, position: usize) -> usize {
        let [line, place] = [position / self.lens[1], position % self.lens[1]];
        let element = self.start + line as i64 * self.steps[0] + place as i64 * self.steps[1];
        element as usize
    }

    /// The bytes of a word as the view shows those in the file; the other way round, too.
    pub fn shown(&self, mut word: [u8; WORD]) -> [u8; WORD] {
        if self.path.starts_with("native/") {
            word.reverse();
        }
        word
    }

    /// Whether the file has a header.
    pub fn has_header(&self) -> bool {
        self.path.ends_with(".npy") || self.path.ends_with(".tif")
    }
}

impl Shape {
    /// The options that describe it.
    pub fn options(&self) -> Vec<String> {
        let shape = format!("{},{}", self.rows, self.columns);
        let offset = self.offset.to_string();
        [
            "--dtype", self.dtype, "--shape", &shape, "--order", self.order, "--offset", &offset,
        ]
        .map(str::to_owned)
        .into()
    }

    /// How many elements it has.
    pub fn len(&self) -> usize {
        self.rows * self.columns
    }

    /// Bytes of the file.
    pub fn bytes(&self) -> usize {
        self.offset + self.len() * WORD
    }

    /// Where in the file an element begins.
    pub fn place(&self, element: usize) -> u64 {
        let (row, column) = (element / self.columns, element % self.columns);
        let number = match self.order {
            "C" => element,
            _ => column * self.rows + row,
        };
        (self.offset + number * WORD) as u64
    }

    /// Whether all that happens to an element is judged.
    pub fn is_looked_at(&self, element: usize) -> bool {
        element < self.len() - self.columns
            && (element.wrapping_mul(0x9e37_79b1) >> 7).is_multiple_of(self.looked_at)
    }

    /// Whether an element is written through mappings of views only, if there are any.
    pub fn is_stored(&self, element: usize) -> bool {
        element % self.columns == self.columns - 1
    }

    /// Some element that is looked at.
    pub fn some(&self, numbers: &mut Numbers) -> usize {
        loop {
            let element = numbers.below(self.len());
            if self.is_looked_at(element) {
                return element;
            }
        }
    }

    /// The view that shows the whole array in row-major order.
    pub fn whole(&self) -> View {
        let columns = self.columns as i64;
        View::new("data".into(), 0, [self.rows, self.columns], [columns, 1])
    }

    /// The one that shows it in column-major order.
    pub fn transposed(&self) -> View {
        let columns = self.columns as i64;
        View::new("T/data".into(), 0, [self.columns, self.rows], [1, columns])
    }

    /// A row.
    pub fn row(&self, row: usize) -> View {
        let lens = [1, self.columns];
        View::new(format!("rows/{row}"), row * self.columns, lens, [0, 1])
    }

    /// Some view that shows an element, and the element's position there.
    pub fn view_of(&self, element: usize, numbers: &mut Numbers) -> (View, usize) {
        let Shape { rows, columns, .. } = *self;
        let step = columns as i64;
        let (row, column) = (element / columns, element % columns);
        let named = |path: String, view: View| View { path, ..view };
        let a_row = |path| (named(path, self.row(row)), column);
        let a_column = |path| (View::new(path, column, [1, rows], [0, step]), row);
        let data = |path: &str| (named(path.into(), self.whole()), element);
        let transposed = |path: &str| {
            let view = named(path.into(), self.transposed());
            (view, column * rows + row)
        };
        let (mut view, position) = match numbers.below(16) {
            0..3 => data("data"),
            3..5 => transposed("T/data"),
            5..7 => a_row(format!("rows/{row}")),
            7 => a_column(format!("cols/{column}")),
            8 => a_row(format!("T/cols/{row}")),
            9 => a_column(format!("axes/1/{column}")),
            10 => data(["npy/data.npy", "tiff/data.tif"][numbers.below(2)]),
            11 => a_row(format!("npy/rows/{row}.npy")),
            12 => transposed(["T/npy/data.npy", "T/tiff/data.tif"][numbers.below(2)]),
            13 => {
                let view = View::new(
                    "slices/::-1".into(),
                    (rows - 1) * columns,
                    [rows, columns],
                    [-step, 1],
                );
                (view, (rows - 1 - row) * columns + column)
            }
            14 => {
                let from = numbers.below(column + 1);
                let lens = [rows, columns - from];
                let view = View::new(format!("slices/:,{from}:"), from, lens, [step, 1]);
                (view, row * lens[1] + column - from)
            }
            _ => {
                let from = numbers.below(row + 1);
                let lens = [columns, rows - from];
                let path = format!("T/slices/:,{from}:");
                let view = View::new(path, from * columns, lens, [1, step]);
                (view, column * lens[1] + row - from)
            }
        };
        if self.dtype == ">u8" && numbers.below(3) == 0 {
            view.path.insert_str(0, "native/");
        }
        (view, position)
    }
}

#[test]
fn views_show_the_element_that_was_asked_for() {
    let mut numbers = Numbers(5);
    for shape in &SHAPES {
        for _ in 0..2000 {
            let element = numbers.below(shape.len());
            let (view, position) = shape.view_of(element, &mut numbers);
            assert_eq!(view.element(position), element, "{view:?}");
            assert!(view.element(view.len() - 1) < shape.len(), "{view:?}");
        }
    }
}
