#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the files that guests boot from: the kernel as Debian ships it, initramfs with a shell, to measure, to load."""

import argparse
import lzma
import os
import pathlib
import re
import stat
import subprocess
import sys
import tempfile

import absent_library

HERE = pathlib.Path(__file__).resolve().parent / "guests"
CROSS = "riscv64-unknown-elf-gcc"
READELF = "riscv64-unknown-elf-readelf"
LIBRARIES = "usr/lib/riscv64-linux-gnu"
# What a guest needs for a disk, and what they need comes before them. ext4 asks for its checksums by another name.
DISK_MODULES = ("crc32c_generic", "virtio_blk", "ext4")
DISK_PROGRAMS = ("usr/bin/fio", "usr/sbin/mke2fs", "usr/sbin/e2fsck")
LAN_MODULES = ("virtio_net",)
LAN_APPLETS = ("ip", "nc", "nslookup", "ping", "renice", "traceroute", "udhcpc", "wget")
# Addresses that guests of these names have, or ask for, in QEMU's user network.
HOSTS = b"127.0.0.1 localhost\n10.0.2.21 alpha\n10.0.2.22 beta\n10.0.2.23 gamma\n"
NET_MODULES = ("virtio_net", "8021q")
NET_PROGRAMS = ("usr/bin/iperf3", "usr/bin/ping", "usr/sbin/ethtool", "usr/sbin/dropbear", "usr/bin/dbclient", "usr/bin/scp")
NET_APPLETS = ("ip", "nc", "nslookup", "udhcpc", "wget")
NET_LIBRARIES = ("libgcc_s.so.1",)  # that programs load while they run
# Debian's fio is linked with clients of storage that no guest here has.
ABSENT = ("libgfapi.so.0", "libibverbs.so.1", "libnbd.so.0", "libnfs.so.14", "librados.so.2", "librbd.so.1", "librdmacm.so.1")
BENCH_FLAGS = ["-march=rv64imac", "-mabi=lp64", "-O2", "-Wall", "-Wextra", "-Werror", "-ffreestanding", "-nostdlib", "-static",
    "-s", "-Wl,--build-id=none", "-Wl,--no-warn-rwx-segments"]


class Initramfs:
    """A cpio archive in the "newc" format (Linux: Documentation/driver-api/early-userspace/buffer-format.rst).

    Not compressed: unpacking it costs the guest more instructions than copying it. The same input gives the same bytes.
    """

    def __init__(self):
        self.data = bytearray()
        self.inode = 0

    def add(self, name, mode, content=b"", device=(0, 0)):
        self.inode += 1
        encoded = name.encode() + b"\0"
        fields = [self.inode, mode, 0, 0, 1, 0, len(content), 0, 0, *device, len(encoded), 0]
        self.data += b"070701" + b"".join(b"%08X" % field for field in fields) + encoded
        self.data += b"\0" * (-len(self.data) % 4) + content
        self.data += b"\0" * (-len(self.data) % 4)

    def folder(self, name):
        self.add(name, stat.S_IFDIR | 0o755)

    def file(self, name, content, executable=False):
        self.add(name, stat.S_IFREG | (0o755 if executable else 0o644), content)

    def link(self, name, target):
        self.add(name, stat.S_IFLNK | 0o777, target.encode())

    def device(self, name, major, minor):
        self.add(name, stat.S_IFCHR | 0o600, b"", (major, minor))

    def finish(self):
        self.add("TRAILER!!!", 0)
        return bytes(self.data)


def applets(busybox):
    """The programs that busybox shall stand for, as paths in the guest."""
    common, _, system = (HERE / "applets").read_text().partition("sbin:")
    for name in (common + system).split():
        if b"\0" + name.encode() + b"\0" not in busybox:
            sys.exit(f"serai: error: Debian's busybox has no {name} any more: take it out of tools/guests/applets")
    return [f"bin/{name}" for name in common.split()] + [f"sbin/{name}" for name in system.split()]


def base(busybox):
    image = Initramfs()
    for name in ("bin", "dev", "etc", "proc", "root", "sbin", "sys", "tmp"):
        image.folder(name)
    image.device("dev/console", 5, 1)
    image.device("dev/null", 1, 3)
    image.device("dev/zero", 1, 5)
    image.file("bin/busybox", busybox, executable=True)
    return image


