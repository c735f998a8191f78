"""Reads numbers by the call that README.txt names, and compares them with those of npy/."""

import json
import os
import sys

import ml_dtypes
import numpy

os.chdir(sys.argv[1])
line = next(line for line in open("README.txt") if line.startswith("numpy.loadtxt("))
read, expected = eval(line.removesuffix(" does.\n")), numpy.load("npy/data.npy")
if expected.dtype.kind == "V":
    with open("meta.json") as meta:
        name = json.load(meta)["dtype_name"]
    expected = expected.view(getattr(ml_dtypes, name)).astype(numpy.float32)
assert read.dtype == expected.dtype and numpy.array_equal(read, expected), (line, read)
