//! Detection of file formats that arrayfs does not read. Such a file holds no plain
//! array, or one at a position that only the user knows. It is refused with its kind and
//! advice, so that compressed bytes are not shown as numbers.
//!
//! Each format is a row of [`known::SIGNATURES`]. Checks beyond magic bytes are in
//! [`structure`].

mod known;
mod structure;

use std::ffi::OsStr;
use std::path::Path;

pub(super) use self::structure::hdf5_version;
use super::{FormatError, Input};
use crate::platform::quoted;

/// Number of bytes examined at the start of a file.
const FIRST: usize = 4096;

/// Number of bytes examined at the end of a file.
const LAST: usize = 4;

/// A file format that is recognised and refused.
#[derive(Debug)]
pub struct Signature {
    /// The kind of file, in a message after "is".
    pub kind: &'static str,
    /// Advice for the user. `FILE` stands for the path of the file.
    advice: &'static str,
    /// Whether a file with this sample has the format.
    matches: fn(&Sample) -> bool,
}

impl Signature {
    /// The advice for the file at `path`. A command is part of it only if the name has the suffix
    /// that the command removes.
    pub(super) fn advice_for(&self, path: &Path) -> String {
        let suffix = path.extension().and_then(OsStr::to_str);
        let is_packed = suffix.is_some_and(|suffix| known::PACKED.contains(&suffix));
        match self.advice.split_once(": ") {
            Some((what, command)) if command.ends_with("FILE") && !is_packed => what.into(),
            _ => self.advice.replace("FILE", &quoted(path)),
        }
    }
}

/// The bytes of a file that are examined to detect its format.
#[derive(Debug)]
pub struct Sample {
    /// The first [`FIRST`] bytes, or the whole file if it is shorter.
    pub(super) first: Vec<u8>,
    /// The last [`LAST`] bytes, or the whole file if it is shorter.
    pub(super) last: Vec<u8>,
    /// Size of the file in bytes.
    pub(super) size: u64,
    /// The whole file, for formats that these bytes do not tell.
    pub(super) input: Input,
}

