"""Random batches, as a program that trains a model loads them: against fancy indexing in NumPy."""

import sys
from pathlib import Path

import numpy as np

from loader import BATCH, ranges
from registry import subject
from workplace import SQUARE, clocked, run

row = subject("Random batches")
PROCESSES = 4
SIZES = {"4 KiB": 4 << 10, "64 KiB": 64 << 10, "1 MiB": 1 << 20}


def batches(how, words, options, size, total, goal):
    nbytes = SIZES[size]

    @row(f"batches of 256 rows of {size}, 4 processes, {words}", "numpy.memmap, fancy indexing", goal)
    def loaded(place, pair):
        square = place.shape(*SQUARE)
        path = place.array("square.bin", square)
        rows = 4 * square[0] * square[1] // nbytes
        count = max(PROCESSES, total // place.scale)
        a = np.memmap(path, "u1", "r", shape=(rows, nbytes))
        batch = min(BATCH, rows)
        numbers = np.random.default_rng(1)

        def by_numpy():
            for _ in range(count):
                if how == "preadv":
                    index = numbers.integers(rows, size=batch)
                else:
                    index = np.arange(rows)[slice(*ranges(numbers, rows, batch))]
                a[index]

        def load(mount):
            program = Path(__file__).parent.with_name("loader.py")
            return float(run(sys.executable, program, how, mount, rows, nbytes, count, PROCESSES).stdout)

        with place.mounted(path, (rows, nbytes), *options, dtype="u1") as mount:
            pair(lambda: load(mount), lambda: clocked(by_numpy))


for size, amount, reach in (("4 KiB", 200, None), ("64 KiB", 64, 0.5), ("1 MiB", 8, 0.5)):
    batches("preadv", "os.preadv of data", (), size, amount, reach)
    batches("preadv", "os.preadv of data, mode r", ("--mode", "r"), size, amount, reach)
    batches("slices", "a path in slices/ a batch", (), size, amount, reach)
