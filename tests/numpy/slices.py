"""Looks up random expressions in the `slices` of random arrays: what exists, its bytes, its inode, and writes to it.

A name exists exactly where NumPy takes the index that it spells, and holds what NumPy selects.
"""

import contextlib
import dataclasses
import errno
import io
import os
import re

import numpy as np

from arrays import RawArray, pick, random_array
from cases import Session, main
from checks import expect, refused, same, same_bytes
from mounting import Mount
from tree import address, check_attributes, check_bytes, check_text
from twins import Twin, mounted_twin
from views import MAX_NAME, Place, Table, View, opaque, places, shown

EXPRESSIONS = 120
"""For each mount."""

INTEGER = re.compile(r"-?[0-9]+")
BLANKS = " \t"
Index = tuple[object, ...]


def parsed(text: str) -> Index | None:
    """The index that a name spells; nothing if it spells none."""
    text = text.strip(BLANKS)
    if text.startswith("[") and text.endswith("]") and len(text) > 1:
        text = text[1:-1].strip(BLANKS)
    parts = [part(each.strip(BLANKS)) for each in text.removesuffix(",").split(",")]
    return None if "none" in parts or parts.count(...) > 1 else tuple(parts)


def part(text: str) -> object:
    """An integer, a slice, `...` or `None` for a new axis; for what is none of these, the word none."""
    if text in ("None", "newaxis"):
        return None
    if text == "...":
        return ...
    bounds = [each.strip(BLANKS) for each in text.replace("_", ":").split(":")]
    if not all(INTEGER.fullmatch(bound) or (bound == "" and len(bounds) > 1) for bound in bounds) or len(bounds) > 3:
        return "none"
    numbers = [int(bound) if bound else None for bound in bounds]
    return numbers[0] if len(numbers) == 1 else slice(*numbers)


def selected(array: np.ndarray, name: str) -> np.ndarray | None:
    """`array[index]`, as an array where it is one item; nothing where the name is no index or NumPy refuses it."""
    index = parsed(name)
    if index is None:
        return None
    try:
        opaque(array)[index]  # An item need not be one that Python can show.
    except (IndexError, ValueError, OverflowError):
        return None
    item = ... not in index and len(index) - index.count(None) == array.ndim
    return array[(*index, ...)] if item else array[index]


def random_number(rng: np.random.Generator, length: int) -> str:
    number = pick(rng, [rng.integers(-length - 2, length + 3), rng.integers(-length - 2, length + 3), length, 10**20])
    text = str(number)
    if rng.integers(20) == 0:
        text = str(pick(rng, [2**63 - 1, -(2**63), 2**63, 2**64, -(10**40)]))
    if rng.integers(20) == 0:
        text = ("-" if text.startswith("-") else "") + "0" * int(rng.integers(1, 4)) + text.removeprefix("-")
    return text


def random_slice(rng: np.random.Generator, length: int) -> str:
    step = str(pick(rng, [1, 1, 2, 3, -1, -1, -2, 0, 10**30, -(2**63)])) if rng.integers(8) else random_number(rng, 3)
    start, stop = (random_number(rng, length) if rng.integers(2) else "" for _ in range(2))
    blank = pick(rng, ["", "", "", " "])
    return f"{blank}:{blank}".join(pick(rng, [[start, stop], [start, stop, step], [start, stop, step], ["", ""]]))


def random_expression(rng: np.random.Generator, shape: tuple[int, ...]) -> str:
    """Of the grammar, and of these many that NumPy takes; a few are spoilt."""
    count = int(rng.integers(len(shape) + 1))
    count = pick(rng, [count, len(shape), len(shape), len(shape) + 1])
    parts = []
    for axis in range(count):
        length = shape[axis] if axis < len(shape) else 3
        parts.append(random_slice(rng, length) if rng.integers(2) else str(rng.integers(-length - 1, length + 1)))
        if rng.integers(15) == 0:
            parts[-1] = random_number(rng, length)
    for extra in ("...", "None", "newaxis"):
        if rng.integers(4) == 0 or not parts:
            parts.insert(int(rng.integers(len(parts) + 1)), extra)
    blank = pick(rng, ["", "", " ", "  ", "\t"])
    text = f"{pick(rng, ['', blank])},{blank}".join(parts) + pick(rng, ["", "", "", ",", " ,", ", "])
    if rng.integers(6) == 0:
        text = "".join(pick(rng, "_:_") if letter == ":" else letter for letter in text)
    text = pick(rng, [text, text, f"[{text}]", f"[{blank}{text}{blank}]", f" {text} ", f" [{text}]\t"])
    if rng.integers(12) == 0:
        at = int(rng.integers(len(text) + 1))
        spoiling = [*"[]:,.-+x( 0", "..", "()", "None", "1_0", "٣", "\n", "1.0", "True", "[0]"]
        text = text[:at] + pick(rng, spoiling) + text[at:]
    return text


