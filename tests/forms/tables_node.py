"""The files in `arrow/` and `parquet/`, as apache-arrow and hyparquet read them on Node."""

import json
import subprocess
from pathlib import Path

import numpy as np

from cases import Case, Session, main
from checks import same
from members import random_values
from mounting import DEADLINE
from table_cases import same_values

RECORD = np.dtype([(code, code) for code in "? i1 u1 <i2 <u2 <i4 <u4 <i8 <u8 <f2 <f4 <f8".split()])


def read(session: Session, path: str) -> dict[str, list]:
    """The columns of a file. The packages are beside the directory of the program."""
    packages = Path(session.arrayfs).parents[1] / "node"
    script = Path(__file__).parent / "node/columns.mjs"
    command = ["node", script, packages, path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False)
    same(f"the errors with {path}", (0, ""), (done.returncode, done.stderr))
    return json.loads(done.stdout)


def records(session: Session) -> None:
    """Every number, at positions that are multiples of nothing; several pages and rows that fill no byte."""
    array = random_values(session.rng, np.zeros(150_001, RECORD))
    file = session.directory / "records.bin"
    file.write_bytes(b"x" + array.tobytes())
    with session.mount(file, [f"--dtype={RECORD.descr}", "--offset=1", "--mode", "r"]) as mount:
        for form in ["arrow", "parquet"]:
            columns = read(session, mount.path(f"{form}/data.{form}"))
            same("the columns", list(RECORD.names), list(columns))
            for name in RECORD.names:
                same_values(f"{name} in {form}", array[name], np.array(columns[name]).astype(array[name].dtype))


def matrices(session: Session) -> None:
    """A column for each index of the second axis, and a transpose."""
    array = random_values(session.rng, np.zeros((33, 70), "<f8"))
    file = session.directory / "array.npy"
    np.save(file, array)
    with session.mount(file, ["--mode", "r"]) as mount:
        for form in ["arrow", "parquet"]:
            for place, expected in [("", array), ("T/", array.T)]:
                columns = read(session, mount.path(f"{place}{form}/data.{form}"))
                same("the columns", [f"c{index}" for index in range(expected.shape[1])], list(columns))
                same_values(f"{place}{form}", expected, np.array(list(columns.values())).T)


CASES: dict[str, Case] = {
    "records": records,
    "matrices": matrices,
}

if __name__ == "__main__":
    main(__doc__, CASES)
