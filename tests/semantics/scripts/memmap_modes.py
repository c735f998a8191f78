"""Opens files as `numpy.memmap` does, each named by its mode and the length of the array, stores 7 in
item 1 if the mode lets it, and prints the items in hexadecimal, or that it is refused."""

import sys

import numpy as np

for name in sys.argv[1:]:
    mode, shape, _ = name.split("-")
    try:
        a = np.memmap(f"numpys/{name}", "u1", mode, shape=int(shape))
    except (OSError, ValueError):
        print("refused")
    else:
        if mode != "r":
            a[1] = 7
        print(a.tobytes().hex())
