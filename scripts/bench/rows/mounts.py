"""The mount itself: its start, its memory, and one that has many arrays."""

import json
import os
import subprocess
import time

import numpy as np

from registry import subject
from workplace import TALL, dd, run

row = subject("Mounts")


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


@row("RssAnon after columns and T/data, --cache auto", "8 MiB + 3 MiB a worker + 32 MiB", 1, unit="MiB")
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


def safetensors(path, arrays):
    """Writes a safetensors file with so many arrays of 4 KiB of float32."""
    header = {
        f"a{k}": {"dtype": "F32", "shape": [32, 32], "data_offsets": [4096 * k, 4096 * (k + 1)]} for k in range(arrays)
    }
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, "little") + text + np.random.default_rng(1).bytes(4096 * arrays))


@row("stat and first read of one of 10,000 arrays, 10 new mounts", "of a file's only array", 0.85, least=9)
def many_arrays(place, pair):
    numbers = np.random.default_rng(1)
    many, one = place.path("many.safetensors"), place.path("one.safetensors")
    safetensors(many, place.shape(10_000)[0])
    safetensors(one, 1)

    def first_read(path, arrays):
        with place.mounted(path, None) as mount:
            name = f"{mount}/a{numbers.integers(arrays)}/data"
            start = time.perf_counter()
            os.stat(name)
            file = os.open(name, os.O_RDONLY)
            os.read(file, 4096)
            seconds = time.perf_counter() - start
            os.close(file)
            return seconds

    pair(
        lambda: sum(first_read(many, place.shape(10_000)[0]) for _ in range(10)),
        lambda: sum(first_read(one, 1) for _ in range(10)),
    )
