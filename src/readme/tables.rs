//! `README.txt` in `csv/` of an array with more axes than a table: it names files that are tables of
//! parts of the array. Which arrays have it is decided by `tree`.

use super::columns;
use super::template;
use super::variables::Variables;
use crate::array::Shape;
use crate::dtype::DType;
use crate::vfile::{CsvForm, Encoding, encodings};

pub(super) const TABLES: &str = include_str!("templates/tables.txt");

/// The text for the directory of the tables of an array, which has three axes or more.
pub(super) fn text(dtype: &DType, shape: &Shape, csv: CsvForm) -> String {
    template::render(TABLES, &variables(dtype, shape, csv))
}

/// The variables of the template.
pub(super) fn variables(dtype: &DType, shape: &Shape, csv: CsvForm) -> Variables {
    let (lengths, ndim) = (shape.lengths(), shape.ndim());
    let files = match ndim {
        3 => vec![
            (Some("rows/0"), vec![1, 2]),
            (Some("cols/0"), vec![0, 2]),
            (Some("axes/2/0"), vec![0, 1]),
        ],
        _ => vec![(None, vec![ndim - 2, ndim - 1]), (None, vec![0, 1])],
    };
    let files = files.into_iter().chain([(None, vec![ndim - 1])]);
    // A file is of index 0 of the axes that it does not keep.
    let exists = |kept: &[usize]| {
        let mut axes = lengths.iter().enumerate();
        let has_index = axes.all(|(axis, &length)| length > 0 || kept.contains(&axis));
        let axes = lengths.iter().enumerate();
        let kept = axes.filter_map(|(axis, &length)| kept.contains(&axis).then_some(length));
        let shape = Shape::new(kept.collect());
        let mut tables = encodings(csv).iter().filter_map(Encoding::of_views);
        has_index
            && tables
                .any(|tables| tables.max_ndim.is_some() && tables.shows_shape(dtype, shape.clone()))
    };
    let lines = files.filter(|(_, kept)| exists(kept)).map(|(path, kept)| {
        let slice = || format!("slices/{}", index(ndim, &kept, ","));
        let path = path.map_or_else(slice, str::to_owned);
        format!("{path}.csv\ta[{}]", index(ndim, &kept, ", "))
    });
    let lines: Vec<String> = lines.collect();
    let mut variables = Variables::default();
    variables.set_condition("else", true);
    variables.set_condition("blanks", csv == CsvForm::Unpadded);
    variables.set("tuple", shape.to_string());
    variables.set("files", columns(&lines.join("\n")));
    variables
}

/// The index that keeps only the axes `kept` of `ndim`.
fn index(ndim: usize, kept: &[usize], separator: &str) -> String {
    let axes = (0..ndim).map(|axis| if kept.contains(&axis) { ":" } else { "0" });
    let mut axes: Vec<&str> = axes.collect();
    while axes.last() == Some(&":") {
        axes.pop();
    }
    axes.join(separator)
}
