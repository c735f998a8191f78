"""Compares what `meta.json` says with NumPy."""

import json
import sys

from mounted import arrays


def described(dtype):
    """A type as `dtype.str` or `dtype.descr`, or where that is not defined as the arguments of numpy.dtype."""
    if dtype.names is None:
        return dtype.str
    try:
        return dtype.descr
    except ValueError:
        fields = [dtype[name] for name in dtype.names]
        return {
            "names": dtype.names,
            "formats": [(described(f.base), f.shape) if f.shape else described(f) for f in fields],
            "offsets": [dtype.fields[name][1] for name in dtype.names],
            "itemsize": dtype.itemsize,
        }


for root, _, whole in arrays():
    for prefix, a in [("", whole), ("T/", whole.T)]:
        orders = {"<": "little", ">": "big", "=": sys.byteorder, "|": "none"}
        expected = {
            "dtype": described(a.dtype),
            "dtype_name": a.dtype.name,
            "itemsize": a.itemsize,
            "byteorder": orders[a.dtype.byteorder],
            "shape": a.shape,
            "ndim": a.ndim,
            "size": a.size,
            "nbytes": a.nbytes,
            "strides": a.strides,
        }
        if a.dtype.names:
            expected["fields"] = [
                {
                    "name": name,
                    "dtype": described(dtype.base),
                    "dtype_name": dtype.base.name,
                    "shape": dtype.shape,
                    "offset": offset,
                }
                for name, (dtype, offset) in ((name, a.dtype.fields[name][:2]) for name in a.dtype.names)
            ]
        with open(f"{root}/{prefix}meta.json") as file:
            meta = json.load(file)
        assert ("fields" in meta) == bool(a.dtype.names), a.dtype
        found = {name: meta[name] for name in expected}
        expected = json.loads(json.dumps(expected))
        assert found == expected, (a.dtype, found, expected)
