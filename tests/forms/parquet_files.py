"""The files in `parquet/`, as pyarrow, polars, pandas and DuckDB read them."""

import errno
import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from cases import Case, Session, main
from checks import expect, refused, same, same_bytes
from members import random_values
from table_cases import (
    ABSENT,
    LARGE,
    MOST_MEMORY,
    MOST_METADATA,
    anonymous_memory,
    archive,
    arrays,
    check_random_records,
    columns,
    places,
    record_files,
    same_values,
    sparse_table,
)
from views import has_parquet_type

GROUP_ROWS = 1 << 20
PAGE_ROWS = 1 << 17


def parts(expected: np.ndarray) -> Iterator[tuple[str, np.ndarray]] | None:
    """What a group of columns holds: an index each of an axis, a field each, or the parts of complex numbers."""
    if expected.ndim > 1:
        return ((f"c{index}", expected[:, index]) for index in range(expected.shape[1]))
    if expected.dtype.names is not None:
        return ((name, expected[name]) for name in expected.dtype.names)
    return iter([("real", expected.real), ("imag", expected.imag)]) if expected.dtype.kind == "c" else None


def type_of(dtype: np.dtype) -> pa.DataType:
    """The type of a column of numbers, times or bytes."""
    return pa.binary(dtype.itemsize) if dtype.kind in "SV" else pa.from_numpy_dtype(dtype)


def check_array(subject: str, expected: np.ndarray, got: pa.Array) -> None:
    """Compares a column with all that is in it."""
    same(f"the nulls of {subject}", 0, got.null_count)
    same(f"the rows of {subject}", len(expected), len(got))
    if (inner := parts(expected)) is not None:
        inner = list(inner)
        same(f"the columns in {subject}", [name for name, _ in inner], [field.name for field in got.type])
        for number, (name, part) in enumerate(inner):
            check_array(f"{subject}.{name}", part, got.field(number))
        return
    same(f"the type of {subject}", type_of(expected.dtype), got.type)
    if expected.dtype.kind == "b":
        same_values(subject, expected, got.to_numpy(zero_copy_only=False))
    elif len(got):
        size = expected.dtype.itemsize
        stored_bytes = got.buffers()[1].slice(got.offset * size, len(got) * size)
        same_bytes(subject, expected.tobytes(), bytes(stored_bytes))


def check_pyarrow(path: str, array: np.ndarray) -> pa.Table:
    table = pq.read_table(path)
    table.validate(full=True)
    expected = list(columns(array))
    same(f"the columns of {path}", [name for name, _ in expected], table.column_names)
    same(f"the rows of {path}", len(array), table.num_rows)
    for (name, part), column in zip(expected, table.columns, strict=True):
        check_array(f"{path}, {name}", part, column.combine_chunks())
    return table


def check_frames(path: str, array: np.ndarray) -> None:
    """Numbers and times as the frames of polars, pandas and DuckDB have them."""
    expected = list(columns(array))
    polars, pandas = pl.read_parquet(path), pd.read_parquet(path)
    same(f"the columns of {path} by polars", [name for name, _ in expected], polars.columns)
    plain = {name: part for name, part in expected if part.ndim == 1 and part.dtype.kind in "biufM"}
    for name, part in plain.items():
        same_values(f"{path}, {name} by polars", part, polars[name].to_numpy())
        same_values(f"{path}, {name} by pandas", part, pandas[name].to_numpy())
    # DuckDB has times in microseconds, which random ones exceed.
    plain = {name: part for name, part in plain.items() if part.dtype.kind != "M"}
    if plain:
        found = duckdb.sql(f"select {', '.join(plain)} from '{path}'").fetchnumpy()
        for name, part in plain.items():
            same_values(f"{path}, {name} by DuckDB", part, np.ma.getdata(found[name]))


