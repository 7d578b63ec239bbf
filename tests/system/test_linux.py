# SPDX-License-Identifier: Apache-2.0
"""Two unmodified Debian kernels: boot, shells, job control, full-screen programs, idleness, power. One system serves all cases."""

import time

from driver import Failure, Guest, System, check, description

PROMPTS = {"alpha": r"root@alpha:\S+# ", "beta": r"root@beta:\S+# "}
BOOT_SECONDS = 60

state = {"system": None, "focus": None}


def shared():
    """What the runner keeps for the next case."""
    return (state["system"],)


def finish():
    state["system"] = None


def boot():
    system = System(description(Guest.linux("alpha", color="green"), Guest.linux("beta", color="cyan")))
    state.update(system=system, focus="alpha")
    for name in ("alpha", "beta"):
        system.position = 0
        system.expect(rf"^\[{name}\] {PROMPTS[name]}", BOOT_SECONDS)
    return system


def focused(name):
    """The system with a guest at its shell in the focus; boots it if no case before has left one."""
    system = state["system"]
    if not system or not system.child.isalive():
        system = boot()
    system.focus(name)
    system.type("\x03")
    system.expect(PROMPTS[name])
    # Nothing that an earlier case left on the line may match.
    shell(system, name, "echo re''ady", "ready")
    return system


def shell(system, name, command, answer, timeout=30):
    """Runs a command in the focused guest's shell; the answer is a pattern for a whole line."""
    # Not $: that matches at the end of half a line, too.
    system.type(f"{command}\r")
    match = system.expect(rf"^{answer}\n", timeout)
    system.expect(PROMPTS[name], timeout)
    return match


def test_both_boot_to_a_shell():
    system = boot()
    check("Linux version" in system.text, "there is no kernel output")
    for name in ("alpha", "beta"):
        check(f"[{name}] Welcome to {name}" in system.text, f"{name} has no label or no welcome")


test_both_boot_to_a_shell.seconds = 150


def test_commands_are_independent():
    system = focused("alpha")
    shell(system, "alpha", "echo $((6*7))-alpha >/tmp/mine; cat /tmp/mine", "42-alpha")
    system = focused("beta")
    shell(system, "beta", "ls /tmp/mine 2>&1 | sed s/.*No.*/none/", "none")
    shell(system, "beta", "hostname", "beta")
    system = focused("alpha")
    shell(system, "alpha", "hostname", "alpha")


def test_background_guest_goes_on():
    system = focused("beta")
    shell(system, "beta", "(sleep 6; echo done-$((1+1)) >/dev/console) & echo star''ted", "started")
    system = focused("alpha")
    system.expect_guest("beta", "done-2", 30)
    shell(system, "alpha", "echo st''ill", "still")


def test_line_editing_and_history():
    system = focused("alpha")
    system.type("echo wrogn\x7f\x7fng-line\r")
    system.expect("^wrong-line$")
    system.expect(PROMPTS["alpha"])
    system.type("\x1b[A\r")
    system.expect("^wrong-line$")
    system.expect(PROMPTS["alpha"])


def test_control_c_and_z():
    system = focused("alpha")
    system.type("echo be''gins; sleep 1000\r")
    system.expect("^begins\n")
    system.wait(1)
    system.type("\x03")
    system.expect(PROMPTS["alpha"], 10)
    shell(system, "alpha", "echo after-$?", "after-130")
    system.type("echo be''gins; sleep 1000\r")
    system.expect("^begins\n")
    system.wait(1)
    system.type("\x1a")
    system.expect("Stopped", 10)
    system.type("kill %1\r")
    system.expect(PROMPTS["alpha"])


def test_vi_is_raw():
    system = focused("alpha")
    start = len(system.raw)
    system.type("vi /tmp/text\r")
    # busybox's vi: alternate screen or at least cursor to the upper left, tildes below the text.
    at = system.expect_raw(b"\x1b[H", start)
    at = system.expect_raw(b"~", at)
    system.type("ihello from vi\x1b")
    system.expect("hello from vi")
    system.type(":wq\r")
    shell(system, "alpha", "cat /tmp/text", "hello from vi")


