# SPDX-License-Identifier: Apache-2.0
"""CRC32C (Castagnoli; RFC 3720, appendix B.4), two bytes at a time."""

import array
import functools
import sys

POLYNOMIAL = 0x82f63b78  # reflected
BYTE = []
for _value in range(256):
    for _ in range(8):
        _value = _value >> 1 ^ (POLYNOMIAL if _value & 1 else 0)
    BYTE.append(_value)
PAIR = [BYTE[(low := BYTE[pair & 255] ^ pair >> 8) & 255] ^ low >> 8 for pair in range(65536)]


@functools.lru_cache(maxsize=128)
def crc32c(data, checksum=0):
    """Goes on with a checksum; begin with 0. Pages are looked at more than once, so the last results are kept."""
    value, even = checksum ^ 0xffffffff, len(data) & ~1
    pairs = array.array("H", data[:even])
    if sys.byteorder == "big":
        pairs.byteswap()
    table = PAIR
    for pair in pairs:
        value = table[(value ^ pair) & 0xffff] ^ value >> 16
    for byte in data[even:]:
        value = BYTE[(value ^ byte) & 255] ^ value >> 8
    return value ^ 0xffffffff
