# SPDX-License-Identifier: Apache-2.0
"""What a disk costs a guest against the same kernel with the same image on the bare machine."""

import pathlib
import re
import subprocess
import tempfile

import disks
from disks import DiskSystem, Disks, fio, linux
from driver import GUESTS, QEMU, System, Terminal, check, description
from figures import Pairs, median, spread

HERE = pathlib.Path(__file__).resolve().parent
MIB = 1 << 20
SIZE = 192 * MIB  # of the image; all of it is written before, so that no run has to find room
LEAST = 0.8       # of bare
DEBIAN = "console=hvc0 root=/dev/vda rw quiet audit=0 systemd.hostname=alpha"
# Name, what fio does, block, depth, column of "terse" output (fio's HOWTO, "Terse output"): KiB a second, or operations a second.
JOBS = (("sequential read, 1 MiB", "read", "1M", 1, 6), ("sequential read, 1 MiB, depth 32", "read", "1M", 32, 6),
    ("sequential write, 1 MiB", "write", "1M", 1, 47), ("sequential write, 1 MiB, depth 32", "write", "1M", 32, 47),
    ("random read, 4 KiB", "randread", "4k", 1, 7), ("random read, 4 KiB, depth 32", "randread", "4k", 32, 7),
    ("random write, 4 KiB", "randwrite", "4k", 1, 48), ("random write, 4 KiB, depth 32", "randwrite", "4k", 32, 48))


