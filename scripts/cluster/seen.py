"""The delay until a reader on node 2 sees a write through arrayfs on node 1.

    seen.py ARRAYFS WORK TITLE

Prints lines of a Markdown table. WORK/node1 and WORK/node2 are mounts of one
volume that holds array.bin.
"""

import mmap
import os
import statistics
import subprocess
import sys
import time

ROW = 4096
ROUNDS = int(os.environ.get("ROUNDS", 10))
# The kernel writes dirty pages back after 30 s, and checks every 5 s.
PATIENCE = int(os.environ.get("PATIENCE", 60))

arrayfs, work, title = sys.argv[1:]


def mount(node, mode):
    point = f"{work}/array{node}"
    shape = f"-1,{ROW}"
    subprocess.run([arrayfs, f"{work}/node{node}/array.bin", point, "--shape", shape, "--mode", mode], check=True)
    return point


def until(reads, value, patience):
    """Seconds until `reads` returns `value`; None if that takes longer than `patience`."""
    start = time.monotonic()
    while time.monotonic() - start < patience:
        if reads() == value:
            return time.monotonic() - start
        time.sleep(0.002)
    return None


def shown(seconds):
    return "not in %d s" % PATIENCE if seconds is None else "%.3f" % seconds


points = mount(1, "r+"), mount(2, "r")
writer = os.open(f"{points[0]}/rows/3", os.O_RDWR)
reader = os.open(f"{points[1]}/rows/3", os.O_RDONLY)
mapped = mmap.mmap(reader, ROW, prot=mmap.PROT_READ)
value = 0


def write():
    global value
    value = value % 255 + 1
    os.pwrite(writer, bytes([value]) * ROW, 0)
    return bytes([value])


def read():
    return os.pread(reader, 1, 0)


after_fsync, anew = [], []
for _ in range(ROUNDS):
    read()
    wanted = write()
    os.fsync(writer)
    after_fsync.append(until(read, wanted, PATIENCE))
for _ in range(ROUNDS):
    read()
    wanted = write()
    os.fsync(writer)

    def read_anew():
        with open(f"{work}/node2/array.bin", "rb", buffering=0) as opened:
            return os.pread(opened.fileno(), 1, 3 * ROW)

    anew.append(until(read_anew, wanted, PATIENCE))
read()
wanted = write()
unsynced = until(read, wanted, PATIENCE)
assert mapped[:1]
wanted = write()
os.fsync(writer)
through_map = until(lambda: mapped[:1], wanted, 10)

print(f"| {title} | after `fsync`, `pread` of the view | {shown(statistics.median(after_fsync))} |")
print(f"| | after `fsync`, the backing file opened anew on node 2 | {shown(statistics.median(anew))} |")
print(f"| | without `fsync` (once) | {shown(unsynced)} |")
through_map = "%.3f" % through_map if through_map else "not in 10 s"
print(f"| | after `fsync`, through a mapping of the view (once) | {through_map} |", flush=True)

mapped.close()
os.close(writer)
os.close(reader)
subprocess.run([arrayfs, "-u", *points], check=True)
