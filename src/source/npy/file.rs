//! Opens `.npy` files. The header of an existing file determines the array, and options
//! must not contradict it. They can say which type of `ml_dtypes` its opaque bytes are. A new
//! file gets the header that `numpy.save` writes for the described array. (`numpy.lib.format.open_memmap` writes another `fortran_order` where
//! C and F order are the same.)

use super::{Header, HeaderError, MAGIC};
use crate::array::{Order, ShapeSpec, View};
use crate::dtype::DType;
use crate::mapping::{BackingFile, Mode};
use crate::source::{
    Assumed, Contents, Description, Format, FormatError, Input, Member, Reader, SourceError,
    Verbatim,
};

/// The `.npy` format.
pub(crate) const FORMAT: Format = Format {
    name: "npy",
    title: "NumPy array",
    suffixes: &[".npy"],
    matches: |sample| sample.has(0, &MAGIC),
    reader: Reader::Described(read),
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
fn read(backing: &BackingFile, description: &Description) -> Result<Contents, SourceError> {
    let (mut header, preamble) = match backing.mode() {
        Mode::Write => make_header(backing, description)?,
        _ => read_header(backing)?,
    };
    check_description(backing, description, &header)?;
    // A header can stand for more than one dtype.
    header.dtype = description.dtype.clone().unwrap_or(header.dtype);
    let mut member = Member::new("", array(backing, &header, header.order)?, header.order);
    member.verbatim = Some(Verbatim {
        folder: FORMAT.name,
        header: preamble.into(),
    });
    Ok(Contents {
        // The header of an existing file leaves nothing open.
        assumed: match backing.mode() {
            Mode::Write => Assumed::unless_given(description.dtype.is_some(), true),
            _ => None,
        },
        ..Contents::array(member)
    })
}

/// Checks that `description` does not contradict `header`.
///
/// # Errors
///
/// [`SourceError::Contradiction`] when it does, and as [`array`].
fn check_description(
    backing: &BackingFile,
    description: &Description,
    header: &Header,
) -> Result<(), SourceError> {
    let contradiction = |option, given: String, found: String| SourceError::Contradiction {
        path: backing.path().to_path_buf(),
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
    if let Some(dtype) = dtype
        .as_ref()
        .filter(|dtype| !dtype.is_stored_as(&header.dtype))
    {
        let (given, found) = (dtype.to_string(), header.dtype.to_string());
        return Err(contradiction("dtype", given, found));
    }
    if let Some(shape) = shape.as_ref().filter(|shape| !shape.matches(&header.shape)) {
        let found = header.shape.to_string();
        return Err(contradiction("shape", shape.to_string(), found));
    }
    let canonical =
        |order| -> Result<View, SourceError> { Ok(array(backing, header, order)?.canonical()) };
    if let Some(order) = *order
        && order != header.order
        && canonical(order)? != canonical(header.order)?
    {
        let found = header.order.to_string();
        return Err(contradiction("order", order.to_string(), found));
    }
    if let Some(offset) = offset.filter(|&offset| offset != header.offset) {
        let found = header.offset.to_string();
        return Err(contradiction("offset", offset.to_string(), found));
    }
    Ok(())
}

/// The array of `header`, in this memory order.
///
/// # Errors
///
/// [`SourceError::Array`] when its end exceeds 2^63 - 1 bytes.
fn array(backing: &BackingFile, header: &Header, order: Order) -> Result<View, SourceError> {
    let (dtype, shape) = (header.dtype.clone(), header.shape.clone());
    View::contiguous(dtype, header.offset, shape, order).map_err(|error| SourceError::Array {
        path: backing.path().to_path_buf(),
        error,
    })
}

/// Reads the header of an existing file. Returns it with its bytes.
fn read_header(backing: &BackingFile) -> Result<(Header, Vec<u8>), SourceError> {
    let in_file = |error: HeaderError| SourceError::Header {
        path: backing.path().to_path_buf(),
        error: Box::new(error),
    };
    let unreadable = |error: FormatError| SourceError::Format {
        path: backing.path().to_path_buf(),
        format: FORMAT.name,
        error,
    };
    let input = Input::of(backing);
    let prefix = input.up_to(0, PREFIX).map_err(unreadable)?;
    let size = Header::size(&prefix).map_err(in_file)?;
    let bytes = input.up_to(0, size).map_err(unreadable)?;
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
