"""Where the benchmark works: arrays in files, mounts of them, and how work is timed."""

import os
import re
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np

SEED = 20


class Missing(Exception):
    """Why something cannot be measured here."""


def run(*words, **options):
    """Runs a command that has to succeed, and returns what it printed."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | options
    outcome = subprocess.run([str(word) for word in words], **options)
    if outcome.returncode != 0:
        raise RuntimeError(f"{words}: exit status {outcome.returncode}: {outcome.stderr}")
    return outcome


def timed(*words):
    """How long a command takes, its start included; what it prints is dropped."""
    start = time.perf_counter()
    run(*words, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def dd(source, target, *more):
    """How long dd says that it took."""
    printed = run("dd", f"if={source}", f"of={target}", "bs=1M", *more).stderr
    return float(re.search(r" copied, ([0-9.e+-]+) s", printed).group(1))


def clocked(work):
    """How long a function takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


class Workplace:
    """A directory with arrays, and the programs that are measured on them."""

    def __init__(self, directory, arrayfs, floor, scale):
        self.directory = Path(directory)
        self.arrayfs = arrayfs
        self.floor_program = floor
        self.scale = scale
        self.points = 0
        self.client = self.directory / "client"
        run("cc", "-O2", "-o", self.client, Path(__file__).with_name("client.c"))

    def shape(self, *lengths):
        """A shape of the full benchmark, made smaller for a quick one."""
        return tuple(max(length // self.scale, 8) for length in lengths)

    def count(self, number):
        """How often something is done, less often for a quick benchmark."""
        return max(number // self.scale**2, 20)

    def path(self, name):
        return self.directory / name

    def array(self, name, shape, dtype="<f4"):
        """A file of random numbers, in the page cache."""
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
        """Makes room for the next array: those of other rows are quick to make anew."""
        for path in self.directory.glob("*.bin"):
            path.unlink()

    def client_seconds(self, *words):
        return float(run(self.client, *words).stdout)

    @contextmanager
    def mounted(self, path, shape, *options, dtype="<f4"):
        """The array mounted, unmounted in the end."""
        point = self.point()
        lengths = ",".join(map(str, shape)) + ("," if len(shape) == 1 else "")
        described = [] if path.suffix == ".npy" else ["--dtype", dtype, "--shape", lengths]
        run(self.arrayfs, path, point, *described, *options)
        try:
            yield point
        finally:
            run(self.arrayfs, "-u", point)

    @contextmanager
    def floor(self, files, each, data):
        """The least file system."""
        point = self.point()
        words = [self.floor_program, point, files, each, data]
        with subprocess.Popen([str(word) for word in words]) as server:
            try:
                while not os.path.ismount(point):
                    if server.poll() is not None:
                        raise Missing("the floor could not be mounted")
                    time.sleep(0.01)
                yield point
            finally:
                run("umount", point)

    @contextmanager
    def ext4(self, files):
        """A directory of as many empty files, on an ext4 of its own."""
        image, point = self.path("ext4.img"), self.point()
        with open(image, "wb") as file:
            file.truncate(files * 400 + (64 << 20))
        try:
            run("mkfs.ext4", "-q", "-F", "-b", 4096, "-N", files + 1000, image)
            run("mount", "-o", "loop,noatime", image, point)
        except (RuntimeError, FileNotFoundError) as error:
            raise Missing(f"no ext4: {error}") from None
        try:
            directory = point / "rows"
            directory.mkdir()
            for number in range(files):
                os.close(os.open(f"{directory}/{number}", os.O_CREAT | os.O_WRONLY))
            yield directory
        finally:
            run("umount", point)
            image.unlink()

    def point(self):
        self.points += 1
        point = self.path(f"mount{self.points}")
        point.mkdir()
        return point

    def daemon(self, point):
        """The process that serves a mount."""
        for process in Path("/proc").glob("[0-9]*"):
            try:
                words = (process / "cmdline").read_bytes().split(b"\0")
                name = (process / "comm").read_text().strip()
            except OSError:
                continue
            if os.fsencode(point) in words and name == "arrayfs":
                return process
        raise RuntimeError(f"{point}: no daemon")

    def clean(self):
        shutil.rmtree(self.directory, ignore_errors=True)


def progress(text):
    print(text, file=sys.stderr, flush=True)
