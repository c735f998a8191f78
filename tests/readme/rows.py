"""Whether the lines of a language write rows: row 0, which they have read, is written where the last row is."""

import re

ROW = re.compile(r"((?:rows|T/axes/\d+)/)0(?=['\"])")
"""The path of row 0 in column-major or in row-major order, up to the quote behind it."""

WRITES = re.compile(r"writeBin|tofile|writeFileSync|fwrite|write \(unit|dd if=")


def is_written(section: str) -> bool:
    return bool(WRITES.search(section) and ROW.search(section))


def elsewhere(heading: str, section: str) -> str:
    """The lines, writing to the last row. Where they write to the file that they have open, another is opened."""
    if heading == "C":
        path = re.search(r'fopen\((".*?"),', section)
        assert path
        return section.replace("rewind(f);", f'f = freopen({ROW.sub(last, path[1])}, "r+b", f);')
    if heading == "MATLAB and Octave":
        opened = ROW.sub(last, section[section.rindex("f = fopen(") :].partition("\n")[0])
        return section.replace("frewind(f);", f"fclose(f);\n{opened}")
    if heading == "Fortran":
        opened = section[section.rindex("open (") : section.index("read (unit) row")]
        return section.replace("write (unit, pos=1) row", f"close (unit)\n{ROW.sub(last, opened)}write (unit) row")
    *_, written = ROW.finditer(section)
    return section[: written.start()] + last(written) + section[written.end() :]


def last(row: re.Match[str]) -> str:
    return f"{row[1]}-1"
