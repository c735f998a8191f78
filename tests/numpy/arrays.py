"""Arrays in files: how `numpy.memmap` describes them, how that is put to arrayfs, and random ones.

A file says nothing of itself, or it begins with a header of NumPy's.
"""

import ast
import contextlib
import io
import math
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.lib import _format_impl as npy

from npy_headers import framed, respelled
from views import npy_header

T = TypeVar("T")

MODES = {"r": "readonly", "r+": "readwrite", "w+": "write", "c": "copyonwrite"}

CODES = "? i1 u1 i2 u2 i4 u4 i8 u8 f2 f4 f8 g c8 c16 S1 S3 S10 U1 U2 V1 V5 V16 M8 M8[ns] M8[25s] m8[D] m8".split()
DTYPES = sorted({np.dtype(code).newbyteorder(mark).str for code in CODES for mark in "<>"})
"""Every plain kind in both byte orders, sizes that are no power of two among them."""

NAMES = ["x", "y", "id", "a b", "it's", 'say "x"', "a,b", "line\nbreak", "back\\slash", "é", "a.b", "m[0]", "+"]
NAMES += [":", "/", "a/b", ".", "..", "...", "%", "%2F", "%n0", "nul\0in it", "n" * 255, "n" * 300, "/" * 90]
NAMES += ["meta.json", "T"]
"""Names of fields, many of which cannot be those of files."""


def pick(rng: np.random.Generator, choices: Sequence[T]) -> T:
    return choices[rng.integers(len(choices))]


@dataclass(frozen=True)
class RawArray:
    """An array in a file: `offset` bytes come before it, `tail` bytes after it.

    The bytes before it are the `preamble`, if the file says what it holds: the header of a `.npy` file.
    """

    dtype: np.dtype
    shape: tuple[int, ...]
    order: str = "C"
    offset: int = 0
    tail: int = 0
    preamble: bytes = b""

    def __str__(self) -> str:
        kind = f".npy with {self.preamble!r}" if self.preamble else "raw"
        place = f"offset {self.offset}, {self.tail} bytes after it, {kind}"
        return f"{self.dtype if self.dtype.names else self.dtype.str} {self.shape} {self.order}, {place}"

    @property
    def format(self) -> str:
        return "npy" if self.preamble else "raw"

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
        shape = list(self.shape)
        if shape and inferred and rng.integers(2):
            shape[rng.integers(len(shape))] = -1
        defaults["shape"] = shape == [-1]
        # 0x4 can be a number, and -o takes no comma.
        between = " x " if shape[:1] == [0] else "x"
        values["shape"] = between.join(map(str, shape)) or "()"
        if mode != "w+":
            defaults["format"] = True
            values["format"] = self.format
            if self.preamble:
                # The file says all of it; what is said besides has to be the same.
                defaults |= dict.fromkeys(["dtype", "order", "offset", "shape"], True)
        given = {name: value for name, value in values.items() if not defaults[name] or rng.integers(2)}
        if "," not in given.get("dtype", "").replace("'", "") and rng.integers(4) == 0:
            return ["-o", ",".join(f"{name}={value}" for name, value in given.items())] if given else []
        if "shape" in given:
            given["shape"] = pick(rng, [given["shape"], ",".join(map(str, shape)) or "()", str(tuple(shape))])
        if "dtype" in given and self.dtype.names and given["dtype"][0] not in "{[":
            given["dtype"] = given["dtype"].replace("+", ",")
        return [f"--{name}={value}" for name, value in given.items()]


def dtype_spellings(dtype: np.dtype) -> list[str]:
    """The `str`, and where they mean the same, the code without its mark and the name.

    Those of a structure: the list of its fields, a dict of all that there is to it, and `x:f4+id:i8`.
    """
    if dtype.names is not None:
        return structure_spellings(dtype)
    spellings = [dtype.str]
    for spelling in (dtype.str[1:], dtype.name):
        try:
            if np.dtype(spelling) == dtype:
                spellings.append(spelling)
        except TypeError:  # The names of `S`, `U` and `V`, such as `bytes24`, are not accepted as input.
            pass
    return spellings


def structure_spellings(dtype: np.dtype) -> list[str]:
    spellings = [repr(as_dict(dtype))]
    # NumPy itself does not read each of these back: an aligned one can hold one that is not.
    with contextlib.suppress(ValueError):
        if np.dtype(ast.literal_eval(str(dtype))) == dtype:
            spellings.append(str(dtype))
    fields = [dtype.fields[name] for name in dtype.names]
    ends = np.cumsum([field.itemsize for field, _ in fields])
    packed = [offset for _, offset in fields] == [0, *ends[:-1]] and ends[-1] == dtype.itemsize
    plain = all(field.names is None and not field.subdtype for field, _ in fields)
    if packed and plain and all(re.fullmatch(r"\w+", name) for name in dtype.names):
        spellings.append("+".join(f"{name}:{field.str}" for name, (field, _) in zip(dtype.names, fields, strict=True)))
    return spellings


