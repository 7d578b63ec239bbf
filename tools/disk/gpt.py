# SPDX-License-Identifier: Apache-2.0
"""GUID partition tables (UEFI specification 2.10, chapter 5), for disks with sectors of 512 bytes."""

import struct
import uuid
import zlib

from . import Refusal

SECTOR = 512
ENTRIES, ENTRY_SIZE = 128, 128
TABLE_SECTORS = ENTRIES * ENTRY_SIZE // SECTOR
ALIGNMENT = 2048  # sectors: a MiB
HEADER = struct.Struct("<8sIIIIQQQQ16sQIII")
ENTRY = struct.Struct("<16s16sQQQ72s")
SIGNATURE, REVISION = b"EFI PART", 0x10000
LINUX = uuid.UUID("0FC63DAF-8483-4772-8E79-3D69D8477DE4")
ENTRIES_MAX = 1024  # more is nobody's table


class Partition:
    def __init__(self, number, first, last, label, kind=LINUX, unique=None):
        self.number, self.first, self.last, self.label = number, first, last, label
        self.kind, self.unique = kind, unique or uuid.uuid4()

    @property
    def offset(self):
        return self.first * SECTOR

    @property
    def size(self):
        return (self.last - self.first + 1) * SECTOR


def layout(size, parts):
    """Places partitions (label, bytes or None for the rest) on a disk of so many bytes."""
    usable = (size // SECTOR - TABLE_SECTORS - 1) // ALIGNMENT * ALIGNMENT
    partitions, first = [], ALIGNMENT
    for number, (label, length) in enumerate(parts, 1):
        end = usable if length is None else first + -(-length // (ALIGNMENT * SECTOR)) * ALIGNMENT
        if end <= first or end > usable:
            raise Refusal(f"partition {label} does not fit: a disk of {size} bytes has room for {max(usable - first, 0) * SECTOR} more")
        if len(label.encode("utf-16-le")) > 72 or not label:
            raise Refusal(f"the label {label!r} has not 1 to 36 characters")
        if label in (partition.label for partition in partitions):
            raise Refusal(f"two partitions are named {label}")
        partitions.append(Partition(number, first, end - 1, label))
        first = end
    if len(partitions) > ENTRIES:
        raise Refusal(f"a table has at most {ENTRIES} partitions")
    return partitions


def header(sectors, guid, checksum, own, other, table):
    fields = [SIGNATURE, REVISION, HEADER.size, 0, 0, own, other, TABLE_SECTORS + 2, sectors - TABLE_SECTORS - 2, guid.bytes_le, table,
        ENTRIES, ENTRY_SIZE, checksum]
    fields[3] = zlib.crc32(HEADER.pack(*fields))
    return HEADER.pack(*fields).ljust(SECTOR, b"\0")


def write(file, size, partitions):
    """Writes the protective MBR and both copies of the table; the image is otherwise left as it is."""
    sectors, guid = size // SECTOR, uuid.uuid4()
    table = bytearray(ENTRIES * ENTRY_SIZE)
    for partition in partitions:
        ENTRY.pack_into(table, (partition.number - 1) * ENTRY_SIZE, partition.kind.bytes_le, partition.unique.bytes_le, partition.first,
            partition.last, 0, partition.label.encode("utf-16-le"))
    checksum = zlib.crc32(table)
    record = struct.pack("<B3sB3sII", 0, b"\0\2\0", 0xee, b"\xff\xff\xff", 1, min(sectors - 1, 0xffffffff))
    pieces = ((0, (bytes(446) + record).ljust(510, b"\0") + b"\x55\xaa"),
        (sectors - 1, header(sectors, guid, checksum, sectors - 1, 1, sectors - 1 - TABLE_SECTORS)),
        (sectors - 1 - TABLE_SECTORS, table), (2, table), (1, header(sectors, guid, checksum, 1, sectors - 1, 2)))
    for sector, data in pieces:
        file.seek(sector * SECTOR)
        file.write(data)


def read_at(file, sector, count):
    file.seek(sector * SECTOR)
    data = file.read(count * SECTOR)
    if len(data) != count * SECTOR:
        raise Refusal(f"sector {sector} is beyond the end of the image")
    return data


def read_copy(file, sectors, own):
    """One copy of the table; its header is in sector `own`."""
    block = read_at(file, own, 1)
    (signature, revision, length, checksum, _, self_sector, other, first, last, guid, table, count, entry_size,
        table_checksum) = HEADER.unpack_from(block)
    if signature != SIGNATURE:
        raise Refusal("there is no signature")
    if revision >> 16 != 1 or not HEADER.size <= length <= SECTOR:
        raise Refusal("its header is of an unknown revision or size")
    if zlib.crc32(block[:16] + bytes(4) + block[20:length]) != checksum:
        raise Refusal("the checksum of its header is wrong")
    if self_sector != own or not 0 < count <= ENTRIES_MAX or entry_size < ENTRY_SIZE or entry_size > 4096 or entry_size & (entry_size - 1):
        raise Refusal("its header makes no sense")
    if first > last or last >= sectors:
        raise Refusal(f"it is for a disk of at least {last + 1} sectors, but there are {sectors}")
    data = read_at(file, table, -(-count * entry_size // SECTOR))[:count * entry_size]
    if zlib.crc32(data) != table_checksum:
        raise Refusal("the checksum of its entries is wrong")
    partitions = []
    for number in range(count):
        kind, unique, begin, end, _, label = ENTRY.unpack_from(data, number * entry_size)
        if kind == bytes(16):
            continue
        text = label.decode("utf-16-le", errors="replace").split("\0")[0]
        partitions.append(Partition(number + 1, begin, end, text, uuid.UUID(bytes_le=kind), uuid.UUID(bytes_le=unique)))
        if not first <= begin <= end <= last:
            raise Refusal(f"partition {number + 1} is outside of its range")
    check_overlaps(partitions)
    return uuid.UUID(bytes_le=guid), partitions, other


def check_overlaps(partitions):
    ordered = sorted(partitions, key=lambda partition: partition.first)
    for before, after in zip(ordered, ordered[1:]):
        if after.first <= before.last:
            raise Refusal(f"partitions {before.number} and {after.number} overlap")


def read(file, size):
    """Returns the partitions and what is wrong with a copy; (None, []) if there is no table at all."""
    sectors, copies, problems = size // SECTOR, [], []
    if sectors < 2 * TABLE_SECTORS + 3:
        return None, []
    backup = sectors - 1
    for name in ("primary", "backup"):
        try:
            copy = read_copy(file, sectors, 1 if name == "primary" else backup)
            copies.append(copy)
            if name == "primary" and 1 < copy[2] < sectors:
                backup = copy[2]
        except Refusal as refusal:
            problems.append(f"the {name} partition table is damaged: {refusal}")
    if not copies:
        signatures = [read_at(file, sector, 1)[:8] for sector in (1, sectors - 1)]
        if SIGNATURE in signatures:
            raise Refusal("; ".join(problems))
        return None, []
    if len(copies) == 2 and describe(copies[0]) != describe(copies[1]):
        problems.append("the two partition tables differ")
    return copies[0][1], problems


def describe(copy):
    return copy[0], [(partition.number, partition.first, partition.last, partition.label, partition.unique) for partition in copy[1]]


def find(partitions, which):
    """A partition by its number (as text) or label."""
    found = [partition for partition in partitions if partition.label == which] or [partition for partition in partitions
        if which.isdigit() and partition.number == int(which)]
    if len(found) != 1:
        raise Refusal(f"there is no partition {which}" if not found else f"{len(found)} partitions are named {which}: take the number")
    return found[0]
