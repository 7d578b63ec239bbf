#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""NICs and forwarded ports of ./serai run, against QEMU itself."""

import os
import pathlib
import socket
import subprocess
import sys
import unittest

TOP = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(TOP / "tools"))
sys.dont_write_bytecode = True

import nets  # noqa: E402 (the path must be set first)
from disk import qemu  # noqa: E402

QEMU = os.environ.get("SERAI_QEMU", "qemu-system-riscv64")


def line(**changes):
    values = dict(name="lan", host="user", transport="pci", mac="52:54:00:00:00:01", forwards="-")
    return "\t".join({**values, **changes}[name] for name in nets.FIELDS) + "\n"


def tool(text, *words):
    return subprocess.run([sys.executable, TOP / "tools/nets.py", *words], input=text, capture_output=True, text=True, timeout=60)


def listener():
    """A socket that listens at a port of 127.0.0.1 which was free."""
    found = socket.socket()
    found.bind(("127.0.0.1", 0))
    found.listen(1)
    return found


def free_port():
    with listener() as found:
        return found.getsockname()[1]


class Nets(unittest.TestCase):
    def test_the_user_is_told_what_leads_where(self):
        one, two = free_port(), free_port()
        text = line(forwards=f"{one}:10.0.2.21:22:alpha,{two}:10.0.2.22:80:beta")
        answer = tool(text, "--key", __file__)
        self.assertEqual(answer.returncode, 0, answer.stderr)
        self.assertEqual(answer.stderr.splitlines(), [f"serai: ssh -p {one} -i {__file__} root@127.0.0.1 reaches alpha",
            f"serai: port {two} of 127.0.0.1 leads to port 80 of beta"])
        self.assertIn(f",hostfwd=tcp:127.0.0.1:{one}-10.0.2.21:22,hostfwd=tcp:127.0.0.1:{two}-10.0.2.22:80", answer.stdout)
        self.assertIn(f"ssh -p {one} root@127.0.0.1 reaches alpha", tool(text, "--key", "/none").stderr)

    def test_ports_lead_through_the_gateway(self):
        one, two = free_port(), free_port()
        answer = tool(line(forwards=f"{one}:10.0.2.15:{one}:alpha:22,{two}:10.0.2.15:{two}:beta:80"))
        self.assertEqual(answer.returncode, 0, answer.stderr)
        self.assertIn(f"ssh -p {one} root@127.0.0.1 reaches alpha", answer.stderr)
        self.assertIn(f"port {two} of 127.0.0.1 leads to port 80 of beta", answer.stderr)
        self.assertIn(f",hostfwd=tcp:127.0.0.1:{one}-10.0.2.15:{one}", answer.stdout)

    def test_a_port_that_is_taken_is_refused(self):
        with listener() as taken:
            port = taken.getsockname()[1]
            answer = tool(line(forwards=f"{port}:10.0.2.21:22:alpha"))
        self.assertEqual((answer.returncode, answer.stdout), (1, ""))
        self.assertIn(f"port {port}, which should lead to guest alpha, is in use", answer.stderr)

    def test_an_interface_that_is_missing_is_refused(self):
        answer = tool(line(host="tap:no-such-tap"))
        self.assertEqual((answer.returncode, answer.stdout), (1, ""))
        self.assertIn("there is no interface no-such-tap", answer.stderr)

    def test_a_tap_needs_no_script(self):
        words = nets.arguments(nets.read(line(host="tap:lo")))
        self.assertEqual(words[1], "tap,id=net-lan,ifname=lo,script=no,downscript=no")

    def test_no_disk_has_a_nics_interrupt_line(self):
        disks = "".join("\t".join(dict(name=f"d{i}", serial="s", form="raw", mode="rw", cache="none", transport="pci", size="0", partitions="-",
            path="p")[field] for field in qemu.FIELDS) + "\n" for i in range(8))
        cards = "".join(line(name=f"n{i}", mac=f"52:54:00:00:00:0{i}") for i in range(4))

        def slots(words):
            return [int(word.split("addr=")[1].split(",")[0], 16) for word in words if "addr=" in word]
        of_disks, of_cards = slots(qemu.arguments(qemu.read(disks))), slots(nets.arguments(nets.read(cards)))
        self.assertEqual((len(of_disks), len(of_cards)), (8, 4))
        self.assertEqual(len({*of_disks, *of_cards}), 12)
        self.assertFalse({slot % 4 for slot in of_disks} & {slot % 4 for slot in of_cards})

    def test_qemu_takes_the_arguments_and_listens(self):
        port = free_port()
        text = line(forwards=f"{port}:10.0.2.21:22:alpha") + line(name="b", transport="mmio", mac="52:54:00:00:00:02")
        words = tool(text).stdout.splitlines()
        system = subprocess.Popen([QEMU, "-machine", "virt", "-bios", "none", "-display", "none", "-S", "-monitor", "stdio", *words],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            while "QEMU" not in system.stdout.readline():  # the monitor's greeting: it listens
                self.assertIsNone(system.poll(), "QEMU refused its arguments")
            again = tool(text)  # as a second system would, while the first listens
        finally:
            rest = system.communicate("info qtree\nquit\n", timeout=30)[0]
        self.assertEqual(again.returncode, 1)
        self.assertIn("is in use", again.stderr)
        for part in ("addr = 04.0", 'romfile = ""', 'dev: virtio-net-device', 'netdev = "net-b"'):
            self.assertIn(part, rest)


if __name__ == "__main__":
    unittest.main()
