# SPDX-License-Identifier: Apache-2.0
"""Systems with disks: images, descriptions, and guests whose shell has fio, the tools of ext4 and our own load."""

import pathlib
import shutil
import subprocess
import tempfile

from driver import GUESTS, TOP, Guest, System, check, description

TEST_CMDLINE = "console=hvc0 quiet cryptomgr.notests=1"
PROMPT = r"root@{}:\S+# "
MIB = 1 << 20


def need(name):
    check((GUESTS / "debian" / name).exists(), f"there is no {name}: ./serai test makes it")


class Disks:
    """The part of a description that names disks and volumes, and a folder for their images that outlives a system."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="serai-disks-"))
        self.disks, self.volumes = {}, {}

    def path(self, name):
        return self.folder / f"{name}.img"

    def disk(self, name, size=None, **keys):
        self.disks[name] = {"file": str(self.path(name)), **({"size": size} if size else {}), **keys}
        return self

    def volume(self, name, **keys):
        self.volumes[name] = keys
        return self

    def whole(self, name, size):
        """A disk and a volume of it, both of this name."""
        return self.disk(name, size).volume(name, disk=name)

    def base(self, size):
        """The volume "base" on a disk of its own, zero if the test puts nothing there."""
        with open(self.path("base"), "wb") as file:
            file.truncate(size)
        return self.disk("base", read_only=True).volume("base", disk="base", read_only=True)

    def overlay(self, name, size):
        """An overlay of "base" with a disk of its own as store."""
        return self.whole(f"{name}-store", size).volume(name, base="base", store=f"{name}-store")

    def tool(self, *words):
        """What ./serai disk prints, without a system that runs; fails if it does."""
        result = subprocess.run([TOP / "tools/disk.py", *map(str, words)], capture_output=True, text=True, timeout=60)
        check(result.returncode == 0, f"disk {words[0]}: {result.stdout}{result.stderr}")
        return result.stdout

    def check(self):
        """Fails if anything is wrong in the store of an overlay. No system may run."""
        for name, keys in self.volumes.items():
            if keys.get("base") == "base":
                self.tool("check", self.path(keys["store"]), "--base", self.path("base"))

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)


def linux(name, disks, memory="160M", initramfs="initramfs-disk-test", cmdline=None, **keys):
    return Guest.linux(name, cmdline=cmdline or f"{TEST_CMDLINE} serai.host={name}", initramfs=initramfs, memory=memory,
        disks=disks, **keys)


class DiskSystem(System):
    """guests: {name: disks as in a description}."""

    def __init__(self, disks, guests, memory="448M", harts=1, arguments=(), **options):
        need("initramfs-disk-test")
        self.names = list(guests)
        text = description(*(linux(name, names) for name, names in guests.items()), memory=memory, harts=harts,
            disks=disks.disks, volumes=disks.volumes)
        super().__init__(text, arguments=[*(("-smp", str(harts)) if harts > 1 else ()), *arguments], memory=memory, **options)

    def wait_shells(self, timeout=120):
        for name in self.names:
            self.position = 0
            self.expect(PROMPT.format(name), timeout)
        if len(self.names) > 1:
            self.position = len(self.text)

    def enter(self, name):
        """Focuses a guest and waits for its shell."""
        self.focus(name)
        self.marks += 1
        self.type(f"echo ENT''ERED-{self.marks}\r")
        self.expect(rf"ENTERED-{self.marks}\b")


def fio(target, how, size="64M", block="4k", depth=1, more=""):
    """The command line of one fio job on a device or file."""
    return (f"fio --name=job --filename={target} --rw={how} --bs={block} --size={size} --iodepth={depth} --ioengine=libaio "
        f"--direct=1 --thread {more} 2>/dev/null")
