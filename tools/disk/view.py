# SPDX-License-Identifier: Apache-2.0
"""What an overlay shows: now, or at a snapshot; and what differs between two of its states."""

from . import Refusal
from .overlay import BLOCK, BLOCKS, CLUSTER, fields, fingerprint


def resolve(maps, index):
    """Where the blocks of a cluster are: [(cluster, blocks)], those that are zero, and those of the base."""
    pieces, zeros, claimed = [], 0, 0
    for entries in reversed(maps):
        if entries[index]:
            cluster, present, zero = fields(entries[index])
            if present & ~claimed:
                pieces.append((cluster, present & ~claimed))
            zeros |= zero & ~claimed
            claimed |= present | zero
    return pieces, zeros, ~claimed & 0xffff


def runs(mask):
    """(first, count) of the blocks in a row."""
    first = 0
    while mask >> first:
        while not mask >> first & 1:
            first += 1
        count = 1
        while mask >> first + count & 1:
            count += 1
        yield first, count
        first += count


class View:
    """An overlay as a whole, to be read like a region; it can be the base of another."""

    def __init__(self, store, base, snapshot=None, checked=True):
        self.store, self.base, self.name = store, base, store.region.name
        self.size = store.head.capacity * 512
        self.maps = [store.map(number) for number in range(store.find_layer(snapshot) + 1)]
        if base and base.size != self.size:
            raise Refusal(f"{base.name} has {base.size} bytes, but the base of {self.name} has {self.size}")
        if base and checked and fingerprint(base) != store.head.base:
            raise Refusal(f"{base.name} is not the base of {self.name}, or has been changed since")

    def cluster(self, index):
        at = index * CLUSTER
        length = min(CLUSTER, self.size - at)
        pieces, _, rest = resolve(self.maps, index)
        if rest and not self.base:
            raise Refusal(f"{self.name}: bytes from {at} on are in the base: name it with --base")
        data = bytearray(self.base.read(at, length)) if rest else bytearray(length)
        for cluster, blocks in [*pieces, (None, ~rest & 0xffff & ~sum(mask for _, mask in pieces))]:
            for first, count in runs(blocks):
                start, end = first * BLOCK, min((first + count) * BLOCK, length)
                if start < end:
                    data[start:end] = self.store.region.read(cluster * CLUSTER + start, end - start) if cluster else bytes(end - start)
        return bytes(data)

    def read(self, at, count):
        data = bytearray()
        while len(data) < count:
            index, within = divmod(at + len(data), CLUSTER)
            data += self.cluster(index)[within:within + count - len(data)]
        return bytes(data)


class Ranges:
    """Gathers neighbours of one kind."""

    def __init__(self):
        self.found = []

    def add(self, start, end, kind):
        if start >= end:
            return
        if self.found and self.found[-1][1] == start and self.found[-1][2] == kind:
            self.found[-1] = (self.found[-1][0], end, kind)
        else:
            self.found.append((start, end, kind))


def differences(store, old, new, views=None):
    """[(start, end, "data" or "zero")] in bytes: what layers after `old` (None: the base) up to `new` say.

    views: the two states, to leave out blocks that are the same in both.
    """
    ranges, size = Ranges(), store.head.capacity * 512
    maps = [store.map(number) for number in range(new + 1)]
    later = maps[0 if old is None else old + 1:]
    for index in range(store.head.clusters):
        changed = 0
        for entries in later:
            if entries[index]:
                changed |= entries[index] >> 32 & 0xffff | entries[index] >> 48
        if not changed:
            continue
        _, zeros, _ = resolve(maps, index)
        before, after = (view.cluster(index) for view in views) if views else (b"", b"")
        for block in range(BLOCKS):
            start, end = block * BLOCK, (block + 1) * BLOCK
            if not changed >> block & 1 or (views and before[start:end] == after[start:end]):
                continue
            at = index * CLUSTER
            ranges.add(at + start, min(at + end, size), "zero" if zeros >> block & 1 else "data")
    return ranges.found
