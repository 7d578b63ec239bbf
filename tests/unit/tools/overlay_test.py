#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Overlays as the disk tool makes, reads, checks and changes them, against plain bytes."""

import pathlib
import random
import struct
import subprocess
import sys
import tempfile
import unittest

TOP = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(TOP / "tools"))
sys.dont_write_bytecode = True

from disk import Refusal, check, convert, create, overlay, snapshots, view  # noqa: E402 (the path must be set first)
from disk.crc32c import crc32c  # noqa: E402
from disk.overlay import BLOCK, CLUSTER, entry, fields  # noqa: E402
from disk.region import open_region  # noqa: E402

SIZE = 11 * CLUSTER + 3 * BLOCK + 512  # ends within a cluster and a block


class Model(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="serai-overlay-")
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
        self.random = random.Random(1)
        self.base = bytearray(SIZE)
        for _ in range(30):
            self.scribble(self.base)
        (self.folder / "base").write_bytes(self.base)

    def scribble(self, data):
        at, count = self.random.randrange(len(data)), self.random.randrange(1, 3 * CLUSTER)
        count = min(count, len(data) - at)
        data[at:at + count] = bytes(count) if self.random.random() < 0.3 else self.random.randbytes(count)

    def make(self, data, name="store", clusters=60):
        (self.folder / "source").write_bytes(data)
        with open_region(str(self.folder / "source")) as source, open_region(str(self.folder / "base")) as base:
            convert.make_overlay(source, base, self.folder / name, clusters * CLUSTER)
        return self.folder / name

    def write_top(self, store, data):
        """Makes the top show `data`, as the block server would: blocks written, maps after them."""
        number = len(store.head.layers) - 1
        maps, allocator = [store.map(layer) for layer in range(number + 1)], snapshots.Allocator(store)
        shown = self.show(store)
        for index in range(store.head.clusters):
            at = index * CLUSTER
            changed, zero = convert.compare(bytes(data[at:at + CLUSTER]), shown[at:at + CLUSTER])
            cluster, present, zeros = fields(maps[number][index])
            if not changed:
                continue
            new = changed & ~zero
            cluster = (cluster or allocator.take()) if present | new else 0
            for first, count in view.runs(new):
                store.region.write(cluster * CLUSTER + first * BLOCK, data[at + first * BLOCK:min(at + (first + count) * BLOCK, len(data))])
            present = present & ~zero | new
            maps[number][index] = entry(cluster if present else 0, present, zeros & ~new | changed & zero)
        store.write_map(store.head.layers[number], maps[number])

    def show(self, store, snapshot=None):
        with open_region(str(self.folder / "base")) as base:
            return view.View(store, base, snapshot, checked=False).read(0, SIZE)

    def expect_good(self, path):
        with open_region(str(path)) as region, open_region(str(self.folder / "base")) as base:
            _, report = check.check(region, base)
        self.assertEqual((report.errors, report.warnings), ([], []))

    def tool(self, *words):
        return subprocess.run([sys.executable, TOP / "tools/disk.py", *map(str, words)], capture_output=True, text=True, timeout=60)


