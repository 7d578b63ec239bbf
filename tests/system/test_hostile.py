# SPDX-License-Identifier: Apache-2.0
"""Guests that do their worst: the kernel and the guest beside them live through it."""

import re

from driver import Failure, Guest, System, check, description, say, wait_ready

# How each ends. "off": it comes to its end; "report": it is stopped with a report; "any": one of these; "crash": it says
# itself that it failed; "never": it goes on for ever.
TESTS = {
    "csr": "off",
    "priv": "off",
    "mmio": "any",
    "amo": "any",
    "jump": "any",
    "sbi": "off",
    "ptw": "any",
    "mmio-float": "report",
    "ptw-root": "report",
    "crash": "crash",
    "crash2": "report",
    "spin": "never",
    "reboot": "never",
}


def run_beside_echo(name, ending):
    system = System(description(Guest("alpha"), Guest("hostile", "hostile", cmdline=f"test={name}", memory="32M")))
    wait_ready(system, "alpha")
    start = system.position
    for number in range(5):
        say(system, "alpha", f"during {number}", 20)
    system.position = 0
    if ending == "never":
        system.expect(rf"hostile: {name} start")
        system.position = start
        system.expect_not("-- hostile: (powered off|crashed)", 1)
    else:
        ended = system.expect(r"-- hostile: (powered off --|crashed; )", 60).group(1).split()[0]
        check(ending == "any" or (ended == "powered") == (ending == "off"), f"it {ended}")
        if ended == "powered":
            check(re.search(rf"hostile: {name} done: \d+ traps", system.text), "the payload did not come to its end")
        elif ending != "crash":
            check("last exits, oldest first" in system.prompt("log hostile"), "there is no report")
    check("faulted:" not in system.text, "a VMM or the console faulted")
    check("panic" not in system.text, "the kernel has a panic")
    check("hostile: wrong:" not in system.text, "the payload saw what it must not see")
    for number in range(5):
        say(system, "alpha", f"after {number}", 20)
    if ending == "never":
        system.prompt("stop hostile")
        say(system, "alpha", "alone")
    # Whatever the payload left behind in the hart must not disturb a new guest.
    system.prompt("start hostile")
    system.expect_guest("hostile", f"hostile: {name} start")
    say(system, "alpha", "end")


def make_case(name, ending):
    def case():
        run_beside_echo(name, ending)
    case.__module__ = __name__
    return case


for _name, _ending in TESTS.items():
    globals()[f"test_{_name.replace('-', '_')}"] = make_case(_name, _ending)


def test_all_at_once():
    names = [name for name, ending in TESTS.items() if ending in ("off", "any")]
    system = System(description(Guest("alpha"), *(Guest(name, "hostile", cmdline=f"test={name}") for name in names)))
    wait_ready(system, "alpha")
    for name in names:
        system.position = 0  # some end before alpha is ready
        system.expect(rf"-- {name}: (powered off|crashed)", 80)
    if "faulted:" in system.text:
        raise Failure("a VMM or the console faulted")
    say(system, "alpha", "alive")
