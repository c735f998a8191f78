"""Runs the benchmark of arrayfs. scripts/bench.sh builds and installs its dependencies."""

import argparse
import os
import sys
import tempfile

from report import machine, table, write
from rows import ROWS, measure
from workplace import Workplace, progress


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench.sh", description="Measures arrayfs.")
    parser.add_argument("--pairs", type=int, default=5, help="number of measurements of each side (5)")
    parser.add_argument("--only", default="", help="only rows whose name contains this; writes no page")
    parser.add_argument(
        "--quick", action="store_true", help="small arrays, one pair, no page: a test of the benchmark itself"
    )
    parser.add_argument("--dir", help="directory for the arrays, 3 GiB (TMPDIR)")
    parser.add_argument("--arrayfs", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--floor", required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    rows = [entry for entry in ROWS if options.only in entry[0]]
    results = []
    pairs = 1 if options.quick else options.pairs
    with tempfile.TemporaryDirectory(prefix="arrayfs-bench-", dir=options.dir) as directory:
        place = Workplace(directory, options.arrayfs, options.floor, 16 if options.quick else 1)
        for entry in rows:
            result = measure(place, entry, pairs)
            what = f"{result.ratio():.2f}, goal {result.reach}" if result.pairs else result.missing
            progress(f"{result.work}: {what}")
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
    sys.exit(main())
