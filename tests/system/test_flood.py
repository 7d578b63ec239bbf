# SPDX-License-Identifier: Apache-2.0
"""A guest that prints without end: the others stay usable, and so does the console."""

import statistics
import time

from driver import Guest, System, check, description, say, wait_ready

# Seconds that an answer may take beside a flood; on a busy host, so many times what it takes without.
MEDIAN, WORST = 0.6, 3.0
TIMES = 10


def echo_times(system, count):
    times = []
    for number in range(count):
        started = time.monotonic()
        say(system, "alpha", f"line {number}", 20)
        times.append(time.monotonic() - started)
    return times


def flooded_system():
    """Also how much longer than usual answers may take on this host now."""
    system = System(description(Guest("alpha"), Guest("noisy", "hostile", cmdline="test=flood", autostart=False)))
    wait_ready(system, "alpha")
    slow = max(1, TIMES * statistics.median(echo_times(system, 10)) / MEDIAN)
    system.prompt("start noisy")
    system.expect(r"\[noisy\] \.\.\. \d+ lines not shown", 30)
    return system, slow


def test_other_guest_answers_soon():
    system, slow = flooded_system()
    times = echo_times(system, 30)
    median, worst = statistics.median(times), max(times)
    check(median < slow * MEDIAN and worst < slow * WORST, f"an echoed line took {median:.2f} s, at worst {worst:.2f} s")


def test_focus_can_be_taken_from_it():
    system, slow = flooded_system()
    system.key("2")
    system.expect("-- focus: noisy ")
    system.expect("hostile: flood [0-9]+: the quick brown fox")
    started = time.monotonic()
    system.key("1")
    system.expect("-- focus: alpha ")
    seconds = time.monotonic() - started
    check(seconds < slow * WORST, f"the focus changed after {seconds:.2f} s")
    say(system, "alpha", "here")


def test_stopped_while_it_floods():
    system, _slow = flooded_system()
    system.prompt("stop noisy")
    system.expect("-- noisy: stopped --")  # a moment later, perhaps
    say(system, "alpha", "quiet")
    system.type("q\r")
    check(system.wait_exit() == 0, "the exit status is not 0")


def test_screen_shows_few_of_its_lines():
    system, _slow = flooded_system()
    start = len(system.text)
    system.wait(4)
    lines = system.text[start:].count("[noisy]")
    check(lines < 200, f"{lines} of its lines were shown in 4 s")
