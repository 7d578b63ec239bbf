# SPDX-License-Identifier: Apache-2.0
"""Exits of a guest and paths of the kernel in instructions; sizes."""

import re
import subprocess

import table
from driver import BUILD, ICOUNT, PAYLOADS, QEMU, Guest, System, Terminal, description
from figures import number


def exit_rows(terminal):
    terminal.expect("bench: done", 120)
    rows = {row: (int(middle) if middle != "-" else None)
        for row, middle in re.findall(r"EXIT (\S+) (\d+|-) (?:\d+|-)\n", terminal.text)}
    terminal.end()
    return rows


def report(figures, group, measured, note=lambda key: ""):
    """The rows of the table, then those that are not in it yet. A row that the machine lacks is None."""
    known = table.load()[group]
    for key in [*known, *(key for key in measured if key not in known)]:
        row = known.get(key, {})
        figures.add(row.get("title", key), measured.get(key), row.get("goal"), note=note(key))
    figures.exact[group] = measured


def measure_exits(figures):
    figures.begin("Exits of a guest, in instructions of the whole machine (bare in the note)")
    bare = exit_rows(Terminal([QEMU, "-machine", "virt", "-cpu", "rv64,h=true", "-m", "128M", "-no-reboot", "-display", "none",
        "-monitor", "none", "-chardev", "stdio,id=con,signal=off,mux=off", "-serial", "chardev:con", "-kernel",
        PAYLOADS / "bench.bin", *ICOUNT]))
    guest = exit_rows(System(description(Guest("bench", "bench", memory="32M")), icount=True))
    report(figures, "exits", guest, lambda key: f"bare {number(bare.get(key))}")


def measure_paths(figures):
    figures.begin("Paths of the kernel, in instructions from user mode to user mode")
    system = System(description(Guest("none")), icount=True, root=BUILD / "tests/bench/ipc/ipc_bench.elf")
    system.expect("IPC (?:done|failed: .*)\n", 60)
    rows = {row: int(middle) for row, middle in re.findall(r"IPC (\S+) (\d+) \d+\n", system.text)}
    system.end()
    report(figures, "paths", rows)


def free_memory(system):
    return int(re.search(r"free +(\d+) KiB", system.prompt("memory")).group(1))


def measure_sizes(figures):
    figures.begin("Sizes")
    output = subprocess.run(["riscv64-unknown-elf-size", BUILD / "kernel/kernel.elf"], check=True, capture_output=True, text=True)
    figures.add("kernel text with constants", int(output.stdout.split("\n")[1].split()[0]), 64 << 10, "bytes")

    # With no guest running; the firmware and the archive, which holds next to nothing here, count as well.
    system = System(description(Guest("a", autostart=False)))
    system.expect("-- focus: a --", 60)
    figures.add("system without guests, with firmware and archive", (512 << 10) - free_memory(system), 16 << 10, "KiB")
    system.end()

    system = System(description(Guest.linux("alpha")))
    system.expect(r"root@alpha:\S+# ", 120)
    with_guest = free_memory(system)
    row = re.search(r"alpha +running +\d+ \wiB +(\d+) (\w)iB", system.prompt("list"))
    figures.add("beyond its RAM, one Linux guest, by `list`", int(row.group(1)) * (1024 if row.group(2) == "M" else 1),
        2 << 10, "KiB")
    system.prompt("stop alpha")
    # The last guest is gone, but not by itself: the machine goes on.
    figures.add("beyond its RAM, one Linux guest, by what its end frees", free_memory(system) - with_guest - (128 << 10),
        2 << 10, "KiB")
    system.end()
