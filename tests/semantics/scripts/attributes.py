"""Compares the attributes of files and directories with NumPy's."""

import ast
import os

import numpy as np

from mounted import arrays, files

NAMES = ["user.dtype", "user.shape", "user.ndim", "user.size", "user.itemsize"]


def check(path, a):
    assert sorted(os.listxattr(path)) == sorted(NAMES), path
    shown = {name: os.getxattr(path, name).decode() for name in NAMES}
    dtype = shown.pop("user.dtype")
    dtype = np.dtype(ast.literal_eval(dtype) if dtype[0] in "[{" else dtype)
    assert dtype == a.dtype, (path, dtype)
    assert list(shown.values()) == [str(a.shape), str(a.ndim), str(a.size), str(a.itemsize)], (path, shown)


for root, _, whole in arrays():
    for prefix, a in [("", whole), ("T/", whole.T), ("fields/m/", whole["m"] if whole.dtype.names else None)]:
        if a is None:
            continue
        for encoding, suffix in [("", ""), ("npy/", ".npy"), ("csv/", ".csv")]:
            directory = f"{root}/{prefix}{encoding}"
            if not os.path.exists(directory):
                continue
            check(directory, a)
            for name, part in [*files(a), ("slices/::2,None", a[::2, None]), ("slices/1:1", a[1:1])]:
                if encoding != "csv/" or part.ndim <= 2:
                    check(f"{directory}{name}{suffix}", part)
            for folder in ["rows", "axes", "axes/0", "slices"]:
                if os.path.exists(f"{directory}{folder}"):
                    assert os.listxattr(f"{directory}{folder}") == [], folder
    for name in ["README.txt", "meta.json", "index.html", "T/meta.json", "fields"]:
        if os.path.exists(f"{root}/{name}"):
            assert os.listxattr(f"{root}/{name}") == [], name
