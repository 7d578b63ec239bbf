# SPDX-License-Identifier: Apache-2.0
"""Looks for anything wrong in the store of an overlay, and counts what is in it."""

import array

from . import overlay
from .overlay import BLOCK, BLOCKS, CLUSTER, DELETED, ENTRIES, RESERVED, fields


class Report:
    def __init__(self):
        self.errors, self.warnings, self.data, self.zero, self.used = [], [], [], [], 0

    def error(self, text):
        self.errors.append(text)

    def warn(self, text):
        self.warnings.append(text)


def read_maps(store, report):
    """The maps of all layers; what is damaged is reported and read as empty."""
    maps = []
    for layer in store.head.layers:
        entries = array.array("Q")
        for index in range(store.head.pages):
            page, problem = store.page(layer, index)
            if problem:
                report.error(problem)
            entries.extend(page.entries if not problem else array.array("Q", bytes(8 * ENTRIES)))
        maps.append(entries)
    return maps


def hidden(value, above):
    """True if no data of the entry is seen through the layer above."""
    _, present, _ = fields(value)
    _, present_above, zero_above = fields(above)
    return not present & ~(present_above | zero_above)


def check_entry(store, layer, index, value, report):
    """False: it makes no sense."""
    cluster, present, zero = fields(value)
    what = f"cluster {index} of layer {layer.id}"
    if present & zero:
        report.error(f"{what} has blocks that are both there and zero")
    elif (cluster != 0) != (present != 0):
        report.error(f"{what} has {'no blocks, but a place' if cluster else 'blocks, but no place'}")
    elif cluster and not RESERVED <= cluster < store.clusters:
        report.error(f"{what} is at {cluster}, outside of the store")
    else:
        return True
    return False


def check_end(store, entries, layer, report):
    """Nothing is beyond the end of the overlay."""
    clusters, size = store.head.clusters, store.head.capacity * 512
    if any(entries[clusters:]):
        report.error(f"layer {layer.id} has entries beyond the end of the overlay")
    blocks = -(-(size - (clusters - 1) * CLUSTER) // BLOCK)
    _, present, zero = fields(entries[clusters - 1])
    if blocks < BLOCKS and (present | zero) >> blocks:
        report.error(f"layer {layer.id} has blocks beyond the end of the overlay")


def check_maps(store, maps, report):
    owner = {}
    for layer in store.head.layers:
        for cluster in range(layer.map, layer.map + store.head.map_clusters):
            owner[cluster] = f"the map of layer {layer.id}"
    for number, (layer, entries) in enumerate(zip(store.head.layers, maps)):
        data = zero = 0
        check_end(store, entries, layer, report)
        for index in range(store.head.clusters):
            value = entries[index]
            if not value or not check_entry(store, layer, index, value, report):
                continue
            cluster, present, zeros = fields(value)
            # While a layer becomes part of the one above, what it has given away stays in its own map.
            if layer.flags & DELETED and hidden(value, maps[number + 1][index]):
                continue
            data, zero = data + bin(present).count("1"), zero + bin(zeros).count("1")
            if cluster and cluster in owner:
                report.error(f"cluster {cluster} of the store is used twice: by {owner[cluster]} and by cluster {index} of layer {layer.id}")
            elif cluster:
                owner[cluster] = f"cluster {index} of layer {layer.id}"
        report.data.append(data * BLOCK)
        report.zero.append(zero * BLOCK)
    report.used = RESERVED + len(owner)


def check_record(store, report):
    ids = {layer.id for layer in store.head.layers}
    for layer, index in store.record.pages:
        if layer in ids and index >= store.head.pages:
            report.error(f"the journal has page {index} of layer {layer}, which has only {store.head.pages}")


def check(region, base=None):
    """Returns (store, report). A store that cannot be read at all raises Refusal."""
    store, report = overlay.Store(region), Report()
    for problem in store.problems:
        report.warn(problem)
    check_record(store, report)
    check_maps(store, read_maps(store, report), report)
    if base and base.size != store.head.capacity * 512:
        report.error(f"the base has {base.size} bytes, but the overlay {store.head.capacity * 512}")
    elif base and overlay.fingerprint(base) != store.head.base:
        report.error(f"{base.name} is not the base, or has been changed since")
    return store, report
