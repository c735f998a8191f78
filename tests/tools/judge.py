"""The judge of the tables in tests/tools: makes arrays and, from NumPy's slices of them, trees of ordinary files that
look like the mounted ones; afterwards says which backing files are not as NumPy has them.

    judge.py make NAME DIRECTORY    makes DIRECTORY: the file of the array, `backing`; how arrayfs is to mount it on
                                    `mounted/m`, `options`, one argument a line; the tree, `plain/m`, but for the
                                    descriptions of the array and its text, which NumPy does not write
    judge.py check NAME             standard input: JSON, [[directory, [changed view, ...]], ...]
"""

import json
import os
import pathlib
import shutil
import sys

import numpy as np

WORDS = "lorem ipsum dolor sit amet elit".split()
MAX_INDEXES = 1000
"""Longer axes have no files in the ordinary tree."""

BEFORE = 1577836800
"""When the array was last written, in seconds: so that what is written now, or is of `SINCE`, is newer."""
SINCE = 1609459200


def text() -> tuple[np.ndarray, str]:
    """Six lines of 24 characters: every row is a line, a column lies scattered."""
    lines = "".join(f"{i:02} {word}".ljust(23) + "\n" for i, word in enumerate(WORDS))
    return np.frombuffer(lines.encode(), "u1").reshape(6, 24), "C"


def numbers() -> tuple[np.ndarray, str]:
    """Three rows of 200,000 bytes, none of them zero; each row and `data` are scattered, `T/data` is in one piece."""
    numbers = np.random.default_rng(1).integers(1, 256, 600_000, "u1")
    return numbers.view("<i2").reshape(3, 100_000), "F"


def axes() -> tuple[np.ndarray, str]:
    """As many axes as there can be."""
    shape = [1] * 64
    shape[0], shape[1], shape[31], shape[63] = 2, 3, 2, 2
    return np.arange(24, dtype="<i4").reshape(shape), "C"


def point() -> tuple[np.ndarray, str]:
    """No axis at all."""
    return np.array(1.5, "<f8"), "C"


ARRAYS = {array.__name__: array for array in (text, numbers, axes, point)}


def sources(name: str) -> dict[str, bytes]:
    """Files to copy into the mount, by name; runs of zeros become holes."""
    if name != "numbers":
        return {
            "new": b"the line that replaces\n".rjust(24),
            "shorter": b"abc\n",
            "longer": b"longer than a row of the array is\n",
        }
    some = np.random.default_rng(2).integers(1, 256, 65_536, "u1").tobytes()
    hole = bytes(69_632)
    return {
        "hole-first": (hole + some + some)[:200_000],
        "hole-middle": (some + hole + some)[:200_000],
        "hole-last": (some + some + hole)[:200_000],
        "hole-only": bytes(200_000),
        "no-hole": (some * 4)[:200_000],
    }


def view(array: np.ndarray, path: str) -> np.ndarray:
    """The view that is the file `path`, or that is in it behind a header."""
    if path.startswith("T/"):
        array = array.T
    path = path.removeprefix("T/").removeprefix("npy/").removesuffix(".npy")
    kind, *indexes = path.split("/")
    if kind == "data" or path == f"zarr/{'.'.join('0' * array.ndim)}":  # One chunk has all.
        return array[...]
    axis = {"rows": 0, "cols": 1}.get(kind)
    if axis is None:
        axis = int(indexes.pop(0))
    return array[(slice(None),) * axis + (int(indexes[0]), ...)]


def write_sparse(path: pathlib.Path, content: bytes) -> None:
    with path.open("wb") as file:
        for start in range(0, len(content), 4096):
            if any(content[start : start + 4096]):
                file.seek(start)
                file.write(content[start : start + 4096])
        file.truncate(len(content))


def write_tree(tree: pathlib.Path, array: np.ndarray, suffix: str) -> None:
    """The files of an array directory in one encoding, as ordinary files."""

    def write(path: str, view: np.ndarray) -> None:
        file = tree / (path + suffix)
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("wb") as opened:
            # In C order, and unlike ascontiguousarray without adding an axis.
            np.save(opened, view.copy("C")) if suffix else opened.write(view.tobytes())
        os.utime(file, (BEFORE, BEFORE))

    write("data", array)
    (tree / "slices").mkdir()
    for axis, length in enumerate(array.shape):
        if length > MAX_INDEXES:
            continue
        for index in range(length):
            write(f"axes/{axis}/{index}", view(array, f"axes/{axis}/{index}"))
        if axis < 2:
            shutil.copytree(tree / f"axes/{axis}", tree / ("rows", "cols")[axis])


def make(name: str, directory: pathlib.Path) -> None:
    array, order = ARRAYS[name]()
    mount, tree = directory / "mounted/m", directory / "plain/m"
    mount.mkdir(parents=True)
    tree.mkdir(parents=True)
    backing = directory / "backing"
    backing.write_bytes(array.tobytes(order))
    os.utime(backing, (BEFORE, BEFORE))
    shape = "x".join(map(str, array.shape)) or "()"
    options = ["--dtype", array.dtype.str, "--shape", shape, "--order", order]
    (directory / "options").write_text("\n".join(options))
    for file, content in sources(name).items():
        for beside in (mount, tree):
            write_sparse(beside.with_name(file), content)
            os.utime(beside.with_name(file), (SINCE, SINCE))
    for transposed, shown in [("", array), ("T", array.T)][: array.ndim or 1]:
        write_tree(tree / transposed, shown, "")
        write_tree(tree / transposed / "npy", shown, ".npy")


def expected(name: str, directory: pathlib.Path, changes: list[str]) -> bytes:
    """The backing file if each of the views `changes` has got what the same command has made of the ordinary file, and
    nothing else has changed. The size stays: what the command has put past the end is gone, and where the ordinary file
    has become shorter the old bytes are left."""
    array, order = ARRAYS[name]()
    array = array.copy()
    for path in changes:
        changed = view(array, path)
        ordinary = (directory / "plain/m" / path).read_bytes()
        if path.endswith(".npy"):
            ordinary = np.load(directory / "plain/m" / path).tobytes()
        kept = changed.tobytes()[len(ordinary) :]
        content = ordinary[: changed.nbytes] + kept
        if content == changed.tobytes():
            raise ValueError(f"{directory}: the command has not changed {path}")
        changed[...] = np.frombuffer(content, array.dtype).reshape(changed.shape)
    return array.tobytes(order)


def difference(wanted: bytes, got: bytes) -> str:
    """What is wrong with `got`; empty if nothing is."""
    if wanted == got:
        return ""
    shared = min(len(wanted), len(got))
    at = next((i for i in range(shared) if wanted[i] != got[i]), shared)
    near = slice(max(0, at - 8), at + 24)
    return (
        f"the backing file: expected {len(wanted)} bytes, got {len(got)}; first difference at byte {at}; "
        f"from byte {near.start} expected {wanted[near]!r}, got {got[near]!r}"
    )


def check(name: str) -> None:
    for directory, changes in json.load(sys.stdin):
        directory = pathlib.Path(directory)
        try:
            complaint = difference(expected(name, directory, changes), (directory / "backing").read_bytes())
        except (OSError, ValueError) as error:
            complaint = str(error)
        print(json.dumps(complaint))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["make", name, directory]:
            make(name, pathlib.Path(directory))
        case ["check", name]:
            check(name)
        case _:
            sys.exit(__doc__)
