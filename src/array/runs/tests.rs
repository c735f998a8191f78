//! Compares the runs of small views with nested loops over their elements.

use super::*;
use crate::array::{Order, Shape};
use crate::dtype::DType;

/// The file offset of each byte of the view in C order, from nested loops.
fn naive(view: &View) -> Vec<u64> {
    fn walk(view: &View, axis: usize, at: i64, bytes: &mut Vec<u64>) {
        if axis == view.ndim() {
            bytes.extend((0..view.dtype().itemsize()).map(|b| at as u64 + b));
            return;
        }
        for index in 0..view.length(axis) {
            walk(
                view,
                axis + 1,
                at + index as i64 * view.strides()[axis],
                bytes,
            );
        }
    }
    let mut bytes = Vec::new();
    walk(view, 0, view.offset() as i64, &mut bytes);
    bytes
}

/// The file offset of each byte of the runs, in order.
fn byte_offsets(runs: Runs<'_>) -> Vec<u64> {
    let mut bytes = Vec::new();
    for run in runs {
        for piece in 0..run.count {
            let at = run.offset as i64 + piece as i64 * run.stride;
            bytes.extend((0..run.piece).map(|b| at as u64 + b));
        }
    }
    bytes
}

const INDICES: [&str; 8] = [
    "::-1",
    "...,::-1",
    "::-1,::-1",
    "...,::-2,1:",
    "1:,None,::-3",
    "2:0:-1,...,::2",
    ":,:1,::-1",
    "-1,1:3,-1:0:-2",
];

/// These views of an array and of its transpose: the whole, every slice along every
/// axis, and every index of [`INDICES`] that fits the number of axes.
fn views_of(array: &View) -> Vec<View> {
    let mut views = Vec::new();
    for whole in [array.clone(), array.transposed()] {
        for axis in 0..whole.ndim() {
            let slices = (0..whole.length(axis)).filter_map(|i| whole.take(axis, i));
            views.extend(slices);
        }
        let indexed = INDICES.iter().filter_map(|text| {
            let indexed = whole.index(&text.parse().unwrap())?;
            Some(indexed.view)
        });
        views.extend(indexed);
        views.push(whole);
    }
    views
}

fn small_shapes() -> Vec<Vec<u64>> {
    let mut shapes = vec![vec![]];
    for ndim in 1..=3 {
        for code in 0..5u64.pow(ndim) {
            shapes.push((0..ndim).map(|axis| code / 5u64.pow(axis) % 5).collect());
        }
    }
    shapes
}

/// Views of small arrays with 2-byte items, in both orders.
fn small_views() -> impl Iterator<Item = View> {
    let arrays = small_shapes().into_iter().flat_map(|lengths| {
        [Order::C, Order::F].map(|order| {
            let dtype = DType::parse("V2").unwrap();
            View::contiguous(dtype, 7, Shape::new(lengths.clone()), order).unwrap()
        })
    });
    arrays.flat_map(|array| views_of(&array))
}

#[test]
fn runs_of_every_range_of_small_views_match_nested_loops() {
    for view in small_views() {
        let expected = naive(&view);
        let layout = view.layout();
        assert_eq!(layout.nbytes(), expected.len() as u64);
        for start in 0..=expected.len() {
            for end in start..=expected.len() {
                let got = byte_offsets(layout.runs(start as u64..end as u64));
                assert_eq!(got, expected[start..end], "{view:?} {start}..{end}");
            }
        }
    }
}

#[test]
fn view_range_in_contains_every_byte_in_the_file_range() {
    for lengths in small_shapes() {
        let dtype = DType::parse("V2").unwrap();
        let array = View::contiguous(dtype, 7, Shape::new(lengths), Order::C).unwrap();
        for view in views_of(&array) {
            let bytes = naive(&view);
            let layout = view.layout();
            let contiguous = bytes.windows(2).all(|pair| pair[1] == pair[0] + 1);
            for start in 0..140 {
                for end in [start + 1, start + 2, start + 9, start + 60] {
                    let named = layout.view_range_in(&(start..end));
                    let inside = |at: &u64| (start..end).contains(at);
                    let outside = bytes[..named.start as usize]
                        .iter()
                        .chain(&bytes[named.end as usize..]);
                    assert_eq!(outside.filter(|at| inside(at)).count(), 0, "{view:?}");
                    let exact = bytes.iter().filter(|at| inside(at)).count() as u64;
                    if contiguous || exact == 0 && view.ndim() <= 1 {
                        assert_eq!(named.end - named.start, exact, "{view:?} {start}..{end}");
                    }
                }
            }
        }
    }
}

