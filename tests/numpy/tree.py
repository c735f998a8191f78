"""Compares a mounted tree with the oracle in `views`: names, attributes, `meta.json` and bytes."""

import errno
import json
import os
import stat

import numpy as np

from arrays import RawArray, pick
from cases import Session
from checks import Failure, expect, refused, same, same_bytes
from mounting import Mount
from text_judge import check_table
from views import Place, Table, View, index_spellings, no_index_names, places

MOST_ENTRIES = 1500
MOST_PLACES = 6


def check_tree(
    session: Session, mount: Mount, array: np.ndarray, raw: RawArray, mode: str, pad: bool = False, most: int = 150
) -> None:
    """Everything that can be seen of the mount; of many files only `most`, chosen at random."""
    tree = places(array, raw.preamble, raw.order)
    check_directories(session, mount, tree, pad)
    for place in tree:
        if not place.encoding:
            check_meta(mount, raw, mode, place, array)
    files = [file for place in tree for file in (*place.views(pad), *place.tables(pad))]
    for index in np.sort(session.rng.permutation(len(files))[:most]):
        file = files[index]
        if isinstance(file, View):
            check_attributes(mount, file.path, file.nbytes, mode)
            check_bytes(session, mount, file, pieces=4)
        else:
            check_text(session, mount, file, mode)


def check_directories(session: Session, mount: Mount, tree: list[Place], pad: bool = False) -> None:
    """Every directory lists what it should, each name once, with the type and inode number that `stat` gives."""
    entries = []
    for folder, names in (item for place in tree for item in place.listings(pad).items()):
        with os.scandir(mount.path(folder)) as scan:
            listed = list(scan)
        got = [entry.name for entry in listed]
        same(f"listed twice in {folder or '/'}", [], sorted(name for name in set(got) if got.count(name) > 1))
        same(f"missing in {folder or '/'}", [], sorted(names - set(got)))
        same(f"unexpected in {folder or '/'}", [], sorted(set(got) - names))
        entries += listed
    for index in session.rng.permutation(len(entries))[:MOST_ENTRIES]:
        entry = entries[index]
        status = os.stat(entry.path)
        same(f"is_dir of {entry.path}", stat.S_ISDIR(status.st_mode), entry.is_dir(follow_symlinks=False))
        same(f"is_file of {entry.path}", stat.S_ISREG(status.st_mode), entry.is_file(follow_symlinks=False))
        same(f"inode of {entry.path} in the listing", status.st_ino, entry.inode())


