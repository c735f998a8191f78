"""Judges the text of arrays. Reads a line of JSON for each: its dtype, shape, form, bytes and text, in hexadecimal.

The text is compared with the values by Python's `csv`, and where the values are numbers by `numpy.loadtxt` and
`numpy.genfromtxt`. Prints how many tables were right, or the first that is not.
"""

import ast
import csv
import io
import json
import re
import sys
import warnings

import numpy as np

GENFROMTXT_SIZE = 200
"""It is slow: it reads no table that has more elements."""


def leaves(dtype: np.dtype, name: str = "") -> list[tuple[str, np.dtype]]:
    """The plain types in an item, in order, each with the name of its column."""
    if dtype.subdtype:
        base, shape = dtype.subdtype
        names = [name + "".join(f"[{i}]" for i in index) for index in np.ndindex(shape)]
        return [leaf for each in names for leaf in leaves(base, each)]
    if dtype.names is None:
        return [(name, dtype)]
    dot = "." if name else ""
    return [leaf for field in dtype.names for leaf in leaves(dtype[field], name + dot + field)]


def values(item: np.ndarray) -> list[np.ndarray]:
    """The same for an item, a 0-d array: its values as 0-d arrays."""
    if item.dtype.names is None:
        return [item]
    return [v for f in item.dtype.names for index in np.ndindex(item[f].shape) for v in values(item[f][index + (...,)])]


def digits(text: str) -> str:
    return text.lower().split("e")[0].replace(".", "").lstrip("-0").rstrip("0")


def check_float(cell: str, value: np.floating, form: str) -> None:
    """That the cell reads back to the same bits and is the shortest that does."""
    if np.isnan(value):
        assert cell == {"unpadded": "NaN", "padded": "nan"}[form], cell
        return
    back = type(value)(float(cell))
    assert back.tobytes() == value.tobytes(), (cell, value)
    if np.isfinite(value):
        shortest = np.format_float_scientific(value, unique=True, trim="-")
        assert len(digits(cell)) <= len(digits(shortest)), (cell, shortest)


def check_complex(cell: str, value: np.complexfloating) -> None:
    assert cell[0] == "(" and cell[-2:] == "j)", cell
    back = type(value)(complex(cell))
    for part, original in [(back.real, value.real), (back.imag, value.imag)]:
        assert np.isnan(part) if np.isnan(original) else part.tobytes() == original.tobytes(), (cell, value)


