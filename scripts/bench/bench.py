"""Runs the benchmark of arrayfs. scripts/bench.sh builds and installs its dependencies."""

import argparse
import os
import re
import signal
import sys
import tempfile

from registry import measure
from report import machine, table, write
from rows import ROWS
from workplace import Workplace, progress


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench.sh", description="Measures arrayfs.")
    parser.add_argument("--pairs", type=int, default=5, help="number of measurements of each side (5)")
    parser.add_argument(
        "--only", type=re.compile, help="only rows in whose name this regular expression is found; writes no page"
    )
    parser.add_argument(
        "--quick", action="store_true", help="small arrays, one pair, no page: a test of the benchmark itself"
    )
    parser.add_argument("--list", action="store_true", help="list the names of the rows, measure nothing")
    parser.add_argument("--dir", help="directory for the arrays, 3 GiB (TMPDIR)")
    parser.add_argument("--arrayfs", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--floor", required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    rows = [row for row in ROWS if not options.only or options.only.search(row.work)]
    if options.list:
        print("\n".join(row.work for row in rows))
        return 0
    results = []
    with tempfile.TemporaryDirectory(prefix="arrayfs-bench-", dir=options.dir) as directory:
        place = Workplace(directory, options.arrayfs, options.floor, 16 if options.quick else 1)
        for row in rows:
            result = measure(place, row, options.pairs)
            progress(f"{row.work}: {result.outcome()}")
            results.append(result)
        if options.only:
            print(table(results))
        else:
            # A quick run writes the page into the temporary directory, as a test.
            docs = directory if options.quick else "docs"
            write(results, machine(), " ".join(["scripts/bench.sh", *plain(sys.argv[1:])]), docs)
            progress(f"written: {docs}/PERFORMANCE.md")
    return 0


def plain(words):
    """The command-line arguments without the options that scripts/bench.sh adds."""
    hidden = ("--arrayfs", "--floor")
    pairs = zip(["", *words], words, strict=False)
    return [word for before, word in pairs if before not in hidden and word not in hidden]


if __name__ == "__main__":
    os.umask(0o022)
    # So that mounts and files are removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
