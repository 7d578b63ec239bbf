#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Images, partition tables and locks of ./serai disk, against sfdisk and QEMU's own programs."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

TOP = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(TOP / "tools"))
sys.dont_write_bytecode = True

from disk import Refusal, create, gpt, lock, qemu  # noqa: E402 (the path must be set first)

MIB = 1 << 20


def run(*words, **options):
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=60, **options)


class Folder(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="serai-disk-")
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)

    def tool(self, *words, **options):
        return run(sys.executable, TOP / "tools/disk.py", *words, **options)

    def image(self, size=16 * MIB, parts=(), name="image"):
        path = self.folder / name
        create.create(path, size, parts)
        return path


class Creation(Folder):
    def test_image_is_sparse_and_of_the_size(self):
        path = self.folder / "deep/folder/new.img"
        self.assertEqual(self.tool("create", path, "1G").returncode, 0)
        self.assertEqual(path.stat().st_size, 1 << 30)
        self.assertLess(path.stat().st_blocks, 64)

    def test_nothing_is_replaced_and_nothing_left_behind(self):
        path = self.image()
        answer = self.tool("create", path, "1G")
        self.assertEqual(answer.returncode, 1)
        self.assertIn("is there already", answer.stderr)
        self.assertEqual(path.stat().st_size, 16 * MIB)
        answer = self.tool("create", self.folder / "b", "4M", "-p", "one=8M")
        self.assertIn("partition one does not fit", answer.stderr)
        self.assertEqual(os.listdir(self.folder), ["image"])

    def test_wrong_words_are_refused(self):
        for words, text in ((("12X",), "not a size"), (("0",), "a multiple of 4K"), (("1000",), "a multiple of 4K"), (("8M", "-p", "a"), "LABEL=SIZE"),
                (("8M", "-p", "a=1M", "-p", "a=1M"), "two partitions"), (("8M", "-p", "a=rest", "-p", "b=1M"), "does not fit")):
            answer = self.tool("create", self.folder / "new", *words)
            self.assertEqual(answer.returncode, 1)
            self.assertIn(text, answer.stderr)

    def test_qcow2_has_the_partitions(self):
        path, raw = self.folder / "a.qcow2", self.folder / "a.raw"
        self.assertEqual(self.tool("create", path, "8M", "-f", "qcow2", "-p", "data=rest").returncode, 0)
        self.assertEqual(run("qemu-img", "convert", path, raw).returncode, 0)
        with open(raw, "rb") as file:
            partitions, problems = gpt.read(file, 8 * MIB)
        self.assertEqual([partition.label for partition in partitions], ["data"])
        self.assertEqual(problems, [])


