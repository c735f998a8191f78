//! Files that say nothing of themselves: the array is what the user describes,
//! with the rules of `numpy.memmap` for what is left open.

use std::path::Path;

use super::{Description, SourceError};
use crate::array::{ShapeSpec, View};
use crate::mapping::Mode;

/// The name of the format in `meta.json`.
pub(super) const FORMAT: &str = "raw";

/// The array described, in a file of `size` bytes.
///
/// # Errors
///
/// When a shape is missing under `w+`, the offset leaves nothing to infer a
/// shape from, the bytes are not a whole number of items, or the array's end
/// cannot be counted.
pub(super) fn view(path: &Path, description: &Description, size: u64) -> Result<View, SourceError> {
    let Description { dtype, offset, .. } = description;
    let in_file = |error| SourceError::Array {
        path: path.to_path_buf(),
        error,
    };
    let spec = description.shape.as_ref();
    let inferred = spec.is_none_or(ShapeSpec::is_open);
    if inferred && description.mode == Mode::Write {
        let path = path.to_path_buf();
        return Err(SourceError::ShapeNeeded { path });
    }
    let available = match size.checked_sub(*offset) {
        None if inferred => {
            return Err(SourceError::OffsetPastEnd {
                path: path.to_path_buf(),
                offset: *offset,
                size,
            });
        }
        available => available.unwrap_or(0),
    };
    let shape = match spec {
        Some(spec) => spec.resolve(dtype.itemsize(), *offset, available),
        None => ShapeSpec::of_rest(dtype.itemsize(), *offset, available),
    }
    .map_err(in_file)?;
    View::contiguous(dtype.clone(), *offset, shape, description.order).map_err(in_file)
}
