"""Writes random pieces through random views, in NumPy too, and compares other views and at the end the backing file."""

import contextlib
import dataclasses
import errno
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from arrays import RawArray, pick, random_array
from cases import Case, Session, main
from checks import refused, same, same_bytes
from mounting import Mount
from tree import check_bytes, check_piece
from twins import Twin, mounted_twin
from views import View

FLAGS = [0, 0, os.O_SYNC, os.O_DSYNC]
KEPT_OPEN = 5


class Handles:
    """Open files, some of them kept for a while: a handle has to see what is written after it was opened."""

    def __init__(self, session: Session, mount: Mount):
        self.session = session
        self.mount = mount
        self.open: dict[str, int] = {}

    def handle(self, view: View) -> int:
        if view.path not in self.open:
            if len(self.open) == KEPT_OPEN:
                os.close(self.open.pop(pick(self.session.rng, list(self.open))))
            flags = os.O_RDWR | pick(self.session.rng, FLAGS)
            self.session.note(f"open {view.path!r}, flags {flags:#o}")
            self.open[view.path] = os.open(self.mount.path(view.path), flags)
        return self.open[view.path]

    def close(self) -> None:
        for descriptor in self.open.values():
            os.close(descriptor)
        self.open.clear()


def random_case(session: Session) -> None:
    rng = session.rng
    raw = random_array(rng)
    mode = pick(rng, ["r+", "r+", "c", "w+"])
    before = None
    if mode == "r+" and raw.nbytes > 0 and rng.integers(4) == 0:
        before = rng.bytes(int(rng.integers(len(raw.preamble), raw.end)))
    if mode == "w+":
        offset = 0 if raw.nbytes == 0 else raw.offset
        raw = dataclasses.replace(raw, offset=offset, preamble=b"")
    with mounted_twin(session, raw, mode, before) as (mount, twin):
        write_and_compare(session, mount, twin, steps=30)


def write_and_compare(session: Session, mount: Mount, twin: Twin, steps: int) -> None:
    rng = session.rng
    whole = [view for view in twin.views if os.path.basename(view.path) in ("data", "data.npy")]
    with contextlib.closing(Handles(session, mount)) as handles:
        for _ in range(steps):
            view = pick(rng, twin.views)
            descriptor = handles.handle(view)
            write_piece(session, twin, view, descriptor)
            if rng.integers(4) == 0:
                flush(session, mount, view, descriptor)
            if rng.integers(4) == 0:
                refuse(session, mount, view, descriptor)
            for other in (pick(rng, whole), pick(rng, twin.views)):
                check_piece(session, handles.handle(other), other, other.tobytes())
    check_bytes(session, mount, twin.view("data"), pieces=0)
    for view in [pick(rng, whole) for _ in range(10)] + [pick(rng, twin.views) for _ in range(20)]:
        check_bytes(session, mount, view, pieces=0)


def write_piece(session: Session, twin: Twin, view: View, descriptor: int) -> None:
    """One `pwrite` of a random piece, which may cross the end: then it is a short write.

    What falls on a header has to be what is there.
    """
    rng = session.rng
    if view.nbytes == 0:
        return
    offset = int(rng.integers(view.nbytes))
    size = int(pick(rng, [rng.integers(1, 20), rng.integers(1, view.nbytes + 20)]))
    session.note(f"pwrite {view.path!r}, {size} bytes at {offset}")
    data = rng.bytes(size)
    header = view.header[offset : offset + size]
    if header and not data.startswith(header):
        with refused(f"pwrite {view.path} over its header", errno.EINVAL):
            os.pwrite(descriptor, data, offset)
        data = header + data[len(header) :]
    same(f"pwrite {view.path}", twin.write(view, offset, data), os.pwrite(descriptor, data, offset))


def flush(session: Session, mount: Mount, view: View, descriptor: int) -> None:
    call = pick(session.rng, [os.fsync, os.fdatasync])
    session.note(f"{call.__name__} {view.path!r}, and its directory")
    call(descriptor)
    directory = os.open(os.path.dirname(mount.path(view.path)), os.O_RDONLY | os.O_DIRECTORY)
    call(directory)
    os.close(directory)


