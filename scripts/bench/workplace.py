"""The environment of the benchmark: array files, mounts, and timing."""

import os
import re
import select
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np

SEED = 20
MIB = 1 << 20
# The shapes of the arrays of 1 GiB of float32.
TALL, SQUARE, CUBE = (262144, 1024), (16384, 16384), (1024, 1024, 256)


class Missing(Exception):
    """A row cannot be measured on this machine; the message is the reason."""


def run(*words, **options):
    """Runs a command and returns its outcome. Raises an exception if it fails."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | options
    outcome = subprocess.run([str(word) for word in words], **options)
    if outcome.returncode != 0:
        raise RuntimeError(f"{words}: exit status {outcome.returncode}: {outcome.stderr}")
    return outcome


def timed(*words, **options):
    """The seconds that a command takes, including process startup. Its output is discarded."""
    start = time.perf_counter()
    run(*words, stdout=subprocess.DEVNULL, **options)
    return time.perf_counter() - start


def dd(source, target, *more):
    """Runs dd. Returns the seconds that dd reports."""
    printed = run("dd", f"if={source}", f"of={target}", "bs=1M", *more).stderr
    return float(re.search(r" copied, ([0-9.e+-]+) s", printed).group(1))


def clocked(work):
    """The seconds that a function call takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def need_root():
    if os.geteuid() != 0:
        raise Missing("needs root")


class Workplace:
    """A directory for array files and mount points, and the programs to measure."""

    def __init__(self, directory, arrayfs, floor, scale):
        self.directory = Path(directory)
        self.arrayfs = arrayfs
        self.floor_program = floor
        self.scale = scale
        self.quick = scale > 1
        self.points = 0
        self.client = self.directory / "client"
        run("cc", "-O2", "-o", self.client, Path(__file__).with_name("client.c"))

    def shape(self, *lengths):
        """A shape, scaled down in a quick benchmark."""
        return tuple(max(length // self.scale, 8) for length in lengths)

    def count(self, number):
        """A number of repetitions, scaled down in a quick benchmark."""
        return max(number // self.scale**2, 20)

    def path(self, name):
        return self.directory / name

    def array(self, name, shape, dtype="<f4"):
        """The path of an array file of random bytes, with all pages in the page cache."""
        path = self.path(name)
        nbytes = int(np.prod(shape)) * np.dtype(dtype).itemsize
        if not path.exists() or path.stat().st_size != nbytes:
            self.room()
            numbers = np.random.default_rng(SEED)
            with open(path, "wb") as file:
                left = nbytes
                while left:
                    some = min(left, 1 << 26)
                    file.write(numbers.bytes(some))
                    left -= some
            os.sync()
        with open(path, "rb", buffering=0) as file:
            while file.read(1 << 24):
                pass
        return path

    def room(self):
        """Frees space by deleting the arrays of other rows, which are quick to recreate."""
        for path in self.directory.glob("*.bin"):
            path.unlink()

    def client_seconds(self, *words):
        return float(run(self.client, *words).stdout)

    @contextmanager
    def mounted(self, path, shape, *options, dtype="<f4"):
        """Mounts an array and yields the mount point. Without a shape the file describes itself."""
        point = self.point()
        described = []
        if shape is not None:
            described = ["--dtype", dtype, "--shape", ",".join(map(str, shape)) + ("," if len(shape) == 1 else "")]
        run(self.arrayfs, path, point, *described, *options)
        daemon = os.pidfd_open(int(self.daemon(point).name))
        try:
            yield point
        finally:
            run(self.arrayfs, "-u", point)
            # Until it ends, the daemon takes time, and holds pages of the file.
            select.select([daemon], [], [])
            os.close(daemon)

    @contextmanager
    def floor(self, files, each, *backing):
        """Mounts the minimal FUSE file system and yields the mount point. With a backing file it asks
        for its size at each read."""
        point = self.point()
        words = [self.floor_program, point, files, each, files * each, *backing]
        # As arrayfs in the background: the scheduler shares the cores out among sessions.
        with subprocess.Popen([str(word) for word in words], start_new_session=True) as server:
            try:
                while not os.path.ismount(point):
                    if server.poll() is not None:
                        raise Missing("the floor could not be mounted")
                    time.sleep(0.01)
                yield point
            finally:
                run("umount", point)

    @contextmanager
    def ext4(self, nbytes, inodes=1000):
        """Yields the mount point of a new ext4 file system for so many bytes in so many files."""
        need_root()
        image, point = self.path("ext4.img"), self.point()
        with open(image, "wb") as file:
            file.truncate(nbytes + nbytes // 16 + inodes * 400 + 64 * MIB)
        try:
            run("mkfs.ext4", "-q", "-F", "-b", 4096, "-N", inodes + 1000, "-E", "lazy_itable_init=0", image)
            run("mount", "-o", "loop,noatime", image, point)
        except (RuntimeError, FileNotFoundError) as error:
            raise Missing(f"no ext4: {error}") from None
        try:
            yield point
        finally:
            run("umount", point)
            image.unlink()

    @contextmanager
    def ext4_files(self, files, each):
        """Yields a directory on ext4 with so many files of so many bytes, all in memory."""
        content = np.random.default_rng(SEED).bytes(each)
        with self.ext4(files * each, files) as point:
            directory = point / "rows"
            directory.mkdir()
            for number in range(files):
                file = os.open(f"{directory}/{number}", os.O_CREAT | os.O_WRONLY)
                os.write(file, content)
                os.close(file)
            run("sync", "-f", directory)
            yield directory

    def point(self):
        self.points += 1
        point = self.path(f"mount{self.points}")
        point.mkdir()
        return point

    def daemon(self, point):
        """The /proc directory of the daemon of a mount."""
        for process in Path("/proc").glob("[0-9]*"):
            try:
                words = (process / "cmdline").read_bytes().split(b"\0")
                name = (process / "comm").read_text().strip()
            except OSError:
                continue
            if os.fsencode(point) in words and name == "arrayfs":
                return process
        raise RuntimeError(f"{point}: no daemon")


def progress(text):
    print(text, file=sys.stderr, flush=True)
