#!/usr/bin/env python3
"""Writes the inputs that each fuzz target begins with: one file each, beside this script."""

import io
import struct
import zipfile
from pathlib import Path
from unittest import mock

import h5py
import numpy as np

# fmt: off
DTYPES = [
    "float32", "<f4", ">i8", "|b1", "S10", "U4", "V16", "M8[ns]", "m8[25us/5]", "=c16", "f4,i8",
    "x:f4,id:i8", "x:f4+id:i8", "m:(3,3)f8", "(2,)f4, u1", "[('x','<f4'),('id','<i8')]",
    "[('m', '<f4', (3, 3)), (('title', 'n'), [('a', '>u2'), ('b', 'S3')])]",
    "[('a', 'u1'), ('', '|V3'), ('b', '<f4', (2,))]",
    "{'names': ['a', 'b'], 'formats': ['u1', '<f4'], 'offsets': [0, 4], 'itemsize': 12}",
    "{'a': ('<i2', 0), 'b': ('<i2', 4, 'title')}", "[('\\u03b1\\x41\\'', 'f8', 0o7)]",
]

INDICES = [
    "...", "3", "-1", "0,...,1", "[ 1 : 3 , ... ]", "::2", "::-1,::-1", "2:0:-1,1,:", "None,0",
    "newaxis,...,newaxis,0,", "-0007", "9223372036854775807::-9223372036854775808",
    "99999999999999999999:", ":-99999999999999999999:-1", "1:1,0,::5", "\t0 ,\t1",
]
# fmt: on


def framed(text, version=(1, 0), alignment=64, encoding="latin1"):
    """A header around this text."""
    form = "<H" if version == (1, 0) else "<I"
    text = text.encode(encoding)
    before = 8 + struct.calcsize(form)
    text += b" " * (-(before + len(text) + 1) % alignment) + b"\n"
    return b"\x93NUMPY" + bytes(version) + struct.pack(form, len(text)) + text


def saved(array):
    """The header of an array."""
    header = np.lib.format.header_data_from_array_1_0(array)
    return framed(str(header))


HEADERS = [
    saved(np.zeros((3, 4), "<f4")),
    saved(np.zeros((3, 4, 5), ">c16", "F")),
    saved(np.zeros((), "M8[ns]")),
    saved(np.zeros((0, 4), [("x", "<f4"), ("m", "u1", (2, 3))])),
    saved(np.zeros(3, np.dtype([("a", "u1"), ("b", [("c", "<f8"), ("d", "S3")])], align=True))),
    framed("{'descr': [('\u03b1', '<f4')], 'fortran_order': False, 'shape': (3,), }", (3, 0), encoding="utf8"),
    framed("{'descr': '<f8', 'fortran_order': True, 'shape': (2, 3), }", (2, 0)),
    framed("{'descr': '<f8', 'fortran_order': False, 'shape': (2L, 3L), }", alignment=16),
    framed("{'shape': (1,), 'fortran_order': False, 'descr': '|O'}"),
    framed("{'descr': [(('t', 'x'), '|u1'), ('', '|V3')], 'fortran_order': 0, 'shape': [1]}"),
]


def netcdf(version, variables, records=2):
    """A file with the dimensions t, the record dimension, and x, of length 3. A variable has dimensions and a type."""
    number = ">Q" if version == 5 else ">I"
    begin = ">I" if version == 1 else ">Q"

    def text(value):
        return struct.pack(number, len(value)) + value + bytes(-len(value) % 4)

    def listed(tag, *elements):
        return struct.pack(">I", tag) + struct.pack(number, len(elements)) + b"".join(elements)

    def attribute(name, kind, count, data):
        return text(name) + struct.pack(">I", kind) + struct.pack(number, count) + data + bytes(-len(data) % 4)

    attributes = listed(12, attribute(b"title", 2, 5, b"hello"), attribute(b"add_offset", 6, 1, struct.pack(">d", 2)))

    def variable(index, dims, kind):
        ids = b"".join(struct.pack(number, dim) for dim in dims)
        size = struct.pack(number, 12) + struct.pack(begin, 600 + 12 * index)
        name = text(b"variable%d" % index)
        return name + struct.pack(number, len(dims)) + ids + attributes + struct.pack(">I", kind) + size

    dims = listed(10, text(b"t") + struct.pack(number, 0), text(b"x") + struct.pack(number, 3))
    variables = [variable(index, *described) for index, described in enumerate(variables)]
    header = b"CDF" + bytes([version]) + struct.pack(number, records) + dims + attributes + listed(11, *variables)
    return header.ljust(600, b"\0") + bytes(range(90))


