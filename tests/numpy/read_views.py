"""Mounts random arrays and reads every view, whole and in pieces, against the bytes that NumPy gives."""

import errno
import os

import numpy as np

from arrays import RawArray, pick, random_array
from cases import Case, Session, main
from checks import expect, refused
from mounting import Mount
from tree import check_names, check_tree
from twins import mounted_twin
from views import View, places


def random_case(session: Session) -> None:
    rng = session.rng
    raw = random_array(rng)
    mode = pick(rng, ["r", "r+", "c"])
    pad = bool(rng.integers(2))
    with mounted_twin(session, raw, mode, options=("--pad",) if pad else ()) as (mount, twin):
        check_tree(session, mount, twin.array, raw, mode, pad)
        check_names(session, mount, places(twin.array, raw.preamble, raw.order))
        check_opening_to_write(mount, twin.views[0], mode)
        expect(os.statvfs(mount.point).f_namemax > 0, "statvfs says that no name can have a byte")


def check_opening_to_write(mount: Mount, view: View, mode: str) -> None:
    if mode == "r":
        with refused(f"opening {view.path} to write", errno.EROFS):
            os.open(mount.path(view.path), os.O_WRONLY)
    else:
        os.close(os.open(mount.path(view.path), os.O_WRONLY))


def fixed(raw: RawArray, mode: str = "r+", pad: bool = False, most: int = 150) -> Case:
    """The case of one array."""

    def case(session: Session) -> None:
        with mounted_twin(session, raw, mode, options=("--pad",) if pad else ()) as (mount, twin):
            check_tree(session, mount, twin.array, raw, mode, pad, most)

    return case


def empty_file(session: Session) -> None:
    """A file of no bytes at all has the shape (0,) in the modes that do not create it."""
    raw = RawArray(np.dtype("u1"), (0,))
    for mode in ("r", "r+", "c"):
        with mounted_twin(session, raw, mode) as (mount, twin):
            check_tree(session, mount, twin.array, raw, mode, pad=False)


NAMED = {
    "64 axes": fixed(RawArray(np.dtype("<i2"), (2, 1, 1, 3) + (1,) * 56 + (2, 1, 3, 1), "C", 5)),
    "64 axes, F": fixed(RawArray(np.dtype(">c16"), (1,) * 60 + (3, 2, 1, 2), "F", 16, 1)),
    "tall": fixed(RawArray(np.dtype("<f4"), (1200, 3), "C", 128), pad=True),
    "wide, F": fixed(RawArray(np.dtype("V5"), (3, 1200), "F", 3), mode="r"),
    "megabytes": fixed(RawArray(np.dtype(">f8"), (600, 700), "C", 80), most=12),
    "megabytes, F, unaligned": fixed(RawArray(np.dtype("<c8"), (40, 50, 200), "F", 3, 9), mode="c", most=12),
    "empty file": empty_file,
}

if __name__ == "__main__":
    main(__doc__, NAMED, random_case, count=100)
