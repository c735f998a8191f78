"""The mounted arrays that a script's arguments describe, as `mount_each` of arrays.rs gives them,
and what each file of an array directory shows."""

import ast
import io
import os
import sys

import numpy as np


def arrays():
    """Mount points, each with the bytes of the file and the array in them."""
    for root, file, dtype, shape, order, offset in zip(*[iter(sys.argv[1:])] * 6, strict=True):
        if dtype[0] in "[{":
            dtype = ast.literal_eval(dtype)
        shape = tuple(int(length) for length in shape.strip("()").split(",") if length)
        with open(file, "rb") as opened:
            stored = bytearray(opened.read())
        yield root, stored, np.ndarray(shape, dtype, stored, int(offset), order=order)


def files(a):
    """The files of an array directory, each with the part of the array that it shows."""
    yield "data", a
    for axis in range(a.ndim):
        for i in range(a.shape[axis]):
            part = a[(slice(None),) * axis + (i, ...)]
            yield f"axes/{axis}/{i}", part
            if axis < 2:
                yield f"{('rows', 'cols')[axis]}/{i}", part


def names(root):
    """The paths of all files below a directory, but for those of stores."""
    return {
        os.path.relpath(os.path.join(directory, name), root)
        for directory, _, names in os.walk(root)
        for name in names
        if not {"zarr", "ome.zarr"} & set(os.path.relpath(directory, root).split(os.sep))
    }


def content(path):
    """What a file holds; None where there is none."""
    try:
        with open(path, "rb", buffering=0) as opened:
            return opened.read()
    except FileNotFoundError:
        return None


def stored_bytes(a):
    """The bytes of an array, of records with what is between the fields, which tobytes() may leave out."""
    return a.view(f"V{a.itemsize}").tobytes() if a.dtype.names else a.tobytes()


def saved(a):
    """What numpy.save makes of an array in C order; None where it cannot."""
    file = io.BytesIO()
    try:
        np.save(file, a.copy("C"))
    except ValueError:
        return None
    return file.getvalue()[: len(file.getvalue()) - a.nbytes] + stored_bytes(a)
