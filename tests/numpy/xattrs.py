"""Asks for the extended attributes of everything in a mount, which only `--xattr` serves."""

import ast
import errno
import os

import numpy as np

from arrays import RawArray, pick, random_array
from cases import Session, main
from checks import refused, same
from mounting import Mount
from twins import mounted_twin
from views import places

NAMES = ["user.dtype", "user.shape", "user.ndim", "user.size", "user.itemsize"]


def check(mount: Mount, path: str, array: np.ndarray, item: np.dtype) -> None:
    """The attributes of a file or directory that stands for this array and shows items of this type."""
    path = mount.path(path)
    same(f"attributes of {path}", sorted(NAMES), sorted(os.listxattr(path)))
    got = {name: os.getxattr(path, name).decode() for name in NAMES}
    dtype = got.pop("user.dtype")
    if item.names is None:
        same(f"dtype of {path}", item.str, dtype)
    else:
        same(f"dtype of {path}", item, np.dtype(ast.literal_eval(dtype)))
    expected = {
        "user.shape": str(array.shape),
        "user.ndim": str(array.ndim),
        "user.size": str(array.size),
        "user.itemsize": str(item.itemsize),
    }
    same(f"attributes of {path}", expected, got)
    with refused(f"another attribute of {path}", errno.ENODATA):
        os.getxattr(path, "user.other")


def random_case(session: Session) -> None:
    rng = session.rng
    raw = random_array(rng)
    with mounted_twin(session, raw, pick(rng, ["r", "r+", "c"]), options=("--xattr",)) as (mount, twin):
        tree = places(twin.array, raw.preamble, raw.order)
        files = [(path, array, place.dtype) for place in tree for path, array, _ in place.files()]
        for index in rng.permutation(len(files))[:20]:
            check(mount, *files[index])
        for place in tree[:20]:
            check(mount, place.path, place.array, place.dtype)
            if place.shows(place.array.ndim):
                check(mount, f"{place.path}slices/...{place.suffix}", place.array, place.dtype)
            for name in {"meta.json", "README.txt", "index.html", "rows", "axes", "slices", "fields"}:
                path = mount.path(place.path + name)
                if os.path.exists(path):
                    same(f"attributes of {path}", [], os.listxattr(path))
                    with refused(f"an attribute of {path}", errno.ENODATA):
                        os.getxattr(path, "user.dtype")


def not_served(session: Session) -> None:
    """Without the option the mount has no extended attributes at all."""
    with mounted_twin(session, RawArray(np.dtype("<f4"), (3, 4)), "r+") as (mount, _):
        for name in ("", "data", "rows", "rows/1", "meta.json"):
            with refused(f"an attribute of {name!r}", errno.ENOTSUP):
                os.getxattr(mount.path(name), "user.dtype")
            with refused(f"an attribute to be set of {name!r}", errno.ENOTSUP):
                os.setxattr(mount.path(name), "user.dtype", b"<f4")
            try:
                listed = os.listxattr(mount.path(name))
            except OSError as error:
                same(f"listxattr of {name!r}", errno.ENOTSUP, error.errno)
            else:
                same(f"attributes of {name!r}", [], listed)


def not_changed(session: Session) -> None:
    """An attribute can be set to what it is, which tools that copy do, and to nothing else."""
    with mounted_twin(session, RawArray(np.dtype("<f4"), (3, 4)), "r+", options=("--xattr",)) as (mount, _):
        path = mount.path("rows/1")
        os.setxattr(path, "user.dtype", b"<f4")
        with refused("another dtype", errno.EPERM):
            os.setxattr(path, "user.dtype", b"<f8")
        with refused("removing the dtype", errno.EPERM):
            os.removexattr(path, "user.dtype")
        with refused("a new attribute", errno.ENOTSUP):
            os.setxattr(path, "user.other", b"x")


NAMED = {"not served": not_served, "not changed": not_changed}

if __name__ == "__main__":
    main(__doc__, NAMED, random_case, count=15)