def key(array: np.ndarray) -> tuple:
    """The same for two views of one array exactly if they have the same elements of the file in the same shape."""
    strides = (stride if length > 1 else 0 for stride, length in zip(array.strides, array.shape, strict=True))
    return (address(array), array.shape, *strides)


class Slices:
    """The `slices` of a place, and the inodes that its files have been seen to have."""

    def __init__(self, session: Session, mount: Mount, place: Place, writes: bool):
        self.session = session
        self.mount = mount
        self.place = place
        self.writes = writes
        self.inodes: dict[tuple, set[int]] = {}
        for path, array, _ in place.files():
            if array.size:
                self.inodes.setdefault(key(array), set()).add(os.stat(mount.path(path)).st_ino)

    def check(self, name: str, twin: Twin) -> bool:
        """Whether NumPy takes the name; and that the mount does the same with it."""
        path = f"{self.place.path}slices/{name}{self.place.suffix}"
        array = selected(self.place.array, name)
        self.session.note(f"look up {path!r}, {'nothing' if array is None else array.shape}")
        too_long = len(os.path.basename(path).encode()) > MAX_NAME
        if array is None or too_long or not self.place.shows(array.ndim):
            with refused(f"stat of {path!r}", errno.ENAMETOOLONG if too_long else errno.ENOENT):
                os.stat(self.mount.path(path))
            return False
        got = os.stat(self.mount.path(path)).st_ino
        if array.size:
            known = self.inodes.setdefault(key(array), {got})
            expect(got in known, f"inode of {path!r}: expected one of {known}, got {got}")
        if self.place.encoding == "csv":
            check_text(self.session, self.mount, Table(path, shown(array, self.place.variant), ""), "r+")
            return True
        view = self.view(path, array)
        check_attributes(self.mount, path, view.nbytes, "r+")
        check_bytes(self.session, self.mount, view, pieces=1)
        if self.place.encoding == "npy" and array.dtype.kind != "V":
            loaded = np.load(self.mount.path(path))
            same(f"dtype and shape of {path!r}", (view.dtype, array.shape), (loaded.dtype, loaded.shape))
            same_bytes(path, view.values().tobytes(), loaded.tobytes())
        if self.writes and array.size and self.session.rng.integers(3) == 0:
            self.write(view, twin)
        return True

    def view(self, path: str, array: np.ndarray) -> View:
        whole = self.place.array
        is_whole = array.shape == whole.shape and (array.size == 0 or key(array) == key(whole))
        if is_whole:
            return dataclasses.replace(next(self.place.views()), path=path)
        return View(path, array, "", self.place.header(array.shape), self.place.variant)

    def write(self, view: View, twin: Twin) -> None:
        rng = self.session.rng
        offset = int(rng.integers(len(view.header), view.nbytes))
        data = rng.bytes(int(rng.integers(1, view.nbytes - offset + 1)))
        self.session.note(f"pwrite {view.path!r}, {len(data)} bytes at {offset}")
        with open(self.mount.path(view.path), "r+b", buffering=0) as file:
            same(f"pwrite {view.path!r}", twin.write(view, offset, data), os.pwrite(file.fileno(), data, offset))
            same_bytes(view.path, view.tobytes(), file.read())
        check_bytes(self.session, self.mount, pick(rng, twin.views), pieces=0)


def random_case(session: Session) -> None:
    rng = session.rng
    raw = random_array(rng)
    while len(raw.shape) > 4:
        raw = random_array(rng)
    with mounted_twin(session, raw, "r+") as (mount, twin):
        tree = places(twin.array, raw.preamble, raw.order)
        chosen = [tree[0], *(pick(rng, tree) for _ in range(3))]
        all_slices = [Slices(session, mount, place, writes=True) for place in chosen]
        for _ in range(EXPRESSIONS):
            slices = pick(rng, all_slices)
            slices.check(random_expression(rng, slices.place.array.shape), twin)
        check_bytes(session, mount, twin.view("data"), pieces=0)


