# SPDX-License-Identifier: Apache-2.0
"""A payload of several harts checks what its VMM does with them: states of harts, IPIs, fences, interrupts, devices."""

import re

from driver import Guest, System, check, description, say, wait_ready


def run(vcpus, harts=1, **keys):
    system = System(description(Guest("alpha"), Guest("many", "smp", vcpus=vcpus, **keys), harts=harts), arguments=("-smp", str(harts)))
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


def test_two_vcpus_on_two_harts():
    run(2, 2)


def test_four_vcpus_on_two_harts():
    run(4, 2, affinity=[1, 0, 1, 1])


def test_three_vcpus_on_four_harts():
    run(3, 4)


def end_often(harts):
    """Ends a guest whose vCPUs all do something, at many moments and in each way; all of its memory comes back."""
    system = System(description(Guest("alpha"), Guest("many", "smp", vcpus=4), harts=harts),
        arguments=("-smp", str(harts)))
    wait_ready(system, "alpha")
    system.open_prompt()
    free = None
    for number in range(24):
        system.wait(0.1 * (number % 8))
        way = ("stop", "kill", "reboot")[number % 3]
        answer = system.command(f"{way} many")
        if way == "kill" and "is made to fault" in answer:
            system.expect("-- many: crashed; ")
        if way == "reboot":
            system.command("stop many")
        now = re.search(r"free +(\d+) KiB", system.command("memory")).group(1)
        check(free in (None, now), f"{free} KiB were free, now {now} are, after {number + 1} times")
        free = now
        system.command("start many")
    system.type("\r")
    system.expect(r"-- focus: .*\n")
    say(system, "alpha", "end")


def test_ended_often_on_one_hart():
    end_often(1)


def test_ended_often_on_two_harts():
    end_often(2)


for case in (test_eight_vcpus_on_one_hart, test_four_vcpus_on_two_harts, test_three_vcpus_on_four_harts):
    case.seconds = 180
