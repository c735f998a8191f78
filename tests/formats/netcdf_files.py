"""NetCDF classic files, as netCDF4, ncdump and SciPy read them."""

import importlib.util
import json
import struct
import subprocess
from pathlib import Path

import netCDF4
import numpy as np
from scipy.io import netcdf_file

from cases import Case, Session, main
from checks import expect, same
from members import Arrays, check_file, refuses, write_file
from mounting import Mount

TYPES = {
    "NETCDF3_CLASSIC": ["i1", "S1", "i2", "i4", "f4", "f8"],
    "NETCDF3_64BIT_OFFSET": ["i1", "S1", "i2", "i4", "f4", "f8"],
    "NETCDF3_64BIT_DATA": ["i1", "S1", "i2", "i4", "f4", "f8", "u1", "u2", "u4", "i8", "u8"],
}
REAL_FILES = [
    ("scipy", "io/tests/data"),
    ("xarray", "tests/data"),
    ("nibabel", "tests/data"),
    ("nibabel", "externals/tests/data"),
]


def in_library(file: Path) -> dict[str, np.ndarray]:
    """The stored numbers of each variable, in the byte order of the file."""
    with netCDF4.Dataset(file) as dataset:
        dataset.set_auto_maskandscale(False)
        dataset.set_auto_chartostring(False)
        arrays = {}
        for name, variable in dataset.variables.items():
            values = np.asarray(variable[...])
            arrays[name] = values.astype(variable.dtype.newbyteorder(">")).reshape(variable.shape)
        return arrays


def check_details(file: Path, mount: Mount, paths: dict[str, str]) -> None:
    """Compares dimensions, attributes and the scale of each variable with those that the library reads."""
    with netCDF4.Dataset(file) as dataset:
        root = json.loads(Path(mount.path("meta.json")).read_text())
        check_attributes("the file", dataset, root["attributes"])
        for name, variable in dataset.variables.items():
            meta = json.loads(Path(mount.path(f"{paths.get(name, name)}/meta.json")).read_text())
            same(f"the dimensions of {name}", list(variable.dimensions), meta.get("dims", []))
            check_attributes(name, variable, meta.get("attributes", {}))
            slope, intercept = (getattr(variable, key, default) for key, default in SCALE)
            expected = {"slope": float(slope), "intercept": float(intercept)}
            same(f"the scale of {name}", None if (slope, intercept) == (1, 0) else expected, meta.get("scale"))


SCALE = [("scale_factor", 1.0), ("add_offset", 0.0)]


def check_attributes(owner: str, expected: object, got: dict[str, object]) -> None:
    same(f"the attributes of {owner}", sorted(expected.ncattrs()), sorted(got))
    for key in expected.ncattrs():
        value = expected.getncattr(key)
        if isinstance(value, str):
            same(f"{owner}.{key}", value, got[key])
        else:
            found = np.array(got[key], dtype=value.dtype if np.ndim(value) else type(value))
            np.testing.assert_array_equal(found, value, f"{owner}.{key}")


def check(session: Session, file: Path, paths: dict[str, str] | None = None, mode: str = "r") -> None:
    paths = paths or {}
    expected = {paths.get(name, name): array for name, array in in_library(file).items()}
    check_file(session, file, expected, mode=mode, also=lambda mount: check_details(file, mount, paths))


def real_files(session: Session) -> None:
    count = 0
    for package, folder in REAL_FILES:
        root = Path(next(iter(importlib.util.find_spec(package).submodule_search_locations)))
        for file in sorted((root / folder).iterdir()):
            if file.suffix not in (".nc", ".mnc") or file.read_bytes()[:3] != b"CDF":
                continue
            check(session, file)
            with netcdf_file(file, mmap=False) as other:
                for name, array in in_library(file).items():
                    same(f"{name} in SciPy", other.variables[name].data.tobytes(), array.tobytes())
            count += 1
    same("the number of real files", 10, count)


