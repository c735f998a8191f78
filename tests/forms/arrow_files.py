"""The files in `arrow/`, as pyarrow, polars, pandas and DuckDB read them."""

import errno
import os
import warnings
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa

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
from views import has_arrow_type


def opened(path: str) -> pa.Table:
    """The table, whose columns stay where they are."""
    before = pa.total_allocated_bytes()
    with pa.memory_map(path) as source, pa.ipc.open_file(source) as reader:
        table = reader.read_all()
    same("the bytes that pyarrow allocates", before, pa.total_allocated_bytes())
    table.validate(full=True)
    return table


def type_of(dtype: np.dtype) -> pa.DataType:
    """The type of a column of numbers, times or bytes."""
    if dtype.kind in "SV":
        return pa.binary(dtype.itemsize)
    return pa.int8() if dtype.kind == "b" else pa.from_numpy_dtype(dtype)


def check_array(subject: str, expected: np.ndarray, got: pa.Array) -> None:
    """Compares an array with all its parts: the first axis is that of the rows."""
    expected = np.ascontiguousarray(expected)
    extension = None
    if isinstance(got, pa.ExtensionArray):
        extension = got.type.extension_name
        got = got.storage
    same(f"the nulls of {subject}", 0, got.null_count)
    same(f"the rows of {subject}", len(expected), len(got))
    if expected.dtype.kind == "c":
        expected = expected[..., None].view(expected.real.dtype)
    if expected.ndim > 1:
        axes = expected.ndim if expected.dtype.kind in "iuf" else 2
        size = int(np.prod(expected.shape[1:axes]))
        same(f"the size of the lists of {subject}", size, got.type.list_size)
        same(f"the extension of {subject}", "arrow.fixed_shape_tensor" if axes > 2 else None, extension)
        check_array(f"{subject}, items", expected.reshape(-1, *expected.shape[axes:]), got.values)
    elif expected.dtype.names is not None:
        same(f"the fields of {subject}", list(expected.dtype.names), [field.name for field in got.type])
        for number, name in enumerate(expected.dtype.names):
            check_array(f"{subject}.{name}", expected[name], got.field(number))
    else:
        same(f"the extension of {subject}", "arrow.bool8" if expected.dtype.kind == "b" else None, extension)
        same(f"the type of {subject}", type_of(expected.dtype), got.type)
        # A library's own values of bytes, times and truth would hide some bits.
        size = expected.dtype.itemsize
        stored_bytes = got.buffers()[1].slice(got.offset * size, len(got) * size) if len(got) else b""
        same_bytes(subject, expected.tobytes(), bytes(stored_bytes))


def check_pyarrow(path: str, array: np.ndarray) -> pa.Table:
    table = opened(path)
    expected = list(columns(array))
    same(f"the columns of {path}", [name for name, _ in expected], table.column_names)
    same(f"the rows of {path}", len(array), table.num_rows)
    for (name, part), column in zip(expected, table.columns, strict=True):
        check_array(f"{path}, {name}", part, column.combine_chunks())
    return table


def check_frames(path: str, array: np.ndarray, table: pa.Table) -> None:
    """Numbers and times as the frames of polars, pandas and DuckDB have them."""
    polars, pandas = pl.read_ipc(path), pd.read_feather(path)
    same(f"the columns of {path} by polars", table.column_names, polars.columns)
    plain = {name: part for name, part in columns(array) if part.ndim == 1 and part.dtype.kind in "iufM"}
    for name, part in plain.items():
        if part.dtype.kind != "M" or np.datetime_data(part.dtype)[0] != "s":  # Which polars lacks.
            same_values(f"{path}, {name} by polars", part, polars[name].to_numpy())
        same_values(f"{path}, {name} by pandas", part, pandas[name].to_numpy())
    # DuckDB refuses half floats, and has times in microseconds.
    plain = {name: part for name, part in plain.items() if part.dtype != "f2" and part.dtype.kind != "M"}
    if plain:
        found = duckdb.from_arrow(table.select(list(plain))).fetchnumpy()
        for name, part in plain.items():
            same_values(f"{path}, {name} by DuckDB", part, np.ma.getdata(found[name]))


def every_type_and_shape(session: Session) -> None:
    """Members of an archive, in both orders: as they are and transposed."""
    made = arrays(session)
    file = archive(session, "types", made)
    with session.mount(file, ["--mode", "r"]) as mount:
        for place, array in places(made):
            path = session.subject = mount.path(f"{place}arrow/data.arrow")
            table = check_pyarrow(path, array)
            check_frames(path, array, table)
            del table


def records(session: Session) -> None:
    """Fields of every kind, as a table of one axis and of two, at any offset; fields of a field."""
    for file, options, array in record_files(session):
        with session.mount(file, options) as mount:
            table = check_pyarrow(mount.path("arrow/data.arrow"), array)
            check_pyarrow(mount.path("fields/s/arrow/data.arrow"), array["s"])
            check_pyarrow(mount.path("fields/s/fields/a/arrow/data.arrow"), array["s"]["a"])
            if array.shape == (9,):
                check_pyarrow(mount.path("fields/v/T/arrow/data.arrow"), array["v"].T)
                check_frames(mount.path("arrow/data.arrow"), array, table)
            del table


