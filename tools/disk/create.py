# SPDX-License-Identifier: Apache-2.0
"""Makes images: sparse, with a partition table if wanted, complete or not at all."""

import os
import re
import shutil
import subprocess
import tempfile

from . import Refusal, gpt

UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
SIZE_MAX = 16 << 40


def read_size(text):
    match = re.fullmatch(r"(\d{1,15})([KMGT]?)", text)
    if not match:
        raise Refusal(f'"{text}" is not a size: write a whole number with K, M, G or T')
    return int(match.group(1)) * UNITS[match.group(2)]


def size_text(size):
    for unit in "TGMK":
        if size and size % UNITS[unit] == 0:
            return f"{size // UNITS[unit]}{unit}"
    return str(size)


def run_qemu_img(*arguments):
    program = os.environ.get("SERAI_QEMU_IMG", "qemu-img")
    try:
        result = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)
    except FileNotFoundError:
        raise Refusal(f"there is no program {program}: install the Debian package qemu-utils") from None
    if result.returncode:
        raise Refusal((result.stderr.strip() or f"{program} failed").removeprefix("qemu-img: "))
    return result.stdout


class NewFile:
    """A file that appears under its name only when it is complete, and never replaces another."""

    def __init__(self, path):
        self.path = os.path.abspath(path)
        if os.path.lexists(self.path):
            raise Refusal(f"{path} is there already")

    def __enter__(self):
        folder = os.path.dirname(self.path)
        try:
            os.makedirs(folder, exist_ok=True)
            descriptor, self.temporary = tempfile.mkstemp(prefix=".serai-", dir=folder)
        except OSError as error:
            raise Refusal(f"{self.path}: {error.strerror}") from None
        mask = os.umask(0)
        os.umask(mask)
        os.fchmod(descriptor, 0o666 & ~mask)
        self.file = os.fdopen(descriptor, "r+b", buffering=0)
        return self

    def __exit__(self, kind, value, trace):
        try:
            if kind is None:
                self.file.flush()
                os.fsync(self.file.fileno())
                os.link(self.temporary, self.path)
        except FileExistsError:
            raise Refusal(f"{self.path} has just been made by another") from None
        finally:
            self.file.close()
            os.unlink(self.temporary)
        if isinstance(value, OSError):
            raise Refusal(f"{self.path}: {value.strerror}") from None


def fill(file, size, parts):
    file.truncate(size)
    if parts:
        gpt.write(file, size, gpt.layout(size, parts))


def create(path, size, parts=(), form="raw"):
    """Makes an image of so many bytes; parts: (label, bytes or None for the rest)."""
    if size <= 0 or size % 4096 or size > SIZE_MAX:
        raise Refusal(f"a disk has 4K to {size_text(SIZE_MAX)}, a multiple of 4K, not {size} bytes")
    with NewFile(path) as new:
        if form == "raw":
            fill(new.file, size, parts)
            return
        with tempfile.NamedTemporaryFile(prefix=".serai-", dir=os.path.dirname(new.path)) as raw:
            fill(raw, size, parts)
            raw.flush()
            run_qemu_img("convert", "-f", "raw", "-O", "qcow2", raw.name, new.temporary)


def copy_sparse(source, target, size, offset=0):
    """Copies bytes to an empty sparse file, without those that are zero."""
    target.truncate(size)
    step, done = 1 << 20, 0
    while done < size:
        source.seek(offset + done)
        data = source.read(min(step, size - done))
        if not data:
            raise Refusal("the image ended too early")
        if data.count(0) != len(data):
            target.seek(done)
            target.write(data)
        done += len(data)


def have_qemu_img():
    return shutil.which(os.environ.get("SERAI_QEMU_IMG", "qemu-img")) is not None
