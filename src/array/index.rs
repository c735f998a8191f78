//! NumPy's basic indexing, such as `a[3, ::2, ..., newaxis]`: parsing an index and
//! applying it to a view. The names of the resulting files are left to `tree`.

use std::iter;
use std::str::FromStr;

use super::{MAX_NDIM, Shape, View};

/// The maximum number of parts in an index in NumPy, an ellipsis included.
const MAX_PARTS: usize = 2 * MAX_NDIM;

/// A basic index: integers, slices, `...` and `newaxis`. An index without `...`
/// equals the one that ends with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// The parts before the ellipsis.
    before: Vec<Part>,
    /// The parts after the ellipsis.
    after: Vec<Part>,
}

/// The part of an index for one axis. Numbers that do not fit `i64` saturate: they
/// are out of range for every axis in either case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Integer(i64),
    Slice(Slice),
    NewAxis,
}

/// `start:stop:step`, each optional.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Slice {
    start: Option<i64>,
    stop: Option<i64>,
    step: Option<i64>,
}

/// The text is not a basic index.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "index '{text}': expected integers, start:stop:step, one ... and newaxis, \
     joined by commas, and at most {MAX_PARTS} of them"
)]
pub struct NotAnIndex {
    /// The text given.
    pub text: String,
}

impl FromStr for Index {
    type Err = NotAnIndex;

    /// Parses the index in `a[index]`, with or without the brackets. Allowed are
    /// blanks and tabs around parts, a trailing comma, and leading zeros.
    fn from_str(text: &str) -> Result<Index, NotAnIndex> {
        Index::parse(text).ok_or_else(|| NotAnIndex { text: text.into() })
    }
}

impl Index {
    fn parse(text: &str) -> Option<Index> {
        let text = trim(text);
        let bracketed = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
        let inner = trim(bracketed.unwrap_or(text));
        let texts = inner.strip_suffix(',').unwrap_or(inner).split(',');

        let mut before = Vec::new();
        let mut after = None;
        for (nth, text) in texts.map(trim).enumerate() {
            match text {
                _ if nth == MAX_PARTS => return None,
                "..." if after.is_some() => return None,
                "..." => after = Some(Vec::new()),
                _ => after.as_mut().unwrap_or(&mut before).push(part(text)?),
            }
        }
        Some(Index {
            before,
            after: after.unwrap_or_default(),
        })
    }

    /// The parts of the index, with `...` replaced by `ellipsis_axes` full slices.
    fn expanded(&self, ellipsis_axes: usize) -> impl Iterator<Item = Part> + '_ {
        let full = iter::repeat_n(Part::Slice(Slice::FULL), ellipsis_axes);
        let before = self.before.iter().copied();
        before.chain(full).chain(self.after.iter().copied())
    }

    /// The number of array axes that the index consumes, without those of `...`.
    fn consumed_axes(&self) -> usize {
        self.expanded(0).filter(|&p| p != Part::NewAxis).count()
    }
}

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// Parses any part but `...`. `None` where the text is not one.
fn part(text: &str) -> Option<Part> {
    if matches!(text, "newaxis" | "None") {
        return Some(Part::NewAxis);
    }
    if !text.contains(':') {
        return integer(text).map(Part::Integer);
    }
    let mut bounds = [None; 3];
    for (nth, text) in text.split(':').map(trim).enumerate() {
        let bound = bounds.get_mut(nth)?;
        if !text.is_empty() {
            *bound = Some(integer(text)?);
        }
    }
    let [start, stop, step] = bounds;
    Some(Part::Slice(Slice { start, stop, step }))
}

/// Parses `-?[0-9]+`, saturating. `None` for any other text.
fn integer(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let append = |number: i64, digit: u8| {
        let digit = sign * i64::from(digit - b'0');
        number.saturating_mul(10).saturating_add(digit)
    };
    Some(digits.bytes().fold(0, append))
}

