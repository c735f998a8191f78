"""Compares a mounted tree with the oracle in `views`: names, attributes, `meta.json` and bytes."""

import errno
import json
import os
import stat

import numpy as np

from arrays import RawArray, pick
from checks import expect, refused, same, same_bytes
from cases import Session
from mounting import Mount
from views import ArrayDirectory, View, all_views, array_directories, index_spellings, no_index_names


def check_tree(
    session: Session, mount: Mount, array: np.ndarray, raw: RawArray, mode: str, pad: bool = False, most: int = 150
) -> None:
    """Everything that can be seen of the mount; of many files only `most`, chosen at random."""
    check_directories(mount, array, pad)
    for directory in array_directories(array):
        check_meta(mount, raw, mode, directory)
    views = all_views(array, pad)
    for index in np.sort(session.rng.permutation(len(views))[:most]):
        check_attributes(mount, views[index], mode)
        check_bytes(session, mount, views[index], pieces=4)


def check_directories(mount: Mount, array: np.ndarray, pad: bool = False) -> None:
    """Every directory lists what it should, each name once, with the type and inode number that `stat` gives."""
    for directory in array_directories(array):
        for folder, names in directory.listings(pad).items():
            with os.scandir(mount.path(folder)) as entries:
                listed = list(entries)
            got = [entry.name for entry in listed]
            same(f"listed twice in {folder or '/'}", [], sorted(name for name in set(got) if got.count(name) > 1))
            same(f"missing in {folder or '/'}", [], sorted(names - set(got)))
            same(f"unexpected in {folder or '/'}", [], sorted(set(got) - names))
            for entry in listed:
                status = os.stat(entry.path)
                same(f"is_dir of {entry.path}", stat.S_ISDIR(status.st_mode), entry.is_dir(follow_symlinks=False))
                same(f"is_file of {entry.path}", stat.S_ISREG(status.st_mode), entry.is_file(follow_symlinks=False))
                same(f"inode of {entry.path} in the listing", status.st_ino, entry.inode())


def check_names(mount: Mount, array: np.ndarray) -> None:
    """Every spelling of an index leads to its one inode, different files have different ones, no other name exists."""
    for directory in array_directories(array):
        inodes = {view.node: os.stat(mount.path(view.path)).st_ino for view in directory.views()}
        same(f"distinct inodes of {directory.prefix or '/'}", len(inodes), len(set(inodes.values())))
        for view in directory.views():
            same(f"inode of {view.path}", inodes[view.node], os.stat(mount.path(view.path)).st_ino)
        for folder, axis in directory.folders().items():
            length = directory.array.shape[axis]
            for index in {0, length // 2, length - 1} if length else ():
                expected = inodes[f"{directory.prefix}axes/{axis}/{index}"]
                for name in index_spellings(index, length):
                    same(f"inode of {folder}/{name}", expected, os.stat(mount.path(f"{folder}/{name}")).st_ino)
            check_absent(mount, folder, no_index_names(length))
        absent = {"rows", "cols", "axes", "T"} - directory.listings(pad=False)[directory.prefix]
        absent |= {f"axes/{directory.array.ndim}", "DATA", "._data", ".rows.swp"}
        check_absent(mount, directory.prefix, sorted(absent))


def check_absent(mount: Mount, folder: str, names: list[str]) -> None:
    for name in names:
        path = os.path.join(folder, name)
        with refused(f"stat of {path!r}", errno.ENOENT):
            os.stat(mount.path(path))


def check_attributes(mount: Mount, view: View, mode: str) -> None:
    """The exact size, and the backing file's owner and permission bits."""
    backing = os.stat(mount.file)
    got = os.stat(mount.path(view.path))
    permissions = stat.S_IMODE(backing.st_mode) & (0o555 if mode == "r" else 0o777)
    block_size = 4096
    while block_size < min(view.nbytes, 1 << 20):
        block_size *= 2
    same(f"st_size of {view.path}", view.nbytes, got.st_size)
    same(f"st_mode of {view.path}", oct(stat.S_IFREG | permissions), oct(got.st_mode))
    same(f"owner of {view.path}", (backing.st_uid, backing.st_gid), (got.st_uid, got.st_gid))
    same(f"st_blocks of {view.path}", -(-view.nbytes // 512), got.st_blocks)
    same(f"st_blksize of {view.path}", block_size, got.st_blksize)


def check_meta(mount: Mount, raw: RawArray, mode: str, directory: ArrayDirectory) -> None:
    """`meta.json` says what NumPy says of the array, so that `numpy.memmap` can be called with it."""
    path = f"{directory.prefix}meta.json"
    with open(mount.path(path), "rb") as file:
        text = file.read()
    same(f"st_size of {path}", len(text), os.stat(mount.path(path)).st_size)
    meta = json.loads(text)
    array = directory.array
    expected = {
        "file": str(mount.file.resolve()),
        "dtype": array.dtype.str,
        "dtype_name": array.dtype.name,
        "itemsize": array.dtype.itemsize,
        "shape": list(array.shape),
        "ndim": array.ndim,
        "size": array.size,
        "nbytes": array.nbytes,
        "strides": list(array.strides),
        "order": raw.order if not directory.prefix else "CF".replace(raw.order, ""),
        "offset": raw.offset,
        "mode": mode,
        "writable": mode != "r",
    }
    same(path, expected, {key: meta.get(key, "nothing") for key in expected})
    missing = {"format", "byteorder", "version"} - meta.keys()
    expect(not missing, f"{path}: has no {', '.join(sorted(missing))}")


def check_bytes(session: Session, mount: Mount, view: View, pieces: int) -> None:
    """The whole file, and random pieces of it: inside items, across the end and past it."""
    expected = view.tobytes()
    session.note(f"read {view.path}, {view.nbytes} bytes")
    with open(mount.path(view.path), "rb", buffering=0) as file:
        same_bytes(view.path, expected, file.read())
        for _ in range(pieces):
            check_piece(session, file.fileno(), view, expected)


def check_piece(session: Session, descriptor: int, view: View, expected: bytes) -> None:
    """One `pread` of a random piece."""
    rng = session.rng
    offset = int(rng.integers(view.nbytes + 3))
    size = int(pick(rng, [rng.integers(1, 20), rng.integers(1, view.nbytes + 20)]))
    session.note(f"pread {view.path}, {size} bytes at {offset}")
    same_bytes(view.path, expected[offset : offset + size], os.pread(descriptor, size, offset), offset)
