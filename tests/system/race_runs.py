# SPDX-License-Identifier: Apache-2.0
"""Starts the root task whose cases let harts race (races/), and judges the end."""

import re

from driver import BUILD_DEBUG, Failure, Guest, System, check, description

# enum group of races.h. What ALL leaves out is measured from outside, or with -icount.
VMM, TAKE, MESSAGES, LEAKS, GUEST, STORM, STRESS, IDLE, BELLS = (1 << bit for bit in range(9))
ALL = VMM | TAKE | MESSAGES | LEAKS | GUEST | STRESS | BELLS


def start(harts, icount, parameters):
    words = " ".join(f"{name}={value}" for name, value in parameters.items())
    return System(description(Guest("none")), icount=icount, build=BUILD_DEBUG,
        arguments=("-smp", str(harts), "-append", f"races {words}"), root=BUILD_DEBUG / "tests/system/races/races.elf")


def idle_share(**parameters):
    """Share of a processor that QEMU uses while only guests with expired timers are there, and wait."""
    system = start(1, False, parameters)
    system.expect("RACES idle begins", 30)
    begin = system.seconds()
    system.expect("RACES idle ends", 30)
    end = system.seconds()
    system.expect("RACES done", 30)
    system.end()
    return (end[1] - begin[1]) / (end[0] - begin[0])


def run(harts, icount=False, seconds=130, **parameters):
    """parameters: those of struct parameters. Raises Failure; returns what was printed."""
    system = start(harts, icount, parameters)
    try:
        end = system.expect(r"RACES (done|failed: .*)\n|panic.*\n|^.*without supervisor faulted.*\n", seconds)
        if end.group(1) != "done":
            system.wait(1)
            raise Failure(end.group(0).rstrip())
        check(re.search(rf"RACES seed {parameters['seed']}, {harts} harts", system.text), "it ran with other parameters")
        check(system.wait_exit() == 0, "the exit status is not 0")
        return system.text
    except Failure as failure:
        raise Failure(f"{failure}\n{system.report()}") from None
    finally:
        system.end()
