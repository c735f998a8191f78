//! The table of recognised formats, with their magic bytes and advice for the user.

use super::Signature;
use super::structure::{
    is_au, is_avro, is_bmp, is_bufr, is_compress, is_cpio, is_duckdb, is_elf, is_exr, is_feather,
    is_ftyp, is_grib, is_gzip, is_hdf4, is_hdf5, is_idx, is_jpeg, is_jpeg_2000_stream, is_lz4,
    is_netpbm, is_orc, is_parquet, is_pickle, is_script, is_tagged_mp3, is_tiff,
    is_windows_program, is_zstd,
};

// FILE stands for the path of the file. These commands keep it, and ask before they overwrite another.
const GUNZIP: &str = "unpack it first: gunzip -k FILE";
const BUNZIP2: &str = "unpack it first: bunzip2 -k FILE";
const UNXZ: &str = "unpack it first: unxz -k FILE";
const UNZSTD: &str = "unpack it first: unzstd -k FILE";
const UNLZ4: &str = "unpack it first: unlz4 -k FILE";
/// The suffixes that these commands remove.
pub(super) const PACKED: [&str; 12] = [
    "gz", "z", "Z", "tgz", "bz2", "tbz2", "xz", "txz", "lzma", "zst", "tzst", "lz4",
];
const DECOMPRESS: &str = "decompress it first";
const CONTAINER: &str = "unpack it first";
const DECODE: &str = "decode it first";
const PICTURE: &str = "decode it first, for example with imageio.imread and numpy.save";
const TABLE: &str = "convert it first, for example with pandas or pyarrow and numpy.save";
const PLACED: &str = "describe the array in it with --dtype, --shape and --offset";
const BESIDE: &str =
    "its array is in the .img file with the same name: mount that with --dtype and --shape";
const LIBRARY: &str = "read it with a library for this format and save the array with numpy.save";
const HIERARCHY: &str = "copy the array out of it with numpy.save; if it is stored contiguously, \
                         describe it with --dtype, --shape and --offset";
const NO_ARRAY: &str = "it holds no array";
pub(super) const ZARR: &str = "its chunks are separate files, usually compressed: copy the array \
                               out with zarr.open and numpy.save";

/// A row for a format that is detected by a function.
macro_rules! detected {
    ($kind:literal, $advice:expr, $matches:expr) => {
        Signature {
            kind: $kind,
            advice: $advice,
            matches: $matches,
        }
    };
}

/// A row for a format with magic bytes. Alternatives are separated by `|`. In each, all
/// byte strings must be at their offsets.
macro_rules! has {
    ($kind:literal, $advice:expr, $($($at:literal $magic:literal),+)|+) => {
        detected!($kind, $advice, |sample| $(($(sample.has($at, $magic))&&+))||+)
    };
}

