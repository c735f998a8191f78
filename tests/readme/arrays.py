"""Writes arrays of elements that every language can tell apart; the argument is a JSON file that lists them.

Numbers are such that no language has to round them, but for 64-bit integers, some of which lie beyond 2^53.
"""

import ast
import json
import sys
from pathlib import Path

import ml_dtypes  # noqa: F401 (its types have names in NumPy then)
import numpy as np

LETTERS = "abcXYZ019 ~"
CHARACTERS = LETTERS + "äß∂中𝄞"


def dtype_of(text: str) -> np.dtype:
    if text == ">bfloat16":
        return np.dtype("bfloat16").newbyteorder(">")
    return np.dtype(ast.literal_eval(text) if text[0] in "[{" else text)


def is_narrow(dtype: np.dtype) -> bool:
    """Whether the type is one of `ml_dtypes`."""
    return dtype.name == "bfloat16" or dtype.name.startswith("float8_")


def shape_of(text: str) -> tuple[int, ...]:
    return tuple(int(length) for length in text.strip("()").split(",") if length)


def elements(rng: np.random.Generator, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
    if dtype.names is not None:
        array = np.zeros(shape, dtype)
        for name in dtype.names:
            field = array[name]
            field[...] = elements(rng, field.dtype, field.shape)
        return array
    size = int(np.prod(shape))
    if is_narrow(dtype):
        return np.frombuffer(rng.bytes(size * dtype.itemsize), dtype).reshape(shape)
    if dtype.kind in "SU":
        alphabet = LETTERS if dtype.kind == "S" else CHARACTERS
        longest = dtype.itemsize if dtype.kind == "S" else dtype.itemsize // 4
        texts = ["".join(rng.choice(list(alphabet), rng.integers(longest + 1))) for _ in range(size)]
        return np.array(texts, dtype.kind).astype(dtype).reshape(shape)
    if dtype.kind in "fc":
        numbers = rng.standard_normal(2 * size) * 10.0 ** rng.integers(-3, 4, 2 * size)
        numbers = numbers[:size] + 1j * numbers[size:] if dtype.kind == "c" else numbers[:size]
        array = numbers.astype(dtype)
        if dtype.kind == "f" and size >= 7:
            array[:6] = [2.0**-24, 2.0**-15 - 2.0**-24, -0.0, np.inf, -np.inf, np.nan]
        return array.reshape(shape)
    if dtype.kind == "b":
        return rng.integers(2, size=shape).astype(dtype)
    return np.frombuffer(rng.bytes(size * dtype.itemsize), dtype).reshape(shape)


def main() -> None:
    rng = np.random.default_rng(1)
    for described in json.loads(Path(sys.argv[1]).read_text()):
        array = elements(rng, dtype_of(described["dtype"]), shape_of(described["shape"]))
        with open(described["file"], "wb") as file:
            file.write(array.tobytes(described["order"]))


if __name__ == "__main__":
    main()
