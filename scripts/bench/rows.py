"""The rows of the benchmark. Each row times the same work on arrayfs (A) and by other means (B),
alternating, and has a goal for the ratio of B's time to A's."""

import os
import shutil
import statistics
import subprocess
import time
from dataclasses import dataclass, field

import numpy as np

from workplace import Missing, clocked, dd, run, timed

ROWS = []

TALL, SQUARE, CUBE = (262144, 1024), (16384, 16384), (1024, 1024, 256)


@dataclass
class Result:
    """The result of a row. `pairs` has the seconds of A and B for each turn."""

    work: str
    against: str
    reach: float
    pairs: list = field(default_factory=list)
    missing: str = ""
    note: str = ""

    def ratio(self):
        return statistics.median(b / a for a, b in self.pairs)

    def ratios(self):
        return sorted(b / a for a, b in self.pairs)

    def reached(self):
        return bool(self.pairs) and self.ratio() >= self.reach


def row(work, against, reach):
    """Registers a row. Its function gets the workplace and a callback `pair(a, b)`, which times both."""

    def declared(function):
        ROWS.append((work, against, reach, function))
        return function

    return declared


def measure(place, entry, pairs):
    """Runs a row: one warm-up pair, then the given number of pairs."""
    work, against, reach, function = entry
    result = Result(work, against, reach)

    def pair(a, b):
        a(), b()
        for _ in range(pairs):
            result.pairs.append((a(), b()))

    try:
        result.note = function(place, pair) or ""
    except Missing as why:
        result.missing = str(why)
    return result


def median(work):
    """What the middle one of five runs takes."""
    return statistics.median(work() for _ in range(5))


def need_root():
    if os.geteuid() != 0:
        raise Missing("needs root")


def saved(place, name, shape):
    path = place.path(name)
    if not path.exists():
        place.room()
        np.save(path, np.random.default_rng(1).random(shape, "f4"))
    return path


@row("dd read of data, raw C, mode r", "dd of the file", 0.95)
def read_c(place, pair):
    need_root()
    shape = place.shape(*SQUARE)
    path = place.array("square.bin", shape)
    with place.mounted(path, shape, "--mode", "r") as mount:
        pair(lambda: dd(mount / "data", "/dev/null"), lambda: dd(path, "/dev/null"))


@row("dd read of T/data, raw F, mode r", "dd of the file", 0.95)
def read_f(place, pair):
    need_root()
    shape = place.shape(*SQUARE)
    path = place.array("square.bin", shape)
    with place.mounted(path, shape, "--mode", "r", "--order", "F") as mount:
        pair(lambda: dd(mount / "T/data", "/dev/null"), lambda: dd(path, "/dev/null"))


@row("dd overwrite of data, --passthrough rw", "dd to the file", 0.95)
def overwrite_natively(place, pair):
    need_root()
    shape = place.shape(*SQUARE)
    path = place.array("square.bin", shape)

    def write(target):
        return dd("/dev/zero", target, "conv=notrunc", f"count={path.stat().st_size >> 20}")

    with place.mounted(path, shape, "--passthrough", "rw") as mount:
        pair(lambda: write(mount / "data"), lambda: write(path))
    path.unlink()


@row("dd read of data, --passthrough never", "dd of the file", 0.33)
def read_by_daemon(place, pair):
    shape = place.shape(*SQUARE)
    path = place.array("square.bin", shape)
    with place.mounted(path, shape, "--passthrough", "never") as mount:
        pair(lambda: dd(mount / "data", "/dev/null"), lambda: dd(path, "/dev/null"))


@row("dd overwrite of data, --passthrough never", "dd to the file", 0.25)
def overwrite_by_daemon(place, pair):
    shape = place.shape(*SQUARE)
    path = place.array("square.bin", shape)

    def write(target):
        return dd("/dev/zero", target, "conv=notrunc", f"count={path.stat().st_size >> 20}")

    with place.mounted(path, shape, "--passthrough", "never") as mount:
        pair(lambda: write(mount / "data"), lambda: write(path))
    path.unlink()


