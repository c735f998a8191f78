//! The `csv/` encoding: a view as text with one line per row. Rendering is left to
//! `vfile::text`.

use std::sync::Arc;

use super::Encoding;
use crate::array::View;
use crate::mapping::Mapping;
use crate::vfile::Segment;
use crate::vfile::text::{CsvForm, Table};

pub(super) const UNPADDED: Encoding = Encoding {
    folder: Some("csv"),
    suffix: ".csv",
    writable: false,
    len: |view| Table::new(view, CsvForm::Unpadded).map(|table| table.len()),
    segments: |mapping, view| segments(mapping, view, CsvForm::Unpadded),
    is_equivalent: |fixed, data| fixed == data,
};

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
