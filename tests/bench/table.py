# SPDX-License-Identifier: Apache-2.0
"""The checked-in table of exact figures: instructions under `-icount shift=0`, with the goal of each; also in docs/bench.md."""

import json
import pathlib
import re
import subprocess

from driver import QEMU

PATH = pathlib.Path(__file__).resolve().parent / "figures.json"
DOCUMENT = PATH.parents[2] / "docs/bench.md"
# The part of the document that is made from the table.
BEGIN, END = "<!-- made by tests/bench/run --update -->\n", "<!-- end -->\n"
GROUPS = ("exits", "paths")
UPDATE = "tests/bench/run --update"
# Debian 12's. Newer ones say which instruction faulted, so rows marked with "decodes" get shorter there.
REFERENCE_QEMU = "7.2"


def load():
    return json.loads(PATH.read_text())


def store(table):
    """One line for each row, so that a change shows as the difference of that row."""
    groups = []
    for group, rows in table.items():
        lines = [f"  {json.dumps(key)}: {json.dumps(row)}" for key, row in rows.items()]
        groups.append(f" {json.dumps(group)}: {{\n" + ",\n".join(lines) + "\n }")
    PATH.write_text("{\n" + ",\n".join(groups) + "\n}\n")


def document(table):
    """The document's text with the rows as they are in the table."""
    lines = ["| Figure | Instructions | Goal |", "|---|---|---|"]
    for rows in table.values():
        for row in rows.values():
            goal, measured = row.get("goal"), row["measured"]
            verdict = "" if goal is None else f"{goal:,}" + ("" if measured is not None and measured <= goal else ", **missed**")
            lines.append(f"| {row['title']} | {'-' if measured is None else f'{measured:,}'} | {verdict} |")
    text = DOCUMENT.read_text()
    begin, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    return text[:begin] + "\n".join(lines) + "\n" + text[end:]


def is_reference_qemu():
    output = subprocess.run([QEMU, "--version"], check=True, capture_output=True, text=True).stdout
    return bool(re.search(rf"version {re.escape(REFERENCE_QEMU)}\b", output))


def differences(table, measured, strict):
    """Says for each row of the measured groups what is not as in the table. measured: {group: {key: number or None}}."""
    for group, rows in measured.items():
        known = table[group]
        for key in [*known, *(key for key in rows if key not in known)]:
            was, now = known.get(key, {}).get("measured"), rows.get(key)
            if now == was or (known.get(key, {}).get("decodes") and not strict and now is not None and now < was):
                continue
            if key not in known:
                yield f"{group}: {key}: measured {now}, but the table has no such row"
            elif now is None:
                yield f"{group}: {key}: the table says {was}, but it was not measured"
            else:
                goal = known[key].get("goal")
                yield f"{group}: {key}: {now} instead of {was} ({now - was:+})" + (
                    f", over its goal of {goal}" if goal is not None and now > goal else "")


def check(measured):
    """Prints what differs and the line that the launcher counts; returns the exit code."""
    known = load()
    found = list(differences(known, measured, is_reference_qemu()))
    if document(known) != DOCUMENT.read_text():
        found.append(f"{DOCUMENT.name} does not show the table as it is")
    for line in found:
        print(f"FAILED  {line}")
    if found:
        print(f"{PATH.name} keeps these figures exactly. If the change is meant, run this and commit the table with it: {UPDATE}")
    rows = 1 + sum(len(known[group].keys() | rows.keys()) for group, rows in measured.items())
    print(f"{rows - len(found)} passed, {len(found)} failed")
    return 1 if found or rows == 1 else 0


def update(measured):
    """Puts the measured numbers into the table, where rows keep their titles and goals. Returns the exit code."""
    if not is_reference_qemu():
        print(f"the table is of QEMU {REFERENCE_QEMU}: set SERAI_QEMU to one")
        return 1
    known = load()
    for line in differences(known, measured, True):
        print(line)
    for group, rows in measured.items():
        for key, number in rows.items():
            known[group].setdefault(key, {"title": key})["measured"] = number
    store(known)
    DOCUMENT.write_text(document(known))
    gone = [f"{group}: {key}" for group, rows in measured.items() for key in known[group] if key not in rows]
    print("\n".join(f"no longer measured, take it out of {PATH.name}: {row}" for row in gone) or f"{PATH.name} is up to date")
    return 1 if gone else 0