def spellings(session: Session) -> None:
    """One view has one inode, under whatever name, and none that another view has."""
    raw = RawArray(np.dtype("<f4"), (6, 5, 4), "F")
    with mounted_twin(session, raw, "r+") as (mount, twin):
        inodes = {}
        for files in [
            ["data", "slices/...", "slices/:", "slices/[:,:]", "slices/0:6,::1", "slices/-99:99", "slices/...,:"],
            ["rows/2", "axes/0/2", "slices/2", "slices/-4", "slices/[2]", "slices/2,...", "slices/002,:,::"],
            ["cols/1", "axes/1/1", "slices/:,1", "slices/[ : , 1 , ... ]", "slices/0:,-4,:4"],
            ["axes/2/3", "slices/...,3", "slices/...,-1", "slices/:,:,3,"],
            ["slices/2:3", "slices/-4:-3,...", "slices/2:3:7", "slices/2:1:-1", "slices/None,2", "slices/[newaxis, 2]"],
            ["slices/2,:,None", "slices/2, :, newaxis,...", "slices/[2,...,None,:]"],
            ["slices/::-1", "slices/5::-1", "slices/[::-1,...]", "slices/99:-99:-1"],
            ["slices/1:5:2", "slices/1:4:2", "slices/1:-1:2,:,:"],
            ["slices/1,2,3", "slices/-5,-3,-1", "slices/[1,2,3,...]"],
            ["npy/slices/2.npy", "npy/rows/2.npy", "npy/axes/0/2.npy", "npy/slices/[2].npy"],
            ["csv/slices/2.csv", "csv/rows/2.csv", "csv/slices/-4.csv"],
            ["T/slices/...,2", "T/axes/2/2"],
            ["npy/data.npy", "npy/slices/....npy", "npy/slices/:.npy"],
        ]:
            for file in files:
                inodes.setdefault(os.stat(mount.path(file)).st_ino, []).append(file)
            expect(files in inodes.values(), f"expected one inode for {files}, got {list(inodes.values())}")


def many_axes(session: Session) -> None:
    """Neither an array nor a selection has more than 64 axes."""
    raw = RawArray(np.dtype("<u2"), (1,) * 60 + (2, 3), "F")
    with mounted_twin(session, raw, "r+") as (mount, twin):
        for place in places(twin.array)[:3]:
            slices = Slices(session, mount, place, writes=True)
            for name in ("None", "...,None,None", "None,None,None", "None,...,1,None,None", "0,None,None,None"):
                slices.check(name, twin)
            for count in (59, 60, 61, 62, 63):
                slices.check("0," * count, twin)
                slices.check("0," * count + "...,1", twin)


def kept_open(session: Session) -> None:
    """An open selection is what it was however many others are looked up; and each name leads to what it says."""
    raw = RawArray(np.dtype("<i4"), (300, 200), "C", offset=8)
    with mounted_twin(session, raw, "r+") as (mount, twin), contextlib.ExitStack() as stack:
        kept = {}
        for k in range(20):
            name = f"slices/{k}:{k + 50}:3,{k}::7"
            kept[name] = stack.enter_context(open(mount.path(name), "r+b", buffering=0)), selected(twin.array, name[7:])
        for row in range(0, 300, 2):
            for column in range(0, 200, 2):
                size = os.stat(mount.path(f"slices/{row}:,:{column}")).st_size
                same(f"size of slices/{row}:,:{column}", (300 - row) * column * 4, size)
        for name, (file, array) in kept.items():
            view = View(name, array, "")
            same_bytes(name, view.tobytes(), file.read())
            data = session.rng.bytes(8)
            same(f"pwrite {name}", twin.write(view, 4, data), os.pwrite(file.fileno(), data, 4))
            same_bytes(name, view.tobytes(), os.pread(file.fileno(), view.nbytes, 0))
            check_bytes(session, mount, view, pieces=1)


def saved(session: Session) -> None:
    """`numpy.save` to a selection writes the array."""
    raw = RawArray(np.dtype(">f8"), (7, 9), "F", tail=3)
    with mounted_twin(session, raw, "r+") as (mount, twin):
        for name in ("1::2,::-1", "3,4", "None,...,2", "..."):
            array = selected(twin.array, name)
            new = session.rng.normal(size=array.shape).astype(array.dtype)
            np.save(mount.path(f"npy/slices/{name}.npy"), new)
            array[...] = new
            check_bytes(session, mount, twin.view("data"), pieces=0)
            file = io.BytesIO()
            np.save(file, new)
            same_bytes(name, file.getvalue(), open(mount.path(f"npy/slices/{name}.npy"), "rb").read())


def names_too_long(session: Session) -> None:
    with mounted_twin(session, RawArray(np.dtype("u1"), (3, 4)), "r+") as (mount, _):
        os.stat(mount.path("slices/" + "0" * 255))
        with refused("a name of 256 bytes", errno.ENAMETOOLONG):
            os.stat(mount.path("slices/" + "0" * 256))
        for name in ("0,", "9"):
            number = errno.EEXIST if name == "0," else errno.EPERM
            with refused(f"making slices/{name}", number):
                os.close(os.open(mount.path(f"slices/{name}"), os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        same("listed in slices", [], os.listdir(mount.path("slices")))


NAMED = {
    "spellings": spellings,
    "many axes": many_axes,
    "kept open": kept_open,
    "saved": saved,
    "names too long": names_too_long,
}

if __name__ == "__main__":
    main(__doc__, NAMED, random_case, count=35)
