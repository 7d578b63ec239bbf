# SPDX-License-Identifier: Apache-2.0
"""What the network gives guests: rates, round trips, the way to the host, and what a flood leaves."""

import os
import random
import re
import time

import pexpect

from driver import Failure, check, free_port
from figures import median, spread
from net_cost import measure_against_kvm, measure_costs, measure_outside
from net_guests import ADDRESSES, GATEWAY
from net_rates import PEER, PINGS, STREAMS, Server, between_guests, measure_virtual, stream
from net_systems import Bare, Kvm, Serai

FLOOD_SECONDS = int(os.environ.get("SERAI_FLOOD_SECONDS", "15"))
MARGIN = 5  # seconds, from its start or end, in which nothing is measured
KEYS_LEAST = 20
SSH = ("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-o", "ConnectTimeout=60")


def report_pairs(figures, what, first, second, unit, goal, least, names=("KVM", "Serai")):
    """Rows of two that were measured in turn, and the median of their ratios."""
    for name, values in zip(names, (first, second)):
        figures.add(f"{what}: {name}", median(values), unit=unit, note=spread(values))
    ratios = [after / before for before, after in zip(first, second)]
    figures.add(f"{what}: {names[1]} to {names[0]}", median(ratios), goal, least=least, note=spread(ratios))


def measure_between(figures, runs):
    ours, kvm, bare = [], [], []
    for _ in range(runs):
        for found, make in ((ours, Serai), (kvm, Kvm), (bare, Bare)):
            found.append(between_guests(make()))
    figures.begin("TCP from guest to guest by iperf3, two harts, wall")
    for name, _ in STREAMS:
        report_pairs(figures, name, [run[0][name] for run in kvm], [run[0][name] for run in ours], "Mbit/s", 1.5, True)
        others = [run[0][name] for run in bare]
        figures.add(f"{name}: two bare machines, a socket between", median(others), unit="Mbit/s", note=spread(others))
    figures.begin(f"Round trip of {PINGS} pings from guest to guest, two harts, wall")
    for what, value in (("median", median), ("mean", lambda times: sum(times) / len(times))):
        report_pairs(figures, what, [value(run[1]) for run in kvm], [value(run[1]) for run in ours], "ms", 0.5, False)
        others = [value(run[1]) for run in bare]
        figures.add(f"{what}: two bare machines, a socket between", median(others), unit="ms", note=spread(others))


def to_host(system):
    server = Server()
    try:
        return {name: stream(system, f"{more} -p {server.port}", GATEWAY) for name, more in (("to the host", ""), ("from the host", " -R"))}
    finally:
        server.end()
        system.end()


def measure_to_host(figures, runs):
    bare, ours = [], []
    for _ in range(runs):
        bare.append(to_host(Bare(["alpha"])))
        ours.append(to_host(Serai(["alpha"], uplink=True, memory="256M")))
    figures.begin("TCP between guest and host through QEMU's user network, wall")
    for name in ours[0]:
        report_pairs(figures, name, [run[name] for run in bare], [run[name] for run in ours], "Mbit/s", 0.8, True, ("bare", "Serai"))


class Session:
    """An ssh session from this host, and how long its keys take. ssh would have the far terminal not echo, either, as pexpect's."""

    def __init__(self, system, port):
        self.system = system
        self.child = pexpect.spawn("ssh", [*SSH, "-tt", "-p", str(port), "root@127.0.0.1", "stty echo; exec cat"], echo=False, timeout=None)
        self.child.delaybeforesend = None
        # What is typed before the session begins is lost.
        for _ in range(60):
            try:
                self.wait_echo("#", 1)
                return
            except Failure:
                pass
        raise Failure("there is no ssh session within a minute")

    def wait_echo(self, key, seconds):
        """Types a key until it comes back once; returns the seconds it took."""
        start = time.monotonic()
        self.child.send(key)
        while time.monotonic() < start + seconds:
            try:
                if key.encode() in self.child.read_nonblocking(4096, 0.05):
                    return time.monotonic() - start
            except pexpect.TIMEOUT:
                self.system.read(0)
            except pexpect.EOF:
                break
        raise Failure(f"no echo by ssh within {seconds} s")

    def echoes(self):
        """Milliseconds of each key, sorted."""
        found, end = [], time.monotonic() + (FLOOD_SECONDS - MARGIN)
        while time.monotonic() < end or len(found) < KEYS_LEAST:
            self.system.wait(random.uniform(0.02, 0.1))
            found.append(self.wait_echo("abcdefghij"[len(found) % 10], 30) * 1000)
        return sorted(found)

    def end(self):
        self.child.close(force=True)


