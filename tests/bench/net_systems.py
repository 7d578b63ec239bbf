# SPDX-License-Identifier: Apache-2.0
"""Two Linux guests on one network, three ways: Serai's, two bare machines joined by a socket, two KVM guests of a Linux host."""

import os
import pathlib
import subprocess
import sys
import tempfile

from driver import GUESTS, QEMU, TOP, Failure, Guest, System, Terminal, check, description
from disks import need
from net_guests import ADDRESSES, GATEWAY, INITRAMFS, NetSystem

sys.path.insert(0, str(TOP / "tools"))
import guests as guest_files  # noqa: E402 (the path must be set first)

CMDLINE = "console=hvc0 quiet cryptomgr.notests=1"
NAMES = ("alpha", "beta")
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "serai"
HOST_INITRAMFS = "initramfs-kvm"
HOST_MODULES = ("kvm", "tun", "bridge", "vhost_net")
HOST_APPLETS = ("ip", "brctl", "tunctl")
# What a kernel does first: csrw sie, zero; csrw sip, zero. In a guest nothing is pending then.
KERNEL_START, KERNEL_START_COUNTERS = bytes.fromhex("7310401073104014"), bytes.fromhex("7310401073d06310")


def cmdline(name):
    return f"{CMDLINE} serai.host={name} net={ADDRESSES[name]}/24,{GATEWAY}"


class Serai(NetSystem):
    """Guests on the switch "lan"; nics: of each by name, if it is more than the switch's name."""

    def __init__(self, names=NAMES, uplink=False, nics=None, harts=2, memory="448M", arguments=(), **options):
        need(INITRAMFS)
        self.names = list(names)
        guests = [Guest.linux(name, cmdline=cmdline(name), initramfs=INITRAMFS, memory="128M", nics=(nics or {}).get(name, ["lan"]))
            for name in names]
        System.__init__(self, description(*guests, memory=memory, harts=harts, nets={"lan": {"uplink": uplink}}), memory=memory,
            arguments=[*(("-smp", str(harts)) if harts > 1 else ()), *arguments], **options)
        self.wait_shells(300)

    def shell(self, name, command, timeout=60):
        """Runs a command in a guest; returns what it printed. Fails if it did not end with 0."""
        self.enter(name)
        return self.run(command, timeout)


class Machine(Terminal):
    """Linux on a machine of its own, without Serai."""

    run, run_any = NetSystem.run, NetSystem.run_any

    def __init__(self, words, initramfs, netdev=(), memory="128M", arguments=()):
        self.marks = 0
        super().__init__([QEMU, "-machine", "virt", "-cpu", "rv64,h=true", "-m", memory, "-no-reboot", "-display", "none", "-monitor",
            "none", "-serial", "none", "-chardev", "stdio,id=con,signal=off,mux=off", "-device", "virtio-serial-pci", "-device",
            "virtconsole,chardev=con", "-kernel", GUESTS / "debian/linux", "-initrd", GUESTS / "debian" / initramfs, "-append", words,
            *netdev, *arguments])

    def wait_shell(self, name):
        self.expect(rf"root@{name}:\S+# ", 300)


def nic(netdev, number=1):
    return ("-netdev", netdev, "-device", f"virtio-net-pci,netdev=n,disable-legacy=on,romfile=,mac=52:54:00:00:01:{number:02x}")


class Bare:
    """Two machines joined by a socket; or one, with QEMU's user network."""

    def __init__(self, names=NAMES, arguments=()):
        self.folder = tempfile.TemporaryDirectory(prefix="serai-bench-")
        path, self.machines = f"{self.folder.name}/socket", {}
        for number, name in enumerate(names):
            netdev = f"stream,id=n,server={'off' if number else 'on'},addr.type=unix,addr.path={path}" if len(names) > 1 else "user,id=n"
            self.machines[name] = Machine(cmdline(name), INITRAMFS, nic(netdev, number), arguments=arguments)
            self.machines[name].wait_shell(name)

    def shell(self, name, command, timeout=60):
        return self.machines[name].run(command, timeout)

    def end(self):
        for machine in self.machines.values():
            machine.end()
        self.folder.cleanup()


