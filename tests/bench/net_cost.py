#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What packets between guests cost, in instructions: exact, and told apart by whose code it is. As a program: by function, too."""

import argparse
import collections
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import threading

if __name__ == "__main__":
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))

from disk_io import build_counter
from driver import ICOUNT, check, program
from figures import Figures
from net_guests import ADDRESSES, GATEWAY
from net_rates import Server
from net_systems import Bare, Kvm, Serai

PROGRAMS = ("kernel", "net", "vmm", "root", "console")  # of which the host side consists
COPIES = {"kernel": "kernel", "net": "net", "vmm": "alpha's VMM", "vmm2": "beta's VMM", "root": "root", "console": "console"}
FUNCTIONS = 15  # of each program that are named
# The marks of tools/guests/packets.c: what is between, packets in it, whether it has a pause in it.
ROUND_TRIP, PAUSE, MANY_FULL, STREAM, BACK = 1, 3, 11, 13, 15
SENT = {5: ("64 B alone", 1), 7: ("1500 B alone", 1), 9: ("64 B, each of 32 at once", 32), 11: ("1500 B, each of 32 at once", 32)}
PIECES, PIECE = 256, 64 << 10  # of the stream


def differences(text):
    """For each odd mark: what was counted between it and the next, by name."""
    found, last = collections.defaultdict(list), None
    for mark, numbers, code in re.findall(r"^MARK (\d+) (\d+ \d+ \d+)$(?:\nCODE (.*)$)?", text, re.MULTILINE):
        counts = dict(zip(("all", "entries", "switches"), map(int, numbers.split())))
        words = code.split()
        counts.update(zip(words[::2], map(int, words[1::2])))
        if last and last[0] % 2 and int(mark) == last[0] + 1:
            found[last[0]].append({name: count - last[1][name] for name, count in counts.items()})
        last = (int(mark), counts)
    return found


