"""Reads a JSON list of texts, and writes NumPy's version and what NumPy makes of each text."""

import json
import sys
import unicodedata
import warnings

import numpy as np

from structured import check, described

ORDERS = {"=": sys.byteorder, "<": "little", ">": "big", "|": "none"}


def is_excepted(text, dtype):
    """Whether the module's documentation excepts what NumPy accepts here."""
    code = text.lstrip("<>=|")
    if dtype.subdtype or (len(code) == 1 and unicodedata.category(code) == "Cc"):
        return True
    if dtype.kind in "mM" and "/" in text:
        unit, multiple = np.datetime_data(dtype)
        return "/-" in text or multiple < 0 or ("W/" in text and unit == "Y")
    return False


def describe(text):
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
