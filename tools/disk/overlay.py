# SPDX-License-Identifier: Apache-2.0
"""The store of an overlay, read and written as docs/overlay-format.md says; independent of the block server's code."""

import array
import struct
import sys
import uuid

from . import Refusal
from .crc32c import crc32c
from .region import is_zero

VERSION = 1
BLOCK, CLUSTER, BLOCKS = 4096, 65536, 16
LAYERS_MAX, NAME_SIZE = 9, 16
JOURNAL_FIRST, JOURNAL_CLUSTERS, JOURNAL_PAGES, RESERVED = 1, 4, 62, 9
HEAD_COPIES = (0, 32768)
FINGERPRINT = 1 << 20
MAGIC, JOURNAL_MAGIC, PAGE_MAGIC = b"SERAIOVL", b"SERAIJNL", 0x50414d53
DELETED = 1

HEAD = struct.Struct("<8sIIQ16sIIQIIII")
LAYER = struct.Struct("<16sIIII")
PAGE = struct.Struct("<IIIIQQ")
JOURNAL = struct.Struct("<8sIIQQ62I")
ENTRIES = (BLOCK - PAGE.size) // 8  # of a page


def checksum_of(block, at):
    """Of a structure whose checksum field is at this offset."""
    return crc32c(block[at + 4:], crc32c(bytes(4), crc32c(block[:at])))


def seal(block, at):
    return block[:at] + struct.pack("<I", checksum_of(block, at)) + block[at + 4:]


def fingerprint(base):
    if base.size < 2 * FINGERPRINT:
        return crc32c(base.read(0, base.size))
    return crc32c(base.read(base.size - FINGERPRINT, FINGERPRINT), crc32c(base.read(0, FINGERPRINT)))


def blank_map(pages):
    return array.array("Q", bytes(8 * ENTRIES * pages))


def entry(cluster, present, zero):
    return cluster | present << 32 | zero << 48


def fields(value):
    """Of an entry: cluster, present, zero."""
    return value & 0xffffffff, value >> 32 & 0xffff, value >> 48


class Layer:
    def __init__(self, name, number, place, flags=0, reserved=0):
        self.name, self.id, self.map, self.flags, self.reserved = name, number, place, flags, reserved

    @property
    def deleted(self):
        return bool(self.flags & DELETED)

    def pack(self):
        return LAYER.pack(self.name.encode(), self.id, self.map, self.flags, 0)


