# SPDX-License-Identifier: Apache-2.0
"""Debian guests, small ones, and servers on kernels with next to no ASIDs and VMIDs, which check what their TLBs may hold."""

import re

from driver import BUILD_DEBUG, Guest, System, check, description

BOOT_SECONDS = 150


def power_off(system, wraps):
    """Ends the system; wraps: how often ASIDs and VMIDs have begun again, at least."""
    system.open_prompt()
    system.type("quit\r")
    system.wait_exit()
    check("panic" not in system.text, "the kernel panicked")
    counts = re.search(r"used up (\d+) times: ASIDs; (\d+) times: VMIDs", system.text)
    check(counts, "the kernel does not say how often")
    for kind, count, least in zip(("ASIDs", "VMIDs"), counts.groups(), wraps):
        check(int(count) >= least, f"{kind} were used up {count} times only")
    system.end()


def run(harts, vcpus, wraps):
    """All guests boot and work."""
    system = System(description(*(Guest.linux(name, vcpus=vcpus) for name in ("alpha", "beta")), Guest("gamma"), Guest("delta")),
        arguments=("-smp", str(harts)),
        build=BUILD_DEBUG, kernel=BUILD_DEBUG / "kernel/kernel-tags2.elf")
    for name in ("alpha", "beta"):
        system.position = 0
        system.expect(rf"^\[{name}\] root@{name}:\S+# ", BOOT_SECONDS)
    for name in ("alpha", "beta"):
        system.focus(name)
        # Processes come and go and hand data on: each gets what it is to get, or the sums differ.
        system.type("for i in 1 2 3 4; do (seq 5000 | sort -r | sort -n | md5sum) & done; wait; echo sums do''ne\r")
        start = system.position
        system.expect(r"^sums done\n", 90)
        sums = re.findall(r"^([0-9a-f]{32})  -$", system.text[start:system.position], re.MULTILINE)
        check(sums == [EXPECTED] * 4, f"sums of {name}: {sums}")
        system.type("dmesg | grep -ciE 'lockup|rcu.*stall|BUG:|Oops|segfault'\r")
        system.expect(r"^0\n", 20)
    for _ in range(3):
        for name in ("gamma", "delta"):
            system.prompt(f"stop {name}")
            system.prompt(f"start {name}")
            system.expect(rf"^\[{name}\] {name}> ", 30)
    power_off(system, wraps)


# Of `seq 5000 | md5sum`.
EXPECTED = "a5a208cd26b07cadade3450fe14d1d93"


def test_two_bits_on_one_hart():
    run(harts=1, vcpus=1, wraps=(100, 2))


def test_two_bits_on_two_harts():
    run(harts=2, vcpus=2, wraps=(100, 2))


def test_no_bits_on_two_harts():
    """Harts never agree on a number: each fence for a guest's other vCPUs has to be carried over by hand."""
    system = System(description(Guest("alpha"), Guest("many", "smp", vcpus=4)), arguments=("-smp", "2"), build=BUILD_DEBUG,
        kernel=BUILD_DEBUG / "kernel/kernel-tags0.elf")
    system.expect(r"smp: 4 harts, 0 failures", 120)
    power_off(system, (100, 100))


for name, case in list(globals().items()):
    if name.startswith("test_"):
        case.seconds = 300
