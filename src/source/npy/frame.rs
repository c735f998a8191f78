//! The framing of a header: magic bytes, format version, length, text encoding and padding. Parsing
//! of the text is left to `header`.

use std::borrow::Cow;
use std::ops::Range;

use super::HeaderError;

/// The magic bytes of a `.npy` file.
pub const MAGIC: [u8; 6] = *b"\x93NUMPY";

/// The maximum length of the text in characters, as in NumPy (`max_header_size`).
const MAX_CHARACTERS: usize = 10_000;

/// The size of a header is padded to a multiple of this many bytes, as in NumPy.
const ALIGNMENT: usize = 64;

/// A version of the format. Versions differ in the size of the length field and in the encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// 1.0: length in 2 bytes, text in Latin-1.
    V1,
    /// 2.0: length in 4 bytes, text in Latin-1.
    V2,
    /// 3.0: length in 4 bytes, text in UTF-8.
    V3,
}

impl Version {
    /// Number of bytes before the text: magic, version and length.
    fn prefix(self) -> usize {
        match self {
            Self::V1 => MAGIC.len() + 4,
            Self::V2 | Self::V3 => MAGIC.len() + 6,
        }
    }

    /// Maximum size of an encoded character in bytes.
    fn character_size(self) -> usize {
        match self {
            Self::V1 | Self::V2 => 1,
            Self::V3 => 4,
        }
    }

    fn major(self) -> u8 {
        match self {
            Self::V1 => 1,
            Self::V2 => 2,
            Self::V3 => 3,
        }
    }
}

/// The version of a header and the byte range of its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) version: Version,
    pub(super) text: Range<usize>,
}

impl Frame {
    /// Parses the start of a header, at most 12 bytes.
    ///
    /// # Errors
    ///
    /// When the bytes do not start a header, or the text is longer than NumPy reads.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, HeaderError> {
        let truncated = |needed| HeaderError::Truncated {
            needed,
            available: bytes.len(),
        };
        let magic = &bytes[..bytes.len().min(MAGIC.len())];
        if !MAGIC.starts_with(magic) {
            let found = magic.escape_ascii().to_string();
            return Err(HeaderError::Magic { found });
        }
        let (version, length) = match &bytes[magic.len()..] {
            &[1, 0, a, b, ..] => (Version::V1, u32::from(u16::from_le_bytes([a, b]))),
            &[2, 0, a, b, c, d, ..] => (Version::V2, u32::from_le_bytes([a, b, c, d])),
            &[3, 0, a, b, c, d, ..] => (Version::V3, u32::from_le_bytes([a, b, c, d])),
            [2 | 3, 0, ..] => return Err(truncated(Version::V2.prefix())),
            [] | [_] | [1, 0, ..] => return Err(truncated(Version::V1.prefix())),
            &[major, minor, ..] => return Err(HeaderError::Version { major, minor }),
        };

        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let limit = MAX_CHARACTERS * version.character_size();
        if length > limit {
            return Err(HeaderError::TooLong {
                length,
                limit,
                unit: "bytes",
            });
        }
        let start = version.prefix();
        Ok(Self {
            version,
            text: start..start + length,
        })
    }

    /// Decodes the text. `bytes` starts with the header.
    ///
    /// # Errors
    ///
    /// When bytes are missing, or the text is not in the encoding of the version or longer than
    /// NumPy reads.
    pub(super) fn decode<'a>(&self, bytes: &'a [u8]) -> Result<Cow<'a, str>, HeaderError> {
        let text = bytes.get(self.text.clone()).ok_or(HeaderError::Truncated {
            needed: self.text.end,
            available: bytes.len(),
        })?;
        if self.version != Version::V3 {
            return Ok(text.iter().map(|&byte| char::from(byte)).collect());
        }
        let text = std::str::from_utf8(text).map_err(|error| HeaderError::NotUtf8 {
            valid: error.valid_up_to(),
        })?;
        match text.chars().count() {
            length if length > MAX_CHARACTERS => Err(HeaderError::TooLong {
                length,
                limit: MAX_CHARACTERS,
                unit: "characters",
            }),
            _ => Ok(text.into()),
        }
    }
}

/// The header with this text, in the lowest version that can hold it, padded with blanks and ended
/// by a newline. `None` if the length does not fit 4 bytes.
pub(super) fn wrap(text: &str) -> Option<Vec<u8>> {
    let latin: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(c).ok()).collect();
    match latin {
        Some(text) => wrap_as(Version::V1, &text).or_else(|| wrap_as(Version::V2, &text)),
        None => wrap_as(Version::V3, text.as_bytes()),
    }
}

fn wrap_as(version: Version, text: &[u8]) -> Option<Vec<u8>> {
    let newline = 1;
    let end = version.prefix() + text.len() + newline;
    // At least one blank, as in NumPy: a header that ends at a boundary grows by a whole step.
    let blanks = ALIGNMENT - end % ALIGNMENT;
    let length = text.len() + blanks + newline;

    let mut header = Vec::with_capacity(end + blanks);
    header.extend(MAGIC);
    header.extend([version.major(), 0]);
    match version {
        Version::V1 => header.extend(u16::try_from(length).ok()?.to_le_bytes()),
        Version::V2 | Version::V3 => header.extend(u32::try_from(length).ok()?.to_le_bytes()),
    }
    header.extend(text);
    header.resize(end + blanks - newline, b' ');
    header.push(b'\n');
    Some(header)
}
