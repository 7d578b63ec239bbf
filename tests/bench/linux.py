# SPDX-License-Identifier: Apache-2.0
"""What a Linux guest costs against the same kernel on the bare machine."""

import re

from driver import GUESTS, ICOUNT, QEMU, Guest, System, Terminal, description
from figures import Pairs

# Crypto self-tests run in the background for hundreds of millions of instructions, whenever there is time.
FULL = "console=hvc0 earlycon=sbi cryptomgr.notests=1"
QUIET = f"{FULL} quiet"
TICK = 100  # instructions, with -icount shift=0 and a timebase of 10 MHz
INIT = r"BENCH init (\d+)\n"
WORK = {"sha256": ("sha256sum of 64 MiB", 1.03), "fork": ("200 x fork and exec", 1.7), "touch": ("first touch of 24 MiB", 1.7)}


def start_bare(cmdline, initramfs="initramfs-bench", icount=False, nic=False):
    """The kernel without Serai: the same memory, and a virtio console as a guest has it. nic: one in QEMU's user network."""
    return Terminal([QEMU, "-machine", "virt", "-cpu", "rv64,h=true", "-m", "128M", "-no-reboot", "-display", "none",
        "-monitor", "none", "-serial", "none", "-chardev", "stdio,id=con,signal=off,mux=off", "-device", "virtio-serial-pci",
        "-device", "virtconsole,chardev=con", "-kernel", GUESTS / "debian/linux", "-initrd", GUESTS / "debian" / initramfs,
        "-append", cmdline, "-nic", "user,model=virtio-net-pci" if nic else "none", *(ICOUNT if icount else ())])


def start_guest(cmdline, icount=False):
    return start_guests(("alpha",), cmdline, icount=icount)


def start_guests(names, cmdline, vcpus=1, **options):
    guests = [Guest.linux(name, cmdline=cmdline, initramfs="initramfs-bench", vcpus=vcpus) for name in names]
    return System(description(*guests), **options)


def start_bare_shell():
    """What start_default is compared with."""
    return start_bare("console=hvc0 earlycon=sbi serai.host=alpha", "initramfs", nic=True)


def start_default(names, **options):
    """The guests of the default system."""
    return System(description(*(Guest.linux(name, nics=["lan"]) for name in names), nets={"lan": {"uplink": True}}), **options)


def until(terminal, patterns, timeout=300):
    """Waits for all patterns, ends the terminal; returns the matches, and wall and processor seconds from the start."""
    matches = []
    for pattern in patterns:
        terminal.position = 0
        matches.append(terminal.expect(pattern, timeout))
    seconds = terminal.seconds()
    terminal.end()
    return matches, seconds


def instructions(terminal):
    matches, _ = until(terminal, [INIT])
    return int(matches[0].group(1)) * TICK


def times(terminal, *patterns):
    return until(terminal, patterns)[1]


def measure_boot(figures, runs):
    figures.begin("One guest, from power-on to its /init, against a bare boot")
    bare, guest = instructions(start_bare(QUIET, icount=True)), instructions(start_guest(QUIET, icount=True))
    figures.add("instructions, bare", bare)
    figures.add("instructions, guest", guest)
    figures.add("instructions, guest to bare", guest / bare, 1.06)
    pairs = Pairs()
    for _ in range(runs):
        pairs.add(times(start_bare(QUIET), INIT), times(start_guest(QUIET), INIT))
    pairs.report(figures, "bare", "guest", "guest to bare", 1.15)


def measure_two(figures, runs):
    figures.begin("two-linux, from QEMU's start to both shells, against one bare boot to its shell")
    names = ("alpha", "beta")
    pairs = Pairs()
    for _ in range(runs):
        bare = times(start_bare_shell(), r"root@alpha:\S+# ")
        pairs.add(bare, times(start_default(names), *(rf"^\[{name}\] root@{name}:\S+# " for name in names)))
    pairs.report(figures, "one bare boot", "both guests", "both guests to one bare boot", 2.4)


def measure_console(figures, runs):
    figures.begin("A guest's boot with full console output, against its quiet boot")
    quiet, full = instructions(start_guest(QUIET, icount=True)), instructions(start_guest(FULL, icount=True))
    figures.add("instructions, quiet", quiet)
    figures.add("instructions, full output", full)
    figures.add("instructions, full to quiet", full / quiet, 1.08)
    pairs = Pairs()
    for _ in range(runs):
        pairs.add(times(start_guest(QUIET), INIT), times(start_guest(FULL), INIT))
    pairs.report(figures, "quiet", "full output", "full to quiet", 1.08)


def work(terminal):
    """For each work: wall seconds by the machine's or the guest's own clock, and QEMU's processor seconds."""
    times = {}
    terminal.expect(INIT, 120)
    _, before = terminal.seconds()
    for name in WORK:
        microseconds = terminal.expect(rf"BENCH {name} (\d+)\n", 300).group(1)
        _, after = terminal.seconds()
        times[name] = (int(microseconds) / 1e6, after - before)
        before = after
    terminal.end()
    return times


def measure_work(figures, runs):
    figures.begin("Work in a guest, against bare")
    cmdline = f"{QUIET} serai.bench=work"
    pairs = {name: Pairs() for name in WORK}
    for _ in range(runs):
        bare, guest = work(start_bare(cmdline)), work(start_guest(cmdline))
        for name in WORK:
            pairs[name].add(bare[name], guest[name])
    for name, (title, goal) in WORK.items():
        pairs[name].report(figures, f"{title}, bare", f"{title}, guest", f"{title}, guest to bare", goal)
