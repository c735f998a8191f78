"""Safetensors files, as the library `safetensors` writes and reads them."""

import json
import os
import resource
import struct
import subprocess
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import ml_dtypes  # noqa: F401 (its types have names in NumPy then)
import numpy as np
import safetensors
from safetensors import numpy as library

from cases import Case, Session, main
from checks import expect, same, same_bytes
from members import check_array, check_file, read, refuses, write_file
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


def written_narrow_floats(session: Session) -> None:
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


def real_file(session: Session) -> None:
    """The file in the package silero-vad, also written in a copy."""
    file = Path(find_spec("silero_vad").origin).parent / "data/silero_vad_16k.safetensors"
    expected = library.load_file(file)
    check_file(session, file, expected)
    copy = session.directory / "copy.safetensors"
    copy.write_bytes(file.read_bytes())
    written = write_file(session, copy, expected)
    for name, array in library.load_file(copy).items():
        same_bytes(name, written[name].tobytes(), array.tobytes())


# The dtype in the header, the name of ml_dtypes, and the bits of an element.
def narrow_floats(session: Session) -> None:
    """Floats that NumPy lacks have the names of ml_dtypes, or are listed with them."""
    file = session.directory / "narrow.safetensors"
    data, header = b"", {"plain": {"dtype": "U8", "shape": [2], "data_offsets": [0, 2]}}
    data += b"ab"
    bits_of = {dtype: 8 * np.dtype(name).itemsize for name, dtype in NARROW.items()}
    for dtype, bits in {**bits_of, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6}.items():
        values = session.rng.bytes(2 * 8 * bits // 8)
        header[dtype] = {"dtype": dtype, "shape": [2, 8], "data_offsets": [len(data), len(data) + len(values)]}
        data += values
    text = json.dumps(header).encode()
    file.write_bytes(struct.pack("<Q", len(text)) + text + data)
    tensors = {name: bytes(tensor["data"]) for name, tensor in safetensors.deserialize(file.read_bytes())}
    same("the tensors of the library", sorted(header), sorted(tensors))
    with session.mount(file, ["--mode", "r"], ("not shown",)) as mount:
        meta = json.loads(read(mount.path("meta.json")))
        arrays = {array["name"]: array for array in meta["arrays"]}
        skipped = {other["name"]: other["why"] for other in meta["skipped"]}
        same("the tensors of the mount", sorted(header), sorted([*arrays, *skipped]))
        for name, dtype in NARROW.items():
            same(f"the name of {dtype}", name, arrays[dtype]["dtype_name"])
            same_bytes(dtype, tensors[dtype], read(mount.path(f"{dtype}/data")))
        for dtype in ["F4", "F6_E2M3", "F6_E3M2"]:
            expect("less than a byte" in skipped[dtype], skipped[dtype])


def sparse_tebibyte(session: Session) -> None:
    """A file of 1 TiB is mounted without being read, and so are its last bytes found."""
    file = session.directory / "large.safetensors"
    rows, length = 1 << 20, 1 << 20
    tensor = {"dtype": "U8", "shape": [rows, length], "data_offsets": [0, rows * length]}
    small = {"dtype": "I32", "shape": [3], "data_offsets": [rows * length, rows * length + 12]}
    text = json.dumps({"large": tensor, "small": small}).encode()
    with file.open("wb") as out:
        out.write(struct.pack("<Q", len(text)) + text)
        out.seek(rows * length, 1)
        out.write(np.arange(3, dtype="<i4").tobytes())
    start = time.monotonic()
    with session.mount(file, ["--mode", "r"]) as mount:
        # Reading it all would take minutes.
        expect(time.monotonic() - start < 10, "the mount took over 10 s")
        check_array(session, mount.path("small"), np.arange(3, dtype="<i4"))
        same_bytes("the last row", bytes(length), read(mount.path("large/rows/-1")))
        same("the size", rows * length, Path(mount.path("large/data")).stat().st_size)


def many_tensors(session: Session) -> None:
    """A group of 10,000 tensors lists all, and finds any by its name, with its own bytes."""
    file = session.directory / "many.safetensors"
    tensors = {f"layer.{number}": np.full(2, number, "<i4") for number in range(10_000)}
    library.save_file(tensors, file)
    with session.mount(file, ["--mode", "r"]) as mount:
        listed = [*tensors, "meta.json", "README.txt", "index.html", "zarr"]
        same("the listing", sorted(listed), sorted(os.listdir(mount.point)))
        arrays = json.loads(read(mount.path("meta.json")))["arrays"]
        same("the paths in meta.json", sorted(tensors), sorted(array["path"] for array in arrays))
        for number in [0, 9_999, *session.rng.choice(10_000, 300, replace=False)]:
            name = f"layer.{number}"
            same_bytes(name, tensors[name].tobytes(), read(mount.path(f"{name}/data")))
        for name in ["layer.10000", "layer.-1", "layer.01", "layer."]:
            expect(not Path(mount.path(name)).exists(), f"{name} exists")


def crowded_headers() -> Iterator[tuple[str, bytes, bytes, int]]:
    """Headers of some 10 MB with as much as fits, and the exit status."""
    item = b'"%d":"",'
    many = b"".join(item % number for number in range(500_000))
    tensor = b'"a":{"dtype":"U8","shape":[],"data_offsets":[0,1]}'
    yield "attributes", b'{"__metadata__":{%s"z":""},%s}' % (many, tensor), b"x", 0
    yield "attribute", b'{"__metadata__":{"z":"%s"},%s}' % (b"x" * 8_000_000, tensor), b"x", 0
    yield "lengths", b'{"a":{"dtype":"U8","data_offsets":[0,1],"shape":[%s1]}}' % (b"1," * 4_000_000), b"x", 3
    yield "other keys", b'{"a":{"dtype":"U8","data_offsets":[0,1],"shape":[],"z":[%s1]}}' % (b"1," * 4_000_000), b"x", 0
    empty = b'"%d":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},'
    yield "tensors", b"{%s%s}" % (b"".join(empty % number for number in range(150_000)), tensor), b"x", 3


def crowded(session: Session) -> None:
    """What a header holds does not take many times its size in memory."""
    limit = 200 << 20

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    for name, header, data, status in crowded_headers():
        file = session.directory / f"{name}.safetensors"
        file.write_bytes(struct.pack("<Q", len(header)) + header + data)
        command = [session.arrayfs, "--info", "--json", str(file)]
        done = subprocess.run(command, capture_output=True, timeout=60, check=False, preexec_fn=limited)
        expect(done.returncode == status, f"{command} ended with {done.returncode}: {done.stderr[:500]!r}")
        expect(len(done.stderr) < 1000, f"{command} printed {len(done.stderr)} bytes")
        file.unlink()


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
    yield "sub-byte", framed(tensor(dtype="F4", shape=[3], data_offsets=[0, 2]), bytes(2))
    yield "size of bfloat16", framed(tensor(dtype="BF16"), bytes(4))
    yield "attribute", framed('{"__metadata__":{"a":1}}')
    yield "attributes", framed('{"__metadata__":[]}')
    yield "attributes twice", framed('{"__metadata__":{},"__metadata__":{}}')
    yield "field twice", framed('{"a":{"dtype":"U8","dtype":"U8","shape":[],"data_offsets":[0,1]}}', bytes(1))
    yield "no shape", framed('{"a":{"dtype":"U8","data_offsets":[0,1]}}', bytes(1))
    yield "three offsets", framed(tensor(data_offsets=[0, 4, 4]), bytes(4))
    yield "axes", framed(tensor(shape=[1] * 65, data_offsets=[0, 1]), bytes(1))
    yield "after the end", framed(tensor() + "{}", bytes(4))
    long = "x" * 100_000
    for changes in [{"dtype": [long]}, {"shape": long}, {"data_offsets": [long, 1]}, {"shape": [long]}]:
        yield f"long {next(iter(changes))}", framed(tensor(**changes), bytes(4))
    yield "long name", framed(json.dumps({long: {"dtype": "U8", "shape": [4], "data_offsets": [1, 5]}}), bytes(4))
    yield "long tensor", framed(json.dumps({"a": long}))
    yield "long attributes", framed(json.dumps({"__metadata__": long}))
    yield "long text", framed(f'"{long}"')


def hostile(session: Session) -> None:
    for name, data in hostile_headers():
        file = Path(session.directory / f"{name}.safetensors")
        file.write_bytes(data)
        refuses(session, file, ("--format", "safetensors"), "is not a valid safetensors file")
        command = [session.arrayfs, "--format", "safetensors", "--info", str(file)]
        said = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False).stderr
        expect(len(said) < 500 + len(str(file)), f"{name}: a message of {len(said)} characters: {said[:1000]}")
        if name not in ("axes",):
            try:
                library.load(data)
            except Exception:
                continue
            expect(False, f"the library reads {name}")


