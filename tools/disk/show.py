# SPDX-License-Identifier: Apache-2.0
"""Says what is in an image."""

import os

from . import Refusal, check, create, gpt, overlay
from .convert import is_qcow2
from .region import is_zero, size_of

EXT4_MAGIC_AT, EXT4_MAGIC = 1080, b"\x53\xef"


def mega(count):
    return f"{count / (1 << 20):.1f} MiB"


def content(region):
    """A word or two."""
    if overlay.is_overlay(region):
        return "overlay"
    head = region.read(0, min(65536, region.size))
    if head[EXT4_MAGIC_AT:EXT4_MAGIC_AT + 2] == EXT4_MAGIC:
        return "ext4 file system"
    if head[510:512] == b"\x55\xaa":
        return "boot record"
    return "begins with zeros" if is_zero(head) else "unknown data"


def describe_overlay(region, indent):
    """Lines about an overlay's store."""
    try:
        store, report = check.check(region)
    except Refusal as refusal:
        return [f"{indent}{refusal}"]
    head = store.head
    lines = [f"{indent}overlay of {mega(head.capacity * 512)}; {mega(report.used * overlay.CLUSTER)} of {mega(region.size)} used; base {head.base:08x}"]
    for number, layer in enumerate(head.layers):
        name = "deleted, not yet merged" if layer.deleted else f"snapshot {layer.name}" if layer.name else "now"
        lines.append(f"{indent}  {name}: {mega(report.data[number])} of data, {mega(report.zero[number])} of zeros")
    if report.errors:
        lines.append(f"{indent}  {len(report.errors)} errors: ./serai disk check tells them")
    return lines


def describe(whole):
    """Lines about an image or one partition."""
    size = whole.size
    lines = [f"{whole.name}: {create.size_text(size)} ({size} bytes), {mega(os.fstat(whole.file.fileno()).st_blocks * 512)} on the disk"]
    partitions, problems = gpt.read(whole.file, size) if whole.offset == 0 and size == size_of(whole.file) else (None, [])
    lines += [f"  {problem}" for problem in problems]
    if partitions is None:
        return [*lines, f"  {content(whole)}", *(describe_overlay(whole, "  ") if overlay.is_overlay(whole) else ())]
    for partition in partitions:
        part = whole.part(partition)
        lines.append(f"  {partition.number} {partition.label or '(no label)'}: {create.size_text(part.size)} from byte {partition.offset}: {content(part)}")
        if overlay.is_overlay(part):
            lines += describe_overlay(part, "    ")
    return lines


def describe_file(path, open_region):
    if os.path.exists(path) and is_qcow2(path):
        return create.run_qemu_img("info", path).splitlines()
    with open_region(path) as region:
        return describe(region)
