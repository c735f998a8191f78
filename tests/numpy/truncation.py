"""Opens, truncates, writes and closes random views, against a model of what truncation means where sizes are fixed.

It only leaves a mark of where the file would end: 0 after `O_TRUNC`. A write beyond the mark first fills the gap with
zeros, a write moves the mark, `ftruncate` to the full size fills up to the end, and a read, a mapping, a write of some
of its bytes through another file or the last close drops it.
"""

import errno
import mmap
import os

import numpy as np

from arrays import RawArray, pick, random_array
from cases import Session, main
from checks import refused, same, same_bytes
from mounting import Mount
from tree import check_bytes
from twins import Twin, mounted_twin
from views import View, index_spellings


class TruncatedFile:
    """The file of a slice and the model of its mark: every method moves both, and compares where something shows."""

    def __init__(self, session: Session, mount: Mount, twin: Twin, view: View):
        self.session = session
        self.mount = mount
        self.twin = twin
        self.view = view
        *_, axis, index = view.node.split("/")
        folders = [other.path.rpartition("/")[0] for other in twin.views if other.node == view.node]
        spellings = index_spellings(int(index), twin.array.shape[int(axis)])
        self.names = [f"{folder}/{name}" for folder in folders for name in spellings]
        self.handles: list[int] = []
        self.mark: int | None = None
        self.others: list[TruncatedFile] = []

    def open(self, flags: int) -> None:
        path = pick(self.session.rng, self.names)
        self.note(f"open as {path}, flags {flags:#o}")
        self.handles.append(os.open(self.mount.path(path), flags))
        if flags & os.O_TRUNC:
            self.mark = 0

    def truncate_path(self) -> None:
        self.note("truncate of the path to 0")
        os.truncate(self.mount.path(self.view.path), 0)
        self.mark = 0

    def truncate_descriptor(self) -> None:
        self.note("ftruncate to 0")
        os.ftruncate(self.handle(), 0)
        self.mark = 0

    def close(self) -> None:
        self.note("close")
        os.close(self.handles.pop(self.session.rng.integers(len(self.handles))))
        if not self.handles:
            self.mark = None

    def close_all(self) -> None:
        while self.handles:
            self.close()

    def write(self, offset: int, data: bytes) -> None:
        self.note(f"pwrite {len(data)} bytes at {offset}")
        self.reach(offset if self.mark is None else min(self.mark, offset), offset + len(data))
        if self.mark is not None:
            self.fill(offset)
        written = self.twin.write(self.view, offset, data)
        if self.mark is not None:
            self.mark = max(self.mark, offset + written)
        same(f"pwrite {self.view.path}", written, os.pwrite(self.handle(), data, offset))

    def write_at_end(self) -> None:
        self.note("pwrite at the end")
        with refused(f"pwrite {self.view.path} at the end", errno.EFBIG):
            os.pwrite(self.handle(), b"x", self.view.nbytes)

    def extend(self) -> None:
        self.note("ftruncate to the full size")
        if self.mark is not None:
            self.reach(self.mark, self.view.nbytes)
            self.fill(self.view.nbytes)
            self.mark = self.view.nbytes
        os.ftruncate(self.handle(), self.view.nbytes)

    def resize(self) -> None:
        size = self.view.nbytes + 1
        self.note(f"ftruncate to {size}")
        with refused(f"ftruncate {self.view.path} to {size} of {self.view.nbytes}", errno.EPERM):
            os.ftruncate(self.handle(), size)

    def read(self) -> None:
        self.note("read")
        with open(self.mount.path(self.view.path), "rb", buffering=0) as file:
            self.mark = None
            same_bytes(self.view.path, self.view.tobytes(), file.read())

    def map(self) -> None:
        self.note("map")
        with (
            open(self.mount.path(self.view.path), "rb", buffering=0) as file,
            mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapping,
        ):
            self.mark = None
            same_bytes(self.view.path, self.view.tobytes(), mapping[:])

    def fill(self, end: int) -> None:
        """The gap between the mark and `end`, in NumPy."""
        if end > self.mark:
            self.twin.write(self.view, self.mark, bytes(end - self.mark))

    def reach(self, start: int, end: int) -> None:
        """Other files that show one of these bytes no longer count as truncated."""
        places = self.places().reshape(-1)[start:end]
        for other in self.others:
            if np.isin(places, other.places()).any():
                other.mark = None

    def places(self) -> np.ndarray:
        """Where each byte of the file lies in the array that is mounted, by its address."""
        array = self.view.array
        first = np.array(array.__array_interface__["data"][0])
        for length, stride in zip(array.shape, array.strides, strict=True):
            first = first[..., None] + np.arange(length) * stride
        within = np.arange(array.dtype.itemsize)
        return first[..., None] + (within[self.view.variant.order] if self.view.variant else within)

    def handle(self) -> int:
        return pick(self.session.rng, self.handles)

    def note(self, operation: str) -> None:
        self.session.note(f"{self.view.path}: {operation}")

    def random_step(self) -> None:
        rng = self.session.rng
        if not self.handles or rng.integers(6) == 0:
            self.open(pick(rng, [os.O_WRONLY, os.O_RDWR]) | pick(rng, [0, os.O_TRUNC]))
            return
        offset = int(pick(rng, [0, self.mark or 0, rng.integers(self.view.nbytes)]))
        data = rng.bytes(int(pick(rng, [rng.integers(1, 12), rng.integers(1, self.view.nbytes + 4)])))
        steps = [self.close, self.close, self.extend, self.resize, self.read, self.map, self.truncate_path]
        steps.append(self.truncate_descriptor)
        if offset < self.view.nbytes:
            steps += [lambda: self.write(offset, data)] * 8
        else:
            steps += [self.write_at_end] * 8
        pick(rng, steps)()


