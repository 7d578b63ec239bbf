# SPDX-License-Identifier: Apache-2.0
"""Power off and reboot concern one guest; the last one takes the machine along."""

from driver import check, echo_system, say


def power_off(first, second):
    system = echo_system()
    system.focus(first)
    system.type("q\r")
    system.expect(f"-- {first}: powered off --")
    system.focus(second)
    say(system, second, "alone")
    system.type("q\r")
    system.expect("all guests are off")
    check(system.wait_exit() == 0, "the exit status is not 0")


def test_alpha_first():
    power_off("alpha", "beta")


def test_beta_first():
    power_off("beta", "alpha")


def test_reboot_from_inside():
    system = echo_system()
    system.type("n\r")
    system.expect("alpha: [0-9]+ ticks")
    for _ in range(3):
        system.type("r\r")
        system.expect("-- alpha: started again --")
        system.expect("alpha: ready")
        system.expect("alpha> ")
    system.focus("beta")
    say(system, "beta", "untouched")
    check(system.text.count("beta: ready") == 1, "beta was started again, too")
    system.end_in_order()


def test_reboot_by_prompt():
    system = echo_system()
    system.open_prompt()
    system.command("reboot beta")
    system.expect_guest("beta", "beta: ready")
    rows = system.command("list")
    check([line.split()[-1] for line in rows.split("\n") if " beta " in line] == ["2"], "list does not count the start")
    system.type("\r")
    say(system, "alpha", "untouched")


def test_stop_by_prompt():
    system = echo_system()
    system.prompt("stop beta")
    check("-- beta: stopped --" in system.text, "the end is not announced")
    say(system, "alpha", "goes on")
    answer = system.prompt("stop beta")
    check("cannot stop beta: it is off" in answer, "a second stop is not refused")
    system.focus("beta")
    system.type("x")
    system.expect("-- beta is off; .*start beta")
    system.prompt("start beta")
    system.expect("beta: ready")
    answer = system.prompt("start beta")
    check("cannot start beta: it is " in answer, "start of a running guest is not refused")


def test_stopped_guest_does_not_keep_the_machine_on():
    system = echo_system()
    system.prompt("stop beta")
    system.type("q\r")
    check(system.wait_exit() == 0, "the exit status is not 0")


def test_quit():
    system = echo_system()
    system.open_prompt()
    system.type("quit\r")
    check(system.wait_exit() == 0, "the exit status is not 0")