class Head:
    """A superblock."""

    def __init__(self, sequence, identity, capacity, store, base, next_layer, layers):
        self.sequence, self.uuid, self.capacity, self.store = sequence, identity, capacity, store
        self.base, self.next_layer, self.layers = base, next_layer, layers

    @property
    def id(self):
        return int.from_bytes(self.uuid[:8], "little")

    @property
    def clusters(self):
        return -(-self.capacity * 512 // CLUSTER)

    @property
    def pages(self):
        """Of a map."""
        return -(-self.clusters // ENTRIES)

    @property
    def map_clusters(self):
        return -(-self.pages * BLOCK // CLUSTER)

    def pack(self):
        block = HEAD.pack(MAGIC, VERSION, 0, self.sequence, self.uuid, CLUSTER, BLOCK, self.capacity, self.store, self.base,
            self.next_layer, len(self.layers)) + b"".join(layer.pack() for layer in self.layers)
        return seal(block.ljust(BLOCK, b"\0"), 12)


def read_head(block, store_clusters):
    """Refusal: it is none, or makes no sense."""
    (magic, version, checksum, sequence, identity, cluster, size, capacity, store, base, next_layer,
        count) = HEAD.unpack_from(block)
    if magic != MAGIC:
        raise Refusal("there is no superblock")
    if checksum != checksum_of(block, 12):
        raise Refusal("its checksum is wrong")
    if version != VERSION or cluster != CLUSTER or size != BLOCK:
        raise Refusal(f"version {version} with clusters of {cluster} and blocks of {size} bytes is not known")
    if not 1 <= count <= LAYERS_MAX or not 0 < capacity < 1 << 40:
        raise Refusal("it has an impossible number of layers or sectors")
    if store > store_clusters:
        raise Refusal(f"it was written for a store of {store} clusters, but there are {store_clusters}")
    if not is_zero(block[HEAD.size + count * LAYER.size:]):
        raise Refusal("what is reserved in it is not zero")
    layers = []
    for number in range(count):
        name, *rest = LAYER.unpack_from(block, HEAD.size + number * LAYER.size)
        text = name.split(b"\0")[0]
        if text != name.rstrip(b"\0") or len(text) == NAME_SIZE:
            raise Refusal(f"the name of layer {number + 1} is not padded")
        layers.append(Layer(text.decode("ascii", errors="backslashreplace"), *rest))
    head = Head(sequence, identity, capacity, store, base, next_layer, layers)
    check_layers(head, store_clusters)
    return head


def check_layers(head, store_clusters):
    names, ids, spans = set(), set(), []
    for layer in head.layers:
        top = layer is head.layers[-1]
        # A layer that is being deleted keeps its name until it is gone.
        if (layer.name == "") != top or layer.name in names:
            raise Refusal(f'the layer "{layer.name}" has no name of its own')
        if layer.deleted and (top or any(other.deleted for other in head.layers if other is not layer)):
            raise Refusal("the top is deleted, or two layers are")
        if layer.id in ids or not 0 < layer.id < head.next_layer:
            raise Refusal(f"layer {layer.id} has no number of its own")
        if layer.map < RESERVED or layer.map + head.map_clusters > store_clusters:
            raise Refusal(f"the map of layer {layer.id} is outside of the store")
        if layer.flags & ~DELETED or layer.reserved:
            raise Refusal(f"layer {layer.id} has unknown flags")
        names.add(layer.name)
        ids.add(layer.id)
        spans.append(layer.map)
    spans.sort()
    for first, second in zip(spans, spans[1:]):
        if second < first + head.map_clusters:
            raise Refusal("two maps overlap")


class Page:
    """A page of a map, wherever it was found."""

    def __init__(self, block):
        self.magic, self.checksum, self.layer, self.index, self.store, self.sequence = PAGE.unpack_from(block)
        self.good = self.magic == PAGE_MAGIC and self.checksum == checksum_of(block, 4)
        self.entries = array.array("Q", block[PAGE.size:])
        if sys.byteorder == "big":
            self.entries.byteswap()


def make_page(head, layer, index, sequence, entries):
    data = array.array("Q", entries)
    if sys.byteorder == "big":
        data.byteswap()
    return seal(PAGE.pack(PAGE_MAGIC, 0, layer.id, index, head.id, sequence) + data.tobytes(), 4)


class Record:
    """The record of the journal that counts."""

    def __init__(self, sequence, pages):
        self.sequence, self.pages = sequence, pages  # pages: by (layer, index)


def read_record(region, head, number):
    """None: this half of the journal has no valid record."""
    start = (JOURNAL_FIRST + number * JOURNAL_CLUSTERS) * CLUSTER
    block = region.read(start, BLOCK)
    magic, checksum, count, store, sequence, *sums = JOURNAL.unpack_from(block)
    if magic != JOURNAL_MAGIC or checksum != checksum_of(block, 8) or store != head.id or count > JOURNAL_PAGES:
        return None
    pages = {}
    for place in range(count):
        page = Page(region.read(start + (place + 1) * BLOCK, BLOCK))
        if not page.good or page.checksum != sums[place] or page.store != head.id or page.sequence != sequence:
            return None
        pages[page.layer, page.index] = page
    return Record(sequence, pages)


class Store:
    """An overlay's store, opened; `problems` has what is wrong but does not hinder reading."""

    def __init__(self, region):
        self.region, self.problems, self.head = region, [], None
        self.clusters = region.size // CLUSTER
        if self.clusters <= RESERVED:
            raise Refusal(f"{region.name} is too small for an overlay: {region.size} bytes")
        self.read_heads()
        records = [record for record in (read_record(region, self.head, number) for number in range(2)) if record]
        if not records:
            raise Refusal(f"{region.name}: the journal is damaged: neither of its records is valid")
        self.record = max(records, key=lambda record: record.sequence)
        self.maps = [None] * len(self.head.layers)

    def read_heads(self):
        heads, faults, blank = [], [], True
        for at in HEAD_COPIES:
            block = self.region.read(at, BLOCK)
            blank = blank and is_zero(block)
            try:
                heads.append((read_head(block, self.clusters), at))
            except Refusal as refusal:
                faults.append(refusal)
        if blank:
            raise Refusal(f"{self.region.name} is blank: a system makes it the store of an overlay when it starts")
        if not heads:
            raise Refusal(f"{self.region.name} is no overlay: {faults[0]}")
        if faults:
            self.problems.append(f"a copy of the superblock is damaged: {faults[0]}")
        self.head, self.head_at = max(heads, key=lambda pair: pair[0].sequence)
        if len(heads) == 2 and heads[0][0].uuid != heads[1][0].uuid:
            self.problems.append("the copies of the superblock are of two stores")

    def page(self, layer, index):
        """A page as the server would take it, with a problem or None."""
        own = Page(self.region.read(layer.map * CLUSTER + index * BLOCK, BLOCK))
        valid = own.good and own.layer == layer.id and own.index == index and own.store == self.head.id
        journal = self.record.pages.get((layer.id, index))
        if valid and own.sequence > self.record.sequence:
            return own, f"page {index} of the map of layer {layer.id} is newer than the journal, which is damaged"
        if journal and (not valid or own.sequence < journal.sequence):
            return journal, None
        if valid:
            return own, None
        return own, f"page {index} of the map of layer {layer.id} is damaged"

    def map(self, number):
        """All entries of a layer, by cluster of the overlay. Refusal: a page is damaged."""
        if self.maps[number] is None:
            entries = array.array("Q")
            for index in range(self.head.pages):
                page, problem = self.page(self.head.layers[number], index)
                if problem:
                    raise Refusal(f"{self.region.name}: {problem}")
                entries.extend(page.entries)
            self.maps[number] = entries
        return self.maps[number]

    def find_layer(self, name):
        """The place of a snapshot; None: as it is now."""
        if name is None:
            return len(self.head.layers) - 1
        for number, layer in enumerate(self.head.layers[:-1]):
            if layer.name == name and not layer.deleted:
                return number
        raise Refusal(f"{self.region.name} has no snapshot {name}")

    def snapshots(self):
        return [layer for layer in self.head.layers[:-1] if not layer.deleted]

    def used(self):
        """A byte per cluster of the store: 1 if something is in it."""
        taken = bytearray(self.clusters)
        taken[:RESERVED] = b"\1" * RESERVED
        for number, layer in enumerate(self.head.layers):
            taken[layer.map:layer.map + self.head.map_clusters] = b"\1" * self.head.map_clusters
            for value in self.map(number):
                cluster = value & 0xffffffff
                if cluster >= self.clusters:
                    raise Refusal(f"{self.region.name}: an entry of layer {layer.id} points beyond the store")
                if cluster:
                    taken[cluster] = 1
        return taken

    def write_head(self, head):
        """First over the older copy, so that one is always whole."""
        head.sequence = self.head.sequence + 1
        head.store = self.clusters
        older = HEAD_COPIES[0] if self.head_at == HEAD_COPIES[1] else HEAD_COPIES[1]
        self.region.flush()
        for at in (older, self.head_at):
            self.region.write(at, head.pack())
            self.region.flush()
        self.head = head

    def write_map(self, layer, entries):
        """All pages of a new map."""
        for index in range(self.head.pages):
            self.region.write(layer.map * CLUSTER + index * BLOCK,
                make_page(self.head, layer, index, self.record.sequence, entries[index * ENTRIES:(index + 1) * ENTRIES]))


def is_overlay(region):
    """True if there is a superblock, damaged or not."""
    return any(at + BLOCK <= region.size and region.read(at, 8) == MAGIC for at in HEAD_COPIES)


def format_store(region, base_size, base_checksum):
    """Writes an empty overlay for a base of so many bytes."""
    clusters = region.size // CLUSTER
    head = Head(1, uuid.uuid4().bytes, base_size // 512, clusters, base_checksum, 2, [Layer("", 1, RESERVED)])
    if RESERVED + head.map_clusters >= clusters:
        raise Refusal(f"{region.name} is too small: the map alone takes {(RESERVED + head.map_clusters) * CLUSTER} bytes")
    # An empty record first, a blank one second.
    record = seal(JOURNAL.pack(JOURNAL_MAGIC, 0, 0, head.id, 1, *[0] * JOURNAL_PAGES).ljust(BLOCK, b"\0"), 8)
    for number, block in enumerate((record, bytes(BLOCK))):
        region.write((JOURNAL_FIRST + number * JOURNAL_CLUSTERS) * CLUSTER, block)
    for index in range(head.pages):
        region.write(head.layers[0].map * CLUSTER + index * BLOCK, make_page(head, head.layers[0], index, 0, bytes(8 * ENTRIES)))
    region.flush()
    for at in HEAD_COPIES:
        region.write(at, head.pack())
        region.flush()
