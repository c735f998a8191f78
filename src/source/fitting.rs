//! Advice about an array that does not fit its file: which dtype or shape would. A shape is only
//! suggested if it uses the whole file, or else keeps the lengths that determine the strides.

use super::DTypeNote;
use crate::array::{Order, Shape};
use crate::dtype::DType;

/// An array, as described by the user.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    pub(super) dtype: &'a DType,
    pub(super) shape: &'a Shape,
    pub(super) order: Order,
    pub(super) note: Option<&'a DTypeNote>,
}

/// The most shapes in a suggestion.
const MAX_SHAPES: usize = 3;

/// The item sizes of numbers, in bytes.
const SIZES: [u64; 5] = [1, 2, 4, 8, 16];

impl Wanted<'_> {
    /// What is known about the array that the `available` bytes can hold.
    pub(super) fn advice(&self, available: u64) -> String {
        let known = self.fitting_dtype(available);
        let known = known.unwrap_or_else(|| self.fitting_shapes(available));
        match self.note {
            Some(note) => format!("{}; {known}", note.text),
            None => known,
        }
    }

    /// The dtype or item size that the shape fits with exactly.
    fn fitting_dtype(&self, available: u64) -> Option<String> {
        let count = self.shape.count().filter(|&count| count > 0)?;
        let size = available / count;
        if !available.is_multiple_of(count) || !SIZES.contains(&size) {
            return None;
        }
        let other = self.note.and_then(|note| note.other);
        Some(match other.filter(|other| size_of(other) == Some(size)) {
            Some(other) => format!("--dtype {other} would fit exactly"),
            None if size == 1 => "items of 1 byte would fit exactly".into(),
            None => format!("items of {size} bytes would fit exactly"),
        })
    }

    /// The shapes that differ in one length and fit.
    fn fitting_shapes(&self, available: u64) -> String {
        let itemsize = self.dtype.itemsize();
        let along = |axis| self.shape.fitting_along(axis, itemsize, available);
        let axes: Vec<usize> = match self.order {
            Order::C => (0..self.shape.ndim()).collect(),
            Order::F => (0..self.shape.ndim()).rev().collect(),
        };
        let exact = axes.iter().filter_map(|&axis| along(axis));
        let exact: Vec<String> = exact
            .filter(|&(_, rest)| rest == 0)
            .map(|(shape, _)| shape.option())
            .collect();
        if !exact.is_empty() && exact.len() <= MAX_SHAPES {
            return format!("--shape {} would fit exactly", exact.join(" or "));
        }
        // Only the length of the slowest axis leaves the strides as they are.
        let slowest = axes.first().and_then(|&axis| along(axis));
        match slowest.filter(|_| exact.is_empty()) {
            Some((shape, _)) => format!("--shape {} would fit", shape.option()),
            None => format!("the file has room for {} items", available / itemsize),
        }
    }

    /// Advice about `available` bytes that are not a multiple of the items, or of the steps along
    /// the axis that is inferred. `shape` is the largest that fits.
    pub(super) fn advice_on_rest(&self, available: u64, step: u64, is_slowest: bool) -> String {
        let check = "check --dtype, --shape and --offset";
        if let Some(note) = self.note {
            let other = note.other.filter(|other| {
                let bytes = size_of(other).and_then(|size| size.checked_mul(step));
                bytes.is_some_and(|bytes| available.is_multiple_of(bytes))
            });
            return match other {
                Some(other) => format!("{}; --dtype {other} would fit exactly", note.text),
                None => format!("{check}; {}", note.text),
            };
        }
        match is_slowest && self.shape.count() > Some(0) {
            true => format!(
                "{check}, or ignore the rest of the file: --shape {}",
                self.shape.option()
            ),
            false => check.into(),
        }
    }
}

/// The item size of a dtype in the table of names.
fn size_of(name: &str) -> Option<u64> {
    DType::parse(name).ok().map(|dtype| dtype.itemsize())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTE: DTypeNote = DTypeNote {
        text: "float is float64 in NumPy, float32 in C",
        other: Some("float32"),
    };

    use Order::{C, F};

    /// Lengths, order, item size, bytes in the file, and the advice.
    const CASES: &[(&[u64], Order, u64, u64, &str)] = &[
        (
            &[200, 4],
            C,
            8,
            4800,
            "--shape 150,4 or 200,3 would fit exactly",
        ),
        (
            &[200, 4],
            F,
            8,
            4800,
            "--shape 200,3 or 150,4 would fit exactly",
        ),
        (&[151, 4], F, 8, 4800, "--shape 150,4 would fit exactly"),
        (&[4, 151], C, 8, 4800, "--shape 4,150 would fit exactly"),
        (&[200, 4], C, 8, 4801, "--shape 150,4 would fit"),
        (&[199, 7], C, 8, 4800, "--shape 85,7 would fit"),
        (&[7, 199], F, 8, 4800, "--shape 7,85 would fit"),
        (&[1000, 1000], C, 8, 4800, "the file has room for 600 items"),
        (&[4, 4, 151], C, 8, 4800, "the file has room for 600 items"),
        (&[1200], C, 8, 4800, "items of 4 bytes would fit exactly"),
        (&[2, 2, 2, 3], C, 2, 24, "items of 1 byte would fit exactly"),
        (&[5, 5, 5, 5], C, 8, 1000, "the file has room for 125 items"),
        (&[], C, 8, 4, "items of 4 bytes would fit exactly"),
    ];

    #[test]
    fn a_shape_is_suggested_if_it_uses_the_whole_file_or_keeps_the_strides() {
        for &(lengths, order, itemsize, available, expected) in CASES {
            let (shape, dtype) = (
                Shape::new(lengths.to_vec()),
                DType::parse(&format!("V{itemsize}")),
            );
            let wanted = Wanted {
                dtype: &dtype.unwrap(),
                shape: &shape,
                order,
                note: None,
            };
            assert_eq!(wanted.advice(available), expected, "{lengths:?}");
        }
    }

    #[test]
    fn the_rest_of_a_file_is_ignored_only_along_the_slowest_axis() {
        let check = "check --dtype, --shape and --offset";
        let shape = Shape::new(vec![85, 7]);
        for (note, is_slowest, expected) in [
            (
                None,
                true,
                format!("{check}, or ignore the rest of the file: --shape 85,7"),
            ),
            (None, false, check.to_owned()),
            (
                Some(&NOTE),
                true,
                format!("{}; --dtype float32 would fit exactly", NOTE.text),
            ),
        ] {
            let wanted = Wanted {
                dtype: &DType::parse("f8").unwrap(),
                shape: &shape,
                order: Order::C,
                note,
            };
            assert_eq!(wanted.advice_on_rest(4788, 7, is_slowest), expected);
        }
    }

    #[test]
    fn a_name_of_two_sizes_is_explained_before_a_shape_is_changed() {
        for (length, expected) in [
            (
                1200,
                "float is float64 in NumPy, float32 in C; --dtype float32 would fit exactly",
            ),
            (
                700,
                "float is float64 in NumPy, float32 in C; --shape 600 would fit exactly",
            ),
        ] {
            let shape = Shape::new(vec![length]);
            let wanted = Wanted {
                dtype: &DType::parse("float").unwrap(),
                shape: &shape,
                order: Order::C,
                note: Some(&NOTE),
            };
            assert_eq!(wanted.advice(4800), expected);
        }
    }
}
