# SPDX-License-Identifier: Apache-2.0
"""Reads pcapng files, and fails at anything that another program could stumble over."""

import struct

from driver import check

SECTION, INTERFACE, STATISTICS, PACKET = 0x0A0D0D0A, 1, 5, 6
INBOUND, OUTBOUND = 1, 2


class Packet:
    """A frame: the section and the name of the interface it is of, time in seconds since 1970, direction, data, and what was kept of `length`."""

    def __init__(self, section, interface, fixed, data, options):
        self.section, self.interface, self.data = section, interface, data
        _, high, low, _, self.length = fixed
        self.time = (high << 32 | low) / 1e9
        self.direction = struct.unpack("<I", options[2][0])[0] & 3 if 2 in options else 0
        self.lost = struct.unpack("<Q", options[4][0])[0] if 4 in options else 0
        self.comment = options[1][0].decode() if 1 in options else ""

    @property
    def type(self):
        return int.from_bytes(self.data[12:14], "big")


def read_options(data):
    found = {}
    while True:
        check(len(data) >= 4, "a list of options has no end")
        code, length = struct.unpack("<HH", data[:4])
        if code == 0:
            check(length == 0 and len(data) == 4, "something is behind the end of the options")
            return found
        check(length <= len(data) - 4, "an option is too long")
        found.setdefault(code, []).append(data[4:4 + length])
        data = data[4 + (length + 3) // 4 * 4:]


class Reader:
    """What is in a file. `cut` bytes at the end are no whole block."""

    def __init__(self, data):
        self.sections, self.packets, self.interfaces, self.statistics = 0, [], [], []
        at = 0
        while len(data) - at >= 12:
            kind, length = struct.unpack("<II", data[at:at + 8])
            check(length >= 12 and length % 4 == 0, f"a block of {length} bytes at {at}")
            if length > len(data) - at:
                break
            check(struct.unpack("<I", data[at + length - 4:at + length])[0] == length, f"the block at {at} has two lengths")
            self.block(kind, data[at + 8:at + length - 4])
            at += length
        self.cut = len(data) - at

    def block(self, kind, data):
        if kind == SECTION:
            check(struct.unpack("<IHH", data[:8]) == (0x1A2B3C4D, 1, 0), "not the head of a section of version 1.0")
            self.sections += 1
            self.interfaces = []
            read_options(data[16:])
            return
        check(self.sections, "something is before the first section")
        if kind == INTERFACE:
            check(struct.unpack("<HH", data[:4]) == (1, 0), "not an Ethernet interface")
            options = read_options(data[8:])
            check(options[9] == [b"\x09"], "not nanoseconds")
            self.interfaces.append(options[2][0].decode())
        elif kind == PACKET:
            fixed = struct.unpack("<IIIII", data[:20])
            kept = fixed[3]
            check(fixed[0] < len(self.interfaces) and kept <= fixed[4] and kept <= len(data) - 20, "a packet that makes no sense")
            self.packets.append(Packet(self.sections, self.interfaces[fixed[0]], fixed, data[20:20 + kept],
                read_options(data[20 + (kept + 3) // 4 * 4:])))
        elif kind == STATISTICS:
            self.statistics.append(read_options(data[12:]))
        else:
            check(False, f"a block of type {kind}")


def read(path):
    """The whole of a file that has ended; nothing may be cut."""
    with open(path, "rb") as file:
        reader = Reader(file.read())
    check(reader.cut == 0, f"{path}: {reader.cut} bytes at its end are no block")
    return reader
