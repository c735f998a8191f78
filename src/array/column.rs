//! Columns: small items that lie far apart in the file, each in its own cache line.
//! The rest of each cache line holds items of the adjacent columns. Caching these is
//! left to `mapping`.

use std::ops::Range;

use super::runs::{Axis, Layout};

/// The minimum stride of a column in bytes. It is a few cache lines long, because the
/// hardware prefetches the lines next to one that is read.
const MIN_STRIDE: u64 = 256;

/// The maximum item size of a column in bytes: items of several columns must fit into
/// one cache line.
const MAX_ITEM: u64 = 32;

/// Item size, lengths and strides of a column. Adjacent columns have the same layout.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ColumnLayout {
    /// Item size in bytes.
    item: u64,
    axes: Vec<Axis>,
}

/// A part of a view whose items lie far apart in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    layout: ColumnLayout,
    /// File offset of the first item, in bytes.
    offset: u64,
}

impl ColumnLayout {
    /// Item size in bytes.
    pub fn item(&self) -> u64 {
        self.item
    }

    /// The size of a column in bytes.
    pub fn nbytes(&self) -> u64 {
        let items: u64 = self.axes.iter().map(|axis| axis.length).product();
        items * self.item
    }

    /// The smallest file range that contains the column whose first item is at file
    /// offset `offset`. `None` if an item would lie before the start of the file, or
    /// its end exceeds 64 bits.
    pub fn extent(&self, offset: u64) -> Option<Range<u64>> {
        let (mut before, mut after) = (0, self.item);
        for axis in &self.axes {
            let distance = axis.stride.unsigned_abs() * (axis.length - 1);
            match axis.stride < 0 {
                true => before += distance,
                false => after += distance,
            }
        }
        Some(offset.checked_sub(before)?..offset.checked_add(after)?)
    }

    /// The view of `count` adjacent columns, the first of which starts at file offset
    /// `offset`. Each item of the view consists of one item of each column. `None`
    /// where [`extent`](ColumnLayout::extent) is `None`.
    pub fn side_by_side(&self, offset: u64, count: u64) -> Option<Layout> {
        let first = self.extent(offset)?;
        let block = self.item * count;
        let extent = first.start..first.end.checked_add(block - self.item)?;
        Some(Layout::from_axes(offset, block, self.axes.clone(), extent))
    }
}

impl Column {
    /// The layout that this column shares with the adjacent ones.
    pub fn form(&self) -> &ColumnLayout {
        &self.layout
    }

    /// File offset of the first item, in bytes.
    pub fn offset(&self) -> u64 {
        self.offset
    }
}

impl Layout {
    /// The columns that contain the bytes `range` of the view, in order. Each comes
    /// with the part of the range in it, in bytes of the column. `None` if the items
    /// are too large or too close to each other for columns.
    pub fn columns(
        &self,
        range: Range<u64>,
    ) -> Option<impl Iterator<Item = (Column, Range<u64>)> + use<'_>> {
        let item = self.block();
        // A transposed view consists of adjacent columns.
        let (count, axes) = match self.axes() {
            [first, rest @ ..] if first.stride == item as i64 && !rest.is_empty() => {
                (first.length, rest)
            }
            all => (1, all),
        };
        let is_wide = |axis: &Axis| axis.stride.unsigned_abs() >= MIN_STRIDE;
        if item > MAX_ITEM || axes.is_empty() || !axes.iter().all(is_wide) {
            return None;
        }
        let layout = ColumnLayout {
            item,
            axes: axes.to_vec(),
        };
        let column_bytes = layout.nbytes();
        let range = range.start.min(self.nbytes())..range.end.min(self.nbytes());
        let first = range.start / column_bytes;
        let end = range.end.div_ceil(column_bytes).min(count);
        Some((first..end).map(move |k| {
            let column = Column {
                layout: layout.clone(),
                offset: self.offset() + k * item,
            };
            let start = range.start.max(k * column_bytes) - k * column_bytes;
            let end = range.end.min((k + 1) * column_bytes) - k * column_bytes;
            (column, start..end)
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::array::{Order, Shape, View};
    use crate::dtype::DType;

    fn array(dtype: &str, shape: &[u64]) -> View {
        let dtype = DType::parse(dtype).unwrap();
        View::contiguous(dtype, 100, Shape::new(shape.to_vec()), Order::C).unwrap()
    }

    /// The file offset of each byte of a range of a view.
    fn bytes(layout: &Layout, range: Range<u64>) -> Vec<u64> {
        let runs = layout.runs(range);
        runs.flat_map(|run| {
            (0..run.count).flat_map(move |k| {
                let start = run.slice(k, 1).offset;
                start..start + run.piece
            })
        })
        .collect()
    }

    #[test]
    fn columns_have_the_bytes_of_the_view() {
        let flat = array("<f4", &[20, 80]);
        let deep = array("<i2", &[5, 6, 200]);
        for view in [
            flat.take(1, 7).unwrap(),
            flat.transposed(),
            deep.take(2, 3).unwrap(),
            deep.transposed(),
        ] {
            let layout = view.layout();
            for start in (0..view.nbytes()).step_by(37) {
                for end in [start, start + 1, start + 50, start + 1000, u64::MAX] {
                    let mut found = Vec::new();
                    for (column, part) in layout.columns(start..end).unwrap() {
                        let form = column.form();
                        let alone = form.side_by_side(column.offset(), 1).unwrap();
                        assert_eq!(alone.nbytes(), form.nbytes());
                        found.extend(bytes(&alone, part));
                    }
                    assert_eq!(found, bytes(&layout, start..end), "{view:?} {start}..{end}");
                }
            }
        }
    }

    #[test]
    fn adjacent_columns_side_by_side_hold_the_items_of_each() {
        let deep = array("<i2", &[5, 6, 200]);
        let layout = deep.take(2, 10).unwrap().layout();
        let (column, _) = layout.columns(0..u64::MAX).unwrap().next().unwrap();
        let form = column.form();
        let together = form.side_by_side(column.offset(), 4).unwrap();
        let found = bytes(&together, 0..u64::MAX);
        assert_eq!(
            together.extent(),
            *found.first().unwrap()..found.last().unwrap() + 1
        );
        for k in 0..4 {
            let neighbour = deep.take(2, 10 + k).unwrap().layout();
            let items = found.chunks(8).flat_map(|row| &row[2 * k as usize..][..2]);
            let items: Vec<u64> = items.copied().collect();
            assert_eq!(items, bytes(&neighbour, 0..u64::MAX));
        }
        assert_eq!(form.side_by_side(u64::MAX - 10, 4), None);
    }

    #[test]
    fn close_or_large_items_form_no_columns() {
        for (view, what) in [
            (array("<f4", &[20, 80]), "contiguous"),
            (array("<f4", &[20, 60]).take(1, 3).unwrap(), "near"),
            (array("V40", &[20, 80]).take(1, 3).unwrap(), "large"),
            (array("<f4", &[20, 80]).take(0, 3).unwrap(), "a row"),
            (array("<f4", &[0, 80]).take(1, 3).unwrap(), "empty"),
        ] {
            assert!(view.layout().columns(0..u64::MAX).is_none(), "{what}");
        }
    }
}
