# SPDX-License-Identifier: Apache-2.0
"""Opens images with the locks that QEMU takes, so that neither writes to what the other has open.

QEMU (block/file-posix.c) locks single bytes of the file: a byte from 100 on for each thing it does, and one from 200 on for each thing
that others must not do meanwhile.
"""

import errno
import fcntl
import os
import stat
import struct

from . import Refusal

DOES, FORBIDS = 100, 200
READS, WRITES, RESIZES = 0, 1, 3  # bits of QEMU's permissions
# Of <fcntl.h>; Python has the names only where it was built with them.
OFD_GETLK, OFD_SETLK = getattr(fcntl, "F_OFD_GETLK", 36), getattr(fcntl, "F_OFD_SETLK", 37)


def flock(kind, byte):
    return struct.pack("hhqqi4x", kind, os.SEEK_SET, byte, 1, 0)


def is_locked(descriptor, byte):
    """True if another has any lock on the byte."""
    answer = fcntl.fcntl(descriptor, OFD_GETLK, flock(fcntl.F_WRLCK, byte))
    return struct.unpack("hhqqi4x", answer)[0] != fcntl.F_UNLCK


def needs(write):
    """The permissions that opening takes, and those that it forbids others."""
    return ((READS, WRITES, RESIZES) if write else (READS,)), (WRITES, RESIZES)


def conflicts(descriptor, write):
    """Whether another process has the file open in a way that does not fit; False if the file system knows no such locks."""
    does, forbids = needs(write)
    try:
        return any(is_locked(descriptor, FORBIDS + bit) for bit in does) or any(is_locked(descriptor, DOES + bit) for bit in forbids)
    except OSError as error:
        if error.errno in (errno.EINVAL, errno.ENOLCK, errno.EOPNOTSUPP):
            return False
        raise


def take(descriptor, path, write):
    """Holds the locks until the file is closed."""
    does, forbids = needs(write)
    try:
        for byte in [DOES + bit for bit in does] + [FORBIDS + bit for bit in forbids]:
            fcntl.fcntl(descriptor, OFD_SETLK, flock(fcntl.F_RDLCK, byte))
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOLCK, errno.EOPNOTSUPP):
            raise
    if conflicts(descriptor, write):
        raise in_use(path)


def in_use(path):
    return Refusal(f"{path} is in use: a system that has it runs (end it first), or another tool has it open")


def open_image(path, write=False):
    """Opens an existing image, locked; a regular file or a block device."""
    try:
        descriptor = os.open(path, (os.O_RDWR if write else os.O_RDONLY) | os.O_CLOEXEC)
    except OSError as error:
        raise Refusal(f"{path}: {error.strerror}") from None
    file = os.fdopen(descriptor, "r+b" if write else "rb", buffering=0)
    mode = os.fstat(descriptor).st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISBLK(mode)):
        file.close()
        raise Refusal(f"{path} is neither a file nor a block device")
    try:
        take(descriptor, path, write)
    except BaseException:
        file.close()
        raise
    return file


def check_free(path, write):
    """Refuses an image that could not be opened now."""
    open_image(path, write).close()
