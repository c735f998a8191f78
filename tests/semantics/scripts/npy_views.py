"""Compares all files with a header with what NumPy saves, and has NumPy load them
in each mode of `mmap_mode` that the last argument names."""

import os
import sys

import numpy as np

from mounted import arrays, content, files, names, saved, stored_bytes

modes = [mode or None for mode in sys.argv.pop().split(",")]
for root, _, whole in arrays():
    for prefix, a in [("", whole), ("T/", whole.T)][: max(1, min(whole.ndim, 2))]:
        directory = f"{root}/{prefix}npy"
        expected = {f"{name}.npy": part for name, part in files(a)}
        assert names(directory) == expected.keys(), (a.dtype, a.shape)
        for name, part in expected.items():
            path = f"{directory}/{name}"
            assert content(path) == saved(part), (a.dtype, a.shape, name)
            assert os.stat(path).st_size == len(saved(part)), (a.dtype, a.shape, name)
            for mode in modes:
                # Nothing can be mapped of an array without elements.
                if mode and part.size == 0:
                    continue
                loaded = np.load(path, mmap_mode=mode)
                assert loaded.dtype == a.dtype and loaded.shape == part.shape, (a.dtype, name, mode)
                assert stored_bytes(loaded) == stored_bytes(part), (a.dtype, name, mode)
