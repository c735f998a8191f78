"""A mounted array and its twin in memory: what is written into the one is assigned in NumPy to the other."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from arrays import RawArray
from cases import Session
from checks import same_bytes
from mounting import Mount
from views import View, all_views


@dataclass(frozen=True)
class Twin:
    """The content that the backing file should have, and every view of the array in it."""

    content: bytearray
    array: np.ndarray
    views: list[View]

    def view(self, path: str) -> View:
        return next(view for view in self.views if view.path == path)

    def write(self, view: View, offset: int, data: bytes) -> int:
        """Does what a `pwrite` should have done, and gives what it should have returned.

        What it has for the header, if there is one, must be what is there.
        """
        data = data[: view.nbytes - offset]
        inside = max(len(view.header) - offset, 0)
        same_bytes(f"header of {view.path}", view.header[offset : offset + len(data)], data[:inside], offset)
        view.write(max(offset - len(view.header), 0), data[inside:])
        return len(data)


def expected_content(raw: RawArray, mode: str, before: bytes) -> bytes:
    """What the file holds once it is mounted: `w+` starts with zeros, `r+` adds them where the file is too short."""
    return bytes(raw.end) if mode == "w+" else before.ljust(raw.end, b"\0")


@contextlib.contextmanager
def mounted_twin(
    session: Session, raw: RawArray, mode: str, before: bytes | None = None, options: tuple[str, ...] = ()
) -> Iterator[tuple[Mount, Twin]]:
    """Mounts a file that holds `before`, random bytes by default; afterwards it has to hold what the twin does.

    With the mode `c` it has to hold what it held.
    """
    session.subject = f"{raw}, mode {mode}"
    if before is None:
        before = session.rng.bytes(raw.end + raw.tail)
    before = raw.preamble + before[len(raw.preamble) :]
    content = bytearray(expected_content(raw, mode, before))
    array = raw.over(content)
    twin = Twin(content, array, all_views(array, raw.preamble, raw.order))
    file = session.directory / "array.bin"
    file.write_bytes(before)
    grows = mode == "r+" and len(before) < raw.end
    if grows and not session.extends_files:
        os.truncate(file, raw.end)
        grows = False
    with session.mount(
        file,
        raw.options(session.rng, mode, len(before)) + (["--extend"] if grows else []) + list(options),
        announces=(str(len(before)), str(raw.end)) if grows else (),
    ) as mount:
        yield mount, twin
    same_bytes("the file after unmounting", before if mode == "c" else bytes(content), file.read_bytes())
