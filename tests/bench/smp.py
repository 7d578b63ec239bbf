# SPDX-License-Identifier: Apache-2.0
"""Two harts: load in two guests at once against machines of their own, rates of messages and exits against one hart."""

import re

from driver import BUILD, PAYLOADS, QEMU, Guest, System, Terminal, check, description
from figures import Pairs, median, spread
from linux import QUIET, start_bare, start_bare_shell, start_default, start_guests, times

HARTS = ("-smp", "2", "-accel", "tcg,thread=multi")
LOAD = f"{QUIET} serai.bench=load"
RESULT = r"BENCH load (\d+)\n"
NAMES = ("alpha", "beta")


def seconds_of_load(terminals, patterns):
    """Lets all terminals go on until the patterns came in each; returns the longest load. The guests start theirs at the same time."""
    longest = 0
    for terminal in terminals:
        for pattern in patterns:
            terminal.position = 0
            longest = max(longest, int(terminal.expect(pattern, 180).group(1)) / 1e6)
    for terminal in terminals:
        terminal.end()
    return longest


def load_bare():
    return seconds_of_load([start_bare(LOAD) for _ in NAMES], [RESULT])


def load_guests():
    return seconds_of_load([start_guests(NAMES, LOAD, vcpus=2, arguments=HARTS)], [rf"^\[{name}\] {RESULT}" for name in NAMES])


def measure_load(figures, runs):
    figures.begin("Two guests with two vCPUs each on two harts, against two machines of one hart each: the same load in all")
    bare, guests = [], []
    for _ in range(runs):
        bare.append(load_bare())
        guests.append(load_guests())
    figures.add("wall, two machines", median(bare), unit="s", note=spread(bare))
    figures.add("wall, two guests", median(guests), unit="s", note=spread(guests))
    ratios = [b / a for a, b in zip(bare, guests)]
    figures.add("wall, guests to machines, median of pairs", median(ratios), 1.15, note=spread(ratios))


def read_rates(terminal, last):
    """{kind: {harts: [operations per second]}} of lines up to a last one."""
    terminal.expect(rf"{last}\n", 60)
    found = {}
    for kind, harts, rate in re.findall(r"RATE (\S+) (\d+) (\d+)\n", terminal.text):
        found.setdefault(kind, {}).setdefault(int(harts), []).append(int(rate))
    terminal.end()
    check(found, "the measuring program printed no rates")
    return found


def kernel_rates(arguments):
    """Of tests/bench/ipc/rate.c, which works on one hart and on all in turn."""
    return read_rates(System(description(Guest("none")), root=BUILD / "tests/bench/ipc/rate_bench.elf", arguments=arguments),
        "IPC done")


def machine_rates():
    """Of tests/guests/harts.c on the bare machine: what QEMU itself gains by a second hart."""
    return read_rates(Terminal([QEMU, "-machine", "virt", "-cpu", "rv64,h=true", "-m", "128M", "-no-reboot", "-display", "none",
        "-monitor", "none", "-chardev", "stdio,id=con,signal=off,mux=off", "-serial", "chardev:con", "-kernel",
        PAYLOADS / "harts.bin", *HARTS]), "harts: done")


def guest_rates(names):
    """{kind: exits per second of all guests at once}, by tests/guests/rate.c."""
    system = System(description(*(Guest(name, "rate") for name in names)), arguments=HARTS)
    for name in names:
        system.position = 0
        system.expect(rf"^\[{name}\] rate: done\n" if len(names) > 1 else "rate: done\n", 60)
    total = {}
    for name in names:
        label = rf"\[{name}\] " if len(names) > 1 else r"(?:\[\w+\] )?"
        for kind in ("call", "read"):
            found = re.findall(rf"^{label}EXITS {kind} (\d+)\n", system.text, re.MULTILINE)
            total[kind] = total.get(kind, 0) + median([int(rate) for rate in found])
    system.end()
    return total


def report_rates(figures, title, one, two, goal):
    """one, two: rates that were measured in turn, on one hart and on two."""
    figures.add(f"{title}, one hart", round(median(one)), unit="per s")
    figures.add(f"{title}, two harts", round(median(two)), unit="per s")
    ratios = [b / a for a, b in zip(one, two)]
    figures.add(f"{title}, two harts to one, median of pairs", median(ratios), goal, least=True, note=spread(ratios))


def measure_rates(figures, runs):
    figures.begin("Operations on two harts at once against one hart of the same machine")
    machine, kernel = machine_rates(), kernel_rates(HARTS)
    check(2 in kernel["ipc"], "the kernel uses one hart of two")
    for kind, title in (("call", "bare: firmware calls"), ("exit", "bare: guest exits with nothing around them")):
        report_rates(figures, title, machine[kind][1], machine[kind][2], None)
    for kind, title in (("ipc", "round trips"), ("exit", "VM exits to a task that does nothing")):
        report_rates(figures, title, kernel[kind][1], kernel[kind][2], 1.8)
    pairs = [(guest_rates(NAMES[:1]), guest_rates(NAMES)) for _ in range(runs)]
    for kind, title in (("call", "firmware calls of guests"), ("read", "device reads of guests")):
        report_rates(figures, title, [one[kind] for one, _ in pairs], [two[kind] for _, two in pairs], 1.8)


def measure_boots(figures, runs):
    figures.begin("two-linux on two harts, from QEMU's start to both shells, against one bare boot to its shell")
    pairs = Pairs()
    for _ in range(runs):
        bare = times(start_bare_shell(), r"root@alpha:\S+# ")
        pairs.add(bare, times(start_default(NAMES, arguments=HARTS), *(rf"^\[{name}\] root@{name}:\S+# " for name in NAMES)))
    pairs.report(figures, "one bare boot", "both guests", "both guests to one bare boot", 1.5)


def measure(figures, runs):
    measure_rates(figures, runs)
    measure_load(figures, min(runs, 3))
    measure_boots(figures, runs)
