# SPDX-License-Identifier: Apache-2.0
"""Runs of the system-call fuzzer: kept seeds, and how to start one."""

import pathlib
import re

from driver import BUILD_DEBUG, Failure, Guest, System, check, description

SEEDS = pathlib.Path(__file__).with_name("syscalls") / "seeds.txt"
SYSTEM_CALLS = 12
# Kinds of system calls that have to succeed at least once. With a thread of QEMU for each hart, a slow machine makes few calls.
LEAST_KINDS = {"one": SYSTEM_CALLS - 1, "multi": SYSTEM_CALLS // 3}
LEAST_CALLS_OF_A_ROUND = {"one": 40, "multi": 4}  # in the latter, a round is a time of the build machine
COUNTS = re.compile(r"SYSCALLS number (\d+): (\d+) calls, (\d+) good")


def kept_seeds():
    """[(name, parameters)] of seeds.txt."""
    found = []
    for line in SEEDS.read_text().splitlines():
        words = line.partition("#")[0].split()
        if words:
            found.append((words[0], dict(word.split("=") for word in words[1:])))
    return found


def run_seed(parameters, seconds):
    """Starts a system with these parameters and waits for its end; the calls that it made. Raises Failure.

    harts: of the machine. threads=multi: QEMU runs the harts at the same time, and no run is like another; without, an
    instruction is a nanosecond and a seed always the same run. All others are the fuzzer's own (struct parameters).
    """
    parameters = dict(parameters)
    harts, threads = int(parameters.pop("harts", 1)), parameters.pop("threads", "one")
    words = " ".join(f"{name}={value}" for name, value in parameters.items())
    system = System(description(Guest("none")), icount=threads == "one", build=BUILD_DEBUG,
        arguments=("-smp", str(harts), "-append", f"syscalls {words}"),
        root=BUILD_DEBUG / "tests/system/syscalls/syscalls.elf")
    try:
        end = system.expect(r"SYSCALLS (done|failed: .*)\n|panic.*\n", seconds)
        if end.group(1) != "done":
            system.wait(1)
            raise Failure(end.group(0).rstrip())
        rows = [tuple(map(int, row)) for row in COUNTS.findall(system.text)]
        calls = sum(made for _, made, _ in rows)
        check(calls >= LEAST_CALLS_OF_A_ROUND[threads] * int(parameters["rounds"]), "too few calls were made to mean anything")
        check(len([good for number, _, good in rows if number < SYSTEM_CALLS and good]) >= LEAST_KINDS[threads],
            "hardly any call succeeded")
        check(system.wait_exit() == 0, "the exit status is not 0")
        return calls
    except Failure as failure:
        raise Failure(f"{failure}\n{system.report()}") from None
    finally:
        system.end()