def make_image(path, size=SIZE):
    with open(path, "wb") as file:
        for _ in range(size // MIB):
            file.write(b"\xa5" * MIB)


class Bare(Terminal):
    """Linux without Serai: the same memory, disk, and a virtio console, as a guest has it."""

    def __init__(self, image, initramfs="initramfs-disk-test", memory="160M", cmdline=None, options="", arguments=()):
        self.marks, self.names = 0, ["alpha"]
        super().__init__([QEMU, "-machine", "virt", "-cpu", "rv64,h=true", "-m", memory, "-no-reboot", "-display", "none", "-monitor", "none",
            "-serial", "none", "-chardev", "stdio,id=con,signal=off,mux=off", "-device", "virtio-serial-pci", "-device",
            "virtconsole,chardev=con", "-kernel", GUESTS / "debian/linux", "-initrd", GUESTS / "debian" / initramfs, "-append",
            cmdline or f"{disks.TEST_CMDLINE} serai.host=alpha", "-drive",
            f"if=none,id=disk,file={image},format=raw,cache=writeback,discard=unmap,detect-zeroes=off{options}", "-device",
            "virtio-blk-pci,drive=disk,disable-legacy=on", *arguments])

    wait_shells, run, run_any = DiskSystem.wait_shells, DiskSystem.run, DiskSystem.run_any


def terse(line):
    row = re.search(r"^3;fio-.*$", line, re.MULTILINE)
    check(row, f"fio printed no result: {line[-300:]}")
    return row.group(0).split(";")


def fixed(how, block, depth, device="/dev/vda"):
    """The same work each time, so that processor times compare, too."""
    return fio(device, how, "128M", block, depth, f"--io_size={'512M' if block == '1M' else '16M'} --output-format=terse --terse-version=3")


def rates(terminal, device="/dev/vda"):
    """For each job: the rate by the machine's clock, and QEMU's processor time."""
    found = {}
    for name, how, block, depth, column in JOBS:
        _, before = terminal.seconds()
        row = terse(terminal.run(fixed(how, block, depth, device), 300))
        _, after = terminal.seconds()
        found[name] = (float(row[column]), after - before)
    return found


def fill(terminal, device):
    terminal.run(f"dd if=/dev/zero of={device} bs=1M count=128 oflag=direct 2>/dev/null", 300)


def report_rates(figures, title, bare, guest, goal):
    for name, _, _, _, column in JOBS:
        unit = "KiB/s" if column in (6, 47) else "1/s"
        first, second = [run[name] for run in bare], [run[name] for run in guest]
        figures.add(f"{name}: bare", median([wall for wall, _ in first]), unit=unit)
        figures.add(f"{name}: {title}", median([wall for wall, _ in second]), unit=unit)
        pairs = list(zip(first, second))
        walls, processor = [b[0] / a[0] for a, b in pairs], [a[1] / b[1] for a, b in pairs]
        figures.add(f"{name}: {title} to bare, median of pairs", median(walls), goal, least=True,
            note=f"{spread(walls)}; by processor time {median(processor):.3f}")


def measure_rates(figures, runs):
    """The same image bare, as a whole disk, and as an overlay that was written before."""
    bare, whole, overlay = [], [], []
    for _ in range(runs):
        folder = Disks().whole("data", f"{SIZE // MIB}M").base(SIZE).overlay("over", f"{2 * SIZE // MIB}M")
        make_image(folder.path("data"))
        try:
            terminal = Bare(folder.path("data"))
            terminal.wait_shells()
            bare.append(rates(terminal))
            terminal.end()
            terminal = DiskSystem(folder, {"alpha": ["data", "over"]})
            terminal.wait_shells()
            whole.append(rates(terminal))
            fill(terminal, "/dev/vdb")
            overlay.append(rates(terminal, "/dev/vdb"))
            terminal.end()
        finally:
            folder.remove()
    figures.begin("A guest's disk against bare, with the same image")
    report_rates(figures, "guest", bare, whole, LEAST)
    figures.begin("A guest's overlay against a whole disk, bare")
    report_rates(figures, "overlay", bare, overlay, None)


def build_counter(folder):
    program = pathlib.Path(folder) / "count.so"
    subprocess.run(["gcc", "-std=gnu11", "-O2", "-shared", "-fPIC", "-fvisibility=hidden", "-o", program, HERE / "count/count.c"],
        check=True)
    return program


def between(text, begin, end, requests):
    """What was counted between each pair of marks that follow each other: instructions, entries, switches, for each request.

    The lower quartile, to leave out timers.
    """
    marks = [[int(word) for word in row] for row in re.findall(r"^MARK (\d+) (\d+) (\d+) (\d+)$", text, re.MULTILINE)]
    pairs = [(before, after) for before, after in zip(marks, marks[1:]) if (before[0], after[0]) == (begin, end)]
    check(len(pairs) >= 32, f"only {len(pairs)} pairs of marks {begin} and {end}: does this QEMU take plugins of version 1?")
    return [sorted(after[column] - before[column] for before, after in pairs)[len(pairs) // 4] / requests for column in (1, 2, 3)]


def costs(start, folder, device="/dev/vda"):
    """Of a lone read, of each of 32 at once, and of one of 1 MiB."""
    file = pathlib.Path(folder) / "marks"
    terminal = start(["-plugin", f"{build_counter(folder)},to={file}"])
    terminal.wait_shells()
    if device != "/dev/vda":
        fill(terminal, device)
    terminal.run(f"disk cost {device}; disk cost {device}")
    terminal.end()
    text = file.read_text()
    return between(text, 1, 2, 1), between(text, 3, 4, 32), between(text, 5, 6, 1)


def measure_costs(figures):
    figures.begin("Instructions of the whole machine per direct read")
    folder = Disks().whole("data", f"{SIZE // MIB}M").base(SIZE).overlay("over", f"{2 * SIZE // MIB}M")
    make_image(folder.path("data"))
    try:
        bare = costs(lambda arguments: Bare(folder.path("data"), arguments=arguments), folder.folder)
        for title, device, goals in (("guest", "/dev/vda", (15000, 4000, None)), ("overlay", "/dev/vdb", (None,) * 3)):
            guest = costs(lambda arguments: DiskSystem(folder, {"alpha": ["data", "over"]}, arguments=arguments), folder.folder, device)
            for number, name in enumerate(("4 KiB alone", "4 KiB, each of 32 at once", "1 MiB alone")):
                figures.add(f"{name}, bare", int(bare[number][0]))
                figures.add(f"{name}, {title}", int(guest[number][0]))
                figures.add(f"{name}, {title} beyond bare", int(guest[number][0] - bare[number][0]), goals[number],
                    note=f"{guest[number][1] - bare[number][1]:.1f} kernel entries and {guest[number][2] - bare[number][2]:.1f} "
                    "writes of a page table's address more")
    finally:
        folder.remove()


def measure_shares(figures):
    figures.begin("Two guests on one disk, random reads of 4 KiB at depth 32")
    folder = Disks().disk("data", "200M", partitions={"a": "96M", "b": "rest"})
    folder.volume("one", disk="data", partition="a").volume("two", disk="data", partition="b")
    try:
        system = DiskSystem(folder, {"alpha": ["one"], "beta": ["two"]})
        system.wait_shells()
        command = fio("/dev/vda", "randread", "80M", "4k", 32, "--time_based --ramp_time=3 --runtime=10 --output-format=terse --terse-version=3")
        rows = []
        for name in ("alpha", "beta"):
            system.enter(name)
            system.type(f"{command} >/tmp/result &\r")
        for name in ("beta", "alpha"):
            system.run("wait; true", 120)
            rows.insert(0, float(terse(system.run("cat /tmp/result"))[7]))
            if name == "beta":
                system.enter("alpha")
        system.end()
        for name, rate in zip(("alpha", "beta"), rows):
            figures.add(f"{name}", rate, unit="1/s")
        figures.add("less to more", min(rows) / max(rows), 0.9, least=True)
    finally:
        folder.remove()


def measure_limits(figures):
    figures.begin("A guest with a limit")
    folder = Disks().whole("data", f"{SIZE // MIB}M").whole("more", f"{SIZE // MIB}M")
    make_image(folder.path("data"))
    limited = [{"volume": "data", "bandwidth": "4M", "bandwidth_burst": "4M"}, {"volume": "more", "operations": 100, "operations_burst": 100}]
    try:
        system = DiskSystem(folder, {"alpha": limited})
        system.wait_shells()
        ramp = "--time_based --ramp_time=3 --runtime=10 --output-format=terse --terse-version=3"
        for name, device, block, column, limit, unit in (("bandwidth of 4 MiB/s", "/dev/vda", "64k", 6, 4096, "KiB/s"),
                ("100 requests a second", "/dev/vdb", "4k", 7, 100, "1/s")):
            rate = float(terse(system.run(fio(device, "randread", "128M", block, 8, ramp), 120))[column])
            figures.add(f"{name}", rate, unit=unit)
            figures.add(f"{name}: off by", abs(rate / limit - 1), 0.05)
        system.end()
    finally:
        folder.remove()


def login(terminal):
    terminal.expect(r"alpha login: ", 600)
    seconds = terminal.seconds()
    terminal.end()
    return seconds


def measure_debian(figures, runs):
    figures.begin("A real Debian, from QEMU's start to its login prompt")
    disks.need("root.img")
    pairs, image = Pairs(), GUESTS / "debian/root.img"
    for _ in range(runs):
        bare = login(Bare(image, "initramfs-disk", "256M", DEBIAN, ",snapshot=on"))
        folder = Disks().overlay("alpha", "1200M")
        folder.disks["base"] = {"file": "@debian/root.img", "read_only": True}
        folder.volumes["base"] = {"disk": "base", "read_only": True}
        try:
            guest = linux("alpha", ["alpha"], memory="256M", initramfs="initramfs-disk", cmdline=DEBIAN)
            pairs.add(bare, login(System(description(guest, disks=folder.disks, volumes=folder.volumes))))
        finally:
            folder.remove()
    pairs.report(figures, "bare", "guest", "guest to bare", 1.5)


def measure(figures, runs):
    measure_costs(figures)
    measure_rates(figures, min(runs, 3))
    measure_shares(figures)
    measure_limits(figures)
    measure_debian(figures, min(runs, 3))
