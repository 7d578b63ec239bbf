# SPDX-License-Identifier: Apache-2.0
"""A payload of several harts checks what its VMM does with them: states of harts, IPIs, fences, interrupts, devices."""

import re

from driver import Guest, System, check, description, say, wait_ready


def run(vcpus, harts=1, **keys):
    system = System(description(Guest("alpha"), Guest("many", "smp", vcpus=vcpus, **keys)), arguments=("-smp", str(harts)))
    wait_ready(system, "alpha")
    failures = system.expect(rf"smp: {vcpus} harts, (\d+) failures", 80).group(1)
    check(failures == "0", f"{failures} of its checks failed")
    system.expect("-- many: powered off --")
    # Lines that all harts print at once stay whole.
    for hart in range(vcpus):
        for line in range(10):
            check(f"smp: line {line} of hart {hart}: abcdefghijklmnopqrstuvwxyz\n" in system.text, f"line {line} of hart {hart}")
    check(not re.search("faulted|panic", system.text), "a VMM or the kernel failed")
    say(system, "alpha", "alive")
    # What it leaves behind must not disturb a new one.
    system.prompt("start many")
    system.expect(r"\[many\] smp: start: ", 30)
    system.prompt("stop many")
    say(system, "alpha", "end")


def test_one_vcpu():
    run(1)


def test_two_vcpus_on_one_hart():
    run(2)


def test_eight_vcpus_on_one_hart():
    run(8)


test_eight_vcpus_on_one_hart.seconds = 180
