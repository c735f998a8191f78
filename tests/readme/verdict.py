"""What is wrong with what a program printed; nothing if it is empty."""

import numpy as np

from arrays import is_narrow
from dumps import Program
from elements import Array


def of_numbers(array: Array, program: Program, printed: str, rounds: bool = False) -> str:
    """Compares numbers, a line an element. `rounds` says that 64-bit integers may have gone through a double."""
    shown, lines, complaint = parts(program, printed)
    if complaint:
        return complaint
    expected = array.lines(program.order)
    if len(lines) != len(expected):
        return f"expected {len(expected)} elements, got {len(lines)}"
    for k, (numbers, line) in enumerate(zip(expected, lines, strict=True)):
        tokens = line.split()
        if array.kind in "SV":
            # A byte may have a sign.
            tokens = [str(int(token) % 256) for token in tokens]
        while array.kind in "SU" and tokens and tokens[-1] == "0":
            tokens.pop()
        same = len(numbers) == len(tokens) and all(
            same_number(number, token, rounds) for number, token in zip(numbers, tokens, strict=True)
        )
        if not same:
            return f"element {k} in the order {program.order}: expected {numbers}, got {tokens}"
    return of_last(array, expected[-1], shown)


def parts(program: Program, printed: str) -> tuple[str, list[str], str]:
    """What the lines of README.txt have printed, the lines of elements, and a complaint."""
    shown, found, dump = printed.partition("----\n")
    lengths, *lines = dump.removesuffix("\n").split("\n")
    if not found:
        return shown, lines, "it did not get to the end"
    if lengths.split() != program.lengths.split():
        return shown, lines, f"lengths: expected {program.lengths}, got {lengths}"
    return shown, lines, ""


def of_last(array: Array, numbers: list, shown: str) -> str:
    """Whether the lines of README.txt have printed the last element, roughly: how is the language's business."""
    if array.kind == "S":
        last = bytes(numbers).decode().strip()
        same = last in shown
    elif array.kind in "iuf":
        last = float(numbers[0])
        tokens = shown.split()
        same = bool(tokens) and np.isclose(read(tokens[-1].rstrip("n")), last, rtol=1e-3, equal_nan=True)
        # Without a type for them, unsigned integers can come out negative.
        same = same or array.kind == "u" and np.isclose(read(tokens[-1]) + 2.0**64, last)
    else:
        return ""
    return "" if same else f"the last element: expected {last}, got {shown}"


def read(token: str) -> float:
    try:
        return float(token)
    except ValueError:
        return -1e300


def same_number(expected: object, token: str, rounds: bool) -> bool:
    if isinstance(expected, int):
        if rounds and abs(expected) > 1 << 53:
            return float(token) == float(expected)
        signed = expected - (1 << 64) if expected >= 1 << 63 else expected
        return token.lstrip("-").isdigit() and int(token) in (expected, signed)
    got = read(token)
    return got == float(expected) or (got != got and expected != expected)


def of_r(array: Array, program: Program, printed: str) -> str:
    return of_numbers(array, program, printed, rounds=True)


def content(dtype: np.dtype, printed: str) -> str:
    """Bytes in hexadecimal; of records what they hold, as NumPy does not keep the bytes between fields."""
    if dtype.names is None:
        return printed
    return str(np.frombuffer(bytes.fromhex(printed), dtype).tolist())


def of_python(array: Array, program: Program, printed: str) -> str:
    shown, lines, complaint = parts(program, printed)
    if complaint:
        return complaint
    dtype = array.array.dtype
    expected = content(dtype, array.array.tobytes().hex())
    last = str(array.array[(-1,) * array.array.ndim])
    if lines[0] != repr(dtype) or content(dtype, lines[1]) != expected:
        return f"expected {dtype!r}, {expected}"
    return "" if shown == f"{last}\n" else f"the last element: expected {last}, got {shown}"


def of_shell(array: Array, program: Program, printed: str) -> str:
    shown, lines, complaint = parts(program, printed)
    view = array.array[:1] if array.array.ndim else array.array
    dtype = view.dtype
    expected = content(dtype, view.tobytes().hex())
    if complaint or content(dtype, lines[0]) != expected:
        return complaint or f"expected {expected}"
    if array.kind in "biu" or (array.kind == "f" and array.size in (4, 8)):
        first = float(Array(view, "").lines("C")[0][0])
        if not np.isclose(read(shown.split()[0]), first, equal_nan=True):
            return f"the first element: expected {first}, got {shown}"
    return ""


def of_awk(array: Array, program: Program, printed: str) -> str:
    """Compares what csv/ has: times and complex numbers as NumPy writes them, other bytes in hexadecimal."""
    shown, lines, complaint = parts(program, printed)
    if complaint:
        return complaint
    table = array.array[(-1,) * max(array.array.ndim - 2, 0)]
    if is_narrow(table.dtype):
        table = table.astype(np.float32)
    values = table.ravel().tolist() if table.dtype.kind not in "MmVf" else list(table.ravel())
    last = len(values) - 1
    if array.array.ndim in (1, 2):
        values += values[: table[0].size]
    if len(values) != len(lines):
        return f"expected {len(values)} elements, got {len(lines)}"
    for k, (value, line) in enumerate(zip(values, lines, strict=True)):
        if not same_text(table.dtype, value, line):
            return f"element {k}: expected {value}, got {line!r}"
    return "" if shown.strip() == lines[last].strip() else f"the last element: expected {lines[last]}, got {shown}"


def same_text(dtype: np.dtype, value: object, text: str) -> bool:
    if dtype.kind == "S":
        return text == value.decode()
    if dtype.kind == "U":
        return text == value
    if dtype.kind == "V":
        return text.strip() == value.tobytes().hex()
    if dtype.kind == "M":
        return text == "" if np.isnat(value) else np.datetime64(text).astype(dtype) == value
    if dtype.kind == "m":
        return text == ("" if np.isnat(value) else str(value.astype("i8")))
    if dtype.kind == "c":
        return same_complex(dtype, text.strip(), value)
    if dtype.kind == "f":
        return np.array(text.strip()).astype(dtype) == value or (value != value and text == "NaN")
    return int(text) == value


def same_complex(dtype: np.dtype, text: str, value: complex) -> bool:
    got = np.array(complex(text)).astype(dtype)
    return got == np.array(value).astype(dtype)
