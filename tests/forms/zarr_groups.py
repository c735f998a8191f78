"""The store of a file of many arrays, as xarray and zarr-python open it, from the mount and from a web server."""

import json
import os
import time
import warnings
from pathlib import Path

import ml_dtypes
import netCDF4
import numpy as np
import xarray
import zarr
from astropy.io import fits
from safetensors.numpy import save_file

from cases import Case, Session, main
from checks import expect, same, same_bytes
from mounting import DEADLINE
from zarr_cases import same_array, served

MOST_CONSOLIDATED = 16 << 20
"""The bytes of metadata of the largest group that has them in one file."""


def make_weather(file: Path, kind: str, rng: np.random.Generator) -> None:
    """Coordinates, packed numbers with missing ones, floats, text, and in the newer format a group."""
    with netCDF4.Dataset(file, "w", format=kind) as made:
        for name, length in [("time", 5), ("lat", 3), ("lon", 4)]:
            made.createDimension(name, length)
            values = made.createVariable(name, "f8", (name,))
            values[:] = np.arange(length)
        made["time"].units = "days since 2000-01-01"
        packed = made.createVariable("t2", "i2", ("time", "lat", "lon"), fill_value=-99)
        packed.scale_factor, packed.add_offset, packed.units = 0.25, 273.0, "K"
        packed.set_auto_maskandscale(False)
        packed[:] = rng.integers(-200, 200, (5, 3, 4))
        packed[1, 1] = -99
        wind = made.createVariable("wind", "f4", ("time", "lat"), fill_value=np.float32(9.96921e36))
        wind[:] = rng.standard_normal((5, 3))
        wind[2] = np.ma.masked
        plain = made.createVariable("zeros", "f4", ("lat", "lon"))
        plain.radius = 6371.5
        plain.missing_value = np.float32("nan")
        plain[:] = 0
        made.createVariable("letters", "S1", ("lat", "lon"))[:] = b"x"
        made.title = "weather"
        if kind == "NETCDF4":
            inner = made.createGroup("model")
            inner.title = "inner"
            inner.createDimension("level", 2)
            inner.createVariable("p", "i4", ("level",))[:] = [5, 7]


def same_dataset(expected: xarray.Dataset, got: xarray.Dataset) -> None:
    same("the variables", set(expected.variables), set(got.variables))
    same("the coordinates", set(expected.coords), set(got.coords))
    for name, variable in expected.variables.items():
        other = got[name].variable
        same(f"the axes of {name}", variable.dims, other.dims)
        # An attribute in JSON has no size, so that xarray scales in float64.
        expect(np.array_equal(variable.values, other.values.astype(variable.dtype), variable.dtype.kind == "f"), name)
        of_variable = {key: value for key, value in variable.attrs.items() if value == value}
        same(f"the attributes of {name}", of_variable, other.attrs)
    same("the attributes", expected.attrs, got.attrs)


def weather(session: Session) -> None:
    """xarray finds in the store what it finds in the file, in each version and from a web server."""
    for kind in ("NETCDF3_CLASSIC", "NETCDF3_64BIT_OFFSET", "NETCDF4"):
        file = session.directory / f"{kind}.nc"
        make_weather(file, kind, session.rng)
        expected = xarray.open_dataset(file, engine="netcdf4").load()
        session.subject = str(file)
        with session.mount(file, ["-o", "ro"]) as mount:
            store = mount.path("zarr")
            for options in ({}, {"zarr_format": 2}, {"consolidated": False}):
                session.note(f"{options}")
                with xarray.open_zarr(store, **options) as got:
                    same_dataset(expected, got)
                    got.to_netcdf(session.directory / "copy.nc", engine="netcdf4")
            with served(mount.point) as address:
                with xarray.open_zarr(f"{address}/zarr") as got:
                    same_dataset(expected, got)
            names = ["README.txt", "index.html", "meta.json", "zarr", *expected.variables]
            groups = ["model"] if kind == "NETCDF4" else []
            same("the root", sorted([*names, *groups]), sorted(os.listdir(mount.point)))
            listed = [".zattrs", ".zgroup", ".zmetadata", "zarr.json", *expected.variables, *groups]
            same("the store", sorted(listed), sorted(os.listdir(store)))
            check_inodes(mount.path(""))
            if groups:
                with xarray.open_zarr(store, group="model", consolidated=False) as inner:
                    same("the inner array", [5, 7], inner["p"].values.tolist())
                    same("the inner axis", ("level",), inner["p"].dims)
                    same("the inner title", "inner", inner.attrs["title"])
                listed = [".zattrs", ".zgroup", "p", "zarr.json"]
                same("the inner store", listed, sorted(os.listdir(mount.path("zarr/model"))))
                consolidated = zarr.open_consolidated(store)
                same_array("model/p", np.array([5, 7], "i4"), consolidated["model/p"][...])
        expected.close()


