# SPDX-License-Identifier: Apache-2.0
"""./serai run: quick when nothing changed, the terminal as it was afterwards, an exit code that tells."""

import pathlib
import tempfile
import time

from driver import ESCAPE, TOP, Failure, Guest, Terminal, check, description, free_port, patience


class Launched(Terminal):
    """`./serai run` inside a shell that prints the terminal's settings before and after it, and its exit code."""

    def __init__(self, text, words=""):
        self.scratch = tempfile.TemporaryDirectory()
        path = pathlib.Path(self.scratch.name) / "system.toml"
        path.write_text(text)
        script = f"stty sane; echo before=$(stty -g); cd /; {TOP}/serai run {path} {words.format(folder=self.scratch.name)}; echo exit=$?; echo after=$(stty -g)"
        super().__init__(["/bin/bash", "-c", script])

    def expect_end(self):
        status = int(self.expect(r"^exit=(\d+)$", 30).group(1))
        before, after = self.expect_settings("before"), self.expect_settings("after")
        check(before == after, f"the terminal is {after}, was {before}")
        self.wait_end()
        return status

    def expect_settings(self, which):
        self.position = 0
        return self.expect(rf"^{which}=(\S+)$").group(1)


def started():
    system = Launched(description(Guest("alpha"), Guest("beta")))
    system.expect("alpha> ", 120)
    return system


def test_second_start_is_quick():
    first = started()
    first.type("q\r")
    first.end()
    begin = time.monotonic()
    second = Launched(description(Guest("alpha"), Guest("beta")))
    second.expect("serai: starting ", 30)
    seconds = time.monotonic() - begin
    check(seconds < 3 * patience(), f"QEMU was reached after {seconds:.1f} s")


def forwarded(port):
    nics = [{"net": "lan", "addresses": ["10.0.2.21"], "forward": {port: 22}}]
    return Launched(description(Guest("alpha", nics=nics), Guest("beta"), nets={"lan": {"uplink": True}}))


def test_forwarded_ports_are_told_and_taken_ones_refused():
    port = free_port()
    first = forwarded(port)
    first.expect(rf"^serai: ssh -p {port} root@127\.0\.0\.1 reaches alpha$", 120)
    first.expect("alpha> ", 60)
    second = forwarded(port)
    second.expect(f"error: port {port}, which should lead to guest alpha, is in use", 60)
    check(second.expect_end() == 1, "the exit code of the second is not 1")
    first.type("q\r")
    first.expect("-- alpha: powered off --")
    first.type(ESCAPE + "2q\r")
    check(first.expect_end() == 0, "the exit code of the first is not 0")


def test_order_ends_with_0():
    system = started()
    system.type("q\r")
    system.expect("-- alpha: powered off --")
    system.type(ESCAPE + "2q\r")
    check(system.expect_end() == 0, "the exit code is not 0")


def test_quit_ends_with_0():
    system = started()
    system.type(ESCAPE + ":quit\r")
    check(system.expect_end() == 0, "the exit code is not 0")


def test_crash_ends_with_1_and_a_name():
    system = started()
    system.type("c\r")
    system.expect("-- alpha: crashed; ")
    system.type(ESCAPE + "2q\r")
    system.expect("serai: guest alpha crashed")
    check(system.expect_end() == 1, "the exit code is not 1")


def test_wrong_description():
    system = Launched('[guest.alpha]\nmemry = "16M"\n')
    system.expect(r'system.toml:2: error: guest alpha has no key "memry"', 60)
    system.expect(r'system.toml:2: hint: did you mean "memory"\?')
    check(system.expect_end() == 1, "the exit code is not 1")


def test_missing_description():
    terminal = Terminal([TOP / "serai", "run", "no/such.toml"])
    terminal.expect("serai: error: there is no system description no/such.toml")
    check(terminal.wait_end() == 1, "the exit code is not 1")


def with_nics(words):
    return Launched(description(Guest("alpha", nics=["lan"]), Guest("beta"), nets={"lan": {"uplink": True}}), words)


