//! Raw files, without a header. The user describes the array; defaults are those of
//! `numpy.memmap`.

use super::fitting::Wanted;
use super::{Assumed, Contents, Description, Format, Member, Reader, SourceError};
use crate::array::{ArrayError, Order, ShapeSpec, View};
use crate::dtype::DType;
use crate::mapping::{BackingFile, Mode};

/// The raw format. Any file is valid.
pub(super) const FORMAT: Format = Format {
    name: "raw",
    title: "any file, described by options",
    suffixes: &[],
    matches: |_| true,
    reader: Reader::Described(read),
};

/// The described array.
///
/// # Errors
///
/// - [`SourceError::ShapeNeeded`] when a shape must be inferred under `w+`.
/// - [`SourceError::OffsetPastEnd`] when a shape must be inferred and the offset is past
///   the end of the file.
/// - [`SourceError::NotAMultiple`] when the bytes of the file are no multiple of the items.
/// - [`SourceError::Array`] when the shape does not fit the file, or the end of the array
///   exceeds 2^63 - 1 bytes.
fn read(backing: &BackingFile, description: &Description) -> Result<Contents, SourceError> {
    let path = || backing.path().to_path_buf();
    let in_file = |error| SourceError::Array {
        path: path(),
        error,
    };
    let dtype = description.dtype.clone().unwrap_or(DType::BYTE);
    let offset = description.offset.unwrap_or(0);
    let order = description.order.unwrap_or(Order::C);
    let spec = description.shape.as_ref();
    let inferred = spec.is_none_or(ShapeSpec::has_inferred_length);
    if inferred && description.mode == Mode::Write {
        return Err(SourceError::ShapeNeeded { path: path() });
    }
    let size = backing.size();
    let available = match size.checked_sub(offset) {
        None if inferred => {
            return Err(SourceError::OffsetPastEnd {
                path: path(),
                offset,
                size,
                is_extensible: !backing.has_fixed_size(),
            });
        }
        available => available.unwrap_or(0),
    };
    let shape = match spec {
        Some(spec) => spec.resolve(dtype.itemsize(), offset, available),
        None => ShapeSpec::one_axis(dtype.itemsize(), offset, available),
    }
    .map_err(|error| match &error {
        ArrayError::NotAMultiple { step, fitting, .. } => {
            let wanted = Wanted {
                dtype: &dtype,
                shape: fitting,
                order,
                note: description.dtype_note.as_ref(),
            };
            let is_slowest = spec.is_none_or(|spec| spec.infers_slowest(order));
            SourceError::NotAMultiple {
                path: path(),
                advice: wanted.advice_on_rest(available, *step, is_slowest),
                error,
            }
        }
        _ => in_file(error),
    })?;
    let view = View::contiguous(dtype, offset, shape, order).map_err(in_file)?;
    Ok(Contents {
        assumed: Assumed::unless_given(description.dtype.is_some(), spec.is_some()),
        note: description.dtype_note.map(|note| note.text.to_owned()),
        ..Contents::array(Member::new("", view, order))
    })
}