impl Sample {
    /// Reads the sample of `input`.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub(super) fn of(input: &Input) -> Result<Sample, FormatError> {
        let size = input.size();
        let end = size.saturating_sub(LAST as u64);
        Ok(Sample {
            first: input.up_to(0, FIRST)?,
            last: input.up_to(end, LAST)?,
            size,
            input: input.clone(),
        })
    }

    /// Whether the file has the bytes `magic` at offset `at`.
    pub(super) fn has(&self, at: usize, magic: &[u8]) -> bool {
        let rest = self.first.get(at..);
        rest.is_some_and(|rest| rest.starts_with(magic))
    }

    /// The `N` bytes at offset `at`. `None` past the end of the sample.
    pub(super) fn number<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
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
        let input = Input::from_bytes(Path::new("/data/a.bin"), bytes.to_vec());
        super::of(&Sample::of(&input).unwrap())
    }

    #[test]
    fn advice_names_the_file_to_unpack_by_its_path() {
        let mut signatures = known::SIGNATURES.iter();
        let gzip = signatures
            .find(|known| known.kind == "gzip-compressed")
            .unwrap();
        for (path, expected) in [
            ("/data/scan.nii.gz", ": gunzip -k /data/scan.nii.gz"),
            ("/data/it's.gz", r": gunzip -k '/data/it'\''s.gz'"),
            ("/data/FILE FILE.gz", ": gunzip -k '/data/FILE FILE.gz'"),
            ("/data/scan", ""),
            ("/data/scan.npy", ""),
        ] {
            let advice = gzip.advice_for(path.as_ref());
            assert_eq!(advice, format!("unpack it first{expected}"));
        }
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
        let footer = |magic: &[u8]| [magic, &[7; 90], b"\x5a\0\0\0", magic].concat();
        for (bytes, what) in [
            (footer(b"PAR1"), "a Parquet file"),
            (footer(b"PARE"), "a Parquet file"),
            (footer(b"FEA1"), "a Feather file"),
            (bmp, "a BMP image"),
            (idx, "an IDX file"),
            (orc, "an ORC file"),
        ] {
            assert_eq!(of(&bytes).map(|known| known.kind), Some(what));
            let longer = [&bytes[..], &[7]].concat();
            assert!(of(&longer).is_none(), "{what}");
            assert!(of(&bytes[..bytes.len() - 1]).is_none(), "{what}");
        }
        // Words, and a footer that is longer than the file.
        for words in [
            &b"PAR1PAR1"[..],
            b"PAR1ABCDPAR1",
            b"PAR1PAR1PAR1",
            b"PAR1\x01\0\0\0PAR1",
            b"FEA1\0\0\0\0FEA1",
            b"FEA1FEA1",
            b"ORC\0ORC\0",
        ] {
            assert!(of(words).is_none(), "{words:?}");
        }
        // A product that overflows.
        let huge = [&b"\0\0\x0e\x04"[..], &[255; 96]].concat();
        assert!(of(&huge).is_none());
    }

    /// `head` and zeros up to 400 bytes.
    fn filled(head: &[u8]) -> Vec<u8> {
        let mut bytes = head.to_vec();
        bytes.resize(400, 0);
        bytes
    }

    /// A kind, how a file of it begins, and how numbers can begin.
    type Case = (&'static str, &'static [u8], &'static [&'static [u8]]);

    /// The formats with short magic bytes.
    const SHORT: [Case; 27] = [
        (
            "gzip-compressed",
            b"\x1f\x8b\x08\x08\0\0\0\0\x02\xff",
            &[
                b"\x1f\x8b\x08\x20\0\0\0\0\x02\xff",
                b"\x1f\x8b\x08\x1f\x8b\x08\x1f\x8b\x08\x1f",
            ],
        ),
        (
            "compressed by compress(1)",
            b"\x1f\x9d\x90\x61\xc4",
            &[b"\x1f\x9d\x90\x1f\x9d\x90"],
        ),
        (
            "zstd-compressed",
            b"\x28\xb5\x2f\xfd\x24",
            &[b"\x28\xb5\x2f\xfd\x28\xb5\x2f\xfd"],
        ),
        (
            "lz4-compressed",
            b"\x04\x22\x4d\x18\x64",
            &[b"\x04\x22\x4d\x18\x04\x22\x4d\x18"],
        ),
        (
            "a SquashFS image",
            b"hsqs\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x04\0",
            &[b"hsqs"],
        ),
        (
            "a JPEG image",
            b"\xff\xd8\xff\xdb",
            &[
                b"\xff\xd8\xff\xff\xd8\xff",
                b"\xff\xd8\xff\xd8\xff",
                b"\xff\xd8\xff\xc8",
                b"\xff\xd8\xff\0",
            ],
        ),
        (
            "a TIFF image",
            b"MM\0*\0\0\0\x08",
            &[
                b"MM\0*",
                b"MM\0*\0\0\x01\x90",
                b"MM\0*\0\0\0\x07",
                b"II*\0\0\0\0\x08",
                b"II+\0\x08\0\0\0",
            ],
        ),
        ("a TIFF image", b"II*\0\x08\0", &[b"II*\0", b"II*\0II*\0"]),
        (
            "a TIFF image",
            b"II+\0\x08\0\0\0\x10",
            &[b"II+\0\x10", b"II+\0\x08\0\0\0\0\0\0\0\x01"],
        ),
        (
            "a JPEG 2000 image",
            b"\xff\x4f\xff\x51\0\x29",
            &[b"\xff\x4f\xff\x51"],
        ),
        (
            "an OpenEXR image",
            b"\x76\x2f\x31\x01\x02\x04\0\0",
            &[
                b"\x76\x2f\x31\x01",
                b"\x76\x2f\x31\x01\x02\x20",
                b"\x76\x2f\x31\x01\x76\x2f\x31\x01",
            ],
        ),
        ("a Photoshop image", b"8BPS\0\x01", &[b"8BPS"]),
        ("an AU sound", b".snd\0\0\0\x18", &[b".snd", b".snd.snd"]),
        ("a FLAC file", b"fLaC\0\0\0\x22", &[b"fLaC"]),
        (
            "an MP3 file",
            b"ID3\x03\0\0\0\0\x02\x01",
            &[b"ID3\x03\0\x01", b"ID3\x03\0\0\x80"],
        ),
        (
            "an MP4, QuickTime or HEIF file",
            b"\0\0\0\x14ftypqt  ",
            &[b"\0\0\0\0ftyp", b"spamftyp"],
        ),
        ("a Flash film", b"FLV\x01\x05\0\0\0\x09", &[b"FLV\x01"]),
        (
            "an HDF4 file",
            b"\x0e\x03\x13\x01\0\x10\0\0\0\xca",
            &[
                b"\x0e\x03\x13\x01",
                b"\x0e\x03\x13\x01\0\x10\0\0\x01\x90",
                b"\x0e\x03\x13\x01\0\xff",
            ],
        ),
        (
            "a GRIB file",
            b"GRIB\0\0\0\x02",
            &[b"GRIBGRIB", b"GRIB\0\0\0\0"],
        ),
        (
            "a BUFR file",
            b"BUFR\0\0\0\x04",
            &[b"BUFRBUFR", b"BUFR\0\0\0\0"],
        ),
        ("a Parquet file", b"PAR1\x15", &[b"PAR1", b"PAR1ABCD"]),
        (
            "an Avro file",
            b"Obj\x01\x02\x16avro.schema",
            &[b"Obj\x01", b"Obj\x01\x02\x14avro.codec"],
        ),
        (
            "a DuckDB database",
            b"\x12\x34\x56\x78\x9a\xbc\xde\xf0DUCK\x40",
            &[
                b"12345678DUCK",
                b"GOOSE\0\0\0DUCK\0\0\0\0SWAN",
                b"GOOSE\0\0\0DUCKLING",
            ],
        ),
        (
            "a ROOT file",
            b"root\0\x0f\x42\x40\0\0\0\x64",
            &[b"root\0\0", b"root\0\0\0\0user", b"root\0\0\0\0\0\0\0\0d"],
        ),
        (
            "a program or library",
            b"\x7fELF\x02\x01\x01",
            &[b"\x7fELF"],
        ),
        ("a script", b"#! /bin/sh\n", &[b"#!/", b"#!/#!/\x01\n"]),
        (
            "a Python pickle",
            b"\x80\x05\x95\x10",
            &[b"\x80\x05\x95\xff\xff", b"\x80\x03\x95\x10"],
        ),
    ];

    #[test]
    fn short_magic_bytes_also_require_the_fields_that_follow() {
        for (kind, of_format, numbers) in SHORT {
            let found = of(&filled(of_format)).map(|known| known.kind);
            assert_eq!(found, Some(kind));
            for head in numbers {
                assert!(of(&filled(head)).is_none(), "{kind}: {head:?}");
            }
        }
    }

    #[test]
    fn a_cpio_archive_has_digits_and_a_name_that_ends() {
        let newc = [
            &b"070701"[..],
            &[b'0'; 88],
            b"00000003",
            &[b'f'; 8],
            b"ab\0",
        ]
        .concat();
        let old = [&b"070707"[..], &[b'0'; 53], b"000003", &[b'7'; 11], b"ab\0"].concat();
        for archive in [newc, old] {
            let kind = |bytes: &[u8]| of(&filled(bytes)).map(|known| known.kind);
            assert_eq!(kind(&archive), Some("a cpio archive"));
            let mut letter = archive.clone();
            letter[40] = b'g';
            assert_eq!(kind(&letter), None);
            let mut name = archive.clone();
            *name.last_mut().unwrap() = b'c';
            assert_eq!(kind(&name), None);
        }
        for dates in [b"070701070702070703", b"070707070707070707"] {
            assert!(of(&dates.repeat(30)).is_none());
        }
    }

    #[test]
    fn a_pickle_ends_with_stop_and_an_idx_file_has_items() {
        for (bytes, is_known) in [
            (&b"\x80\x02]q\0."[..], true),
            (b"\x80\x03cnumpy\narray\n.", true),
            (b"\x80\x04K\x01.", true),
            (b"\x80\x02]q\0", false),
            (b"\x80\x02\x80\x02.", false),
            (b"\x80\x06].", false),
            (b"\0\0\x08\x01\0\0\0\x02ab", true),
            (b"\0\0\x08\x01\0\0\0\0", false),
        ] {
            assert_eq!(of(bytes).is_some(), is_known, "{bytes:?}");
        }
    }

    #[test]
    fn a_netpbm_image_has_the_size_that_its_header_states() {
        for (header, pixels, is_known) in [
            ("P5\n4 4\n255\n", 16, true),
            ("P5 4 4 65535 ", 32, true),
            ("P6\n# by hand\n2 # wide\n3\n255\n", 18, true),
            ("P5\n4 4\n255\n", 17, false),
            ("P6\n4 4\n255\n", 16, false),
            ("P5\n4 4\n0\n", 16, false),
            ("P5\n0 4\n255\n", 0, false),
            ("P54 4 255 ", 16, false),
            ("P5\n4 4\n255", 16, false),
            ("P5 9999999999 9999999999 255\n", 16, false),
            ("P2\n4 4\n255\n", 16, false),
            ("P5\n", 0, false),
        ] {
            let bytes = [header.as_bytes(), &vec![b'x'; pixels]].concat();
            assert_eq!(of(&bytes).is_some(), is_known, "{header:?}");
        }
    }
}
