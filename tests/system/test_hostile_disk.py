# SPDX-License-Identifier: Apache-2.0
"""A guest that does its worst with its disk: its device asks for a reset, and a guest beside it, on the same disk, goes on."""

import re

from driver import Guest, System, check, description


def start(harts):
    return System(
        description(
            Guest("alpha", "disk", disks=["good"]), Guest("hostile", "hostile", cmdline="test=disk", memory="32M", disks=["bad"]),
            harts=harts, disks={"store": {"file": "store.img", "size": "32M", "partitions": {"good": "8M", "bad": "rest"}}},
            volumes={name: {"disk": "store", "partition": name} for name in ("good", "bad")}),
        arguments=["-smp", str(harts)])


def run(harts):
    system = start(harts)
    system.expect(r"disk: round \d+\n")
    system.expect(r"-- hostile: (powered off --|crashed; )", 120)
    text = system.text
    check("hostile: disk done: 0 traps" in text, "the payload did not come to its end")
    check("hostile: wrong:" not in text, "the payload saw what it must not see")
    check("faulted:" not in text and "restart" not in text, "a server faulted")
    # What the good guest wrote and reads is its own, and it is served as before.
    system.focus("alpha")
    last = int(re.findall(r"disk: round (\d+)", system.text)[-1])
    for _ in range(3):
        last, before = int(system.expect(r"disk: round (\d+)\n").group(1)), last
        check(last >= before, "rounds go backwards")
    system.type("x")
    system.expect(r"disk: off after \d+ rounds")
    check("disk: wrong:" not in system.text, "the guest beside it read what it did not write")
    check("panic" not in system.text, "the kernel has a panic")


def test_one_hart():
    run(1)


def test_two_harts():
    run(2)


def test_beside_a_guest_that_computes():
    # Each doorbell wakes the server; if the guest lost its turn by that, this would take minutes.
    system = System(
        description(
            Guest("alpha", "busy"), Guest("hostile", "hostile", cmdline="test=disk bells=many", memory="32M", disks=["bad"]),
            disks={"store": {"file": "store.img", "size": "16M"}}, volumes={"bad": {"disk": "store"}}))
    system.expect(r"-- hostile: (powered off --|crashed; )", 40)
    check("hostile: disk done: 0 traps" in system.text, "the payload did not come to its end")
    check("hostile: wrong:" not in system.text, "the payload saw what it must not see")


def test_interrupts():
    # The VMM maps a page of the device's registers for a guest that has earned it, and this one abuses it.
    system = System(
        description(
            Guest("hostile", "hostile", cmdline="test=isr", memory="32M", disks=["bad"]),
            disks={"store": {"file": "store.img", "size": "16M"}}, volumes={"bad": {"disk": "store"}}))
    system.expect(r"-- hostile: (powered off --|crashed; )", 60)
    check("hostile: isr done: " in system.text, "the payload did not come to its end")
    check("hostile: wrong:" not in system.text, "the payload saw what it must not see")
    check("faulted:" not in system.text and "panic" not in system.text, "a server or the kernel failed")
