# SPDX-License-Identifier: Apache-2.0
"""What commands work on: an image, or one partition of it, named IMAGE#PARTITION by its number or label."""

import os

from . import Refusal, gpt, lock

QCOW2_MAGIC = b"QFI\xfb"


class Region:
    """Bytes of an open image."""

    def __init__(self, file, offset, size, name):
        self.file, self.offset, self.size, self.name = file, offset, size, name

    def read(self, at, count):
        if at < 0 or at + count > self.size:
            raise Refusal(f"{self.name}: bytes {at} to {at + count} are beyond its end at {self.size}")
        data = b""
        self.file.seek(self.offset + at)
        while len(data) < count:
            more = self.file.read(count - len(data))
            if not more:
                raise Refusal(f"{self.name} ended too early")
            data = data + more if data else more
        return data

    def write(self, at, data):
        if at < 0 or at + len(data) > self.size:
            raise Refusal(f"{self.name}: bytes {at} to {at + len(data)} are beyond its end at {self.size}")
        self.file.seek(self.offset + at)
        view = memoryview(data)
        while view:
            view = view[self.file.write(view):]

    def flush(self):
        os.fsync(self.file.fileno())

    def part(self, partition):
        return Region(self.file, self.offset + partition.offset, partition.size, f"{self.name}#{partition.number}")

    def close(self):
        self.file.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def size_of(file):
    return file.seek(0, os.SEEK_END)


def open_region(spec, write=False):
    """Opens IMAGE or IMAGE#PARTITION, locked."""
    path, sharp, which = spec, "", ""
    if not os.path.exists(spec) and "#" in spec:
        path, sharp, which = spec.rpartition("#")
    file = lock.open_image(path, write)
    try:
        size = size_of(file)
        file.seek(0)
        if file.read(4) == QCOW2_MAGIC:
            raise Refusal(f"{path} is a qcow2 image: make it raw first (./serai disk convert {path} NEW.img)")
        whole = Region(file, 0, size, path)
        if not sharp:
            return whole
        partitions, _ = gpt.read(file, size)
        if partitions is None:
            raise Refusal(f"{path} has no partition table")
        return whole.part(gpt.find(partitions, which))
    except BaseException:
        file.close()
        raise


def is_zero(data):
    return data.count(0) == len(data)