def shell(busybox, more=b"", init="init"):
    """more: what is added to /etc/rc."""
    image = base(busybox)
    for path in applets(busybox):
        image.link(path, "/bin/busybox")
    image.file("init", (HERE / init).read_bytes(), executable=True)
    image.file("etc/rc", (HERE / "rc").read_bytes() + more, executable=True)
    image.file("etc/profile", (HERE / "profile").read_bytes())
    image.file("etc/passwd", b"root::0:0:root:/root:/bin/sh\n")
    image.file("etc/group", b"root:x:0:\n")
    return image


def shell_initramfs(busybox, packages):
    """The shell's, with what its NICs need, if it has any."""
    image = shell(busybox, (HERE / "lan-rc").read_bytes())
    for name in LAN_APPLETS:
        image.link(f"bin/{name}", "/bin/busybox")
    image.file("etc/lan", (HERE / "lan").read_bytes(), executable=True)
    image.file("etc/udhcpc", (HERE / "udhcpc").read_bytes(), executable=True)
    image.file("etc/hosts", HOSTS)
    image.folder("lib")
    add_modules(image, packages, LAN_MODULES)
    return image.finish()


def needed(file):
    """What the dynamic linker loads for a file: names of libraries."""
    output = subprocess.run([READELF, "-d", file], check=True, capture_output=True, text=True).stdout
    return re.findall(r"\(NEEDED\).*\[(\S+)\]", output)


def add_libraries(image, packages, programs, absent=()):
    """All that programs load; returns the paths."""
    image.folder("lib")
    libraries, found = [name for program in programs for name in needed(program)], {}
    while libraries:
        name = libraries.pop()
        if name in found or name in absent:
            continue
        path = packages / LIBRARIES / name
        if not path.exists():
            sys.exit(f"serai: error: a program loads {name}, which no fetched package holds: add it in tools/fetch.py")
        found[name] = path
        image.file(f"lib/{name}", path.read_bytes(), executable=True)
        libraries += needed(path)
    return found.values()


def stress_initramfs(busybox, packages):
    """The shell's, with stress-ng, the libraries that it loads, and a program `stress` that judges its run."""
    image = shell(busybox, (HERE / "stress-rc").read_bytes())
    program = packages / "usr/bin/stress-ng"
    image.file("bin/stress-ng", program.read_bytes(), executable=True)
    image.file("bin/stress", (HERE / "stress").read_bytes(), executable=True)
    add_libraries(image, packages, [program])
    return image.finish()


def module(packages, name):
    """The content of one of the kernel's modules."""
    names = (f"{name}.ko.xz", f"{name.replace('_', '-')}.ko.xz")
    found = [path for file in names for path in packages.glob(f"usr/lib/modules/*/kernel/**/{file}")]
    if not found:
        sys.exit(f"serai: error: Debian's kernel package has no module {name} any more: change tools/guests.py")
    return lzma.decompress(found[0].read_bytes())


def in_order(packages, names, loaded):
    """Adds modules to {name: content}, each behind those that it depends on."""
    for name in names:
        if name not in loaded:
            content = module(packages, name)
            depends = re.search(rb"\0depends=([^\0]*)\0", content).group(1).decode()
            in_order(packages, [other for other in depends.split(",") if other], loaded)
            loaded[name] = content
    return loaded


def disk_initramfs(busybox, packages):
    """Mounts a disk and goes on from there."""
    image = shell(busybox, init="init-disk")
    image.link("sbin/switch_root", "/bin/busybox")
    image.link("sbin/findfs", "/bin/busybox")
    image.folder("lib")
    add_modules(image, packages, DISK_MODULES)
    return image.finish()


def add_modules(image, packages, names):
    image.folder("lib/modules")
    loaded = in_order(packages, names, {})
    for name, content in loaded.items():
        image.file(f"lib/modules/{name}.ko", content)
    image.file("lib/modules/order", "".join(f"{name}.ko\n" for name in loaded).encode())


def compiled(source):
    """A program of ours for a guest, without a C library."""
    with tempfile.TemporaryDirectory() as folder:
        program = pathlib.Path(folder) / "program"
        subprocess.run([CROSS, *BENCH_FLAGS, "-o", program, HERE / source], check=True)
        return program.read_bytes()


