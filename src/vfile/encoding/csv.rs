//! The `csv/` encoding: a view as text with one line per row. Rendering is left to
//! `vfile::text`.

use std::sync::Arc;

use super::{FileEncoding, Scope};
use crate::mapping::Mapping;
use crate::vfile::text::{CsvForm, Table, TableText};
use crate::vfile::{CodedView, Content, ContentList};

pub(super) const UNPADDED: FileEncoding = FileEncoding {
    folder: Some("csv"),
    suffix: ".csv",
    writable: false,
    scope: Scope::Slices,
    max_ndim: Some(2),
    len: |view| table(view, CsvForm::Unpadded).map(|table| table.len()),
    contents: |mapping, view| contents(mapping, view, CsvForm::Unpadded),
    is_equivalent: |fixed, data| fixed == data,
};

pub(super) const PADDED: FileEncoding = FileEncoding {
    len: |view| table(view, CsvForm::Padded).map(|table| table.len()),
    contents: |mapping, view| contents(mapping, view, CsvForm::Padded),
    ..UNPADDED
};

fn table(view: &CodedView<'_>, form: CsvForm) -> Option<Table> {
    Table::new(&view.as_contiguous()?, form)
}

fn contents(mapping: &Arc<Mapping>, view: &CodedView<'_>, form: CsvForm) -> ContentList {
    let text = |table| Arc::new(TableText::new(view.bytes(mapping), table)) as Arc<dyn Content>;
    Vec::from_iter(table(view, form).map(text))
}
