//! The `parquet/` encoding: an array with one or two axes as a Parquet file, which is not
//! compressed. Each column is a strided view of the array. The layout of the file is left to
//! `vfile::parquet`.
//!
//! - The format has no integers below 32 bits, and truth values are bits, so these are converted.
//! - Sub-arrays and complex numbers are groups, of a column for each index, and of two parts.

use std::sync::Arc;

use super::{FileEncoding, Scope};
use crate::array::View;
use crate::dtype::{ByteOrder, DType, Kind, Unit};
use crate::mapping::Mapping;
use crate::vfile::bits::Bits;
use crate::vfile::columns::{Column, MAX_COLUMNS, is_table};
use crate::vfile::parquet::{self, Layout, Leaf, MAX_FOOTER, Meaning, Physical, Schema};
use crate::vfile::widened::{Widened, Widening};
use crate::vfile::{CodedView, Content, ContentList};

pub(super) const ENCODING: FileEncoding = FileEncoding {
    folder: Some("parquet"),
    suffix: ".parquet",
    writable: false,
    scope: Scope::Whole(has_file),
    max_ndim: None,
    len: |view| Some(Table::of(view)?.layout()?.len()),
    contents,
    is_equivalent: |fixed, data| fixed == data,
};

fn has_file(view: &CodedView<'_>) -> bool {
    let has_type = |dtype: &DType| match dtype.kind() {
        Kind::Complex => dtype.byte_order() != ByteOrder::Big && dtype.itemsize() <= 16,
        _ => type_of(dtype).is_some(),
    };
    is_table(view, has_type).unwrap_or_else(|| (ENCODING.len)(view).is_some())
}

fn contents(mapping: &Arc<Mapping>, view: &CodedView<'_>) -> ContentList {
    let laid_out = |table: Table| Some((table.layout()?, table.values));
    let Some((layout, values)) = Table::of(view).and_then(laid_out) else {
        return Vec::new();
    };
    let values = values.iter().map(|(part, shown, conversion)| {
        let bytes = view.bytes_of(mapping, part, shown);
        match conversion {
            Conversion::None => bytes,
            Conversion::Bits => Arc::new(Bits::new(bytes)) as Arc<dyn Content>,
            Conversion::Widened(widening) => Arc::new(Widened::new(bytes, *widening)),
        }
    });
    parquet::contents(layout, values.collect())
}

/// How the values of a column differ from the elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Conversion {
    None,
    /// Bytes become bits.
    Bits,
    Widened(Widening),
}

/// The columns of a file and their description.
#[derive(Debug)]
struct Table {
    schema: Schema,
    rows: u64,
    /// The stored elements of each column, and the dtype in which they are shown.
    values: Vec<(View, DType, Conversion)>,
}

impl Table {
    /// The table that shows `view`. `None` if it has no axis or more than two, if it has no
    /// columns or too many, or elements that Parquet lacks.
    fn of(view: &CodedView<'_>) -> Option<Table> {
        let columns = Column::of_table(view)?;
        let mut table = Table {
            schema: Schema::new(columns.len()),
            rows: view.shape().lengths().first().copied()?,
            values: Vec::new(),
        };
        for column in columns {
            table.add(&column?)?;
        }
        Some(table)
    }

    fn layout(&self) -> Option<Layout> {
        Layout::new(&self.schema, self.rows)
    }

    /// Adds a column with what is in it. `None` if Parquet lacks the type, or there are too many
    /// columns.
    fn add(&mut self, column: &Column) -> Option<()> {
        let parts = match column.dtype.kind() {
            _ if !column.axes().is_empty() => column.split()?,
            Kind::Structured(_) => column.fields(),
            Kind::Complex => vec![part(column, "real", 0), part(column, "imag", 1)],
            _ => return self.add_leaf(column),
        };
        if parts.is_empty() {
            return None;
        }
        self.schema.begin_group(&column.name, parts.len());
        for part in parts {
            self.add(&part?)?;
        }
        self.schema.end_group();
        Some(())
    }

    fn add_leaf(&mut self, column: &Column) -> Option<()> {
        let (leaf, conversion) = type_of(&column.dtype)?;
        self.schema.add(&column.name, leaf);
        let shown = column.dtype.clone();
        self.values.push((column.view.clone(), shown, conversion));
        let fits = self.values.len() <= MAX_COLUMNS && self.schema.size() as u64 <= MAX_FOOTER;
        fits.then_some(())
    }
}