/// The elements `start`, `start + step`, ... of an axis, `count` of them.
#[derive(Debug, Clone, Copy)]
struct Steps {
    start: i64,
    step: i64,
    count: u64,
}

impl Slice {
    const FULL: Slice = Slice {
        start: None,
        stop: None,
        step: None,
    };

    /// Python's `slice.indices(length)`, with the number of elements. `None` when
    /// the step is 0.
    fn indices(self, length: i64) -> Option<Steps> {
        let step = self.step.unwrap_or(1);
        let (low, high) = match step {
            0 => return None,
            1.. => (0, length),
            _ => (-1, length - 1),
        };
        let clamp = |bound| from_start(bound, length).clamp(low, high);
        let (first, last) = if step > 0 { (low, high) } else { (high, low) };
        let start = self.start.map_or(first, clamp);
        let stop = self.stop.map_or(last, clamp);
        let distance = (stop - start) * step.signum();
        let count = match distance {
            1.. => (distance - 1).unsigned_abs() / step.unsigned_abs() + 1,
            _ => 0,
        };
        Some(Steps { start, step, count })
    }
}

/// Converts an index that counts from the end, if negative, to one from the start.
fn from_start(index: i64, length: i64) -> i64 {
    if index < 0 { index + length } else { index }
}

/// The result of indexing an array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Indexed {
    /// The view `a[index]`.
    pub view: View,
    /// The axis and the position on it, if the index is one integer and otherwise
    /// full slices. The view is then `a.take(position, axis)`.
    pub element: Option<(usize, u64)>,
}

impl View {
    /// `a[index]`. `None` where NumPy raises `IndexError` or `ValueError`:
    ///
    /// - the index has more parts than the array has axes;
    /// - an integer is out of bounds, or a step is 0;
    /// - the result has more than [`MAX_NDIM`] axes.
    ///
    /// Offset, shape and strides are NumPy's, with two exceptions that address no
    /// element:
    ///
    /// - an axis of at most one element keeps its stride, without the step;
    /// - an empty view has the offset of the array and strides of 0, unless
    ///   [`Indexed::element`] is set.
    pub fn index(&self, index: &Index) -> Option<Indexed> {
        let ellipsis_axes = self.ndim().checked_sub(index.consumed_axes())?;
        let lengths = self.shape().lengths().iter();
        let mut axes = lengths.zip(self.strides()).enumerate();
        let mut offset = self.offset();
        let (mut lengths, mut strides) = (Vec::new(), Vec::new());
        let mut integers = Vec::new();
        let mut others_full = true;
        for part in index.expanded(ellipsis_axes) {
            // The products cannot overflow: they are distances between elements,
            // or within the span of an empty array.
            match part {
                Part::NewAxis => {
                    lengths.push(1);
                    strides.push(0);
                    others_full = false;
                }
                Part::Integer(integer) => {
                    let (axis, (&length, &stride)) = axes.next()?;
                    let position = from_start(integer, length as i64);
                    if !(0..length as i64).contains(&position) {
                        return None;
                    }
                    offset = offset.wrapping_add_signed(position * stride);
                    integers.push((axis, position as u64));
                }
                Part::Slice(slice) => {
                    let (_, (&length, &stride)) = axes.next()?;
                    let Steps { start, step, count } = slice.indices(length as i64)?;
                    let step = if count > 1 { step } else { 1 };
                    if count > 0 {
                        offset = offset.wrapping_add_signed(start * stride);
                    }
                    lengths.push(count);
                    strides.push(step * stride);
                    others_full &= count == length && step == 1;
                }
            }
        }
        if lengths.len() > MAX_NDIM {
            return None;
        }
        let element = match integers[..] {
            [only] if others_full => Some(only),
            _ => None,
        };
        if element.is_none() && lengths.contains(&0) {
            offset = self.offset();
            strides.fill(0);
        }
        let view = View::from_parts(self.dtype().clone(), offset, Shape::new(lengths), strides);
        Some(Indexed { view, element })
    }

