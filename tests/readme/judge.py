"""Runs the lines that the README.txt of each mount has for each language, and compares what they read with NumPy.

The argument is a JSON file: the languages, the mounted arrays, and a directory to work in. A program is the lines
of one language for one array, followed by lines that print all that was read; what it prints has three parts:

    what the lines of README.txt print, the last element
    ----
    the lengths of the axes, as the language has them
    the numbers of an element, a line each
"""

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from arrays import dtype_of, shape_of
from languages import LANGUAGES, Array


@dataclass(frozen=True)
class Mounted:
    """A mounted array: its file's bytes, its twin in memory, and the text that the mount has."""

    point: str
    content: bytes
    whole: np.ndarray
    readme: str

    @classmethod
    def of(cls, described: dict[str, str]) -> "Mounted":
        dtype, shape = dtype_of(described["dtype"]), shape_of(described["shape"])
        content = Path(described["file"]).read_bytes()
        whole = np.frombuffer(content, dtype).reshape(shape, order=described["order"])
        readme = (Path(described["point"]) / "README.txt").read_text()
        return cls(described["point"], content, whole, readme)

    def __str__(self) -> str:
        return f"{self.point}: {self.whole.dtype}, {self.whole.shape}"

    def section(self, heading: str) -> str:
        """The indented lines below a heading."""
        lines = self.readme.split("\n")
        code: list[str] = []
        start = lines.index(heading) + 2
        assert lines[start - 1] == "-" * len(heading), f"{self}: {heading} is not underlined"
        for line, following in zip(lines[start:], lines[start + 1 :] + [""]):
            if following and set(following) == {"-"}:
                break
            if line.startswith("    ") or not line:
                code.append(line[4:])
        return "\n".join(code).strip("\n") + "\n"

    def array(self, records: bool) -> Array:
        """The array that a language is shown: the first field, where it does not read records."""
        array, directory = self.whole, self.point
        while not records and array.dtype.names is not None:
            name = array.dtype.names[0]
            array, directory = array[name], f"{directory}/fields/{name}"
        return Array(array, directory)


def judged(mounted: list[Mounted], heading: str, directory: Path) -> tuple[str, list[str]]:
    """How much of a language was run, and what is wrong with it."""
    language = LANGUAGES[heading]
    directory.mkdir()
    programs, wrong = [], []
    for where in mounted:
        section = where.section(heading)
        array = where.array(language.records)
        if section.strip():
            programs.append((where, array, language.dump(section, array)))
        elif array.array.dtype.name not in language.lacks:
            wrong.append(f"{heading}: {where}: there are no lines")
    all_printed = language.run([program.text for _, _, program in programs], directory)
    for (where, array, program), printed in zip(programs, all_printed, strict=True):
        complaint = language.complaint(array, program, printed)
        if complaint:
            wrong.append(f"{heading}: {where}: {complaint}\n--- program\n{program.text}--- printed\n{printed}")
    return f"{heading}: {len(programs)} programs, {len(wrong)} wrong", wrong


def main() -> None:
    work = json.loads(Path(sys.argv[1]).read_text())
    mounted = [Mounted.of(described) for described in work["arrays"]]
    directory = Path(work["directory"])
    summaries, wrong = [], []
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        runs = [
            threads.submit(judged, mounted, heading, directory / f"judged {heading}") for heading in work["languages"]
        ]
        for run in runs:
            summary, complaints = run.result()
            summaries.append(summary)
            wrong += complaints
    for described, array in zip(work["arrays"], mounted, strict=True):
        if Path(described["file"]).read_bytes() != array.content:
            wrong.append(f"{array}: the file has changed")
    print("\n".join(summaries))
    sys.exit("\n\n".join([*wrong[:5], f"{len(wrong)} complaints"]) if wrong else 0)


if __name__ == "__main__":
    main()
