"""Compares all files of native/ with NumPy's array in its own byte order, and writes values and single bytes through
them; in the end the array as a whole."""

import json
import os
import random

import numpy as np

from mounted import arrays, content, files, names, saved, stored_bytes

seeded = random.Random(7)


def native(a):
    """The array in NumPy's own byte order."""
    return a.astype(a.dtype.newbyteorder("="))


def check(root, a):
    expected = {path: part for path, part in files(a)}
    if a.ndim > 1:
        expected.update((f"T/{path}", part) for path, part in files(a.T))
    found = {name for name in names(f"{root}/native") if "." not in name}
    assert found == expected.keys(), (a.dtype, found ^ expected.keys())
    for path, part in expected.items():
        data = native(part).tobytes()
        assert content(f"{root}/native/{path}") == data, (a.dtype, path)
        with open(f"{root}/native/{path}", "rb", buffering=0) as opened:
            assert os.pread(opened.fileno(), 11, 5) == data[5:16], (a.dtype, path)
    for path, part in files(a):
        assert content(f"{root}/native/npy/{path}.npy") == saved(native(part)), (a.dtype, path)
    assert content(f"{root}/native/csv/data.csv") == content(f"{root}/csv/data.csv"), a.dtype
    assert content(f"{root}/native/slices/...,::-1") == native(a[..., ::-1]).tobytes(), a.dtype
    with open(f"{root}/native/meta.json") as file:
        meta = json.load(file)
    dtype = native(a).dtype
    assert meta["dtype"] == json.loads(json.dumps(dtype.descr if dtype.names else dtype.str)), meta
    assert meta["strides"] == list(a.strides), meta


def write(root, a):
    """Writes some bytes of a file, from any on, and assigns what is there then to the array."""
    path, part = seeded.choice(list(files(a)))
    shown = bytearray(native(part).tobytes())
    start = seeded.randrange(len(shown))
    new = seeded.randbytes(seeded.randrange(1, len(shown) - start + 1))
    shown[start : start + len(new)] = new
    with open(f"{root}/native/{path}", "r+b", buffering=0) as file:
        assert os.pwrite(file.fileno(), new, start) == len(new)
    part[...] = np.ndarray(part.shape, native(part).dtype, bytes(shown))


for root, stored, a in arrays():
    for absent in ["native/native", "native/fields", "T/native", "npy/native", "native/README.txt"]:
        assert not os.path.exists(f"{root}/{absent}"), absent
    check(root, a)
    for _ in range(20):
        write(root, a)
        assert content(f"{root}/data") == stored_bytes(a), a.dtype
    check(root, a)
    with open(root + ".expected", "wb") as file:
        file.write(stored)
