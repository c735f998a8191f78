//! The `.npz` format of NumPy: a ZIP archive of `.npy` files. Stored members are arrays in the
//! file; compressed ones are not (`numpy.savez`,
//! <https://numpy.org/doc/stable/reference/generated/numpy.savez.html>). The archive is read by
//! [`zip`], the header of a member by [`npy`].

mod zip;

use std::collections::HashMap;

use zip::{Entries, Entry};

use super::contents::MAX_MEMBERS;
use super::format::Reader;
use super::npy::{self, Header, HeaderError};
use super::signature::Sample;
use super::{Contents, Format, FormatError, Input, Member, Verbatim};
use crate::array::View;

/// The `.npz` format.
pub(super) const FORMAT: Format = Format {
    name: "npz",
    title: "NumPy archive",
    suffixes: &[".npz"],
    matches,
    reader: Reader::SelfDescribing(read),
};

/// The suffix of the arrays in an archive, which is no part of their names.
const SUFFIX: &[u8] = b".npy";

/// The most bytes of the headers of all arrays. NumPy writes 128 for most.
const MAX_HEADER_BYTES: usize = 16 << 20;

/// Number of bytes at the start of a `.npy` file that determine the size of its header.
const PREFIX: usize = 12;

const READ_ONLY: &str = "the archive has a CRC-32 of each array, so numpy.load would refuse it \
                         with \"Bad CRC-32\"";
const COMPRESSED: &str = "save it again without compression: numpy.load, then numpy.savez under \
                          another name";
const ENCRYPTED: &str = "unpack it with its password, and mount the .npy file";
const PICKLED: &str = "load it with numpy.load(..., allow_pickle=True), and save it with the \
                       dtype of numbers";
const REPEATED: &str = "save it again with names that differ; numpy.load has the last of them";

/// Whether the file is a ZIP archive with a member whose name is that of an array.
fn matches(sample: &Sample) -> bool {
    let is_array = |entry: Result<Entry, _>| entry.is_ok_and(|entry| entry.name.ends_with(SUFFIX));
    let has_array = || {
        let entries = Entries::of(&sample.input);
        entries.is_ok_and(|mut entries| entries.any(is_array))
    };
    // `numpy.load`, too, looks at these bytes only.
    let is_zip = sample.has(0, b"PK\x03\x04") || sample.has(0, b"PK\x05\x06");
    is_zip && (begins_with_array(sample) || has_array())
}

/// Whether the first entry is an array. This tells the format of an incomplete file, too.
fn begins_with_array(sample: &Sample) -> bool {
    let name = || {
        let length = sample.number(26).map(u16::from_le_bytes)?;
        sample.first.get(30..)?.get(..length.into())
    };
    name().is_some_and(|name| name.ends_with(SUFFIX))
}

/// Why an entry cannot be shown, and what the user can do about it.
#[derive(Debug)]
struct Obstacle {
    why: String,
    remedy: Option<&'static str>,
}

impl Obstacle {
    fn new(why: impl Into<String>, remedy: Option<&'static str>) -> Obstacle {
        let why = why.into();
        Obstacle { why, remedy }
    }
}

impl From<FormatError> for Obstacle {
    fn from(error: FormatError) -> Obstacle {
        Obstacle::new(error.to_string(), error.remedy())
    }
}

impl From<HeaderError> for Obstacle {
    fn from(error: HeaderError) -> Obstacle {
        match error {
            HeaderError::Magic { .. } => Obstacle::new("it is not a .npy file", None),
            HeaderError::Pickled { .. } => {
                Obstacle::new("it holds pickled Python objects", Some(PICKLED))
            }
            error => Obstacle::new(error.to_string(), None),
        }
    }
}