def percentile(values, part):
    return values[min(int(len(values) * part), len(values) - 1)]


class Flood:
    """gamma sends frames of 60 bytes, the least, as fast as it can for FLOOD_SECONDS; as a context, within which something is measured."""

    def __init__(self, system, target):
        self.system, self.target = system, target

    def __enter__(self):
        self.system.enter("gamma", 60)
        self.system.type(f"net send eth0 seconds={FLOOD_SECONDS} to={self.target} &\r")
        self.start = self.system.position
        self.system.enter("beta", 120)
        return self

    def __exit__(self, kind, *_):
        if kind:
            return
        sent = r"net: sent (\d+) in (\d+)\s"
        check(not re.search(sent, self.system.text[self.start:]), "the flood ended before what was measured under it: set SERAI_FLOOD_SECONDS to more")
        self.system.position = self.start
        match = self.system.expect(sent, 4 * FLOOD_SECONDS + 60)
        self.rate = int(match.group(1)) * 1000 // int(match.group(2))


def measure_flood(figures, _):
    figures.begin(f"A third guest floods for {FLOOD_SECONDS} s with frames of the least size, two harts, wall")
    random.seed(5)
    port = free_port()
    nics = {"beta": [{"net": "lan", "addresses": [PEER], "forward": {str(port): 22}}]}
    system = Serai(("alpha", "beta", "gamma"), uplink=True, nics=nics, memory="576M")
    system.shell("alpha", "iperf3 -s -D >/dev/null")
    mac = re.search(r"link/ether (\S+)", system.shell("beta", "ip link show eth0")).group(1)
    session = Session(system, port)
    idle = session.echoes()
    figures.add("key echo by ssh, 95th percentile, idle", percentile(idle, 0.95), unit="ms", note=f"median {median(idle):.1f}")
    calm = stream(system, server=ADDRESSES["alpha"], name="beta")
    figures.add("TCP from beta to alpha, idle", calm, unit="Mbit/s")
    for what, target in (("to nobody", "52:54:00:99:99:99"), ("to beta", mac)):
        with Flood(system, target) as flood:
            keys = session.echoes()
        figures.add(f"flood {what}: key echo, 95th percentile", percentile(keys, 0.95), unit="ms",
            note=f"{flood.rate:,} frames a second; median {median(keys):.1f} ms")
        figures.add(f"flood {what}: key echo to idle", percentile(keys, 0.95) / percentile(idle, 0.95), 3.0)
        with Flood(system, target) as flood:
            flooded = stream(system, server=ADDRESSES["alpha"], name="beta", seconds=FLOOD_SECONDS - MARGIN)
        figures.add(f"flood {what}: TCP from beta to alpha", flooded, unit="Mbit/s", note=f"{flood.rate:,} frames a second")
        figures.add(f"flood {what}: TCP to idle", flooded / calm, 0.5, least=True)
    session.end()
    system.end()


def measure(figures, runs):
    ours = measure_costs(figures)
    measure_against_kvm(figures, ours)
    measure_virtual(figures)
    measure_outside(figures)
    runs = min(runs, 2)
    measure_to_host(figures, runs)
    measure_flood(figures, runs)
    measure_between(figures, runs)
