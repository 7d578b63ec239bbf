# SPDX-License-Identifier: Apache-2.0
"""Makes a shared library in place of ones that a guest's program is linked with but never calls there.

Debian's fio is linked with clients of Ceph, Gluster, NFS and NBD: 30 MB to load before each run. Here are functions of the same names;
who calls one is ended by a trap.
"""

import re
import struct
import subprocess

PAGE = 4096
TRAP = b"\x02\x90"  # c.ebreak
# ELF-64 for RISC-V, shared, compressed instructions and double floats in registers, as all of Debian's.
FLAGS = 5
DT_HASH, DT_STRTAB, DT_SYMTAB, DT_STRSZ, DT_SYMENT, DT_SONAME = 4, 5, 6, 10, 11, 14


def symbols(readelf, file, defined):
    """Names of functions that a program needs, or that a library defines."""
    output = subprocess.run([readelf, "-W", "--dyn-syms", file], check=True, capture_output=True, text=True).stdout
    rows = re.findall(r"^ *\d+: \w+ +\d+ (\w+) +(\w+) +\w+ +(\w+) (\S+)", output, re.MULTILINE)
    return {name.split("@")[0] for _, binding, section, name in rows if (section != "UND") == defined and (defined or binding != "WEAK")}


def library(names):
    """The bytes of a library that defines functions of these names."""
    names = sorted(names)
    text = b"\0"
    table = [bytes(24)]
    for name in names:
        # Global function in section 1; the value is set below.
        table.append(struct.pack("<IBBHQQ", len(text), 0x12, 0, 1, 64 + 2 * 56, len(TRAP)))
        text += name.encode() + b"\0"
    soname = len(text)
    text += b"libabsent.so\0"
    # One chain of all symbols: it is read a few hundred times.
    chain = [0] + [number + 1 if number < len(names) else 0 for number in range(1, len(names) + 1)]
    hashes = struct.pack(f"<{4 + len(names)}I", 1, len(names) + 1, 1 if names else 0, *chain)
    content = bytearray(64 + 2 * 56)
    content += TRAP
    content += bytes(-len(content) % 8)
    where = {}
    for kind, part in (("symbols", b"".join(table)), ("hashes", hashes), ("text", text)):
        where[kind] = len(content)
        content += part + bytes(-len(part) % 8)
    dynamic = len(content)
    for tag, value in ((DT_HASH, where["hashes"]), (DT_STRTAB, where["text"]), (DT_SYMTAB, where["symbols"]), (DT_STRSZ, len(text)),
            (DT_SYMENT, 24), (DT_SONAME, soname), (0, 0)):
        content += struct.pack("<QQ", tag, value)
    size = len(content)
    content[:64] = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 3, 243, 1, 0, 64, 0, FLAGS, 64, 56, 2, 0, 0, 0)
    content[64:64 + 56] = struct.pack("<IIQQQQQQ", 1, 7, 0, 0, 0, size, size, PAGE)
    content[64 + 56:64 + 112] = struct.pack("<IIQQQQQQ", 2, 6, dynamic, dynamic, dynamic, size - dynamic, size - dynamic, 8)
    return bytes(content)
