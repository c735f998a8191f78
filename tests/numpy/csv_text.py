"""Reads the files in `csv/` with NumPy, Python, awk and DuckDB, and compares what they find with the array, exactly."""

import errno
import importlib.util
import math
import os
import subprocess
import time

import numpy as np

from arrays import CODES, RawArray, pick, random_structure
from cases import Case, Session, main
from checks import expect, refused, same, same_bytes
from mounting import DEADLINE, Mount
from text_judge import check_readers, check_table, leaves, values
from tree import check_text
from twins import mounted_twin
from views import Place, Table, has_text, places

ODD_SHAPES = [(1,), (0,), (1, 4), (4, 0), (0, 4), (3, 4, 5)]

FORMS = ["unpadded", "padded"]

READ_ONLY = ["csv/data.csv", "csv/rows/1.csv", "csv/slices/1:3.csv", "T/csv/cols/0.csv"]

NUMBERS = np.dtype([("id", "<i8"), ("v", ">f4", (2, 2)), ("in", [("ok", "?"), ("z", "<c16")]), ("t", "<M8[ms]")])
WORDS = np.dtype([("id", "<u2"), ("name", "S6"), ('a "b", c', "<U5"), ("raw", "V3"), ("x", "<f8")])
PLAIN_NUMBERS = np.dtype([("a", "<f8"), ("b", "<i8"), ("in", [("c", "<f4"), ("d", "u1", (3,))])])


def meaningful(session: Session, dtype: np.dtype, count: int) -> np.ndarray:
    """Items that every reader can have read back: text of sound characters, times that NumPy can show."""
    rng = session.rng
    array = np.ndarray((count,), dtype, bytearray(rng.bytes(count * dtype.itemsize)))
    for leaf in fields_of(array):
        fill(rng, leaf)
    return array


def fields_of(array: np.ndarray) -> list[np.ndarray]:
    """The plain arrays that make up an array."""
    if array.dtype.names is None:
        return [array]
    return [leaf for name in array.dtype.names for leaf in fields_of(array[name])]


