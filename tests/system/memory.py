# SPDX-License-Identifier: Apache-2.0
"""The machine's memory from outside: read as a file, written through QEMU's gdb stub."""

import mmap
import socket
import struct

RAM_BASE = 0x80000000
ARCHIVE_MAGIC = b"sia1"
LARGE_PAGE = 2 << 20


def arguments(folder, size):
    """QEMU's arguments for a machine with such a memory."""
    return ["-object", f"memory-backend-file,id=ram,size={size},mem-path={folder}/ram,share=on", "-machine",
        "memory-backend=ram", "-chardev", f"socket,id=gdb,path={folder}/gdb,server=on,wait=off", "-gdb", "chardev:gdb"]


def function_bytes(elf, name, count):
    """The first bytes of a function in an ELF file (System V ABI, chapter 4; 64-bit little-endian)."""
    data = elf.read_bytes()
    section_offset, = struct.unpack_from("<Q", data, 0x28)
    entry_size, entries = struct.unpack_from("<HH", data, 0x3a)
    sections = [struct.unpack_from("<IIQQQQIIQQ", data, section_offset + i * entry_size) for i in range(entries)]
    for section in sections:
        if section[1] != 2:  # symbol table
            continue
        strings = sections[section[6]][4]
        for at in range(section[4], section[4] + section[5], 24):
            string, _, _, index, value, _ = struct.unpack_from("<IBBHQQ", data, at)
            end = data.index(b"\0", strings + string)
            if data[strings + string:end] == name.encode():
                code = sections[index]
                start = code[4] + value - code[3]
                return data[start:start + count], value
    raise KeyError(name)


def loaded_copies(folder, code, address):
    """Physical addresses of some code of a server, but not in a boot archive."""
    with open(f"{folder}/ram", "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as ram:
        archives = []
        for at in range(0, len(ram), LARGE_PAGE):
            if ram[at:at + 4] == ARCHIVE_MAGIC:
                size, = struct.unpack_from("<Q", ram, at + 16)
                archives.append(range(at, at + size))
        found, at = [], ram.find(code)
        while at >= 0:
            if at % 4096 == address % 4096 and not any(at in archive for archive in archives):
                found.append(RAM_BASE + at)
            at = ram.find(code, at + 1)
        return found


class Stub:
    """QEMU's gdb stub (GDB manual, "Remote Protocol"); the machine stands still while it is connected."""

    def __init__(self, folder):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(10)
        self.socket.connect(f"{folder}/gdb")
        self.ask("qSupported")
        self.ask("Qqemu.PhyMemMode:1")

    def ask(self, text):
        self.socket.sendall(f"${text}#{sum(text.encode()) % 256:02x}".encode())
        return self.answer()

    def answer(self):
        data = b""
        while not (len(data) >= 3 and data[-3:-2] == b"#"):
            data += self.socket.recv(1)
        self.socket.sendall(b"+")
        return data[data.index(b"$") + 1:-3].decode()

    def write(self, address, data):
        return self.ask(f"M{address:x},{len(data):x}:{data.hex()}") == "OK"

    def close(self):
        """Lets the machine go on."""
        self.ask("D")
        self.socket.close()
