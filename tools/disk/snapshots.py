# SPDX-License-Identifier: Apache-2.0
"""Snapshots of an overlay that no system uses: made, gone back to, forgotten.

Everything new is written beside what is there; the change is the next superblock. An end at any point leaves the state before or after.
"""

import array
import re

from . import Refusal
from .overlay import BLOCK, CLUSTER, LAYERS_MAX, Head, Layer, blank_map, entry, fields
from .view import runs


class Allocator:
    """Free clusters of a store."""

    def __init__(self, store):
        self.store, self.used, self.next = store, store.used(), 0

    def take(self):
        self.next = self.used.find(0, self.next)
        if self.next < 0:
            raise Refusal(f"{self.store.region.name} has no room for this")
        self.used[self.next] = 1
        return self.next

    def row(self, count):
        first = self.used.find(bytes(count))
        if first < 0:
            raise Refusal(f"{self.store.region.name} has no room for one more map")
        self.used[first:first + count] = b"\1" * count
        return first


def new_head(store, layers):
    old = store.head
    return Head(old.sequence, old.uuid, old.capacity, old.store, old.base, old.next_layer + 1, layers)


def new_layer(store, allocator, entries, name=""):
    layer = Layer(name, store.head.next_layer, allocator.row(store.head.map_clusters))
    store.write_map(layer, entries)
    return layer


def commit(store, layers, maps):
    store.write_head(new_head(store, layers))
    store.maps = maps


def all_maps(store):
    return [store.map(number) for number in range(len(store.head.layers))]


def settle(store):
    """Ends a deletion that a system had begun."""
    for number, layer in enumerate(store.head.layers):
        if layer.deleted:
            merge(store, number)
            return


def make(store, name):
    settle(store)
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,14}", name):
        raise Refusal(f"a snapshot cannot be named {name!r}: 1 to 15 letters, digits, -, _ and .")
    if any(layer.name == name for layer in store.head.layers):
        raise Refusal(f"there is a snapshot {name} already")
    if len(store.head.layers) == LAYERS_MAX:
        raise Refusal(f"there are {LAYERS_MAX - 1} snapshots already: delete one first")
    maps, entries = all_maps(store), blank_map(store.head.pages)
    top = new_layer(store, Allocator(store), entries)
    *older, last = store.head.layers
    commit(store, [*older, Layer(name, last.id, last.map), top], [*maps, entries])


def roll_back(store, name):
    settle(store)
    number = store.find_layer(name)
    maps, entries = all_maps(store), blank_map(store.head.pages)
    top = new_layer(store, Allocator(store), entries)
    commit(store, [*store.head.layers[:number + 1], top], [*maps[:number + 1], entries])


def delete(store, name):
    settle(store)
    merge(store, store.find_layer(name))


def merge(store, number):
    """A layer becomes part of the one above, which gets a new map and so a new number."""
    maps, allocator = all_maps(store), Allocator(store)
    lower, upper = maps[number], maps[number + 1]
    merged = array.array("Q", upper)
    for index in range(store.head.clusters):
        if lower[index]:
            merged[index] = merge_entry(store, allocator, lower[index], upper[index])
    above = store.head.layers[number + 1]
    layer = new_layer(store, allocator, merged, above.name)
    layer.flags = above.flags
    commit(store, [*store.head.layers[:number], layer, *store.head.layers[number + 2:]], [*maps[:number], merged, *maps[number + 2:]])


def merge_entry(store, allocator, lower, upper):
    cluster_below, present_below, zero_below = fields(lower)
    cluster, present, zero = fields(upper)
    claimed = present | zero
    shown, shown_zero = present_below & ~claimed, zero_below & ~claimed
    if shown and not present:
        cluster = cluster_below
    elif shown:
        target = allocator.take()
        for source, blocks in ((cluster_below, shown), (cluster, present)):
            for first, count in runs(blocks):
                store.region.write(target * CLUSTER + first * BLOCK, store.region.read(source * CLUSTER + first * BLOCK, count * BLOCK))
        cluster = target
    return entry(cluster, present | shown, zero | shown_zero)

