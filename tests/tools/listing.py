"""Lists the directories of a mounted array as the C library does, which `os.listdir` does not show: from any place,
in any order, by several at once, and while the files are read.

    listing.py MOUNT LENGTH     an array of shape (LENGTH, 3)
"""

import ctypes
import os
import random
import stat
import sys

libc = ctypes.CDLL(None, use_errno=True)


class Entry(ctypes.Structure):
    _fields_ = [
        ("inode", ctypes.c_uint64),
        ("offset", ctypes.c_int64),
        ("length", ctypes.c_uint16),
        ("type", ctypes.c_uint8),
        ("name", ctypes.c_char * 256),
    ]


libc.opendir.restype = ctypes.c_void_p
libc.readdir.argtypes = libc.telldir.argtypes = libc.closedir.argtypes = [ctypes.c_void_p]
libc.readdir.restype = ctypes.POINTER(Entry)
libc.telldir.restype = ctypes.c_long
libc.seekdir.argtypes = [ctypes.c_void_p, ctypes.c_long]


class Listing:
    """A directory that is open, by the calls of directory(3)."""

    def __init__(self, path: str) -> None:
        self.stream = libc.opendir(path.encode())
        if not self.stream:
            raise OSError(ctypes.get_errno(), path)

    def read(self) -> tuple[str, int, int] | None:
        """The next entry's name, inode and file type; none at the end."""
        ctypes.set_errno(0)
        entry = libc.readdir(self.stream)
        if entry:
            return entry.contents.name.decode(), entry.contents.inode, entry.contents.type << 12
        if ctypes.get_errno():
            raise OSError(ctypes.get_errno(), "readdir")
        return None

    def tell(self) -> int:
        return libc.telldir(self.stream)

    def seek(self, place: int) -> None:
        libc.seekdir(self.stream, place)

    def close(self) -> None:
        libc.closedir(self.stream)


def same(subject: str, expected: object, got: object) -> None:
    if expected != got:
        sys.exit(f"{subject}: expected {expected!r}, got {got!r}")


def restarts(path: str, names: list[str]) -> None:
    """Every place that was passed can be gone back to, and what follows there is what followed before."""
    listing = Listing(path)
    places, entries = [listing.tell()], []
    while entry := listing.read():
        entries.append(entry)
        places.append(listing.tell())
        file = os.stat(os.path.join(path, entry[0]))
        if entry[0] != "..":
            same(f"{path}/{entry[0]}", (file.st_ino, stat.S_IFMT(file.st_mode)), entry[1:])
    same(path, [".", "..", *names], [name for name, _, _ in entries])
    same(f"{path}: different places", len(places), len(set(places)))
    following = list(zip(places, [*entries, None], strict=True))
    random.Random(1).shuffle(following)
    for place, entry in following:
        listing.seek(place)
        same(f"{path} from {place}", entry, listing.read())
    listing.close()


def lists_while_used(path: str, names: list[str]) -> None:
    """Reading and writing the files, and another who lists, do not disturb a listing."""
    one, other = Listing(path), Listing(path)
    for expected in [".", "..", *names]:
        entry = one.read()
        same(path, expected, entry and entry[0])
        if expected not in (".", ".."):
            with open(os.path.join(path, expected), "r+b", buffering=0) as file:
                content = file.read()
                same(f"{path}/{expected}", os.fstat(file.fileno()).st_size, len(content))
                file.seek(0)
                file.write(content)
        if int(entry[1]) % 2:
            other.read()
    one.close()
    other.close()


def main() -> None:
    mount, length = sys.argv[1], int(sys.argv[2])
    many, few = [str(i) for i in range(length)], ["0", "1", "2"]
    inside = ["data", "rows", "cols", "axes", "slices", "npy", "csv", "tiff", "arrow", "parquet", "zarr", "ome.zarr"]
    for path, names in [
        ("", ["README.txt", "meta.json", "index.html", *inside, "T"]),
        ("T", ["meta.json", *inside]),
        ("npy", ["data.npy", "rows", "cols", "axes", "slices"]),
        ("axes", ["0", "1"]),
        ("rows", many),
        ("cols", few),
        ("T/axes/1", many),
        ("slices", []),
        ("csv/axes", ["0", "1"]),
        ("zarr", ["zarr.json", ".zarray", ".zattrs", "0.0"]),
        ("ome.zarr/0", ["zarr.json", "0.0"]),
        ("npy/rows", [f"{index}.npy" for index in range(length)]),
    ]:
        path = os.path.join(mount, path)
        restarts(path, names)
        if names == many or names == few:
            lists_while_used(path, names)


if __name__ == "__main__":
    main()
