"""Makes the file that NumPy makes, compares the one that a mount has made, and loads that."""

import ast
import sys

import numpy as np

name, dtype, shape, order = sys.argv[1:]
dtype = np.dtype(ast.literal_eval(dtype) if dtype[0] == "[" else dtype)
shape = ast.literal_eval(shape)
a = np.lib.format.open_memmap("numpys", "w+", dtype, shape, order == "F")
a.flush()
with open("numpys", "rb") as numpys, open(name, "rb") as ours:
    assert numpys.read() == ours.read(), (name, dtype, shape)
loaded = np.load(name)
assert (loaded.dtype, loaded.shape) == (dtype, shape) and not loaded.tobytes().strip(b"\0")