def missing_letters(session: Session) -> None:
    """A store can be opened if text in it has a fill value, which xarray cannot read in version 3."""
    file = session.directory / "letters.nc"
    with netCDF4.Dataset(file, "w") as made:
        made.createDimension("x", 3)
        made.createVariable("letters", "S1", ("x",), fill_value=b" ")[:] = [b"a", b" ", b"c"]
    with session.mount(file, ["-o", "ro"]) as mount, xarray.open_zarr(mount.path("zarr")) as got:
        same("the letters, which xarray joins", b"a c", got["letters"].values.tolist())


def check_inodes(root: str) -> None:
    """No directory is another, and each knows its parent."""
    seen = {}
    for directory, below, _ in os.walk(root):
        inode = os.stat(directory).st_ino
        expect(inode not in seen, f"{directory} is {seen.get(inode)}")
        seen[inode] = directory
        for name in below:
            same(f"above {name}", inode, os.stat(os.path.join(directory, name, "..")).st_ino)


def other_members(session: Session) -> None:
    """Names in directories, shapes without names of axes, and types that Zarr has otherwise or not at all."""
    arrays = {
        "layer/0/w": np.arange(12, dtype="f4").reshape(3, 4),
        "layer/0/b": np.arange(3, dtype="f4"),
        "narrow": np.arange(6).reshape(2, 3).astype(ml_dtypes.bfloat16),
        "zarr": np.arange(2, dtype="i8"),
        "zarr.json": np.arange(3, dtype="i8"),
    }
    file = session.directory / "a.safetensors"
    save_file(arrays, file)
    with session.mount(file, ["--mode=r+"]) as mount:
        group = zarr.open_group(mount.path("zarr"), mode="r", use_consolidated=True)
        same("the members", {"layer", "narrow", "%7Aarr", "%7Aarr.json"}, {name for name, _ in group.members()})
        same_array("w", arrays["layer/0/w"], group["layer/0/w"][...])
        same_array("narrow", arrays["narrow"].astype("f4"), group["narrow"][...])
        same("writable", [True, False], [bool(os.stat(mount.path(f"zarr/{path}")).st_mode & 0o200)
                                         for path in ("layer/0/w/0.0", "narrow/0.0")])  # fmt: skip
        with xarray.open_zarr(mount.path("zarr"), group="layer/0", consolidated=False) as got:
            same("the axes of w", ("w_axis0", "w_axis1"), got["w"].dims)
            same_array("b", arrays["layer/0/b"], got["b"].values)
        Path(mount.path("zarr/layer/0/b/0")).write_bytes(np.full(3, 7, "f4").tobytes())
        same_bytes("the array", np.full(3, 7, "f4").tobytes(), Path(mount.path("layer/0/b/data")).read_bytes())
    records = session.directory / "records.npz"
    np.savez(records, wide=np.zeros(3, "g"), records=np.zeros(3, ">i2,>f4"))
    with session.mount(records, ["--mode=r"]) as mount:
        same("the store", True, os.path.exists(mount.path("zarr/records/zarr.json")))
        same("what Zarr lacks", False, os.path.exists(mount.path("zarr/wide")))
    np.savez(records, wide=np.zeros(3, "g"))
    with session.mount(records, ["--mode=r"]) as mount:
        same("a store of nothing", ["README.txt", "index.html", "meta.json", "wide"], sorted(os.listdir(mount.point)))
        same("a hidden one", False, os.path.exists(mount.path("zarr")))