class States(Model):
    def test_checksum_is_that_of_the_rfc(self):
        self.assertEqual(crc32c(b"123456789"), 0xe3069283)
        self.assertEqual(crc32c(bytes(32)), 0x8a9136aa)
        self.assertEqual(crc32c(b"6789", crc32c(b"12345")), 0xe3069283)

    def test_the_fingerprint_is_of_both_ends(self):
        data = self.random.randbytes(3 << 20)
        (self.folder / "long").write_bytes(data)
        with open_region(str(self.folder / "long")) as long, open_region(str(self.folder / "base")) as short:
            self.assertEqual(overlay.fingerprint(long), crc32c(data[:1 << 20] + data[2 << 20:]))
            self.assertEqual(overlay.fingerprint(short), crc32c(bytes(self.base)))

    def test_an_overlay_of_an_image_shows_the_image(self):
        data = bytearray(self.base)
        for _ in range(10):
            self.scribble(data)
        path = self.make(data)
        self.expect_good(path)
        answer = self.tool("convert", path, self.folder / "out", "--base", self.folder / "base")
        self.assertEqual(answer.returncode, 0, answer.stderr)
        self.assertTrue((self.folder / "out").read_bytes() == data)

    def test_random_histories_against_plain_bytes(self):
        for seed in range(3):
            self.random = random.Random(seed)
            path = self.make(self.base, f"store-{seed}")
            self.run_history(path)

    def run_history(self, path):
        data, kept, count = bytearray(self.base), {}, 0
        for _ in range(14):
            with open_region(str(path), write=True) as region:
                store, what = overlay.Store(region), self.random.random()
                if what < 0.4:
                    self.scribble(data)
                    self.write_top(store, data)
                elif what < 0.7 and len(kept) < 8:
                    count += 1
                    snapshots.make(store, f"s{count}")
                    kept[f"s{count}"] = bytes(data)
                elif kept and what < 0.85:
                    name = self.random.choice(list(kept))
                    snapshots.roll_back(store, name)
                    data = bytearray(kept[name])
                    kept = dict(list(kept.items())[:list(kept).index(name) + 1])
                elif kept:
                    name = self.random.choice(list(kept))
                    snapshots.delete(store, name)
                    del kept[name]
            self.expect_good(path)
            with open_region(str(path)) as region:
                store = overlay.Store(region)
                self.assertEqual([layer.name for layer in store.snapshots()], list(kept))
                for name, state in [*kept.items(), (None, bytes(data))]:
                    self.assertTrue(self.show(store, name) == state)

    def test_differences_are_exactly_the_blocks_that_differ(self):
        path = self.make(self.base)
        data = bytearray(self.base)
        with open_region(str(path), write=True) as region:
            snapshots.make(overlay.Store(region), "one")
            self.scribble(data)
            self.write_top(overlay.Store(region), data)
        answer = self.tool("diff", path, "--from", "one", "--base", self.folder / "base")
        self.assertEqual(answer.returncode, 0, answer.stderr)
        *lines, last = answer.stdout.splitlines()
        differ = bytearray(SIZE)
        for line in lines:
            start, count, kind = line.split()
            differ[int(start):int(start) + int(count)] = b"\1" * int(count)
            self.assertEqual(kind == "zero", not any(data[int(start):int(start) + int(count)]))
        for at in range(0, SIZE, BLOCK):
            self.assertEqual(differ[at], data[at:at + BLOCK] != self.base[at:at + BLOCK])
        self.assertEqual(last, f"{len(lines)} ranges, {sum(differ)} bytes")

    def test_an_overlay_can_be_the_base_of_another(self):
        middle = bytearray(self.base)
        self.scribble(middle)
        first = self.make(middle, "first")
        (self.folder / "plain").write_bytes(self.base)
        (self.folder / "base").write_bytes(middle)
        top = bytearray(middle)
        self.scribble(top)
        second = self.make(top, "second")
        answer = self.tool("convert", second, self.folder / "out", "--base", self.folder / "plain", "--base", first)
        self.assertEqual(answer.returncode, 0, answer.stderr)
        self.assertTrue((self.folder / "out").read_bytes() == top)

    def test_a_changed_base_is_refused(self):
        path = self.make(self.base)
        self.base[5] ^= 1
        (self.folder / "base").write_bytes(self.base)
        answer = self.tool("convert", path, self.folder / "out", "--base", self.folder / "base")
        self.assertIn("is not the base", answer.stderr)
        self.assertEqual(answer.returncode, 1)
        self.assertEqual(self.tool("check", path, "--base", self.folder / "base").returncode, 1)
        self.assertEqual(self.tool("check", path).returncode, 0)

    def test_a_store_in_a_partition(self):
        image = self.folder / "disk"
        create.create(image, 64 << 20, (("a", 16 << 20), ("store", None)))
        small = self.make(self.base)
        with open_region(f"{image}#store", write=True) as region, open_region(str(self.folder / "base")) as base:
            overlay.format_store(region, base.size, overlay.fingerprint(base))
        answer = self.tool("check", f"{image}#2", "--base", self.folder / "base")
        self.assertEqual(answer.returncode, 0, answer.stdout)
        self.assertIn("overlay of", self.tool("inspect", image).stdout)
        self.assertIn("is blank", self.tool("check", f"{image}#a").stderr)
        self.assertIn("there is no partition b", self.tool("check", f"{image}#b").stderr)
        self.assertTrue(small.exists())

    def test_a_full_store_is_refused_and_left_as_it_was(self):
        path = self.make(self.base, clusters=11)
        before = path.read_bytes()
        answer = self.tool("snapshot", path, "make", "one")
        self.assertEqual(answer.returncode, 0, answer.stderr)
        before = path.read_bytes()
        answer = self.tool("snapshot", path, "make", "two")
        self.assertIn("no room", answer.stderr)
        self.assertTrue(path.read_bytes() == before)


