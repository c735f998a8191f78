//! The columns of an array as a table, for files that hold one column after the other. An array of
//! one axis is a column, or one for each field; of two axes, a column for each index of the second.
//! How a file describes the columns is left to its encoding.

use super::coded_view::CodedView;
use crate::array::View;
use crate::dtype::{DType, Kind};

/// The most columns of a table. Those within records count.
pub(super) const MAX_COLUMNS: usize = 4096;

/// The name of the only column of an array without fields.
const ONLY_NAME: &str = "value";

/// A part of each row.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) name: String,
    /// The stored elements. The first axis is that of the rows; others are axes within a row.
    pub(super) view: View,
    /// The dtype of the elements as they are shown.
    pub(super) dtype: DType,
}

impl Column {
    /// The columns of a table that shows `view`. Fields whose elements have more than 64 axes, or
    /// that exceed 2^63 - 1 bytes, are `None`. `None` if the view has no axis or more than two, if
    /// it has no column, or too many.
    pub(super) fn of_table(view: &CodedView<'_>) -> Option<Vec<Option<Column>>> {
        let all = |name: &str| Column {
            name: name.to_owned(),
            view: view.stored().clone(),
            dtype: view.dtype().clone(),
        };
        let columns = match (view.dtype().kind(), view.shape().lengths()) {
            (Kind::Structured(_), [_]) => all("").fields(),
            (_, [_]) => vec![Some(all(ONLY_NAME))],
            (_, [_, _]) => all("").split()?,
            _ => return None,
        };
        (1..=MAX_COLUMNS)
            .contains(&columns.len())
            .then_some(columns)
    }

    /// The number of rows.
    pub(super) fn rows(&self) -> u64 {
        self.view.length(0)
    }

    /// The lengths of the axes within a row.
    pub(super) fn axes(&self) -> &[u64] {
        &self.view.shape().lengths()[1..]
    }

    /// The columns of the fields, in the order of the dtype.
    pub(super) fn fields(&self) -> Vec<Option<Column>> {
        let (stored, shown) = (self.view.dtype().fields(), self.dtype.fields());
        let fields = stored.iter().zip(shown).map(|(stored, shown)| {
            Some(Column {
                name: shown.name().to_owned(),
                view: self.view.field(stored)?,
                dtype: shown.dtype().clone(),
            })
        });
        fields.collect()
    }

    /// The columns of the indices of the first axis within a row. `None` if there are too many.
    pub(super) fn split(&self) -> Option<Vec<Option<Column>>> {
        let length = self.view.length(1);
        let indices = 0..(length <= MAX_COLUMNS as u64).then_some(length)?;
        let parts = indices.map(|index| {
            Some(Column {
                name: format!("c{index}"),
                view: self.view.take(1, index)?,
                dtype: self.dtype.clone(),
            })
        });
        Some(parts.collect())
    }
}
