#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Where a system captures frames to, as `image captures` prints it, checked, and as arguments of QEMU."""

import os
import sys

# Slots of the PCI bus behind those of NICs (tools/nets.py), which no disk has. The devices interrupt nobody.
SLOTS = (20, 24, 28)
MAGIC = b"\x0a\x0d\x0d\x0a"  # what a pcapng file begins with


class Refusal(Exception):
    """What is asked for cannot be done; the text says why."""


class Capture:
    """A line of `image captures`: what goes to a file, and the file."""

    def __init__(self, line):
        self.names, tab, self.path = line.partition("\t")
        if not tab or not self.path:
            raise Refusal(f"not a line of image captures: {line!r}")


def read(text):
    return [Capture(line) for line in text.splitlines()]


def check_file(path):
    """Refuses a file that QEMU cannot write, and one that is something else: it will be emptied."""
    try:
        if os.path.exists(path) and not os.path.isfile(path):
            raise Refusal(f"{path} is not a file: frames are captured to files only, that can take all of them at once")
        # What is there stays until QEMU starts.
        with open(path, "a+b") as file:
            file.seek(0)
            if file.read(len(MAGIC)) not in (b"", MAGIC):
                raise Refusal(f"{path} holds something that is no capture, which would be lost: take another name, or remove it")
    except OSError as error:
        raise Refusal(f"{path} cannot be written: {error.strerror}") from error


def check(captures):
    seen = {}
    for capture in captures:
        check_file(capture.path)
        other = seen.setdefault(os.path.realpath(capture.path), capture.path)
        if other != capture.path:
            raise Refusal(f"{other} and {capture.path} are one file: write its name in one way")


def escape(value):
    """In QEMU's options a comma is written twice."""
    return value.replace(",", ",,")


def arguments(captures):
    """QEMU's arguments: a virtio console for each file."""
    words = []
    for number, capture in enumerate(captures):
        words += ["-chardev", f"file,id=capture-{number},path={escape(capture.path)}",
            "-device", f"virtio-serial-pci,id=capture-bus-{number},disable-legacy=on,max_ports=1,addr={SLOTS[number]:#x}",
            "-device", f"virtconsole,bus=capture-bus-{number}.0,chardev=capture-{number}"]
    return words


def main():
    try:
        captures = read(sys.stdin.read())
        check(captures)
    except Refusal as refusal:
        print(f"serai: error: {refusal}", file=sys.stderr)
        return 1
    for capture in captures:
        if capture.names != "-":
            print(f"serai: frames of {capture.names.replace(',', ', ')} are captured to {capture.path}", file=sys.stderr)
    print("\n".join(arguments(captures)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