def disk_test_initramfs(busybox, packages, tools):
    """A shell with fio, the tools of ext4, and our own load."""
    image = shell(busybox, (HERE / "disk-test-rc").read_bytes())
    programs = [tools / path for path in DISK_PROGRAMS]
    for program in programs:
        image.file(f"bin/{program.name}", program.read_bytes(), executable=True)
    image.link("bin/mkfs.ext4", "mke2fs")
    image.file("etc/mke2fs.conf", (tools / "etc/mke2fs.conf").read_bytes())
    image.file("bin/disk", compiled("disk.c"), executable=True)
    libraries = add_libraries(image, tools, programs, ABSENT)
    wanted = set().union(*(absent_library.symbols(READELF, program, False) for program in programs))
    there = set().union(*(absent_library.symbols(READELF, library, True) for library in libraries))
    image.file(f"lib/{ABSENT[0]}", absent_library.library(wanted - there), executable=True)
    for name in ABSENT[1:]:
        image.link(f"lib/{name}", ABSENT[0])
    add_modules(image, packages, (*DISK_MODULES, "loop"))
    return image.finish()


def net_initramfs(busybox, packages, tools):
    """A shell with network programs, reached by ssh without a password, and our own sender of frames."""
    image = shell(busybox, (HERE / "net-rc").read_bytes())
    for name in NET_APPLETS:
        image.link(f"bin/{name}", "/bin/busybox")
    programs = [tools / path for path in NET_PROGRAMS]
    for program in programs:
        image.file(f"bin/{program.name}", program.read_bytes(), executable=True)
    for name in ("usr", "usr/bin", "etc/dropbear"):
        image.folder(name)
    image.file("bin/ssh", (HERE / "ssh").read_bytes(), executable=True)
    image.link("usr/bin/ssh", "/bin/ssh")  # where scp looks for it
    image.file("bin/net", compiled("net.c"), executable=True)
    image.file("bin/packets", compiled("packets.c"), executable=True)
    image.file("bin/datagrams", compiled("datagrams.c"), executable=True)
    image.file("etc/udhcpc", (HERE / "udhcpc").read_bytes(), executable=True)
    image.file("etc/hosts", HOSTS)
    add_libraries(image, tools, programs)
    for name in NET_LIBRARIES:
        image.file(f"lib/{name}", (tools / LIBRARIES / name).read_bytes(), executable=True)
    add_modules(image, packages, NET_MODULES)
    return image.finish()


def bench_initramfs(busybox):
    content = compiled("bench.c")
    image = base(busybox)
    for name in ("sh", "head", "sha256sum"):
        image.link(f"bin/{name}", "/bin/busybox")
    image.file("init", content, executable=True)
    return image.finish()


def write(path, content):
    """Replaces a file in one step, and only if it changed, so that nothing is built again for nothing."""
    if path.exists() and path.read_bytes() == content:
        return
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(content)
    os.replace(partial, path)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("packages", type=pathlib.Path, help="folder that `fetch.py guests` made")
    parser.add_argument("output", type=pathlib.Path, help="folder for the files")
    parser.add_argument("--stress", type=pathlib.Path, help="folder that `fetch.py stress` made")
    parser.add_argument("--disk", type=pathlib.Path, help="folder that `fetch.py disk` made")
    parser.add_argument("--net", type=pathlib.Path, help="folder that `fetch.py net` made")
    arguments = parser.parse_args()
    target = arguments.output / "debian"
    target.mkdir(parents=True, exist_ok=True)
    kernels = sorted(arguments.packages.glob("boot/vmlinu*-riscv64"))
    busybox = (arguments.packages / "usr/bin/busybox").read_bytes()
    image = kernels[-1].read_bytes() if kernels else b""
    # Header of a riscv Linux image (Linux: Documentation/arch/riscv/boot-image-header.rst).
    if image[56:60] != b"RSC\x05":
        sys.exit("serai: error: Debian's kernel package holds no flat Linux image any more: update Serai")
    write(target / "linux", image)
    write(target / "initramfs", shell_initramfs(busybox, arguments.packages))
    write(target / "initramfs-bench", bench_initramfs(busybox))
    write(target / "initramfs-disk", disk_initramfs(busybox, arguments.packages))
    if arguments.stress:
        write(target / "initramfs-stress", stress_initramfs(busybox, arguments.stress))
    if arguments.disk:
        write(target / "initramfs-disk-test", disk_test_initramfs(busybox, arguments.packages, arguments.disk))
    if arguments.net:
        write(target / "initramfs-net", net_initramfs(busybox, arguments.packages, arguments.net))


if __name__ == "__main__":
    main()