def make(session: Session, form: str, record_types: list[str], records: int = 5) -> Path:
    """A file with fixed variables of all types, and record variables of these."""
    file = session.directory / f"{form}-{'-'.join(record_types)}-{records}.nc"
    with netCDF4.Dataset(file, "w", format=form) as dataset:
        dataset.title = "Ærø, café"
        dataset.history = "x" * 1000
        dataset.empty = ""
        for name, length in [("time", None), ("y", 3), ("x", 5), ("one", 1)]:
            dataset.createDimension(name, length)
        shapes = [(), ("x",), ("y", "x"), ("one", "y", "x")]
        for number, dtype in enumerate(TYPES[form]):
            add(session, dataset, f"fixed {dtype}", dtype, shapes[number % len(shapes)])
        record_shapes = [("time", "y"), ("time",), ("time", "one", "y")]
        for number, dtype in enumerate(record_types):
            add(session, dataset, f"record{number}-{dtype}", dtype, record_shapes[number % 3], records)
    return file


def add(
    session: Session, dataset: netCDF4.Dataset, name: str, dtype: str, dims: tuple[str, ...], records: int = 0
) -> None:
    """Adds a variable with attributes of its type."""
    variable = dataset.createVariable(name, dtype, dims)
    variable.set_auto_maskandscale(False)
    lengths = [len(dataset.dimensions[dim]) if dim != "time" else records for dim in dims]
    values = session.rng.integers(0, 100, lengths).astype(dtype if dtype != "S1" else "u1")
    variable.units = "degrees °C"
    if dtype == "S1":
        values = (values % 26 + 97).astype("u1").view("S1")
    else:
        variable.valid_range = np.array([1, 120], dtype)
        variable.limit = np.array([np.iinfo(dtype).max if dtype[0] != "f" else np.nan], dtype)[0]
        if dtype[0] == "f":
            variable.odd = np.array([np.inf, -np.inf, 0.1, 1e-40], dtype)
        if dtype == "i2":
            variable.scale_factor, variable.add_offset = 0.25, -10.0
    if values.size:
        variable[...] = values


def all_types(session: Session) -> None:
    """Every type in every version, without, with one and with several record variables of each size."""
    for form, types in TYPES.items():
        for record_types in [[], *([dtype] for dtype in types), types, ["i1", "i1"], ["i2", "f8", "S1"]]:
            check(session, make(session, form, record_types))
        for records in [0, 1]:
            check(session, make(session, form, ["i2"], records))
            check(session, make(session, form, types, records))


def written(session: Session) -> None:
    """What is written through the mount is what all three read, and nothing else has changed."""
    for form, types in TYPES.items():
        for record_types in [types, ["i1"], ["i2"], ["i1", "i2", "S1"]]:
            file = make(session, form, record_types)
            header = subprocess.run(["ncdump", "-h", file], capture_output=True, check=True).stdout
            expected = write_file(session, file, in_library(file))
            found = in_library(file)
            for name, array in expected.items():
                same(f"{name} in netCDF4", array.tobytes(), found[name].tobytes())
            if form != "NETCDF3_64BIT_DATA":
                check_in_scipy(file, expected)
            dumped = subprocess.run(["ncdump", file], capture_output=True, check=True).stdout
            expect(dumped.startswith(header[: header.rindex(b"}")]), f"ncdump says of {file}: {dumped!r}")
            check(session, file, mode="c")


def check_in_scipy(file: Path, expected: Arrays) -> None:
    with netcdf_file(file, mmap=False) as other:
        for name, array in expected.items():
            same(f"{name} in SciPy", array.tobytes(), other.variables[name].data.tobytes())


