//! Columns: parts of a view whose items lie far apart in the file, each in a
//! cache line of its own. Next to them, in the same lines, lie the items of their
//! neighbours: the same column some items further on. What is worth keeping of
//! those is decided above.

use std::ops::Range;

use super::runs::{Axis, Layout};

/// The least distance of two items that lie far apart, in bytes: a few cache
/// lines, since what is near to one that is read is fetched along.
const APART: u64 = 256;

/// The largest item that shares its cache line with others, in bytes.
const SHARES: u64 = 32;

/// What all neighbours of a column have in common: the size of an item, and how
/// the items follow one another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ColumnLayout {
    item: u64,
    axes: Vec<Axis>,
}

/// A part of a view whose items lie far apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    form: ColumnLayout,
    /// Where its first item begins in the file, in bytes.
    offset: u64,
}

impl ColumnLayout {
    /// The bytes in an item.
    pub fn item(&self) -> u64 {
        self.item
    }

    /// The bytes in a column of this form.
    pub fn nbytes(&self) -> u64 {
        let items: u64 = self.axes.iter().map(|axis| axis.length).product();
        items * self.item
    }

    /// The bytes of the file that a column covers which begins at byte `offset`,
    /// from the first to the last; `None` if the file does not begin so early.
    pub fn extent(&self, offset: u64) -> Option<Range<u64>> {
        let (mut before, mut after) = (0, self.item);
        for axis in &self.axes {
            let reach = axis.stride.unsigned_abs() * (axis.length - 1);
            match axis.stride < 0 {
                true => before += reach,
                false => after += reach,
            }
        }
        Some(offset.checked_sub(before)?..offset.checked_add(after)?)
    }

    /// `count` neighbours from the one on that begins at byte `offset`, as a view
    /// whose items are those of all neighbours, one after the other; `None` where
    /// the file does not begin so early.
    pub fn side_by_side(&self, offset: u64, count: u64) -> Option<Layout> {
        let first = self.extent(offset)?;
        let block = self.item * count;
        let extent = first.start..first.end.checked_add(block - self.item)?;
        Some(Layout::of(offset, block, self.axes.clone(), extent))
    }
}

impl Column {
    /// What it has in common with its neighbours.
    pub fn form(&self) -> &ColumnLayout {
        &self.form
    }

    /// Where its first item begins in the file, in bytes.
    pub fn offset(&self) -> u64 {
        self.offset
    }
}

impl Layout {
    /// The columns that the bytes `range` of the view are made of, in order, each
    /// with its part of them; `None` if the items of the view do not lie apart.
    pub fn columns(
        &self,
        range: Range<u64>,
    ) -> Option<impl Iterator<Item = (Column, Range<u64>)> + use<'_>> {
        let item = self.block();
        // Where neighbours follow one another in the view, each is a column.
        let (neighbours, axes) = match self.axes() {
            [first, rest @ ..] if first.stride == item as i64 && !rest.is_empty() => {
                (first.length, rest)
            }
            all => (1, all),
        };
        let apart = |axis: &Axis| axis.stride.unsigned_abs() >= APART;
        if item > SHARES || axes.is_empty() || !axes.iter().all(apart) {
            return None;
        }
        let form = ColumnLayout {
            item,
            axes: axes.to_vec(),
        };
        let each = form.nbytes();
        let range = range.start.min(self.nbytes())..range.end.min(self.nbytes());
        let first = range.start / each;
        let end = range.end.div_ceil(each).min(neighbours);
        Some((first..end).map(move |k| {
            let column = Column {
                form: form.clone(),
                offset: self.offset() + k * item,
            };
            let start = range.start.max(k * each) - k * each;
            let end = range.end.min((k + 1) * each) - k * each;
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

    /// The bytes of the file that a range of a view is made of.
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
    fn neighbours_side_by_side_have_the_items_of_each() {
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
    fn items_that_are_near_or_large_are_no_columns() {
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