/// The arrays of the archive.
///
/// # Errors
///
/// When the archive has no valid directory.
fn read(input: &Input) -> Result<Contents, FormatError> {
    // One more than there can be, so that adding it fails.
    let entries = Entries::of(input)?.take(MAX_MEMBERS + 1);
    let entries: Vec<Entry> = entries.collect::<Result<_, _>>()?;
    let mut counts: HashMap<&[u8], usize> = HashMap::new();
    for entry in &entries {
        *counts.entry(&entry.name).or_default() += 1;
    }
    let mut contents = Contents::group();
    contents.read_only = Some(READ_ONLY);
    let mut header_bytes = 0;
    for entry in entries.iter().filter(|entry| !entry.is_directory()) {
        let name = entry.name.strip_suffix(SUFFIX).unwrap_or(&entry.name);
        let count = counts.get(&entry.name[..]).copied().unwrap_or_default();
        let found = match obstacle(entry, count) {
            Some(obstacle) => Err(obstacle),
            None => array(input, entry),
        };
        match found {
            Ok((view, header)) => {
                header_bytes += header.bytes.len();
                let mut member = Member::new(name, view, header.parsed.order);
                member.verbatim = Some(Verbatim {
                    folder: npy::FORMAT.name,
                    header: header.bytes.into(),
                });
                contents.push(member)?;
            }
            Err(Obstacle { why, remedy }) => {
                contents.skip(String::from_utf8_lossy(name), why, remedy)?;
            }
        }
        if header_bytes > MAX_HEADER_BYTES {
            return Err(FormatError::invalid(format!(
                "headers of arrays with more than {MAX_HEADER_BYTES} bytes altogether"
            )));
        }
    }
    Ok(contents)
}

/// Why the bytes of `entry`, whose name `count` entries have, are not those of a file.
fn obstacle(entry: &Entry, count: usize) -> Option<Obstacle> {
    let method = match entry.method {
        0 => None,
        8 => Some("deflate".to_owned()),
        9 => Some("deflate64".to_owned()),
        12 => Some("bzip2".to_owned()),
        14 => Some("LZMA".to_owned()),
        93 => Some("zstd".to_owned()),
        other => Some(format!("method {other}")),
    };
    if count > 1 {
        let why = format!("the archive has {count} members of this name");
        Some(Obstacle::new(why, Some(REPEATED)))
    } else if entry.is_encoded() {
        Some(Obstacle::new("it is encrypted", Some(ENCRYPTED)))
    } else if let Some(method) = method {
        let why = format!("it is compressed ({method})");
        Some(Obstacle::new(why, Some(COMPRESSED)))
    } else if entry.stored_size != entry.size {
        let (stored, size) = (entry.stored_size, entry.size);
        let why = format!("it is stored in {stored} bytes, and has {size}");
        Some(Obstacle::new(why, None))
    } else {
        None
    }
}

/// The `.npy` header of an entry.
struct EntryHeader {
    parsed: Header,
    bytes: Vec<u8>,
}

/// The array of a stored entry, and its header; or why there is none.
fn array(input: &Input, entry: &Entry) -> Result<(View, EntryHeader), Obstacle> {
    let at = entry.data_at(input)?;
    let up_to = |count: usize| {
        let size = usize::try_from(entry.size).unwrap_or(usize::MAX);
        input.up_to(at, count.min(size))
    };
    let bytes = up_to(Header::size(&up_to(PREFIX)?)?)?;
    let parsed = Header::parse(&bytes)?;
    let (dtype, shape) = (parsed.dtype.clone(), parsed.shape.clone());
    let start = at.saturating_add(parsed.offset);
    let view = View::contiguous(dtype, start, shape, parsed.order)
        .map_err(|error| Obstacle::new(error.to_string(), None))?;
    let need = parsed.offset.saturating_add(view.nbytes());
    if need > entry.size {
        let why = format!("its array ends at byte {need}; it has {}", entry.size);
        return Err(Obstacle::new(why, None));
    }
    Ok((view, EntryHeader { parsed, bytes }))
}