def as_dict(dtype: np.dtype) -> dict:
    """The arguments of `numpy.dtype` that leave nothing open."""

    def described(field: np.dtype) -> object:
        if field.subdtype:
            return (described(field.subdtype[0]), field.shape)
        return field.str if field.names is None else as_dict(field)

    return {
        "names": list(dtype.names),
        "formats": [described(dtype[name]) for name in dtype.names],
        "offsets": [dtype.fields[name][1] for name in dtype.names],
        "itemsize": dtype.itemsize,
    }


def random_structure(rng: np.random.Generator, depth: int = 0) -> np.dtype:
    """Fields of any plain type, of other structures and of sub-arrays: packed, aligned, with gaps or overlapping."""
    names = [str(name) for name in rng.permutation(NAMES)[: rng.integers(1, 5 - depth)]]
    formats: list[object] = []
    for _ in names:
        plain = depth == 2 or rng.integers(4)
        formats.append(np.dtype(pick(rng, DTYPES)) if plain else random_structure(rng, depth + 1))
        if rng.integers(5) == 0:
            lengths = tuple(int(length) for length in rng.integers(1, 4, size=rng.integers(1, 3)))
            formats[-1] = np.dtype((formats[-1], lengths))
    if rng.integers(4) == 0:
        return np.dtype({"names": names, "formats": formats}, align=True)
    sizes = [np.dtype(form).itemsize for form in formats]
    offsets = [int(end) for end in np.cumsum([0, *sizes[:-1]])]
    layout = rng.integers(4)
    if layout == 0:
        offsets = [2 * offset + int(rng.integers(4)) for offset in offsets]
    elif layout == 1:
        offsets = [int(rng.integers(12)) for _ in offsets]
    itemsize = max(offset + size for offset, size in zip(offsets, sizes, strict=True)) + int(pick(rng, [0, 0, 3]))
    return np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": itemsize})


def npy_preamble(rng: np.random.Generator, dtype: np.dtype, shape: tuple[int, ...], order: str) -> bytes:
    """A header for the array: that of `numpy.save`, of another version, or as other programs write it."""
    file = io.BytesIO()
    values = {"descr": npy.dtype_to_descr(dtype), "fortran_order": order == "F", "shape": shape}
    npy._write_array_header(file, values)
    header = file.getvalue()
    version = int(rng.integers(4))
    text = repr(values)
    other = respelled(header, random.Random(int(rng.integers(1 << 32))))
    if version == 3 or text.isascii():
        other = pick(rng, [other, framed(text, max(version, 1), pick(rng, [1, 16, 64]))])
    return other if version and other and says(other, dtype, shape, order) else header


def says(header: bytes, dtype: np.dtype, shape: tuple[int, ...], order: str) -> bool:
    """Whether NumPy reads the header as that of this array."""
    file = io.BytesIO(header)
    try:
        read = npy._read_array_header(file, npy.read_magic(file))
    except ValueError:
        return False
    return read == (shape, order == "F", dtype) and file.tell() == len(header)


def random_array(rng: np.random.Generator) -> RawArray:
    """An array of 0 to 6 axes and at most a few thousand items, of any dtype, at any place in its file."""
    structured = rng.integers(3) == 0
    dtype = random_structure(rng) if structured else np.dtype(pick(rng, DTYPES))
    axes = int(rng.integers(4 if structured else 7))
    longest = {1: 300, 2: 60, 3: 16}.get(axes, 7)
    room = 100 if structured else 3000
    shape = []
    for _ in range(axes):
        length = 0 if rng.integers(25) == 0 else int(rng.integers(1, min(longest, room) + 1))
        room //= max(length, 1)
        shape.append(length)
    raw = RawArray(
        dtype=dtype,
        shape=tuple(int(length) for length in rng.permutation(shape)),
        order=pick(rng, "CF"),
        offset=int(pick(rng, [0, 0, 1, 3, 4096, rng.integers(10_000)])),
        tail=int(pick(rng, [0, 0, 1, 7, rng.integers(10_000)])),
    )
    return as_npy(rng, raw) if rng.integers(3) == 0 and npy_header(dtype, ()) else raw


def as_npy(rng: np.random.Generator, raw: RawArray) -> RawArray:
    """The same array in a `.npy` file."""
    preamble = npy_preamble(rng, raw.dtype, raw.shape, raw.order)
    return replace(raw, offset=len(preamble), preamble=preamble)
