#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The block server's overlays and the disk tool's, each reading what the other has made."""

import pathlib
import random
import subprocess
import sys
import tempfile
import unittest

TOP = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(TOP / "tools"))
sys.dont_write_bytecode = True

from disk import check, convert, overlay, snapshots, view  # noqa: E402 (the path must be set first)
from disk.overlay import BLOCK, CLUSTER  # noqa: E402
from disk.region import open_region  # noqa: E402

SERVER = ""  # the program of overlay_image.c
SECTORS = 11 * 128 + 3 * 8 + 1
CLUSTERS = 60


class Both(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="serai-both-")
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
        self.base, self.store, self.out = (self.folder / name for name in ("base", "store", "out"))
        self.begin(1)

    def begin(self, seed):
        self.random = random.Random(seed)
        self.base.write_bytes(self.random.randbytes(SECTORS * 512))
        self.store.write_bytes(bytes(CLUSTERS * CLUSTER))
        self.names, self.count = [], 0

    def server(self, *lines):
        """What the overlay shows to the server after it has done this."""
        result = subprocess.run([SERVER, self.base, self.store, self.out], input="\n".join(lines) + "\n", capture_output=True, text=True,
            timeout=60)
        self.assertEqual(result.returncode, 0, result.stderr)
        return self.out.read_bytes() if lines[-1:] != ("cut",) else None

    def tool(self, snapshot=None):
        """What it shows to the tool, which finds nothing wrong."""
        with open_region(str(self.store)) as region, open_region(str(self.base)) as base:
            _, report = check.check(region, base)
            self.assertEqual((report.errors, report.warnings), ([], []))
            return view.View(overlay.Store(region), base, snapshot).read(0, SECTORS * 512)

    def change(self, function, *words):
        with open_region(str(self.store), write=True) as region:
            function(overlay.Store(region), *words)

    def some_lines(self, count):
        """Random work for the server."""
        lines = []
        for _ in range(count):
            sector = self.random.randrange(SECTORS)
            sectors = self.random.randrange(1, min(600, SECTORS - sector) + 1)
            if self.random.random() < 0.5:
                sector, sectors = sector // 8 * 8, min(-(-sectors // 8) * 8, SECTORS - sector // 8 * 8)
            what = self.random.random()
            if what < 0.6:
                lines.append(f"write {sector} {sectors} {self.random.randrange(1 << 30)}")
            elif what < 0.75:
                lines.append(f"{self.random.choice(('zero', 'discard'))} {sector} {sectors}")
            elif what < 0.85:
                lines.append(self.random.choice(("flush", "crash")))
            else:
                lines.append(self.snapshot_line())
        return lines

    def snapshot_line(self):
        what = self.random.choice(("snapshot", "snapshot", "rollback", "delete"))
        if what == "snapshot" and len(self.names) < 6 or not self.names:
            self.count += 1
            self.names.append(f"s{self.count}")
            return f"snapshot {self.names[-1]}"
        name = self.random.choice(self.names)
        if what == "rollback":
            self.names = self.names[:self.names.index(name) + 1]
            return f"rollback {name}"
        self.names.remove(name)
        return f"delete {name}"

    def test_the_tool_shows_what_the_server_made(self):
        for seed in range(6):
            self.begin(seed)
            for _ in range(3):
                self.assertTrue(self.server(*self.some_lines(12), "flush") == self.tool())
                with open_region(str(self.store)) as region:
                    self.assertEqual([layer.name for layer in overlay.Store(region).snapshots()], self.names)

    def test_the_server_goes_on_with_what_the_tool_changed(self):
        for seed in range(6):
            self.begin(seed + 100)
            first = self.server(*self.some_lines(5), "flush")
            self.change(snapshots.make, "tool")
            self.assertTrue(self.server("flush") == first)
            second = self.server("write 0 64 7", "zero 200 100", "snapshot after", "discard 64 256", "flush")
            self.assertTrue(self.tool("tool") == first)
            self.change(snapshots.delete, "after")
            self.assertTrue(self.server("flush") == second == self.tool())
            self.change(snapshots.roll_back, "tool")
            self.assertTrue(self.server("flush") == first == self.tool())
            self.change(snapshots.delete, "tool")
            self.assertTrue(self.server("write 8 8 9", "flush", "crash") != first)
            self.assertTrue(self.server("flush") == self.tool())

    def test_a_machine_that_stopped_leaves_what_both_read_alike(self):
        for seed in range(8):
            self.begin(seed + 200)
            self.server(*self.some_lines(10), "flush")
            self.server(*self.some_lines(self.random.randrange(1, 6)), "cut")
            seen = self.tool()
            self.assertTrue(seen == self.server("flush") == self.tool())

    def test_the_server_opens_an_overlay_of_the_tool(self):
        data = bytearray(self.base.read_bytes())
        data[3 * BLOCK:5 * BLOCK] = bytes(2 * BLOCK)
        data[-1000:] = self.random.randbytes(1000)
        (self.folder / "source").write_bytes(data)
        self.store.unlink()
        with open_region(str(self.folder / "source")) as source, open_region(str(self.base)) as base:
            convert.make_overlay(source, base, self.store, CLUSTERS * CLUSTER)
        self.assertTrue(self.server("flush") == bytes(data))
        self.assertTrue(self.server("snapshot one", "write 0 8 1", "flush") == self.tool())


if __name__ == "__main__":
    SERVER = sys.argv.pop(1)
    unittest.main()
