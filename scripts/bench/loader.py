"""Loads random batches of rows from a mount in several processes, and prints how many seconds it took.

    loader.py preadv|slices MOUNT ROWS BYTES_OF_EACH BATCHES PROCESSES

preadv: random rows, each with os.preadv of the open file `data`. slices: as many rows at a constant
distance, which one path names. The processes start together, with open files and buffers in memory."""

import os
import sys
import time

import numpy as np

BATCH = 256


def ranges(numbers, rows, batch):
    """A random slice of so many rows: start, stop, step."""
    step = int(numbers.integers(1, max((rows - 1) // max(batch - 1, 1), 1) + 1))
    span = (batch - 1) * step + 1
    start = int(numbers.integers(rows - span + 1))
    return start, start + span, step


def read_fully(file, buffer):
    view, done = memoryview(buffer), 0
    while done < len(view):
        count = os.preadv(file, [view[done:]], done)
        if count == 0:
            raise RuntimeError("the file is too short")
        done += count


def preadv(mount, rows, nbytes, batch):
    """A function that loads one batch."""
    file = os.open(f"{mount}/data", os.O_RDONLY)
    buffer = np.full((batch, nbytes), 1, "u1")
    places = [memoryview(row) for row in buffer]

    def load(numbers):
        for place, number in zip(places, numbers.integers(rows, size=batch).tolist(), strict=True):
            if os.preadv(file, [place], number * nbytes) != nbytes:
                raise RuntimeError("a short read")

    return load


def slices(mount, rows, nbytes, batch):
    """A function that loads one batch."""
    directory = os.open(f"{mount}/slices", os.O_RDONLY)
    buffer = np.full(batch * nbytes, 1, "u1")

    def load(numbers):
        start, stop, step = ranges(numbers, rows, batch)
        file = os.open(f"{start}:{stop}:{step}", os.O_RDONLY, dir_fd=directory)
        read_fully(file, buffer)
        os.close(file)

    return load


def main(how, mount, rows, nbytes, batches, processes):
    ready, gate = os.pipe(), os.pipe()
    children = []
    for process in range(processes):
        child = os.fork()
        if child == 0:
            load = {"preadv": preadv, "slices": slices}[how](mount, rows, nbytes, min(BATCH, rows))
            numbers = np.random.default_rng(process)
            os.close(gate[1])
            os.write(ready[1], b".")
            os.read(gate[0], 1)
            for _ in range(batches // processes):
                load(numbers)
            os._exit(0)
        children.append(child)
    os.close(ready[1])
    for _ in children:
        if not os.read(ready[0], 1):
            sys.exit("loader.py: a process failed")
    start = time.perf_counter()
    os.close(gate[1])
    failed = [child for child in children if os.waitpid(child, 0)[1]]
    print(time.perf_counter() - start)
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3], *map(int, sys.argv[3:])))
