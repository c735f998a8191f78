"""Mounts a file and compares each of its arrays with what the library that owns the format reads.

`expected` of the functions maps the path of each member in the mount to its array; the path of a file with one array
is the empty string. Arrays are compared by their bytes, so that not-a-number and byte order count.
"""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from cases import Session
from checks import expect, same, same_bytes
from mounting import Mount
from views import stored, take

Arrays = Mapping[str, np.ndarray]


def listed_members(root: str, path: str = "") -> list[str]:
    """The paths of the array directories below a directory of the mount, in the order of listing."""
    directory = os.path.join(root, path)
    entries = os.listdir(directory)
    if "data" in entries:
        return [path]
    # The store of the root has the same arrays; a member of that name is called otherwise.
    entries = [entry for entry in entries if path or entry != "zarr"]
    below = [entry for entry in entries if os.path.isdir(os.path.join(directory, entry))]
    return [member for entry in below for member in listed_members(root, os.path.join(path, entry))]


def check_file(
    session: Session,
    file: Path,
    expected: Arrays,
    mode: str = "r",
    options: tuple[str, ...] = (),
    announces: tuple[str, ...] = (),
    skipped: tuple[str, ...] = (),
    also: Callable[[Mount], None] | None = None,
) -> None:
    """Mounts `file`, and checks its members, the names of those that are not shown, and what `also` checks."""
    session.subject = f"{file} ({mode})"
    with session.mount(file, ["--mode", mode, *options], announces) as mount:
        same("the members", sorted(expected), sorted(listed_members(str(mount.point))))
        with open(mount.path("meta.json"), "rb") as meta_file:
            root = json.load(meta_file)
        if "arrays" in root:
            same("the paths in meta.json", sorted(expected), sorted(array["path"] for array in root["arrays"]))
            same("the members that are not shown", sorted(skipped), sorted(other["name"] for other in root["skipped"]))
        for path, array in expected.items():
            check_array(session, mount.path(path), array)
        if also:
            also(mount)


def read(path: str) -> bytes:
    with open(path, "rb", buffering=0) as file:
        parts = []
        while part := file.read(1 << 20):
            parts.append(part)
        return b"".join(parts)


def check_array(session: Session, directory: str, array: np.ndarray) -> None:
    """Compares an array directory with `array`: meta.json, the whole array, and random rows, columns and slices."""
    session.note(f"check {directory}")
    with open(os.path.join(directory, "meta.json"), "rb") as meta_file:
        meta = json.load(meta_file)
    same(f"the shape of {directory}", list(array.shape), meta["shape"])
    same(f"the size of an item of {directory}", array.dtype.itemsize, meta["itemsize"])
    if array.dtype.type.__module__ == "ml_dtypes":
        same(f"the dtype of {directory}", array.dtype.name, meta["dtype_name"])
    elif array.dtype.names is None and array.dtype.kind != "V":
        same(f"the dtype of {directory}", array.dtype.str, meta["dtype"])
    elif array.dtype.names is not None:
        same(f"the fields of {directory}", list(array.dtype.names), [field["name"] for field in meta["fields"]])
    for path, view in sample(session, array):
        same_bytes(f"{directory}/{path}", stored(view), read(os.path.join(directory, path)))