def fill(rng: np.random.Generator, array: np.ndarray) -> None:
    kind = array.dtype.kind
    words = ["", "a", "b,c", 'say "x"', "two\nlines", " blank ", "naïve", "\U0001f600", "-1"]
    words += ["nan", "\r", '"', "x" * 9]
    if kind in "SU":
        chosen = [pick(rng, words)[: max(array.dtype.itemsize // 4, 1)] for _ in range(array.size)]
        array[...] = np.array([w.encode() if kind == "S" else w for w in chosen], array.dtype).reshape(array.shape)
    elif kind == "b":
        array[...] = rng.integers(2, size=array.shape)
    elif kind in "mM":
        array.view(array.dtype.byteorder + "i8")[...] = rng.integers(-(10**9), 10**9, size=array.shape)
        array[rng.random(array.shape) < 0.1] = "NaT"
    elif kind in "fc":
        part = np.finfo(array.dtype).dtype.itemsize
        scale = {2: 4, 4: 30, 8: 300}[part]
        for each in (array.real, array.imag) if kind == "c" else (array,):
            each[...] = rng.normal(size=array.shape) * 10.0 ** rng.integers(-scale, scale + 1, size=array.shape)
            limits = np.finfo(array.dtype)
            special = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, 0.1, limits.tiny, limits.max]
            some = rng.random(array.shape) < 0.3
            each[some] = rng.choice(special, size=array.shape)[some]


def tables(tree: list[Place]) -> list[Table]:
    return [table for place in tree for table in place.tables()]


def checked(dtype: np.dtype) -> Case:
    """The files of an array with no axis, with one, with two, and of one with odd lengths, in either order."""

    def case(session: Session) -> None:
        for shape in ((), (17,), (5, 6), pick(session.rng, ODD_SHAPES)):
            order = pick(session.rng, "CF")
            raw = RawArray(dtype, shape, order, offset=int(session.rng.integers(9)))
            items = meaningful(session, dtype, math.prod(shape))
            content = bytes(raw.offset) + items.tobytes()
            mode, form = pick(session.rng, ["r+", "c"]), pick(session.rng, FORMS)
            with mounted_twin(session, raw, mode, content, (f"--csv={form}",)) as (mount, twin):
                all_tables = tables(places(twin.array))
                chosen = session.rng.permutation(len(all_tables))[:12]
                whole = [table for table in all_tables if table.path in ("csv/data.csv", "T/csv/data.csv")]
                for table in [*whole, *(all_tables[index] for index in chosen)]:
                    check_text(session, mount, table, "r+", form)
                    text = read(mount, table)
                    check_readers(table.array, text.decode("utf-8", "surrogateescape"), form)
                    check_other_readers(session, mount, table, form)

    return case


def read(mount: Mount, table: Table) -> bytes:
    with open(mount.path(table.path), "rb") as file:
        return file.read()


def check_other_readers(session: Session, mount: Mount, table: Table, form: str) -> None:
    if table.array.size == 0:
        return
    kinds = {dtype.kind for _, dtype in leaves(table.array.dtype)}
    if kinds <= set("biu") or kinds <= set("bf"):
        check_awk(session, mount, table, form)


def check_awk(session: Session, mount: Mount, table: Table, form: str) -> None:
    """awk finds as many lines and columns, and prints what is read back as the same numbers."""
    session.note(f"awk {table.path}")
    end = {"unpadded": "NF - 1", "padded": "NF"}[form]
    program = f"NR > skipped {{ for (k = 1; k <= {end}; k++) print $k }}"
    skipped = 1 if table.array.dtype.names else 0
    command = ["awk", "-F,", "-v", f"skipped={skipped}", program, mount.path(table.path)]
    done = subprocess.run(command, capture_output=True, timeout=DEADLINE, check=True)
    cells = done.stdout.decode().splitlines()
    items = [value for index in np.ndindex(table.array.shape) for value in values(table.array[index + (...,)])]
    same(f"cells that awk finds in {table.path}", len(items), len(cells))
    for cell, value in zip(cells, items, strict=True):
        native = value.astype(value.dtype.newbyteorder("="))[()]
        got = native.dtype.type(int(cell) if value.dtype.kind in "biu" else float(cell))
        expect(got == native or got != got and native != native, f"{table.path}: awk reads {cell!r} for {native!r}")


def duckdb_reads(session: Session) -> None:
    """DuckDB finds the columns under their names, the types, and the exact values."""
    expect(importlib.util.find_spec("duckdb") is not None, "duckdb is missing: pip install duckdb")
    import duckdb

    connection = duckdb.connect()
    dtypes = [PLAIN_NUMBERS, WORDS, *(np.dtype(code) for code in ("<i8", ">f8", "<f4", "<u4", "<M8[us]", "S8", "<U6"))]
    for dtype in dtypes:
        shapes = [(40,)] if dtype.names else [(40,), (12, 5)]
        for shape in shapes:
            raw = RawArray(dtype, shape, pick(session.rng, "CF"))
            items = duckdb_items(session, dtype, math.prod(shape))
            with mounted_twin(session, raw, "r+", items.tobytes()) as (mount, twin):
                check_duckdb(session, connection, mount, Table("csv/data.csv", twin.array, ""))


def duckdb_items(session: Session, dtype: np.dtype, count: int) -> np.ndarray:
    """Items that DuckDB can tell: it has no text but UTF-8, and takes a lone empty cell for nothing."""
    items = meaningful(session, dtype, count)
    for leaf in fields_of(items):
        if leaf.dtype.kind in "SU":
            chosen = [pick(session.rng, ["a", "b,c", "x\ny", 'q"q', "ab"]) for _ in range(leaf.size)]
            leaf[...] = np.array(chosen, leaf.dtype).reshape(leaf.shape)
        elif leaf.dtype.kind == "f":
            leaf[~np.isfinite(leaf)] = 0.5
        elif leaf.dtype.kind == "M":
            leaf[np.isnat(leaf)] = 0
    return items


def check_duckdb(session: Session, connection: object, mount: Mount, table: Table) -> None:
    session.note(f"duckdb {table.path}")
    columns = leaves(table.array.dtype)
    header = bool(table.array.dtype.names)
    if not header:
        count = table.array.shape[1] if table.array.ndim == 2 else 1
        columns = [(f"c{k}", table.array.dtype) for k in range(count)]
    names = [name for name, _ in columns]
    types = {name: duckdb_type(dtype) for name, dtype in columns} | {"_": "VARCHAR"}
    written = ", ".join(f"'{name}': '{kind}'" for name, kind in types.items())
    form = f"header={str(header).lower()}, delim=',', quote='\"', escape='\"', columns={{{written}}}"
    got = connection.execute(f"SELECT * FROM read_csv(?, {form})", [mount.path(table.path)]).fetchall()
    rows = table.array.reshape(len(table.array), -1) if not header else table.array.reshape(-1, 1)
    same(f"rows that DuckDB finds in {table.path}", len(rows), len(got))
    for row, record in zip(rows, got, strict=True):
        cells = [value for k in range(len(row)) for value in values(row[k, ...])]
        for name, value, cell in zip(names, cells, record[:-1], strict=True):
            native = value.astype(value.dtype.newbyteorder("="))
            expected = native.tobytes().hex() if value.dtype.kind == "V" else native.item()
            expected = expected.decode() if isinstance(expected, bytes) else expected
            cell = type(native[()])(cell).item() if value.dtype.kind == "f" else cell
            same(f"{name} that DuckDB reads in {table.path}", expected, cell)
    if header:
        sniffed = connection.execute("SELECT * FROM read_csv(?)", [mount.path(table.path)])
        found = [column[0] for column in sniffed.description]
        same("the names that DuckDB finds by itself", [*names, "_"], found)
        same("the rows that DuckDB finds by itself", len(rows), len(sniffed.fetchall()))


def duckdb_type(dtype: np.dtype) -> str:
    bits = 8 * dtype.itemsize
    if dtype.kind in "iu":
        return ("U" if dtype.kind == "u" else "") + {8: "TINYINT", 16: "SMALLINT", 32: "INTEGER", 64: "BIGINT"}[bits]
    return {"f": "FLOAT" if bits == 32 else "DOUBLE", "M": "TIMESTAMP"}.get(dtype.kind, "VARCHAR")


def write_refused(session: Session) -> None:
    """No user can open to write, or truncate, what cannot be written: not the one who may everything either."""
    raw = RawArray(np.dtype("<f8"), (4, 5))
    for mode, number in (("r+", errno.EACCES), ("c", errno.EACCES), ("r", errno.EROFS)):
        with mounted_twin(session, raw, mode) as (mount, twin):
            for name in (*READ_ONLY, "meta.json", "README.txt", "index.html"):
                for flags in (os.O_WRONLY, os.O_RDWR, os.O_WRONLY | os.O_TRUNC, os.O_WRONLY | os.O_APPEND):
                    with refused(f"open {name}, flags {flags:#o}, mode {mode}", number):
                        os.open(mount.path(name), flags)
                for size in (0, 7, os.stat(mount.path(name)).st_size):
                    with refused(f"truncate {name} to {size}, mode {mode}", number):
                        os.truncate(mount.path(name), size)


def written_array(session: Session) -> None:
    """An open file shows what is written to the array, in lines of the same length."""
    raw = RawArray(np.dtype("<f8"), (30, 4), "F")
    with mounted_twin(session, raw, "r+") as (mount, twin):
        with open(mount.path("csv/data.csv"), "rb", buffering=0) as file:
            for _ in range(20):
                row = twin.view(f"rows/{session.rng.integers(30)}")
                data = meaningful(session, raw.dtype, 4).tobytes()
                with open(mount.path(row.path), "r+b", buffering=0) as written:
                    same("written", twin.write(row, 0, data), written.write(data))
                text = os.pread(file.fileno(), 1 << 20, 0)
                check_table(twin.array, text.decode(), os.fstat(file.fileno()).st_size)


def huge(session: Session) -> None:
    """The size of the text of 8 GB is known at once, and so is its end."""
    count = 1_000_000_000
    file = session.directory / "huge.bin"
    with file.open("wb") as sparse:
        sparse.seek(8 * count - 80)
        sparse.write(np.arange(10.0).tobytes())
    session.subject = f"{count} float64, the last ten are 0.0 to 9.0"
    start = time.monotonic()
    with session.mount(file, ["--dtype=f8", "--mode=r"]) as mount:
        path = mount.path("csv/data.csv")
        line = os.stat(path).st_size // count
        same("the size", line * count, os.stat(path).st_size)
        done = subprocess.run(["tail", "-n", "10", path], capture_output=True, timeout=DEADLINE, check=True)
        same("the end", [f"{k}.0" for k in range(10)], done.stdout.decode().replace(",", " ").split())
        with open(path, "rb", buffering=0) as text:
            same_bytes(
                "the middle",
                (b"0.0,".ljust(line - 1) + b"\n") * 3,
                os.pread(text.fileno(), 3 * line, line * 123_456_789),
            )
        with open(mount.path("csv/slices/::500000000.csv"), "rb") as text:
            same("two lines", ["0.0,", "0.0,"], text.read().decode().split())
    expect(time.monotonic() - start < 10, "it took more than 10 s")


def unknown_types(session: Session) -> None:
    """What has no exact text in other programs has no `csv`."""
    for dtype in ("g", "G", [("x", "f4"), ("y", "g", (2,))]):
        raw = RawArray(np.dtype(dtype), (3, 4))
        with mounted_twin(session, raw, "r+") as (mount, _):
            expect("csv" not in os.listdir(mount.point), f"{dtype} has csv/")
            with refused("csv/data.csv", errno.ENOENT):
                os.stat(mount.path("csv/data.csv"))
            same("x has csv", raw.dtype.names is not None, os.path.isdir(mount.path("fields/x/csv")))


def random_case(session: Session) -> None:
    dtype = random_structure(session.rng)
    while not has_text(dtype) or dtype.itemsize > 200 or any(d.str[1:] == "M8" for _, d in leaves(dtype)):
        dtype = random_structure(session.rng)
    raw = RawArray(dtype, (7,), offset=3)
    items = session.rng.bytes(raw.nbytes)
    with mounted_twin(session, raw, "r+", bytes(3) + items) as (mount, twin):
        all_tables = tables(places(twin.array))
        for _ in range(10):
            check_text(session, mount, pick(session.rng, all_tables), "r+")


_MARKED = (np.dtype(code).newbyteorder("<>"[k % 2]) for k, code in enumerate(CODES))
NAMED: dict[str, Case] = {
    f"reads {dtype.str}": checked(dtype) for dtype in _MARKED if has_text(dtype) and dtype.str[1:] != "M8"
}
NAMED |= {
    "reads >i8": checked(np.dtype(">i8")),
    "reads >f8": checked(np.dtype(">f8")),
    "reads numbers": checked(NUMBERS),
    "reads plain numbers": checked(PLAIN_NUMBERS),
    "reads words": checked(WORDS),
    "DuckDB": duckdb_reads,
    "write refused": write_refused,
    "written array": written_array,
    "huge": huge,
    "unknown types": unknown_types,
}

if __name__ == "__main__":
    main(__doc__, NAMED, random_case, count=15)
