//! Files of formats that are known and hold no array as it lies in memory, or
//! one whose place only the user can tell: they are refused with what they are
//! and what to do, lest compressed bytes be shown as numbers.
//!
//! Each is a row of [`SIGNATURES`].

use std::path::Path;

/// As much of a file as is looked at.
pub(super) const LONGEST: usize = 1024;

/// A kind of file that is known by some of its bytes.
#[derive(Debug)]
pub struct Signature {
    /// What such a file is, after "is".
    pub what: &'static str,
    /// What to do with it.
    pub advice: &'static str,
    /// Whether a file that begins with these bytes is one.
    matches: fn(&[u8]) -> bool,
}

const DECOMPRESS: &str = "decompress it first";
const CONTAINER: &str = "unpack it first";
const PICTURE: &str = "decode it first, as by imageio.imread and numpy.save";
const TABLE: &str = "convert it first, as by pandas or pyarrow and numpy.save";
const PLACED: &str = "say where its array lies and what it is: --dtype, --shape and --offset";
const HIERARCHY: &str = "copy the array out of it with numpy.save; if it is stored in one piece, say \
                         where it lies: --dtype, --shape and --offset";
const STORED: &str = "mount a copy of it made by numpy.load and numpy.save, or say where its member \
                      lies: --dtype, --shape and --offset";
const PACKED: &str = "its members are compressed: mount a copy made by numpy.load and numpy.save";
const NO_ARRAY: &str = "it holds no array";

/// A row for files that begin with these bytes.
macro_rules! begins {
    ($what:literal, $advice:expr, $($magic:literal)|+) => {
        Signature {
            what: $what,
            advice: $advice,
            matches: |first| $(first.starts_with($magic))||+,
        }
    };
}

/// A row for files that have these bytes at this place.
macro_rules! has {
    ($what:literal, $advice:expr, $at:literal, $magic:literal) => {
        Signature {
            what: $what,
            advice: $advice,
            matches: |first| is_at(first, $at, $magic),
        }
    };
}

/// All that are known, those that are a special case of another before it.
static SIGNATURES: &[Signature] = &[
    // Compressed.
    begins!("gzip-compressed", DECOMPRESS, b"\x1f\x8b\x08"),
    begins!("xz-compressed", DECOMPRESS, b"\xfd7zXZ\0"),
    begins!("zstd-compressed", DECOMPRESS, b"\x28\xb5\x2f\xfd"),
    begins!("lz4-compressed", DECOMPRESS, b"\x04\x22\x4d\x18"),
    Signature {
        what: "bzip2-compressed",
        advice: DECOMPRESS,
        matches: |first| first.starts_with(b"BZh") && is_at(first, 4, b"1AY&SY"),
    },
    has!("Blosc-compressed", DECOMPRESS, 1, b"\xa8b2frame\0"),
    // Containers of files.
    Signature {
        what: "a NumPy archive (.npz) with compressed members",
        advice: PACKED,
        matches: |first| is_npz(first) && !is_stored(first),
    },
    Signature {
        what: "a NumPy archive (.npz)",
        advice: STORED,
        matches: is_npz,
    },
    begins!("a zip archive", CONTAINER, b"PK\x03\x04" | b"PK\x05\x06"),
    begins!("a 7z archive", CONTAINER, b"7z\xbc\xaf\x27\x1c"),
    begins!("a RAR archive", CONTAINER, b"Rar!\x1a\x07"),
    has!("a tar archive", CONTAINER, 257, b"ustar"),
    // Pictures, sounds, films.
    begins!("a PNG image", PICTURE, b"\x89PNG\r\n\x1a\n"),
    begins!("a JPEG image", PICTURE, b"\xff\xd8\xff"),
    begins!("a GIF image", PICTURE, b"GIF87a" | b"GIF89a"),
    begins!(
        "a TIFF image",
        PICTURE,
        b"II*\0" | b"MM\0*" | b"II+\0" | b"MM\0+"
    ),
    begins!("a JPEG 2000 image", PICTURE, b"\0\0\0\x0cjP  \r\n"),
    begins!("an OpenEXR image", PICTURE, b"\x76\x2f\x31\x01"),
    begins!("a Photoshop image", PICTURE, b"8BPS"),
    Signature {
        what: "a WebP image",
        advice: PICTURE,
        matches: |first| first.starts_with(b"RIFF") && is_at(first, 8, b"WEBP"),
    },
    Signature {
        what: "a WAV file",
        advice: PLACED,
        matches: |first| {
            (first.starts_with(b"RIFF") || first.starts_with(b"RF64")) && is_at(first, 8, b"WAVE")
        },
    },
    begins!("a FLAC file", "decode it first", b"fLaC"),
    begins!("an Ogg file", "decode it first", b"OggS"),
    has!("an MP4 or QuickTime file", "decode it first", 4, b"ftyp"),
    // Arrays among other things.
    begins!("an HDF5 file", HIERARCHY, b"\x89HDF\r\n\x1a\n"),
    has!("an HDF5 file", HIERARCHY, 512, b"\x89HDF\r\n\x1a\n"),
    begins!("an HDF4 file", HIERARCHY, b"\x0e\x03\x13\x01"),
    begins!(
        "a NetCDF file",
        HIERARCHY,
        b"CDF\x01" | b"CDF\x02" | b"CDF\x05"
    ),
    begins!(
        "a MATLAB file",
        HIERARCHY,
        b"MATLAB 5.0 MAT-file" | b"MATLAB 7.3 MAT-file"
    ),
    begins!(
        "a GRIB file",
        "convert it first, as by xarray and numpy.save",
        b"GRIB"
    ),
    begins!("a FITS file", PLACED, b"SIMPLE  ="),
    begins!("a GGUF file", PLACED, b"GGUF"),
    begins!("a NRRD file", PLACED, b"NRRD0"),
    Signature {
        what: "a safetensors file",
        advice: PLACED,
        matches: is_safetensors,
    },
    has!("a NIfTI image", PLACED, 344, b"n+1\0"),
    has!("a DICOM file", PICTURE, 128, b"DICM"),
    begins!(
        "a Zarr metadata file",
        ZARR,
        b"{\"zarr_format\"" | b"{\n    \"zarr_format\""
    ),
    // Tables.
    begins!("a Parquet file", TABLE, b"PAR1"),
    begins!("an Arrow file", TABLE, b"ARROW1\0\0"),
    begins!("a Feather file", TABLE, b"FEA1"),
    begins!("an Avro file", TABLE, b"Obj\x01"),
    begins!("an SQLite database", TABLE, b"SQLite format 3\0"),
    // What is no array at all.
    begins!(
        "a Python pickle",
        "load it in Python and numpy.save the array",
        b"\x80\x04\x95" | b"\x80\x05\x95"
    ),
    begins!("a PDF document", NO_ARRAY, b"%PDF-"),
    begins!("a program or library", NO_ARRAY, b"\x7fELF"),
    begins!(
        "an HTML page, as of a failed download",
        NO_ARRAY,
        b"<!DOCTYPE html" | b"<!doctype html" | b"<html"
    ),
    begins!("an XML document", NO_ARRAY, b"<?xml "),
    begins!(
        "a Git LFS pointer, not the file that it stands for",
        "fetch that: git lfs pull",
        b"version https://git-lfs.github.com/spec/"
    ),
];

