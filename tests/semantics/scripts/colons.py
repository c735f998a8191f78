"""Opens slices with fsspec, to which `::` separates two addresses."""

import sys

import fsspec
import numpy as np

root = sys.argv[1]
a = np.arange(100, dtype="u1").reshape(10, 10)
for index, selected in {"__2": a[::2], "1_3,_": a[1:3], "_,-1__-2": a[:, -1::-2], "_2,3_": a[:2, 3:]}.items():
    with fsspec.open(f"{root}/slices/{index}") as file:
        assert file.read() == selected.tobytes(), index
try:
    fsspec.open(f"{root}/slices/::2").open()
except (OSError, ValueError):
    pass
else:
    raise AssertionError("a colon separates nothing")
