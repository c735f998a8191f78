"""Columns, transposes and other slices whose bytes lie apart in the file: against NumPy."""

import os
import time

import numpy as np

from registry import subject
from workplace import CUBE, SQUARE, TALL, clocked, dd

row = subject("Columns and other slices")


def own_buffer(files, name, shape, folder):
    """Reads 32 files far apart, so that none is in the processor's cache from the one before. The
    files are open before, as NumPy's mapping is."""

    @row(f"32 {files} of {name}, open, into one buffer", "numpy.ascontiguousarray(a[:, j])", 0.9)
    def slices(place, pair):
        lengths = place.shape(*shape)
        path = place.array(f"{name}.bin", lengths)
        a = np.memmap(path, "<f4", "r", shape=lengths)
        step = lengths[1] // 32

        def copy():
            for j in range(0, 32 * step, step):
                np.ascontiguousarray(a[:, j])

        with place.mounted(path, lengths) as mount:
            pair(
                lambda: place.client_seconds("own", mount / folder, 0, step, 32),
                lambda: clocked(copy),
            )


own_buffer("columns", "square", SQUARE, "cols")
own_buffer("columns", "tall", TALL, "cols")
own_buffer("files of axes/1", "cube", CUBE, "axes/1")


def neighbours(words, name, shape, count):
    @row(f"{words}, a file each, mode r, --cache always", "NumPy's loop over columns", 1.5)
    def columns(place, pair):
        lengths = place.shape(*shape)
        path = place.array(f"{name}.bin", lengths)
        a = np.memmap(path, "<f4", "r", shape=lengths)
        buffer = bytearray(1 << 20)
        first = 0 if count == shape[1] else lengths[1] // 3
        some = range(first, first + min(count, lengths[1] - first))

        def files():
            # A new mount each time, so that no page of the files is in the page cache.
            with place.mounted(path, lengths, "--mode", "r", "--cache", "always") as mount:
                directory = os.open(mount / "cols", os.O_RDONLY)
                start = time.perf_counter()
                for j in some:
                    file = os.open(str(j), os.O_RDONLY, dir_fd=directory)
                    while os.readv(file, [buffer]):
                        pass
                    os.close(file)
                seconds = time.perf_counter() - start
                os.close(directory)
                return seconds

        def loop():
            for j in some:
                np.ascontiguousarray(a[:, j])

        pair(files, lambda: clocked(loop))


neighbours("all columns of square", "square", SQUARE, SQUARE[1])
neighbours("1,000 neighbouring columns of (8192, 8192)", "middle", (8192, 8192), 1000)


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
transpose("tall", TALL, "auto")
transpose("cube", CUBE, "auto")


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
