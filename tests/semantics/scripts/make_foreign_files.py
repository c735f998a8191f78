"""Makes files of many formats, named by what they are: by what writes them, or of a head and no more."""

import bz2
import gzip
import lzma
import os
import pickle
import shutil
import sqlite3
import struct
import subprocess
import tarfile
import zipfile
import zlib

import numpy as np


def made(name, head, size=400):
    """A file of these bytes, filled up with zeros."""
    with open(name, "wb") as file:
        file.write(head.ljust(size, b"\0"))


a = np.arange(1000.0)
open("a.bin", "wb").write(a.tobytes())
gzip.open("gzip-compressed", "wb").write(a.tobytes())
bz2.open("bzip2-compressed", "wb").write(a.tobytes())
lzma.open("xz-compressed", "wb").write(a.tobytes())
with zipfile.ZipFile("a zip archive", "w", zipfile.ZIP_DEFLATED) as z:
    z.writestr("a.txt", "text" * 100)
with tarfile.open("a tar archive", "w") as t:
    t.add("a.bin")
open("a Python pickle", "wb").write(pickle.dumps(a))
db = sqlite3.connect("an SQLite database")
db.execute("create table t (x)")
db.commit()
db.close()


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


open("a PNG image", "wb").write(
    b"\x89PNG\r\n\x1a\n"
    + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    + chunk(b"IDAT", zlib.compress(b"\0\0"))
    + chunk(b"IEND", b"")
)
open("a PDF document", "wb").write(b"%PDF-1.4\n" + bytes(90))
open("a Parquet file", "wb").write(b"PAR1" + bytes(90) + struct.pack("<I", 90) + b"PAR1")
open("zstd-compressed", "wb").write(b"\x28\xb5\x2f\xfd" + bytes(90))
os.mkdir("big")
with open("big/a Python pickle", "wb") as file:
    pickle.dump(a, file, protocol=2)
name = b"a.txt\0"
made("a cpio archive", b"070701" + b"%08x" % 0 * 11 + b"%08x" % len(name) + b"%08x" % 0 + name)
made("a MATLAB file", b"MATLAB 5.0 MAT-file, Platform: posix".ljust(124) + b"\0\x01IM")
made("a GRIB file", b"GRIB\0\x01\x90\x01")
made("an HDF4 file", b"\x0e\x03\x13\x01\0\x10")
made("an ORC file", b"ORC".ljust(396, b"\0") + b"ORC\x17")
made("an Avro file", b"Obj\x01\x02\x16avro.schema\x0c" + b'"long"' + bytes(17))
made("an IDX file", struct.pack(">BBBBII", 0, 0, 8, 2, 14, 27), 390)
open("a Feather file", "wb").write(b"FEA1" + bytes(90) + struct.pack("<I", 90) + b"FEA1")
made("a DuckDB database", bytes(8) + b"DUCK" + struct.pack("<Q", 64))
made("a ROOT file", b"root" + struct.pack(">II", 62400, 100))
made("an Arrow file", b"ARROW1\0\0")
made("a 7z archive", b"7z\xbc\xaf\x27\x1c\0\x04")
made("a RAR archive", b"Rar!\x1a\x07\x01\0")
made("lz4-compressed", b"\x04\x22\x4d\x18\x64\x40")
made("a WebP image", b"RIFF" + struct.pack("<I", 392) + b"WEBPVP8 ")
shutil.copy("/bin/true", "a program or library")
made("data", b"BM".ljust(400, b"M"))
picture = "testsrc=d=0.04:s=32x32"
for name, source, options in [
    ("a Wave64 file", "sine=d=0.1", ["-f", "w64"]),
    ("an AIFF file", "sine=d=0.1", ["-f", "aiff"]),
    ("a FLAC file", "sine=d=0.1", ["-f", "flac"]),
    ("an AU sound", "sine=d=0.1", ["-f", "au"]),
    ("an AVI film", "testsrc=d=0.1:s=32x32", ["-f", "avi"]),
    ("a BMP image", picture, ["-frames:v", "1", "-c:v", "bmp", "-f", "image2"]),
    ("a GIF image", picture, ["-f", "gif"]),
    ("a JPEG image", picture, ["-frames:v", "1", "-c:v", "mjpeg", "-f", "image2"]),
    ("a TIFF image", picture, ["-frames:v", "1", "-c:v", "tiff", "-f", "image2"]),
    ("an OpenEXR image", picture, ["-frames:v", "1", "-c:v", "exr", "-f", "image2"]),
    ("a Netpbm image", picture, ["-frames:v", "1", "-c:v", "ppm", "-f", "image2"]),
    ("a Matroska or WebM file", "testsrc=d=0.1:s=32x32", ["-f", "matroska"]),
]:
    ffmpeg = ["ffmpeg", "-loglevel", "error", "-f", "lavfi", "-i", source]
    subprocess.run([*ffmpeg, *options, "-y", "file:" + name], check=True)
os.mkdir("a Zarr store")
open("a Zarr store/zarr.json", "w").write("{}")
