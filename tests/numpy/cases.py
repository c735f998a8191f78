"""The command line that the scripts share, the cases that they run, and the report of a case that fails.

A case is named, or is random and numbered; its seed and its name or number give it again exactly. The cases run in a
child process, because a client of a daemon that hangs can only be freed from outside, by killing the daemon.
"""

import argparse
import multiprocessing
import os
import shlex
import shutil
import signal
import sys
import tempfile
import time
import traceback
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from mounting import DEADLINE, Mount, is_mounted, processes_naming

TIME_LIMIT = 300.0
"""Seconds after which a run counts as hanging; `--seconds` comes on top."""


class Session:
    """What a case works with: the program, a directory and random numbers of its own, and what a report will say."""

    def __init__(self, arguments: argparse.Namespace, directory: Path, rng: np.random.Generator):
        self.arrayfs = arguments.arrayfs
        self.extra_options = arguments.option
        self.extends_files = not arguments.portable
        self.directory = directory
        self.rng = rng
        self.subject = "nothing yet"
        self.mounts: list[Mount] = []
        self.journal: deque[str] = deque(maxlen=100)

    def note(self, operation: str) -> None:
        """Remembers an operation; the last ones are part of the report."""
        self.journal.append(operation)

    def mount(self, file: Path, options: list[str], announces: tuple[str, ...] = ()) -> Mount:
        point = self.directory / f"mount{len(self.mounts)}"
        mount = Mount(self.arrayfs, options + self.extra_options, file, point, announces)
        self.mounts.append(mount)
        return mount

    def report(self) -> str:
        lines = [f"array: {self.subject}"]
        lines += ["last operations:", *(f"  {line}" for line in self.journal)] if self.journal else []
        for mount in self.mounts:
            lines += [f"command: {mount}", "log:", *(f"  {line}" for line in mount.log().splitlines())]
        return "\n".join(lines)


Case = Callable[[Session], None]


def main(
    description: str, named: dict[str, Case] | None = None, random_case: Case | None = None, count: int = 0
) -> None:
    """Runs a script: the named cases, then `count` random ones, or as many or as long as the command line says."""
    named = named or {}
    arguments = parse_arguments(description, count)
    scratch = Path(tempfile.mkdtemp(prefix="arrayfs-numpy-")).resolve()
    try:
        worker = multiprocessing.get_context("fork").Process(target=run, args=(arguments, scratch, named, random_case))
        worker.start()
        worker.join(TIME_LIMIT + (arguments.seconds or 0))
        if worker.is_alive():
            print("the case hangs: killing the daemon, so that the case fails and is reported", file=sys.stderr)
            for process in processes_naming(scratch):
                os.kill(process, signal.SIGKILL)
            worker.join(DEADLINE)
            worker.kill()
            worker.join()
    finally:
        if not any(is_mounted(point) for point in scratch.glob("*/*")):
            shutil.rmtree(scratch)
    sys.exit(0 if worker.exitcode == 0 else 1)


def parse_arguments(description: str, count: int) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--arrayfs", required=True, type=os.path.abspath, help="the program to test")
    parser.add_argument("--portable", action="store_true", help="the program is the portable build: no --extend")
    parser.add_argument("--option", action="append", default=[], help="one for every mount: --option=--threads=1")
    parser.add_argument("--seed", type=int, default=1, help="what the random numbers start from")
    parser.add_argument("--cases", type=int, default=count, help="how many random cases (%(default)s)")
    parser.add_argument("--seconds", type=float, help="random cases for so long, instead of a number of them")
    parser.add_argument("--case", help="only this case: a name, or the number of a random case")
    return parser.parse_args()


def run(arguments: argparse.Namespace, scratch: Path, named: dict[str, Case], random_case: Case | None) -> None:
    """The child process; its exit status says whether every case passed."""
    done = 0
    for name, case in selected(arguments, named, random_case):
        directory = scratch / str(done)
        directory.mkdir()
        number = int(name) if name.isdecimal() else zlib.crc32(name.encode())
        rng = np.random.default_rng([arguments.seed, number])
        session = Session(arguments, directory, rng)
        try:
            case(session)
        except BaseException:  # A KeyboardInterrupt is to be reported as well.
            again = ["--arrayfs", arguments.arrayfs, *(f"--option={option}" for option in arguments.option)]
            again += [*(["--portable"] if arguments.portable else []), "--seed", str(arguments.seed), "--case", name]
            print(
                traceback.format_exc(),
                f"FAILED: {Path(sys.argv[0]).name}, seed {arguments.seed}, case {name}",
                session.report(),
                f"again: {shlex.join(['python3', sys.argv[0], *again])}",
                sep="\n",
                file=sys.stderr,
                flush=True,
            )
            sys.exit(1)
        shutil.rmtree(directory)
        done += 1
    if done == 0:
        sys.exit(f"no case to run: the named ones are {', '.join(named) or 'none'}")
    print(f"{Path(sys.argv[0]).name}: {done} cases as expected, seed {arguments.seed}", flush=True)


def selected(
    arguments: argparse.Namespace, named: dict[str, Case], random_case: Case | None
) -> Iterator[tuple[str, Case]]:
    only = arguments.case
    for name, case in named.items():
        if only in (None, name):
            yield name, case
    if random_case is None:
        return
    if only is not None:
        if only.isdecimal():
            yield only, random_case
        return
    end = None if arguments.seconds is None else time.monotonic() + arguments.seconds
    number = 0
    while number < arguments.cases if end is None else time.monotonic() < end:
        yield str(number), random_case
        number += 1
