"""The images in `ome.zarr/`, as zarr-python and ome-zarr read them: every level is a slice of the array."""

import errno
import json
import os
import warnings
from pathlib import Path

import ml_dtypes
import netCDF4
import numpy as np
import zarr
from ome_zarr.io import parse_url
from ome_zarr.reader import Reader
from safetensors.numpy import save_file

from cases import Case, Session, main
from checks import expect, refused, same
from members import random_values
from views import is_image
from zarr_cases import NUMBERS, by_zarr, same_array

# Shapes, the steps of level 1 along the axes, and the number of levels.
SHAPES = [
    ((5, 7), (2, 2), 1), ((256, 256), (2, 2), 1), ((257, 3), (2, 1), 2), ((600, 1030), (2, 2), 4),
    ((5, 513), (1, 2), 3), ((1, 1), (2, 2), 1), ((128, 513), (1, 2), 3), ((129, 513), (2, 2), 3),
    ((300, 301, 3), (2, 2, 1), 2), ((4, 260, 258), (1, 2, 2), 2), ((80, 260, 258), (2, 2, 2), 2),
    ((700, 3, 4), (2, 2, 2), 1),
    ((3, 2, 257, 258), (1, 1, 2, 2), 2), ((260, 3, 2, 5), (1, 2, 2, 2), 1), ((2, 65, 257, 5), (1, 2, 2, 1), 2),
    ((2, 3, 2, 4, 520), (1, 1, 1, 1, 2), 3), ((300, 300, 2, 3, 1), (1, 1, 2, 2, 2), 1),
]  # fmt: skip

NAMES = {2: "yx", 3: "zyx", 4: "tzyx", 5: "tczyx"}
TYPES = {"t": "time", "c": "channel", "z": "space", "y": "space", "x": "space"}


