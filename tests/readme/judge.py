"""Runs the lines that the README.txt of each mount has for each language, and compares what they read with NumPy.

The argument is a JSON file: the languages, the mounted arrays, and a directory to work in. A program is the lines
of one language for one array, followed by lines that print all that was read; what it prints has three parts:

    what the lines of README.txt print, the last element
    ----
    the lengths of the axes, as the language has them
    the numbers of an element, a line each

Then the lines are run once more, changed so that they write row 0 where the last row is.
"""

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import rows
from arrays import dtype_of, shape_of
from languages import LANGUAGES, Array


@dataclass(frozen=True)
class Mounted:
    """A mounted array: its file and the bytes of that, its twin in memory, and the text that the mount has."""

    point: str
    file: Path
    content: bytearray
    order: str
    whole: np.ndarray
    readme: str

    @classmethod
    def of(cls, described: dict[str, str]) -> "Mounted":
        dtype, shape = dtype_of(described["dtype"]), shape_of(described["shape"])
        file, order = Path(described["file"]), described["order"]
        content = bytearray(file.read_bytes())
        whole = np.frombuffer(content, dtype).reshape(shape, order=order)
        readme = (Path(described["point"]) / "README.txt").read_text()
        return cls(described["point"], file, content, order, whole, readme)

    def __str__(self) -> str:
        return f"{self.point}: {self.whole.dtype}, {self.whole.shape}"

    def section(self, heading: str) -> str:
        """The indented lines below a heading."""
        lines = self.readme.split("\n")
        code: list[str] = []
        start = lines.index(heading) + 2
        assert lines[start - 1] == "-" * len(heading), f"{self}: {heading} is not underlined"
        for line, following in zip(lines[start:], lines[start + 1 :] + [""], strict=True):
            if following and set(following) == {"-"}:
                break
            if line.startswith("    ") or not line:
                code.append(line[4:])
        return "\n".join(code).strip("\n") + "\n"

    def array(self, records: bool) -> Array:
        """The array that a language is shown: the first field, where it does not read records."""
        return self.array_of(self.whole, records)

    def array_of(self, array: np.ndarray, records: bool) -> Array:
        directory = self.point
        while not records and array.dtype.names is not None:
            name = array.dtype.names[0]
            array, directory = array[name], f"{directory}/fields/{name}"
        return Array(array, directory)

    def has_rows(self) -> bool:
        return self.whole.ndim > 0 and len(self.whole) > 1

    def row_written(self, records: bool) -> bytes:
        """The file once the last row of the array that a language is shown is row 0."""
        content = self.content.copy()
        whole = np.frombuffer(content, self.whole.dtype).reshape(self.whole.shape, order=self.order)
        if records and whole.dtype.names is not None:
            # With the bytes between fields.
            whole = whole.view(f"V{whole.dtype.itemsize}")
        array = self.array_of(whole, records).array
        array[-1:] = array[:1]
        return bytes(content)

    def restore(self) -> None:
        with self.file.open("r+b") as file:
            file.write(self.content)


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


def rows_judged(mounted: list[Mounted], heading: str, directory: Path) -> tuple[str, list[str]]:
    """As `judged`, of the lines that write a row. The files change meanwhile."""
    language = LANGUAGES[heading]
    directory.mkdir()
    programs, wrong = [], []
    for where in mounted:
        section = where.section(heading)
        kind = where.array(language.records)
        writes = section.strip() and f"{kind.kind}{kind.size}" not in language.reads_only
        if rows.is_written(section) != bool(writes and where.whole.ndim):
            wrong.append(f"{heading}: {where}: rows are {'not ' if writes else ''}written\n{section}")
        elif writes and where.has_rows():
            programs.append((where, rows.elsewhere(heading, section)))
    all_printed = language.run([program for _, program in programs], directory)
    for (where, program), printed in zip(programs, all_printed, strict=True):
        if where.file.read_bytes() != where.row_written(language.records):
            wrong.append(f"{heading}: {where}: row 0 was not written\n--- program\n{program}--- printed\n{printed}")
        where.restore()
    return f"{heading}: {len(programs)} rows written, {len(wrong)} wrong", wrong


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
    for array in mounted:
        if array.file.read_bytes() != array.content:
            wrong.append(f"{array}: the file has changed")
    for heading in work["languages"]:
        summary, complaints = rows_judged(mounted, heading, directory / f"rows {heading}")
        summaries.append(summary)
        wrong += complaints
    print("\n".join(summaries))
    sys.exit("\n\n".join([*wrong[:5], f"{len(wrong)} complaints"]) if wrong else 0)


if __name__ == "__main__":
    main()
