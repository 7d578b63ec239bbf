# SPDX-License-Identifier: Apache-2.0
"""How quick packets are from guest to guest, by the guests' clock: iperf3 and ping; exact against KVM where instructions are time."""

import re
import subprocess

from driver import ICOUNT, check, free_port
from figures import median
from net_guests import ADDRESSES
from net_systems import Kvm, Serai

SECONDS = 5  # of each stream
PINGS = 200
PEER = ADDRESSES["beta"]
STREAMS = (("1 stream", ""), ("4 streams", " -P 4"), ("1 stream, the other way", " -R"))


class Server:
    """iperf3 on the loopback of this host."""

    def __init__(self):
        self.port = free_port()
        self.process = subprocess.Popen(["iperf3", "-s", "-B", "127.0.0.1", "-p", str(self.port)], stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)

    def end(self):
        self.process.terminate()
        self.process.wait()


def rate(text):
    """Mbit/s that arrived, of all streams, from what iperf3 printed with "-f k"."""
    found = re.findall(r"^\[ *(\w+)\] .* ([\d.]+) Kbits/sec +receiver", text, re.MULTILINE)
    check(found, f"iperf3 printed no result: {text[-400:]}")
    return float(dict(found).get("SUM", found[-1][1])) / 1000


def stream(system, more="", server=PEER, name="alpha", seconds=SECONDS, patience=60):
    return rate(system.shell(name, f"iperf3 -c {server} -t {seconds} -f k -i 0{more}", patience + 2 * seconds))


def pings(system):
    """Milliseconds of each, sorted."""
    system.shell("alpha", f"ping -c {PINGS} -i 0.01 {PEER} >/tmp/pings", 120)
    text = system.shell("alpha", "sed -n 's/.*time=\\([0-9.]*\\) ms/TIME \\1/p' /tmp/pings | sort -k 2n | tr '\\n' ';'")
    found = [float(value) for value in re.findall(r"TIME ([\d.]+);", re.sub(r"\n", "", text))]
    check(len(found) >= PINGS // 2, f"only {len(found)} of {PINGS} pings were answered: {text[-300:]}")
    return found


def between_guests(system, seconds=SECONDS, patience=60):
    """Rates by name, and the times of pings."""
    try:
        system.shell("beta", "iperf3 -s -D >/dev/null")
        times = pings(system)
        return {name: stream(system, more, seconds=seconds, patience=patience) for name, more in STREAMS}, times
    finally:
        system.end()


def measure_virtual(figures):
    figures.begin("iperf3 and ping from guest to guest at 1 instruction per ns, one hart, against two KVM guests on a bridge")
    kvm, ours = (between_guests(start(), 1, 300) for start in (lambda: Kvm(harts=1, arguments=ICOUNT), lambda: Serai(harts=1, icount=True)))
    for name, _ in STREAMS:
        figures.add(f"{name}, KVM", kvm[0][name], unit="Mbit/s")
        figures.add(f"{name}, Serai", ours[0][name], unit="Mbit/s")
        figures.add(f"{name}, Serai to KVM", ours[0][name] / kvm[0][name], 1.5, least=True)
    for what, value in (("median", median), ("mean", lambda times: sum(times) / len(times))):
        figures.add(f"ping, {what}, KVM", value(kvm[1]) * 1000, unit="us")
        figures.add(f"ping, {what}, Serai", value(ours[1]) * 1000, unit="us")
        figures.add(f"ping, {what}, Serai to KVM", value(ours[1]) / value(kvm[1]), 0.5)
