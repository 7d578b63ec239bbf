# SPDX-License-Identifier: Apache-2.0
"""Guests start side by side, and each answers for itself."""

import re

from driver import Failure, Guest, System, check, description, echo_system, say, wait_ready


def test_both_guests_answer():
    system = echo_system()
    say(system, "alpha", "first")
    system.focus("beta")
    say(system, "beta", "second")
    check("alpha: you said: second" not in system.text, "alpha got what was typed to beta")
    check("beta: you said: first" not in system.text, "beta got what was typed to alpha")


def test_list_shows_state():
    system = System(description(Guest("alpha"), Guest("beta"), Guest("later", autostart=False)))
    wait_ready(system, "alpha", "beta")
    rows = {fields[1]: fields for fields in (line.replace("*", " ").split()
            for line in system.prompt("list").split("\n")) if len(fields) > 8 and fields[0].isdigit()}
    check(set(rows) == {"alpha", "beta", "later"}, f"list shows {sorted(rows)}")
    check(rows["alpha"][2] == "running" and rows["later"][2] == "off", "list shows wrong states")
    check(rows["alpha"][3:5] == ["16", "MiB"], "list shows wrong memory")
    check(rows["alpha"][-1] == "1" and rows["later"][-1] == "0", "list shows wrong starts")
    check(int(rows["alpha"][-2]) > 0, "list shows no exits")
    check(re.fullmatch(r"\d+:\d\d:\d\d", rows["alpha"][-3]), "list shows no uptime")


def test_guest_of_no_autostart_starts():
    system = System(description(Guest("alpha"), Guest("later", autostart=False)))
    wait_ready(system, "alpha")
    system.prompt("start later")
    system.expect_guest("later", r"later: ready, 16 MiB")


def test_eight_guests():
    names = [f"g{number}" for number in range(1, 9)]
    system = echo_system(*names)
    for number, name in enumerate(names, 1):
        system.key(str(number))
        system.expect(rf"-- focus: {name} ")
        say(system, name, f"hello{number}")
    system.end_in_order()


def test_memory_is_what_the_description_says():
    system = System(description(Guest("small"), Guest("large", memory="300M")))
    wait_ready(system, "small", "large")
    for name, size in (("small", 16), ("large", 300)):
        if not re.search(rf"{name}: ready, {size} MiB of memory", system.text):
            raise Failure(f"{name} does not see {size} MiB")
