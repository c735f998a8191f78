"""Tells of each view its header, and to `places.u32` where in the file its bytes lie."""

import io
import json
import sys

import numpy as np

dtype, shape, order, offset, *paths = sys.argv[1:]
dtype = np.dtype(dtype)
shape = tuple(int(length) for length in shape.split(","))
items = np.arange(np.prod(shape)).reshape(shape, order=order) * dtype.itemsize + int(offset)
views, places = [], open("places.u32", "wb")
for path in paths:
    a, header, parts = items, b"", path.split("/")
    if parts[0] == "T":
        a, parts = a.T, parts[1:]
    encoding = parts.pop(0) if parts[0] in ("npy", "csv") else ""
    parts[-1] = parts[-1].removesuffix("." + encoding)
    match parts:
        case ["rows", i]:
            a = a[int(i)]
        case ["cols", j]:
            a = a[:, int(j)]
        case ["axes", axis, i]:
            a = a.take(int(i), axis=int(axis))
        case ["slices", index]:
            a = eval(f"a[{index}]")
    if encoding == "npy":
        file = io.BytesIO()
        np.save(file, np.zeros(a.shape, dtype))
        header = file.getvalue()[: file.tell() - a.size * dtype.itemsize]
    (a[..., None] + np.arange(dtype.itemsize)).astype("<u4").tofile(places)
    views.append([path, list(header), a.size * dtype.itemsize])
json.dump(views, sys.stdout)
