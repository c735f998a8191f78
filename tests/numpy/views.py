"""The tree that arrayfs has to show for a NumPy array: the oracle of names and bytes. It knows no mount."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class View:
    """A file of the tree; `array` is a window on the array that is mounted, and its bytes are `array.tobytes()`.

    Two views of an array directory are the same file, under one inode number, if their `node` is the same.
    """

    path: str
    array: np.ndarray
    node: str

    @property
    def nbytes(self) -> int:
        return self.array.nbytes

    def tobytes(self) -> bytes:
        return self.array.tobytes()


def index_name(index: int, length: int, pad: bool) -> str:
    """The name that is listed for an index of an axis of this length."""
    return str(index).zfill(len(str(length - 1))) if pad else str(index)


def index_spellings(index: int, length: int) -> list[str]:
    """Every name that leads to the index: plain, padded, and counted from the end."""
    return [str(index), index_name(index, length, pad=True), str(index - length)]


def no_index_names(length: int) -> list[str]:
    """Names that look like an index of an axis of this length, and are none."""
    width = len(str(max(length - 1, 0)))
    badly_padded = ["0" * digits for digits in range(2, width + 2) if digits != width]
    return [str(length), str(-length - 1), *badly_padded, "+0", " 0", "0 ", "-01", "0x0", "0.0", "1_0", "x", ".0.swp"]


def take(array: np.ndarray, index: int, axis: int) -> np.ndarray:
    """`array.take(index, axis)` without the copy; the `...` keeps an item an array, with the bytes of the file."""
    return array[(slice(None),) * axis + (index, ...)]


@dataclass(frozen=True)
class ArrayDirectory:
    """The directory that stands for an array: the mount's root or, with the prefix `T/`, its transpose."""

    prefix: str
    array: np.ndarray

    def folders(self) -> dict[str, int]:
        """The axis that each folder of slices goes along."""
        folders = {f"axes/{axis}": axis for axis in range(self.array.ndim)}
        if self.array.ndim >= 1:
            folders["rows"] = 0
        if self.array.ndim >= 2:
            folders["cols"] = 1
        return {self.prefix + folder: axis for folder, axis in folders.items()}

    def listings(self, pad: bool) -> dict[str, set[str]]:
        """What each directory has to list, by its path; `T`, which is an array directory of its own, not included."""
        top = {"meta.json", "data"}
        listings = {self.prefix: top}
        if self.array.ndim >= 1:
            top |= {"rows", "axes"}
            listings[self.prefix + "axes"] = {str(axis) for axis in range(self.array.ndim)}
        if self.array.ndim >= 2:
            top |= {"cols", "T"} if not self.prefix else {"cols"}
        for folder, axis in self.folders().items():
            length = self.array.shape[axis]
            listings[folder] = {index_name(index, length, pad) for index in range(length)}
        return listings

    def views(self, pad: bool = False) -> Iterator[View]:
        """Every view, under the names that are listed."""
        data = self.prefix + "data"
        yield View(data, self.array, data)
        for folder, axis in self.folders().items():
            length = self.array.shape[axis]
            for index in range(length):
                name = index_name(index, length, pad)
                yield View(f"{folder}/{name}", take(self.array, index, axis), f"{self.prefix}axes/{axis}/{index}")


def array_directories(array: np.ndarray) -> list[ArrayDirectory]:
    directories = [ArrayDirectory("", array)]
    if array.ndim >= 2:
        directories.append(ArrayDirectory("T/", array.T))
    return directories


def all_views(array: np.ndarray, pad: bool = False) -> list[View]:
    return [view for directory in array_directories(array) for view in directory.views(pad)]