def typical(rows):
    """The lower quartile of each count, to leave timers of the guests out."""
    return {name: sorted(row[name] for row in rows)[len(rows) // 4] for name in rows[0]}


def per_packet(text):
    """By odd mark: what one round trip, packet, or 64 KiB of a stream cost, by name; "host": all of PROGRAMS."""
    found = {mark: typical(rows) for mark, rows in differences(text).items()}
    check(len(found) >= 7, "packets did not set all its marks: does this QEMU take plugins of version 1?")
    for mark, (_, packets) in SENT.items():
        found[mark] = {name: (count - found[PAUSE][name]) / packets for name, count in found[mark].items()}
    for mark in found.keys() & {STREAM, BACK}:
        found[mark] = {name: count / PIECES for name, count in found[mark].items()}
    for counts in found.values():
        counts["host"] = sum(counts.get(name, 0) for name in COPIES)
    return found


def run_packets(system, to=ADDRESSES["beta"]):
    if to == ADDRESSES["beta"]:
        system.shell("beta", "(packets serve &)")
    check("all sent" in system.shell("alpha", f"packets cost {to}", 300), "packets did not send all")
    system.end_in_order() if isinstance(system, Serai) else system.end()


class Outside:
    """Does on this host's loopback what `packets serve` does in a guest, and serves iperf3."""

    def __init__(self):
        self.streams, self.datagrams = (socket.socket(type=kind) for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM))
        self.streams.bind(("127.0.0.1", 0))
        self.streams.listen(4)
        self.port, self.iperf = self.streams.getsockname()[1], Server()
        self.datagrams.bind(("127.0.0.1", self.port))  # what nobody reads is dropped there
        threading.Thread(target=self.take, daemon=True).start()

    def take(self):
        try:
            while True:
                with self.streams.accept()[0] as stream:
                    left = PIECES * PIECE
                    while left and (got := len(stream.recv(min(left, PIECE)))):
                        left -= got
                    stream.sendall(b"!")
        except OSError:
            pass  # closed

    def close(self):
        self.streams.shutdown(socket.SHUT_RDWR)
        self.streams.close()
        self.datagrams.close()
        self.iperf.end()


def count_outside(folder, name, start, more=""):
    """Packets to this host through QEMU's user network, and a stream from it."""
    outside, marks = Outside(), folder / name
    code = "".join(f",code={name}:{program(name)}" for name in PROGRAMS) if name == "serai" else ""
    try:
        system = start(["-plugin", f"{build_counter(folder)},to={marks}{code}{more}"])
        system.shell("alpha", f"packets begin; iperf3 -c {GATEWAY} -p {outside.iperf.port} -R -n {PIECES * PIECE} >/dev/null; packets end", 300)
        run_packets(system, f"{GATEWAY} {outside.port}")
    finally:
        outside.close()
    return marks.read_text()


def start_outside(arguments):
    return Serai(["alpha"], uplink=True, harts=1, memory="256M", arguments=arguments)


def count_serai(folder, more=""):
    marks = folder / "serai"
    code = "".join(f",code={name}:{program(name)}" for name in PROGRAMS)
    run_packets(Serai(harts=1, icount=True, arguments=["-plugin", f"{build_counter(folder)},to={marks}{code}{more}"]))
    return marks.read_text()


def count_kvm(folder):
    marks = folder / "kvm"
    run_packets(Kvm(harts=1, arguments=[*ICOUNT, "-plugin", f"{build_counter(folder)},to={marks}"]))
    return marks.read_text()


def parts(counts):
    """For a row's note."""
    return ", ".join(f"{title} {counts[name]:,.0f}" for name, title in COPIES.items() if counts.get(name, 0) >= 1) + f", {counts['entries']:.1f} returns from kernels"


def report_costs(figures, found):
    figures.begin("Instructions of the host side (kernel, VMMs, net server) for packets from a guest, one hart")
    for mark, (name, _) in SENT.items():
        figures.add(name, int(found[mark]["host"]), 4000 if mark == MANY_FULL else None, note=parts(found[mark]))
    figures.add("ping, round trip", int(found[ROUND_TRIP]["host"]), note=parts(found[ROUND_TRIP]))
    figures.add("64 KiB of a TCP stream", int(found[STREAM]["host"]), note=parts(found[STREAM]))


def measure_costs(figures):
    """Packets of our guests; returns what was counted, to compare with."""
    with tempfile.TemporaryDirectory(prefix="serai-bench-") as folder:
        found = per_packet(count_serai(pathlib.Path(folder)))
    report_costs(figures, found)
    return found


def measure_against_kvm(figures, ours):
    figures.begin("Instructions of the whole machine, guests and all, against two KVM guests on a bridge (vhost-net, QEMU 10.0), one hart")
    with tempfile.TemporaryDirectory(prefix="serai-bench-") as folder:
        theirs = per_packet(count_kvm(pathlib.Path(folder)))
    for mark, name, goal in ((ROUND_TRIP, "ping, round trip", 0.5), *((mark, name, None) for mark, (name, _) in SENT.items()),
            (STREAM, "64 KiB of a TCP stream", 1 / 1.5)):
        figures.add(f"{name}, KVM", int(theirs[mark]["all"]))
        figures.add(f"{name}, Serai", int(ours[mark]["all"]))
        figures.add(f"{name}, Serai to KVM", ours[mark]["all"] / theirs[mark]["all"], goal)


def measure_outside(figures):
    figures.begin("Instructions of the whole machine for packets from a guest to this host by QEMU's user network, against bare, one hart")
    with tempfile.TemporaryDirectory(prefix="serai-bench-") as path:
        folder = pathlib.Path(path)
        bare = per_packet(count_outside(folder, "bare", lambda arguments: Bare(["alpha"], arguments)))
        ours = per_packet(count_outside(folder, "serai", start_outside))
    for mark, name in ((ROUND_TRIP, "ping, round trip"), *((mark, name) for mark, (name, _) in SENT.items()), (STREAM, "64 KiB of a TCP stream"),
            (BACK, "64 KiB from this host by iperf3")):
        figures.add(f"{name}, bare", int(bare[mark]["all"]), note=f"{bare[mark]['entries']:.1f} returns from kernels")
        figures.add(f"{name}, guest", int(ours[mark]["all"]), note=parts(ours[mark]))


def functions(name):
    """Address and name of each function of a program, in order."""
    lines = subprocess.run(["riscv64-unknown-elf-nm", "-n", program(name)], check=True, capture_output=True, text=True).stdout.split("\n")
    return [(int(words[0], 16), words[2]) for words in map(str.split, lines) if len(words) == 3 and words[1] in "tT" and words[2][0] != "$"]


def sums(lines, divisors):
    """Of a profile: instructions, and times that a function was entered, by mark, program and function, for each packet."""
    spent, entered = collections.Counter(), collections.Counter()
    named = {name: functions(name) for name in PROGRAMS}
    for word, name, address, count in re.findall(r"^PROFILE (\d+) (\w+) (\w+) (\d+)$", lines, re.MULTILINE):
        start, function = max((row for row in named[name] if row[0] <= int(address, 16)), default=(0, "?"))
        spent[int(word), name, function] += int(count) / divisors[int(word)]
        if start == int(address, 16):
            entered[int(word), name, function] += int(count) / divisors[int(word)]
    return spent, entered


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--outside", action="store_true", help="packets to this host through QEMU's user network, not to another guest")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="serai-bench-") as path:
        folder = pathlib.Path(path)
        more = f",profile={folder / 'profile'}"
        text = count_outside(folder, "serai", start_outside, more) if arguments.outside else count_serai(folder, more)
        report_costs(Figures(), per_packet(text))
        divisors = {mark: len(rows) * SENT.get(mark, (0, 1))[1] * (PIECES if mark in (STREAM, BACK) else 1) for mark, rows in differences(text).items()}
        spent, entered = sums((folder / "profile").read_text(), divisors)
    titles = {ROUND_TRIP: "ping, round trip", PAUSE: "the pause alone, which is in those that follow", STREAM: "64 KiB of a TCP stream",
        BACK: "64 KiB from this host by iperf3"}
    for mark, title in sorted({**titles, **{mark: name for mark, (name, _) in SENT.items()}}.items()):
        for name in PROGRAMS:
            rows = [(key[2], count, entered[key]) for key, count in spent.most_common() if key[:2] == (mark, name)]
            if rows:
                print(f"\n{title}: {name}: {sum(row[1] for row in rows):,.0f}")
            for row in rows[:FUNCTIONS]:
                print(f"  {row[1]:10,.1f}  {row[0]}, {row[2]:.2f} times")


if __name__ == "__main__":
    main()
