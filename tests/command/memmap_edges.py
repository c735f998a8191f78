"""Does each call of numpy.memmap on a file of its own, and tells of each the shape and the file's bytes in
hexadecimal; both can be null."""

import json
import os
import sys
import warnings

import numpy as np

warnings.simplefilter("ignore")
results = []
for number, (size, mode, dtype, shape, offset) in enumerate(json.load(sys.stdin)):
    name = f"numpy{number}.bin"
    if size is not None:
        with open(name, "wb") as file:
            file.write(bytes(range(size)))
    if shape is not None:
        shape = tuple(int(length) for length in shape.strip("()").split(",") if length)
    try:
        array = np.memmap(name, dtype=dtype, mode=mode, offset=offset, shape=shape)
        result = list(array.shape)
        del array
    except Exception:
        result = None
    contents = open(name, "rb").read().hex() if os.path.exists(name) else None
    results.append([result, contents])
print(json.dumps(results))