def expected(value: np.ndarray, form: str) -> str:
    """The text of a value that is no floating-point number."""
    dtype = value.dtype
    if dtype.kind == "b":
        return str(int(value.view("u1") != 0))
    if dtype.kind in "iu":
        return str(int(value))
    if dtype.kind in "mM":
        count = int(value.view(dtype.byteorder + "i8"))
        if count == -(2**63):
            return {"unpadded": "", "padded": "NaT"}[form]
        if dtype.kind == "m" or dtype.str[1:] == "M8":
            return str(count)
        # It takes bytes in swapped order for what they are not.
        return str(np.datetime_as_string(value.astype(dtype.newbyteorder("="))))
    if dtype.kind == "S":
        return value.tobytes().rstrip(b"\0").decode("utf-8", "surrogateescape")
    if dtype.kind == "U":
        points = value.view((dtype.byteorder + "u4", dtype.itemsize // 4)).tolist()
        text = "".join(chr(p) if p < 0xD800 or 0xE000 <= p < 0x110000 else "\N{REPLACEMENT CHARACTER}" for p in points)
        return text.rstrip("\0")
    return value.tobytes().hex()


def check_cell(cell: str, value: np.ndarray, form: str, padded: bool) -> None:
    if padded:
        cell = cell.lstrip(" ")
    native = value.dtype.newbyteorder("=")
    if value.dtype.kind == "f":
        check_float(cell, value.astype(native)[()], form)
    elif value.dtype.kind == "c":
        check_complex(cell, value.astype(native)[()])
    else:
        assert cell == expected(value, form), (cell, expected(value, form))


def check_table(array: np.ndarray, text: str, size: int, form: str = "unpadded") -> None:
    """That the text, in this form of `--csv`, has the values of the array, and lines of equal length."""
    columns = leaves(array.dtype)
    padded = form == "padded" and not any(dtype.kind in "SUV" for _, dtype in columns)
    rows = array.reshape({0: (1, 1), 1: (-1, 1), 2: array.shape}[array.ndim])
    records = list(csv.reader(io.StringIO(text, newline="")))
    last = [] if padded else ["_"]
    if array.dtype.names:
        prefixes = [f"[{j}]." for j in range(array.shape[1])] if array.ndim == 2 else [""]
        heading = [prefix + name for prefix in prefixes for name, _ in columns] + last
        assert records.pop(0) == heading, heading
        quoted = io.StringIO()
        csv.writer(quoted, lineterminator="\n").writerow(heading)
        assert text.startswith(quoted.getvalue()), quoted.getvalue()
        size -= len(quoted.getvalue().encode())
    assert len(records) == len(rows)
    assert size % max(1, len(rows)) == 0, "lines are not equally long"
    for record, row in zip(records, rows, strict=True):
        cells = [value for j in range(len(row)) for value in values(row[j, ...])]
        if not padded and cells:
            assert record.pop().strip(" ") == "", "the last column"
        assert len(record) == len(cells)
        for cell, value in zip(record, cells, strict=True):
            check_cell(cell, value, form, padded)


def check_same(read: np.ndarray, array: np.ndarray) -> None:
    assert read.shape == array.shape and read.dtype == array.dtype, (read.shape, read.dtype)
    if array.dtype.names:
        for name in array.dtype.names:
            check_same(read[name], array[name])
    elif array.dtype.kind == "c":
        check_same(read.real, array.real)
        check_same(read.imag, array.imag)
    elif array.dtype.kind == "f":
        same = (read == array) & (np.signbit(read) == np.signbit(array)) | (np.isnan(read) & np.isnan(array))
        assert np.all(same), (read[~same], array[~same])
    elif array.dtype.kind == "b":
        assert ((read.view("u1") != 0) == (array.view("u1") != 0)).all(), (read, array)
    else:
        same = read.view("i8") == array.view("i8") if array.dtype.kind in "mM" else read == array
        assert np.all(same), (read[~same], array[~same])


def check_readers(array: np.ndarray, text: str, form: str = "unpadded") -> None:
    """That NumPy's readers find the same numbers, given the dtype, the delimiter and the columns without blanks."""
    kinds = {dtype.kind for _, dtype in leaves(array.dtype)}
    if array.size == 0 or kinds & set("SUV") or (array.dtype.names and array.ndim == 2):
        return
    if array.dtype.kind == "M" and not re.search(r"\[[^W\d]", array.dtype.name):
        # Generic times have no text in NumPy, and steps of several units are read back by other ways of overflow.
        return
    native = array.astype(array.dtype.newbyteorder("="))
    options = {"dtype": native.dtype, "delimiter": ","}
    if form == "unpadded":
        options["usecols"] = range(len(leaves(array.dtype)) * (array.shape[1] if array.ndim == 2 else 1))
    skipped = 1 if array.dtype.names else 0
    # After blanks they do not know `NaT`, and overlook the sign of a year.
    stripped = form == "padded" and ("NaT" in text or ("M" in kinds and " -" in text))
    if stripped and "b" in kinds:
        return  # Of text that went through a converter, "0" is true.
    converters = str.strip if stripped else None
    read = np.loadtxt(io.StringIO(text), skiprows=skipped, ndmin=array.ndim, converters=converters, **options)
    check_same(read, native)
    if "b" in kinds:
        # To genfromtxt, truth is the word TRUE.
        if array.dtype.names:
            return
        options["dtype"] = "u1"
        native = (native.view("u1") != 0).astype("u1")
    # It reads timedeltas by way of floating point, and their NaT as -1.
    if array.size <= GENFROMTXT_SIZE and "m" not in kinds:
        read = np.genfromtxt(io.StringIO(text), skip_header=skipped, autostrip=stripped, **options)
        check_same(read.reshape(array.shape), native)


def check(case: dict) -> None:
    written = case["dtype"]
    dtype = np.dtype(ast.literal_eval(written) if written[0] in "[{" else written)
    data, text = bytes.fromhex(case["data"]), bytes.fromhex(case["text"])
    array = np.frombuffer(data, dtype).reshape(case["shape"]) if data else np.empty(case["shape"], dtype)
    decoded = text.decode("utf-8", "surrogateescape")
    check_table(array, decoded, len(text), case["form"])
    check_readers(array, decoded, case["form"])


def main() -> None:
    warnings.simplefilter("ignore")
    count = 0
    for line in sys.stdin:
        case = json.loads(line)
        try:
            check(case)
        except Exception as error:
            print(f"{type(error).__name__}: {error}\n{case['dtype']} {case['shape']} {case['form']}")
            print(f"bytes {case['data'][:2000]}\ntext {bytes.fromhex(case['text'])[:2000]}")
            raise
        count += 1
    print(f"{count} tables")


if __name__ == "__main__":
    main()
