# SPDX-License-Identifier: Apache-2.0
"""What a guest printed can be read again."""

from driver import Failure, Guest, System, check, description, echo_system, say, wait_ready

# A line of the flood payload has some 70 bytes: these are more than 512 KiB.
FLOOD_LINES = 10000


def test_log_of_each_guest():
    system = echo_system()
    for number in range(5):
        say(system, "alpha", f"line{number}")
    system.focus("beta")
    say(system, "beta", "other")
    log = system.prompt("log alpha")
    for number in range(5):
        check(f"alpha: you said: line{number}\n" in log, f"line {number} is not in the log of alpha")
    check("other" not in log, "the log of alpha has lines of beta")
    log = system.prompt("log beta")
    check("beta: you said: other\n" in log and "line0" not in log, "the log of beta is wrong")


def test_number_of_lines():
    system = echo_system("alpha")
    for number in range(30):
        say(system, "alpha", f"line{number}")
    log = system.prompt("log alpha 6")
    check("you said: line29" in log and "you said: line20" not in log, "log does not keep to the number of lines")
    check("you said: line0\n" in system.prompt("log alpha all"), "log all is not all")


def test_survives_stop_and_start():
    system = echo_system()
    say(system, "alpha", "before")
    system.focus("beta")
    system.prompt("stop alpha")
    check("you said: before" in system.prompt("log alpha"), "the log of a stopped guest is lost")
    system.prompt("start alpha")
    system.expect_guest("alpha", "alpha> ")
    log = system.prompt("log alpha")
    check("you said: before" in log and log.count("alpha: ready") == 2, "the log does not go on")


def test_keeps_256_kib():
    system = System(description(Guest("alpha"), Guest("noisy", "hostile", cmdline="test=flood", autostart=False)))
    wait_ready(system, "alpha")
    system.prompt("start noisy")
    lines = 0
    while lines < FLOOD_LINES:
        lines += int(system.expect(r"\[noisy\] \.\.\. (\d+) lines not shown", 30).group(1))
    system.prompt("stop noisy")
    # What the guest had printed already takes the place of the oldest lines for a moment.
    system.wait(1)
    log = system.prompt("log noisy all", timeout=60)
    lines = [line for line in log.split("\n") if line.startswith("hostile: flood ")]
    numbers = [int(line.split()[2].rstrip(":")) for line in lines]
    kept = sum(len(line) + 1 for line in lines)
    check(kept >= 256 << 10, f"only {kept} bytes were kept")
    gaps = [(a, b) for a, b in zip(numbers, numbers[1:]) if b != a + 1]
    if gaps:
        at = log.find(f"flood {gaps[0][0]}")
        raise Failure(f"lines are missing in between: {gaps}: {log[at:at + 200]!r}")
