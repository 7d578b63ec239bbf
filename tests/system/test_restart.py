# SPDX-License-Identifier: Apache-2.0
"""Stopping a guest returns all its memory."""

from driver import Failure, check, echo_system, memory, say

TIMES = 200


def test_stop_and_start_200_times():
    system = echo_system()
    system.open_prompt()
    before = memory(system)
    check("free" in before, "memory does not say what is free")
    system.command("stop beta")
    stopped = memory(system)
    for number in range(TIMES):
        answer = system.command("start beta")
        check("beta is starting" in answer, f"start {number + 1} failed: {answer}")
        # Every tenth runs until it answers, the others are stopped as early as they are.
        if number % 10 == 0:
            system.expect_guest("beta", "beta> ")
        answer = system.command("stop beta")
        check("beta is stopped" in answer, f"stop {number + 1} failed: {answer}")
        if number % 20 == 0 and memory(system) != stopped:
            raise Failure(f"after {number + 1} starts memory is {memory(system)}, was {stopped}")
    check(memory(system) == stopped, f"memory is {memory(system)}, was {stopped}")
    system.command("start beta")
    check(memory(system) == before, f"memory is {memory(system)}, was {before}")
    system.type("\r")
    say(system, "alpha", "alive")


test_stop_and_start_200_times.seconds = 180
