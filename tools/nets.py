#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The uplinks of a system description, as `image nets` prints them, checked, and as arguments of QEMU."""

import argparse
import errno
import os
import pathlib
import socket
import sys

FIELDS = ("name", "host", "transport", "mac", "forwards")
SSH = 22

# Slots of the PCI bus have the interrupt lines 0 to 3 in turn. Those of NICs have one that no disk has (tools/disk/qemu.py), as a line
# belongs to one server.
SLOTS = (4, 8, 12, 16)


class Refusal(Exception):
    """What is asked for cannot be done; the text says why."""


class Forward:
    """A port of the host that leads to one of a guest: HOST:ADDRESS:PORT:GUEST, through the gateway HOST:ADDRESS:PORT:GUEST:INNER."""

    def __init__(self, text):
        host, self.address, port, self.guest, *inner = text.split(":")
        self.host, self.port = int(host), int(port)
        self.inner = int(inner[0]) if inner else self.port


class Net:
    """A line of `image nets`."""

    def __init__(self, line):
        values = line.split("\t")
        if len(values) != len(FIELDS):
            raise Refusal(f"not a line of image nets: {line!r}")
        for name, value in zip(FIELDS, values):
            setattr(self, name, value)
        self.forwards = [Forward(text) for text in self.forwards.split(",")] if self.forwards != "-" else []


def read(text):
    return [Net(line) for line in text.splitlines()]


def check_port(port, guest):
    """Refuses a port of the host that QEMU could not listen at."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as QEMU does
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
        except OSError as error:
            why = {errno.EADDRINUSE: "is in use, by another program or a system that runs", errno.EACCES: "needs root's rights"}
            raise Refusal(f"port {port}, which should lead to guest {guest}, {why.get(error.errno, error.strerror)}: "
                "end that, or take another port in the description") from error


def check(nets, interfaces="/sys/class/net"):
    """Refuses what QEMU would refuse, in words that tell what to do."""
    for net in nets:
        for forward in net.forwards:
            check_port(forward.host, forward.guest)
        kind, _, interface = net.host.partition(":")
        if kind == "tap" and not (pathlib.Path(interfaces) / interface).exists():
            raise Refusal(f"net {net.name}: there is no interface {interface} on this host: make it with "
                f"`ip tuntap add {interface} mode tap`, or write host = \"user\"")


def backend(net):
    kind, _, interface = net.host.partition(":")
    if kind == "tap":
        return f"tap,id=net-{net.name},ifname={interface},script=no,downscript=no"
    forwards = "".join(f",hostfwd=tcp:127.0.0.1:{forward.host}-{forward.address}:{forward.port}" for forward in net.forwards)
    # One of the two alone turns the other off.
    return f"user,id=net-{net.name},ipv4=on,ipv6=on{forwards}"


def arguments(nets):
    """QEMU's arguments."""
    words, slots = [], iter(SLOTS)
    if any(net.transport == "mmio" for net in nets):
        words += ["-global", "virtio-mmio.force-legacy=false"]
    for net in nets:
        device = "virtio-net-device"
        if net.transport == "pci":
            device = f"virtio-net-pci,disable-legacy=on,romfile=,addr={next(slots):#x}"
        words += ["-netdev", backend(net), "-device", f"{device},netdev=net-{net.name},mac={net.mac}"]
    return words


def describe(nets, key=None):
    """What the user can do from outside, a line each."""
    lines = []
    for forward in (forward for net in nets for forward in net.forwards):
        if forward.inner == SSH:
            identity = f"-i {key} " if key else ""
            lines.append(f"ssh -p {forward.host} {identity}root@127.0.0.1 reaches {forward.guest}")
        else:
            lines.append(f"port {forward.host} of 127.0.0.1 leads to port {forward.inner} of {forward.guest}")
    return lines


def main():
    parser = argparse.ArgumentParser(description="What ./serai run needs: reads lines of `image nets`, prints arguments of QEMU, one a line.")
    parser.add_argument("--key", help="the file of the key that guests accept, to tell the user")
    options = parser.parse_args()
    try:
        nets = read(sys.stdin.read())
        check(nets)
    except Refusal as refusal:
        print(f"serai: error: {refusal}", file=sys.stderr)
        return 1
    for line in describe(nets, options.key if options.key and os.path.exists(options.key) else None):
        print(f"serai: {line}", file=sys.stderr)
    print("\n".join(arguments(nets)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