/// All recognised formats. A special case comes before the general one.
pub(super) static SIGNATURES: &[Signature] = &[
    // Compressed.
    detected!("gzip-compressed", GUNZIP, is_gzip),
    detected!("compressed by compress(1)", GUNZIP, is_compress),
    has!("xz-compressed", UNXZ, 0 b"\xfd7zXZ\0"),
    has!("lzip-compressed", DECOMPRESS, 0 b"LZIP\x01"),
    has!("lzop-compressed", DECOMPRESS, 0 b"\x89LZO\0\r\n\x1a\n"),
    detected!("zstd-compressed", UNZSTD, is_zstd),
    detected!("lz4-compressed", UNLZ4, is_lz4),
    has!("bzip2-compressed", BUNZIP2, 0 b"BZh", 4 b"1AY&SY"),
    has!("Snappy-compressed", DECOMPRESS, 0 b"\xff\x06\0\0sNaPpY"),
    has!("Blosc-compressed", DECOMPRESS, 1 b"\xa8b2frame\0"),
    // Containers of files.
    has!("a zip archive", CONTAINER, 0 b"PK\x03\x04" | 0 b"PK\x05\x06"),
    has!("a 7z archive", CONTAINER, 0 b"7z\xbc\xaf\x27\x1c"),
    has!("a RAR archive", CONTAINER, 0 b"Rar!\x1a\x07"),
    has!("a tar archive", CONTAINER, 257 b"ustar"),
    detected!("a cpio archive", CONTAINER, is_cpio),
    has!("an ar archive", CONTAINER, 0 b"!<arch>\n"),
    // The major version is at 28.
    has!(
        "a SquashFS image",
        CONTAINER,
        0 b"hsqs", 28 b"\x01\0"
            | 0 b"hsqs", 28 b"\x02\0"
            | 0 b"hsqs", 28 b"\x03\0"
            | 0 b"hsqs", 28 b"\x04\0"
    ),
    // Pictures, sounds, films.
    has!("a PNG image", PICTURE, 0 b"\x89PNG\r\n\x1a\n"),
    detected!("a JPEG image", PICTURE, is_jpeg),
    has!("a GIF image", PICTURE, 0 b"GIF87a" | 0 b"GIF89a"),
    detected!("a TIFF image", PICTURE, is_tiff),
    has!("a JPEG 2000 image", PICTURE, 0 b"\0\0\0\x0cjP  \r\n"),
    detected!("a JPEG 2000 image", PICTURE, is_jpeg_2000_stream),
    has!("a JPEG XL image", PICTURE, 0 b"\0\0\0\x0cJXL \r\n"),
    detected!("an OpenEXR image", PICTURE, is_exr),
    has!("a Radiance image", PICTURE, 0 b"#?RADIANCE\n" | 0 b"#?RGBE\n"),
    has!("a Photoshop image", PICTURE, 0 b"8BPS\0\x01" | 0 b"8BPS\0\x02"),
    has!("a GIMP image", PICTURE, 0 b"gimp xcf "),
    detected!("a BMP image", PICTURE, is_bmp),
    detected!("a Netpbm image", PLACED, is_netpbm),
    has!("a WebP image", PICTURE, 0 b"RIFF", 8 b"WEBP"),
    has!("an AVI film", DECODE, 0 b"RIFF", 8 b"AVI "),
    has!("a Wave64 file", PLACED, 0 b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb"),
    has!("an AIFF file", PLACED, 0 b"FORM", 8 b"AIFF"),
    has!("an AIFF file", DECODE, 0 b"FORM", 8 b"AIFC"),
    detected!("an AU sound", PLACED, is_au),
    has!("a CAF sound", PLACED, 0 b"caff\0\x01"),
    // The first block is 34 bytes of stream information, and can be the last block.
    has!("a FLAC file", DECODE, 0 b"fLaC\0\0\0\x22" | 0 b"fLaC\x80\0\0\x22"),
    has!("an Ogg file", DECODE, 0 b"OggS\0"),
    detected!("an MP3 file", DECODE, is_tagged_mp3),
    detected!("an MP4, QuickTime or HEIF file", DECODE, is_ftyp),
    has!("a Matroska or WebM file", DECODE, 0 b"\x1a\x45\xdf\xa3"),
    has!("an ASF or WMV file", DECODE, 0 b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"),
    has!("a Flash film", DECODE, 0 b"FLV\x01", 5 b"\0\0\0\x09"),
    // Containers and formats of arrays.
    detected!("an HDF5 file", HIERARCHY, is_hdf5),
    detected!("an HDF4 file", HIERARCHY, is_hdf4),
    has!("a MATLAB file", HIERARCHY, 0 b"MATLAB 5.0 MAT-file" | 0 b"MATLAB 7.3 MAT-file"),
    has!("an Octave file", HIERARCHY, 0 b"Octave-1-L" | 0 b"Octave-1-B"),
    has!("an ASDF file", HIERARCHY, 0 b"#ASDF "),
    // The position of the first record is always 100.
    has!(
        "a ROOT file",
        "convert it first, for example with uproot and numpy.save",
        0 b"root\0", 8 b"\0\0\0\x64"
    ),
    detected!(
        "a GRIB file",
        "convert it first, for example with xarray and numpy.save",
        is_grib
    ),
    detected!("a BUFR file", LIBRARY, is_bufr),
    has!("an R data file", LIBRARY, 0 b"RDX2\n" | 0 b"RDX3\n" | 0 b"RDA2\n" | 0 b"RDA3\n"),
    has!("an LAS point cloud", LIBRARY, 0 b"LASF", 24 b"\x01"),
    // The header starts with its length, in either byte order.
    has!(
        "an Analyze header",
        BESIDE,
        0 b"\x5c\x01\0\0", 32 b"\0\x40\0\0", 38 b"r" | 0 b"\0\0\x01\x5c", 32 b"\0\0\x40\0", 38 b"r"
    ),
    has!("a DICOM file", PICTURE, 128 b"DICM\x02\0"),
    has!("a BioSemi recording", LIBRARY, 0 b"\xffBIOSEMI"),
    has!("a Zeiss image (.czi)", LIBRARY, 0 b"ZISRAWFILE"),
    has!("a Nikon image (.nd2)", LIBRARY, 0 b"\xda\xce\xbe\x0a", 16 b"ND2 FILE SIGNATURE"),
    detected!("an IDX file", PLACED, is_idx),
    has!("a Zarr metadata file", ZARR, 0 b"{\"zarr_format\"" | 0 b"{\n    \"zarr_format\""),
    // Tables.
    detected!("a Parquet file", TABLE, is_parquet),
    has!("an Arrow file", TABLE, 0 b"ARROW1\0\0"),
    detected!("a Feather file", TABLE, is_feather),
    detected!("an Avro file", TABLE, is_avro),
    detected!("an ORC file", TABLE, is_orc),
    has!("an SQLite database", TABLE, 0 b"SQLite format 3\0"),
    detected!("a DuckDB database", TABLE, is_duckdb),
    has!("a Stata file", TABLE, 0 b"<stata_dta>"),
    has!("an SPSS file", TABLE, 0 b"$FL2@(#)" | 0 b"$FL3@(#)"),
    // Formats without arrays.
    detected!(
        "a Python pickle",
        "load it in Python and save the array with numpy.save",
        is_pickle
    ),
    has!("a PDF document", NO_ARRAY, 0 b"%PDF-"),
    has!("a PostScript document", NO_ARRAY, 0 b"%!PS"),
    has!("a Microsoft Office document", NO_ARRAY, 0 b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
    has!(
        "a program or library",
        NO_ARRAY,
        0 b"\xcf\xfa\xed\xfe" | 0 b"\xca\xfe\xba\xbe" | 0 b"\0asm\x01\0\0\0"
    ),
    detected!("a program or library", NO_ARRAY, is_elf),
    detected!("a program or library", NO_ARRAY, is_windows_program),
    detected!("a script", NO_ARRAY, is_script),
    has!(
        "an HTML page, as after a failed download",
        NO_ARRAY,
        0 b"<!DOCTYPE html" | 0 b"<!doctype html" | 0 b"<html"
    ),
    has!("an XML document", NO_ARRAY, 0 b"<?xml "),
    has!(
        "a Git LFS pointer, not the file itself",
        "fetch the file: git lfs pull",
        0 b"version https://git-lfs.github.com/spec/"
    ),
    has!(
        "a git-annex pointer, not the file itself",
        "fetch the file: git annex get",
        0 b"/annex/objects/"
    ),
];