NETCDF = [
    netcdf(1, [([1], 4), ([0, 1], 3)]),
    netcdf(2, [([], 6), ([0], 1), ([0, 1], 2)]),
    netcdf(5, [([1, 1], 11), ([0, 1], 7), ([0], 10)]),
    netcdf(1, [([0, 1], 3)], 0xFFFFFFFF),
    netcdf(5, [([0, 1], 3), ([0], 9)], 0xFFFFFFFFFFFFFFFF),
]


def hdu(data, *cards):
    """An HDU with these cards."""
    text = "".join(f"{name:8}= {value}".ljust(80) for name, value in cards) + "END".ljust(80)
    return text.ljust(-(-len(text) // 2880) * 2880).encode() + data.ljust(-(-len(data) // 2880) * 2880, b"\0")


def table(kind, width, *columns, **others):
    """A table with two rows. A column has a form and other values."""
    size = [("BITPIX", 8), ("NAXIS", 2), ("NAXIS1", width), ("NAXIS2", 2), ("PCOUNT", 0), ("GCOUNT", 1)]
    names = ["TFORM", "TDIM", "TTYPE", "TBCOL", "TZERO"]
    cards = [
        (f"{name}{number}", repr(value) if isinstance(value, str) else value)
        for number, column in enumerate(columns, 1)
        for name, value in zip(names, column, strict=False)
        if value is not None
    ]
    fields = ("TFIELDS", len(columns))
    return hdu(bytes(range(2 * width)), ("XTENSION", repr(kind)), *size, fields, *cards, *others.items())


EMPTY = hdu(b"", ("SIMPLE", "T"), ("BITPIX", 8), ("NAXIS", 0), ("LONG", "'some&'"), ("CONTINUE", "'more'"))
IMAGE = [("BITPIX", -32), ("NAXIS", 2), ("NAXIS1", 3), ("NAXIS2", 2), ("BZERO", 32768)]
GROUPS = [("BITPIX", 16), ("NAXIS", 2), ("NAXIS1", 0), ("NAXIS2", 2), ("GROUPS", "T"), ("PCOUNT", 1), ("GCOUNT", 3)]
FITS = [
    hdu(bytes(24), ("SIMPLE", "T"), *IMAGE),
    EMPTY + hdu(bytes(24), ("XTENSION", "'IMAGE'"), *IMAGE, ("EXTNAME", "'SCI'"), ("EXTVER", 1)),
    EMPTY + table("BINTABLE", 40, ("3J", None, "x"), ("12A", "(3,4)", "x"), ("X",), ("PD(3)",), ("L",)),
    EMPTY + table("BINTABLE", 8, ("J", None, "n", None, 2**31), ("1I",), ZIMAGE="F", CHECKSUM="'x'"),
    EMPTY + table("TABLE", 20, ("I5", None, "a", 1), ("E12.3", None, "b", 7)),
    hdu(bytes(18), ("SIMPLE", "T"), *GROUPS),
]


def nifti(form, version, extensions=b""):
    """A NIfTI image of six numbers, or the header of one."""
    size, magic, magic_at = {1: (348, b"n+1\0", 344), 2: (540, b"n+2\0\r\n\x1a\n", 4)}[version]
    offset = size + 4 + len(extensions)
    image = bytearray(offset + 12)
    struct.pack_into(form + "i", image, 0, size)
    image[magic_at : magic_at + len(magic)] = magic
    dim_at, type_at = (40, 70) if version == 1 else (16, 12)
    struct.pack_into(form + ("8h" if version == 1 else "8q"), image, dim_at, 2, 3, 2, 1, 1, 1, 1, 1)
    struct.pack_into(form + "2h", image, type_at, 4, 16)
    struct.pack_into(form + ("f" if version == 1 else "q"), image, 108 if version == 1 else 168, offset)
    image[size : size + 4 + len(extensions)] = bytes([bool(extensions), 0, 0, 0]) + extensions
    return bytes(image)


NIFTI = [
    nifti("<", 1),
    nifti(">", 2),
    nifti("<", 1, struct.pack("<2i", 16, 6) + b"comment\0"),
    nifti(">", 1).replace(b"n+1", b"ni1"),
]


def mrc(form, mode, group=0):
    """An MRC file of two sections of 2 x 3 numbers."""
    header = bytearray(1024)
    struct.pack_into(form + "4i", header, 0, 3, 2, 2, mode)
    struct.pack_into(form + "i", header, 36, 1)
    struct.pack_into(form + "i", header, 88, group)
    header[208:216] = b"MAP " + (b"\x44\x44\0\0" if form == "<" else b"\x11\x11\0\0")
    return bytes(header) + bytes(96)


MRC = [mrc("<", 2), mrc(">", 1, 401), mrc("<", 0), mrc("<", 4)]


def chunk(form, name, data):
    return name + struct.pack(form + "I", len(data)) + data + bytes(len(data) % 2)


def wav(magic, form, tag, channels, width, extension=b"", before=b""):
    """A WAV file of three frames."""
    rate, block = 8000, channels * width
    described = struct.pack(form + "2H2I2H", tag, channels, rate, rate * block, block, 8 * width) + extension
    body = b"WAVE" + before + chunk(form, b"fmt ", described) + chunk(form, b"data", bytes(3 * block))
    return magic + struct.pack(form + "I", len(body)) + body


GUID = struct.pack("<3HIH", 22, 16, 16, 3, 1) + b"\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71"
WAV = [
    wav(b"RIFF", "<", 1, 1, 2),
    wav(b"RIFX", ">", 3, 2, 4),
    wav(b"RIFF", "<", 1, 2, 3, before=chunk("<", b"LIST", b"abc")),
    wav(b"RIFF", "<", 0xFFFE, 2, 2, GUID),
    wav(b"RF64", "<", 1, 1, 2, before=chunk("<", b"ds64", struct.pack("<3QI", 80, 6, 3, 0))),
    wav(b"RIFF", "<", 7, 1, 1),
]


NRRD_FIELDS = "type: short\ndimension: 2\nsizes: 3 2\nencoding: raw\nendian: little\n"
NRRD = [
    f'NRRD0004\n# a comment\n{NRRD_FIELDS}labels: "x" "y"\n\n'.encode() + bytes(12),
    f"NRRD0005\n{NRRD_FIELDS}key:=value\nline skip: 1\nbyte skip: -1\n\n".encode() + b"a\n" + bytes(12),
    f"NRRD0001\r\n{NRRD_FIELDS}data file: ./a.raw\r\n".encode(),
    f"NRRD0001\n{NRRD_FIELDS}data file: LIST 2\na\nb\n".encode(),
    b"NRRD0003\ntype: block\nblock size: 6\ndimension: 1\nsizes: 2\nencoding: raw\n\n" + bytes(12),
]

META = "NDims = 2\nBinaryDataByteOrderMSB = False\nDimSize = 3 2\nElementType = MET_SHORT\n"
METAIMAGE = [
    f"ObjectType = Image\n{META}ElementDataFile = LOCAL\n".encode() + bytes(12),
    f"{META}HeaderSize = -1\nElementNumberOfChannels = 3\nElementDataFile = LOCAL\n".encode() + bytes(40),
    f"{META}CompressedData = True\nElementDataFile = a.raw\n".encode(),
]

ENVI = [
    f"ENVI\nsamples = 3\nlines = 2\nbands = 4\ndata type = 2\ninterleave = {interleave}\nbyte order = 1\n"
    "description = {a\n ; b\n c}\nwavelength = {1.5, 2.5, 3.5, 4.5}\nheader offset = 3\n"
    for interleave in ["bsq", "bil", "BIP"]
]


def archive(before=b"", comment=b"", limit=zipfile.ZIP64_LIMIT):
    """An archive of arrays in C and F order, of a compressed one and of a text."""
    file = io.BytesIO(before)
    with mock.patch.object(zipfile, "ZIP64_LIMIT", limit), zipfile.ZipFile(file, "a") as members:
        for name, method in [("a.npy", 0), ("b/c.npy", 0), ("d.npy", 8), ("text", 0)]:
            info = zipfile.ZipInfo(name)
            info.compress_type = method
            with members.open(info, "w", force_zip64=True) as member:
                array = np.zeros((2, 3), "<f4", order="F" if "/" in name else "C")
                member.write(b"text") if name == "text" else np.lib.format.write_array(member, array)
        members.comment = comment
    return file.getvalue()


ARCHIVES = [archive(), archive(limit=0), archive(comment=b"comment"), archive(before=b"#!/bin/sh\n")]


def gguf(version=3, order="<"):
    """A file with a value of each type, two tensors and a quantised one."""
    string = lambda text: struct.pack(order + "Q", len(text)) + text.encode()  # noqa: E731
    kinds = enumerate("BbHhIif?xxQqd")
    values = [struct.pack(f"{order}I{form}", kind, 1) for kind, form in kinds if form != "x"]
    values += [struct.pack(order + "I", 8) + string("text"), struct.pack(order + "IIQH", 9, 2, 1, 7)]
    values += [struct.pack(order + "IIQIQ", 9, 9, 1, 8, 1) + string("x"), struct.pack(order + "II", 4, 8)]
    keys = [f"k{number}" for number in range(len(values) - 1)] + ["general.alignment"]
    header = b"GGUF" + struct.pack(order + "IQQ", version, 3, len(values))
    header += b"".join(string(key) + value for key, value in zip(keys, values, strict=True))
    for name, kind, offset in [("a", 0, 0), ("b.weight", 30, 24), ("q", 2, 40)]:
        header += string(name) + struct.pack(order + "IQQIQ", 2, 3, 2, kind, offset)
    return header + bytes(-len(header) % 8) + bytes(64)


GGUF = [gguf(), gguf(2), gguf(order=">")]


def hdf5(version):
    """A file with datasets, groups, links and attributes of several types."""
    file = io.BytesIO()
    with h5py.File(file, "w", libver=version, track_order=version == "latest") as made:
        made["a"] = np.arange(3, dtype=">i2")
        made["g/b"] = np.zeros(2, [("x", "<f4"), ("m", "u1", (2, 3)), ("s", "S3"), ("c", "<c8")])
        made["g/a"], made["g/up"], made["soft"] = made["a"], made["g"], h5py.SoftLink("/a")
        made["g"].attrs.update({"text": "of variable length", "fixed": np.bytes_(b"abc"), "on": True})
        made["a"].attrs["scale_factor"] = 0.5
        made.create_dataset("z", data=np.arange(40), chunks=(10,), compression="gzip")
        made.create_dataset("e", data=[0, 1], dtype=h5py.enum_dtype({"A": 0, "B": 1}, basetype="u1"))
    return file.getvalue()


def small_hdf5(version):
    """A file with a dataset and an attribute."""
    file = io.BytesIO()
    with h5py.File(file, "w", libver=version) as made:
        made["a"] = np.arange(3, dtype="<f4")
        made["a"].attrs["units"] = np.bytes_(b"m")
    return file.getvalue()


def write(target, seeds):
    folder = Path(__file__).parent / target
    folder.mkdir(exist_ok=True)
    for number, seed in enumerate(seeds):
        (folder / f"{number:02}").write_bytes(seed)


write("dtype", [text.encode() for text in DTYPES])
write("index", [text.encode() for text in INDICES])
write("header", HEADERS)
write("netcdf", NETCDF)
write("fits", FITS)
write("nifti", NIFTI)
write("mrc", MRC)
write("wav", WAV)
write("nrrd", NRRD)
write("metaimage", METAIMAGE)
write("envi", [text.encode() for text in ENVI])
write("npz", ARCHIVES)
write("gguf", GGUF)
write(
    "hdf5",
    [hdf5(version) for version in ("earliest", "v108", "latest")] + [small_hdf5("earliest"), small_hdf5("latest")],
)
