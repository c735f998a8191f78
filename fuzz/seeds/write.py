#!/usr/bin/env python3
"""Writes the inputs that each fuzz target begins with: one file each, beside this script."""

import io
import struct
from pathlib import Path

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
write(
    "hdf5",
    [hdf5(version) for version in ("earliest", "v108", "latest")] + [small_hdf5("earliest"), small_hdf5("latest")],
)