def truncated(session: Session) -> None:
    """A file that ends at any byte is refused."""
    file = session.directory / "whole.safetensors"
    library.save_file({"a": np.arange(3), "b": np.arange(2)}, file)
    data = file.read_bytes()
    for end in range(len(data)):
        part = session.directory / "part.safetensors"
        part.write_bytes(data[:end])
        refuses(session, part, ("--format", "safetensors"), "safetensors")
        # Of fewer bytes, nobody can tell.
        if end > 8 + len('{"'):
            refuses(session, part, (), "safetensors")


def pretty_headers(session: Session) -> None:
    """A header on several lines is found, and so is one that the file does not hold as a whole."""
    file = session.directory / "pretty"
    header = {"a": {"dtype": "I32", "shape": [3], "data_offsets": [0, 12]}}
    expected = np.arange(3, dtype="<i4")
    for indent in (1, 2, "\t"):
        text = json.dumps(header, indent=indent).encode()
        data = struct.pack("<Q", len(text)) + text + expected.tobytes()
        file.write_bytes(data)
        np.testing.assert_array_equal(library.load(data)["a"], expected)
        check_file(session, file, {"a": expected})
        for end in range(8 + len(text) // 2, len(data)):
            file.write_bytes(data[:end])
            refuses(session, file, (), "the file is incomplete")


CASES: dict[str, Case] = {
    "all types": all_types,
    "real file": real_file,
    "written narrow floats": written_narrow_floats,
    "narrow floats": narrow_floats,
    "sparse tebibyte": sparse_tebibyte,
    "many tensors": many_tensors,
    "crowded headers": crowded,
    "names": names,
    "hostile headers": hostile,
    "truncated": truncated,
    "pretty headers": pretty_headers,
}

if __name__ == "__main__":
    main(__doc__, CASES)
