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

/// The most that the columns of a table may weigh for it to be certain that their description is
/// small. It has less than eight times as many bytes.
const SURE_WEIGHT: u64 = 1 << 20;

/// What one more column, record or axis weighs, beside its name.
const PART_WEIGHT: u64 = 64;

/// The most bytes of an array that certainly fit a file, as often as fields overlap.
const SURE_BYTES: u64 = 1 << 40;

/// The most bytes of an element that certainly fit a page.
const SURE_ITEM: u64 = 1 << 20;

/// The most axes that elements of a field certainly can have.
const SURE_AXES: u64 = 64;

/// Whether there is a table of `view`, if that is certain without working it out. `has_type` tells
/// whether there is a type for elements that are no records.
pub(super) fn is_table(view: &CodedView<'_>, has_type: impl Fn(&DType) -> bool) -> Option<bool> {
    let columns = match *view.shape().lengths() {
        [_] => 1,
        [_, length] if length > 0 => length,
        _ => return Some(false),
    };
    let Some(Parts {
        leaves,
        weight,
        axes,
    }) = Parts::of(view.dtype(), &has_type)
    else {
        return Some(false);
    };
    let is_sure = columns.saturating_mul(leaves) <= MAX_COLUMNS as u64
        && (columns * leaves).saturating_mul(weight) <= SURE_WEIGHT
        && axes + 2 <= SURE_AXES
        && view.dtype().itemsize() <= SURE_ITEM
        && view.nbytes()? <= SURE_BYTES;
    is_sure.then_some(true)
}

/// The most that elements of a dtype can add to a table. Numbers saturate.
struct Parts {
    /// The number of columns.
    leaves: u64,
    /// The sum over all parts, of which a column has at most all.
    weight: u64,
    /// The number of axes of all sub-arrays.
    axes: u64,
}

impl Parts {
    /// Those of elements of `dtype`. `None` if a type is missing, or if a sub-array or a record is
    /// empty.
    fn of(dtype: &DType, has_type: &impl Fn(&DType) -> bool) -> Option<Parts> {
        let leaf = |leaves| Parts {
            leaves,
            weight: leaves * PART_WEIGHT,
            axes: 0,
        };
        let mut parts = match dtype.kind() {
            Kind::Structured(_) => leaf(0),
            // The two parts can be columns.
            Kind::Complex => return has_type(dtype).then(|| leaf(2)),
            _ => return has_type(dtype).then(|| leaf(1)),
        };
        for field in dtype.fields() {
            let is_empty = field.shape().contains(&0);
            let own = Parts::of(field.dtype(), has_type).filter(|_| !is_empty)?;
            let axes = field.shape().len() as u64;
            let count = field.shape().iter().fold(1u64, |n, &k| n.saturating_mul(k));
            let name = field.name().len() as u64 + axes * PART_WEIGHT;
            let leaves = own.leaves.saturating_mul(count);
            parts.leaves = parts.leaves.saturating_add(leaves);
            let weight = own.weight.saturating_add(name + PART_WEIGHT);
            parts.weight = parts.weight.saturating_add(weight);
            parts.axes = parts.axes.saturating_add(own.axes.saturating_add(axes));
        }
        (parts.leaves > 0).then_some(parts)
    }
}

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

#[cfg(test)]
mod tests {
    use crate::array::{Shape, View};
    use crate::dtype::DType;
    use crate::vfile::{CodedView, CsvForm, EncodingOptions, Subject, encodings};

    #[test]
    fn a_table_is_there_where_its_size_can_be_worked_out() {
        let long = "n".repeat(20_000);
        let axes = "1,".repeat(64);
        let dtypes = [
            "u1",
            "?",
            "f4",
            "c16",
            ">i2",
            "U3",
            "S3",
            "M8[s]",
            "M8[ns]",
            "m8[D]",
            "g",
            "bfloat16",
            "S134217728",
            "S134217729",
            "[('x', 'f4'), ('y', 'U1')]",
            "[('x', 'f4'), ('y', 'f4', 0)]",
            "[('x', 'f4', (2, 3)), ('s', [('z', 'c8', 2), ('t', 'M8[ms]')], 3)]",
            "[('x', 'f4', (64, 65))]",
            "[('x', [('y', 'f4', (2, 0)), ('z', 'i1')])]",
            &format!("[('{long}', 'u1')]"),
            &format!("[('x', 'u1', ({axes}))]"),
            "{'names': [], 'formats': [], 'itemsize': 4}",
        ];
        let shapes: [&[u64]; 14] = [
            &[],
            &[0],
            &[5],
            &[5, 0],
            &[0, 3],
            &[4, 5],
            &[2, 3, 4],
            &[1 << 50],
            &[1 << 33, 100],
            &[(1 << 62) - 1],
            &[1, 2048],
            &[1, 2049],
            &[1, 4096],
            &[1, 4097],
        ];
        let options = EncodingOptions::default();
        for dtype in dtypes {
            let parsed = DType::parse(dtype).unwrap();
            // To work out thousands of columns of records takes long.
            let count = if parsed.fields().is_empty() { 14 } else { 10 };
            for lengths in &shapes[..count] {
                let (shape, strides) = (Shape::new(lengths.to_vec()), vec![0; lengths.len()]);
                let Ok(view) = View::strided(parsed.clone(), 0, shape, strides) else {
                    continue;
                };
                let view = CodedView::as_stored(&view);
                let array = Subject::new(view, &options);
                let encodings = encodings(CsvForm::Unpadded).iter();
                for encoding in encodings.filter(|encoding| !encoding.has_slices()) {
                    let Some(files) = encoding.of_views() else {
                        continue;
                    };
                    let expected = (files.len)(&view).is_some();
                    let subject = format!("{:?} of {dtype:.60} {lengths:?}", files.folder);
                    assert_eq!(encoding.shows(&array), expected, "{subject}");
                }
            }
        }
    }
}
