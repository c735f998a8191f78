"""Arrays of every type that TIFF has, and the images that `tiff/` has to show of them."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cases import Session
from checks import same, same_bytes
from members import random_values

TYPES = [np.dtype(code).newbyteorder(mark) for code in "?bBhHiIqQefdFD" for mark in "<>"]
TYPES = sorted({dtype.str: dtype for dtype in TYPES}.values(), key=str)

SHAPES = [
    (5, 7), (1, 7), (6, 1), (3, 4), (3, 5, 7), (1, 4, 6), (4, 1, 5), (3, 5, 1), (5, 4, 3), (4, 5, 4),
    (2, 3, 4, 5), (3, 1, 4, 5), (2, 3, 4, 3), (2, 4, 3, 4), (2, 3, 2, 4, 5), (2, 1, 3, 5, 4), (2, 2, 3, 5, 3),
    (2, 2, 2, 3, 4, 5), (2, 2, 2, 3, 4, 3),
]  # fmt: skip

Image = tuple[str, np.ndarray]
"""The path of a file and the array that it shows."""


def arrays(session: Session, dtype: np.dtype) -> dict[str, np.ndarray]:
    """An array of each shape, in the orders C and F by turns: in the other one for the other byte order."""
    made = {}
    for number, shape in enumerate(SHAPES):
        order = "CF"[(number + (dtype.byteorder == ">")) % 2]
        made[f"a{number}{order}"] = random_values(session.rng, np.zeros(shape, dtype)).copy(order)
    return made


def stored_archive(session: Session, made: dict[str, np.ndarray]) -> Path:
    """A file of many arrays; their positions in it are multiples of nothing."""
    file = session.directory / f"{next(iter(made.values())).dtype.str.replace('|', '')}.npz"
    np.savez(file, **made)
    return file


def images(path: str, array: np.ndarray) -> Iterator[Image]:
    """The images below the array directory `path`: whole arrays, slices and transposes."""
    yield f"{path}tiff/data.tif", array
    yield f"{path}T/tiff/data.tif", array.T
    # tiffcp takes what follows a comma in a name for the number of a page.
    yield f"{path}tiff/slices/::-2.tif", array[::-2]
    yield f"{path}T/tiff/slices/::-2.tif", array.T[::-2]
    if array.ndim >= 3:
        yield f"{path}tiff/rows/{len(array) - 1}.tif", array[-1]
        yield f"{path}tiff/cols/0.tif", array[:, 0]
        yield f"{path}T/tiff/axes/0/-1.tif", array.T[-1]


def shown(array: np.ndarray) -> np.ndarray:
    """What an image holds: truth values are numbers."""
    return array.view("u1") if array.dtype == bool else array


def samples(array: np.ndarray) -> int:
    """The number of values of a pixel: colours are the last axis of small unsigned integers."""
    colours = array.ndim >= 3 and array.dtype.kind == "u" and array.dtype.itemsize <= 2 and array.shape[-1] in (3, 4)
    return array.shape[-1] if colours else 1


def pages(array: np.ndarray) -> np.ndarray:
    """The array with all axes but those of a page in one."""
    axes = 3 if samples(array) > 1 else 2
    return shown(array).reshape(-1, *array.shape[-axes:])


def same_image(subject: str, expected: np.ndarray, got: np.ndarray) -> None:
    """Holds `got` to have the type, the shape and the bytes of `expected`, in any byte order."""
    expected = shown(expected)
    expected = expected.astype(expected.dtype.newbyteorder("="), "C")
    same(f"the shape of {subject}", expected.shape, got.shape)
    same(f"the type of {subject}", expected.dtype, got.dtype.newbyteorder("="))
    same_bytes(subject, expected.tobytes(), got.astype(expected.dtype).tobytes())
