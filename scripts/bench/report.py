"""The report of the benchmark: docs/PERFORMANCE.md, its plot, and one line per run in results.jsonl."""

import json
import os
import platform
import subprocess
from datetime import datetime, timezone
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402


def output(*words):
    try:
        return subprocess.run(words, capture_output=True, text=True, check=False).stdout.strip()
    except FileNotFoundError:
        return ""


def machine():
    """The date, commit, machine and software versions of the run."""
    cpu = output("sh", "-c", "lscpu | sed -n 's/^Model name: *//p'")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    import numpy

    return {
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": output("git", "rev-parse", "--short", "HEAD"),
        "processor": f"{cpu}, {os.cpu_count()} cores",
        "memory": f"{memory:.0f} GiB",
        "kernel": platform.release(),
        "coreutils": output("sh", "-c", "dd --version | sed -n '1s/.* //p'"),
        "numpy": numpy.__version__,
        "load": f"{os.getloadavg()[1]:.1f}",
    }


def time_text(seconds, note):
    if note:
        return f"{seconds:.1f}"
    for unit, factor in (("s", 1), ("ms", 1e3), ("us", 1e6)):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e6:.3g} us"


def median(numbers):
    return sorted(numbers)[len(numbers) // 2]


def table(results):
    lines = [
        "| work | arrayfs | compared with | time | ratio | spread | goal | reached |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for result in results:
        if not result.pairs:
            lines.append(
                f"| {result.work} | | {result.against} | | | | {result.reach} | not measured: {result.missing} |"
            )
            continue
        ours = time_text(median([a for a, _ in result.pairs]), result.note)
        theirs = time_text(median([b for _, b in result.pairs]), result.note)
        ratios = result.ratios()
        lines.append(
            f"| {result.work} | {ours} | {result.against} | {theirs} | {result.ratio():.2f} "
            f"| {ratios[0]:.2f} to {ratios[-1]:.2f} | {result.reach} | {'yes' if result.reached() else 'no'} |"
        )
    return "\n".join(lines)


def plot(results, path):
    """Plots the ratios as bars and the goals as marks, on a logarithmic axis."""
    shown = [result for result in results if result.pairs][::-1]
    figure, axes = plt.subplots(figsize=(9, 0.32 * len(shown) + 1.2))
    places = range(len(shown))
    colours = ["tab:blue" if result.reached() else "tab:orange" for result in shown]
    axes.barh(places, [result.ratio() for result in shown], color=colours, height=0.7)
    axes.plot([result.reach for result in shown], places, "k|", markersize=12, label="goal")
    axes.set_yticks(places, [result.work for result in shown], fontsize=7)
    axes.set_xscale("log")
    axes.axvline(1, color="grey", linewidth=0.8)
    axes.set_xlabel("time of the other / time of arrayfs (higher is faster)")
    axes.legend(loc="lower right", fontsize=7)
    figure.tight_layout()
    matplotlib.rcParams["svg.hashsalt"] = "arrayfs"
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def write(results, facts, command, docs):
    """Writes the page and the plot, and appends the line of this run."""
    directory = Path(docs) / "performance"
    directory.mkdir(parents=True, exist_ok=True)
    plot(results, directory / "ratios.svg")
    notes = Path("docs/performance/notes.md").read_text()
    facts_text = "\n".join(f"| {name} | {value} |" for name, value in facts.items())
    page = f"""# Performance

The time of work on mounted arrays, compared with the same work by other means: on the file itself,
in NumPy, or on the *floor* (`benches/floor.rs`), a FUSE file system that does as little as possible.
Measured by

    {command}

- Both sides run in turn. The first pair is dropped, and the table has the median of the ratios:
  above 1, arrayfs is faster.
- The pages of the file are in memory. NumPy maps the file in its own process.
- Arrays have 1 GiB of float32: *tall* is (262144, 1024), *square* (16384, 16384), *cube*
  (1024, 1024, 256).
- Absolute times vary between machines and runs; ratios are more stable.

| | |
|---|---|
{facts_text}

{table(results)}

![The ratios](performance/ratios.svg)

{notes}"""
    (Path(docs) / "PERFORMANCE.md").write_text(page)
    line = facts | {
        "rows": {result.work: round(result.ratio(), 3) for result in results if result.pairs},
    }
    with open(directory / "results.jsonl", "a") as file:
        file.write(json.dumps(line) + "\n")
