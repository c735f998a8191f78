"""Maps every kind of view, writes through every other, and looks at the pages."""

import mmap
import os
import sys

import numpy as np

root = sys.argv[1]
a = np.memmap(root + "/../data.bin", "u1", "r", shape=(64, 96))
views = {
    "data": a,
    "T/data": a.T,
    "rows/3": a[3],
    "cols/7": a[:, 7],
    "axes/1/90": a[:, 90],
    "slices/::2,5:70": a[::2, 5:70],
    "T/slices/::-1": a.T[::-1],
    "T/rows/11": a.T[11],
}
mapped = {}
for path in views:
    with open(f"{root}/{path}", "r+b") as file:
        mapped[path] = mmap.mmap(file.fileno(), 0)
npy = np.load(root + "/npy/data.npy", mmap_mode="r")
rng = np.random.default_rng(7)
for turn in range(300):
    path = list(views)[turn % len(views)]
    size = views[path].size
    for kept, view in views.items():
        # Every page is there, as it was.
        assert mapped[kept][:] == view.tobytes(), (turn, kept)
    start = int(rng.integers(size))
    data = rng.bytes(int(rng.integers(1, size - start + 1)))
    with open(f"{root}/{path}", "r+b", buffering=0) as file:
        assert os.pwrite(file.fileno(), data, start) == len(data)
    assert views[path].tobytes()[start : start + len(data)] == data, (turn, path)
    assert (npy == a).all(), turn
