"""One process stores to a page without end, and two write its neighbours."""

import mmap
import os
import sys

root = sys.argv[1]
writers = []
storer = os.fork()
if storer == 0:
    with open(root + "/data", "r+b") as file:
        page = mmap.mmap(file.fileno(), 4096)
    count = 0
    while True:
        page[5] = count % 256
        count += 1
for row in (10, 20):
    writer = os.fork()
    if writer == 0:
        own = os.open(f"{root}/rows/{row}", os.O_RDWR)
        data = os.open(f"{root}/data", os.O_RDONLY)
        last = bytes(8)
        os.pwrite(own, last, 0)
        for turn in range(1, 1500):
            if os.pread(data, 8, row * 64) != last:
                os._exit(1)
            last = turn.to_bytes(8, "little")
            if os.pwrite(own, last, 0) != 8 or os.pread(data, 8, row * 64) != last:
                os._exit(1)
        os._exit(0)
    writers.append(writer)
outcomes = [os.waitpid(writer, 0)[1] for writer in writers]
os.kill(storer, 9)
os.waitpid(storer, 0)
assert outcomes == [0, 0], outcomes
