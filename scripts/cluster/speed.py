"""Throughput of arrayfs on node 1, compared with direct access to the same file.

    speed.py ARRAYFS WORK

Prints lines of a Markdown table, medians of alternating runs.
"""

import os
import statistics
import subprocess
import sys
import time

ROUNDS = 5
BLOCK = 1 << 20

arrayfs, work = sys.argv[1:]
plain = f"{work}/node1/array.bin"
size = os.path.getsize(plain)
point = f"{work}/array1"
subprocess.run([arrayfs, plain, point, "--shape", "-1,4096"], check=True)


def read(path):
    descriptor = os.open(path, os.O_RDONLY)
    while os.read(descriptor, BLOCK):
        pass
    os.close(descriptor)


def write(path):
    block = os.urandom(BLOCK)
    descriptor = os.open(path, os.O_WRONLY)
    for at in range(0, size, BLOCK):
        os.pwrite(descriptor, block, at)
    os.fsync(descriptor)
    os.close(descriptor)


def cold(work):
    def run(path):
        with open("/proc/sys/vm/drop_caches", "w") as caches:
            caches.write("3")
        work(path)

    return run


def timed(work, path):
    start = time.monotonic()
    work(path)
    return size / 1e6 / (time.monotonic() - start)


print("| | plain | arrayfs | ratio |")
print("|---|---|---|---|")
for name, task in [("read, cached", read), ("read, after drop_caches", cold(read)), ("write and fsync", write)]:
    task(plain)
    task(f"{point}/data")
    runs = [(timed(task, plain), timed(task, f"{point}/data")) for _ in range(ROUNDS)]
    first, second = (statistics.median(side) for side in zip(*runs, strict=True))
    ratio = statistics.median(second / first for first, second in runs)
    print(f"| {name} | {first:.0f} | {second:.0f} | {ratio:.2f} |", flush=True)
subprocess.run([arrayfs, "-u", point], check=True)