class Tables(Folder):
    def test_sfdisk_reads_what_was_made(self):
        path = self.image(64 * MIB, (("alpha", 4 * MIB), ("b_2", 5 * MIB + 512), ("the rest", None)))
        self.assertIn("No errors detected", run("sfdisk", "--verify", path).stdout)
        table = json.loads(run("sfdisk", "--json", path).stdout)["partitiontable"]
        self.assertEqual(table["label"], "gpt")
        self.assertEqual([(part["name"], part["start"], part["size"]) for part in table["partitions"]],
            [("alpha", 2048, 8192), ("b_2", 10240, 12288), ("the rest", 22528, 106496)])

    def test_what_sfdisk_makes_is_read(self):
        path = self.image(32 * MIB)
        made = run("sfdisk", path, input="label: gpt\nsize=3MiB, name=one\n5 : size=1MiB, name=\"f\u00fcnf\"\n")
        self.assertEqual(made.returncode, 0, made.stderr)
        with open(path, "rb") as file:
            partitions, problems = gpt.read(file, 32 * MIB)
        self.assertEqual(problems, [])
        self.assertEqual([(part.number, part.offset, part.size, part.label) for part in partitions],
            [(1, MIB, 3 * MIB, "one"), (5, 4 * MIB, MIB, "f\u00fcnf")])

    def test_a_damaged_copy_is_told_and_the_other_used(self):
        path = self.image(8 * MIB, (("data", None),))
        good = path.read_bytes()
        for sector, name in ((1, "primary"), (2, "primary"), (8 * MIB // 512 - 1, "backup"), (8 * MIB // 512 - 20, "backup")):
            data = bytearray(good)
            data[sector * 512 + 40] ^= 1
            path.write_bytes(data)
            with open(path, "rb") as file:
                partitions, problems = gpt.read(file, 8 * MIB)
            self.assertEqual(partitions[0].label, "data")
            self.assertEqual(len(problems), 1)
            self.assertIn(f"the {name} partition table is damaged", problems[0])
        data = bytearray(good)
        data[512 + 40] ^= 1
        data[-512 + 40] ^= 1
        path.write_bytes(data)
        with open(path, "rb") as file, self.assertRaises(Refusal):
            gpt.read(file, 8 * MIB)

    def test_no_byte_of_a_table_can_crash_the_reader(self):
        path = self.image(3 * MIB, (("data", None),))
        good = path.read_bytes()
        for offset in [*range(512, 512 + 92), *range(1024, 1024 + 128)]:
            data = bytearray(good)
            data[offset] ^= 0xff
            path.write_bytes(data)
            with open(path, "rb") as file:
                partitions, problems = gpt.read(file, len(data))
            self.assertTrue(partitions[0].label == "data" and problems)
        path.write_bytes(bytes(len(good)))
        with open(path, "rb") as file:
            self.assertEqual(gpt.read(file, len(good)), (None, []))


class Locks(Folder):
    def test_an_image_that_qemu_has_open_is_refused(self):
        path = self.image()
        holder = subprocess.Popen(["qemu-io", "-f", "raw", str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            holder.stdin.write("read 0 512\n")
            holder.stdin.flush()
            holder.stdout.readline()
            for write in (False, True):
                with self.assertRaisesRegex(Refusal, "is in use"):
                    lock.check_free(path, write)
        finally:
            holder.communicate("quit\n", timeout=20)
        lock.check_free(path, True)

    def test_qemu_refuses_an_image_that_is_open_here(self):
        path = self.image()
        with lock.open_image(path, write=True):
            answer = run("qemu-io", "-f", "raw", "-c", "write 0 512", path)
            self.assertIn("lock", answer.stderr)
            with self.assertRaisesRegex(Refusal, "is in use"):
                lock.check_free(path, False)
        self.assertIn("wrote 512", run("qemu-io", "-f", "raw", "-c", "write 0 512", path).stdout)

    def test_readers_share(self):
        path = self.image()
        with lock.open_image(path), lock.open_image(path):
            self.assertEqual(run("qemu-io", "-r", "-f", "raw", "-c", "read 0 512", path).returncode, 0)
            with self.assertRaisesRegex(Refusal, "is in use"):
                lock.check_free(path, True)


class Attachment(Folder):
    def line(self, path, **changes):
        values = dict(name="store", serial="s-1", form="raw", mode="rw", cache="writeback", transport="pci", size="0", partitions="-", path=path)
        return "\t".join(str({**values, **changes}[name]) for name in qemu.FIELDS) + "\n"

    def test_missing_images_are_made_and_said(self):
        path = self.folder / "made, by us/store.img"
        answer = self.tool("attach", input=self.line(path, size=8 * MIB, partitions="one:2097152,two:rest"))
        self.assertEqual(answer.returncode, 0, answer.stderr)
        self.assertIn(f"serai: made {path}: 8M with partitions one, two", answer.stderr)
        with open(path, "rb") as file:
            partitions, _ = gpt.read(file, 8 * MIB)
        self.assertEqual([(part.label, part.size) for part in partitions], [("one", 2 * MIB), ("two", 4 * MIB)])
        words = answer.stdout.splitlines()
        self.assertIn("made,, by us/store.img,format=raw,cache=writeback,readonly=off,discard=unmap", words[1])
        self.assertEqual(words[3], "virtio-blk-pci,disable-legacy=on,addr=0x1,drive=disk-store,serial=s-1")
        self.assertEqual(self.tool("attach", input=self.line(path, size=8 * MIB)).stderr, "")

    def test_a_missing_image_without_a_size_is_refused(self):
        answer = self.tool("attach", input=self.line(self.folder / "none"))
        self.assertEqual((answer.returncode, answer.stdout), (1, ""))
        self.assertIn("disk store: there is no", answer.stderr)

    def test_qemu_takes_the_arguments(self):
        lines = "".join(self.line(self.folder / f"{name}.img", name=name, serial=name, transport=transport, size=MIB)
            for name, transport in (("a", "pci"), ("b", "mmio"), ("c", "pci")))
        words = self.tool("attach", input=lines).stdout.splitlines()
        self.assertEqual(words.count("virtio-mmio.force-legacy=false"), 1)
        program = os.environ.get("SERAI_QEMU", "qemu-system-riscv64")
        answer = run(program, "-machine", "virt", "-bios", "none", "-display", "none", "-S", "-monitor", "stdio", *words, input="info block\ninfo qtree\nquit\n")
        self.assertEqual(answer.returncode, 0, answer.stderr)
        self.assertIn("disk-c", answer.stdout)
        for text in ('dev: virtio-blk-pci, id ""', 'serial = "b"', "addr = 02.0"):
            self.assertIn(text, answer.stdout)


if __name__ == "__main__":
    unittest.main()
