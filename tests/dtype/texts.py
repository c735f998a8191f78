"""Reads a JSON list of texts, and writes NumPy's version and what NumPy makes of each text."""

import json
import sys
import unicodedata
import warnings

import ml_dtypes  # noqa: F401 (its types have names in NumPy then)
import numpy as np

from structured import check, described

MARKS = tuple("<>=|")
"""Before the name of a narrow type they are an extension."""
NARROW = [
    "bfloat16", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu", "float8_e4m3",
    "float8_e3m4", "float8_e4m3b11fnuz",
]  # fmt: skip
ORDERS = {"=": sys.byteorder, "<": "little", ">": "big", "|": "none"}


def is_excepted(text, dtype):
    """Whether the module's documentation excepts what NumPy accepts here."""
    code = text.lstrip("<>=|")
    # Those of less than a byte.
    if dtype.type.__module__ == "ml_dtypes":
        return True
    if dtype.subdtype or (len(code) == 1 and unicodedata.category(code) == "Cc"):
        return True
    if dtype.kind in "mM" and "/" in text:
        unit, multiple = np.datetime_data(dtype)
        return "/-" in text or multiple < 0 or ("W/" in text and unit == "Y")
    return False


def describe_narrow(dtype, mark):
    """A type of `ml_dtypes`: not that NumPy says of float8_e5m2 that it is f1, which it then does not know."""
    if dtype.itemsize == 1:
        return ["<V1", dtype.name, 1, "V", "none", "<V1"]
    dtype = dtype.newbyteorder(mark.replace("|", "=") or "=")
    return [dtype.str, dtype.name, dtype.itemsize, dtype.kind, ORDERS[dtype.byteorder], dtype.str]


def describe(text):
    mark, name = (text[0], text[1:]) if text[:1] in MARKS else ("", text)
    if name in NARROW:
        return describe_narrow(np.dtype(name), mark)
    try:
        dtype = np.dtype(text)
        check(dtype)
    except Exception:
        return None
    if is_excepted(text, dtype):
        return None
    order = ORDERS[dtype.byteorder]
    return [dtype.str, dtype.name, dtype.itemsize, dtype.kind, order, described(dtype)]


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    texts = json.load(sys.stdin.buffer)
    json.dump([np.__version__, list(map(describe, texts))], sys.stdout)
