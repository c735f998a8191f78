"""Safetensors files, as the library `safetensors` writes and reads them."""

import json
import struct
from collections.abc import Iterator
from pathlib import Path

import ml_dtypes  # noqa: F401 (its types have names in NumPy then)
import numpy as np
import safetensors
from safetensors import numpy as library

from cases import Case, Session, main
from checks import same, same_bytes
from members import check_file, refuses, write_file
from mounting import Mount

TYPES = ["?", "u1", "i1", "<u2", "<i2", "<u4", "<i4", "<u8", "<i8", "<f2", "<f4", "<f8", "<c8"]

NARROW = {
    "bfloat16": "BF16",
    "float8_e4m3fn": "F8_E4M3",
    "float8_e4m3fnuz": "F8_E4M3FNUZ",
    "float8_e5m2": "F8_E5M2",
    "float8_e5m2fnuz": "F8_E5M2FNUZ",
    "float8_e8m0fnu": "F8_E8M0",
}


def random_tensors(session: Session) -> dict[str, np.ndarray]:
    shapes = [(), (0,), (5,), (3, 4), (2, 0, 3), (2, 3, 4, 5)]
    tensors = {}
    for number, dtype in enumerate(TYPES):
        shape = shapes[number % len(shapes)]
        values = session.rng.integers(0, 2, shape) if dtype == "?" else session.rng.integers(0, 100, shape)
        tensors[f"layer.{number}.{np.dtype(dtype).name}"] = np.asarray(values).astype(dtype)
    return tensors


def all_types(session: Session) -> None:
    file = session.directory / "model.safetensors"
    library.save_file(random_tensors(session), file, metadata={"format": "np"})
    check_file(session, file, library.load_file(file))
    written = write_file(session, file, library.load_file(file))
    check_file(session, file, library.load_file(file), mode="c")
    for name, array in library.load_file(file).items():
        np.testing.assert_array_equal(array, written[name])


def narrow_floats(session: Session) -> None:
    """The library writes the types of `ml_dtypes` by their names. Of its readers, only `deserialize` knows them."""
    file = session.directory / "narrow.safetensors"
    arrays = {
        name: session.rng.integers(0, 256, (7, 4 * np.dtype(name).itemsize), np.uint8).view(name) for name in NARROW
    }
    library.save_file(arrays, file)
    same("the types", NARROW, {name: tensor["dtype"] for name, tensor in read_by_library(file).items()})

    def also(mount: Mount) -> None:
        for name, array in arrays.items():
            with open(mount.path(f"{name}/csv/data.csv")) as text_file:
                text = np.loadtxt(text_file, np.float32, delimiter=",", usecols=range(4))
            np.testing.assert_array_equal(array.astype(np.float32), text)
            with open(mount.path(f"{name}/rows/2"), "r+b") as row_file:
                row_file.write(array[5].tobytes())
            array[2] = array[5]

    check_file(session, file, arrays, mode="r+", also=also)
    for name, tensor in read_by_library(file).items():
        same_bytes(f"the bytes of {name}", arrays[name].tobytes(), bytes(tensor["data"]))


def read_by_library(file: Path) -> dict[str, dict]:
    return dict(safetensors.deserialize(file.read_bytes()))


def names(session: Session) -> None:
    """Names that are no file names are escaped, and none hides another."""
    file = session.directory / "names.safetensors"
    tensors = {name: np.arange(number + 1) for number, name in enumerate(["a", "a/b", "meta.json", "x/y/z", "50%"])}
    library.save_file(tensors, file)
    paths = {"a": "a", "a/b": "a%2Fb", "meta.json": "%6Deta.json", "x/y/z": "x/y/z", "50%": "50%25"}
    check_file(session, file, {paths[name]: array for name, array in library.load_file(file).items()})


def hostile_headers() -> Iterator[tuple[str, bytes]]:
    def framed(header: str, data: bytes = b"") -> bytes:
        return struct.pack("<Q", len(header)) + header.encode() + data

    def tensor(**changes: object) -> str:
        return json.dumps({"a": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4], **changes}})

    yield "gap", framed(tensor(data_offsets=[1, 5]), bytes(5))
    yield "backwards", framed(tensor(data_offsets=[4, 0]), bytes(4))
    yield "too long", framed(tensor(), bytes(5))
    yield "too short", framed(tensor(), bytes(3))
    yield "other size", framed(tensor(shape=[5]), bytes(4))
    yield "overflow", framed(tensor(shape=[2**62, 2**62]), bytes(4))
    yield "negative", framed(tensor(shape=[-4]), bytes(4))
    yield "repeated", framed('{"a":{"dtype":"U8","shape":[],"data_offsets":[0,1]},' * 2, bytes(2))
    yield "not JSON", framed('{"a": nothing}', bytes(2))


def hostile(session: Session) -> None:
    for name, data in hostile_headers():
        file = Path(session.directory / f"{name}.safetensors")
        file.write_bytes(data)
        refuses(session, file, ("--format", "safetensors"), "is not a valid safetensors file")


def truncated(session: Session) -> None:
    """A file that ends at any byte is refused."""
    file = session.directory / "whole.safetensors"
    library.save_file({"a": np.arange(3), "b": np.arange(2)}, file)
    data = file.read_bytes()
    for end in range(len(data)):
        part = session.directory / "part.safetensors"
        part.write_bytes(data[:end])
        refuses(session, part, ("--format", "safetensors"), "safetensors")


CASES: dict[str, Case] = {
    "all types": all_types,
    "narrow floats": narrow_floats,
    "names": names,
    "hostile headers": hostile,
    "truncated": truncated,
}

if __name__ == "__main__":
    main(__doc__, CASES)
