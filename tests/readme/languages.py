"""How each language runs, the lines that make it print all that it has read, and what it should have printed."""

import contextlib
import io
import os
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import dumps
import verdict
from dumps import Program
from elements import Array

DEADLINE = 120.0
"""Seconds that a process may take."""


def output_of(command: list[str], directory: Path) -> str:
    """What a command printed on standard output; if it failed, its complaints too."""
    done = subprocess.run(
        command,
        cwd=directory,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="surrogateescape",
        timeout=DEADLINE,
        check=False,
    )
    failed = f"\nexit status {done.returncode}: {done.stderr}" if done.returncode else ""
    return done.stdout + failed


Run = Callable[[list[str], Path], list[str]]


def together(name: str, command: list[str], begin: str, wrap: str = "{}") -> Run:
    """One process for all programs; `begin` prints the number of each on a line of its own."""

    def run(programs: list[str], directory: Path) -> list[str]:
        parts = [begin.format(k) + "\n" + wrap.replace("{}", program) for k, program in enumerate(programs)]
        (directory / name).write_text("\n".join(parts))
        rest = output_of([*command, name], directory)
        printed = []
        for k in range(len(programs)):
            _, _, rest = rest.partition(f"program {k}\n")
            printed.append(rest.partition(f"program {k + 1}\n")[0])
        return printed

    return run


def each(name: str, command: str) -> Run:
    """A shell's command for each program, in a directory of its own."""

    def run_one(program: str, directory: Path) -> str:
        directory.mkdir()
        (directory / name).write_text(program)
        return output_of(["sh", "-c", command], directory)

    def run(programs: list[str], directory: Path) -> list[str]:
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            directories = [directory / str(k) for k in range(len(programs))]
            return list(threads.map(run_one, programs, directories))

    return run


def here(programs: list[str], directory: Path) -> list[str]:
    """Python runs in this process."""
    printed = []
    for program in programs:
        stream = io.StringIO()
        with contextlib.redirect_stdout(stream):
            exec(compile(program, "README.txt", "exec"), {})
        printed.append(stream.getvalue())
    return printed


@dataclass(frozen=True)
class Language:
    """`dump` adds the lines that print everything to those of README.txt; `complaint` says what is wrong with that."""

    run: Run
    dump: Callable[[str, Array], Program]
    complaint: Callable[[Array, Program, str], str] = verdict.of_numbers
    records: bool = False
    lacks: tuple[str, ...] = ()
    """The types that it has no lines for."""
    reads_only: tuple[str, ...] = ()
    """The types that it has no lines to write a row of, by NumPy's kind and the size of a number."""


LONGDOUBLES = ("float128", "complex256")
R_READS_ONLY = ("i8", "u8", "u4", "f2", "f16", "c16", "S1", "U4")
RSCRIPT = ["Rscript", "--vanilla"]
OCTAVE = ["octave-cli", "--quiet", "--no-init-file"]
CC = "cc -Wall -Wextra -Werror read.c -o read && ./read"
GFORTRAN = "gfortran -fcheck=all read.f90 -o read && ./read"
SCRIPT = each("read.sh", "sh read.sh")

LANGUAGES = {
    "Shell": Language(SCRIPT, dumps.shell, verdict.of_shell, records=True),
    "Python": Language(here, dumps.python, verdict.of_python, records=True),
    "R": Language(together("read.R", RSCRIPT, 'cat("program {}\\n")'), dumps.r, verdict.of_r, reads_only=R_READS_ONLY),
    "MATLAB and Octave": Language(
        together("read.m", OCTAVE, 'printf("program {}\\n");'), dumps.octave, lacks=LONGDOUBLES, reads_only=("f2", "S1")
    ),
    "C": Language(each("read.c", CC), dumps.c),
    "Fortran": Language(each("read.f90", GFORTRAN), dumps.fortran),
    "Node": Language(
        together("read.js", ["node"], 'console.log("program {}");', "{\n{}}"), dumps.node, lacks=LONGDOUBLES
    ),
    "awk": Language(SCRIPT, dumps.awk, verdict.of_awk, lacks=LONGDOUBLES, reads_only=tuple(dumps.C_TYPES)),
}
