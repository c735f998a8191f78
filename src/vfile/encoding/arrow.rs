//! The `arrow/` encoding: an array with one or two axes as an Arrow IPC file of one record batch.
//! Each column is a strided view of the array. The layout of the metadata is left to
//! `vfile::arrow_metadata`.
//!
//! - The file is little-endian. Readers ignore that a schema says otherwise.
//! - Sub-arrays of numbers are lists of fixed size, of several axes tensors. Other sub-arrays are
//!   nested lists.
//! - A truth value of Arrow is a bit. Those of NumPy are the extension `arrow.bool8`.

use std::sync::Arc;

use super::{FileEncoding, Scope};
use crate::array::View;
use crate::dtype::{ByteOrder, DType, Kind, Unit};
use crate::mapping::Mapping;
use crate::vfile::arrow_metadata::{ALIGNMENT, Batch, Field, Frame, Precision, TimeUnit, Type};
use crate::vfile::columns::{Column, MAX_COLUMNS, is_table};
use crate::vfile::{CodedView, Content, ContentList, Literal};

pub(super) const ENCODING: FileEncoding = FileEncoding {
    folder: Some("arrow"),
    suffix: ".arrow",
    writable: false,
    scope: Scope::Whole(has_file),
    max_ndim: None,
    len: |view| Some(Table::of(view)?.framed()?.1),
    contents,
    is_equivalent: |fixed, data| fixed == data,
};

/// The most bytes of the metadata, which are made whenever the file is opened.
const MAX_METADATA: usize = 16 << 20;

/// The name of the items of a list.
const ITEM: &str = "item";

fn has_file(view: &CodedView<'_>) -> bool {
    let has_type = |dtype: &DType| type_of(dtype).is_some();
    is_table(view, has_type).unwrap_or_else(|| (ENCODING.len)(view).is_some())
}

fn contents(mapping: &Arc<Mapping>, view: &CodedView<'_>) -> ContentList {
    let framed = |table: Table| Some((table.framed()?.0, table.columns));
    let Some((frame, columns)) = Table::of(view).and_then(framed) else {
        return Vec::new();
    };
    let literal = |bytes: &[u8]| Arc::new(Literal::exact(bytes)) as Arc<dyn Content>;
    let mut contents = vec![literal(&frame.header)];
    for (part, shown) in &columns {
        let column = view.bytes_of(mapping, part, shown);
        let padding = column.len().next_multiple_of(ALIGNMENT) - column.len();
        contents.push(column);
        contents.push(literal(&[0; ALIGNMENT as usize][..padding as usize]));
    }
    contents.push(literal(&frame.footer));
    contents
}

/// The columns of a file and their description.
#[derive(Debug, Default)]
struct Table {
    fields: Vec<Field>,
    batch: Batch,
    /// The stored elements of each buffer of elements, and the dtype in which they are shown.
    columns: Vec<(View, DType)>,
    /// The size of all names in bytes.
    names: usize,
}

impl Table {
    /// The table that shows `view`. `None` if it has no axis or more than two, if it has no
    /// columns or too many, or elements that Arrow lacks.
    fn of(view: &CodedView<'_>) -> Option<Table> {
        let mut table = Table::default();
        for column in Column::of_table(view)? {
            let column = column?;
            table.batch.rows = column.rows();
            let field = table.add(&column.name, &column, 0)?;
            table.fields.push(field);
        }
        Some(table)
    }

    /// The metadata, and the size of the file. `None` if they are too large.
    fn framed(&self) -> Option<(Frame, u64)> {
        let frame = Frame::new(&self.fields, &self.batch)?;
        let metadata = frame.header.len() + frame.footer.len();
        let len = self.batch.body.checked_add(metadata as u64)?;
        let fits = metadata <= MAX_METADATA && i64::try_from(len).is_ok();
        fits.then_some((frame, len))
    }

    /// Adds nodes and buffers of a column, or of the items of its lists along the first `listed`
    /// axes within a row. Returns the description. `None` if Arrow lacks the type, or there are
    /// too many columns.
    fn add(&mut self, name: &str, column: &Column, listed: usize) -> Option<Field> {
        let (outer, axes) = column.axes().split_at(listed);
        // No overflow: the number divides the size of the elements.
        let count = column.rows() * outer.iter().product::<u64>();
        let mut axes = axes.to_vec();
        let is_number = matches!(
            column.dtype.kind(),
            Kind::Int | Kind::UInt | Kind::Float | Kind::Complex
        );
        if *column.dtype.kind() == Kind::Complex {
            axes.push(2);
        }
        if !is_number {
            axes.truncate(1);
        }
        if axes.is_empty() {
            return self.add_item(name, column, count);
        }
        let size = axes.iter().try_fold(1u64, |n, &k| n.checked_mul(k))?;
        let kind = Type::FixedSizeList(i32::try_from(size).ok().filter(|&size| size > 0)?);
        self.add_node(count);
        let item = match is_number {
            true => self.add_item(ITEM, column, count.checked_mul(size)?)?,
            false => self.add(ITEM, column, listed + 1)?,
        };
        let tensor = || {
            (
                "arrow.fixed_shape_tensor",
                format!("{{\"shape\":{axes:?}}}"),
            )
        };
        Some(Field {
            name: name.to_owned(),
            kind,
            children: vec![item],
            extension: (axes.len() > 1).then(tensor),
        })
    }