def tool(words, reach):
    @row(f"{words[0]} of data, --passthrough never", f"{words[0]} of the file", reach)
    def with_tool(place, pair):
        shape = place.shape(*SQUARE)
        path = place.array("square.bin", shape)
        copy = place.path("copy")
        if words[0] == "cmp":
            run("cp", path, copy)

        def fill(source):
            return [str({"FILE": source, "COPY": copy}.get(word, word)) for word in words]

        with place.mounted(path, shape, "--passthrough", "never", "--mode", "r") as mount:
            pair(lambda: timed(*fill(mount / "data")), lambda: timed(*fill(path)))
        copy.unlink(missing_ok=True)


tool(("cat", "FILE"), 0.3)
tool(("cp", "FILE", "COPY"), 0.35)
tool(("cmp", "FILE", "COPY"), 0.28)


@row("sha256sum of data, second pass, --cache auto, --passthrough never", "sha256sum of the file", 0.8)
def sum_twice(place, pair):
    shape = place.shape(*SQUARE)
    path = place.array("square.bin", shape)
    with place.mounted(path, shape, "--passthrough", "never", "--cache", "auto", "--mode", "r") as mount:
        pair(lambda: timed("sha256sum", mount / "data"), lambda: timed("sha256sum", path))


@row("dd read of npy/data.npy, mode r", "dd of the file", 0.95)
def read_npy(place, pair):
    need_root()
    path = saved(place, "square.npy", place.shape(*SQUARE))
    dd(path, "/dev/null")
    with place.mounted(path, None or (), "--mode", "r") as mount:
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
    with place.mounted(path, ()) as mount:

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


def column(name, shape):
    @row(f"one column of {name}, dd's own time", "numpy.ascontiguousarray(a[:, j])", 1.0)
    def one_column(place, pair):
        lengths = place.shape(*shape)
        path = place.array(f"{name}.bin", lengths)
        a = np.memmap(path, "<f4", "r", shape=lengths)
        j = lengths[1] // 3
        with place.mounted(path, lengths) as mount:
            pair(
                lambda: median(lambda: dd(mount / f"cols/{j}", "/dev/null")),
                lambda: median(lambda: clocked(lambda: np.ascontiguousarray(a[:, j]))),
            )


column("square", SQUARE)


@row("all columns of square, one file after the other, --cache auto", "NumPy's loop over columns", 4)
def all_columns(place, pair):
    shape = place.shape(*SQUARE)
    path = place.array("square.bin", shape)
    a = np.memmap(path, "<f4", "r", shape=shape)
    buffer = bytearray(1 << 20)

    def files():
        # A new mount each time, so that no page of the files is in the page cache.
        with place.mounted(path, shape, "--cache", "auto") as mount:
            directory = os.open(mount / "cols", os.O_RDONLY)
            start = time.perf_counter()
            for j in range(shape[1]):
                file = os.open(str(j), os.O_RDONLY, dir_fd=directory)
                while os.readv(file, [buffer]):
                    pass
                os.close(file)
            seconds = time.perf_counter() - start
            os.close(directory)
            return seconds

    def loop():
        for j in range(shape[1]):
            np.ascontiguousarray(a[:, j])

    pair(files, lambda: clocked(loop))


def transpose(name, shape, cache):
    @row(f"T/data of {name}, C, --cache {cache}", "numpy.ascontiguousarray(a.T)", 4)
    def transposed(place, pair):
        lengths = place.shape(*shape)
        path = place.array(f"{name}.bin", lengths)
        a = np.memmap(path, "<f4", "r", shape=lengths)

        def read():
            # After a new mount, only the pages of the backing file are cached.
            with place.mounted(path, lengths, "--cache", cache) as mount:
                return dd(mount / "T/data", "/dev/null")

        pair(read, lambda: clocked(lambda: np.ascontiguousarray(a.T)))


transpose("square", SQUARE, "never")


@row("native/data of a big-endian array, --cache never", "a.byteswap()", 1)
def native(place, pair):
    shape = place.shape(*SQUARE)
    path = place.array("square.bin", shape)
    a = np.memmap(path, ">f4", "r", shape=shape)
    with place.mounted(path, shape, dtype=">f4") as mount:
        pair(lambda: dd(mount / "native/data", "/dev/null"), lambda: clocked(a.byteswap))


