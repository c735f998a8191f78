"""Judges the dtypes that arrayfs suggests for names of C and Fortran, and shows for their names.

Reads lines `name<TAB>suggestions<TAB>dtypes`, where both are separated by blanks: what is suggested
for a name, and the `dtype` in meta.json of a mount by each suggestion. ctypes says what the names of
C are, and f2py those of Fortran.
"""

import ctypes
import re
import sys

import numpy as np
from numpy.f2py import capi_maps

C = {
    "unsigned char": ctypes.c_ubyte,
    "signed char": ctypes.c_byte,
    "unsigned short": ctypes.c_ushort,
    "unsigned short int": ctypes.c_ushort,
    "short int": ctypes.c_short,
    "unsigned int": ctypes.c_uint,
    "unsigned": ctypes.c_uint,
    "signed int": ctypes.c_int,
    "unsigned long": ctypes.c_ulong,
    "long int": ctypes.c_long,
    "long long": ctypes.c_longlong,
    "unsigned long long": ctypes.c_ulonglong,
    "long double": ctypes.c_longdouble,
    "size_t": ctypes.c_size_t,
    "ssize_t": ctypes.c_ssize_t,
}
C |= {f"{kind}{bits}_t": getattr(ctypes, f"c_{kind}{bits}") for kind in ("int", "uint") for bits in (8, 16, 32, 64)}


def of_c(name):
    """The dtype of a type of C, which ctypes knows; None for other names."""
    if name.startswith("c_"):
        kind = getattr(ctypes, name)
    else:
        kind = C.get(name)
    return kind and np.dtype(kind)


def of_fortran(name):
    """The dtype of a type of Fortran, which f2py knows; None for other names."""
    if name == "double precision":
        return np.dtype(capi_maps.c2pycode_map[capi_maps.f2cmap_all[name][""]])
    found = re.fullmatch(r"(real|integer|complex)(?:\*(\d+)|\((?:kind=)?(\d+)\))", name.lower())
    if not found:
        return None
    kind, size, precision = found.groups()
    # f2py has sizes in bytes; the kind of a complex number is that of its parts.
    size = size or (str(2 * int(precision)) if kind == "complex" else precision)
    return np.dtype(capi_maps.c2pycode_map[capi_maps.f2cmap_all[kind][size]])


judged = 0
for line in sys.stdin.read().splitlines():
    name, suggestions, shown = line.split("\t")
    suggestions, shown = suggestions.split(" "), shown.split(" ")
    for suggestion, dtype in zip(suggestions, shown, strict=True):
        if not re.match("[<>]?(bfloat|float8)", suggestion):
            assert np.dtype(suggestion).str == dtype, (name, suggestion, dtype)
    meant = of_c(name) or of_fortran(name)
    if meant is not None:
        judged += 1
        assert meant.str in shown, (name, meant, shown)
        assert len(shown) == 1 or "long" in name, (name, shown)
print(judged)