    /// Adds nodes and buffers of `count` elements that are no lists. Returns their description.
    /// `None` if Arrow lacks the type, or there are too many columns.
    fn add_item(&mut self, name: &str, column: &Column, count: u64) -> Option<Field> {
        let kind = type_of(&column.dtype)?;
        self.names += column.name.len();
        (self.names <= MAX_METADATA).then_some(())?;
        self.add_node(count);
        let mut children = Vec::new();
        if kind == Type::Struct {
            for field in column.fields() {
                let field = field?;
                let listed = column.axes().len();
                children.push(self.add(&field.name, &field, listed)?);
            }
            // A struct without fields has no buffers, and readers differ on it.
            (!children.is_empty()).then_some(())?;
        } else {
            self.add_column(column)?;
        }
        let is_bool = *column.dtype.kind() == Kind::Bool;
        Some(Field {
            name: name.to_owned(),
            kind,
            children,
            extension: is_bool.then(|| ("arrow.bool8", String::new())),
        })
    }

    /// Adds a node, with its bitmap of nulls: it is empty, since there are none.
    fn add_node(&mut self, count: u64) {
        self.batch.nodes.push(count);
        self.batch.buffers.push([self.batch.body, 0]);
    }

    /// Adds the elements of a column. `None` if there are too many columns, or bytes.
    fn add_column(&mut self, column: &Column) -> Option<()> {
        // The elements as shown have the size of the stored ones, or can be more than those.
        let size = column.view.size().checked_mul(column.dtype.itemsize())?;
        let Batch { buffers, body, .. } = &mut self.batch;
        buffers.push([*body, size]);
        *body = body
            .checked_add(size)?
            .checked_next_multiple_of(ALIGNMENT)?;
        self.columns
            .push((column.view.clone(), column.dtype.clone()));
        (self.columns.len() <= MAX_COLUMNS).then_some(())
    }
}

/// The type of elements of `dtype`; that of the parts of complex numbers. `None` for types that
/// Arrow lacks.
fn type_of(dtype: &DType) -> Option<Type> {
    if dtype.byte_order() == ByteOrder::Big {
        return None;
    }
    let size = i32::try_from(dtype.itemsize()).ok()?;
    let unit = |unit| match unit {
        Unit::Second => Some(TimeUnit::Second),
        Unit::Millisecond => Some(TimeUnit::Millisecond),
        Unit::Microsecond => Some(TimeUnit::Microsecond),
        Unit::Nanosecond => Some(TimeUnit::Nanosecond),
        _ => None,
    };
    Some(match (dtype.kind(), size) {
        (kind @ (Kind::Bool | Kind::Int | Kind::UInt), _) => Type::Int {
            bits: 8 * size,
            is_signed: *kind != Kind::UInt,
        },
        (Kind::Float, 2) => Type::Float(Precision::Half),
        (Kind::Float, 4) | (Kind::Complex, 8) => Type::Float(Precision::Single),
        (Kind::Float, 8) | (Kind::Complex, 16) => Type::Float(Precision::Double),
        (Kind::Bytes | Kind::Void, _) => Type::FixedSizeBinary(size),
        (Kind::DateTime(step), _) if step.multiple == 1 => Type::Timestamp(unit(step.unit)?),
        (Kind::TimeDelta(step), _) if step.multiple == 1 => Type::Duration(unit(step.unit)?),
        (Kind::Structured(_), _) => Type::Struct,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::array::Shape;

    /// The size of the file of a view whose axes have the stride 0.
    fn len(dtype: &str, lengths: &[u64]) -> Option<u64> {
        let dtype = DType::parse(dtype).unwrap();
        let strides = vec![0; lengths.len()];
        let view = View::strided(dtype, 0, Shape::new(lengths.to_vec()), strides).ok()?;
        (ENCODING.len)(&CodedView::as_stored(&view))
    }

    #[test]
    fn sizes_are_those_of_the_columns_and_the_metadata() {
        for (dtype, lengths, columns) in [
            ("f8", &[0][..], 0),
            ("f8", &[8], 64),
            ("f8", &[9], 128),
            ("u1", &[1, 3], 3 * 64),
            ("[('x', 'u1', (2, 3)), ('z', 'c8')]", &[3], 2 * 64),
            ("[('x', 'u1'), ('s', [('y', 'f8')], 2)]", &[5], 64 + 128),
            ("u1", &[(1 << 62) - 7], 1 << 62),
        ] {
            let metadata = len(dtype, lengths).unwrap() - columns;
            assert!(
                (500..4000).contains(&metadata),
                "{dtype} {lengths:?}: {metadata}"
            );
        }
    }

    #[test]
    fn what_is_too_large_has_no_file() {
        let name = "n".repeat(1 << 20);
        for (dtype, lengths) in [
            ("u1", &[(1 << 63) - 1][..]),
            ("f8", &[(1 << 60) - 1, 1]),
            ("u1", &[1, 4097]),
            ("u1", &[1, u64::MAX]),
            ("u1", &[1, 1 << 62]),
            ("[('x', 'i4'), ('y', 'i4')]", &[1, 2049]),
            (&format!("[('{name}', 'u1')]"), &[1, 16]),
        ] {
            assert_eq!(len(dtype, lengths), None, "{:.40} {lengths:?}", dtype);
        }
        assert!(len("u1", &[1 << 60, 4]).is_some());
        assert!(len("[('x', 'u1', 2147483647)]", &[1 << 31]).is_some());
        assert!(len("u1", &[1, 4096]).is_some());
    }
}