@row("data of square, F, --cache never", "a.tobytes()", 4)
def to_bytes(place, pair):
    shape = place.shape(*SQUARE)
    path = place.array("square.bin", shape)
    a = np.memmap(path, "<f4", "r", shape=shape, order="F")
    with place.mounted(path, shape, "--order", "F") as mount:
        pair(lambda: dd(mount / "data", "/dev/null"), lambda: clocked(a.tobytes))


@row("writing all of T/data (square)", "a.T[...] = b", 2)
def write_transposed(place, pair):
    shape = place.shape(*SQUARE)
    path = place.array("square.bin", shape)
    source = place.path("source")
    b = np.random.default_rng(3).random(shape[::-1], "f4")
    b.tofile(source)
    a = np.memmap(path, "<f4", "r+", shape=shape)

    def assign():
        a.T[...] = b

    with place.mounted(path, shape) as mount:
        pair(lambda: dd(source, mount / "T/data", "conv=notrunc"), lambda: clocked(assign))
    source.unlink()
    path.unlink()


@row("slices/::2,::2 of square", "numpy.ascontiguousarray(a[::2, ::2])", 1)
def every_other(place, pair):
    shape = place.shape(*SQUARE)
    path = place.array("square.bin", shape)
    a = np.memmap(path, "<f4", "r", shape=shape)
    with place.mounted(path, shape) as mount:
        pair(
            lambda: dd(mount / "slices/::2,::2", "/dev/null"),
            lambda: clocked(lambda: np.ascontiguousarray(a[::2, ::2])),
        )


@row("open, read and close 4 KiB rows at random, 1 client", "the floor", 0.9)
def open_rows(place, pair, clients=1):
    files, count = place.shape(65536)[0], place.count(20000)
    path = place.array("rows.bin", (files, 4096), "u1")
    words = (files, count, clients)
    with place.mounted(path, (files, 4096), "--mode", "r", dtype="u1") as mount:
        with place.floor(files, 4096, files * 4096) as floor:
            pair(
                lambda: place.client_seconds("open", mount / "rows", *words),
                lambda: place.client_seconds("open", floor / "rows", *words),
            )


@row("open, read and close 4 KiB rows at random, 4 clients", "the floor", 0.9)
def open_rows_together(place, pair):
    open_rows(place, pair, clients=4)


@row("pread 4 KiB at random of one open file, --passthrough never", "the floor", 0.9)
def read_at_random(place, pair):
    files, count = place.shape(65536)[0], place.count(50000)
    path = place.array("rows.bin", (files, 4096), "u1")
    options = ("--mode", "r", "--passthrough", "never")
    with place.mounted(path, (files, 4096), *options, dtype="u1") as mount:
        with place.floor(files, 4096, files * 4096) as floor:
            pair(
                lambda: place.client_seconds("pread", mount / "data", count),
                lambda: place.client_seconds("pread", floor / "data", count),
            )


@row("8 readers of 8 ranges of rows", "1 reader of all", 1)
def readers(place, pair):
    files = place.shape(4096)[0]
    path = place.array("ranges.bin", (files, 1 << 18), "u1")
    with place.mounted(path, (files, 1 << 18), "--mode", "r", dtype="u1") as mount:

        def read(clients):
            return place.client_seconds("ranges", mount / "rows", files, clients)

        pair(lambda: read(8), lambda: read(1))


@row("write 4 KiB at random, fdatasync each", "the same on the file", 0.4)
def synced(place, pair):
    files, count = place.shape(4096)[0], place.count(1000)
    path = place.array("sync.bin", (files, 4096), "u1")
    with place.mounted(path, (files, 4096), dtype="u1") as mount:
        pair(
            lambda: place.client_seconds("fdatasync", mount / "data", count),
            lambda: place.client_seconds("fdatasync", path, count),
        )