def quit_by_prompt(system, command=None, answer=None):
    system.type(f"{ESCAPE}:")
    system.expect("-- commands:")
    if command:
        system.type(f"{command}\r")
        system.expect(answer)
    system.type("quit\r")


def test_captures_are_told_and_wrong_ones_refused():
    for words, error in (("--pcap alpah={folder}/a", 'did you mean "alpha"'), ("--pcap beta={folder}/a", "there is no NIC beta"),
            ("--pcap alpha", "write NAME=FILE"), ("--pcap", "--pcap needs a value"), ("--snaplen 5 --pcap alpha={folder}/a", "from 14 to"),
            ("--pcap-limit 5 --pcap alpha={folder}/a", "from 64K to"), ("--pcap alpha={folder}/a --pcap-limit", "needs a value"),
            ("--pcap alpha={folder}/no/a", "cannot be written"), ("--pcap alpha=/dev/null", "is not a file"),
            ("--pcap alpha={folder}/system.toml", "would be lost"), ("--pcaps x", "run does not know --pcaps")):
        system = with_nics(words)
        system.expect(error, 120)
        check(system.expect_end() == 1, f"{words}: the exit code is not 1")
    system = with_nics("--pcap alpha={folder}/a --pcap=uplink={folder}/b,c --snaplen=100 --pcap-limit=64M")
    system.expect(r"frames of alpha\.0 are captured to .*/a\n", 60)
    system.expect(r"frames of uplink of lan are captured to .*/b,c\n")
    system.expect("alpha> ", 60)
    files = [pathlib.Path(system.scratch.name) / name for name in ("a", "b,c")]
    check(all(file.read_bytes()[:4] == b"\x0a\x0d\x0d\x0a" for file in files), "the files do not begin as captures do")
    quit_by_prompt(system)
    check(system.expect_end() == 0, "the exit code is not 0")


def test_capture_at_the_prompt_needs_no_option():
    file = TOP / "build/system.pcapng"
    for wanted in (False, True):
        system = with_nics("")
        system.expect("alpha> ", 60)
        quit_by_prompt(system, *(("capture uplink on", rf"uplink is captured to {file}\n") if wanted else ()))
        check(system.expect_end() == 0, "the exit code is not 0")
        check(file.exists() == wanted, f"{file} is {'missing' if wanted else 'left'}")
    file.unlink()


def test_disks_are_made_once_and_not_shared():
    system = Launched(description(Guest("alpha"), disks={"store": {"file": "made/store.img", "size": "16M",
        "partitions": {"one": "rest"}}}))
    system.expect("serai: made .*/made/store.img: 16M with partitions one\n", 120)
    system.expect("serai: starting ")
    system.expect("alpha> ", 60)
    second = Terminal([TOP / "serai", "run", f"{system.scratch.name}/system.toml"])
    second.expect("serai: error: .*/made/store.img is in use", 60)
    check(second.wait_end() == 1, "the exit code is not 1")
    system.type("q\r")
    check(system.expect_end() == 0, "the exit code is not 0")


def test_short_name_of_a_system():
    terminal = Terminal([TOP / "serai", "check", "two-linux"])
    terminal.expect("serai: two-linux is good", 60)
    check(terminal.wait_end() == 0, "the exit code is not 0")


def test_help_lists_every_command():
    terminal = Terminal([TOP / "serai", "help"])
    terminal.wait_end()
    for word in ("run", "test", "bench", "fuzz", "gdb", "build", "check", "disk", "clean", "help"):
        if f"\n  {word} " not in terminal.text:
            raise Failure(f"help does not list {word}")


for _case in (test_captures_are_told_and_wrong_ones_refused, test_capture_at_the_prompt_needs_no_option, test_second_start_is_quick, test_order_ends_with_0, test_quit_ends_with_0, test_crash_ends_with_1_and_a_name,
        test_wrong_description, test_disks_are_made_once_and_not_shared, test_short_name_of_a_system):
    _case.seconds = 200
