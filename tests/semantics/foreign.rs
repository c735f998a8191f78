//! Claim 54: files of a known format that do not contain a plain array are refused.

use std::fs;
use std::path::PathBuf;

use crate::common::Dir;
use crate::common::arrays::python;

/// Makes files of many formats by programs that write them, as far as they are installed.
const FOREIGN: &str = r#"
import bz2, gzip, lzma, os, pickle, shutil, sqlite3, struct, subprocess, tarfile, zipfile, zlib
import numpy as np
a = np.arange(1000.0)
open("a.bin", "wb").write(a.tobytes())
gzip.open("gzip-compressed", "wb").write(a.tobytes())
bz2.open("bzip2-compressed", "wb").write(a.tobytes())
lzma.open("xz-compressed", "wb").write(a.tobytes())
np.savez("stored", a=a); os.rename("stored.npz", "a NumPy archive (.npz)")
np.savez_compressed("c", a=a); os.rename("c.npz", "a NumPy archive (.npz) with compressed members")
with zipfile.ZipFile("a zip archive", "w", zipfile.ZIP_DEFLATED) as z:
    z.writestr("a.txt", "text" * 100)
with tarfile.open("a tar archive", "w") as t:
    t.add("a.bin")
open("a Python pickle", "wb").write(pickle.dumps(a))
db = sqlite3.connect("an SQLite database"); db.execute("create table t (x)"); db.commit(); db.close()
def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
open("a PNG image", "wb").write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b""))
open("a PDF document", "wb").write(b"%PDF-1.4\n" + bytes(90))
open("a Parquet file", "wb").write(b"PAR1" + bytes(90))
open("an HDF5 file", "wb").write(b"\x89HDF\r\n\x1a\n" + bytes(90))
open("a FITS file", "wb").write(b"SIMPLE  =                    T".ljust(2880))
open("a NetCDF file", "wb").write(b"CDF\x02" + bytes(90))
open("a JPEG image", "wb").write(b"\xff\xd8\xff\xe0" + bytes(90))
open("a TIFF image", "wb").write(b"II*\0" + bytes(90))
open("zstd-compressed", "wb").write(b"\x28\xb5\x2f\xfd" + bytes(90))
def made(name, head, size=400):
    open(name, "wb").write(head.ljust(size, b"\0"))
nifti = bytearray(struct.pack("<i", 348).ljust(352, b"\0"))
struct.pack_into("<8h", nifti, 40, 3, 4, 4, 4, 1, 1, 1, 1)
struct.pack_into("<hh", nifti, 70, 16, 32)
nifti[344:348] = b"n+1\0"
made("a NIfTI image", bytes(nifti), 608)
nifti[344:348] = b"ni1\0"
made("a NIfTI header", bytes(nifti[:348]), 348)
os.mkdir("big"); made("big/a NIfTI image", struct.pack(">i", 540) + b"n+2\0\r\n\x1a\n", 800)
made("an MRC map", struct.pack("<4i", 4, 4, 4, 2).ljust(208, b"\0") + b"MAP \x44\x44\0\0", 1280)
made("a MATLAB file", b"MATLAB 5.0 MAT-file, Platform: posix".ljust(124) + b"\0\x01IM")
made("a GRIB file", b"GRIB\0\x01\x90\x01")
made("an HDF4 file", b"\x0e\x03\x13\x01")
made("an ORC file", b"ORC".ljust(396, b"\0") + b"ORC\x17")
made("an Avro file", b"Obj\x01")
made("an IDX file", struct.pack(">BBBBII", 0, 0, 8, 2, 14, 27), 390)
made("a Feather file", b"FEA1")
made("an Arrow file", b"ARROW1\0\0")
made("a 7z archive", b"7z\xbc\xaf\x27\x1c\0\x04")
made("a RAR archive", b"Rar!\x1a\x07\x01\0")
made("lz4-compressed", b"\x04\x22\x4d\x18")
made("a WebP image", b"RIFF" + struct.pack("<I", 392) + b"WEBPVP8 ")
shutil.copy("/bin/true", "a program or library")
made("data", b"BM".ljust(400, b"M"))
for name, source, options in [
    ("a WAV file", "sine=d=0.1", ["-f", "wav"]), ("an AIFF file", "sine=d=0.1", ["-f", "aiff"]),
    ("a FLAC file", "sine=d=0.1", ["-f", "flac"]), ("an AU sound", "sine=d=0.1", ["-f", "au"]),
    ("an AVI film", "testsrc=d=0.1:s=32x32", ["-f", "avi"]),
    ("a BMP image", "testsrc=d=0.04:s=32x32", ["-frames:v", "1", "-c:v", "bmp", "-f", "image2"]),
    ("a GIF image", "testsrc=d=0.04:s=32x32", ["-f", "gif"]),
    ("a Matroska or WebM file", "testsrc=d=0.1:s=32x32", ["-f", "matroska"]),
]:
    ffmpeg = ["ffmpeg", "-loglevel", "error", "-f", "lavfi", "-i", source]
    subprocess.run([*ffmpeg, *options, "-y", "file:" + name], check=True)
