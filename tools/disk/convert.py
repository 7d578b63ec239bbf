# SPDX-License-Identifier: Apache-2.0
"""Images into others: an overlay into one plain image, what differs from a base into an overlay, qcow2 and raw by QEMU."""

import os

from . import Refusal, create, overlay
from .overlay import BLOCK, BLOCKS, CLUSTER, RESERVED, entry
from .region import QCOW2_MAGIC, Region, is_zero
from .view import runs


def flatten(view, path):
    """Writes all that a view shows to a new raw image."""
    with create.NewFile(path) as new:
        new.file.truncate(view.size)
        for index in range(-(-view.size // CLUSTER)):
            data = view.read(index * CLUSTER, min(CLUSTER, view.size - index * CLUSTER))
            if not is_zero(data):
                new.file.seek(index * CLUSTER)
                new.file.write(data)


def compare(data, base):
    """Masks of the blocks that differ, and of those that differ and are zero."""
    if data == base:
        return 0, 0
    changed = zero = 0
    for block in range(BLOCKS):
        piece = data[block * BLOCK:(block + 1) * BLOCK]
        if piece != base[block * BLOCK:(block + 1) * BLOCK]:
            changed |= 1 << block
            zero |= is_zero(piece) << block
    return changed, zero


def make_overlay(source, base, path, size):
    """A new store that makes an overlay on `base` show what `source` has."""
    if source.size != base.size:
        raise Refusal(f"{source.name} has {source.size} bytes, but the base {base.name} has {base.size}")
    with create.NewFile(path) as new:
        new.file.truncate(size)
        fill_overlay(source, base, Region(new.file, 0, size, path))


def fill_overlay(source, base, region):
    overlay.format_store(region, base.size, overlay.fingerprint(base))
    store = overlay.Store(region)
    entries, place = overlay.blank_map(store.head.pages), RESERVED + store.head.map_clusters
    for index in range(store.head.clusters):
        at = index * CLUSTER
        length = min(CLUSTER, source.size - at)
        data = source.read(at, length)
        changed, zero = compare(data, base.read(at, length))
        present = changed & ~zero
        if not changed:
            continue
        if present and place >= store.clusters:
            raise Refusal(f"{region.name} is too small for what differs: give a larger --size")
        for first, count in runs(present):
            region.write(place * CLUSTER + first * BLOCK, data[first * BLOCK:(first + count) * BLOCK])
        entries[index] = entry(place if present else 0, present, zero)
        place += bool(present)
    store.write_map(store.head.layers[0], entries)
    region.flush()


def store_size(source):
    """Room for all of it, to be sparse."""
    return -(-source.size // CLUSTER) * CLUSTER * 5 // 4 // CLUSTER * CLUSTER + 64 * CLUSTER


def is_qcow2(path):
    try:
        with open(path, "rb") as file:
            return file.read(4) == QCOW2_MAGIC
    except OSError as error:
        raise Refusal(f"{path}: {error.strerror}") from None


def by_qemu(source, target, form):
    """QEMU's program takes its own locks."""
    with create.NewFile(target) as new:
        create.run_qemu_img("convert", "-f", "qcow2" if is_qcow2(source) else "raw", "-O", form, os.path.abspath(source), new.temporary)