#[test]
fn bytes_before_stops_at_the_first_byte_at_or_past_the_end() {
    for piece in 1..4 {
        for (stride, count) in [(4, 3), (3, 3), (7, 2), (0, 1), (-4, 3), (-5, 2)] {
            let run = Run {
                offset: 20,
                piece,
                stride,
                count,
            };
            let bytes: Vec<u64> = (0..count as i64)
                .flat_map(|k| (0..piece).map(move |b| (20 + k * stride) as u64 + b))
                .collect();
            for end in 0..50 {
                let before = bytes.iter().take_while(|&&at| at < end).count() as u64;
                assert_eq!(run.bytes_before(end), before, "{run:?} {end}");
            }
        }
    }
}

#[test]
fn runs_are_clipped_at_the_end_of_the_view() {
    let dtype = DType::parse("u1").unwrap();
    let view = View::contiguous(dtype, 0, Shape::new(vec![4]), Order::C).unwrap();
    let layout = view.layout();
    assert_eq!(layout.runs(4..9).count(), 0);
    assert_eq!(layout.runs(u64::MAX..u64::MAX).count(), 0);
    assert_eq!(byte_offsets(layout.runs(2..u64::MAX)), [2, 3]);
}

#[test]
fn a_contiguous_view_is_one_run_of_one_piece() {
    let dtype = DType::parse("f8").unwrap();
    let array = View::contiguous(dtype, 16, Shape::new(vec![5, 6, 7]), Order::F).unwrap();
    for view in [array.transposed(), array.take(2, 3).unwrap().transposed()] {
        let runs: Vec<Run> = view.layout().runs(0..view.nbytes()).collect();
        assert_eq!(runs.len(), 1);
        assert_eq!((runs[0].piece, runs[0].count), (view.nbytes(), 1));
    }
}

#[test]
fn has_any_matches_nested_loops() {
    for view in small_views() {
        let bytes = naive(&view);
        let layout = view.layout();
        for start in 0..140 {
            for end in [start, start + 1, start + 2, start + 9, start + 60] {
                let has_any = bytes.iter().any(|at| (start..end).contains(at));
                assert_eq!(layout.has_any(&(start..end)), has_any, "{view:?} {start}");
            }
        }
    }
}

#[test]
fn a_boundary_splits_no_aligned_word() {
    for dtype in ["u1", "<i2", "<f8", "<f4,<f8", "<f8,<i2", "V12"] {
        for offset in [0, 4, 7, 128] {
            let parsed = DType::parse(dtype).unwrap();
            let shape = Shape::new(vec![5, 7]);
            let array = View::contiguous(parsed, offset, shape, Order::C).unwrap();
            for view in views_of(&array) {
                let (layout, offsets) = (view.layout(), naive(&view));
                let words = |at| [8, 32].map(|word| (at, word));
                for (at, word) in (0..layout.nbytes()).flat_map(words) {
                    let boundary = layout.boundary(at, word);
                    assert!(boundary <= at && at - boundary < word, "{view:?} {at}");
                    let before = boundary.checked_sub(1).map(|k| offsets[k as usize]);
                    let is_adjacent = before == offsets[boundary as usize].checked_sub(1);
                    let is_aligned = offsets[boundary as usize].is_multiple_of(word);
                    let begins_block = boundary.is_multiple_of(layout.block());
                    assert!(!is_adjacent || is_aligned || begins_block, "{view:?} {at}");
                }
            }
        }
    }
}

#[test]
fn overlaps_matches_nested_loops() {
    for lengths in [&[5][..], &[3, 4], &[4, 3], &[2, 3, 2], &[3, 0], &[]] {
        for order in [Order::C, Order::F] {
            let dtype = DType::parse("V2").unwrap();
            let array = View::contiguous(dtype, 7, Shape::new(lengths.to_vec()), order).unwrap();
            let views = views_of(&array);
            for (view, other) in views.iter().flat_map(|a| views.iter().map(move |b| (a, b))) {
                let (offsets, others) = (naive(view), naive(other));
                let (layout, of_other) = (view.layout(), other.layout());
                for start in 0..=offsets.len() {
                    for end in [start, start + 1, start + 3, offsets.len()] {
                        let part = &offsets[start..end.clamp(start, offsets.len())];
                        let expected = part.iter().any(|at| others.contains(at));
                        let found = layout.overlaps(start as u64..end as u64, &of_other);
                        assert_eq!(found, expected, "{view:?} {start}..{end} {other:?}");
                    }
                }
            }
        }
    }
}
