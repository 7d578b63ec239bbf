#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Files that ./serai run captures frames to, against QEMU itself."""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

TOP = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(TOP / "tools"))
sys.dont_write_bytecode = True

import captures  # noqa: E402 (the path must be set first)
import nets  # noqa: E402
from disk import qemu  # noqa: E402

QEMU = os.environ.get("SERAI_QEMU", "qemu-system-riscv64")


def tool(text):
    return subprocess.run([sys.executable, TOP / "tools/captures.py"], input=text, capture_output=True, text=True, timeout=60)


class Captures(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def refuse(self, text, *lines):
        answer = tool("".join(f"{line}\n" for line in lines))
        self.assertEqual((answer.returncode, answer.stdout), (1, ""))
        self.assertIn(text, answer.stderr)

    def test_tells_what_goes_where(self):
        answer = tool(f"alpha.0,uplink of lan\t{self.path('a')}\n-\t{self.path('b')}\n")
        self.assertEqual(answer.returncode, 0)
        self.assertEqual(answer.stderr, f"serai: frames of alpha.0, uplink of lan are captured to {self.path('a')}\n")
        self.assertEqual(len(answer.stdout.split("\n")) - 1, 12)

    def test_refuses_what_cannot_be_written_or_would_be_lost(self):
        self.refuse("cannot be written: No such file or directory", f"-\t{self.path('missing/a')}")
        self.refuse("is not a file", f"-\t{self.folder.name}")
        os.mkfifo(self.path("pipe"))
        self.refuse("is not a file", f"-\t{self.path('pipe')}")
        pathlib.Path(self.path("image")).write_bytes(b"data of a disk")
        self.refuse("which would be lost", f"-\t{self.path('image')}")
        self.assertEqual(pathlib.Path(self.path("image")).read_bytes(), b"data of a disk")
        os.symlink(self.path("a"), self.path("b"))
        self.refuse("are one file", f"x\t{self.path('a')}", f"y\t{self.path('b')}")
        self.refuse("not a line", "x")

    def test_takes_a_capture_that_is_there(self):
        pathlib.Path(self.path("a")).write_bytes(captures.MAGIC + b"more")
        captures.check(captures.read(f"-\t{self.path('a')}\n"))

    def test_slots_are_nobody_elses(self):
        disks = [qemu.Disk("\t".join((f"d{n}", "s", "raw", "rw", "writeback", "pci", "0", "-", f"/d{n}"))) for n in range(8)]
        taken = {int(word.rpartition("addr=")[2].split(",")[0], 16) for word in qemu.arguments(disks) if "addr=" in word}
        self.assertFalse(set(captures.SLOTS) & (taken | set(nets.SLOTS)))

    def test_qemu_takes_the_arguments(self):
        lines = "".join(f"-\t{self.path(name)}\n" for name in ("a", "with,comma", "c"))
        words = captures.arguments(captures.read(lines))
        with subprocess.Popen([QEMU, "-machine", "virt", "-S", "-display", "none", "-serial", "none", "-monitor", "stdio", *words],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
            answer = process.communicate("info chardev\nquit\n", timeout=60)[0]
        self.assertEqual(process.returncode, 0, answer)
        for name in ("a", "with,comma", "c"):
            self.assertTrue(os.path.exists(self.path(name)))
        self.assertEqual(answer.count("capture-"), 3, answer)


if __name__ == "__main__":
    unittest.main()