header = b'{"a":{"dtype":"F64","shape":[10],"data_offsets":[0,80]}}'
open("a safetensors file", "wb").write(struct.pack("<Q", len(header)) + header + bytes(80))
os.mkdir("a Zarr store"); open("a Zarr store/zarr.json", "w").write("{}")
"#;

#[test]
fn claim_54_a_file_of_a_known_kind_is_refused_with_what_it_is() {
    let Some(dir) = Dir::with_fuse() else { return };
    python(&dir, FOREIGN, &[""; 0]);
    let found = [dir.path(), &dir.join("big")].map(|place| fs::read_dir(place).unwrap());
    let found = found.into_iter().flatten().flatten();
    let places: Vec<PathBuf> = found.map(|found| found.path()).collect();
    assert_eq!(places.len(), 48);
    for path in places {
        let name = path.file_name().unwrap().to_str().unwrap();
        if ["a.bin", "big", "data"].contains(&name) {
            continue;
        }
        for how in [
            &["--info"][..],
            &["mnt", "--shape", "10"],
            &["mnt", "--mode", "r"],
        ] {
            let outcome = dir.arrayfs(&[&path]).args(how).run();
            assert_eq!(outcome.status.code(), Some(3), "{outcome}");
            let expected = format!("arrayfs: {}: is {name}\n  ", path.display());
            assert!(outcome.stderr.starts_with(&expected), "{outcome}");
            assert!(outcome.stderr.lines().count() == 2, "{outcome}");
        }
        if path.is_dir() {
            continue;
        }
        // Whoever says so has its bytes.
        for options in [["--format", "raw"], ["--dtype", "u1"]] {
            let info = dir.arrayfs(&options).args(&["--info"]);
            let info = info.args(&[&path]).run();
            assert!(info.succeeds().contains("\"uint8\""), "{name}");
        }
    }
}

/// The files that were made by hand above, and what file(1) takes them for.
const JUDGED: [(&str, &str); 16] = [
    ("a NIfTI image", "NIfTI-1 neuroimaging data,"),
    ("a NIfTI header", "NIfTI-1 neuroimaging data header"),
    ("big/a NIfTI image", "NIfTI-2 neuroimaging data, big endian"),
    ("an MRC map", "CCP4 Electron Density Map"),
    ("a MATLAB file", "Matlab v5 mat-file"),
    ("a GRIB file", "Gridded binary (GRIB)"),
    ("an HDF4 file", "Hierarchical Data Format (version 4)"),
    ("an ORC file", "Apache ORC"),
    ("an Avro file", "Apache Avro"),
    ("a 7z archive", "7-zip archive"),
    ("a RAR archive", "RAR archive"),
    ("lz4-compressed", "LZ4 compressed"),
    ("a WebP image", "Web/P image"),
    ("a NetCDF file", "NetCDF Data Format"),
    ("a FITS file", "FITS image data"),
    ("zstd-compressed", "Zstandard compressed"),
];

#[test]
fn the_files_of_known_kinds_are_such_to_file_too() {
    let Some(dir) = Dir::with_fuse() else { return };
    python(&dir, FOREIGN, &[""; 0]);
    for (name, expected) in JUDGED {
        let said = dir.command("file", &["-b", name]).run().succeeds();
        assert!(said.contains(expected), "{name}: {said}");
    }
}

#[test]
fn claim_54_two_letters_without_their_size_are_numbers() {
    let Some(dir) = Dir::with_fuse() else { return };
    python(&dir, FOREIGN, &[""; 0]);
    let info = dir.arrayfs(&["--info", "data"]).run();
    assert!(info.succeeds().contains("\"shape\": [400]"));
}
