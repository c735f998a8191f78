"""Arrays of every type that Zarr has, and their stores as zarr-python and tensorstore open them."""

import contextlib
import http.server
import itertools
import os
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import tensorstore
import zarr

from checks import same, same_bytes
from views import stored

NUMBERS = [np.dtype(code).newbyteorder(mark) for code in "?bBhHiIqQefdFD" for mark in "<>"]
OTHERS = [np.dtype(code) for code in ("S3", "<U2", ">U2", "<M8[ns]", ">M8[25s]", "<m8[D]", "<m8", "V5")]
RECORDS = [
    np.dtype("<i2,<f4"),
    np.dtype([("a", "<i2"), ("b", [("x", "<f8"), ("y", "S3")])]),
    np.dtype({"names": ["a", "b"], "formats": ["u1", "<f8"], "offsets": [2, 8], "itemsize": 20}),
    np.dtype([("a", ">i2"), ("b", "<f4")]),
    np.dtype([("a", "<i2"), ("b", "<f4", (2, 3))]),
]
TYPES = sorted({dtype.str: dtype for dtype in NUMBERS}.values(), key=str) + OTHERS + RECORDS

SHAPES = [
    (), (7,), (0,), (1,), (5, 7), (1, 6), (0, 3), (3, 0), (3, 5, 7), (1, 4, 1), (2, 0, 3), (2, 3, 4, 5),
    (2, 1, 2, 3, 4),
]  # fmt: skip


def by_zarr(path: str, version: int | None = None) -> zarr.Array:
    return zarr.open_array(path, mode="r", zarr_format=version)


def by_tensorstore(path: str, version: int, write: bool = False, **options: object) -> tensorstore.TensorStore:
    driver = {2: "zarr", 3: "zarr3"}[version]
    spec = {"driver": driver, "kvstore": {"driver": "file", "path": path}, **options}
    return tensorstore.open(spec, read=True, write=write, open=True).result()


def same_array(subject: str, expected: np.ndarray, got: np.ndarray) -> None:
    """The same shape and values; the readers are free to give another byte order."""
    same(f"the shape of {subject}", expected.shape, got.shape)
    if expected.ndim == 0 and expected.dtype.kind == "U":
        got = np.asarray(got, expected.dtype)  # zarr-python gives a string of its own length.
    if expected.dtype.names:
        same(f"the fields of {subject}", set(), set(expected.dtype.names) - set(got.dtype.names))
        for name in expected.dtype.names:
            same_array(f"{name} of {subject}", expected[name], got[name])
        return
    same(f"the type of {subject}", expected.dtype.newbyteorder("="), got.dtype.newbyteorder("="))
    native = [array.astype(array.dtype.newbyteorder("=")) for array in (expected, got)]
    same_bytes(subject, *(array.tobytes() for array in native))


def check_store(path: str, array: np.ndarray) -> None:
    """The store of an array, by each reader in each version that has the type."""
    fields = [array.dtype[name] for name in array.dtype.names or ()]
    is_number = array.dtype.kind in "biufc"
    if any(field.names for field in fields):
        same(f".zarray of {path}", False, os.path.exists(f"{path}/.zarray"))
    elif not any(field.subdtype for field in fields):
        same_array(f"{path} by zarr-python, version 2", array, by_zarr(path, 2)[...])
    if any(field.subdtype or field.str.startswith(">") for field in fields):
        same(f"zarr.json of {path}", False, os.path.exists(f"{path}/zarr.json"))
    else:
        same_array(f"{path} by zarr-python, version 3", array, by_zarr(path, 3)[...])
    if is_number:
        for version in (2, 3):
            same_array(
                f"{path} by tensorstore, version {version}", array, by_tensorstore(path, version).read().result()
            )
    elif fields and not any(field.names for field in fields):
        name = array.dtype.names[-1]
        field = by_tensorstore(path, 2, field=name).read().result()
        same_array(f"{name} of {path} by tensorstore", array[name], field)


def chunk_name(index: tuple[int, ...]) -> str:
    return ".".join(map(str, index)) or "0"


def blocks(shape: tuple[int, ...], chunk: tuple[int, ...]) -> list[tuple[str, tuple[slice, ...]]]:
    """The names of the chunks, and the parts of the array that are in them."""
    counts = [-(-length // step) for length, step in zip(shape, chunk, strict=True)]
    return [
        (chunk_name(index), tuple(slice(i * step, (i + 1) * step) for i, step in zip(index, chunk, strict=True)))
        for index in itertools.product(*map(range, counts))
    ]


def padded(part: np.ndarray, chunk: tuple[int, ...], order: str) -> bytes:
    """The file of a chunk that holds a part of the array: zeros behind the part along each axis."""
    whole = np.frombuffer(bytearray(int(np.prod(chunk)) * part.dtype.itemsize), f"V{part.dtype.itemsize}")
    whole = whole.reshape(chunk)
    if part.size:
        raw = np.frombuffer(stored(part), whole.dtype).reshape(part.shape)
        whole[tuple(slice(length) for length in part.shape)] = raw
    return whole.tobytes(order)


def unpadded(content: bytes, part: np.ndarray, chunk: tuple[int, ...], order: str) -> np.ndarray:
    """The part of the array that is in the file of a chunk."""
    whole = np.frombuffer(content, part.dtype).reshape(chunk, order=order)
    return whole[tuple(slice(length) for length in part.shape)]


class Silent(http.server.SimpleHTTPRequestHandler):
    """The handler of `python3 -m http.server`, which logs nothing."""

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def served(directory: Path) -> Iterator[str]:
    """The address of a web server for a directory."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Silent, directory=directory))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
