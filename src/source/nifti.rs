//! The NIfTI-1 and NIfTI-2 formats: a header of fields at fixed places, extensions, and one array
//! in Fortran order (<https://nifti.nimh.nih.gov/nifti-1>, <https://nifti.nimh.nih.gov/nifti-2>).
//! The array follows the header, or is in the `.img` file of the same name. Values are not scaled.

mod fields;

use serde_json::{Value, json};

use super::format::Reader;
use super::signature::Sample;
use super::{Contents, Details, Endian, Format, FormatError, Input, Member, Scale};
use crate::array::{Order, Shape, View};
use crate::dtype::DType;
use fields::Header;

/// The NIfTI formats.
pub(super) const FORMAT: Format = Format {
    name: "nifti",
    title: "NIfTI-1, NIfTI-2",
    suffixes: &[".nii"],
    matches,
    reader: Reader::SelfDescribing(read),
};

/// The most extensions that are listed in the attributes.
const MAX_EXTENSIONS: usize = 64;

fn matches(sample: &Sample) -> bool {
    version_of(&sample.first).is_some()
}

/// A version of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    First,
    Second,
}

impl Version {
    /// The size of the header in bytes, without extensions.
    fn header_size(self) -> u64 {
        match self {
            Version::First => 348,
            Version::Second => 540,
        }
    }
}

/// How a file begins.
#[derive(Debug, Clone, Copy)]
struct Kind {
    version: Version,
    endian: Endian,
    /// Whether the array is in a file of its own.
    is_pair: bool,
}

/// What kind of file begins with `bytes`. `None` if it is another format.
fn version_of(bytes: &[u8]) -> Option<Kind> {
    let number: [u8; 4] = *bytes.first_chunk()?;
    let (version, endian) = match (u32::from_le_bytes(number), u32::from_be_bytes(number)) {
        (348, _) => (Version::First, Endian::Little),
        (_, 348) => (Version::First, Endian::Big),
        (540, _) => (Version::Second, Endian::Little),
        (_, 540) => (Version::Second, Endian::Big),
        _ => return None,
    };
    let magic_at = match version {
        Version::First => 344,
        Version::Second => 4,
    };
    let magic = *bytes.get(magic_at..)?.first_chunk::<4>()?;
    let is_pair = match (version, &magic) {
        (Version::First, b"n+1\0") | (Version::Second, b"n+2\0") => false,
        (Version::First, b"ni1\0") | (Version::Second, b"ni2\0") => true,
        _ => return None,
    };
    Some(Kind {
        version,
        endian,
        is_pair,
    })
}

/// The array of the file.
///
/// # Errors
///
/// When the header is not valid, or NumPy has no such type.
fn read(input: &Input) -> Result<Contents, FormatError> {
    let kind = version_of(&input.up_to(0, 348)?).ok_or_else(|| {
        FormatError::invalid("it does not begin with 348 or 540 and a NIfTI magic string")
    })?;
    let header = input.bytes(0, kind.version.header_size())?;
    let header = Header::new(kind.version, input.cursor(0, kind.endian), &header);
    let mut header = header?;
    let dtype = dtype(header.datatype, kind.endian)?;
    let shape = header.shape()?;
    let offset = header.offset(kind.is_pair)?;
    let view = View::contiguous(dtype, offset, shape, Order::F)
        .map_err(|error| FormatError::invalid(error.to_string()))?;
    let end_of_extensions = match kind.is_pair {
        true => input.size(),
        false => offset,
    };
    let extensions = extensions(input, kind, end_of_extensions)?;
    if !extensions.is_empty() {
        let extensions = Value::Array(extensions);
        header.attributes.insert("extensions".into(), extensions);
    }
    let mut member = Member::new("", view, Order::F);
    member.details = std::sync::Arc::new(Details {
        scale: Scale::unless_trivial(header.slope, header.intercept),
        attributes: header.attributes,
        ..Details::default()
    });
    let mut contents = Contents::array(member);
    if kind.is_pair {
        contents.data_file = Some(image_beside(input)?);
    }
    Ok(contents)
}

