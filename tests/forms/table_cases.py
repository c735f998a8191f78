"""Arrays that `arrow/` and `parquet/` have to show as tables, and the columns that these have to have."""

import ast
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from arrays import random_structure
from cases import Session
from checks import same
from members import random_values
from mounting import Mount
from views import npy_header, stored

TYPES = [np.dtype(code) for code in "? i1 u1 i2 u2 i4 u4 i8 u8 f2 f4 f8 c8 c16 S1 S5 V3 V16".split()]
TYPES += [np.dtype(f"{kind}8[{unit}]") for kind in "mM" for unit in ("s", "ms", "us", "ns")]

SHAPES = [(7,), (1,), (0,), (5, 3), (3, 5), (1, 4), (4, 1), (0, 3), (70, 33)]

ABSENT = "U2 g G M8 M8[D] M8[h] M8[25s] m8[ps] >i2 >f8 >U1 >M8[ns]".split()
"""Types that a form can lack in all of its columns. `native/` has those in the other byte order."""

RECORD = np.dtype([
    ("id", "i8"), ("x", "f4"), ("t", "M8[ns]"), ("name", "S6"), ("ok", "?"), ("u", "u1"), ("i", "i2"), ("h", "f2"),
    ("m", "f4", (3, 2)), ("v", "i2", (4,)), ("z", "c8"), ("zz", "c16", (2,)), ("oks", "?", (2, 3)), ("raw", "V3"),
    ("s", [("a", "i4"), ("b", "f8", (2,)), ("c", [("d", "u1"), ("e", "S2")], (2, 2))]),
])  # fmt: skip
"""Fields of every kind, none of which is aligned."""

Column = tuple[str, np.ndarray]


def columns(array: np.ndarray) -> Iterator[Column]:
    """The columns of the table of an array, by name."""
    if array.ndim == 2:
        yield from ((f"c{index}", array[:, index]) for index in range(array.shape[1]))
    elif array.dtype.names is not None:
        yield from ((name, array[name]) for name in array.dtype.names)
    else:
        yield "value", array


def arrays(session: Session) -> dict[str, np.ndarray]:
    """An array of each type and shape, in the orders C and F by turns."""
    made = {}
    for dtype in TYPES:
        for shape in SHAPES:
            values = random_values(session.rng, np.zeros(shape, dtype))
            made[f"a{len(made)}"] = values.copy("CF"[len(made) % 2])
    return made


def archive(session: Session, name: str, made: dict[str, np.ndarray]) -> Path:
    """A file of many arrays; their positions in it are multiples of nothing."""
    file = session.directory / f"{name}.npz"
    np.savez(file, **made)
    return file


def random_tables(session: Session, has_type: Callable[[np.dtype], bool]) -> dict[str, np.ndarray]:
    """Arrays of random structures, for most of which a form has all types."""
    made = {}
    while len(made) < 60:
        dtype = random_structure(session.rng)
        shape = [(5,), (2, 3)][len(made) // 2 % 2]
        if len(made) % 3 and not has_type(dtype) or npy_header(dtype, shape) is None:
            continue
        content = bytearray(session.rng.bytes(int(np.prod(shape)) * dtype.itemsize))
        made[f"r{len(made)}"] = np.ndarray(shape, dtype, content)
    return made


def places(made: dict[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
    """The directories of arrays in an archive that are tables."""
    for name, array in made.items():
        yield f"{name}/", array
        if array.ndim == 2 and array.shape[0] > 0:
            yield f"{name}/T/", array.T


def check_random_records(
    session: Session,
    table: str,
    has_type: Callable[[np.dtype], bool],
    check: Callable[[str, np.ndarray], None],
) -> None:
    """Holds the files `table` of random structures to be there where all types exist, and to show the arrays."""
    made = random_tables(session, lambda dtype: has_type(dtype.newbyteorder("=")))
    file = archive(session, "random", made)
    with session.mount(file, ["--mode", "r"]) as mount:
        for place, array in places(made):
            for folder, dtype in [("", array.dtype), ("native/", array.dtype.newbyteorder("="))]:
                path = mount.path(place.replace("/", f"/{folder}", 1) + table)
                session.subject = f"{path}: {dtype} {array.shape}"
                exists = has_type(dtype) and (not folder or dtype != array.dtype)
                same(f"whether there is {path}", exists, os.path.exists(path))
                if exists:
                    check(path, array.astype(dtype))


def record_files(session: Session) -> Iterator[tuple[Path, list[str], np.ndarray]]:
    """Tables of records, of one axis and of two, in both orders and at any offset, with the options to mount them."""
    for shape, order, offset in [((9,), "C", 0), ((0,), "C", 5), ((4, 3), "C", 3), ((4, 3), "F", 17)]:
        array = random_values(session.rng, np.zeros(shape, RECORD)).copy(order)
        file = session.directory / "records.bin"
        file.write_bytes(bytes(offset) + stored(array.T if order == "F" else array))
        options = [f"--dtype={RECORD.descr}", f"--shape={shape}", f"--order={order}", f"--offset={offset}"]
        session.subject = f"{options}"
        yield file, [*options, "--mode", "r"], array


def anonymous_memory(mount: Mount) -> int:
    """The KiB of its own that a daemon has."""
    status = Path(f"/proc/{mount.daemon}/status").read_text()
    return int(status.partition("RssAnon:")[2].split()[0])


def sparse_table(session: Session, dtype: str, shape: tuple[int, ...]) -> tuple[Path, list[str], np.ndarray]:
    """A file of zeros but for the last row, the options to mount it, and its last two rows."""
    kind = np.dtype(ast.literal_eval(dtype) if dtype[0] == "[" else dtype)
    rows = np.zeros((2, *shape[1:]), kind)
    rows[1:] = random_values(session.rng, rows[1:])
    size = shape[0] * rows[0].nbytes
    file = session.directory / "sparse.bin"
    with open(file, "wb") as sparse:
        sparse.truncate(size)
        os.pwrite(sparse.fileno(), stored(rows[1:]), size - rows[0].nbytes)
    session.subject = f"{dtype} {shape}"
    return file, [f"--dtype={dtype}", f"--shape={shape}", "--mode", "r"], rows


LARGE = [
    ("[('id','<i8'),('x','<f4'),('m','<f4',(2,2)),('n','S4')]", (3_125_000_000,)),
    ("<f8", (3_000_000_000,)),
    ("<f8", (50_000, 4096)),
]
"""Tables of 100 GB, of very many rows, and of as many columns as there can be."""

MOST_METADATA = 16 << 20
"""Bytes that a file may have beside the values."""

MOST_MEMORY = 24 << 10
"""KiB of its own that a daemon may have that shows a large file."""


def same_values(subject: str, expected: np.ndarray, got: np.ndarray) -> None:
    """Holds `got` to have the shape and the values of `expected`, not-a-number and not-a-time among them."""
    same(f"the shape of {subject}", expected.shape, got.shape)
    equal = np.array_equal(expected, got, equal_nan=expected.dtype.kind in "fcmM")
    same(f"whether {subject} is equal", True, equal)