def scaled_images(session: Session) -> None:
    """The scale of FITS is an attribute that xarray does not apply. Records are there in the native order."""
    image = fits.ImageHDU(np.arange(12, dtype="i2").reshape(3, 4), name="SCI")
    table = fits.BinTableHDU.from_columns(
        [fits.Column("x", "J", array=[1, 2, 3]), fits.Column("y", "D", array=[4, 5, 6])]
    )
    table.name = "TAB"
    vectors = fits.BinTableHDU.from_columns([fits.Column("v", "3D", array=np.zeros((2, 3)))], name="VECTORS")
    file = session.directory / "a.fits"
    image.header["BSCALE"], image.header["BZERO"] = 2.0, 10.0
    fits.HDUList([fits.PrimaryHDU(), image, table, vectors]).writeto(file, output_verify="ignore")
    with fits.open(file, do_not_scale_image_data=True) as opened:
        stored, scale = opened["SCI"].data, opened["SCI"].header
        with session.mount(file, ["--mode=r"]) as mount, xarray.open_zarr(mount.path("zarr")) as got:
            same_array("the numbers", stored, got["SCI"].values)
            same("the scale", {"slope": scale["BSCALE"], "intercept": scale["BZERO"]}, got["SCI"].attrs["scale"])
            same("the axes", ("SCI_axis0", "SCI_axis1"), got["SCI"].dims)
            records = zarr.open_group(mount.path("zarr"), mode="r")["TAB"][...]
            same("the records", [(1, 4.0), (2, 5.0), (3, 6.0)], records.tolist())
            for version in (2, 3):
                members = zarr.open_group(mount.path("zarr"), mode="r", zarr_format=version).members()
                same("without sub-arrays", {"SCI", "TAB"}, {name for name, _ in members})


def many_arrays(session: Session) -> None:
    """Ten thousand are found in one file; of more than fit 16 MiB there is no such file, and they are listed."""
    for count, width, is_consolidated in [(10_000, 0, True), (25_000, 240, False)]:
        names = [f"a{n}".ljust(width, "_") for n in range(count)]
        header = {name: {"dtype": "U8", "shape": [1], "data_offsets": [n, n + 1]} for n, name in enumerate(names)}
        text = json.dumps(header).encode()
        file = session.directory / f"{count}.safetensors"
        file.write_bytes(len(text).to_bytes(8, "little") + text + bytes(count))
        with session.mount(file, ["--mode=r"]) as mount:
            start = time.monotonic()
            metadata = json.loads(Path(mount.path("zarr/zarr.json")).read_text())
            same("consolidated", is_consolidated, "consolidated_metadata" in metadata)
            same(".zmetadata", is_consolidated, os.path.exists(mount.path("zarr/.zmetadata")))
            listed = set(os.listdir(mount.path("zarr")))
            same("the listed arrays", count + 3 + is_consolidated, len(listed))
            if is_consolidated:
                same("the arrays", count, len(metadata["consolidated_metadata"]["metadata"]))
                expect(os.stat(mount.path("zarr/zarr.json")).st_size < MOST_CONSOLIDATED, "it is too long")
            same("the last one", bytes(1), Path(mount.path(f"zarr/{names[-1]}/0")).read_bytes())
            elapsed = time.monotonic() - start
            expect(elapsed < DEADLINE, f"it took {elapsed:.1f} s")


CASES: dict[str, Case] = {
    "weather": weather,
    "missing letters": missing_letters,
    "other members": other_members,
    "scaled images": scaled_images,
    "many arrays": many_arrays,
}

if __name__ == "__main__":
    # Of both versions in one directory, and of types that not every program has.
    warnings.filterwarnings("ignore", module="zarr")
    warnings.filterwarnings("ignore", module="xarray")
    main(__doc__, CASES)
