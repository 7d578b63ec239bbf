# SPDX-License-Identifier: Apache-2.0
"""Frames that hold many segments of TCP or datagrams, between Linux guests and a Linux outside: they stay whole as far as each side takes them."""

import hashlib
import random
import re
import socket
import time

import outside as net
from driver import check
from outside import Outside
from outside_guests import OWN4, start

STREAM = 8 << 20  # bytes
SO_RCVBUFFORCE = 33


def stream_in(system, outside):
    """A TCP stream from outside to the guest, whose nc is only there to connect: it would move 1 KiB at a time. Returns the packets that it took, as the tap counts: large segments are one."""
    data = random.Random(5).randbytes(STREAM)
    system.type("nc -l -p 5001 -e sh -c 'sha256sum >/dev/hvc0'; echo EN''D\r")
    before = outside.counter("tx_packets")
    for _ in range(300):
        link = outside.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            link.connect(("10.9.0.21", 5001))
            break
        except ConnectionRefusedError:
            link.close()
            time.sleep(0.2)
    with link:
        link.settimeout(60)
        link.sendall(data)
    digest = system.expect(r"^([0-9a-f]{64})", 60).group(1)
    check(digest == hashlib.sha256(data).hexdigest(), "the guest received something else")
    return outside.counter("tx_packets") - before


def stream_out(system, outside, command, data=b""):
    """The guest connects its command to outside, which sends data and then receives. Returns what came, and packets out and in by the tap."""
    before = outside.counter("rx_packets"), outside.counter("tx_packets")
    with outside.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((OWN4, 5002))
        listener.listen()
        listener.settimeout(60)
        system.type(f"nc {OWN4} 5002 -e {command}; echo EN''D\r")
        link, _address = listener.accept()
        with link:
            link.settimeout(60)
            link.sendall(data)
            link.shutdown(socket.SHUT_WR)
            received = 0
            while part := link.recv(1 << 20):
                received += len(part)
    return received, outside.counter("rx_packets") - before[0], outside.counter("tx_packets") - before[1]


def check_large(packets, what):
    check(packets < STREAM / 4096, f"{STREAM >> 20} MiB {what} took {packets} packets: segments are not large")


def sends_large(system, outside):
    received, packets, _answers = stream_out(system, outside, f"dd if=/dev/zero bs=64k count={STREAM >> 16}")
    system.expect(r"^END", 20)
    check(received == STREAM, f"{received} bytes came, not {STREAM}")
    check_large(packets, "from the guest")


def test_large_segments():
    with Outside(f"{OWN4}/24") as outside:
        system = start(outside, {"alpha": {"net": "10.9.0.21/24"}})
        system.wait_shells()
        check_large(stream_in(system, outside), "to the guest")
        sends_large(system, outside)


test_large_segments.seconds = 120


def test_large_segments_by_the_gateway():
    """Translated, and still whole. The gateway itself gets its address outside by DHCP."""
    data = random.Random(6).randbytes(STREAM)
    with Outside(f"{OWN4}/24") as outside, net.DhcpServer(outside, OWN4, {None: "10.9.0.50"}):
        system = start(outside, {"alpha": {"net": "dhcp"}}, nat=True)
        system.wait_shells()
        check("inet 10.77." in system.run("ip address show eth0"), "the guest has no address of the gateway's")
        _received, _packets, packets = stream_out(system, outside, "sh -c 'sha256sum >/dev/hvc0'", data)
        digest = system.expect(r"^([0-9a-f]{64})", 60).group(1)
        check(digest == hashlib.sha256(data).hexdigest(), "the guest received something else")
        check_large(packets, "to the guest")
        sends_large(system, outside)


test_large_segments_by_the_gateway.seconds = 120


def sent_frames(system, port):
    """Frames that a port sent, by the prompt; a large one is one."""
    return int(re.search(rf"^  \S+ +{re.escape(port)} +[0-9a-f:]{{17}} .*? (?:up|down) +(\d+) ", system.prompt("nets"), re.MULTILINE).group(1))


def good_datagram(data):
    """As tools/guests/datagrams.c makes them."""
    number = int.from_bytes(data[:4], "big")
    return data[4:] == bytes((number * 7 + at) & 0xFF for at in range(4, len(data)))


def test_datagrams_in_one():
    """Linux from 6.2 on sends many datagrams in one frame; the NIC of QEMU takes none, so they are cut for outside."""
    times, parts, size = 10, 40, 1400
    with Outside(f"{OWN4}/24") as outside:
        system = start(outside, {"alpha": {"net": "10.9.0.21/24"}, "beta": {"net": "10.9.0.22/24"}})
        system.wait_shells()
        # Linux leaves it off, where it can.
        system.run("ethtool -K eth0 tx-udp-segmentation on")
        check("tx-udp-segmentation: on" in system.run("ethtool -k eth0"), "the guest's NIC does not cut datagrams")
        with outside.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
            listener.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 4 << 20)  # more than usual hosts allow
            listener.bind((OWN4, 5003))
            listener.settimeout(3)
            for more in (f"parts={parts} size={size}", f"parts={parts} size={20}"):
                before = sent_frames(system, "alpha.0")
                system.run(f"datagrams send {OWN4} 5003 count={times} {more}")
                check(sent_frames(system, "alpha.0") - before < 3 * times, "the guest cut the frames itself")
                received = [listener.recv(2048) for _ in range(times * parts)]
                check(all(map(good_datagram, received)), "a datagram is not what was sent")
                check(all(f"size={len(data)}" in more for data in received), "a datagram has another length")
        system.enter("beta")
        system.type("datagrams receive 10.9.0.22 5003 seconds=2\r")
        system.expect(r"datagrams: listening")
        system.focus("alpha")
        # Not more at once than the buffers of the other guest's NIC hold.
        system.run(f"datagrams send 10.9.0.22 5003 count=3 parts={parts} size={size}")
        system.expect_guest("beta", rf"datagrams: received {3 * parts}, 0 wrong, {3 * parts * size} bytes", 30)


test_datagrams_in_one.seconds = 120
