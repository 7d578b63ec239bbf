# SPDX-License-Identifier: Apache-2.0
"""How long a key waits at the prompt for its echo, in virtual time, while guests compute.

QEMU's debugger port stops the machine at a moment of no meaning to it; the key is put into the serial port, the clock is read,
and the machine runs until the console server hands the echo to the serial port.

An instruction is a nanosecond, and the machine is started once for each key: QEMU's clock is exact then. It is not when the
machine slept, so at least one guest computes in each row. A program with code at the breakpoint's address costs a second start,
of which each adds some real microseconds: the longest is an upper bound.
"""

import pathlib
import random
import socket
import subprocess
import tempfile
import time

from driver import BUILD, Failure, Guest, System, check, description
from figures import median

KEYS = 100
KEY, ERASE = "x", "\x7f"
CLOCK, LINE_STATUS = 0x200bff8, 0x10000005  # of QEMU's virt machine: mtime; status of its 16550
REGISTERS = {"a1": 11, "a2": 12, "a3": 13, "pc": 32}


class Debugger:
    """The few packets of GDB's remote protocol that are needed."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(30)
        end = time.monotonic() + 10
        while True:
            try:
                self.socket.connect(str(path))
                break
            except (FileNotFoundError, ConnectionRefusedError):
                if time.monotonic() > end:
                    raise Failure("QEMU has no debugger port") from None
                time.sleep(0.02)
        self.buffer = b""
        self.send("qSupported")
        while not self.receive().startswith("PacketSize"):
            pass  # it also tells that the machine has stopped

    def send(self, packet):
        self.socket.sendall(b"$" + packet.encode() + b"#%02x" % (sum(packet.encode()) % 256))

    def receive(self):
        """The next packet."""
        while True:
            self.buffer = self.buffer.lstrip(b"+")
            start, end = self.buffer.find(b"$"), self.buffer.find(b"#")
            if 0 <= start < end and len(self.buffer) >= end + 3:
                packet, self.buffer = self.buffer[start + 1:end], self.buffer[end + 3:]
                self.socket.sendall(b"+")
                return packet.decode()
            more = self.socket.recv(4096)
            if not more:
                raise Failure("QEMU closed its debugger port")
            self.buffer += more

    def ask(self, packet):
        self.send(packet)
        return self.receive()

    def go(self):
        self.send("c")

    def wait(self):
        """Waits until it has stopped."""
        check(self.receive().startswith("T"), "the machine did not stop as it should")

    def stop(self):
        self.socket.sendall(b"\x03")
        self.wait()

    def physical(self, address, count):
        self.ask("Qqemu.PhyMemMode:1")
        value = int.from_bytes(bytes.fromhex(self.ask(f"m{address:x},{count:x}")), "little")
        self.ask("Qqemu.PhyMemMode:0")
        return value

    def memory(self, address, count):
        answer = self.ask(f"m{address:x},{count:x}")
        return b"" if answer.startswith("E") else bytes.fromhex(answer)

    def register(self, name):
        return int.from_bytes(bytes.fromhex(self.ask("g"))[REGISTERS[name] * 8:][:8], "little")


def symbol(name):
    """An address in the console server."""
    lines = subprocess.run(["riscv64-unknown-elf-nm", BUILD / "servers/console/console.elf"], check=True, capture_output=True,
        text=True).stdout.split("\n")
    return next(int(line.split()[0], 16) for line in lines if line.endswith(f" {name}"))


def echo_ticks(system, debugger, write):
    """Presses the key, and returns the ticks until its echo."""
    debugger.stop()
    system.type(KEY)
    end = time.monotonic() + 10
    while not debugger.physical(LINE_STATUS, 1) & 1:
        check(time.monotonic() < end, "the key did not get into the serial port")
        time.sleep(0.001)
    before = debugger.physical(CLOCK, 8)
    debugger.ask(f"Z0,{write:x},2")
    while True:
        debugger.go()
        debugger.wait()
        # Other programs have code at this address, too.
        if debugger.register("a1") == 0 and KEY.encode() in debugger.memory(debugger.register("a2"), debugger.register("a3")):
            break
        debugger.ask(f"z0,{write:x},2")
        debugger.ask("s")
        debugger.ask(f"Z0,{write:x},2")
    ticks = debugger.physical(CLOCK, 8) - before
    debugger.ask(f"z0,{write:x},2")
    debugger.go()
    return ticks


def latencies(guests, keys=KEYS):
    """Microseconds of each key, sorted."""
    folder = tempfile.TemporaryDirectory(prefix="serai-bench-")
    path = pathlib.Path(folder.name) / "debugger"
    system = System(description(*guests), arguments=["-icount", "shift=0", "-gdb", f"unix:{path},server=on,wait=off"])
    for guest in guests:
        system.expect(rf"guest {guest.name}: kernel at", 60)
    system.open_prompt()
    write = symbol("uart_register_write_all")
    debugger = Debugger(path)
    debugger.go()
    found = []
    for _ in range(keys):
        system.wait(random.uniform(0.01, 0.06))
        found.append(echo_ticks(system, debugger, write) / 10)
        system.wait(0.01)
        system.type(ERASE)
    system.end()
    folder.cleanup()
    return sorted(found)


def measure_latency(figures):
    figures.begin(f"From a key at the prompt to its echo, in us at 1 instruction per ns; {KEYS} keys at random moments")
    random.seed(42)
    for what, count, cmdline in (("1 guest computes", 1, ""), ("2 guests compute", 2, ""),
            ("2 guests call their firmware without pause", 2, "busy.calls=1")):
        found = latencies([Guest(name, "busy", cmdline=cmdline) for name in ("alpha", "beta")[:count]])
        figures.add(f"{what}: median", median(found), None, "us", f"least {found[0]:.1f}")
        figures.add(f"{what}: longest", found[-1], 100.0, "us", f"all but one within {found[-2]:.1f}")