def random_case(session: Session) -> None:
    rng = session.rng
    raw = random_array(rng)
    while not raw.shape or raw.nbytes == 0:
        raw = random_array(rng)
    with mounted_twin(session, raw, pick(rng, ["r+", "c"])) as (mount, twin):
        slices = [view for view in twin.views if view.path.startswith(("axes/", "native/axes/"))]
        chosen = {view.node: view for view in (pick(rng, slices), pick(rng, slices))}
        files = [TruncatedFile(session, mount, twin, view) for view in chosen.values()]
        for file in files:
            file.others = [other for other in files if other is not file]
        try:
            for _ in range(60):
                pick(rng, files).random_step()
                # Reading another file shows what this one holds and leaves its mark alone.
                check_bytes(session, mount, twin.view("data"), pieces=0)
        finally:
            for file in files:
                file.close_all()


def truncated_by_path(session: Session) -> None:
    """`truncate(path, 0)` leaves the mark until the file has been opened and closed."""
    raw = RawArray(np.dtype("<f4"), (6, 50), "F")
    with mounted_twin(session, raw, "r+") as (mount, twin):
        file = TruncatedFile(session, mount, twin, twin.view("axes/0/2"))
        file.truncate_path()
        file.open(os.O_WRONLY)
        file.write(101, b"after zeros")
        file.close()
        file.open(os.O_WRONLY)
        file.write(150, b"after what was there")
        file.close()
        check_bytes(session, mount, twin.view("data"), pieces=0)


def opened_at_once_after_close(session: Session) -> None:
    """The last close has dropped the mark when it returns, also if the file is opened again in the same moment."""
    raw = RawArray(np.dtype("u1"), (4, 100), "C")
    with mounted_twin(session, raw, "r+") as (mount, twin):
        file = TruncatedFile(session, mount, twin, twin.view("axes/0/1"))
        for _ in range(300):
            file.open(os.O_WRONLY | os.O_TRUNC)
            file.write(0, session.rng.bytes(10))
            file.close()
            file.open(os.O_WRONLY)
            file.write(90, session.rng.bytes(10))
            file.close()
            check_bytes(session, mount, twin.view("data"), pieces=0)


NAMED = {"by path": truncated_by_path, "opened at once after close": opened_at_once_after_close}

if __name__ == "__main__":
    main(__doc__, NAMED, random_case, count=100)
