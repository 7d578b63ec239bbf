# SPDX-License-Identifier: Apache-2.0
"""Random system calls of three threads, with hostile vCPU pages, on a kernel that checks its invariants."""

import re

from driver import BUILD_DEBUG, Failure, Guest, System, check, description

LEAST_CALLS = 20000
SYSTEM_CALLS = 12


def test_kernel_lives_through_random_calls():
    system = System(description(Guest("none")), icount=True, build=BUILD_DEBUG,
        root=BUILD_DEBUG / "tests/system/syscalls/syscalls.elf")
    end = system.expect(r"SYSCALLS (done|failed: .*)|panic.*", 140)
    if end.group(1) != "done":
        system.wait(1)
        raise Failure(end.group(0))
    rows = [(int(number), int(calls), int(good))
        for number, calls, good in re.findall(r"SYSCALLS number (\d+): (\d+) calls, (\d+) good", system.text)]
    check(sum(calls for _, calls, _ in rows) >= LEAST_CALLS, "too few calls were made to mean anything")
    check(len([good for number, _, good in rows if number < SYSTEM_CALLS and good]) >= SYSTEM_CALLS - 1,
        "hardly any call succeeded")
    check(system.wait_exit() == 0, "the exit status is not 0")


test_kernel_lives_through_random_calls.seconds = 160
