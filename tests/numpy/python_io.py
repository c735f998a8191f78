"""What Python and NumPy do with files, done with views: open, copyfile, fromfile, tofile, memmap and mmap.

Each use is tried on contiguous and on strided views; what it writes has to show in the other views and in the file.
"""

import errno
import mmap
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from arrays import RawArray
from cases import Case, Session, main
from checks import refused, same, same_bytes
from mounting import Mount
from tree import check_bytes
from twins import Twin, mounted_twin
from views import View

SHAPE = (5, 60, 50)
VIEWS = ["data", "T/data", "rows/2", "axes/1/-1", "axes/2/07", "T/cols/9", "T/rows/49"]
"""Of either order some are contiguous; all but `axes/1/-1` and `axes/2/07` are larger than a page."""


@dataclass(frozen=True)
class Trial:
    """A view, opened under one of its names, and all that it is compared with."""

    session: Session
    mount: Mount
    twin: Twin
    view: View
    path: str

    @property
    def expected(self) -> bytes:
        return self.view.tobytes()

    def other_bytes(self) -> bytes:
        """New content for the whole view."""
        return self.session.rng.bytes(self.view.nbytes)

    def same(self, got: bytes, start: int = 0) -> None:
        same_bytes(self.path, self.expected[start : start + len(got)], got, start)

    def same_whole(self, got: bytes) -> None:
        same_bytes(self.path, self.expected, got)

    def memmap(self, mode: str) -> np.memmap:
        return np.memmap(self.path, self.view.array.dtype, mode, shape=self.view.array.shape)


def open_rb(trial: Trial) -> None:
    with open(trial.path, "rb") as file:
        trial.same_whole(file.read())
        same("read at the end", b"", file.read(1))
        same("seek to the end", trial.view.nbytes, file.seek(0, os.SEEK_END))
        file.seek(-7, os.SEEK_END)
        same_bytes(trial.path, trial.expected[-7:], file.read(), trial.view.nbytes - 7)
        file.seek(11)
        buffer = bytearray(100)
        file.readinto(buffer)
        trial.same(bytes(buffer), 11)


def copyfile_out(trial: Trial) -> None:
    copy = trial.session.directory / "copy"
    shutil.copyfile(trial.path, copy)
    trial.same_whole(copy.read_bytes())


def fromfile(trial: Trial) -> None:
    dtype = trial.view.array.dtype
    trial.same_whole(np.fromfile(trial.path, dtype).tobytes())
    trial.same(np.fromfile(trial.path, dtype, count=9, offset=13).tobytes(), 13)


def memmap_r(trial: Trial) -> None:
    array = trial.memmap("r")
    trial.same_whole(array.tobytes())
    trial.same(np.memmap(trial.path, "u1", "r", offset=21).tobytes(), 21)


def memmap_c(trial: Trial) -> None:
    array = trial.memmap("c")
    array[...] = np.frombuffer(trial.other_bytes(), array.dtype).reshape(array.shape)