def random_records(session: Session) -> None:
    """Structures of any fields, with gaps and in any order: the file is there if Arrow has all types of them."""
    check_random_records(session, "arrow/data.arrow", has_arrow_type, check_pyarrow)


def where_there_are_none(session: Session) -> None:
    """No file of other numbers of axes, of too many columns, and of types that Arrow lacks."""
    cases = [("f8", (), False), ("f8", (2, 3, 4), False), ("f8", (3, 0), False), ("u1", (2, 4097), False)]
    cases += [("u1", (2, 4096), True), ("f8", (0, 3), True), ("i2,f4", (2, 2049), False), ("i2,f4", (2, 2048), True)]
    cases += [("(0,)i2,f4", (3,), False), ("bfloat16", (3,), False), *((code, (3,), False) for code in ABSENT)]
    file = session.directory / "array.bin"
    for code, shape, exists in cases:
        size = 2 if code == "bfloat16" else np.dtype(code).itemsize
        file.write_bytes(session.rng.bytes(max(1, int(np.prod(shape))) * size))
        session.subject = f"{code} {shape}"
        with session.mount(file, [f"--dtype={code}", f"--shape={shape}"]) as mount:
            same(f"whether there is arrow/ of {code} {shape}", exists, "arrow" in os.listdir(mount.point))
            same(f"whether arrow/ of {code} {shape} is found", exists, os.path.exists(mount.path("arrow")))
            native = mount.path("native/arrow/data.arrow")
            has_native = code.startswith(">") and has_arrow_type(np.dtype(code).newbyteorder("="))
            same(f"whether there is native/arrow/ of {code}", has_native, os.path.exists(native))
            if has_native:
                array = np.frombuffer(file.read_bytes(), code)
                check_pyarrow(native, array.astype(array.dtype.newbyteorder("=")))
            if code == "bfloat16":
                singles = (np.frombuffer(file.read_bytes(), "u2").astype("u4") << 16).view("f4")
                check_pyarrow(mount.path("float32/arrow/data.arrow"), singles)


def one_file(session: Session) -> None:
    """The directory holds one file, which cannot be written; a write through the array is at once in what is mapped."""
    array = random_values(session.rng, np.zeros((600, 4), "f4"))
    file = session.directory / "array.bin"
    file.write_bytes(array.tobytes())
    with session.mount(file, ["--dtype=f4", "--shape=600,4", "--mode", "r+"]) as mount:
        same("the entries", ["data.arrow"], os.listdir(mount.path("arrow")))
        for absent in ["rows", "cols", "axes", "slices", "T", "data", "meta.json", "slices/0.arrow", "rows/0.arrow"]:
            with refused(absent, errno.ENOENT):
                os.stat(mount.path(f"arrow/{absent}"))
        path = mount.path("arrow/data.arrow")
        same("the mode", 0o444, os.stat(path).st_mode & 0o777)
        for change in [lambda: open(path, "r+b"), lambda: os.truncate(path, 0)]:
            with refused("a write", errno.EACCES):
                change()
        table = check_pyarrow(path, array)
        Path(mount.path("rows/599")).write_bytes(array[3].tobytes())
        array[599] = array[3]
        same_values("what is mapped", array[:, 2], table["c2"].chunk(0).to_numpy())
        del table
        check_pyarrow(path, array)


def large_files(session: Session) -> None:
    """Sparse arrays of 100 GB, of many rows and of many columns: the last rows, in little memory."""
    for dtype, shape in LARGE:
        file, options, rows = sparse_table(session, dtype, shape)
        with session.mount(file, options) as mount:
            path = mount.path("arrow/data.arrow")
            extra = os.stat(path).st_size - file.stat().st_size
            expect(0 < extra < MOST_METADATA, f"{path} has {extra} bytes beside the data")
            with pa.memory_map(path) as source:
                batch = pa.ipc.open_file(source).get_batch(0)
            same("the rows", shape[0], batch.num_rows)
            tail = batch.slice(shape[0] - 2)
            some = [*zip(columns(rows), tail.columns, strict=True)][:: 1 + len(tail.columns) // 4]
            for (name, part), column in some:
                if part.ndim == 1:
                    same_values(f"{path}, {name}", part, np.array(column.to_pylist(), part.dtype))
            del batch, tail, column, some
            memory = anonymous_memory(mount)
            expect(memory < MOST_MEMORY, f"the daemon has {memory} KiB of memory of its own")


CASES: dict[str, Case] = {
    "every type and shape": every_type_and_shape,
    "records": records,
    "random records": random_records,
    "where there are none": where_there_are_none,
    "one file": one_file,
    "large files": large_files,
}

if __name__ == "__main__":
    warnings.simplefilter("error")
    main(__doc__, CASES)