def sample(session: Session, array: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """Some files of an array directory, and what NumPy says that they hold."""
    # With an ellipsis, an element is an array too: a scalar would be in native byte order.
    rng, views = session.rng, [("data", array)]
    for axis, length in enumerate(array.shape):
        if length:
            index = int(rng.integers(length))
            views.append((f"axes/{axis}/{index}", take(array, index, axis)))
    if array.ndim >= 1 and array.shape[0]:
        index = int(rng.integers(array.shape[0]))
        views += [(f"rows/{index}", array[index, ...]), ("rows/-1", array[-1, ...])]
    if array.ndim >= 2:
        views.append(("T/data", array.T))
        if array.shape[1]:
            index = int(rng.integers(array.shape[1]))
            views.append((f"cols/{index}", array[:, index]))
    for _ in range(2):
        name, index = random_slice(rng, array.shape)
        views.append((f"slices/{name}", array[index]))
    for name in (array.dtype.names or ())[:3]:
        if "/" not in name and "%" not in name and name not in ("", ".", ".."):
            views.append((f"fields/{name}/data", array[name]))
    return views


def random_slice(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[str, tuple[slice, ...]]:
    """A basic index with a slice for each axis, as a name and for NumPy."""
    bounds = [sorted(rng.integers(0, length + 1, 2).tolist()) for length in shape]
    steps = [int(rng.integers(1, 4)) for _ in shape]
    parts = [f"{start}:{stop}:{step}" for (start, stop), step in zip(bounds, steps, strict=True)]
    index = tuple(slice(start, stop, step) for (start, stop), step in zip(bounds, steps, strict=True))
    return ",".join(parts) or "...", index or (Ellipsis,)


def write_file(
    session: Session,
    file: Path,
    arrays: Arrays,
    values: Callable[[np.ndarray], np.ndarray] | None = None,
    announces: tuple[str, ...] = (),
) -> dict[str, np.ndarray]:
    """Writes other values to the file through each member: the whole array, then a row, a column and a slice.

    Returns what the file should hold now. `values` gives new values for an array; the default is random bytes of
    valid values: integers, and floats that are numbers.
    """
    values = values or (lambda array: random_values(session.rng, array))
    twins = {path: array.copy() for path, array in arrays.items()}
    with session.mount(file, ["--mode", "r+"], announces) as mount:
        for path, twin in twins.items():
            if twin.size == 0:
                continue
            twin[...] = values(twin)
            write(mount.path(path), "data", twin)
            for name, index in [random_slice(session.rng, twin.shape)]:
                if twin.ndim and twin[index].size:
                    twin[index] = values(twin[index])
                    write(mount.path(path), f"slices/{name}", twin[index])
            if twin.ndim >= 1:
                twin[-1] = values(twin[-1:])[0]
                write(mount.path(path), "rows/-1", twin[-1, ...])
            if twin.ndim >= 2:
                twin[:, 0] = values(twin[:, :1])[:, 0]
                write(mount.path(path), "cols/0", twin[:, 0])
            check_array(session, mount.path(path), twin)
    return twins


def write(directory: str, name: str, array: np.ndarray) -> None:
    with open(os.path.join(directory, name), "r+b", buffering=0) as file:
        data = memoryview(stored(array))
        while data:
            data = data[file.write(data[: 1 << 20]) :]


def random_values(rng: np.random.Generator, array: np.ndarray) -> np.ndarray:
    """An array of the same dtype and shape with other values that every library reads back as the same bytes."""
    dtype = array.dtype
    if dtype.names is not None:
        fresh = np.zeros(array.shape, dtype)
        for name in dtype.names:
            fresh[name] = random_values(rng, fresh[name])
        return fresh
    if dtype.kind == "b":
        return rng.integers(0, 2, array.shape).astype(dtype)
    if dtype.kind in "fc":
        return (rng.standard_normal(array.shape) * 100).astype(dtype)
    if dtype.kind in "SU":
        return rng.integers(0, 10, array.shape).astype(dtype)
    return np.frombuffer(bytearray(rng.bytes(array.size * dtype.itemsize)), dtype).reshape(array.shape)


def refuses(session: Session, file: Path, options: tuple[str, ...], *words: str) -> None:
    """Checks that the command refuses `file`, with these words in its message."""
    import subprocess

    point = session.directory / "refused"
    point.mkdir(exist_ok=True)
    command = [session.arrayfs, *options, str(file), str(point)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    expect(done.returncode > 0, f"{command} was not refused: exit status {done.returncode}, printed {done.stderr!r}")
    missing = [word for word in words if word not in done.stderr]
    expect(not missing, f"{command} printed {done.stderr!r}, without {missing}")