def made_by_scipy(session: Session) -> None:
    for version in [1, 2]:
        file = session.directory / f"scipy{version}.nc"
        with netcdf_file(file, "w", version=version) as dataset:
            dataset.createDimension("t", None)
            dataset.createDimension("x", 3)
            dataset.history = "by SciPy"
            dataset.createVariable("x", "i2", ("x",))[:] = [1, 2, 3]
            for number, dtype in enumerate(["i1", "i2", "f8"]):
                dataset.createVariable(f"r{number}", dtype, ("t", "x"))[:4] = np.arange(12).reshape(4, 3)
        check(session, file)


def names(session: Session) -> None:
    file = session.directory / "names.nc"
    paths = {"meta.json": "%6Deta.json", "50%": "50%25", "a b": "a b", "größe": "größe"}
    with netCDF4.Dataset(file, "w", format="NETCDF3_CLASSIC") as dataset:
        dataset.createDimension("größe", 3)
        for name in paths:
            dataset.createVariable(name, "i4", ("größe",))[:] = [1, 2, 3]
    check(session, file, paths)


def streaming(session: Session) -> None:
    """A file without a number of records has those that are in it, also if the last one is not whole."""
    for form, types in TYPES.items():
        for record_types in [types, ["i2"], ["i4"]]:
            file = make(session, form, record_types)
            expected = in_library(file)
            data = bytearray(file.read_bytes())
            width = 8 if form == "NETCDF3_64BIT_DATA" else 4
            same("the number of records", 5, int.from_bytes(data[4 : 4 + width], "big"))
            data[4 : 4 + width] = b"\xff" * width
            file.write_bytes(data)
            check_file(session, file, expected)
            file.write_bytes(data[:-5])
            shorter = {name: array[:4] if name.startswith("record") else array for name, array in expected.items()}
            check_file(session, file, shorter)


def large(session: Session) -> None:
    """A variable whose size does not fit the header's 32 bits."""
    for form in ["NETCDF3_CLASSIC", "NETCDF3_64BIT_OFFSET"]:
        file = session.directory / f"{form}.nc"
        with netCDF4.Dataset(file, "w", format=form) as dataset:
            dataset.set_fill_off()
            dataset.createDimension("y", 70000)
            dataset.createDimension("x", 70001)
            dataset.createVariable("a", "i1", ("y", "x"))[-1, -3:] = [1, 2, 3]
        with session.mount(file, []) as mount:
            same("the last row", bytes(69998) + b"\1\2\3", Path(mount.path("a/rows/-1")).read_bytes())


def header(
    dims: list[tuple[bytes, int]], variables: list[tuple[bytes, list[int], int, int, int]], records: int = 0
) -> bytes:
    """The header of a file. A variable is its name, dimensions, type, size and begin."""

    def named(name: bytes) -> bytes:
        return struct.pack(">I", len(name)) + name + bytes(-len(name) % 4)

    parts = [b"CDF\x01", struct.pack(">III", records, 10, len(dims))]
    parts += [named(name) + struct.pack(">I", length) for name, length in dims]
    parts += [bytes(8), struct.pack(">II", 11, len(variables))]
    for name, ids, kind, size, begin in variables:
        parts += [named(name), struct.pack(f">{len(ids) + 1}I", len(ids), *ids), bytes(8)]
        parts.append(struct.pack(">III", kind, size, begin))
    return b"".join(parts)


