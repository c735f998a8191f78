//! The view as text, a line a row, for spreadsheets, databases and awk.

use std::sync::Arc;

use super::Encoding;
use crate::vfile::Segment;
use crate::vfile::text::Table;

pub(super) const ENCODING: Encoding = Encoding {
    folder: Some("csv"),
    suffix: ".csv",
    writable: false,
    len: |view| Table::new(view).map(|table| table.len()),
    segments: |mapping, view| {
        let text = Table::new(view).map(|table| Segment::Text {
            mapping: mapping.clone(),
            layout: view.layout(),
            table: Arc::new(table),
        });
        Vec::from_iter(text)
    },
    is_equivalent: |fixed, data| fixed == data,
};
