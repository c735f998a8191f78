"""Writes through views and the backing file, and reads every view anew, from descriptors that are old
and new. The last argument is the mode of --cache."""

import mmap
import os
import sys

import numpy as np

from mounted import arrays, files, stored_bytes


def read(path, way):
    """The content of a file, by reads, from a mapping, or by sendfile."""
    with open(path, "rb", buffering=0) as opened:
        if way == 0:
            return b"".join(iter(lambda: opened.read(5000), b""))
        if way == 1:
            with mmap.mmap(opened.fileno(), 0, prot=mmap.PROT_READ) as mapped:
                return mapped[:]
        out, put = os.pipe()
        got = b""
        while count := os.sendfile(put, opened.fileno(), len(got), 4096):
            got += os.read(out, count)
        os.close(out)
        os.close(put)
        return got


cache = sys.argv.pop()
rng = np.random.default_rng(11)
file = sys.argv[2]
for root, stored, a in arrays():
    views = dict(files(a))
    paths = sorted(views)
    kept = {path: open(f"{root}/{path}", "rb", buffering=0) for path in paths[::7]}
    for turn in range(100):
        some = [paths[k] for k in rng.integers(len(paths), size=3)]
        for path in some:
            way = int(rng.integers(3))
            assert read(f"{root}/{path}", way) == stored_bytes(views[path]), (turn, path, way)
        path = some[0]
        size = views[path].nbytes
        start = int(rng.integers(size))
        data = rng.bytes(int(rng.integers(1, size - start + 1)))
        if cache == "auto" and turn % 3 == 0:
            # By somebody else: what is opened from then on shows it.
            at = int(rng.integers(len(stored)))
            data = data[: len(stored) - at]
            with open(file, "r+b", buffering=0) as backing:
                assert os.pwrite(backing.fileno(), data, at) == len(data)
            stored[at : at + len(data)] = data
            for opened in kept.values():
                opened.close()
            kept = {path: open(f"{root}/{path}", "rb", buffering=0) for path in paths[::7]}
        else:
            with open(f"{root}/{path}", "r+b", buffering=0) as opened:
                assert os.pwrite(opened.fileno(), data, start) == len(data)
            whole = bytearray(stored_bytes(views[path]))
            whole[start : start + len(data)] = data
            views[path][...] = np.frombuffer(bytes(whole), a.dtype).reshape(views[path].shape)
        for path in [*some, *kept]:
            assert read(f"{root}/{path}", 0) == stored_bytes(views[path]), (turn, path)
        for path, opened in kept.items():
            assert os.pread(opened.fileno(), 1 << 20, 0) == stored_bytes(views[path]), (turn, path)
