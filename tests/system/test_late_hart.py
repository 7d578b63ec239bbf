# SPDX-License-Identifier: Apache-2.0
"""A hart that firmware sends to the loader's start, where only the boot hart belongs: what OpenSBI before 1.3 does now and then.

QEMU's debugger interface (GDB Remote Serial Protocol) holds the second hart up, and puts it there at the worst moments.
"""

import re
import shutil
import socket
import subprocess
import tempfile
import time

from driver import BUILD, Guest, System, check, description, say, wait_ready

LOADER = 0x80200000
LOOP = "6f000000"  # j .
NOWHERE = 0x8007f000  # in the firmware's memory, behind all that it uses
ASIDE = LOADER + 4096 - 8  # in the loader's first page, which stays
PC = 32  # QEMU's gdb-xml/riscv-64bit-cpu.xml
NOBODY, CLOSED = 2**64 - 1, 2**64 - 2  # abi/handover.h, LOBBY_*


class Debugger:
    """A machine that is stopped before its first instruction."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        end = time.monotonic() + 20
        while True:
            try:
                self.socket.connect(path)
                break
            except OSError:
                check(time.monotonic() < end, "QEMU does not listen to a debugger")
                time.sleep(0.05)
        self.data = b""
        self.ask("qXfer:features:read:target.xml:0,fff")  # single registers only for those who know them

    def send(self, text):
        data = text.encode()
        self.socket.sendall(b"$" + data + b"#%02x" % (sum(data) & 255))

    def receive(self):
        while not (match := re.search(rb"\$([^#]*)#..", self.data)):
            more = self.socket.recv(65536)
            check(more, "QEMU has ended")
            self.data += more
        self.data = self.data[match.end():]
        self.socket.sendall(b"+")
        return match.group(1).decode()

    def ask(self, text, expected=None):
        self.send(text)
        answer = self.receive()
        check(expected is None or answer == expected, f"{text}: {answer}")
        return answer

    def stop(self):
        self.socket.sendall(b"\x03")
        check(self.receive().startswith("T"), "it does not stop")

    def choose(self):
        """The second hart, for which addresses are physical."""
        self.ask(f"Hg{self.second:x}", "OK")

    def word(self, address):
        self.choose()
        return int.from_bytes(bytes.fromhex(self.ask(f"m{address:x},8")), "little")

    def register(self, number):
        self.choose()
        return int.from_bytes(bytes.fromhex(self.ask(f"p{number:x}")), "little")

    def set(self, number, value):
        self.choose()
        self.ask(f"P{number:x}={value.to_bytes(8, 'little').hex()}", "OK")

    def stop_at(self, address):
        """Goes on until a hart gets there; returns QEMU's number of it, from 1."""
        self.ask(f"Z1,{address:x},4", "OK")
        answer = self.ask("c")
        self.ask(f"z1,{address:x},4", "OK")
        return int(re.search("thread:0*([12]);", answer).group(1))

    def write(self, address, code):
        self.choose()
        self.ask(f"M{address:x},4:{code}", "OK")


def lobby():
    names = subprocess.run([shutil.which("riscv64-unknown-elf-nm") or "nm", BUILD / "serai.elf"], capture_output=True, text=True, check=True)
    return int(re.search(r"^([0-9a-f]+) . lobby$", names.stdout, re.MULTILINE).group(1), 16)


def start():
    """A system whose second hart is about to go where it was told to."""
    with tempfile.TemporaryDirectory(prefix="serai-test-") as folder:
        path = f"{folder}/debugger"
        system = System(description(Guest("alpha"), Guest("beta", autostart=False), harts=2),
            arguments=("-smp", "2", "-S", "-gdb", f"unix:{path},server=on,wait=off"))
        debugger = Debugger(path)
    # Firmware chose one to begin. The other one comes to where it waits in the firmware, and is held up.
    debugger.second = 3 - debugger.stop_at(LOADER)
    debugger.send(f"vCont;c:{debugger.second}")
    system.wait(0.5)
    debugger.stop()
    waits = debugger.register(PC)
    debugger.write(NOWHERE, LOOP)
    debugger.set(PC, NOWHERE)
    while (named := debugger.word(lobby())) == NOBODY:
        debugger.send("c")
        system.wait(0.02)
        debugger.stop()
    check(named == debugger.second - 1, f"{named} is named in the lobby")
    entry = debugger.word(lobby() + 8)
    debugger.set(PC, waits)
    check(debugger.stop_at(entry) == debugger.second, "another hart came")
    return system, debugger


def test_goes_on_while_it_is_awaited():
    system, debugger = start()
    debugger.set(PC, LOADER)
    debugger.send("c")
    wait_ready(system, "alpha")
    check("does not start" not in system.text, "the second hart was given up")
    say(system, "alpha", "alive")


def test_sleeps_once_it_was_given_up():
    system, debugger = start()
    debugger.write(ASIDE, LOOP)
    debugger.set(PC, ASIDE)
    debugger.send("c")
    system.expect(r"serai: hart \d does not start: going on with 1", 30)
    wait_ready(system, "alpha")
    debugger.stop()
    check(debugger.word(lobby()) == CLOSED, "the lobby is open still")
    debugger.set(PC, LOADER)
    debugger.send("c")
    # Memory is taken and given back: not what the hart stands on.
    system.open_prompt()
    for _ in range(3):
        system.command("start beta")
        system.command("stop beta")
    system.wait(1)
    debugger.stop()
    at = debugger.register(PC)
    check(LOADER <= at < ASIDE, f"the second hart is at {at:#x}")
    debugger.send("c")
    system.type("\r")
    say(system, "alpha", "alive")
