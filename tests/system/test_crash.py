# SPDX-License-Identifier: Apache-2.0
"""A guest that ends badly ends alone, with a report; the exit status tells."""

import re

from driver import Guest, System, check, description, echo_system, say, wait_ready

# A floating-point load from a device is what the VMM does not do.
REPORT = [
    r"guest stopped: .+",
    r"cause \d+ \(guest (load|store) fault\), value [0-9a-f]+, address [0-9a-f]+, htinst [0-9a-f]+, hart 0, mode VS",
    r"pc [0-9a-f]{16}, instruction [0-9a-f]{4,8}: f[ls][wd] .+",
    r"  pc   [0-9a-f]{16}  ra   [0-9a-f]{16}  sp   [0-9a-f]{16}  gp   [0-9a-f]{16}",
    r"  t3   [0-9a-f]{16}  t4   [0-9a-f]{16}  t5   [0-9a-f]{16}  t6   [0-9a-f]{16}",
    r"  vsstatus [0-9a-f]+  vstvec [0-9a-f]+  vsepc .*",
    r"last exits, oldest first \(\d+ in all\):",
]


def crashed_system():
    system = System(description(Guest("alpha"), Guest("bad", "hostile", cmdline="test=mmio-float")))
    system.expect("-- bad: crashed; ", 30)
    return system


def test_report_is_complete():
    system = crashed_system()
    wait_log = system.prompt("log bad")
    lines = [match.group(1) for match in re.finditer(r"^\[bad/vmm\] (?:warning: )?(.*)$", wait_log, re.MULTILINE)]
    at = 0
    for pattern in REPORT:
        found = [number for number in range(at, len(lines)) if re.fullmatch(pattern, lines[number])]
        check(found, f"the report has no line like {pattern!r}")
        at = found[0] + 1
    exits = [line for line in lines[at:] if re.fullmatch(r"  pc [0-9a-f]{16}  .+  value [0-9a-f]+  address [0-9a-f]+", line)]
    check(len(exits) == 16, f"the report has {len(exits)} last exits")


def test_other_guest_goes_on_and_status_tells():
    system = crashed_system()
    system.position = 0
    wait_ready(system, "alpha")
    say(system, "alpha", "alive")
    system.type("q\r")
    system.expect("serai: guest bad crashed")
    check(system.wait_exit() != 0, "the exit status is 0")


def test_guest_says_that_it_failed():
    system = echo_system()
    system.type("c\r")
    system.expect("-- alpha: crashed; ")
    system.focus("beta")
    say(system, "beta", "alive")
    rows = system.prompt("list")
    check(re.search(r"alpha +crashed", rows), "list does not show the crash")
    system.type("q\r")
    system.expect("serai: guest alpha crashed")
    check(system.wait_exit() != 0, "the exit status is 0")


def test_started_again_it_counts_no_more():
    system = echo_system()
    system.type("c\r")
    system.expect("-- alpha: crashed; ")
    system.prompt("start alpha")
    system.expect("alpha> ")
    say(system, "alpha", "again")
    system.type("q\r")
    system.expect("-- alpha: powered off --")
    system.focus("beta")
    system.type("q\r")
    check(system.wait_exit() == 0, "the exit status is not 0")


def test_restart_on_crash():
    system = System(description(Guest("alpha", restart="on-crash"), Guest("beta")))
    wait_ready(system, "alpha", "beta")
    system.type("c\r")
    system.expect("-- alpha: started again --")
    system.expect("alpha> ")
    say(system, "alpha", "again")


def test_crash_at_every_start_is_bounded():
    system = System(description(Guest("alpha"), Guest("bad", "hostile", cmdline="test=crash", restart="on-crash")))
    system.expect("-- bad: crashed; ", 40)
    system.position = 0
    wait_ready(system, "alpha")
    say(system, "alpha", "alive")
