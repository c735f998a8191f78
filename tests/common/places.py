"""Tells of each view where in the file each of its bytes lies."""

import json
import sys

import numpy as np

dtype, shape, order, offset = sys.argv[1:]
shape = tuple(int(length) for length in shape.split(","))
itemsize = np.dtype(dtype).itemsize
items = np.arange(np.prod(shape, dtype=int)).reshape(shape, order=order) * itemsize + int(offset)


def places(items):
    return (items[..., None] + np.arange(itemsize)).ravel().tolist()


views = {}
for prefix, a in [("", items), ("T/", items.T)][: items.ndim]:
    views[prefix + "data"] = places(a)
    for i in range(a.shape[0]):
        views[f"{prefix}rows/{i}"] = places(a[i])
    for j in range(a.shape[1] if a.ndim > 1 else 0):
        views[f"{prefix}cols/{j}"] = places(a[:, j])
    for axis in range(a.ndim):
        for i in range(a.shape[axis]):
            views[f"{prefix}axes/{axis}/{i}"] = places(a.take(i, axis=axis))
    for index, sliced in [("::-2", a[::-2]), ("...,None,1:", a[..., None, 1:]), ("[-1]", a[-1])]:
        if sliced.size:
            views[f"{prefix}slices/{index}"] = places(sliced)
json.dump(views, sys.stdout)