/// The dtype of a `datatype` code. Colours are structures, as in nibabel.
///
/// # Errors
///
/// When NumPy has no such type, or its layout is not known from the file.
fn dtype(datatype: i16, endian: Endian) -> Result<DType, FormatError> {
    const CONVERT: &str = "convert it with nibabel: img.set_data_dtype, then nibabel.save";
    let unsupported = |why: &str| {
        Err(FormatError::unsupported(
            format!("datatype {datatype}: {why}"),
            CONVERT,
        ))
    };
    let text = match datatype {
        2 => "u1",
        4 => "i2",
        8 => "i4",
        16 => "f4",
        32 => "c8",
        64 => "f8",
        128 => "[('R', 'u1'), ('G', 'u1'), ('B', 'u1')]",
        256 => "i1",
        512 => "u2",
        768 => "u4",
        1024 => "i8",
        1280 => "u8",
        1792 => "c16",
        2304 => "[('R', 'u1'), ('G', 'u1'), ('B', 'u1'), ('A', 'u1')]",
        1 => return unsupported("its elements are bits"),
        1536 | 2048 => {
            return unsupported("the layout of its 16-byte floats is that of the writer's machine");
        }
        _ => return unsupported("it is not defined by NIfTI"),
    };
    let text = match text.starts_with('[') {
        true => text.to_owned(),
        false => format!("{}{text}", endian.prefix()),
    };
    DType::parse(&text).map_err(|error| FormatError::invalid(error.to_string()))
}

impl Header {
    /// The length of each axis.
    ///
    /// # Errors
    ///
    /// When the number of axes or a length is not valid.
    fn shape(&self) -> Result<Shape, FormatError> {
        let invalid = || FormatError::invalid(format!("dim is {:?}", self.dim));
        let (&axes, lengths) = self.dim.split_first().ok_or_else(invalid)?;
        if !(1..=7).contains(&axes) {
            return Err(FormatError::invalid(format!(
                "dim[0] is {axes}: expected 1 to 7 axes"
            )));
        }
        let lengths = usize::try_from(axes)
            .ok()
            .and_then(|axes| lengths.get(..axes));
        let mut lengths = lengths.ok_or_else(invalid)?.to_vec();
        // FreeSurfer's way to write a vector that is longer than an int16 says.
        if let [long @ -1, 1, 1, ..] = &mut lengths[..]
            && let Some(length) = self.glmin
        {
            *long = length.into();
        }
        let lengths = lengths.into_iter().enumerate().map(|(axis, length)| {
            u64::try_from(length).map_err(|_| {
                let axis = axis + 1;
                FormatError::invalid(format!("dim[{axis}] is {length}: a length is not negative"))
            })
        });
        Ok(Shape::new(lengths.collect::<Result<_, _>>()?))
    }

    /// The file offset of the array.
    ///
    /// # Errors
    ///
    /// When it is not a whole number, or lies in the header.
    fn offset(&self, is_pair: bool) -> Result<u64, FormatError> {
        let least = if is_pair {
            0
        } else {
            self.version.header_size()
        };
        let offset = self.vox_offset;
        let is_whole = offset.fract() == 0.0 && (0.0..9e18).contains(&offset);
        // Whole numbers of this range are exact.
        let whole = offset as u64;
        match is_whole && whole >= least {
            true => Ok(whole),
            false => Err(FormatError::invalid(format!(
                "vox_offset is {offset:?}: expected a whole number from {least} on"
            ))),
        }
    }
}

/// Code, position and size of each extension between the header and byte `end`.
///
/// # Errors
///
/// When the file cannot be read.
fn extensions(input: &Input, kind: Kind, end: u64) -> Result<Vec<Value>, FormatError> {
    let mut found = Vec::new();
    let flags_at = kind.version.header_size();
    let flags = input.up_to(flags_at, 4)?;
    if flags.len() < 4 || flags.first() == Some(&0) {
        return Ok(found);
    }
    let end = end.min(input.size());
    let mut cursor = input.cursor(flags_at + 4, kind.endian);
    while found.len() < MAX_EXTENSIONS && cursor.position().saturating_add(8) <= end {
        let at = cursor.position();
        let (size, code) = (cursor.i32()?, cursor.i32()?);
        let Some(rest) = u64::try_from(size)
            .ok()
            .and_then(|size| size.checked_sub(8))
        else {
            break;
        };
        if rest > end.saturating_sub(at + 8) {
            break;
        }
        found.push(json!({"ecode": code, "esize": size, "offset": at}));
        cursor.skip(rest)?;
    }
    Ok(found)
}

/// The name of the file that holds the array of this header.
///
/// # Errors
///
/// When the header is not called `.hdr`, or there is no such file.
fn image_beside(input: &Input) -> Result<String, FormatError> {
    let name = input.path().file_name().and_then(|name| name.to_str());
    let name = name.unwrap_or_default();
    let image = [(".hdr", ".img"), (".HDR", ".IMG")];
    let image = image
        .into_iter()
        .find_map(|(header, image)| Some(format!("{}{image}", name.strip_suffix(header)?)));
    let image = image.ok_or_else(|| {
        FormatError::unsupported(
            "its array is in another file, whose name is known only if this one ends in .hdr",
            "rename the header",
        )
    })?;
    input.sibling_size(&image)?;
    Ok(image)
}
