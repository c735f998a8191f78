"""Files of which nothing is in memory: the bytes that come from the disk, and sparse files."""

import os
import time
from pathlib import Path

import numpy as np

from registry import subject
from workplace import MIB, SQUARE, clocked, dd, run

row = subject("Cold files")

PAGE = 4096
# Much readahead, as disks of virtual machines have it, is the hard case.
READAHEAD_KIB = 8192


def forget(path):
    """Removes the pages of a file from memory, which must not be mapped."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def device_of(point):
    """The directory in /sys of the block device of a file system."""
    device = os.stat(point).st_dev
    return Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}")


def bytes_read(device):
    """The bytes that have been read from a block device, once no request is under way."""
    while True:
        numbers = (device / "stat").read_text().split()
        if numbers[8] == "0":
            return int(numbers[2]) * 512
        time.sleep(0.01)


def cold(words, name, concerned):
    """The bytes are counted at a loop device, which nobody else reads."""

    @row(f"cold: MiB read from the disk for {words}", "the pages concerned", 0.77, unit="MiB", warm_up=False)
    def read_cold(place, pair):
        shape = place.shape(*SQUARE)
        nbytes = 4 * shape[0] * shape[1]
        with place.ext4(nbytes) as point:
            device = device_of(point)
            (device / "queue/read_ahead_kb").write_text(str(READAHEAD_KIB))
            path = point / "cold"
            numbers = np.random.default_rng(1)
            with open(path, "wb") as file:
                for _ in range(0, nbytes, 4 * MIB):
                    file.write(numbers.bytes(4 * MIB))

            def read():
                forget(path)
                with place.mounted(path, shape) as mount:
                    before = bytes_read(device)
                    run("dd", f"if={mount}/{name(shape)}", "of=/dev/null", "bs=1M")
                    return (bytes_read(device) - before) / MIB

            pair(read, lambda: concerned(shape) * PAGE / MIB)


def pages(nbytes):
    return -(-nbytes // PAGE)


cold("one row of square", lambda shape: f"rows/{shape[0] // 3}", lambda shape: pages(4 * shape[1]))
cold("one column of square", lambda shape: f"cols/{shape[1] // 3}", lambda shape: shape[0])
cold("T/data of square", lambda shape: "T/data", lambda shape: pages(4 * shape[0] * shape[1]))
cold("data of square, less than memory", lambda shape: "data", lambda shape: pages(4 * shape[0] * shape[1]))


@row(
    "one column of (250000, 200000), sparse, none of it in memory",
    "numpy.ascontiguousarray(a[:, j])",
    50,
    most=1,
    warm_up=False,
)
def sparse_column(place, pair):
    shape = place.shape(250000, 200000)
    path = place.path("sparse")
    with open(path, "wb") as file:
        file.truncate(4 * shape[0] * shape[1])

    def read():
        forget(path)
        with place.mounted(path, shape) as mount:
            return dd(mount / "cols/7", "/dev/null")

    def by_numpy():
        forget(path)
        a = np.memmap(path, "<f4", "r", shape=shape)
        return clocked(lambda: np.ascontiguousarray(a[:, 7]))

    pair(read, by_numpy)
    path.unlink()
