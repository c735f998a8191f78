"""HDF5 files, as h5py and netCDF4 write and read them, and h5dump and h5repack understand them."""

import json
import math
import os
import re
import struct
import subprocess
import sysconfig
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import h5py
import netCDF4
import numpy as np

from cases import Case, Session, main
from checks import expect, same
from members import check_file, read, refuses, write_file
from mounting import Mount

VERSIONS = ["earliest", "v108", "v110", "v112", "v114", "v200", "latest"]

# What the oldest h5dump in use, 1.10, reads.
DUMPED = ["earliest", "v108", "v110"]

PLAIN = [
    f"{order}{code}" for order in "<>" for code in ("i2", "i4", "i8", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16")
]
PADDED = np.dtype({"names": ["a", "b"], "formats": ["u1", "<f8"], "offsets": [3, 8], "itemsize": 24})
NESTED = np.dtype([("x", "<f4"), ("m", ">i2", (2, 3)), ("in", PADDED), ("s", "S5"), ("on", "?"), ("c", "<c8")])
OTHER = ["i1", "u1", "?", "S1", "S7", "V10", PADDED, NESTED]

SHAPES = [(), (0,), (5,), (3, 4), (2, 0, 3), (2, 3, 4, 5)]

ADVICE = "h5repack -l CONTI -f NONE IN OUT"


class Judge:
    """What h5py finds in a file: the arrays that the mount has to show, and the names of what it has to skip.

    Datasets are met in the order of their names, those of a group before its groups.
    """

    def __init__(self, file: Path):
        self.arrays: dict[str, np.ndarray] = {}
        self.skipped: list[str] = []
        self.places: set[int] = set()
        self.groups: set[object] = set()
        with h5py.File(file) as root:
            self.visit(root, "")

    def visit(self, group: h5py.Group, path: str) -> None:
        place = h5py.h5o.get_info(group.id).addr
        if place in self.groups:
            self.skipped.append(path)
            return
        self.groups.add(place)
        names = sorted(name for name in group if isinstance(group.get(name, getlink=True), h5py.HardLink))
        prefix = f"{path}/" if path else ""
        for name in names:
            if group.get(name, getclass=True) is h5py.Dataset:
                self.dataset(group[name], prefix + name)
        for name in names:
            if group.get(name, getclass=True) is h5py.Group:
                self.visit(group[name], prefix + name)

    def dataset(self, dataset: h5py.Dataset, path: str) -> None:
        if dataset.attrs.get("NAME", b"").startswith(b"This is a netCDF dimension but not a netCDF variable"):
            return
        properties = dataset.id.get_create_plist()
        place = dataset.id.get_offset()
        is_here = properties.get_layout() == h5py.h5d.CONTIGUOUS and properties.get_external_count() == 0
        has_bytes = dataset.shape is not None and (place is not None or 0 in dataset.shape)
        if not is_here or not has_bytes or dataset.dtype.hasobject or (0 not in dataset.shape and place in self.places):
            self.skipped.append(path)
            return
        if 0 not in dataset.shape:
            self.places.add(place)
        # h5py leaves what is between the fields of a compound undefined, so the bytes are those of the file.
        array = np.zeros(dataset.shape, dataset.dtype)
        if array.size:
            array = np.fromfile(dataset.file.filename, array.dtype, array.size, offset=place).reshape(array.shape)
        np.testing.assert_array_equal(array, dataset[()], err_msg=path)
        self.arrays[path] = array


def check(session: Session, file: Path, mode: str = "r", **more: object) -> Judge:
    judge = Judge(file)
    announces = ("not shown",) if judge.skipped else ()
    check_file(session, file, judge.arrays, mode, announces=announces, skipped=tuple(judge.skipped), **more)
    return judge


def values(session: Session, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
    fresh = np.zeros(shape, dtype)
    if dtype.names is not None:
        for name in dtype.names:
            part = fresh[name]
            part[...] = values(session, part.dtype, part.shape)
    elif dtype.kind == "b":
        fresh[...] = session.rng.integers(0, 2, shape)
    elif dtype.kind == "V":
        fresh = np.frombuffer(session.rng.bytes(math.prod(shape) * dtype.itemsize), dtype).reshape(shape)
    else:
        fresh[...] = session.rng.integers(0, 100, shape).astype(dtype)
    return fresh


def write_types(session: Session, file: h5py.Group) -> None:
    for number, code in enumerate([*PLAIN, *OTHER]):
        dtype, shape = np.dtype(code), SHAPES[number % len(SHAPES)]
        file[f"types/{number:02}"] = values(session, dtype, shape)
    file["types/long"] = np.arange(5, dtype=np.longdouble) / 3
    file.create_dataset("types/enum", data=[0, 9, 5], dtype=h5py.enum_dtype({"A": 0, "B": 5, "C": 9}, basetype=">i4"))
    file.create_dataset("types/array", (3,), np.dtype((">f4", (2, 2))))[...] = np.arange(12).reshape(3, 2, 2)
    file["types/named"] = np.dtype("<f8")
    file.create_dataset("types/of_named", data=np.arange(3.0), dtype=file["types/named"])
    for name, kind in [("bits16", h5py.h5t.STD_B16BE), ("bits64", h5py.h5t.STD_B64LE)]:
        bits = h5py.h5d.create(file.id, f"types/{name}".encode(), kind, h5py.h5s.create_simple((7,)))
        data = session.rng.integers(0, 60000, 7).astype("u8")
        bits.write(h5py.h5s.ALL, h5py.h5s.ALL, data, h5py.h5t.NATIVE_B64)


def all_types(session: Session, version: str, **options: object) -> None:
    file = session.directory / "types.h5"
    with h5py.File(file, "w", libver=version, **options) as made:
        write_types(session, made)
    arrays = check(session, file).arrays
    expect(len(arrays) == len(PLAIN) + len(OTHER) + 6, f"h5py reads {len(arrays)} arrays")
    is_written_in_place(session, file, arrays)
    if version in DUMPED:
        subprocess.run(["h5dump", file], check=True, stdout=subprocess.DEVNULL, timeout=60)
    check(session, file, mode="c")


def is_written_in_place(session: Session, file: Path, arrays: dict[str, np.ndarray]) -> None:
    """What is written through the mount is what h5py then reads."""
    written = write_file(session, file, arrays)
    again = Judge(file).arrays
    for name, array in written.items():
        np.testing.assert_array_equal(array, again[name], err_msg=name)


def links(session: Session, version: str, **options: object) -> None:
    """Groups with many links, and links of every kind, also in circles."""
    file = session.directory / "links.h5"
    with h5py.File(file, "w", libver=version, **options) as made:
        for number in range(2000):
            made[f"many/{number}"] = np.full(3, number)
        deep = made.create_group("a/b/c")
        deep["data"] = np.arange(12).reshape(3, 4)
        deep["up"], deep["root"], made["z"] = made["a"], made["/"], deep
        made["again"], deep["again"] = deep["data"], deep["data"]
        made["soft"], made["dangling"] = h5py.SoftLink("/a/b/c/data"), h5py.SoftLink("/nowhere")
        made["external"] = h5py.ExternalLink("other.h5", "/x")
        made.create_group("empty")
    judge = Judge(file)
    same("what is met again", ["a/b/c/again", "a/b/c/data", "a/b/c/root", "a/b/c/up", "z"], sorted(judge.skipped))
    arrays = {path: array for path, array in judge.arrays.items() if not path.startswith("many")}
    some = {f"many/{number}": judge.arrays[f"many/{number}"] for number in session.rng.integers(0, 2000, 10)}

    with session.mount(file, ["--mode", "r"], ("2001 arrays", "5 others are not shown")) as mount:
        same("the names in a group", sorted(judge.arrays), sorted(array["name"] for array in root_of(mount)["arrays"]))
        reasons = {other["name"]: other["why"] for other in root_of(mount)["skipped"]}
        same("why a dataset is skipped", "same as /again", reasons["a/b/c/data"])
        same("why a group is skipped", "the same group as /a", reasons["a/b/c/up"])
        for path, array in {**arrays, **some}.items():
            same(path, array.tobytes(), read(mount.path(f"{path}/data")))


def links_of_one_kind(session: Session) -> None:
    """Soft or external links hide nothing of the group that holds them, however the group is stored."""
    for version in ("earliest", "latest"):
        for kind, many in [("soft", 1), ("soft", 60), ("external", 1), ("external", 60)]:
            file = session.directory / f"{version}, {many} {kind}.h5"
            with h5py.File(file, "w", libver=version) as made:
                for group in (made, made.create_group("g/inner"), made.create_group("only")):
                    for number in range(many):
                        soft, external = h5py.SoftLink("/x"), h5py.ExternalLink("other.h5", "/x")
                        group[f"link{number}"] = soft if kind == "soft" else external
                        if group.name != "/only":
                            group[f"m{number}"] = np.full(3, number)
                made["x"], made["g/x"] = np.arange(3.0), np.arange(4.0)
            judge = Judge(file)
            same("how many arrays there are", (2 * many + 2, []), (len(judge.arrays), judge.skipped))
            with session.mount(file, ["--mode", "r"]) as mount:
                found = {array["name"] for array in root_of(mount)["arrays"]}
                same("the names", set(judge.arrays), found)
                for path in ("x", "g/x", "g/inner/m0"):
                    same(path, judge.arrays[path].tobytes(), read(mount.path(f"{path}/data")))


def root_of(mount: Mount) -> dict:
    with open(mount.path("meta.json"), "rb") as meta:
        return json.load(meta)


def meta_of(mount: Mount, path: str) -> dict:
    with open(mount.path(f"{path}/meta.json"), "rb") as meta:
        return json.load(meta)


def names(session: Session) -> None:
    file = session.directory / "names.h5"
    paths = {"meta.json": "%6Deta.json", "50%": "50%25", ".x": "%2Ex", "g/é ü": "g/é ü", "T/rows": "T/rows"}
    with h5py.File(file, "w") as made:
        for number, name in enumerate(paths):
            made[name] = np.arange(number + 1)
    check_file(session, file, {path: np.arange(number + 1) for number, path in enumerate(paths.values())})


def write_what_cannot_be_shown(file: Path) -> None:
    with h5py.File(file, "w") as made:
        made.create_dataset("chunks", data=np.arange(100), chunks=(30,), maxshape=(None,))
        made.create_dataset("filters", data=np.arange(100), chunks=(30,), compression="gzip", shuffle=True)
        made.create_dataset("external", data=np.arange(10.0), external=[(str(file.with_name("beside.raw")), 0, 80)])
        layout = h5py.VirtualLayout(shape=(100,), dtype="i8")
        with h5py.File(file.with_name("source.h5"), "w") as source:
            source["data"] = np.arange(100)
        layout[:] = h5py.VirtualSource("source.h5", "data", shape=(100,))
        made.create_virtual_dataset("virtual", layout)
        compact = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        compact.set_layout(h5py.h5d.COMPACT)
        space = h5py.h5s.create_simple((4,))
        h5py.h5d.create(made.id, b"compact", h5py.h5t.STD_I32LE, space, compact).write(
            h5py.h5s.ALL, h5py.h5s.ALL, np.arange(4, dtype="i4")
        )
        made.create_dataset("never", shape=(10, 10), dtype="f4")
        made["null"] = h5py.Empty("f4")
        made["strings"] = ["a", "bb"]
        made.create_dataset("lists", (2,), h5py.vlen_dtype("i4"))
        made.create_dataset("inside", (2,), [("n", "i4"), ("text", h5py.string_dtype())])
        made.create_dataset("references", (2,), h5py.ref_dtype)
        h5py.h5d.create(made.id, b"complex", h5py.h5t.COMPLEX_IEEE_F64LE, space)
        bits = h5py.h5t.STD_U16LE.copy()
        bits.set_precision(12)
        h5py.h5d.create(made.id, b"twelve", bits, space)


REASONS = {
    "chunks": "chunked",
    "filters": "chunked, and filtered by shuffle(8), deflate(4)",
    "external": "not in this file: it was never written, or an external file holds it",
    "virtual": "virtual: its elements are in other datasets",
    "compact": "compact: it is part of its header",
    "never": "not in this file: it was never written, or an external file holds it",
    "null": "null: it has no elements",
    "strings": "its elements are strings of variable length",
    "lists": "its elements are sequences of variable length",
    "inside": "its elements are compounds with strings of variable length in 'text'",
    "references": "its elements are references to other objects",
    "complex": "its elements are complex numbers in the form that HDF5 2.0 introduced",
    "twelve": "its elements are integers of 12 bits in 2 bytes",
}


def reasons(session: Session) -> None:
    """Each dataset that cannot be shown says why, and the advice makes a file that shows what it promises."""
    file = session.directory / "all.h5"
    write_what_cannot_be_shown(file)
    refuses(session, file, (), "holds no array that can be shown: chunks: chunked (and 12 more)", ADVICE)
    refuses(session, file, ("--array", "/filters"), "filters: chunked, and filtered by shuffle(8), deflate(4)", ADVICE)
    refuses(session, file, ("--array", "strings"), "strings: its elements are strings of variable length")
    with h5py.File(file, "a") as made:
        made["shown"] = np.arange(3)
    with session.mount(file, ["--mode", "r"], ("1 array", "13 others are not shown")) as mount:
        same("why", REASONS, {other["name"]: other["why"] for other in root_of(mount)["skipped"]})

    repacked = session.directory / "repacked.h5"
    advised = ["chunks", "filters", "external", "virtual", "compact"]
    with h5py.File(file, "a") as made:
        for name in set(REASONS) - set(advised):
            del made[name]
    subprocess.run(["h5repack", "-l", "CONTI", "-f", "NONE", file, repacked], check=True, cwd=session.directory)
    same("what the advice shows", sorted([*advised, "shown"]), sorted(check(session, repacked).arrays))


def newer_layouts(session: Session) -> None:
    """What HDF5 2.0 writes in a form of its own says so."""
    file = session.directory / "newer.h5"
    with h5py.File(file, "w", libver="latest") as made:
        made["shown"] = np.arange(3)
        made.create_dataset("filters", data=np.arange(100), chunks=(30,), compression="gzip", shuffle=True)
        made.create_dataset("chunks", data=np.arange(100), chunks=(30,))
        made.create_dataset("extents", data=np.arange(100), chunks=(30,), maxshape=(None,), fletcher32=True)
    reasons = {
        "filters": "chunked, and filtered by shuffle(8), deflate(4), as HDF5 2.0 or later writes it",
        "chunks": "chunked",
        "extents": "chunked, and filtered by fletcher32, as HDF5 2.0 or later writes it",
    }
    with session.mount(file, ["--mode", "r"], ("1 array", "3 others are not shown")) as mount:
        same("why", reasons, {other["name"]: other["why"] for other in root_of(mount)["skipped"]})
    refuses(session, file, ("--array", "filters"), "with HDF5 2.0 or later, " + ADVICE)


def attributes(session: Session) -> None:
    expected = {
        "text": "größer",
        "fixed": "abc",
        "texts": ["a", "bb"],
        "int": -5,
        "unsigned": 2**64 - 1,
        "big": [1, 2],
        "float": 0.1,
        "double": 0.1,
        "infinite": ["NaN", "Infinity", "-Infinity"],
        "on": True,
        "flags": [True, False],
        "long": "(not shown: 70000 bytes)",
        "many": "(not shown: 40000 elements)",
    }
    written = {
        "text": "größer",
        "fixed": np.bytes_(b"abc"),
        "texts": ["a", "bb"],
        "int": np.int8(-5),
        "unsigned": np.uint64(2**64 - 1),
        "big": np.array([1, 2], ">i2"),
        "float": np.float32(0.1),
        "double": 0.1,
        "infinite": np.array([np.nan, np.inf, -np.inf]),
        "on": np.True_,
        "flags": np.array([True, False]),
        "long": "x" * 70000,
        "many": np.arange(40000),
    }
    for version in ("earliest", "latest"):
        file = session.directory / f"{version}.h5"
        with h5py.File(file, "w", libver=version, track_order=version == "latest") as made:
            made["g/data"] = np.arange(6).reshape(2, 3)
            made["g/data"].dims[1].label = "x"
            for place in (made, made["g"], made["g/data"]):
                for name, value in written.items():
                    # In the oldest form an attribute has at most 64 KiB.
                    if version == "latest" or name not in ("long", "many"):
                        place.attrs[name] = value
                place.attrs["pair"] = np.zeros((), [("a", "i4"), ("b", "f8")])
        wanted = {
            name: value for name, value in expected.items() if version == "latest" or name not in ("long", "many")
        }
        with session.mount(file, ["--mode", "r"]) as mount:
            found = [
                root_of(mount)["attributes"],
                meta_of(mount, "g")["attributes"],
                meta_of(mount, "g/data")["attributes"],
            ]
            same("the names of the axes", [None, "x"], meta_of(mount, "g/data")["dims"])
        for each in found:
            same("a compound", True, each.pop("pair").startswith("(not shown: compound"))
            each.pop("DIMENSION_LABELS", None)
            same("the attributes", wanted, each)


def netcdf(session: Session) -> None:
    """NetCDF-4 files: names of axes and the scale, and what is written through the mount, read by netCDF4."""
    file = session.directory / "a.nc"
    with netCDF4.Dataset(file, "w") as made:
        for name, length in [("time", None), ("y", 3), ("x", 5)]:
            made.createDimension(name, length)
        made.createVariable("y", "f8", ("y",))[:] = [1, 2, 3]
        temperature = made.createVariable("T", "i2", ("y", "x"), contiguous=True)
        temperature.setncatts({"scale_factor": 0.5, "add_offset": 273.0, "units": "K"})
        temperature.set_auto_maskandscale(False)
        temperature[:] = np.arange(15).reshape(3, 5)
        made.createGroup("inner").createVariable("U", ">f4", ("x", "y"), endian="big")[:] = np.ones((5, 3))
        made.createVariable("record", "f4", ("time", "x"))[:2] = np.ones((2, 5))
        made.title = "a title"

    def details(mount: Mount) -> None:
        same("the title", "a title", root_of(mount)["attributes"]["title"])
        same("the scale", {"slope": 0.5, "intercept": 273.0}, meta_of(mount, "T")["scale"])
        same("the units", "K", meta_of(mount, "T")["attributes"]["units"])
        for path, dims in [("T", ["y", "x"]), ("inner/U", ["x", "y"]), ("y", ["y"])]:
            same(f"the axes of {path}", dims, meta_of(mount, path)["dims"])

    judge = check(session, file, also=details)
    same("what is shown of it", {"T", "y", "inner/U"}, set(judge.arrays))
    same("what is not", ["record"], judge.skipped)
    with session.mount(file, ["--mode", "r+"], ("not shown: record (chunked",)) as mount:
        Path(mount.path("T/rows/1")).write_bytes(np.arange(100, 105, dtype="<i2").tobytes())
    with netCDF4.Dataset(file) as again:
        again.set_auto_maskandscale(False)
        same("the row that was written", [100, 101, 102, 103, 104], again["T"][1].tolist())
    subprocess.run(["ncdump", file], check=True, stdout=subprocess.DEVNULL, timeout=60)


def installed(session: Session) -> None:
    """Every HDF5 file in an installed package: of h5py, MATLAB 7.3 of scipy, MINC 2 of nibabel, and others."""
    count = shown = 0
    for file in sorted(Path(sysconfig.get_path("purelib")).rglob("*")):
        if file.suffix not in (".h5", ".hdf5", ".nc", ".mat", ".mnc") or not h5py.is_hdf5(file):
            continue
        judge = Judge(file)
        count += 1
        if file.name == "testhdf5_7.4_GLNX86.mat":
            refuses(session, file, ("--mode", "r"), "written by HDF5 before 1.6.3", ADVICE)
            repacked = session.directory / "repacked.mat"
            subprocess.run(["h5repack", "-l", "CONTI", "-f", "NONE", file, repacked], check=True)
            shown += len(check(session, repacked).arrays)
        elif judge.arrays:
            check(session, file)
            shown += len(judge.arrays)
        else:
            refuses(session, file, ("--mode", "r"), "holds no array that can be shown")
    expect(count >= 11 and shown >= 20, f"found {count} files with {shown} arrays")


def sparse(session: Session) -> None:
    """A file of 1 TiB is mounted as quickly as a small one."""
    seconds = {}
    for name, lengths in [("small", (8, 8)), ("large", (1 << 20, 1 << 17))]:
        file = session.directory / f"{name}.h5"
        with h5py.File(file, "w") as made:
            made["before"] = np.arange(3)
            early = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            early.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
            early.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
            h5py.h5d.create(made.id, b"data", h5py.h5t.IEEE_F64LE, h5py.h5s.create_simple(lengths), early)
            made["after"] = np.arange(3)
            made["data"][-1, 3] = 2.5
        start = time.monotonic()
        with session.mount(file, ["--mode", "r"]) as mount:
            seconds[name] = time.monotonic() - start
            same("an element", struct.pack("<d", 2.5), read(mount.path("data/slices/-1,3")))
            same("what follows", np.arange(3).tobytes(), read(mount.path("after/data")))
    expect(seconds["large"] < seconds["small"] + 0.5, f"mounting took {seconds}")


def patched(file: Path, old: bytes, new: bytes) -> Path:
    data = file.read_bytes()
    same(f"how often {old.hex()} is in {file}", 1, data.count(old))
    other = file.with_name("patched.h5")
    other.write_bytes(data.replace(old, new))
    return other


def lies(session: Session) -> None:
    """Addresses and sizes outside the file, and sizes that do not fit the shape, without checksums to betray them."""
    file = session.directory / "honest.h5"
    with h5py.File(file, "w", libver="earliest") as made:
        made["a"], made["b"] = np.arange(5), np.arange(7, dtype="u1")
        place = made["a"].id.get_offset()
    size = file.stat().st_size
    layout = struct.pack("<QQ", place, 40)
    for address, length, why in [
        (size - 39, 40, rf"needs byte {size + 1}; the file has {size}"),
        (1 << 62, 40, rf"needs byte {(1 << 62) + 40}; the file has {size}"),
        ((1 << 64) - 2, 40, r"the limit of file sizes"),
        (place, 39, r"39 bytes: its shape \(5,\) needs 40"),
        (place, 1 << 63, r"needs 40"),
    ]:
        other = patched(file, layout, struct.pack("<QQ", address, length))
        with session.mount(other, ["--mode", "r"], ("1 array; not shown: a (",)) as mount:
            [skipped] = root_of(mount)["skipped"]
            expect(re.search(why, skipped["why"]) is not None, f"{why!r}, not {skipped['why']!r}")
            same("the other dataset", bytes(range(7)), read(mount.path("b/data")))


def hostile(session: Session) -> None:
    """Structures that a reader of 200 lines would follow for ever, or into the end of its stack or memory."""
    nested = session.directory / "nested.h5"
    kind = h5py.h5t.STD_U8LE.copy()
    for _ in range(8000):
        kind = h5py.h5t.vlen_create(kind)
    with h5py.File(nested, "w") as made:
        h5py.h5d.create(made.id, b"x", kind, h5py.h5s.create_simple((1,)))
    refuses(session, nested, (), "x: its elements are sequences of variable length")

    repeated = session.directory / "repeated.h5"
    long = "x" * 60000
    with h5py.File(repeated, "w", libver="earliest") as made:
        made[long] = np.arange(3)
        for number in range(5000):
            made[str(number)] = made[long]
    data = bytearray(repeated.read_bytes())
    heaps = [struct.unpack_from("<QQQ", data, found.start() + 8) for found in re.finditer(b"HEAP", data)]
    place = data.index(long.encode())
    [offset] = [place - start for length, _, start in heaps if start <= place < start + length]
    for node in re.finditer(b"SNOD", data):
        for entry in range(struct.unpack_from("<H", data, node.start() + 6)[0]):
            struct.pack_into("<Q", data, node.start() + 8 + 40 * entry, offset)
    repeated.write_bytes(data)
    refuses(session, repeated, (), "its parts refer to one another too often")


def in_use(session: Session) -> None:
    file = session.directory / "open.h5"
    with h5py.File(file, "w", libver="latest") as made:
        made["a"] = np.arange(3)
        made.swmr_mode = True
        refuses(session, file, (), "a program has it open for writing", "h5clear -s")


def others(session: Session) -> None:
    """A user block hides nothing, `--format raw` still shows the bytes, and what is no HDF5 file is refused."""
    file = session.directory / "block.h5"
    with h5py.File(file, "w", userblock_size=1024) as made:
        made["a"] = np.arange(4)
    with file.open("r+b") as block:
        block.write(b"#!/bin/sh\n" * 50)
    check(session, file)
    with session.mount(file, ["--mode", "r", "--format", "raw"]) as mount:
        same("the bytes", file.read_bytes(), read(mount.path("data")))
    not_hdf5 = session.directory / "text.h5"
    not_hdf5.write_bytes(os.urandom(5000))
    refuses(session, not_hdf5, ("--format", "hdf5"), "is not a valid hdf5 file")
    refuses(session, file, ("--format", "hdf5", "--dtype", "f4"), "describe themselves")


def cases() -> dict[str, Case]:
    named: dict[str, Callable[[Session], None]] = {version: partial(all_types, version=version) for version in VERSIONS}
    named["tracked order"] = partial(all_types, version="latest", track_order=True)
    for size in (512, 2048, 4096, 65536, 1 << 20):
        version = "earliest" if size == 512 else "latest"
        named[f"user block of {size} bytes"] = partial(all_types, version=version, userblock_size=size)
    named["links, earliest"] = partial(links, version="earliest")
    named["links, latest, in the order of creation"] = partial(links, version="latest", track_order=True)
    rest = [
        links_of_one_kind,
        names,
        reasons,
        newer_layouts,
        attributes,
        netcdf,
        installed,
        sparse,
        lies,
        hostile,
        in_use,
        others,
    ]
    return {**named, **{case.__name__.replace("_", " "): case for case in rest}}


if __name__ == "__main__":
    main(__doc__, cases())