def refuse(session: Session, mount: Mount, view: View, descriptor: int) -> None:
    """What would change a file's size fails, and changes nothing."""
    session.note(f"forbidden calls on {view.path!r}")
    for offset in (view.nbytes, view.nbytes + int(session.rng.integers(1, 5000))):
        with refused(f"pwrite {view.path} at {offset} of {view.nbytes}", errno.EFBIG):
            os.pwrite(descriptor, b"x", offset)
    for size in {view.nbytes // 2, view.nbytes + 1} - {0, view.nbytes}:
        with refused(f"ftruncate {view.path} to {size} of {view.nbytes}", errno.EPERM):
            os.ftruncate(descriptor, size)
    os.ftruncate(descriptor, view.nbytes)
    appending = os.open(mount.path(view.path), os.O_WRONLY | os.O_APPEND)
    try:
        with refused(f"appending to {view.path}", errno.EFBIG):
            os.write(appending, b"x")
    finally:
        os.close(appending)


def fixed(raw: RawArray, mode: str, steps: int) -> Case:
    """The case of one array."""

    def case(session: Session) -> None:
        with mounted_twin(session, raw, mode) as (mount, twin):
            write_and_compare(session, mount, twin, steps)

    return case


def created(session: Session) -> None:
    """`w+` creates the file that is not there."""
    raw = RawArray(np.dtype("<f8"), (3, 4), offset=5000)
    session.subject = f"{raw}, mode w+, no file yet"
    file = session.directory / "new.bin"
    with session.mount(file, raw.options(session.rng, "w+", 0)) as mount:
        with open(mount.path("rows/1"), "r+b") as row:
            row.write(np.arange(4.0).tobytes())
    content = bytearray(raw.end)
    raw.over(content)[1] = np.arange(4.0)
    same_bytes("the file after unmounting", bytes(content), file.read_bytes())


def parallel(order: str) -> Case:
    """Threads that each write rows of their own, some through `rows/`, some through `data`, at the same time."""
    raw = RawArray(np.dtype("<u4"), (24, 500), order, offset=3)

    def write_row(mount: Mount, twin: Twin, index: int, seed: list[int]) -> None:
        rng = np.random.default_rng(seed)
        row = twin.view(f"rows/{index}")
        through_data = order == "C" and index % 2 == 0
        path, start = ("data", index * row.nbytes) if through_data else (row.path, 0)
        descriptor = os.open(mount.path(path), os.O_RDWR)
        try:
            for _ in range(60):
                offset = int(rng.integers(row.nbytes))
                data = rng.bytes(int(rng.integers(1, row.nbytes - offset + 1)))
                same(f"pwrite {path}", twin.write(row, offset, data), os.pwrite(descriptor, data, start + offset))
                same_bytes(path, row.tobytes(), os.pread(descriptor, row.nbytes, start), start)
        finally:
            os.close(descriptor)

    def case(session: Session) -> None:
        seed = int(session.rng.integers(1 << 32))
        with mounted_twin(session, raw, "r+") as (mount, twin), ThreadPoolExecutor(8) as threads:
            writes = [threads.submit(write_row, mount, twin, row, [seed, row]) for row in range(raw.shape[0])]
            for write in writes:
                write.result()
            check_bytes(session, mount, twin.view("T/data"), pieces=0)

    return case


NAMED = {
    "megabytes": fixed(RawArray(np.dtype("<f4"), (700, 1000), "C", 128), "r+", steps=12),
    "megabytes, F, unaligned": fixed(RawArray(np.dtype(">i8"), (30, 60, 150), "F", 3, 7), "c", steps=12),
    "64 axes": fixed(RawArray(np.dtype("<i2"), (2, 1, 1, 3) + (1,) * 56 + (2, 1, 3, 1), "C", 5), "r+", steps=60),
    "created": created,
    "parallel": parallel("C"),
    "parallel, F": parallel("F"),
}

if __name__ == "__main__":
    main(__doc__, NAMED, random_case, count=100)
