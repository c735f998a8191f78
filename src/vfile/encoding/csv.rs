//! The view as comma-separated text with one line per row, read-only. The text itself is
//! generated in `vfile::text`.

use std::sync::Arc;

use super::Encoding;
use crate::array::View;
use crate::mapping::Mapping;
use crate::vfile::Segment;
use crate::vfile::text::{CsvForm, Table};

/// Values without padding, which most readers take for numbers.
pub(super) const UNPADDED: Encoding = Encoding {
    folder: Some("csv"),
    suffix: ".csv",
    writable: false,
    len: |view| Table::new(view, CsvForm::Unpadded).map(|table| table.len()),
    segments: |mapping, view| segments(mapping, view, CsvForm::Unpadded),
    is_equivalent: |current, written| current == written,
};

/// Values padded with blanks to columns of constant width.
pub(super) const PADDED: Encoding = Encoding {
    len: |view| Table::new(view, CsvForm::Padded).map(|table| table.len()),
    segments: |mapping, view| segments(mapping, view, CsvForm::Padded),
    ..UNPADDED
};

fn segments(mapping: &Arc<Mapping>, view: &View, form: CsvForm) -> Vec<Segment> {
    let text = Table::new(view, form).map(|table| Segment::Text {
        mapping: mapping.clone(),
        layout: view.layout(),
        table: Arc::new(table),
    });
    Vec::from_iter(text)
}