class Damage(Model):
    def setUp(self):
        super().setUp()
        data = bytearray(self.base)
        self.scribble(data)
        self.path = self.make(data)
        with open_region(str(self.path), write=True) as region:
            snapshots.make(overlay.Store(region), "one")
            self.scribble(data)
            self.write_top(overlay.Store(region), data)
        self.data, self.good = bytes(data), self.path.read_bytes()

    def verdict(self, content):
        """Errors and warnings, and what is shown; None: it is refused."""
        self.path.write_bytes(content)
        try:
            with open_region(str(self.path)) as region:
                _, report = check.check(region)
        except Refusal:
            return ["refused"], [], None
        try:
            with open_region(str(self.path)) as region:
                return report.errors, report.warnings, self.show(overlay.Store(region))
        except Refusal:
            return report.errors, report.warnings, None

    def test_a_changed_bit_of_metadata_is_found_or_repaired_by_a_copy(self):
        places = [at + offset for at in overlay.HEAD_COPIES for offset in (0, 9, 17, 30, 50, 70, 100, 4000)]
        with open_region(str(self.path)) as region:
            places += [layer.map * CLUSTER + offset for layer in overlay.Store(region).head.layers for offset in (1, 5, 9, 13, 20, 27, 40, 330)]
        for at in places:
            content = bytearray(self.good)
            content[at] ^= 1 << self.random.randrange(8)
            errors, warnings, shown = self.verdict(content)
            self.assertTrue(errors or warnings, f"byte {at} was not found")
            self.assertTrue(shown is None or shown == self.data)

    def test_random_damage_never_crashes_the_checker(self):
        meta = [*range(0, 9 * CLUSTER, CLUSTER), *range(9 * CLUSTER, 12 * CLUSTER, BLOCK)]
        for _ in range(30):
            content = bytearray(self.good)
            for _ in range(self.random.randrange(1, 4)):
                at = self.random.choice(meta) + self.random.randrange(600)
                content[at:at + 4] = self.random.randbytes(4)
            self.verdict(content)
        self.verdict(self.good[:5 * CLUSTER])
        self.verdict(self.good[:20 * CLUSTER])

    def change_entry(self, layer, index, value):
        """With right checksums: what only the checker's rules can find."""
        with open_region(str(self.path), write=True) as region:
            store = overlay.Store(region)
            entries = store.map(layer)
            entries[index] = value
            store.write_map(store.head.layers[layer], entries)
        return self.verdict(self.path.read_bytes())[0]

    def test_each_rule_of_a_map_is_checked(self):
        for index, value, text in ((1, entry(0, 3, 0), "blocks, but no place"), (1, entry(50, 0, 0), "no blocks, but a place"),
                (1, entry(50, 3, 2), "both there and zero"), (1, entry(4, 3, 0), "outside of the store"), (1, entry(200, 3, 0), "outside of the store"),
                (12, entry(50, 1, 0), "beyond the end"), (11, entry(50, 16, 0), "beyond the end"), (1, entry(9, 1, 0), "used twice")):
            self.path.write_bytes(self.good)
            errors = self.change_entry(0, index, value)
            self.assertTrue(any(text in error for error in errors), f"{text}: {errors}")

    def record(self, sequence, pages):
        """A journal record of (layer, index, entries)."""
        with open_region(str(self.path)) as region:
            store = overlay.Store(region)
        blocks = [overlay.make_page(store.head, store.head.layers[layer], index, sequence, entries) for layer, index, entries in pages]
        sums = [struct.unpack_from("<I", block, 4)[0] for block in blocks]
        block = overlay.JOURNAL.pack(overlay.JOURNAL_MAGIC, 0, len(blocks), store.head.id, sequence, *sums, *[0] * (62 - len(sums)))
        return overlay.seal(block.ljust(BLOCK, b"\0"), 8) + b"".join(blocks)

    def test_the_journal_counts_more_than_the_map(self):
        with open_region(str(self.path)) as region:
            store = overlay.Store(region)
            entries = store.map(1)
            changed = entries[:]
            changed[3] = entry(0, 0, 0xffff)
        older, newer = self.record(5, [(1, 0, entries)]), self.record(6, [(1, 0, changed)])
        torn = newer[:BLOCK + 100] + b"torn" + newer[BLOCK + 104:]
        wanted = self.data[:3 * CLUSTER] + bytes(CLUSTER) + self.data[4 * CLUSTER:]
        for first, second, shown in ((older, newer, wanted), (newer, older, wanted), (older, torn, self.data)):
            content = bytearray(self.good)
            content[CLUSTER:CLUSTER + len(first)] = first
            content[5 * CLUSTER:5 * CLUSTER + len(second)] = second
            errors, _, found = self.verdict(content)
            self.assertEqual(errors, [])
            self.assertTrue(found == shown)
        content[CLUSTER:CLUSTER + len(torn)] = content[5 * CLUSTER:5 * CLUSTER + len(torn)] = torn
        self.assertEqual(self.verdict(content), (["refused"], [], None))

    def test_nothing_is_changed_in_a_damaged_store(self):
        self.change_entry(0, 1, entry(50, 3, 2))
        before = self.path.read_bytes()
        answer = self.tool("snapshot", self.path, "forget", "one")
        self.assertIn("is damaged, so nothing is changed", answer.stderr)
        self.assertTrue(self.path.read_bytes() == before)

    def test_an_end_after_any_write_leaves_before_or_after(self):
        for words, states in ((("make", "two"), {("one",), ("one", "two")}), (("rollback", "one"), {("one",)}), (("delete", "one"), {("one",), ()})):
            writes = self.record_writes(*words)
            for count in range(len(writes) + 1):
                content = bytearray(self.good)
                for at, data in writes[:count]:
                    content[at:at + len(data)] = data
                errors, _, shown = self.verdict(content)
                self.assertEqual(errors, [])
                with open_region(str(self.path)) as region:
                    found = tuple(layer.name for layer in overlay.Store(region).snapshots())
                self.assertIn(found, states)
                if words[0] != "rollback":
                    self.assertTrue(shown == self.data)

    def record_writes(self, what, name):
        self.path.write_bytes(self.good)
        writes = []
        with open_region(str(self.path), write=True) as region:
            plain = region.write
            region.write = lambda at, data: (writes.append((at, bytes(data))), plain(at, data))
            {"make": snapshots.make, "rollback": snapshots.roll_back, "delete": snapshots.delete}[what](overlay.Store(region), name)
        return writes


if __name__ == "__main__":
    unittest.main()
