"""What a row of the benchmark is, how it is registered, and how it is measured.

Each row times the same work on arrayfs (A) and by other means (B), alternating, and has a goal for
the ratio of B's time to A's."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field

from workplace import Missing

ROWS = []


@dataclass
class Row:
    """A row. At least `least` pairs are measured, and at most `most`. Without a goal it is a statement."""

    subject: str
    work: str
    against: str
    goal: float | None
    function: Callable
    least: int = 1
    most: int = 1000
    # Without a warm-up, the first pair counts too.
    warm_up: bool = True
    unit: str = "s"


@dataclass
class Result:
    """The result of a row. `pairs` has what A and B took in each turn."""

    row: Row
    pairs: list = field(default_factory=list)
    missing: str = ""

    def ratio(self):
        return statistics.median(self.ratios())

    def ratios(self):
        return sorted(b / a for a, b in self.pairs)

    def reached(self):
        """Whether the goal is reached. None without a goal."""
        if self.row.goal is None or not self.pairs:
            return None
        return self.ratio() >= self.row.goal

    def outcome(self):
        """One line for the terminal."""
        if self.missing:
            return f"not measured: {self.missing}"
        goal = "no goal" if self.row.goal is None else f"goal {self.row.goal}"
        return f"{self.ratio():.2f}, {goal}"


def subject(title):
    """The decorator for the rows of a subject. A row's function gets the workplace and a callback
    `pair(a, b)`, which times both."""

    def row(work, against, goal=None, **settings):
        def declared(function):
            ROWS.append(Row(title, work, against, goal, function, **settings))
            return function

        return declared

    return row


def measure(place, row, pairs):
    """Measures a row. A quick benchmark measures one pair of each."""
    result = Result(row)
    wanted = 1 if place.quick else min(max(pairs, row.least), row.most)

    def pair(a, b):
        if row.warm_up:
            a(), b()
        for _ in range(wanted):
            result.pairs.append((a(), b()))

    try:
        row.function(place, pair)
    except Missing as why:
        result.missing = str(why)
    return result
