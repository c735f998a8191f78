"""Has programs that read tables infer the types of the files in `csv/`, and compares what they find with the array.

Nothing tells a reader of the types: a column of floats has to come out as floats, one of integers as integers, one of
times as times where the reader knows times. The readers are pandas, polars, DuckDB, Miller, SQLite, R and NumPy's
`genfromtxt`. The array has NaN, infinities, NaT, empty strings, and strings that need quotes.
"""

import json
import math
import os
import sqlite3
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field

import duckdb
import numpy as np
import pandas
import polars

from arrays import RawArray
from cases import Case, Session, main
from checks import expect, same
from mounting import DEADLINE
from text_judge import leaves, values
from twins import mounted_twin

ROWS = 24

NO_NUMBERS = {"NaN": math.nan, "inf": math.inf, "-inf": -math.inf}

WORDS = ["", "a", "b,c", 'say "x"', "two\nlines", " blank ", "naïve", "x" * 7]

TYPES = ["?", "i1", "<i2", "<i4", "<i8", "u1", ">u2", "<u4", "<u8", "<f2", "<f4", ">f8", "<c16"]
TYPES += ["<M8[D]", "<M8[s]", ">M8[ms]", "<M8[us]", "<m8[s]", "S8", "<U8"]
ALL_TYPES = np.dtype([(f"c{k}", code) for k, code in enumerate(TYPES)])
NUMBERS = np.dtype([("a", "<f8"), ("in", [("i", "<i4"), ("x", "<f4")]), ("m", "<f8", (2,)), ("t", "<M8[s]")])


@dataclass(frozen=True)
class Column:
    """What a reader makes of a column: int, float, time or text, and the values; None is none."""

    kind: str
    values: list


@dataclass(frozen=True)
class Reader:
    """A program: how it reads a file with or without a heading, and where it differs from `KINDS`.

    It can read only columns of `only` these kinds, be off by some digits, and take integers of more bits for floats.
    """

    read: Callable[[str, bool, list[np.dtype]], list[Column]]
    kinds: dict[str, str] = field(default_factory=dict)
    only: str = "biufcMmSU"
    is_exact: bool = True
    integer_bits: int = 64


KINDS = dict.fromkeys("bium", "int") | {"f": "float", "M": "time"} | dict.fromkeys("cSU", "text")


def of_numpy(dtype: np.dtype) -> str:
    return {"i": "int", "u": "int", "f": "float", "M": "time"}.get(dtype.kind, "text")


def by_pandas(path: str, header: bool, dtypes: list[np.dtype]) -> list[Column]:
    times = [k for k, dtype in enumerate(dtypes) if dtype.kind == "M"]
    table = pandas.read_csv(path, header=0 if header else None, parse_dates=times, float_precision="round_trip")
    columns = [table.iloc[:, k] for k in range(table.shape[1])]
    is_numpy = [isinstance(column.dtype, np.dtype) for column in columns]
    return [
        Column(
            of_numpy(column.dtype) if plain else "text",
            [None if pandas.isna(value) and column.dtype != float else value for value in column],
        )
        for column, plain in zip(columns, is_numpy, strict=True)
    ]


def by_polars(path: str, header: bool, dtypes: list[np.dtype]) -> list[Column]:
    table = polars.read_csv(path, has_header=header, try_parse_dates=True)

    def kind(dtype: polars.DataType) -> str:
        return (
            "int" if dtype.is_integer() else "float" if dtype.is_float() else "time" if dtype.is_temporal() else "text"
        )

    return [Column(kind(column.dtype), column.to_list()) for column in table]


def by_duckdb(path: str, header: bool, dtypes: list[np.dtype]) -> list[Column]:
    table = duckdb.execute("SELECT * FROM read_csv(?, header = ?)", [path, header])
    kinds = [str(column[1]) for column in table.description]
    rows = table.fetchall()

    def kind(name: str) -> str:
        return {"DOUBLE": "float", "TIMESTAMP": "time", "DATE": "time", "VARCHAR": "text"}.get(name, "int")

    return [Column(kind(name), [row[k] for row in rows]) for k, name in enumerate(kinds)]


def by_miller(path: str, header: bool, dtypes: list[np.dtype]) -> list[Column]:
    options = [] if header else ["--implicit-csv-header"]
    rows = json.loads(run(["mlr", "--icsv", "--ojson", "--no-auto-unflatten", *options, "cat", path]))
    found = []
    for cells in zip(*[row.values() for row in rows], strict=True):
        # NaN and the infinities are text to it.
        kinds = {type(cell).__name__ for cell in cells if cell not in ("", *NO_NUMBERS)}
        kind = {"str": "text", "": "text"}.get(",".join(kinds), ",".join(kinds))
        found.append(Column(kind, [NO_NUMBERS.get(cell, cell) if kind == "float" else cell for cell in cells]))
    return found


