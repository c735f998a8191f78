#!/usr/bin/env python3
"""Writes the inputs that each fuzz target begins with: one file each, beside this script."""

import io
import struct
import zipfile
from pathlib import Path
from unittest import mock

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


def write(target, seeds):
    folder = Path(__file__).parent / target
    folder.mkdir(exist_ok=True)
    for number, seed in enumerate(seeds):
        (folder / f"{number:02}").write_bytes(seed)


write("dtype", [text.encode() for text in DTYPES])
write("index", [text.encode() for text in INDICES])
write("header", HEADERS)
write("npz", ARCHIVES)
write("gguf", GGUF)