def test_top_is_raw_and_others_do_not_disturb():
    system = focused("beta")
    shell(system, "beta", "(sleep 8; echo dist''urb >/dev/console) & echo star''ted", "started")
    system = focused("alpha")
    start = len(system.raw)
    system.type("top -d 1\r")
    at = system.expect_raw(b"Mem:", start)
    at = system.expect_raw(b"Mem:", at)
    system.wait(9)
    check(b"disturb" not in system.raw[start:], "a line of the other guest came into top's screen")
    system.type("q")
    # Without the alternate screen its end shows only by silence.
    system.expect_guest("beta", "disturb", 20)
    system.expect(PROMPTS["alpha"])


def test_much_input():
    system = focused("alpha")
    text = "0123456789" * 10
    system.type("cat >/tmp/in\r")
    for number in range(40):
        system.type(f"{number}{text}\r")
    system.type("\x04")
    system.expect(PROMPTS["alpha"])
    shell(system, "alpha", "wc -c </tmp/in", str(sum(len(f"{number}{text}\n") for number in range(40))))


def test_much_output():
    system = focused("alpha")
    start = system.position
    system.type("seq 1 5000; echo seq-$?\r")
    system.expect("^seq-0$", 60)
    lines = system.text[start:].split("\n")
    numbers = [line for line in lines if line.isdigit()]
    check(numbers == [str(number) for number in range(1, 5001)], f"{len(numbers)} of 5000 lines came")
    system.expect(PROMPTS["alpha"])


def test_scrollback():
    system = focused("alpha")
    shell(system, "alpha", "echo mark-$((40+2))", "mark-42")
    log = system.prompt("log alpha", 30)
    check("mark-42" in log, "the log does not have what was printed last")
    log = system.prompt("log alpha all", 60)
    check("Linux version" in log, "the log does not reach back to the guest's start")
    check("Linux version" in system.prompt("log beta all", 60), "the log of beta does not reach back to its start")


def test_idle_guests_cost_no_time():
    system = focused("alpha")
    system.wait(3)
    wall, processor = system.seconds()
    time.sleep(6)
    wall_after, processor_after = system.seconds()
    share = (processor_after - processor) / (wall_after - wall)
    check(share < 0.05, f"QEMU uses {share:.1%} of a processor while both guests are idle")


def uptime(system):
    """Seconds of alpha's clock, between the times of this host at which it was asked and answered."""
    asked = time.monotonic()
    system.type("cut -d. -f1 /proc/uptime\r")
    seconds = int(system.expect(r"^(\d+)\n", 30).group(1))
    answered = time.monotonic()
    system.expect(PROMPTS["alpha"])
    return asked, seconds, answered


def test_entropy_and_clock():
    system = focused("alpha")
    shell(system, "alpha", "dmesg | grep -c 'crng init done'", "1")
    # Each is read at some time between two of ours.
    first, begin, second = uptime(system)
    system.wait(3)
    third, end, fourth = uptime(system)
    check(third - second - 1 < end - begin < fourth - first + 1, f"the guest's clock moved {end - begin} s in {fourth - first:.1f} s")


def test_reboot_from_inside():
    system = focused("alpha")
    system.type("reboot\r")
    system.expect("-- alpha: started again --", 30)
    system.expect(PROMPTS["alpha"], BOOT_SECONDS)
    system = focused("beta")
    shell(system, "beta", "hostname", "beta")


def test_reboot_by_prompt():
    system = focused("alpha")
    system.prompt("reboot beta")
    system.expect(rf"^\[beta\] {PROMPTS['beta']}", BOOT_SECONDS)
    shell(system, "alpha", "echo st''ill", "still")


def test_vmm_killed():
    system = focused("alpha")
    system.prompt("kill beta")
    system.expect("-- beta: crashed; ")
    shell(system, "alpha", "echo st''ill", "still")
    system.prompt("start beta")
    system.expect(rf"^\[beta\] {PROMPTS['beta']}", BOOT_SECONDS)


def test_power_off():
    system = focused("beta")
    system.type("poweroff\r")
    system.expect("-- beta: powered off --", 30)
    system.focus("alpha")
    system.type("\r")
    system.expect(PROMPTS["alpha"])
    shell(system, "alpha", "echo alo''ne", "alone")
    system.type("poweroff\r")
    check(system.wait_exit(30) == 0, "the exit status is not 0")
    if "reboot: Power down" not in system.text:
        raise Failure("the kernel did not power down in order")
