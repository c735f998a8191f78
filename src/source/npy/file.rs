//! Opens `.npy` files. The header of an existing file determines the array, and options
//! must not contradict it. A new file gets the header that `numpy.save` writes for the
//! described array. (`numpy.lib.format.open_memmap` writes another `fortran_order` where
//! C and F order are the same.)

use super::{Header, HeaderError, MAGIC};
use crate::array::{Order, ShapeSpec, View};
use crate::dtype::DType;
use crate::mapping::{BackingFile, Mode};
use crate::source::{Assumed, Description, Format, Located, SourceError};

/// The `.npy` format.
pub(crate) const FORMAT: Format = Format {
    name: "npy",
    magic: &MAGIC,
    suffix: Some(".npy"),
    locate,
};

/// Number of bytes at the start of a file that determine the size of its header.
const PREFIX: usize = 12;

/// The array described by the header.
///
/// # Errors
///
/// - [`SourceError::Header`] when the header is invalid.
/// - [`SourceError::Contradiction`] when an option contradicts it.
/// - [`SourceError::Array`] when the end of the array exceeds 2^63 - 1 bytes.
/// - [`SourceError::ShapeNeeded`] and [`SourceError::NoHeader`] under `w+`.
fn locate(backing: &BackingFile, description: &Description) -> Result<Located, SourceError> {
    let path = || backing.path().to_path_buf();
    let (header, preamble) = match backing.mode() {
        Mode::Write => make_header(backing, description)?,
        _ => read_header(backing)?,
    };
    let view = |order| {
        let (dtype, shape) = (header.dtype.clone(), header.shape.clone());
        View::contiguous(dtype, header.offset, shape, order).map_err(|error| SourceError::Array {
            path: path(),
            error,
        })
    };
    let located = Located {
        view: view(header.order)?,
        order: header.order,
        preamble,
        // The header of an existing file leaves nothing open.
        assumed: match backing.mode() {
            Mode::Write => Assumed::unless_given(description.dtype.is_some(), true),
            _ => None,
        },
    };
    let contradiction = |option, given: String, found: String| SourceError::Contradiction {
        path: path(),
        format: FORMAT.name,
        option,
        given,
        found,
    };
    let Description {
        dtype,
        shape,
        order,
        offset,
        ..
    } = description;
    if let Some(dtype) = dtype.as_ref().filter(|&dtype| *dtype != header.dtype) {
        let (given, found) = (dtype.to_string(), header.dtype.to_string());
        return Err(contradiction("dtype", given, found));
    }
    if let Some(shape) = shape.as_ref().filter(|shape| !shape.matches(&header.shape)) {
        let found = header.shape.to_string();
        return Err(contradiction("shape", shape.to_string(), found));
    }
    if let Some(order) = *order
        && order != header.order
        && view(order)?.canonical() != located.view.canonical()
    {
        let found = header.order.to_string();
        return Err(contradiction("order", order.to_string(), found));
    }
    if let Some(offset) = offset.filter(|&offset| offset != header.offset) {
        let found = header.offset.to_string();
        return Err(contradiction("offset", offset.to_string(), found));
    }
    Ok(located)
}

/// Reads the header of an existing file. Returns it with its bytes.
fn read_header(backing: &BackingFile) -> Result<(Header, Vec<u8>), SourceError> {
    let in_file = |error: HeaderError| SourceError::Header {
        path: backing.path().to_path_buf(),
        error: Box::new(error),
    };
    let prefix = backing.first_bytes(PREFIX)?;
    let size = Header::size(&prefix).map_err(in_file)?;
    let bytes = backing.first_bytes(size)?;
    let header = Header::parse(&bytes).map_err(in_file)?;
    Ok((header, bytes))
}

/// Makes the header of a new file. Returns it with its bytes.
fn make_header(
    backing: &BackingFile,
    description: &Description,
) -> Result<(Header, Vec<u8>), SourceError> {
    let path = || backing.path().to_path_buf();
    let complete = description
        .shape
        .as_ref()
        .filter(|spec| !spec.has_inferred_length());
    let spec: &ShapeSpec = complete.ok_or_else(|| SourceError::ShapeNeeded { path: path() })?;
    let dtype = description.dtype.clone().unwrap_or(DType::BYTE);
    let order = description.order.unwrap_or(Order::C);
    let resolved = spec.resolve(dtype.itemsize(), 0, 0);
    let shape = resolved.map_err(|error| SourceError::Array {
        path: path(),
        error,
    })?;
    let Some(bytes) = Header::write(&dtype, &shape, order) else {
        let path = path();
        return Err(SourceError::NoHeader { path, dtype });
    };
    let header = Header {
        dtype,
        order,
        shape,
        offset: bytes.len() as u64,
    };
    Ok((header, bytes))
}
