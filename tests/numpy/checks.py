"""The comparisons that every script makes, and the one exception that says what differs."""

import contextlib
import errno
from collections.abc import Iterator


class Failure(AssertionError):
    """The program did something else than NumPy, the kernel or its own documentation says."""


def expect(condition: bool, message: str) -> None:
    if not condition:
        raise Failure(message)


def same(subject: str, expected: object, got: object) -> None:
    expect(expected == got, f"{subject}: expected {expected!r}, got {got!r}")


def same_bytes(subject: str, expected: bytes, got: bytes, start: int = 0) -> None:
    """Holds `got` to be `expected`; `start` is where in the file the two begin."""
    if expected == got:
        return
    shared = min(len(expected), len(got))
    at = next((i for i in range(shared) if expected[i] != got[i]), shared)
    near = slice(max(0, at - 8), at + 24)
    raise Failure(
        f"{subject}: expected {len(expected)} bytes from byte {start}, got {len(got)}; first difference at byte "
        f"{start + at}; from byte {start + near.start} expected\n    {expected[near].hex(' ')}\n"
        f"  got\n    {got[near].hex(' ')}"
    )


@contextlib.contextmanager
def refused(subject: str, number: int) -> Iterator[None]:
    """Holds the block to fail with this errno."""
    name = errno.errorcode[number]
    try:
        yield
    except OSError as error:
        got = errno.errorcode.get(error.errno, error.errno)
        expect(error.errno == number, f"{subject}: expected {name}, got {got}")
    else:
        raise Failure(f"{subject}: expected {name}, but it succeeded")
