"""Raw arrays in files: how `numpy.memmap` describes them, how that is put to arrayfs, and random ones."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

T = TypeVar("T")

MODES = {"r": "readonly", "r+": "readwrite", "w+": "write", "c": "copyonwrite"}

CODES = "? i1 u1 i2 u2 i4 u4 i8 u8 f2 f4 f8 g c8 c16 S1 S3 S10 U1 U2 V1 V5 V16 M8 M8[ns] M8[25s] m8[D] m8".split()
DTYPES = sorted({np.dtype(code).newbyteorder(mark).str for code in CODES for mark in "<>"})
"""Every plain kind in both byte orders, sizes that are no power of two among them."""


def pick(rng: np.random.Generator, choices: Sequence[T]) -> T:
    return choices[rng.integers(len(choices))]


@dataclass(frozen=True)
class RawArray:
    """An array in a file: `offset` bytes come before it, `tail` bytes after it."""

    dtype: np.dtype
    shape: tuple[int, ...]
    order: str = "C"
    offset: int = 0
    tail: int = 0

    def __str__(self) -> str:
        return f"{self.dtype.str} {self.shape} {self.order}, offset {self.offset}, {self.tail} bytes after it"

    @property
    def nbytes(self) -> int:
        return self.dtype.itemsize * math.prod(self.shape)

    @property
    def end(self) -> int:
        """Bytes of the file up to the array's end."""
        return self.offset + self.nbytes

    def over(self, content: bytes | bytearray) -> np.ndarray:
        """The array as NumPy sees it in the file's content."""
        return np.ndarray(self.shape, self.dtype, content, self.offset, order=self.order)

    def options(self, rng: np.random.Generator, mode: str, file_size: int) -> list[str]:
        """The options of arrayfs that describe this array, in one of their spellings; defaults are left out at random.

        `file_size` tells whether the shape can be left to the program.
        """
        inferred = file_size == self.end and self.nbytes > 0 and mode != "w+"
        values = {
            "dtype": pick(rng, dtype_spellings(self.dtype)),
            "order": pick(rng, [self.order, self.order.lower()]),
            "offset": str(self.offset),
            "mode": pick(rng, [mode, MODES[mode]]),
        }
        defaults = {
            "dtype": self.dtype == np.uint8,
            "order": self.order == "C",
            "offset": self.offset == 0,
            "mode": mode == "r+",
        }
        given = {name: value for name, value in values.items() if not defaults[name] or rng.integers(2)}
        shape = list(self.shape)
        if shape and inferred and rng.integers(2):
            shape[rng.integers(len(shape))] = -1
        if shape != [-1] or rng.integers(2):
            given["shape"] = "x".join(map(str, shape)) or "()"
        if rng.integers(4) == 0:
            return ["-o", ",".join(f"{name}={value}" for name, value in given.items())] if given else []
        if "shape" in given:
            given["shape"] = pick(rng, [given["shape"], ",".join(map(str, shape)) or "()", str(tuple(shape))])
        return [f"--{name}={value}" for name, value in given.items()]


def dtype_spellings(dtype: np.dtype) -> list[str]:
    """The `str`, and where they mean the same, the code without its mark and the name."""
    spellings = [dtype.str]
    for spelling in (dtype.str[1:], dtype.name):
        try:
            if np.dtype(spelling) == dtype:
                spellings.append(spelling)
        except TypeError:  # The names of `S`, `U` and `V`, such as `bytes24`, are not accepted as input.
            pass
    return spellings


def random_array(rng: np.random.Generator) -> RawArray:
    """An array of 0 to 6 axes and at most a few thousand items, of any dtype, at any place in its file."""
    axes = int(rng.integers(7))
    longest = {1: 300, 2: 60, 3: 16}.get(axes, 7)
    room = 3000
    shape = []
    for _ in range(axes):
        length = 0 if rng.integers(25) == 0 else int(rng.integers(1, min(longest, room) + 1))
        room //= max(length, 1)
        shape.append(length)
    return RawArray(
        dtype=np.dtype(pick(rng, DTYPES)),
        shape=tuple(int(length) for length in rng.permutation(shape)),
        order=pick(rng, "CF"),
        offset=int(pick(rng, [0, 0, 1, 3, 4096, rng.integers(10_000)])),
        tail=int(pick(rng, [0, 0, 1, 7, rng.integers(10_000)])),
    )


def write_into(array: np.ndarray, offset: int, data: bytes) -> None:
    """What `pwrite` of `data` at `offset` of the file `array.tobytes()` does, done by one assignment in NumPy."""
    content = bytearray(array.tobytes())
    content[offset : offset + len(data)] = data
    array[...] = np.frombuffer(content, array.dtype).reshape(array.shape)
