# SPDX-License-Identifier: Apache-2.0
"""Collects figures, compares them with their goals, prints the table and writes the machine-readable file."""

import json
import statistics


class Figures:
    def __init__(self, quiet=False):
        self.rows = []
        self.quiet = quiet
        self.exact = {}  # by group, then key of the table: instructions
        self.group = ""

    def begin(self, group):
        self.group = group
        if not self.quiet:
            print(f"\n{group}\n{'':2}{'figure':52} {'measured':>12} {'goal':>10}", flush=True)

    def add(self, name, measured, goal=None, unit="", note="", least=False):
        """One row. measured: a number, or None if it could not be measured. goal: the most, or least, that it may be, or None."""
        reached = None
        if goal is not None:
            reached = measured is not None and (measured >= goal if least else measured <= goal)
        self.rows.append({"group": self.group, "name": name, "measured": measured, "goal": goal, "unit": unit,
            "reached": reached, "note": note})
        verdict = {None: "", True: "reached", False: "NOT REACHED"}[reached]
        if not self.quiet:
            print(f"  {name:52} {number(measured):>12} {number(goal) if goal is not None else '':>10} {unit:8} {verdict:12} {note}"
                .rstrip(), flush=True)

    def finish(self, path):
        """Writes the file; returns how many goals were missed."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"figures": self.rows}, indent=1) + "\n")
        goals = [row for row in self.rows if row["goal"] is not None]
        missed = [row for row in goals if not row["reached"]]
        print(f"\n{len(goals) - len(missed)} of {len(goals)} goals reached; all figures are in {path}")
        for row in missed:
            print(f"  not reached: {row['group']}: {row['name']}: {number(row['measured'])}, goal {number(row['goal'])}")
        return len(missed)


def number(value):
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.3f}" if value < 100 else f"{value:.1f}"
    return f"{value:,}"


median = statistics.median


def spread(values):
    """For the note of a time."""
    return f"{len(values)} runs, {min(values):.2f} to {max(values):.2f}"


class Pairs:
    """Times of two things that take turns, so that a machine that gets slower slows both. A time: (wall, processor)."""

    def __init__(self):
        self.first, self.second = [], []

    def add(self, first, second):
        self.first.append(first)
        self.second.append(second)

    def report(self, figures, first, second, ratio, goal):
        """Three rows: both walls, and the median of the pairs' ratios with its goal."""
        for name, times in ((first, self.first), (second, self.second)):
            figures.add(f"wall, {name}", median([wall for wall, _ in times]), unit="s", note=spread([wall for wall, _ in times]))
        pairs = list(zip(self.first, self.second))
        walls, processor = [b[0] / a[0] for a, b in pairs], [b[1] / a[1] for a, b in pairs]
        figures.add(f"wall, {ratio}, median of pairs", median(walls), goal,
            note=f"{spread(walls)}; processor time {median(processor):.3f}")