/// Part number `index` of complex numbers.
fn part(column: &Column, name: &str, index: u64) -> Option<Column> {
    let size = column.dtype.itemsize() / 2;
    let float = |dtype: &DType| {
        let mark = match dtype.byte_order() {
            ByteOrder::Big => '>',
            ByteOrder::Little | ByteOrder::NotApplicable => '<',
        };
        DType::parse(&format!("{mark}f{size}")).ok()
    };
    let view = &column.view;
    let (offset, strides) = (view.offset() + index * size, view.strides().to_vec());
    let dtype = float(view.dtype())?;
    Some(Column {
        name: name.to_owned(),
        view: View::strided(dtype, offset, view.shape().clone(), strides).ok()?,
        dtype: float(&column.dtype)?,
    })
}

/// The type of a column of elements of `dtype`. `None` for types that Parquet lacks.
fn type_of(dtype: &DType) -> Option<(Leaf, Conversion)> {
    if dtype.byte_order() == ByteOrder::Big {
        return None;
    }
    let unit = |unit| match unit {
        Unit::Millisecond => Some(1),
        Unit::Microsecond => Some(2),
        Unit::Nanosecond => Some(3),
        _ => None,
    };
    let (physical, meaning) = match (dtype.kind(), dtype.itemsize()) {
        (Kind::Bool, _) => (Physical::Boolean, Meaning::Plain),
        (Kind::Int, 1) => (Physical::Int32, Meaning::Converted(15)),
        (Kind::Int, 2) => (Physical::Int32, Meaning::Converted(16)),
        (Kind::Int, 4) => (Physical::Int32, Meaning::Plain),
        (Kind::Int, 8) => (Physical::Int64, Meaning::Plain),
        (Kind::UInt, 1) => (Physical::Int32, Meaning::Converted(11)),
        (Kind::UInt, 2) => (Physical::Int32, Meaning::Converted(12)),
        (Kind::UInt, 4) => (Physical::Int32, Meaning::Converted(13)),
        (Kind::UInt, 8) => (Physical::Int64, Meaning::Converted(14)),
        (Kind::Float, 2) => (Physical::FixedLenByteArray, Meaning::Float16),
        (Kind::Float, 4) => (Physical::Float, Meaning::Plain),
        (Kind::Float, 8) => (Physical::Double, Meaning::Plain),
        (Kind::Bytes | Kind::Void, _) => (Physical::FixedLenByteArray, Meaning::Plain),
        (Kind::DateTime(step), _) if step.multiple == 1 => {
            (Physical::Int64, Meaning::Timestamp(unit(step.unit)?))
        }
        _ => return None,
    };
    let conversion = match (dtype.kind(), physical, dtype.itemsize()) {
        (_, Physical::Boolean, _) => Conversion::Bits,
        (kind, Physical::Int32, itemsize @ (1 | 2)) => Conversion::Widened(Widening::Integer {
            itemsize: itemsize as u8,
            is_signed: *kind == Kind::Int,
        }),
        _ => Conversion::None,
    };
    let size = match physical {
        Physical::Int32 => 4,
        _ => dtype.itemsize(),
    };
    let leaf = Leaf {
        physical,
        meaning,
        size,
    };
    Some((leaf, conversion))
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
    fn what_is_too_large_has_no_file() {
        let name = "n".repeat(1 << 20);
        for (dtype, lengths) in [
            ("u1", &[(1 << 63) - 1][..]),
            ("f8", &[(1 << 60) - 1, 1]),
            ("u1", &[1, 4097]),
            ("u1", &[1, u64::MAX]),
            ("c8", &[1, 2049]),
            ("[('x', 'i4', (5, 1000))]", &[1]),
            ("[('x', 'u1', 2147483647)]", &[1]),
            ("S134217729", &[1]),
            (&format!("[('{name}', 'u1')]"), &[1, 16]),
        ] {
            assert_eq!(len(dtype, lengths), None, "{dtype:.40} {lengths:?}");
        }
        assert!(len("?", &[(1 << 63) - 1]).is_some());
        assert!(len("u1", &[1 << 58, 4]).is_some());
        assert!(len("c8", &[1, 2048]).is_some());
        assert!(len("S134217728", &[1 << 30]).is_some());
    }
}