def every_type_and_shape(session: Session) -> None:
    """Members of an archive, in both orders: as they are and transposed."""
    made = {name: array for name, array in arrays(session).items() if has_parquet_type(array.dtype)}
    same("the types", 21, len({array.dtype for array in made.values()}))
    file = archive(session, "types", made)
    with session.mount(file, ["--mode", "r"]) as mount:
        for place, array in places(made):
            path = session.subject = mount.path(f"{place}parquet/data.parquet")
            check_pyarrow(path, array)
            check_frames(path, array)


def records(session: Session) -> None:
    """Fields of every kind, as a table of one axis and of two, at any offset; fields of a field."""
    for file, options, array in record_files(session):
        with session.mount(file, options) as mount:
            path = mount.path("parquet/data.parquet")
            check_pyarrow(path, array)
            check_pyarrow(mount.path("fields/s/parquet/data.parquet"), array["s"])
            if array.shape == (9,):
                check_pyarrow(mount.path("fields/v/T/parquet/data.parquet"), array["v"].T)
                check_frames(path, array)
                nested = duckdb.sql(f"select m.c2.c1, s.c.c1.c0.d, z.imag from '{path}'").fetchnumpy()
                wanted = [array["m"][:, 2, 1], array["s"]["c"][:, 1, 0]["d"], array["z"].imag]
                for expected, got in zip(wanted, nested.values(), strict=True):
                    same_values("what is nested", expected, np.ma.getdata(got))


def random_records(session: Session) -> None:
    """Structures of any fields, with gaps and in any order: the file is there if Parquet has all types of them."""
    check_random_records(session, "parquet/data.parquet", has_parquet_type, check_pyarrow)


def where_there_are_none(session: Session) -> None:
    """No file of other numbers of axes, of too many columns, and of types that Parquet lacks."""
    cases = [("f8", (), False), ("f8", (2, 3, 4), False), ("f8", (3, 0), False), ("u1", (2, 4097), False)]
    cases += [("?", (2, 4096), True), ("f8", (0, 3), True), ("c8", (2, 2049), False), ("c8", (2, 2048), True)]
    cases += [("(0,)i2,f4", (3,), False), ("bfloat16", (3,), False), *((code, (3,), False) for code in ABSENT)]
    cases += [("M8[s]", (3,), False), ("m8[ns]", (3,), False)]
    file = session.directory / "array.bin"
    for code, shape, exists in cases:
        size = 2 if code == "bfloat16" else np.dtype(code).itemsize
        file.write_bytes(session.rng.bytes(max(1, int(np.prod(shape))) * size))
        session.subject = f"{code} {shape}"
        with session.mount(file, [f"--dtype={code}", f"--shape={shape}"]) as mount:
            same(f"whether there is parquet/ of {code} {shape}", exists, "parquet" in os.listdir(mount.point))
            native = mount.path("native/parquet/data.parquet")
            has_native = code.startswith(">") and has_parquet_type(np.dtype(code).newbyteorder("="))
            same(f"whether there is native/parquet/ of {code}", has_native, os.path.exists(native))
            if has_native:
                array = np.frombuffer(file.read_bytes(), code)
                check_pyarrow(native, array.astype(array.dtype.newbyteorder("=")))
            if code == "bfloat16":
                singles = (np.frombuffer(file.read_bytes(), "u2").astype("u4") << 16).view("f4")
                check_pyarrow(mount.path("float32/parquet/data.parquet"), singles)


