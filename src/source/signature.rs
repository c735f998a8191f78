//! Detection of file formats that arrayfs does not read. Such a file holds no plain
//! array, or one at a position that only the user knows. It is refused with its kind and
//! advice, so that compressed bytes are not shown as numbers.
//!
//! Each format is a row of [`known::SIGNATURES`].

mod known;

use std::path::Path;

use crate::mapping::{BackingFile, FileError};

/// Number of bytes examined at the start of a file.
const FIRST: usize = 4096;

/// Number of bytes examined at the end of a file.
const LAST: usize = 4;

/// A file format that is recognised and refused.
#[derive(Debug)]
pub struct Signature {
    /// The kind of file, in a message after "is".
    pub kind: &'static str,
    /// Advice for the user.
    pub advice: &'static str,
    /// Whether a file with this sample has the format.
    matches: fn(&Sample) -> bool,
}

/// The bytes of a file that are examined to detect its format.
#[derive(Debug)]
pub(super) struct Sample {
    /// The first [`FIRST`] bytes, or the whole file if it is shorter.
    pub(super) first: Vec<u8>,
    /// The last [`LAST`] bytes, or the whole file if it is shorter.
    last: Vec<u8>,
    /// Size of the file in bytes.
    size: u64,
}

impl Sample {
    /// Reads the sample of `backing`.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub(super) fn of(backing: &BackingFile) -> Result<Sample, FileError> {
        let size = backing.size();
        let end = size.saturating_sub(LAST as u64);
        Ok(Sample {
            first: backing.bytes(0, FIRST)?,
            last: backing.bytes(end, LAST)?,
            size,
        })
    }

    /// Whether the file has the bytes `magic` at offset `at`.
    fn has(&self, at: usize, magic: &[u8]) -> bool {
        let rest = self.first.get(at..);
        rest.is_some_and(|rest| rest.starts_with(magic))
    }

    /// The `N` bytes at offset `at`. `None` past the end of the sample.
    fn number<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.first.get(at..)?.first_chunk().copied()
    }
}

/// A directory that is a Zarr array or group.
static ZARR_STORE: Signature = Signature {
    kind: "a Zarr store",
    advice: known::ZARR,
    matches: |_| false,
};

/// The signature that matches `sample`. `None` if no known format matches.
pub(super) fn of(sample: &Sample) -> Option<&'static Signature> {
    let mut known = known::SIGNATURES.iter();
    known.find(|known| (known.matches)(sample))
}

/// The signature of the directory at `path`. `None` if its kind is unknown.
pub(super) fn of_directory(path: &Path) -> Option<&'static Signature> {
    let markers = ["zarr.json", ".zarray", ".zgroup"];
    let is_zarr = markers.iter().any(|name| path.join(name).exists());
    is_zarr.then_some(&ZARR_STORE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &[u8]) -> Option<&'static Signature> {
        super::of(&Sample {
            first: bytes[..bytes.len().min(FIRST)].to_vec(),
            last: bytes[bytes.len().saturating_sub(LAST)..].to_vec(),
            size: bytes.len() as u64,
        })
    }

    #[test]
    fn ordinary_numbers_match_no_signature() {
        let count = |value: f64| (0..512).flat_map(move |k| (value + f64::from(k)).to_le_bytes());
        for bytes in [
            vec![],
            vec![0; FIRST],
            vec![7; 100],
            vec![255; FIRST],
            (0..=255).collect(),
            count(0.0).collect(),
            count(5.1).collect(),
            (0..512_i64).flat_map(i64::to_le_bytes).collect(),
            (0..512_i64).flat_map(i64::to_be_bytes).collect(),
            (0..512_i32).flat_map(i32::to_be_bytes).collect(),
        ] {
            assert!(of(&bytes).is_none(), "{bytes:?}");
        }
    }

    #[test]
    fn a_file_that_ends_within_the_magic_bytes_matches_no_signature() {
        for whole in [&b"\x89PNG\r\n\x1a\n"[..], b"\x89HDF\r\n\x1a\n", b"%PDF-"] {
            assert!(of(whole).is_some());
            assert!(of(&whole[..whole.len() - 1]).is_none(), "{whole:?}");
        }
        for length in 0..60 {
            let mut npz = b"PK\x03\x04".to_vec();
            npz.resize(length.max(4), 0xff);
            assert!(of(&npz).is_some());
        }
    }

    #[test]
    fn a_weak_signature_also_requires_the_size() {
        let bmp = [&b"BM\x64\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0"[..], &[7; 82]].concat();
        let idx = [&b"\0\0\x0c\x02\0\0\0\x05\0\0\0\x06"[..], &[7; 120]].concat();
        let orc = [&b"ORC"[..], &[7; 90], b"ORC\x17"].concat();
        for (bytes, what) in [
            (bmp, "a BMP image"),
            (idx, "an IDX file"),
            (orc, "an ORC file"),
        ] {
            assert_eq!(of(&bytes).map(|known| known.kind), Some(what));
            let longer = [&bytes[..], &[7]].concat();
            assert!(of(&longer).is_none(), "{what}");
            assert!(of(&bytes[..bytes.len() - 1]).is_none(), "{what}");
        }
        // A product that overflows.
        let huge = [&b"\0\0\x0e\x04"[..], &[255; 96]].concat();
        assert!(of(&huge).is_none());
    }
}