    /// The view with irrelevant strides set to 0: those of axes of at most one
    /// element, and all strides of an empty view. The canonical forms of two views
    /// of an array are equal exactly when the views have the same shape and the
    /// same bytes of the file in the same order.
    pub fn canonical(&self) -> View {
        let lengths = self.shape().lengths();
        let empty = lengths.contains(&0);
        let strides = lengths.iter().zip(self.strides());
        let strides = strides.map(|(&length, &stride)| match length {
            0 | 1 => 0,
            _ if empty => 0,
            _ => stride,
        });
        View::from_parts(
            self.dtype().clone(),
            self.offset(),
            self.shape().clone(),
            strides.collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::array::Order;
    use crate::dtype::DType;

    fn array(lengths: &[u64]) -> View {
        let dtype = DType::parse("f4").unwrap();
        View::contiguous(dtype, 100, Shape::new(lengths.to_vec()), Order::C).unwrap()
    }

    fn index(array: &View, text: &str) -> Option<Indexed> {
        array.index(&text.parse().ok()?)
    }

    #[test]
    fn indices_select_what_numpy_selects() {
        // From a = numpy.zeros((3, 4, 5), 'f4'): shape and strides of a[index],
        // and the distance of its address from that of a.
        let a = array(&[3, 4, 5]);
        for (text, shape, strides, offset) in [
            ("...", vec![3, 4, 5], vec![80, 20, 4], 0),
            ("1", vec![4, 5], vec![20, 4], 80),
            ("-1, 2", vec![5], vec![4], 200),
            ("2,3,4", vec![], vec![], 236),
            ("[ :, 1 ]", vec![3, 5], vec![80, 4], 20),
            ("...,1", vec![3, 4], vec![80, 20], 4),
            ("1,...,1,", vec![4], vec![20], 84),
            ("0,0,...,0", vec![], vec![], 0),
            ("::-1", vec![3, 4, 5], vec![-80, 20, 4], 160),
            (":,3:0:-2,::2", vec![3, 2, 3], vec![80, -40, 8], 60),
            ("\t1 : 3 ,-2 :", vec![2, 2, 5], vec![80, 20, 4], 120),
            ("None,0,newaxis,0,...", vec![1, 1, 5], vec![0, 0, 4], 0),
            ("-99:99", vec![3, 4, 5], vec![80, 20, 4], 0),
            ("007:01:-0001", vec![1, 4, 5], vec![80, 20, 4], 160),
        ] {
            let view = index(&a, text).unwrap().view;
            assert_eq!(view.shape().lengths(), shape, "{text:?}");
            assert_eq!(view.strides(), strides, "{text:?}");
            assert_eq!(view.offset() - 100, offset, "{text:?}");
        }
    }

    #[test]
    fn integers_beyond_64_bits_saturate() {
        let a = array(&[3]);
        let long = "9".repeat(5000);
        for (text, length, start) in [
            (format!(":{long}"), 3, 0),
            (format!("-{long}:{long}"), 3, 0),
            (format!("{long}:"), 0, 0),
            (format!("1::{long}"), 1, 1),
            (format!("::-{long}"), 1, 2),
            (format!("{long}:-{long}:-1"), 3, 2),
            (format!("::-{}", 1_u64 << 63), 1, 2),
            (format!("{}2:", "0".repeat(5000)), 1, 2),
        ] {
            let view = index(&a, &text).unwrap().view;
            let got = (view.length(0), view.offset());
            assert_eq!(got, (length, 100 + 4 * start), "{text}");
        }
        for text in [&long, &format!("-{long}"), "9223372036854775808"] {
            assert_eq!(index(&a, text), None, "{text}");
        }
    }

    #[test]
    fn indices_that_numpy_refuses_give_none() {
        let a = array(&[3, 4]);
        for text in ["3", "-4", "0,4", "0,0,0", "...,0,0,0", "::0", "::-00"] {
            assert!(text.parse::<Index>().is_ok(), "{text}");
            assert_eq!(index(&a, text), None, "{text}");
        }
        assert_eq!(index(&array(&[]), ":"), None);
        assert_eq!(index(&array(&[0]), "0"), None);
    }

    #[test]
    fn texts_that_are_no_basic_index_are_refused() {
        let parts = |count| vec!["None"; count].join(",");
        assert!(parts(128).parse::<Index>().is_ok());
        for text in [
            "",
            " ",
            "[]",
            "[ ]",
            ",",
            "1,,2",
            ",1",
            "1,,",
            "[,]",
            "[1",
            "1]",
            "[[1]]",
            "[1][1]",
            "()",
            "(1,)",
            "1 2",
            "+1",
            "- 1",
            "--1",
            "-",
            "1-",
            "0x1",
            "1_0",
            "1.",
            "1e1",
            "\u{661}",
            "1:2:3:4",
            "1:x",
            "None:",
            "1:...",
            ".. .",
            "....",
            "......",
            "...,...",
            "none",
            "Ellipsis",
            "True",
            "'x'",
            "1\n",
            "\u{a0}1",
            "1\0",
            "NoneNone",
            "1;2",
            "..",
            &parts(129),
            "\u{2026}",
        ] {
            let error = NotAnIndex { text: text.into() };
            assert_eq!(text.parse::<Index>(), Err(error));
        }
    }

    #[test]
    fn a_result_has_at_most_64_axes() {
        let a = array(&[1, 1]);
        let text = |news: usize| format!("0,{}...", "None,".repeat(news));
        assert_eq!(index(&a, &text(63)).unwrap().view.ndim(), 64);
        assert_eq!(index(&a, &text(64)), None);
    }

    #[test]
    fn one_integer_with_full_slices_is_an_element() {
        for lengths in [&[3, 4, 5][..], &[3, 1, 5], &[3, 4, 0]] {
            let a = array(lengths);
            for (text, element) in [
                ("1", Some((0, 1))),
                ("-1,...", Some((0, 2))),
                (":,0", Some((1, 0))),
                ("::1,-1,0:99", Some((1, lengths[1] - 1))),
                ("0,0", None),
                ("...", None),
                ("0,None", None),
                ("::-1,0", None),
                ("1:,0", None),
            ] {
                let indexed = index(&a, text).unwrap();
                assert_eq!(indexed.element, element, "{text} of {lengths:?}");
                if let Some((axis, place)) = element {
                    assert_eq!(Some(indexed.view), a.take(axis, place), "{text}");
                }
            }
        }
        let a = array(&[3, 1]);
        let reversed = index(&a, "1,::-7").unwrap();
        assert_eq!(reversed.element, Some((0, 1)));
        assert_eq!(Some(reversed.view), a.take(0, 1));
    }

    #[test]
    fn all_spellings_of_a_view_have_one_canonical_view() {
        for (lengths, spellings) in [
            (&[3, 4][..], &["...", ":", ":,:", "-3:", "::1,0:4"][..]),
            (&[3, 4], &["0:1", ":1", "0::3", "0::99", "-3::-1"]),
            (&[3, 4], &["::2,1:2", "0:3:2,1::3", ":99:2,-3:-2"]),
            (&[3, 4], &["0:0", "2:1", "5:", "1:1:-1"]),
            (&[3, 4], &["0,:0", "1,:0", "2,4:", "-1,1:1:-1"]),
            (&[1, 1], &["...", "::-1", "::5,::-5", "0:1,-1:"]),
            (&[0, 4], &["...", "::-1", "1:,::", ":,::-1"]),
        ] {
            let a = array(lengths);
            let first = index(&a, spellings[0]).unwrap().view.canonical();
            for text in spellings {
                let canonical = index(&a, text).unwrap().view.canonical();
                assert_eq!(canonical, first, "{text} of {lengths:?}");
                assert_eq!(canonical.canonical(), canonical);
            }
        }
        let a = array(&[3, 4]);
        assert_eq!(index(&a, "...").unwrap().view, a);
        assert_eq!(a.canonical(), a);
    }
}
