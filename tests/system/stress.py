# SPDX-License-Identifier: Apache-2.0
"""Linux guests that load themselves with stress-ng, all at once, and what they and their kernels said about it."""

import re

from driver import BUILD, GUESTS, Guest, System, check, description

STRESSORS = ("cpu", "vm", "fork", "timer", "switch")
BOOT_SECONDS = 120
# Anywhere in the output: what Linux says when something hangs or breaks. tools/guests/stress looks into the guest's log, too.
COMPLAINT = re.compile(r"^.*(?:lockup|rcu\S* .*stall|BUG:|Oops|hung task|blocked for more than|Kernel panic).*$", re.MULTILINE)


def start(seconds, guests, vcpus, harts, build):
    """A system of guests that load themselves from their boot on."""
    check((GUESTS / "debian/initramfs-stress").exists(), "there is no initramfs-stress: ./serai test makes it")
    keys = {"vcpus": vcpus} if vcpus > 1 else {}
    linux = [Guest.linux(name, cmdline=f"console=hvc0 earlycon=sbi quiet serai.host={name} serai.stress={seconds}",
        initramfs="initramfs-stress", memory="160M", **keys) for name in guests]
    memory = 192 + 160 * len(guests)
    return System(description(*linux, memory=f"{memory}M"), arguments=("-smp", str(harts)), memory=f"{memory}M", build=build)


def run(seconds, guests=("alpha", "beta"), vcpus=1, harts=1, build=BUILD):
    """Runs the load; returns {guest: {stressor: operations}}. Fails if a guest's kernel complains or a stressor does not work."""
    system = start(seconds, guests, vcpus, harts, build)
    results = {}
    for name in guests:
        system.position = 0
        system.expect_guest(name, f"stress: {vcpus} processors, {seconds} s", BOOT_SECONDS)
    for name in guests:
        system.position = 0
        # stress-ng ends late by what a slow fork takes.
        match = system.expect_guest(name, r"stress: status (\d+), complaints (\d+), operations:(.*)\n", 2 * seconds + BOOT_SECONDS)
        status, complaints, operations = match.groups()
        check(status == "0", f"{name}: stress-ng failed with {status}")
        check(complaints == "0", f"{name}: its kernel complains")
        results[name] = {stressor: int(count) for stressor, count in re.findall(r"(\w+) (\d+)", operations)}
        for stressor in STRESSORS:
            check(results[name].get(stressor, 0) > 0, f"{name}: the stressor {stressor} did nothing")
    complaint = COMPLAINT.search(system.text)
    check(not complaint, f"complaint: {complaint and complaint.group(0)}")
    system.end_in_order()
    return results