def hostile(session: Session) -> None:
    """Numbers that cannot be are refused, or the variable that has them is skipped."""
    x, t = (b"x", 4), (b"t", 0)
    for name, data in {
        "no such dimension": header([x], [(b"a", [1], 1, 4, 200)]),
        "record dimension second": header([x, t], [(b"a", [0, 1], 1, 4, 200)]),
        "two record dimensions": header([t, (b"u", 0)], [(b"a", [0], 1, 4, 200)]),
        "type 0": header([x], [(b"a", [0], 0, 4, 200)]),
        "type 12": header([x], [(b"a", [0], 12, 4, 200)]),
        "many dimensions": b"CDF\x01" + struct.pack(">III", 0, 10, 0xFFFFFFFF) + bytes(4000),
        "long name": b"CDF\x01" + struct.pack(">IIII", 0, 10, 1, 0xFFFFFFFF) + bytes(4000),
        "many variables": b"CDF\x01" + bytes(20) + struct.pack(">II", 11, 0x7FFFFFFF) + bytes(4000),
        "many axes": b"CDF\x01" + bytes(20) + struct.pack(">IIII", 11, 1, 0, 0x40000000) + bytes(4000),
        "long attribute": b"CDF\x01" + bytes(12) + struct.pack(">IIIII", 12, 1, 0, 6, 0x20000001) + bytes(4000),
        "wrong tag": header([x], [(b"a", [0], 1, 4, 200)]).replace(struct.pack(">I", 11), struct.pack(">I", 13)),
        "other version": b"CDF\x03" + bytes(40),
    }.items():
        file = session.directory / f"{name}.nc"
        file.write_bytes(data)
        refuses(session, file, ("--format", "netcdf"), "is not a valid netcdf file")
    huge = [(b"x", 0xFFFFFFFF), (b"y", 4), t]
    for name, variables, records in [
        ("in the header", [(b"bad", [1], 1, 4, 8)], 0),
        ("past the end", [(b"bad", [1], 1, 4, 0xFFFFFFF0)], 0),
        ("product", [(b"bad", [0, 0, 0, 0], 6, 4, 1000)], 0),
        ("long record", [(b"bad", [2, 0, 0], 6, 4, 1000)], 3),
        ("many records", [(b"bad", [2], 1, 4, 1000)], 0xFFFFFFFE),
        ("many axes", [(b"bad", [1] * 65, 1, 4, 1000)], 0),
    ]:
        file = session.directory / f"{name}.nc"
        good = [(b"good", [1], 1, 99999, 1500)]
        file.write_bytes(header(huge, [*good, *variables], records).ljust(1500, b"\0") + b"abcd")
        expected = {"good": np.frombuffer(b"abcd", "i1")}
        check_file(session, file, expected, announces=("not shown: bad",), skipped=("bad",))


def truncated(session: Session) -> None:
    """A file that ends at any byte is refused, or shows the variables before that byte."""
    file = session.directory / "whole.nc"
    with netCDF4.Dataset(file, "w", format="NETCDF3_CLASSIC") as dataset:
        dataset.createDimension("x", 2)
        for name in "ab":
            dataset.createVariable(name, "i4", ("x",))[:] = [1, 2]
    data = file.read_bytes()
    part = session.directory / "part.nc"
    for end in range(len(data)):
        part.write_bytes(data[:end])
        if end < len(data) - 8:
            refuses(session, part, ("--format", "netcdf"), "netcdf" if end < len(data) - 16 else "needs byte")
        else:
            expected = {"a": np.array([1, 2], ">i4")}
            check_file(session, part, expected, announces=("not shown: b",), skipped=("b",))


def long_attributes(session: Session) -> None:
    """An attribute over 64 KiB is named, but not shown."""
    file = session.directory / "attributes.nc"
    with netCDF4.Dataset(file, "w", format="NETCDF3_CLASSIC") as dataset:
        dataset.long = "x" * 65537
        dataset.fits = "x" * 65536
        dataset.createVariable("a", "i4", ())[...] = 7
    with session.mount(file, []) as mount:
        attributes = json.loads(Path(mount.path("meta.json")).read_text())["attributes"]
        same("the long attribute", "not shown: 65537 bytes", attributes["long"])
        same("the other", "x" * 65536, attributes["fits"])


CASES: dict[str, Case] = {
    "real files": real_files,
    "all types": all_types,
    "written": written,
    "made by SciPy": made_by_scipy,
    "names": names,
    "streaming": streaming,
    "large": large,
    "hostile": hostile,
    "truncated": truncated,
    "long attributes": long_attributes,
}

if __name__ == "__main__":
    main(__doc__, CASES)
