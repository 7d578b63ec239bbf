# SPDX-License-Identifier: Apache-2.0
"""What the driver itself reports."""

from driver import Terminal, check


def shown(text):
    """A report of a program that prints this, and ends."""
    terminal = Terminal(["printf", "%b", text])
    terminal.wait_end()
    return terminal.report()


def test_report_begins_with_the_panic():
    lines = "\\n".join(f"after {number}" for number in range(100))
    report = shown(f"before\\nserai: kernel panic: \\e[1msomething\\n{lines}\\n").split("\n")
    check(report[0] == "serai: kernel panic: something", f"it begins with {report[0]!r}")
    check(report[1] == "after 0" and report[-2] == "after 99", "what came after it, or what came last, is missing")
    check(len(report) <= 40, f"it has {len(report)} lines")


def test_report_without_a_panic_is_what_came_last():
    report = shown("\\n".join(f"line {number}" for number in range(100))).split("\n")
    check(report[-1] == "line 99" and len(report) == 25, f"it is {report}")