def rule(shape: tuple[int, ...]) -> tuple[list[int], int]:
    """The steps of level 1 and the number of levels, as SEMANTICS.md has them."""
    longest, space = max(shape[-2:]), len(shape) - 3
    steps = [2 if axis >= space and 4 * length >= longest else 1 for axis, length in enumerate(shape)]
    count = 1
    while -(-longest // 2 ** (count - 1)) > 256:
        count += 1
    return steps, count


def levels(array: np.ndarray) -> list[np.ndarray]:
    steps, count = rule(array.shape)
    return [array[tuple(slice(None, None, step**k) for step in steps)] for k in range(count)]


def check_image(path: str, array: np.ndarray, names: list[str] | None = None, chunk: list[int] | None = None) -> None:
    """The image of an array: its metadata, its files, and its levels by zarr-python and by ome-zarr."""
    names = names or list(NAMES[array.ndim])
    group = zarr.open_group(path, mode="r", zarr_format=3)
    image = group.attrs["ome"]["multiscales"][0]
    same(f"the version of {path}", "0.5", group.attrs["ome"]["version"])
    axes = [{"name": name, "type": TYPES[usual]} for name, usual in zip(names, NAMES[array.ndim], strict=True)]
    same(f"the axes of {path}", axes, image["axes"])
    expected = levels(array)
    paths = [str(k) for k in range(len(expected))]
    same(f"the files of {path}", ["zarr.json", *paths], os.listdir(path))
    same(f"the levels of {path}", paths, [level["path"] for level in image["datasets"]])
    steps, _ = rule(array.shape)
    inodes = {os.stat(path).st_ino}
    for k, (level, described) in enumerate(zip(expected, image["datasets"], strict=True)):
        scale = [{"type": "scale", "scale": [float(step**k) for step in steps]}]
        same(f"the scale of {path}/{k}", scale, described["coordinateTransformations"])
        stored = by_zarr(f"{path}/{k}", 3)
        same_array(f"{path}/{k} by zarr-python", level, stored[...])
        same(f"the names of the axes of {path}/{k}", names, list(stored.metadata.dimension_names))
        if chunk:
            same(f"the chunks of {path}/{k}", chunk, list(stored.chunks))
        files = list(os.scandir(f"{path}/{k}"))
        same(f"the number of files of {path}/{k}", 1 + stored.nchunks, len(files))
        same(f"the inode numbers of {path}/{k}", {f.inode() for f in files}, {os.stat(f.path).st_ino for f in files})
        inodes |= {os.stat(f"{path}/{k}").st_ino, *(file.inode() for file in files)}
    expect(len(inodes) == 1 + sum(1 + len(os.listdir(f"{path}/{k}")) for k in paths), f"{path}: one inode for two")
    read = next(iter(Reader(parse_url(path))()))
    same(f"the axes of {path} by ome-zarr", axes, read.metadata["axes"])
    same(f"the number of levels of {path} by ome-zarr", len(expected), len(read.data))
    for k, (level, got) in enumerate(zip(expected, read.data, strict=True)):
        same_array(f"{path}/{k} by ome-zarr", level, got.compute())


def every_shape_and_type(session: Session) -> None:
    """Members of an archive in both orders, as stored, transposed and in the byte order of the machine."""
    numbers = sorted({dtype.str: dtype for dtype in NUMBERS}.values(), key=str)
    made = {}
    for number, (shape, steps, count) in enumerate(SHAPES):
        same(f"the rule for {shape}", (list(steps), count), rule(shape))
        for k, order in enumerate("CF"):
            dtype = numbers[(2 * number + 3 * k) % len(numbers)]
            made[f"a{number}{order}"] = random_values(session.rng, np.zeros(shape, dtype)).copy(order)
    for number, dtype in enumerate(numbers):
        made[f"type{number}"] = random_values(session.rng, np.zeros((3, 260), dtype))
    file = session.directory / "arrays.npz"
    np.savez(file, **made)
    session.subject = str(file)
    with session.mount(file, ["--mode", "r"]) as mount:
        for name, array in made.items():
            check_image(mount.path(f"{name}/ome.zarr"), array)
            check_image(mount.path(f"{name}/T/ome.zarr"), array.T)
            if not array.dtype.isnative:
                native = array.astype(array.dtype.newbyteorder("="))
                check_image(mount.path(f"{name}/native/ome.zarr"), native)
                expect(
                    by_zarr(mount.path(f"{name}/native/ome.zarr/0"), 3).metadata.codecs[-1].endian.value == "little",
                    name,
                )


def order_of_chunks(session: Session) -> None:
    """In the chunks of an array in order F the first axis is the fastest, on each level; --zarr-chunks is for all."""
    array = np.asfortranarray(session.rng.integers(0, 9999, (40, 300, 520)).astype("<u2"))
    file = session.directory / "array.npy"
    np.save(file, array)
    for options, chunk in [([], None), (["--zarr-chunks", "9,64,50"], [9, 64, 50]), (["--zarr-chunks", "9,9"], None)]:
        with session.mount(file, ["--mode", "r", *options]) as mount:
            check_image(mount.path("ome.zarr"), array, chunk=chunk)
            for k in range(3):
                codecs = json.loads(Path(mount.path(f"ome.zarr/{k}/zarr.json")).read_text())["codecs"]
                same("the codecs", ["transpose", "bytes"], [codec["name"] for codec in codecs])


def named_axes(session: Session) -> None:
    """Axes have the names of the file; the attributes are those of the array."""
    file = session.directory / "named.nc"
    with netCDF4.Dataset(file, "w", format="NETCDF4") as made:
        for name, length in [("time", 2), ("level", 3), ("lat", 270), ("lon", 5)]:
            made.createDimension(name, length)
        heat = made.createVariable("heat", "f4", ("time", "level", "lat", "lon"))
        values = session.rng.standard_normal(heat.shape).astype("f4")
        heat[:] = values
        heat.units = "K"
        square = made.createVariable("square", "i2", ("level", "level"))
        square[:] = np.arange(9).reshape(3, 3)
    with session.mount(file, ["--mode", "r"]) as mount:
        check_image(mount.path("heat/ome.zarr"), values, ["time", "level", "lat", "lon"])
        check_image(mount.path("heat/T/ome.zarr"), values.T, ["lon", "lat", "level", "time"])
        check_image(mount.path("square/ome.zarr"), np.arange(9, dtype="i2").reshape(3, 3))
        for k in range(2):
            same("the unit", "K", by_zarr(mount.path(f"heat/ome.zarr/{k}"), 3).attrs["units"])
        expect("ome.zarr" not in os.listdir(mount.point), "an image of a group")


def nothing_is_written(session: Session) -> None:
    """Each way of writing fails; what is written elsewhere is in every level at once."""
    array = session.rng.integers(0, 9999, (520, 300)).astype("<i4")
    file = session.directory / "array.npy"
    np.save(file, array)
    with session.mount(file, ["--mode", "r+"]) as mount:
        image = mount.path("ome.zarr")
        opened = [by_zarr(f"{image}/{k}", 3) for k in range(3)]
        for name in ("zarr.json", "0/zarr.json", "0/0.0", "1/0.0", "2/0.0"):
            with refused(f"a write of {name}", errno.EACCES):
                os.open(f"{image}/{name}", os.O_WRONLY)
            with refused(f"a removal of {name}", errno.EPERM):
                os.unlink(f"{image}/{name}")
        for name in ("new", "1/new", "1/0.0.1f.partial", "1/0.0.__lock"):
            with refused(f"a new file {name}", errno.EPERM):
                os.open(f"{image}/{name}", os.O_WRONLY | os.O_CREAT)
        for name in ("1", "3", "1/c"):
            with refused(f"a new directory {name}", errno.EEXIST if name == "1" else errno.EPERM):
                os.mkdir(f"{image}/{name}")
        with refused("a removal of a level", errno.EPERM):
            os.rmdir(f"{image}/1")
        same_array("the array", array, np.load(file))
        Path(mount.path("rows/8")).write_bytes(bytes(4 * 300))
        array[8] = 7
        Path(mount.path("rows/8")).write_bytes(array[8].tobytes())
        for level, got in zip(levels(array), opened, strict=True):
            same_array("a level after a write", level, got[...])


def where_there_are_none(session: Session) -> None:
    """No image of other numbers of axes, other types, or no elements; and no other names in one."""
    kinds = {
        "one": np.zeros(600, "f4"), "none": np.zeros((), "f4"), "six": np.zeros((1, 2, 1, 2, 1, 2), "u1"),
        "empty": np.zeros((0, 5), "u1"), "text": np.zeros((3, 4), "S3"), "letters": np.zeros((3, 4), "U3"),
        "times": np.zeros((3, 4), "M8[s]"), "long": np.zeros((3, 4), "g"), "bytes": np.zeros((3, 4), "V3"),
        "records": np.zeros((300, 4), "<i2,<f4"), "two": np.zeros((300, 4), "<f4"), "bits": np.zeros((300, 4), "?"),
    }  # fmt: skip
    file = session.directory / "kinds.npz"
    np.savez(file, **kinds)
    with session.mount(file, ["--mode", "r", "-vv"]) as mount:
        for name, array in kinds.items():
            exists = name in ("two", "bits")
            same(f"an image of {name}, by the rule of the tests", exists, is_image(array, array.dtype))
            same(f"an image of {name}", exists, os.path.exists(mount.path(f"{name}/ome.zarr")))
            same(f"a listed image of {name}", exists, "ome.zarr" in os.listdir(mount.path(name)))
        check_image(mount.path("two/ome.zarr"), kinds["two"])
        check_image(mount.path("records/fields/f1/ome.zarr"), kinds["records"]["f1"])
        for absent in [
            "2", "-1", "00", "01", "+1", ".zgroup", ".zattrs", "0.0", "data", "meta.json", "1/1", "1/0",
            "1/00.0", "1/1.0", "1/.zarray", "1/.zattrs", "1/data", "1/0.0.0", "0/1.0", "1/zarr.json/", "1/1/zarr.json",
        ]:  # fmt: skip
            expect(not os.path.exists(mount.path(f"two/ome.zarr/{absent}")), f"{absent} exists")
        for path in ("/two/ome.zarr/1/0.0", "/records/fields/f1/ome.zarr/0/0.0"):
            expect(path in mount.log(), f"the log lacks {path}")
        same("links", (4, 2), tuple(os.stat(mount.path(f"two/ome.zarr{level}")).st_nlink for level in ("", "/1")))
    narrow = session.directory / "narrow.safetensors"
    values = session.rng.standard_normal((300, 40)).astype(ml_dtypes.bfloat16)
    save_file({"a": values}, narrow)
    with session.mount(narrow, ["--mode", "r"]) as mount:
        expect(not os.path.exists(mount.path("a/ome.zarr")), "an image of bfloat16")
        check_image(mount.path("a/float32/ome.zarr"), values.astype("f4"))


CASES: dict[str, Case] = {
    "every shape and type": every_shape_and_type,
    "order of chunks": order_of_chunks,
    "named axes": named_axes,
    "nothing is written": nothing_is_written,
    "where there are none": where_there_are_none,
}

if __name__ == "__main__":
    warnings.filterwarnings("ignore", module="zarr")
    main(__doc__, CASES)
