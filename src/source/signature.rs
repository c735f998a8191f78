//! Files of formats that are known and hold no array as it lies in memory, or
//! one whose place only the user can tell: they are refused with what they are
//! and what to do, lest compressed bytes be shown as numbers.
//!
//! Each is a row of [`known::SIGNATURES`].

mod known;

use std::path::Path;

use crate::mapping::{BackingFile, FileError};

/// As much of a file's beginning as is looked at.
const FIRST: usize = 4096;

/// As much of a file's end as is looked at.
const LAST: usize = 4;

/// A kind of file that is known by some of its bytes.
#[derive(Debug)]
pub struct Signature {
    /// What such a file is, after "is".
    pub what: &'static str,
    /// What to do with it.
    pub advice: &'static str,
    /// Whether a file of which this is seen is one.
    matches: fn(&Sample) -> bool,
}

/// What is seen of a file to tell what it is.
#[derive(Debug)]
pub(super) struct Sample {
    /// Its first bytes, of which there are [`FIRST`] if the file has them.
    pub(super) first: Vec<u8>,
    /// Its last bytes, of which there are [`LAST`] if the file has them.
    last: Vec<u8>,
    /// How many it has.
    size: u64,
}

impl Sample {
    /// What is seen of `backing`.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub(super) fn of(backing: &BackingFile) -> Result<Sample, FileError> {
        let size = backing.size();
        let end = size.saturating_sub(LAST as u64);
        Ok(Sample {
            first: backing.bytes(0, FIRST)?,
            last: backing.bytes(end, LAST)?,
            size,
        })
    }

    /// Whether these bytes are at this place.
    fn has(&self, at: usize, magic: &[u8]) -> bool {
        let rest = self.first.get(at..);
        rest.is_some_and(|rest| rest.starts_with(magic))
    }

    /// The bytes at this place, as many as a number has.
    fn number<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.first.get(at..)?.first_chunk().copied()
    }
}

/// A directory that is one array, or a group of them.
static ZARR_STORE: Signature = Signature {
    what: "a Zarr store",
    advice: known::ZARR,
    matches: |_| false,
};

/// The kind of file that `sample` is seen of; `None` if it is none that is known.
pub(super) fn of(sample: &Sample) -> Option<&'static Signature> {
    let mut known = known::SIGNATURES.iter();
    known.find(|known| (known.matches)(sample))
}

/// What the directory at `path` is known to be.
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
    fn ordinary_numbers_are_of_no_known_kind() {
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
    fn a_file_that_ends_within_a_signature_is_of_no_known_kind() {
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
    fn a_weak_signature_counts_only_if_the_size_agrees() {
        let bmp = [&b"BM\x64\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0"[..], &[7; 82]].concat();
        let idx = [&b"\0\0\x0c\x02\0\0\0\x05\0\0\0\x06"[..], &[7; 120]].concat();
        let orc = [&b"ORC"[..], &[7; 90], b"ORC\x17"].concat();
        for (bytes, what) in [
            (bmp, "a BMP image"),
            (idx, "an IDX file"),
            (orc, "an ORC file"),
        ] {
            assert_eq!(of(&bytes).map(|known| known.what), Some(what));
            let longer = [&bytes[..], &[7]].concat();
            assert!(of(&longer).is_none(), "{what}");
            assert!(of(&bytes[..bytes.len() - 1]).is_none(), "{what}");
        }
        // A product that overflows.
        let huge = [&b"\0\0\x0e\x04"[..], &[255; 96]].concat();
        assert!(of(&huge).is_none());
    }
}