def row_groups(session: Session) -> None:
    """Tables that end at the edge of a page and of a row group, and beside it."""
    edges = [PAGE_ROWS - 1, PAGE_ROWS, PAGE_ROWS + 1, GROUP_ROWS, 2 * GROUP_ROWS + PAGE_ROWS + 3]
    dtype = np.dtype([("b", "?"), ("i", "<i2"), ("x", "<f4")])
    content = random_values(session.rng, np.zeros(edges[-1], dtype))
    for rows in edges:
        array, file = content[:rows], session.directory / "array.npy"
        np.save(file, array)
        session.subject = f"{rows} rows"
        with session.mount(file, ["--mode", "r"]) as mount:
            path = mount.path("parquet/data.parquet")
            check_pyarrow(path, array)
            metadata = pq.read_metadata(path)
            sizes = [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)]
            same("the rows of the row groups", [GROUP_ROWS] * (rows // GROUP_ROWS), sizes[: rows // GROUP_ROWS])
            # In pieces of any size, the file is what it is as a whole.
            whole = Path(path).read_bytes()
            with open(path, "rb", buffering=0) as opened:
                for _ in range(50):
                    at, size = int(session.rng.integers(len(whole))), int(session.rng.integers(1, 100_000))
                    same_bytes("a piece", whole[at : at + size], os.pread(opened.fileno(), size, at), at)


def one_file(session: Session) -> None:
    """The directory holds one file, which cannot be written; what is written to the array is in it, also if mapped."""
    dtype = np.dtype([("b", "?"), ("i", "<i2"), ("x", "<f4")])
    array = random_values(session.rng, np.zeros(5000, dtype))
    file = session.directory / "array.npy"
    np.save(file, array)
    with session.mount(file, ["--mode", "r+"]) as mount:
        same("the entries", ["data.parquet"], os.listdir(mount.path("parquet")))
        for absent in ["rows", "axes", "slices", "T", "data", "meta.json", "slices/0.parquet", "rows/0.parquet"]:
            with refused(absent, errno.ENOENT):
                os.stat(mount.path(f"parquet/{absent}"))
        path = mount.path("parquet/data.parquet")
        same("the mode", 0o444, os.stat(path).st_mode & 0o777)
        for change in [lambda: open(path, "r+b"), lambda: os.truncate(path, 0)]:
            with refused("a write", errno.EACCES):
                change()
        mapped = np.memmap(path, mode="r")
        for name in dtype.names:
            for row in (0, 7, 4999):
                before = mapped.tobytes()
                array[name][row] = not array[name][row] if name == "b" else array[name][row] + 1
                Path(mount.path(f"fields/{name}/rows/{row}")).write_bytes(array[name][row].tobytes())
                after = mapped.tobytes()
                expect(before != after, f"what is mapped has not changed with {name} of row {row}")
                same_bytes("what is mapped", Path(path).read_bytes(), after)
        check_pyarrow(path, array)
        del mapped


def large_files(session: Session) -> None:
    """Sparse arrays of 100 GB, of many rows and of many columns: the last rows, in little memory."""
    for dtype, shape in LARGE:
        file, options, rows = sparse_table(session, dtype, shape)
        with session.mount(file, options) as mount:
            path = mount.path("parquet/data.parquet")
            with pq.ParquetFile(path) as opened:
                metadata = opened.metadata
                same("the rows", shape[0], metadata.num_rows)
                expect(metadata.serialized_size < MOST_METADATA, f"a footer of {metadata.serialized_size} bytes")
                names = [name for name, part in columns(rows) if part.ndim == 1]
                names = names[:: 1 + len(names) // 4]
                last = opened.read_row_group(metadata.num_row_groups - 1, names)
            expected = dict(columns(rows))
            for name in names:
                got = last[name].slice(last.num_rows - 2).to_pylist()
                same_values(f"{path}, {name}", expected[name], np.array(got, expected[name].dtype))
            duckdb.sql("set memory_limit = '500MB'")
            same("the rows by DuckDB", [(shape[0],)], duckdb.sql(f"select count(*) from '{path}'").fetchall())
            some = f"from (select {names[0]} from '{path}' limit {min(shape[0] - 1, 2_000_000)})"
            same("a sum by DuckDB", [(0,)], duckdb.sql(f"select sum({names[0]}) {some}").fetchall())
            memory = anonymous_memory(mount)
            expect(memory < MOST_MEMORY, f"the daemon has {memory} KiB of memory of its own")


CASES: dict[str, Case] = {
    "every type and shape": every_type_and_shape,
    "records": records,
    "random records": random_records,
    "where there are none": where_there_are_none,
    "row groups": row_groups,
    "one file": one_file,
    "large files": large_files,
}

if __name__ == "__main__":
    warnings.simplefilter("error")
    main(__doc__, CASES)
