# SPDX-License-Identifier: Apache-2.0
"""The disks of a system description, as `image disks` prints them, made and checked, and as arguments of QEMU."""

import os

from . import Refusal, create, lock

FIELDS = ("name", "serial", "form", "mode", "cache", "transport", "size", "partitions", "path")


class Disk:
    """A line of `image disks`."""

    def __init__(self, line):
        values = line.split("\t", len(FIELDS) - 1)
        if len(values) != len(FIELDS):
            raise Refusal(f"not a line of image disks: {line!r}")
        for name, value in zip(FIELDS, values):
            setattr(self, name, value)
        self.read_only, self.size, self.parts = self.mode == "ro", int(self.size), []
        self.options = ""  # of the drive, beginning with a comma; for tests
        if self.partitions != "-":
            for part in self.partitions.split(","):
                label, _, size = part.partition(":")
                self.parts.append((label, None if size == "rest" else int(size)))


def read(text):
    return [Disk(line) for line in text.splitlines()]


def prepare(disks, say=lambda text: None):
    """Makes the images that are missing, and refuses those that another system has open."""
    for disk in disks:
        if os.path.exists(disk.path):
            lock.check_free(disk.path, not disk.read_only)
        elif not disk.size:
            raise Refusal(f"disk {disk.name}: there is no {disk.path}")
        else:
            create.create(disk.path, disk.size, disk.parts, disk.form)
            parts = f" with partitions {', '.join(label for label, _ in disk.parts)}" if disk.parts else ""
            say(f"made {disk.path}: {create.size_text(disk.size)}{parts}")


def escape(value):
    """In QEMU's options a comma is written twice."""
    return value.replace(",", ",,")


def arguments(disks):
    """QEMU's arguments."""
    words = []
    if any(disk.transport == "mmio" for disk in disks):
        words += ["-global", "virtio-mmio.force-legacy=false"]
    slot = 0
    for disk in disks:
        words += ["-drive", f"if=none,id=disk-{disk.name},file={escape(disk.path)},format={disk.form},cache={disk.cache},"
            f"readonly={'on' if disk.read_only else 'off'},discard=unmap,detect-zeroes=off,rerror=report,werror=report{disk.options}"]
        device = "virtio-blk-device"
        if disk.transport == "pci":
            # A slot each: the interrupt lines of neighbours differ. Every fourth slot is left for NICs (tools/nets.py).
            slot += 1 if (slot + 1) % 4 else 2
            device = f"virtio-blk-pci,disable-legacy=on,addr={slot:#x}"
        words += ["-device", f"{device},drive=disk-{disk.name},serial={escape(disk.serial)}"]
    return words