def check_names(session: Session, mount: Mount, tree: list[Place]) -> None:
    """Every spelling of an index leads to its one inode, different files have different ones, no other name exists."""
    chosen = [tree[index] for index in session.rng.permutation(len(tree))[:MOST_PLACES]]
    files = [(path, node) for place in chosen for path, _, node in place.files()]
    inodes = {node: os.stat(mount.path(path)).st_ino for path, node in files}
    same("distinct inodes", len(inodes), len(set(inodes.values())))
    for path, node in files:
        same(f"inode of {path}", inodes[node], os.stat(mount.path(path)).st_ino)
    for place in chosen:
        for folder, axis in place.folders().items():
            length = place.array.shape[axis]
            for index in {0, length // 2, length - 1} if length else ():
                expected = inodes[f"{place.path}axes/{axis}/{index}"]
                for name in index_spellings(index, length):
                    path = f"{folder}/{name}{place.suffix}"
                    same(f"inode of {path}", expected, os.stat(mount.path(path)).st_ino)
                if place.suffix:
                    check_absent(mount, folder, [str(index), f"{index}{place.suffix}{place.suffix}"])
            check_absent(mount, folder, [name + place.suffix for name in no_index_names(length)])
        absent = {"rows", "cols", "axes", "T", "fields", "npy", "csv", "data", "data.npy"}
        absent |= {"README.txt", "meta.json", "index.html"}
        absent |= {"native", "float32", "zarr", "ome.zarr"}
        absent -= place.listings(pad=False)[place.path]
        absent |= {f"axes/{place.array.ndim}", "DATA", "._data", ".rows.swp"}
        check_absent(mount, place.path, sorted(absent))
        if place.fields:
            names = {name for name in place.array.dtype.names if "/" not in name and "\0" not in name}
            names -= {"", ".", "..", *place.fields}
            check_absent(mount, f"{place.path}fields", [*(n for n in names if len(n.encode()) < 256), "%2f", "% "])


def check_absent(mount: Mount, folder: str, names: list[str]) -> None:
    for name in names:
        path = os.path.join(folder, name)
        with refused(f"stat of {path!r}", errno.ENOENT):
            os.stat(mount.path(path))


def check_attributes(mount: Mount, path: str, size: int, mode: str, writable: bool = True) -> None:
    """The exact size, and the backing file's owner and permission bits, or those of what can only be read."""
    backing = os.stat(mount.file)
    got = os.stat(mount.path(path))
    permissions = stat.S_IMODE(backing.st_mode) & (0o555 if mode == "r" else 0o777) if writable else 0o444
    block_size = 4096
    while block_size < min(size, 1 << 20):
        block_size *= 2
    same(f"st_size of {path}", size, got.st_size)
    same(f"st_mode of {path}", oct(stat.S_IFREG | permissions), oct(got.st_mode))
    same(f"owner of {path}", (backing.st_uid, backing.st_gid), (got.st_uid, got.st_gid))
    same(f"st_blocks of {path}", -(-size // 512), got.st_blocks)
    same(f"st_blksize of {path}", block_size, got.st_blksize)


def check_meta(mount: Mount, raw: RawArray, mode: str, place: Place, whole: np.ndarray) -> None:
    """`meta.json` says what NumPy says of the array, so that `numpy.memmap` can be called with it."""
    path = f"{place.prefix}meta.json"
    with open(mount.path(path), "rb") as file:
        text = file.read()
    check_attributes(mount, path, len(text), mode, writable=False)
    meta = json.loads(text)
    array, dtype = place.array, place.dtype
    transposed = place.prefix.endswith("T/") and not place.prefix.endswith("fields/T/")
    expected = {
        "file": str(mount.file.resolve()),
        "format": raw.format,
        "dtype_name": dtype.name,
        "itemsize": dtype.itemsize,
        "shape": list(array.shape),
        "ndim": array.ndim,
        "size": array.size,
        "nbytes": array.size * dtype.itemsize,
        "strides": list(array.strides),
        "order": order_of(array, "CF".replace(raw.order, "") if transposed else raw.order),
        "offset": raw.offset + address(array) - address(whole),
        "mode": mode,
        "writable": mode != "r",
    }
    same(path, expected, {key: meta.get(key, "nothing") for key in expected})
    missing = {"dtype", "byteorder", "version"} - meta.keys()
    expect(not missing, f"{path}: has no {', '.join(sorted(missing))}")
    same(f"dtype of {path}", dtype, dtype_of(meta["dtype"]))
    fields = [(name, *dtype.fields[name][:2]) for name in dtype.names or ()]
    same(
        f"fields of {path}",
        [(name, field.base, list(field.shape), offset) for name, field, offset in fields],
        [(each["name"], dtype_of(each["dtype"]), each["shape"], each["offset"]) for each in meta.get("fields", [])],
    )


def order_of(array: np.ndarray, given: str) -> str | None:
    """The order of an array that is one block of memory: `given` if it has both."""
    orders = {"C": array.flags.c_contiguous, "F": array.flags.f_contiguous}
    return given if orders[given] else next((order for order, holds in orders.items() if holds), None)


def address(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]


def dtype_of(value: object) -> np.dtype:
    """The type that `meta.json` describes: a `dtype.str`, a `dtype.descr`, or the arguments of `numpy.dtype`.

    In a `descr`, a field without a name is a gap.
    """
    if isinstance(value, str):
        return np.dtype(value)
    if isinstance(value, dict):
        return np.dtype(value | {"formats": [format_of(form) for form in value["formats"]]})
    return np.lib.format.descr_to_dtype(tuples(value))


def format_of(value: object) -> np.dtype:
    """The type of a field, which can be that of a sub-array's elements and its shape."""
    if isinstance(value, list) and isinstance(value[-1], list) and isinstance(value[-1][0], int):
        base, shape = value
        return np.dtype((dtype_of(base), tuple(shape)))
    return dtype_of(value)


def tuples(descr: list) -> list[tuple]:
    fields = []
    for name, form, *shape in descr:
        form = tuples(form) if isinstance(form, list) else form
        fields.append((name if isinstance(name, str) else tuple(name), form, *map(tuple, shape)))
    return fields


def check_bytes(session: Session, mount: Mount, view: View, pieces: int) -> None:
    """The whole file, and random pieces of it: inside items, across the end and past it."""
    expected = view.tobytes()
    session.note(f"read {view.path!r}, {view.nbytes} bytes")
    with open(mount.path(view.path), "rb", buffering=0) as file:
        same_bytes(view.path, expected, file.read())
        for _ in range(pieces):
            check_piece(session, file.fileno(), view, expected)


def check_piece(session: Session, descriptor: int, view: View, expected: bytes) -> None:
    """One `pread` of a random piece."""
    rng = session.rng
    offset = int(rng.integers(view.nbytes + 3))
    size = int(pick(rng, [rng.integers(1, 20), rng.integers(1, view.nbytes + 20)]))
    session.note(f"pread {view.path!r}, {size} bytes at {offset}")
    same_bytes(view.path, expected[offset : offset + size], os.pread(descriptor, size, offset), offset)


def check_text(session: Session, mount: Mount, table: Table, mode: str, form: str = "unpadded") -> None:
    """The file reads back as the array, whole; its size is known before; and a piece of it is that of the whole."""
    session.note(f"read {table.path!r}")
    size = os.stat(mount.path(table.path)).st_size
    check_attributes(mount, table.path, size, mode, writable=False)
    with open(mount.path(table.path), "rb", buffering=0) as file:
        text = file.readall()
        same(f"bytes in {table.path}", size, len(text))
        for _ in range(4):
            offset = int(session.rng.integers(size + 3))
            count = int(pick(session.rng, [session.rng.integers(1, 20), session.rng.integers(1, size + 20)]))
            session.note(f"pread {table.path!r}, {count} bytes at {offset}")
            piece = os.pread(file.fileno(), count, offset)
            same_bytes(table.path, text[offset : offset + count], piece, offset)
    try:
        check_table(table.array, text.decode("utf-8", "surrogateescape"), size, form)
    except AssertionError as error:
        raise Failure(f"{table.path}: {error}; the text is {text[:2000]!r}") from error
