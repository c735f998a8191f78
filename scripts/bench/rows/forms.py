"""Other forms of an array: .npy, TIFF, Parquet, Zarr, and another byte order."""

import shutil

import numpy as np

from registry import subject
from workplace import SQUARE, Missing, clocked, dd, need_root

row = subject("Other forms")


@row("dd read of npy/data.npy, mode r", "dd of the file", 0.95)
def read_npy(place, pair):
    need_root()
    path = place.path("square.npy")
    place.room()
    np.save(path, np.random.default_rng(1).random(place.shape(*SQUARE), "f4"))
    dd(path, "/dev/null")
    with place.mounted(path, None, "--mode", "r") as mount:
        pair(lambda: dd(mount / "npy/data.npy", "/dev/null"), lambda: dd(path, "/dev/null"))
    path.unlink()


@row("dd read of tiff/data.tif, mode r", "dd of npy/data.npy", 0.95)
def read_tiff(place, pair):
    need_root()
    shape = place.shape(*SQUARE)
    path = place.array("square.bin", shape)
    with place.mounted(path, shape, "--mode", "r") as mount:
        pair(lambda: dd(mount / "tiff/data.tif", "/dev/null"), lambda: dd(mount / "npy/data.npy", "/dev/null"))


@row("DuckDB's sum of a column of parquet/", "the same of csv/", 20)
def sum_of_column(place, pair):
    import duckdb

    fields = [("id", "<i8"), ("x", "<f8"), ("y", "<f4"), ("count", "<i4")]
    records = np.zeros(place.shape(2_000_000), fields)
    for name, _ in fields:
        records[name] = np.random.default_rng(1).random(len(records)) * 1000
    path = place.path("records.npy")
    np.save(path, records)
    with place.mounted(path, None) as mount:

        def total(form):
            return clocked(lambda: duckdb.sql(f"select sum(x) from '{mount}/{form}/data.{form}'").fetchall())

        pair(lambda: total("parquet"), lambda: total("csv"))
    path.unlink()


@row("zarr.open(...)[:] of zarr/, mode r", "the same store as plain files", 0.77)
def read_zarr(place, pair):
    try:
        import zarr
    except ImportError as error:
        raise Missing("zarr-python is not installed") from error
    shape = place.shape(*SQUARE)
    path = place.array("square.bin", shape)
    plain = place.directory / "plain.zarr"
    with place.mounted(path, shape, "--mode", "r") as mount:
        shutil.copytree(mount / "zarr", plain, copy_function=shutil.copyfile)
        stores = [str(mount / "zarr"), str(plain)]
        first, second = (zarr.open_array(store, mode="r", zarr_format=3) for store in stores)
        pair(lambda: clocked(lambda: first[:]), lambda: clocked(lambda: second[:]))
    shutil.rmtree(plain)


@row("native/data of a big-endian array, --cache never", "a.byteswap()", 1)
def native(place, pair):
    shape = place.shape(*SQUARE)
    path = place.array("square.bin", shape)
    a = np.memmap(path, ">f4", "r", shape=shape)
    with place.mounted(path, shape, dtype=">f4") as mount:
        pair(lambda: dd(mount / "native/data", "/dev/null"), lambda: clocked(a.byteswap))