def by_sqlite(path: str, header: bool, dtypes: list[np.dtype]) -> list[Column]:
    """Into a table with the types of the columns, since SQLite infers none."""
    affinity = {"f": "REAL"} | dict.fromkeys("bium", "INTEGER")
    columns = [f"c{k} {affinity.get(dtype.kind, 'TEXT')}" for k, dtype in enumerate(dtypes)]
    created = f'CREATE TABLE t({", ".join(columns)}, "_" TEXT)'
    base = os.path.join(path.rsplit("/mount", 1)[0], "sqlite.db")
    skipped = "--skip 1 " if header else ""
    run(["sqlite3", base, "DROP TABLE IF EXISTS t", created, ".mode csv", f".import {skipped}'{path}' t"])
    connection = sqlite3.connect(base)
    rows = connection.execute("SELECT * FROM t").fetchall()
    found = []
    for k in range(len(dtypes)):
        query = f"SELECT group_concat(DISTINCT typeof(c{k})) FROM t WHERE c{k} NOT IN ('', 'NaN', 'inf', '-inf')"
        (kind,) = connection.execute(query).fetchone()
        kind = {"integer": "int", "real": "float"}.get(kind, kind)
        found.append(Column(kind, [NO_NUMBERS.get(row[k], row[k]) if kind == "float" else row[k] for row in rows]))
    connection.close()
    return [*found, Column("text", [row[-1] for row in rows])]


R = """
arguments <- commandArgs(TRUE)
table <- read.csv(arguments[1], header = arguments[2] == "header", encoding = "UTF-8", check.names = FALSE)
for (column in table) {
    cells <- if (is.numeric(column)) sprintf("%.17g", column) else gsub("\\n", "\\\\n", column, fixed = TRUE)
    cat(class(column), cells, sep = "\\t")
    cat("\\n")
}
"""


def by_r(path: str, header: bool, dtypes: list[np.dtype]) -> list[Column]:
    found = []
    for line in run(["Rscript", "--vanilla", "-e", R, path, "header" if header else "none"]).splitlines():
        kind, *cells = line.split("\t")
        if kind == "numeric":
            found.append(Column("float", [math.nan if cell == "NA" else float(cell) for cell in cells]))
        elif kind == "integer":
            found.append(Column("int", [None if cell == "NA" else int(cell) for cell in cells]))
        else:
            found.append(Column("text", ["" if cell == "NA" else cell.replace("\\n", "\n") for cell in cells]))
    return found


def by_genfromtxt(path: str, header: bool, dtypes: list[np.dtype]) -> list[Column]:
    table = np.genfromtxt(path, delimiter=",", dtype=None, skip_header=int(header), encoding="utf-8")
    if table.dtype.names:
        columns = [table[name] for name in table.dtype.names]
    else:
        columns = [table[:, k] for k in range(table.shape[1])]
    found = [Column(of_numpy(column.dtype), column.tolist()) for column in columns]
    return [*found[:-1], Column("text", [""] * len(table))]


READERS = {
    "pandas": Reader(by_pandas, kinds={"m": "float"}),
    "polars": Reader(by_polars),
    "DuckDB": Reader(by_duckdb),
    "Miller": Reader(by_miller, kinds={"M": "text"}),
    "SQLite": Reader(by_sqlite, kinds={"M": "text"}, is_exact=False),
    "R": Reader(by_r, kinds={"M": "text"}, is_exact=False, integer_bits=32),
    "genfromtxt": Reader(by_genfromtxt, only="biuf"),
}


def run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, timeout=DEADLINE, check=False)
    expect(done.returncode == 0 and not done.stderr, f"{command}: {done.returncode}, {done.stderr.decode()}")
    return done.stdout.decode()