def listing(words, reach):
    @row(f"{' '.join(words)} rows, a million", "an ext4 directory of a million files", reach)
    def list_rows(place, pair):
        need_root()
        files = place.shape(1_000_000)[0]
        path = place.array("many.bin", (files, 8), "u1")
        with place.ext4(files) as directory:
            with place.mounted(path, (files, 8), "--mode", "r", dtype="u1") as mount:
                pair(lambda: timed(*words, mount / "rows"), lambda: timed(*words, directory))


listing(("ls", "-f"), 1)
listing(("ls", "-l"), 0.8)

column("tall", TALL)
transpose("tall", TALL, "auto")
transpose("cube", CUBE, "auto")


@row("axes/1/j of cube", "numpy.ascontiguousarray(a[:, j])", 1)
def middle_axis(place, pair):
    shape = place.shape(*CUBE)
    path = place.array("cube.bin", shape)
    a = np.memmap(path, "<f4", "r", shape=shape)
    j = shape[1] // 3
    with place.mounted(path, shape) as mount:
        pair(
            lambda: median(lambda: dd(mount / f"axes/1/{j}", "/dev/null")),
            lambda: median(lambda: clocked(lambda: np.ascontiguousarray(a[:, j]))),
        )


@row("fields/x/data of packed 48-byte records", "numpy.ascontiguousarray(a['x'])", 1)
def records(place, pair):
    dtype = "x:<f4,y:<f8,rest:V36"
    numpy_dtype = np.dtype([("x", "<f4"), ("y", "<f8"), ("rest", "V36")])
    count = place.shape(1 << 30)[0] // 48
    path = place.array("records.bin", (count,), numpy_dtype)
    a = np.memmap(path, numpy_dtype, "r", shape=(count,))
    with place.mounted(path, (count,), dtype=dtype) as mount:
        pair(
            lambda: dd(mount / "fields/x/data", "/dev/null"),
            lambda: clocked(lambda: np.ascontiguousarray(a["x"])),
        )


@row("one column of (25000, 200000), sparse, none of it in memory", "numpy.ascontiguousarray(a[:, j])", 50)
def sparse_column(place, pair):
    shape = place.shape(25000, 200000)
    path = place.path("sparse")
    with open(path, "wb") as file:
        file.truncate(4 * shape[0] * shape[1])

    def forget():
        with open(path, "rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)

    def read():
        forget()
        with place.mounted(path, shape) as mount:
            return dd(mount / "cols/7", "/dev/null")

    def by_numpy():
        forget()
        a = np.memmap(path, "<f4", "r", shape=shape)
        return clocked(lambda: np.ascontiguousarray(a[:, 7]))

    pair(read, by_numpy)
    path.unlink()


@row("mount to usable, 1 TiB sparse", "30 ms", 1)
def mount_time(place, pair):
    path = place.path("sparse")
    with open(path, "wb") as file:
        file.truncate(1 << 40)

    def mount():
        point = place.point()
        start = time.perf_counter()
        run(place.arrayfs, path, point, "--shape", "1048576,1048576")
        os.stat(point / "rows/7")
        seconds = time.perf_counter() - start
        run(place.arrayfs, "-u", point)
        return seconds

    pair(mount, lambda: 0.030)
    path.unlink()


@row("RssAnon after columns and T/data, MiB, --cache auto", "8 MiB + 3 MiB a worker + 32 MiB", 1)
def memory(place, pair):
    shape = place.shape(*TALL)
    path = place.array("tall.bin", shape)
    threads = 2

    def used():
        with place.mounted(path, shape, "--cache", "auto", "--threads", threads) as mount:
            readers = [
                subprocess.Popen(["cat", *(mount / f"cols/{j}" for j in some)], stdout=subprocess.DEVNULL)
                for some in np.array_split(range(min(shape[1], 256)), 4)
            ]
            for reader in readers:
                reader.wait()
            dd(mount / "T/data", "/dev/null", "count=256")
            status = (place.daemon(mount) / "status").read_text()
            kib = next(line for line in status.splitlines() if line.startswith("RssAnon"))
            return int(kib.split()[1]) / 1024

    pair(used, lambda: float(8 + 3 * threads + 32))
    return "mebibytes, not seconds"