def make_host_initramfs():
    """The host's files, with those of its guests in them; made again when these have changed."""
    target, guest = GUESTS / "debian" / HOST_INITRAMFS, GUESTS / "debian" / INITRAMFS
    need(INITRAMFS)
    packages, debian = CACHE / "debian-kvm", CACHE / "debian"
    if not packages.exists():
        subprocess.run([TOP / "tools/fetch.py", "kvm", packages], check=True)
    if target.exists() and target.stat().st_mtime > max(path.stat().st_mtime for path in (guest, packages, pathlib.Path(__file__))):
        return
    image = guest_files.shell((debian / "usr/bin/busybox").read_bytes(), (guest_files.HERE / "net-rc").read_bytes())
    for name in HOST_APPLETS:
        image.link(f"bin/{name}", "/bin/busybox")
    program = packages / "usr/bin/qemu-system-riscv64"
    image.file("bin/qemu-system-riscv64", program.read_bytes(), executable=True)
    guest_files.add_libraries(image, packages, [program])
    guest_files.add_modules(image, debian, HOST_MODULES)
    image.folder("guest")
    kernel = (GUESTS / "debian/linux").read_bytes()
    check(KERNEL_START in kernel, "Debian's kernel begins otherwise than it did: change tests/bench/net_systems.py")
    # QEMU 10.0 starts KVM guests with scounteren 0, so programs in them could not read the time.
    image.file("guest/linux", kernel.replace(KERNEL_START, KERNEL_START_COUNTERS))
    image.file("guest/initramfs", guest.read_bytes())
    guest_files.write(target, image.finish())
    os.utime(target)


class Kvm(Machine):
    """A Linux host with two KVM guests on a bridge: QEMU 10.0 as their VMM, vhost-net."""

    def __init__(self, harts=2, arguments=()):
        make_host_initramfs()
        super().__init__(f"{CMDLINE} serai.host=host", HOST_INITRAMFS, memory="1G", arguments=("-smp", str(harts), *arguments))
        self.wait_shell("host")
        self.run("ls /dev/kvm /dev/vhost-net && brctl addbr br0 && ip link set br0 up")
        for number, name in enumerate(NAMES, 1):
            self.start_guest(number, name)

    def start_guest(self, number, name):
        self.run(f"tunctl -t tap{number} && brctl addif br0 tap{number} && ip link set tap{number} up && mkfifo /tmp/{name}.in /tmp/{name}.out")
        self.run(f"(qemu-system-riscv64 -machine virt -accel kvm -cpu host -m 128M -no-reboot -display none -monitor none -serial none "
            f"-chardev pipe,id=con,path=/tmp/{name} -device virtio-serial-pci -device virtconsole,chardev=con -kernel /guest/linux "
            f"-initrd /guest/initramfs -append '{cmdline(name)}' -netdev tap,id=n,ifname=tap{number},script=no,downscript=no,vhost=on "
            f"-device virtio-net-pci,netdev=n,romfile=,mac=52:54:00:00:01:{number:02x} 2>&1 | sed 's/^/VMM: /' &); (cat /tmp/{name}.out &)")
        self.wait_shell(name)

    def shell(self, name, command, timeout=60):
        self.marks += 1
        start = self.position
        # Not as it is typed, or the echo would be taken for the end.
        line = f"{command}; echo EN\"\"D-{self.marks}-$?-".replace("'", "'\\''")
        self.type(f"echo '{line}' >/tmp/{name}.in\r")
        match = self.expect(rf"END-{self.marks}-(\d+)-", timeout)
        answer = self.text[start:match.start()]
        if match.group(1) != "0":
            raise Failure(f"{command!r} ended with {match.group(1)}: {answer[-600:]}")
        return answer