def filled(dtype: np.dtype, count: int) -> np.ndarray:
    """Items with what is special of each type, and otherwise ordinary ones."""
    array = np.zeros(count, dtype)
    for number, leaf in enumerate(plain(array)):
        places = (np.arange(leaf.size) + 5 * number).reshape(leaf.shape)
        kind = leaf.dtype.kind
        if kind in "SU":
            words = np.array(WORDS)[places % len(WORDS)]
            leaf[...] = np.char.encode(words, "utf-8") if kind == "S" else words
        elif kind in "mM":
            start = np.datetime64("1999-12-31T23:59:59") if kind == "M" else np.timedelta64(-5, "s")
            leaf[...] = start + places * np.timedelta64(86_399, "s")
            leaf[places % 5 == 0] = "NaT"
        elif kind in "iu":
            # More than SQLite, Miller and R hold is not asked of them.
            limits = np.iinfo(leaf.dtype)
            special = [0, 1, max(limits.min, -(2**53)), min(limits.max, 2**53)]
            leaf[...] = np.array(special)[places % 4]
        elif kind in "fc":
            limits = np.finfo(leaf.dtype)
            special = [1.0, np.nan, 0.1, np.inf, -0.0, -np.inf, 1e-7, 12345.0, limits.max, -1.5, 0.25]
            leaf.real[...] = np.array(special)[places % len(special)]
            # DuckDB takes a column that begins with an infinity for dates.
            leaf.real[:1] = 1.0
            if kind == "c":
                leaf.imag[...] = np.array(special)[places % 7]
        else:
            leaf[...] = places % 3 == 0
    return array


def plain(array: np.ndarray) -> list[np.ndarray]:
    """The plain arrays that make up an array."""
    if array.dtype.names is None:
        return [array]
    return [leaf for name in array.dtype.names for leaf in plain(array[name])]


def checked(name: str) -> Case:
    """A reader has the values and the types of arrays of each type, of tables, and of records."""

    def case(session: Session) -> None:
        reader = READERS[name]
        tables = ["<f8", ">i4", "?", "S8", "<U8", "<M8[s]"]
        arrays = [(np.dtype(code), (ROWS,)) for code in TYPES] + [(np.dtype(code), (8, 3)) for code in tables]
        for dtype, shape in [*arrays, (ALL_TYPES, (ROWS,)), (NUMBERS, (ROWS,))]:
            if all(leaf.kind in reader.only for _, leaf in leaves(dtype)):
                raw = RawArray(dtype, shape)
                with mounted_twin(session, raw, "r", filled(dtype, math.prod(shape)).tobytes()) as (mount, twin):
                    session.note(f"{name} reads csv/data.csv")
                    check(reader, mount.path("csv/data.csv"), twin.array)

    return case


def check(reader: Reader, path: str, array: np.ndarray) -> None:
    columns = leaves(array.dtype) * (array.shape[1] if array.ndim == 2 else 1)
    found = reader.read(path, array.dtype.names is not None, [dtype for _, dtype in columns])
    same("columns", len(columns) + 1, len(found))
    expect(all(not str(value or "").strip() or value != value for value in found[-1].values), f"the last: {found[-1]}")
    rows = [[v for item in np.atleast_1d(row) for v in values(np.asarray(item))] for row in array]
    for k, (column, (name, dtype)) in enumerate(zip(found[:-1], columns, strict=True)):
        expected = [row[k].astype(dtype.newbyteorder("=")) for row in rows]
        kind = (KINDS | reader.kinds)[dtype.kind]
        if (
            kind == "int"
            and dtype.kind in "iu"
            and any(abs(int(v)) >= 2 ** (reader.integer_bits - 1) for v in expected)
        ):
            kind = "float"
        same(f"the type of {name or k}, {dtype}, values {column.values}", kind, column.kind)
        same("rows", len(expected), len(column.values))
        for value, cell in zip(expected, column.values, strict=True):
            expect(is_same(value, cell, reader.is_exact), f"{name or k}, {dtype}: {cell!r} for {value!r}")


def is_same(value: np.ndarray, cell: object, is_exact: bool) -> bool:
    kind = value.dtype.kind
    if kind in "mM" and np.isnat(value):
        return cell is None or cell == "" or cell != cell
    if kind == "M":
        return np.datetime64(cell) == value
    if kind in "SU":
        text = value.item()
        return (cell or "") == (text.decode() if kind == "S" else text)
    if kind == "c":
        got = np.array(complex(cell), value.dtype)
        return bool(np.array_equal(got, value, equal_nan=True))
    if kind == "f":
        if not is_exact and np.isfinite(value):
            return math.isclose(cell, float(str(value)), rel_tol=1e-14)
        got = value.dtype.type(cell)
        return bool(got == value and np.signbit(got) == np.signbit(value) or np.isnan(got) and np.isnan(value))
    return cell == int(value.astype("i8") if kind == "m" else value)


NAMED: dict[str, Case] = {f"{name} reads every type": checked(name) for name in READERS}

if __name__ == "__main__":
    main(__doc__, NAMED)
