//! What an index selects of an array lies within it, and is one view however often its strides are
//! normalised.

#![no_main]

use std::sync::LazyLock;

use arrayfs::array::{Index, Order, Shape, View};
use arrayfs::dtype::DType;
use libfuzzer_sys::fuzz_target;

/// Arrays without elements, with few, with as many as a file can hold, and with as many axes as an
/// array can have.
static ARRAYS: LazyLock<Vec<View>> = LazyLock::new(|| {
    let mut arrays = Vec::new();
    for lengths in [
        vec![],
        vec![3],
        vec![3, 4, 5],
        vec![2, 1, 3, 2],
        vec![3, 0, 2],
        vec![0, (1 << 58) - 1],
        vec![(1 << 58) - 1],
        vec![1 << 31, 1 << 26],
        vec![1; 64],
        [vec![2; 10], vec![1; 54]].concat(),
    ] {
        for order in [Order::C, Order::F] {
            let dtype = DType::parse("V12").unwrap();
            let shape = Shape::new(lengths.clone());
            let array = View::contiguous(dtype, 100, shape, order).unwrap();
            arrays.extend([array.transposed(), array]);
        }
    }
    arrays
});

/// So many runs are walked through.
const MANY: usize = 1 << 12;

fuzz_target!(|text: &str| {
    let Ok(index) = text.parse::<Index>() else {
        return;
    };
    for array in ARRAYS.iter() {
        if let Some(indexed) = array.index(&index) {
            check(array, &indexed.view);
            if let Some((axis, place)) = indexed.element {
                assert_eq!(Some(indexed.view), array.take(axis, place));
            }
        }
    }
});

fn check(array: &View, view: &View) {
    let within = array.extent();
    let extent = view.extent();
    let canonical = view.canonical();
    assert_eq!(canonical, canonical.canonical());
    assert_eq!(canonical.extent(), extent);
    assert_eq!(canonical.nbytes(), view.nbytes());
    if view.size() == 0 {
        return;
    }
    assert!(within.start <= extent.start && extent.end <= within.end);
    assert!(view.nbytes() <= extent.end - extent.start);
    let (layout, canonical) = (view.layout(), canonical.layout());
    let runs = layout.runs(0..view.nbytes()).take(MANY);
    for (run, same) in runs.zip(canonical.runs(0..view.nbytes())) {
        assert_eq!(run, same);
        assert!(extent.start <= run.start() && run.end() <= extent.end);
    }
}
