"""The images in `tiff/`, as GDAL reads them."""

import io
import subprocess
from pathlib import Path

import numpy as np

from cases import Case, Session, main
from checks import same, same_bytes
from tiff_cases import TYPES, arrays, images, pages, samples, shown, stored_archive

TYPE_NAMES = {
    "Byte": "u1", "UInt16": "u2", "Int16": "i2", "UInt32": "u4", "Int32": "i4", "UInt64": "u8", "Int64": "i8",
    "Float32": "f4", "Float64": "f8", "CFloat32": "c8", "CFloat64": "c16",
}  # fmt: skip
"""GDAL's names of types. GDAL 3.6 has no signed bytes, which it takes for unsigned, and widens halves."""

READER = str(Path(__file__).with_name("gdal_pages.py"))


def read(paths: list[str]) -> io.BytesIO:
    command = ["/usr/bin/python3", READER, *paths]
    done = subprocess.run(command, capture_output=True, timeout=100, check=False)
    same("what GDAL complains of", (0, ""), (done.returncode, done.stderr.decode()))
    return io.BytesIO(done.stdout)


def every_type_and_shape(session: Session) -> None:
    """Members of an archive, in both orders, and every other one transposed. GDAL opens a file anew for each page."""
    for dtype in TYPES:
        made = arrays(session, dtype)
        file = stored_archive(session, made)
        session.subject = str(file)
        with session.mount(file, ["--mode", "r"]) as mount:
            parts = []
            for number, (name, array) in enumerate(made.items()):
                whole, transposed, *_ = images(f"{name}/", array)
                parts.append(transposed if number % 2 else whole)
            output = read([mount.path(path) for path, _ in parts])
            for path, part in parts:
                check(path, part, output)


def check(path: str, part: np.ndarray, output: io.BytesIO) -> None:
    """Compares the next image of the output with the array that it shows."""
    same(f"the pages of {path}", len(pages(part)), int(output.readline()))
    kind = {"i1": "u1", "f2": "f4"}.get(shown(part).dtype.str[1:], shown(part).dtype.str[1:])
    for page in pages(part):
        height, width = page.shape[:2]
        *size, name = output.readline().decode().split()
        same(f"the size of {path}", [width, height, samples(part)], list(map(int, size)))
        same(f"the type of {path}", kind, TYPE_NAMES[name])
        bands = np.moveaxis(page.reshape(height, width, -1), -1, 0)
        expected = bands.astype(kind).tobytes()
        same_bytes(f"a page of {path}", expected, output.read(len(expected)))


CASES: dict[str, Case] = {"every type and shape": every_type_and_shape}

if __name__ == "__main__":
    main(__doc__, CASES)
