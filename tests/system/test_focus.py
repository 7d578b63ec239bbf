# SPDX-License-Identifier: Apache-2.0
"""The escape key: who gets what is typed."""

from driver import ESCAPE, Guest, System, check, description, echo_system, say, wait_ready


def test_next_guest():
    system = echo_system("alpha", "beta", "gamma")
    for name in ("beta", "gamma", "alpha"):
        system.key("n")
        system.expect(rf"-- focus: {name} ")
        say(system, name, f"to {name}")


def test_by_number():
    system = echo_system()
    system.key("2")
    system.expect("-- focus: beta ")
    say(system, "beta", "two")
    system.key("1")
    system.expect("-- focus: alpha ")
    say(system, "alpha", "one")
    system.key("7")
    system.expect("there is no guest of this number")
    say(system, "alpha", "still here")


def test_by_prompt():
    system = echo_system()
    system.focus("beta")
    say(system, "beta", "named")
    system.focus("alpha", typed="1")
    say(system, "alpha", "numbered")


def test_unfocused_lines_have_labels():
    system = echo_system()
    system.type("n\r")
    system.expect("alpha: [0-9]+ ticks")
    system.type("r\r")
    system.key("n")
    system.expect_guest("alpha", "alpha: ready")


def test_escape_key_itself():
    system = echo_system()
    system.type("x" + ESCAPE + ESCAPE + "y\r")
    system.expect("alpha: you said: x\x1dy\n")


def test_help_and_unknown_key():
    system = echo_system()
    system.key("?")
    system.expect("next guest")
    system.key("z")
    system.expect("no such key")
    say(system, "alpha", "nothing was typed to the guest")


def test_other_escape_key():
    system = System(description(Guest("alpha"), Guest("beta"), console={"escape": "ctrl-a"}))
    wait_ready(system, "alpha", "beta")
    system.type("\x01n")
    system.expect("-- focus: beta ")
    system.type("a" + ESCAPE + "b\r")
    system.expect("beta: you said: a\x1db\n")


def test_prompt_line_editing():
    system = echo_system()
    system.open_prompt()
    system.type("lisx\x7ft\r")
    system.expect("alpha +running")
    system.type("nonsense\r")
    system.expect("no command is named 'nonsense'")
    system.type("focus betta\r")
    system.expect("no guest is named 'betta'; do you mean beta")
    system.type("focus\r")
    system.expect("usage: focus NAME")
    system.type("abc\x03")
    system.expect(r"\^C")
    system.type("\x1b[A\x1b[A\x1b[A\x1b[A\r")
    system.expect("alpha +running")
    system.type("\x04")
    system.expect("-- focus: alpha ")
    say(system, "alpha", "back")


def test_typed_fast():
    system = echo_system()
    text = "".join(chr(ord("a") + number % 26) for number in range(100))
    for number in range(20):
        system.type(f"{number}{text}\r")
    for number in range(20):
        system.expect(f"alpha: you said: {number}{text}\n")
    check("beta: you said" not in system.text, "beta got some of it")
