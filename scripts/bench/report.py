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
from matplotlib.lines import Line2D  # noqa: E402
from matplotlib.patches import Patch  # noqa: E402


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


def amount(number, unit):
    """A time in a fitting unit, or a number of its own unit."""
    if unit != "s":
        return f"{number:.4g} {unit}"
    for name, factor in (("s", 1), ("ms", 1e3)):
        if number * factor >= 1:
            return f"{number * factor:.3g} {name}"
    return f"{number * 1e6:.3g} us"


def median(numbers):
    return sorted(numbers)[len(numbers) // 2]


def by_subject(results):
    """The results of each subject, in the order of the rows."""
    subjects = {}
    for result in results:
        subjects.setdefault(result.row.subject, []).append(result)
    return subjects


def line(result):
    """The result as a row of a Markdown table, in which a bar in a name is escaped."""
    row = result.row
    work = row.work.replace("|", r"\|")
    goal = "" if row.goal is None else row.goal
    if not result.pairs:
        return f"| {work} | | {row.against} | | | | {goal} | not measured: {result.missing} |"
    ours = amount(median([a for a, _ in result.pairs]), row.unit)
    theirs = amount(median([b for _, b in result.pairs]), row.unit)
    ratios = result.ratios()
    reached = {True: "yes", False: "no", None: ""}[result.reached()]
    return (
        f"| {work} | {ours} | {row.against} | {theirs} | {result.ratio():.2f} "
        f"| {ratios[0]:.2f} to {ratios[-1]:.2f} | {goal} | {reached} |"
    )


def table(results):
    lines = []
    for title, some in by_subject(results).items():
        lines += [
            f"**{title}**",
            "",
            "| work | arrayfs | compared with | takes | ratio | spread | goal | reached |",
            "|---|---|---|---|---|---|---|---|",
            *map(line, some),
            "",
        ]
    return "\n".join(lines).rstrip()


REACHED, NOT_REACHED, NO_GOAL = "tab:blue", "tab:orange", "tab:grey"


def plot(results, path):
    """Plots the ratios as bars from 1, with the goals as marks, in groups, on a logarithmic axis."""
    shown = [result for result in results if result.pairs]
    colours = {True: REACHED, False: NOT_REACHED, None: NO_GOAL}
    # From the bottom to the top: the rows of a subject lie below its title.
    places, titles, top = [], [], 0
    for title, some in reversed(by_subject(shown).items()):
        places += [(top + place, result) for place, result in enumerate(reversed(some))]
        titles.append((top + len(some) - 0.1, title))
        top += len(some) + 1.3
    height = 0.21 * top + 1.6
    figure, axes = plt.subplots(figsize=(11.5, height))
    ratios = [result.ratio() for result in shown]
    axes.set_xscale("log")
    axes.set_xlim(min(*ratios, 0.2) / 2, max(*ratios, 5) * 12)
    axes.set_ylim(-0.8, top)
    for y, result in places:
        draw(axes, y, result, colours[result.reached()])
    beside = {"xycoords": ("axes fraction", "data"), "xytext": (4, 0), "textcoords": "offset points", "va": "center"}
    for y, title in titles:
        axes.annotate(title, (0, y), fontsize=9, weight="bold", **beside)
    axes.set_yticks([y for y, _ in places], [result.row.work for _, result in places], fontsize=7)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_formatter(lambda x, _: "1" if x == 1 else f"{x:g} times" if x > 1 else f"1/{1 / x:g}")
    axes.axvline(1, color="grey", linewidth=1)
    axes.annotate("same speed", (1, top), ha="center", va="bottom", fontsize=8, annotation_clip=False)
    axes.set_xlabel("speed of arrayfs, where the other means have 1 (logarithmic)\n\u2190 slower      faster \u2192")
    figure.suptitle("The speed of arrayfs, compared with the same work by other means", y=1 - 0.15 / height)
    figure.legend(
        handles=[
            Patch(color=REACHED, label="goal reached"),
            Patch(color=NOT_REACHED, label="goal not reached"),
            Patch(color=NO_GOAL, label="no goal"),
            Line2D([], [], color="black", marker="|", markersize=10, linestyle="", label="goal"),
        ],
        loc="upper center",
        bbox_to_anchor=(0.5, 1 - 0.35 / height),
        ncols=4,
        fontsize=8,
        frameon=False,
    )
    figure.tight_layout(rect=(0, 0, 1, 1 - 0.45 / height))
    matplotlib.rcParams["svg.hashsalt"] = "arrayfs"
    figure.savefig(path, metadata={"Date": None} if str(path).endswith(".svg") else None)
    plt.close(figure)


def draw(axes, y, result, colour):
    """Draws the bar of a row, its ratio, its goal, and what it is compared with."""
    ratio = result.ratio()
    axes.barh(y, ratio - 1, left=1, color=colour, height=0.7)
    axes.annotate(f" {ratio:.2g}", (max(ratio, 1), y), va="center", fontsize=7)
    if result.row.goal is not None:
        axes.plot([result.row.goal] * 2, [y - 0.45, y + 0.45], color="black", linewidth=1.5)
    axes.annotate(
        f"against {result.row.against} ",
        (1, y),
        xycoords=("axes fraction", "data"),
        ha="right",
        va="center",
        fontsize=6,
        color="dimgrey",
    )


def write(results, facts, command, docs):
    """Writes the page and the plot, and appends the line of this run."""
    directory = Path(docs) / "performance"
    directory.mkdir(parents=True, exist_ok=True)
    plot(results, directory / "ratios.svg")
    introduction = Path("docs/performance/introduction.md").read_text()
    notes = Path("docs/performance/notes.md").read_text()
    facts_text = "\n".join(f"| {name} | {value} |" for name, value in facts.items())
    page = f"""# Performance

{introduction}
![The speed of each work on arrayfs, compared with other means](performance/ratios.svg)

## The measurements

    {command}

- Each row has the same work done twice, on arrayfs and by other means: on the file itself, in
  NumPy, on ext4, or on the *floor*. The floor (`benches/floor.rs`) is a FUSE file system that does
  as little as possible.
- Both sides run in turn. The first pair is dropped, except where nothing may be in memory. The
  table has the median of the ratios: above 1, arrayfs is faster.
- The pages of the file are in memory, except under *Cold files*. NumPy maps the file in its own
  process.
- Without options in its name, a row mounts with the default options.
- Arrays have 1 GiB of float32: *tall* is (262144, 1024), *square* (16384, 16384), *cube*
  (1024, 1024, 256).
- Absolute times vary between machines and runs; ratios are more stable.

| | |
|---|---|
{facts_text}

{table(results)}

{notes}"""
    (Path(docs) / "PERFORMANCE.md").write_text(page)
    entry = facts | {
        "rows": {result.row.work: round(result.ratio(), 3) for result in results if result.pairs},
    }
    with open(directory / "results.jsonl", "a") as file:
        file.write(json.dumps(entry) + "\n")
