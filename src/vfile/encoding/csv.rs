//! The `csv/` encoding: a view as text with one line per row. Rendering is left to
//! `vfile::text`.

use std::sync::Arc;

use super::Encoding;
use crate::array::View;
use crate::mapping::Mapping;
use crate::vfile::text::{CsvForm, Table, TableText};
use crate::vfile::{Content, ContentList};

pub(super) const UNPADDED: Encoding = Encoding {
    folder: Some("csv"),
    suffix: ".csv",
    writable: false,
    len: |view| Table::new(view, CsvForm::Unpadded).map(|table| table.len()),
    contents: |mapping, view| contents(mapping, view, CsvForm::Unpadded),
    is_equivalent: |fixed, data| fixed == data,
};

pub(super) const PADDED: Encoding = Encoding {
    len: |view| Table::new(view, CsvForm::Padded).map(|table| table.len()),
    contents: |mapping, view| contents(mapping, view, CsvForm::Padded),
    ..UNPADDED
};

fn contents(mapping: &Arc<Mapping>, view: &View, form: CsvForm) -> ContentList {
    let text = |table| Arc::new(TableText::new(mapping, view, table)) as Arc<dyn Content>;
    Vec::from_iter(Table::new(view, form).map(text))
}