def map_shared_to_read(trial: Trial) -> None:
    with open(trial.path, "rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapping:
        trial.same_whole(mapping[:])


def map_private(trial: Trial) -> None:
    with open(trial.path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY) as mapping:
        trial.same_whole(mapping[:])
        mapping[:] = other = trial.other_bytes()
        same_bytes("a private mapping", other, mapping[:])
        with open(trial.path, "rb") as again:
            trial.same_whole(again.read())


def open_xb(trial: Trial) -> None:
    with refused(f"open {trial.path} xb", errno.EEXIST):
        open(trial.path, "xb").close()


def open_wb(trial: Trial) -> None:
    data = trial.other_bytes()
    with open(trial.path, "wb") as file:
        file.write(data)
    trial.twin.write(trial.view, 0, data)


def open_wb_short(trial: Trial) -> None:
    """What is not written stays as it was."""
    with open(trial.path, "wb") as file:
        file.write(b"short")
    trial.twin.write(trial.view, 0, b"short")
    open(trial.path, "wb").close()


def open_wb_long(trial: Trial) -> None:
    """What fits is written, and the rest is an error."""
    data = trial.other_bytes()
    trial.twin.write(trial.view, 0, data)
    with open(trial.path, "wb", buffering=0) as file:
        same("write beyond the end", len(data), file.write(data + b"more"))
        with refused("write at the end", errno.EFBIG):
            file.write(b"more")


def open_wb_plus(trial: Trial) -> None:
    with open(trial.path, "w+b") as file:
        file.write(b"first")
        trial.twin.write(trial.view, 0, b"first")
        file.seek(0)
        trial.same_whole(file.read())


def open_rb_plus(trial: Trial) -> None:
    with open(trial.path, "r+b") as file:
        file.seek(33)
        file.write(b"in the middle")
        trial.twin.write(trial.view, 33, b"in the middle")
        file.seek(0)
        trial.same_whole(file.read())


def open_ab(trial: Trial) -> None:
    with open(trial.path, "ab", buffering=0) as file, refused(f"appending to {trial.path}", errno.EFBIG):
        file.write(b"more")


def copyfile_in(trial: Trial) -> None:
    data = trial.other_bytes()
    source = trial.session.directory / "source"
    source.write_bytes(data)
    shutil.copyfile(source, trial.path)
    trial.twin.write(trial.view, 0, data)


def tofile(trial: Trial) -> None:
    data = trial.other_bytes()
    np.frombuffer(data, trial.view.array.dtype).tofile(trial.path)
    trial.twin.write(trial.view, 0, data)


def memmap_r_plus(trial: Trial) -> None:
    array = trial.memmap("r+")
    array[1, 2:5] = array[0, 0]
    trial.view.array[1, 2:5] = trial.view.array[0, 0]
    array.flush()
    trial.same_whole(array.tobytes())


def memmap_w_plus(trial: Trial) -> None:
    """The size is fixed, so NumPy has nothing to extend, and its mapping shows what was there."""
    array = trial.memmap("w+")
    trial.same_whole(array.tobytes())
    data = trial.other_bytes()
    array[...] = np.frombuffer(data, array.dtype).reshape(array.shape)
    trial.twin.write(trial.view, 0, data)
    array.flush()


def map_shared(trial: Trial) -> None:
    """Stores are seen by others after `msync`, while the mapping goes on."""
    with open(trial.path, "r+b") as file, mmap.mmap(file.fileno(), 0) as mapping:
        for offset in (0, trial.view.nbytes // 2 - 3, trial.view.nbytes - 6):
            mapping[offset : offset + 6] = b"stored"
            trial.twin.write(trial.view, offset, b"stored")
            mapping.flush()
            check_bytes(trial.session, trial.mount, trial.twin.view("data"), pieces=0)


def map_shared_and_unmap(trial: Trial) -> None:
    """Stores are seen by others after `munmap`."""
    data = trial.other_bytes()
    with open(trial.path, "r+b") as file, mmap.mmap(file.fileno(), 0) as mapping:
        mapping[:] = data
    trial.twin.write(trial.view, 0, data)


def map_shared_from_offset(trial: Trial) -> None:
    """A mapping that starts in the middle of the file, where the file is long enough for one."""
    start = mmap.ALLOCATIONGRANULARITY
    if trial.view.nbytes <= start:
        return
    with open(trial.path, "r+b") as file, mmap.mmap(file.fileno(), trial.view.nbytes - start, offset=start) as mapping:
        trial.same(mapping[:], start)
        mapping[-4:] = b"last"
        trial.twin.write(trial.view, trial.view.nbytes - 4, b"last")
        mapping.flush()


READING = [open_rb, copyfile_out, fromfile, memmap_r, memmap_c, map_shared_to_read, map_private, open_xb]
WRITING = [
    open_wb,
    open_wb_short,
    open_wb_long,
    open_wb_plus,
    open_rb_plus,
    open_ab,
    copyfile_in,
    tofile,
    memmap_r_plus,
    memmap_w_plus,
    map_shared,
    map_shared_and_unmap,
    map_shared_from_offset,
]


def uses_of(mode: str, order: str) -> Case:
    """The case that tries every use that the mode allows on every view."""
    raw = RawArray(np.dtype(">f8"), SHAPE, order, offset=3, tail=9)

    def case(session: Session) -> None:
        with mounted_twin(session, raw, mode) as (mount, twin):
            nodes = {os.stat(mount.path(view.path)).st_ino: view for view in twin.views}
            for name in VIEWS:
                path = mount.path(name)
                trial = Trial(session, mount, twin, nodes[os.stat(path).st_ino], path)
                for use in READING + (WRITING if mode != "r" else []):
                    session.note(f"{use.__name__} {name}")
                    use(trial)
                    trial.same_whole(Path(path).read_bytes())
                    check_bytes(session, mount, twin.view("data"), pieces=0)
                    if mode != "c":
                        same_bytes("the file", bytes(twin.content), mount.file.read_bytes())

    return case


NAMED = {f"{mode}, {order}": uses_of(mode, order) for mode in ("r", "r+", "c") for order in "CF"}

if __name__ == "__main__":
    main(__doc__, NAMED)
