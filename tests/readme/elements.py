"""An array that a language is shown, and its elements as lines of numbers."""

from dataclasses import dataclass

import numpy as np

from arrays import is_narrow


@dataclass(frozen=True)
class Array:
    """An array, and the directory of the mount that stands for it."""

    array: np.ndarray
    directory: str

    @property
    def kind(self) -> str:
        """NumPy's `dtype.kind`; times are integers, bfloat16 is a float, and float8 its bits."""
        if is_narrow(self.array.dtype):
            return "f" if self.array.dtype.name == "bfloat16" else "u"
        return {"M": "i", "m": "i"}.get(self.array.dtype.kind, self.array.dtype.kind)

    @property
    def size(self) -> int:
        """The bytes of a number: of a part, if it is complex, and of a character."""
        itemsize = self.array.dtype.itemsize
        return {"c": itemsize // 2, "U": 4, "S": 1, "V": 1}.get(self.kind, itemsize)

    @property
    def count(self) -> int:
        """The numbers of an element: two if it is complex, else characters or bytes."""
        return self.array.dtype.itemsize // self.size

    def lines(self, order: str) -> list[list]:
        """The numbers of each element, the last or the first axis the fastest; strings without zeros at their end."""
        flat = self.array.ravel(order=order)
        if is_narrow(self.array.dtype):
            # A swapped bfloat16 has no cast of its own to an integer.
            flat = flat.astype(np.float32) if self.kind == "f" else flat.view("u1")
        if self.kind in "SU":
            return [[ord(character) for character in text] for text in flat.astype("U").tolist()]
        if self.kind == "V":
            return [list(item.tobytes()) for item in flat]
        if self.kind == "c":
            return [[number.real, number.imag] for number in flat]
        if self.array.dtype.kind in "Mm":
            flat = flat.astype(flat.dtype.newbyteorder("=")).view("i8")
        return [[int(number) if self.kind in "biu" else number] for number in flat]
