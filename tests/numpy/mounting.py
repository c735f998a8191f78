"""Mounts a file with arrayfs for the length of a `with` block, and holds the daemon to a clean start and a clean end.

The command runs in the background mode: when it returns, the mount has to be there. When the block ends, the daemon has
to let go of every descriptor that it opened for its clients, unmount, exit, and have logged no warning.
"""

import contextlib
import os
import re
import select
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from checks import Failure, expect, same

DEADLINE = 30.0
"""Seconds that the program may take for anything that it does by itself."""


def wait_until(condition: Callable[[], bool], subject: Callable[[], str]) -> None:
    """Waits for a condition that no descriptor announces."""
    end = time.monotonic() + DEADLINE
    while not condition():
        expect(time.monotonic() < end, f"{subject()}, {DEADLINE:.0f} s long")
        time.sleep(0.002)


def is_mounted(point: Path) -> bool:
    """Whether the mount table shows `point`; unlike `os.path.ismount`, a dead mount counts."""
    table = Path("/proc/self/mounts").read_bytes().splitlines()
    return any(line.split(b" ")[1] == os.fsencode(point) for line in table)


def processes_naming(path: Path) -> Iterator[int]:
    """The processes that have `path`, or a path below it, as an argument, and are no watchdog of another."""
    wanted = os.fsencode(path)
    for process in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (process / "cmdline").read_bytes().split(b"\0")
            name = (process / "comm").read_text()
        except OSError:  # It has ended since it was listed.
            continue
        if name == "fuse-watchdog\n":
            continue
        if any(argument == wanted or argument.startswith(wanted + b"/") for argument in arguments):
            yield int(process.name)


# Said of a new file where its file system, or the portable build, cannot reserve space.
NOT_RESERVED = re.compile(r"^arrayfs: .*: made with \d+ bytes, which are not reserved: .*\n", re.MULTILINE)

# Said of what neither the options nor the file say, and of bytes behind the array.
ASSUMED = re.compile(r"^arrayfs: /.*(?:\(no --(?:dtype|shape) given\)|ignored)\n", re.MULTILINE)

# Said of a known format whose bytes the options show, and of names that other languages have as well.
NOTED = re.compile(
    r"^arrayfs: /.*; (?:the \w+ file is read as raw bytes because of --\w+"
    r"|\w+ (?:is|has) .*(?:NumPy|here|characters).*)\n",
    re.MULTILINE,
)

# Said of a file that was there under `w+`.
OVERWRITTEN = re.compile(r"^arrayfs: .*: overwritten with zeros: it held \d+ bytes, and now has \d+.*\n", re.MULTILINE)


class Mount:
    """`arrayfs OPTIONS FILE POINT`, mounted for the length of a `with` block.

    `announces` are words that the command has to print; without any it has to be silent, but for what it assumes of the
    array. What `w+` overwrites it has to say.
    """

    def __init__(self, arrayfs: str, options: list[str], file: Path, point: Path, announces: tuple[str, ...] = ()):
        self.arrayfs = arrayfs
        self.file = file
        self.point = point
        self.log_file = point.with_suffix(".log")
        self.command = [arrayfs, *options, str(file), str(point), "--log-file", str(self.log_file)]
        self.announces = announces
        self.makes = any(re.search(r"(?:^|=|,)(?:w\+|write)(?:$|,)", option) for option in options)
        self.daemon = 0

    def __str__(self) -> str:
        return shlex.join(self.command)

    def path(self, name: str) -> str:
        return os.path.join(self.point, name)

    def log(self) -> str:
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def __enter__(self) -> "Mount":
        self.point.mkdir()
        try:
            self._start()
        except BaseException:
            self._abandon()
            raise
        return self

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        try:
            if kind is None:
                self._stop()
        finally:
            self._abandon()

    def _start(self) -> None:
        size = self.file.stat().st_size if self.file.exists() else 0
        printed = self._run(self.command)
        if self.announces:
            missing = [word for word in self.announces if word not in printed]
            expect(not missing, f"the command has to announce {self.announces}, and printed {printed!r}")
        else:
            holds_something = self.makes and size > 0
            same("whether something was overwritten", holds_something, bool(OVERWRITTEN.search(printed)))
            for known in (NOT_RESERVED, OVERWRITTEN, ASSUMED, NOTED):
                printed = known.sub("", printed)
            same("what the command printed", "", printed)
        expect(is_mounted(self.point), "the command returned, and the mount table does not show the mount")
        daemons = list(processes_naming(self.point))
        expect(len(daemons) == 1, f"expected one daemon for {self.point}, got the processes {daemons}")
        self.daemon = daemons[0]
        self.descriptors = self._open_descriptors()

    def _stop(self) -> None:
        # The kernel sends RELEASE after close() has returned, so the descriptors may go a little later.
        wait_until(
            lambda: self._open_descriptors() <= self.descriptors,
            lambda: f"the daemon holds {self._open_descriptors()} descriptors, {self.descriptors} when it started",
        )
        ended = os.pidfd_open(self.daemon)
        try:
            same("what `arrayfs -u` printed", "", self._run([self.arrayfs, "-u", str(self.point)]))
            gone, _, _ = select.select([ended], [], [], DEADLINE)
            expect(bool(gone), f"the daemon {self.daemon} is still there {DEADLINE:.0f} s after `arrayfs -u`")
        finally:
            os.close(ended)
        expect(not is_mounted(self.point), "the daemon has ended, and the mount table still shows the mount")
        complaint = re.search(r"^.*\b(?:WARN|ERROR|panicked)\b.*$", self.log(), re.MULTILINE)
        expect(complaint is None, f"the daemon logged: {complaint and complaint[0]}")

    def _abandon(self) -> None:
        """Removes whatever a failure left of the mount."""
        for process in processes_naming(self.point):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        if is_mounted(self.point):
            subprocess.run(["fusermount3", "-u", "-z", str(self.point)], capture_output=True, check=False)

    def _open_descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.daemon}/fd"))

    def _run(self, command: list[str]) -> str:
        """What a successful command printed on either stream."""
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=DEADLINE,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise Failure(f"{shlex.join(command)}: neither ended nor closed its output in {DEADLINE:.0f} s") from error
        expect(done.returncode == 0, f"{shlex.join(command)}: exit status {done.returncode}, printed {done.stdout!r}")
        return done.stdout
