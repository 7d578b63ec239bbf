# SPDX-License-Identifier: Apache-2.0
"""A guest that prints without end: the others stay usable, and so does the console."""

import statistics
import time

from driver import Guest, System, check, description, say, wait_ready

# Seconds; the machine under the test may be busy.
MEDIAN, WORST = 0.6, 3.0


def flooded_system():
    system = System(description(Guest("alpha"), Guest("noisy", "hostile", cmdline="test=flood")))
    wait_ready(system, "alpha")
    system.expect(r"\[noisy\] \.\.\. \d+ lines not shown", 30)
    return system


def test_other_guest_answers_soon():
    system = flooded_system()
    times = []
    for number in range(30):
        started = time.monotonic()
        say(system, "alpha", f"line {number}", 20)
        times.append(time.monotonic() - started)
    median, worst = statistics.median(times), max(times)
    check(median < MEDIAN and worst < WORST, f"an echoed line took {median:.2f} s, at worst {worst:.2f} s")


def test_focus_can_be_taken_from_it():
    system = flooded_system()
    system.key("2")
    system.expect("-- focus: noisy ")
    system.expect("hostile: flood [0-9]+: the quick brown fox")
    started = time.monotonic()
    system.key("1")
    system.expect("-- focus: alpha ")
    seconds = time.monotonic() - started
    check(seconds < WORST, f"the focus changed after {seconds:.2f} s")
    say(system, "alpha", "here")


def test_stopped_while_it_floods():
    system = flooded_system()
    system.prompt("stop noisy")
    system.expect("-- noisy: stopped --")  # a moment later, perhaps
    say(system, "alpha", "quiet")
    system.type("q\r")
    check(system.wait_exit() == 0, "the exit status is not 0")


def test_screen_shows_few_of_its_lines():
    system = flooded_system()
    start = len(system.text)
    system.wait(4)
    lines = system.text[start:].count("[noisy]")
    check(lines < 200, f"{lines} of its lines were shown in 4 s")