const ZARR: &str = "its chunks are files of their own, and mostly compressed: copy the array out with \
                    zarr.open and numpy.save";

/// A directory that is one array, or a group of them.
static ZARR_STORE: Signature = Signature {
    what: "a Zarr store",
    advice: ZARR,
    matches: |_| false,
};

/// The kind of file that begins with these bytes, of which there are
/// [`LONGEST`] if the file has them; `None` if it is none that is known.
pub(super) fn of(first: &[u8]) -> Option<&'static Signature> {
    SIGNATURES.iter().find(|known| (known.matches)(first))
}

/// What the directory at `path` is known to be.
pub(super) fn of_directory(path: &Path) -> Option<&'static Signature> {
    let markers = ["zarr.json", ".zarray", ".zgroup"];
    let is_zarr = markers.iter().any(|name| path.join(name).exists());
    is_zarr.then_some(&ZARR_STORE)
}

fn is_at(first: &[u8], at: usize, magic: &[u8]) -> bool {
    first.get(at..).is_some_and(|rest| rest.starts_with(magic))
}

/// Whether the first member of a zip archive is a `.npy` file.
fn is_npz(first: &[u8]) -> bool {
    let name = || {
        let length = u16::from_le_bytes(*first.get(26..)?.first_chunk()?);
        first.get(30..)?.get(..length.into())
    };
    first.starts_with(b"PK\x03\x04") && name().is_some_and(|name| name.ends_with(b".npy"))
}

/// Whether the first member of a zip archive is stored as it is.
fn is_stored(first: &[u8]) -> bool {
    is_at(first, 8, b"\0\0")
}

/// Whether there is the length of a header, and a header of JSON.
fn is_safetensors(first: &[u8]) -> bool {
    const LIMIT: u64 = 100_000_000;
    let length = first.first_chunk().map(|bytes| u64::from_le_bytes(*bytes));
    length.is_some_and(|length| (2..=LIMIT).contains(&length)) && is_at(first, 8, b"{\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_numbers_are_of_no_known_kind() {
        let count = |value: f64| (0..128).flat_map(move |k| (value + f64::from(k)).to_le_bytes());
        for bytes in [
            vec![],
            vec![0; LONGEST],
            vec![7; 100],
            vec![255; LONGEST],
            (0..=255).collect(),
            count(0.0).collect(),
            count(5.1).collect(),
            (0..128_i64).flat_map(i64::to_le_bytes).collect(),
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
}
