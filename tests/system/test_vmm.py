# SPDX-License-Identifier: Apache-2.0
"""A VMM that faults takes its own guest along, and nobody else."""

import re

from driver import check, echo_system, say


def test_killed_while_the_other_goes_on():
    system = echo_system()
    answer = system.prompt("kill beta")
    check("the VMM of beta is made to fault" in answer, "kill was refused")
    system.expect("-- beta: crashed; ")
    check(re.search(r"the VMM of guest beta faulted: .* at pc 0x[0-9a-f]+", system.text), "the fault is not reported")
    say(system, "alpha", "alive")
    system.prompt("start beta")
    system.focus("beta")
    say(system, "beta", "back")
    system.type("q\r")
    system.expect("-- beta: powered off --")
    system.focus("alpha")
    system.type("q\r")
    check(system.wait_exit() == 0, "the exit status is not 0")


def test_killed_with_focus():
    system = echo_system()
    system.prompt("kill alpha")
    system.expect("-- alpha: crashed; ")
    system.type("x")
    system.expect("-- alpha is crashed; .*start alpha")
    system.prompt("start alpha")
    system.expect("alpha> ")
    say(system, "alpha", "back")


def kill(system):
    check("the VMM of beta is made to fault" in system.command("kill beta"), "kill was refused")
    system.expect("-- beta: crashed; ")


def test_killed_many_times_loses_no_memory():
    system = echo_system()
    system.open_prompt()
    free = None
    for number in range(20):
        kill(system)
        now = re.search(r"free +(\d+) KiB", system.command("memory")).group(1)
        check(free in (None, now), f"{free} KiB were free, now {now} are, after {number + 1} times")
        free = now
        system.command("start beta")
        system.expect_guest("beta", "beta> ")
