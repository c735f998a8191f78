"""Compares the directories of all fields with NumPy's arrays of them, and writes to some of their
files; in the end the array as a whole."""

import json
import os
import random

import numpy as np

from mounted import arrays, content, files, saved, stored_bytes

seeded = random.Random(5)


def place(a, stored):
    """Where in the file the array begins."""
    return a.__array_interface__["data"][0] - np.frombuffer(stored, "u1").__array_interface__["data"][0]


def check(path, a, stored):
    with open(f"{path}/meta.json") as file:
        meta = json.load(file)
    assert (meta["shape"], meta["strides"]) == (list(a.shape), list(a.strides)), path
    assert a.size == 0 or meta["offset"] == place(a, stored), path
    for name, part in files(a):
        assert content(f"{path}/{name}") == stored_bytes(part), (path, name)
        assert content(f"{path}/npy/{name}.npy") == saved(part), (path, name)
    if a.ndim > 1:
        for name, part in files(a.T):
            assert content(f"{path}/T/{name}") == stored_bytes(part), (path, "T", name)
        assert content(f"{path}/T/slices/...,:1") == stored_bytes(a.T[..., :1]), path
    shown = os.listdir(f"{path}/fields") if os.path.exists(f"{path}/fields") else []
    assert shown == list(a.dtype.names or ()), path
    for inside in ["T", "npy", "csv"]:
        assert not os.path.exists(f"{path}/{inside}/fields"), (path, inside)
    for name in shown:
        check(f"{path}/fields/{name}", a[name], stored)


def write(path, a, stored):
    name, part = seeded.choice(list(files(a)))
    new = seeded.randbytes(part.nbytes)
    with open(f"{path}/{name}", "r+b", buffering=0) as file:
        file.write(new)
    if part.size:
        # Byte by byte: of records NumPy leaves out what is between the fields.
        strides = part.strides + (1,)
        items = np.ndarray(part.shape + (a.itemsize,), "u1", stored, place(part, stored), strides)
        items[...] = np.frombuffer(new, "u1").reshape(items.shape)


for root, stored, a in arrays():
    check(root, a, stored)
    for name in a.dtype.names:
        write(f"{root}/fields/{name}", a[name], stored)
    assert content(f"{root}/data") == stored_bytes(a), a.dtype
    check(root, a, stored)
    with open(root + ".expected", "wb") as file:
        file.write(stored)
