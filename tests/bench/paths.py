# SPDX-License-Identifier: Apache-2.0
"""Exits of a guest and paths of the kernel in instructions; sizes."""

import re
import subprocess

from driver import BUILD, ICOUNT, PAYLOADS, QEMU, Guest, System, Terminal, description

# Rows of tests/guests/bench.c: what they are, and what must be reached.
EXITS = {
    "sbi-base": ("SBI BASE call", 400),
    "dbcn-0": ("SBI DBCN, 0 bytes", 450),
    "mmio-uart": ("MMIO read of a UART register", 600),
    "mmio-plic": ("MMIO read of the interrupt controller", 600),
    "set-timer-far": ("SBI set_timer far ahead", 450),
    "timer-sbi": ("timer interrupt by SBI, spinning", 550),
    "sstc-write": ("Sstc: write of stimecmp", 3),
    "sstc-interrupt": ("Sstc: interrupt", 81),
    "ipi-self": ("IPI to self", 650),
    "rfence-i": ("remote fence.i to self", 700),
    "rfence-vma-page": ("remote sfence.vma, one page", 700),
    "rfence-vma-all": ("remote sfence.vma, all", 700),
    "wfi-pending": ("WFI with an interrupt pending", 400),
    "rdcycle": ("rdcycle", 3),
    "rdinstret": ("rdinstret", 3),
    "first-touch-4k": ("first touch of a 4 KiB page", 10),
    "uart-64-bytes": ("64 bytes through the UART", 10000),
    "dbcn-64-bytes": ("64 bytes by DBCN", None),
}

# Rows of tests/bench/ipc: what they are, and the budget of the architecture, which the fast path is to reach.
PATHS = {
    "call": ("call, one way", 130),
    "call-5-words": ("call with five words, one way", 130),
    "call-passive": ("call of a passive server, one way", 130),
    "reply_recv": ("reply_recv, one way", 140),
    "reply_recv-5-words": ("reply_recv with five words, one way", 140),
    "reply_recv-passive": ("reply_recv of a passive server, one way", 140),
    "round-trip": ("round trip", 260),
    "round-trip-5-words": ("round trip with five words", 260),
    "round-trip-passive": ("round trip to a passive server", 260),
    "signal": ("signal, nobody to wake", 90),
    "signal-switch": ("signal and switch", 220),
    "yield-alone": ("yield, nobody else ready", None),
    "yield-switch": ("yield and switch", None),
    "timer": ("timer interrupt, no switch", 200),
    "timer-switch": ("timer interrupt and switch", 300),
    "vm-exit-kernel": ("VM exit to the VMM and back, the kernel's part", 200),
}


def exit_rows(terminal):
    terminal.expect("bench: done", 120)
    rows = {row: (int(middle) if middle != "-" else None)
        for row, middle in re.findall(r"EXIT (\S+) (\d+|-) (?:\d+|-)\n", terminal.text)}
    terminal.end()
    return rows


def measure_exits(figures):
    figures.begin("Exits of a guest, in instructions of the whole machine (bare in the note)")
    bare = exit_rows(Terminal([QEMU, "-machine", "virt", "-cpu", "rv64,h=true", "-m", "128M", "-no-reboot", "-display", "none",
        "-monitor", "none", "-chardev", "stdio,id=con,signal=off,mux=off", "-serial", "chardev:con", "-kernel",
        PAYLOADS / "bench.bin", *ICOUNT]))
    guest = exit_rows(System(description(Guest("bench", "bench", memory="32M")), icount=True))
    for row, (title, goal) in EXITS.items():
        figures.add(title, guest.get(row), goal, note=f"bare {bare.get(row)}")


def measure_paths(figures):
    figures.begin("Paths of the kernel, in instructions from user mode to user mode (budgets of the fast path)")
    system = System(description(Guest("none")), icount=True, root=BUILD / "tests/bench/ipc/ipc_bench.elf")
    system.expect("IPC (?:done|failed: .*)\n", 60)
    rows = {row: int(middle) for row, middle in re.findall(r"IPC (\S+) (\d+) \d+\n", system.text)}
    system.end()
    for row, (title, goal) in PATHS.items():
        figures.add(title, rows.get(row), goal, later=True)


def free_memory(system):
    return int(re.search(r"free +(\d+) KiB", system.prompt("memory")).group(1))


def measure_sizes(figures):
    figures.begin("Sizes")
    output = subprocess.run(["riscv64-unknown-elf-size", BUILD / "kernel/kernel.elf"], check=True, capture_output=True, text=True)
    figures.add("kernel text with constants", int(output.stdout.split("\n")[1].split()[0]), 48 << 10, "bytes")

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
