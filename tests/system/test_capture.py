# SPDX-License-Identifier: Apache-2.0
"""What frames of guests and of the uplink leave in a file of the host."""

import os
import re
import shutil
import tempfile
import time

import pcapng
from driver import IMAGE, check
from net_guests import ADDRESSES, NetSystem
from pcapng import INBOUND, OUTBOUND

ARP, IPV4 = 0x0806, 0x0800
ICMP, REQUEST, REPLY = 1, 8, 0
SECOND_MS = 1000


class Folder:
    """For files that outlive a system."""

    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix="serai-capture-")
        return self

    def __exit__(self, *error):
        shutil.rmtree(self.path, ignore_errors=True)

    def file(self, name):
        return os.path.join(self.path, f"{name}.pcapng")


def start(*captures, **options):
    system = NetSystem({"alpha": {}, "beta": {}}, captures=captures, harts=2, **options)
    system.wait_shells()
    return system


def pings(packets, direction):
    """Sequence numbers of ICMP echo requests (8) and replies (0) that passed in a direction: (type, number)."""
    found = []
    for packet in packets:
        if packet.direction == direction and packet.type == IPV4 and packet.data[23] == ICMP:
            header = 14 + (packet.data[14] & 15) * 4
            found.append((packet.data[header], int.from_bytes(packet.data[header + 6:header + 8], "big")))
    return found


def of(reader, interface):
    return [packet for packet in reader.packets if packet.interface == interface]


def test_ping_is_seen_from_both_ends():
    with Folder() as folder:
        before = time.time()
        system = start("--pcap", f"alpha={folder.file('both')}", "--pcap", f"beta.0={folder.file('both')}", "--pcap",
            f"uplink={folder.file('uplink')}")
        system.run(f"ping -c 5 -i 0.2 {ADDRESSES['beta']}")
        system.run("ping -c 1 10.0.2.2")
        answer = system.prompt("capture")
        check(len(re.findall(r"\d  /\S*both\.pcapng", answer)) == 2 and "uplink.pcapng" in answer, answer)
        system.end_in_order()
        both, uplink = pcapng.read(folder.file("both")), pcapng.read(folder.file("uplink"))
        check(both.sections == 1 and sorted(both.interfaces) == ["alpha.0", "beta.0"], f"{both.interfaces}")
        check(len(both.statistics) == 2 and len(uplink.statistics) == 1, "counts of interfaces are missing at the end")
        alpha, beta = of(both, "alpha.0"), of(both, "beta.0")
        # Beta asks where alpha is, or answers; either way both see both.
        for packets in (alpha, beta):
            check({packet.direction for packet in packets if packet.type == ARP} == {INBOUND, OUTBOUND}, "ARP is missing")
        asked, answered = [(REQUEST, number) for number in range(5)], [(REPLY, number) for number in range(5)]
        mine = [packet for packet in alpha if packet.data[30:34] == bytes([10, 0, 2, 22]) or packet.data[26:30] == bytes([10, 0, 2, 22])]
        for packets, out, inward in ((mine, asked, answered), (beta, answered, asked)):
            sent, came = pings(packets, OUTBOUND), pings(packets, INBOUND)
            base = sent[0][1]
            check([(kind, number - base) for kind, number in sent] == out, f"sent {sent}")
            check([(kind, number - base) for kind, number in came] == inward, f"came {came}")
        times = [packet.time for packet in both.packets]
        check(times == sorted(times), "not in order")
        check(before - 1 < times[0] and times[-1] < time.time() + 1, f"{times[0]} is no time of this test, which began at {before}")
        check(not any(packet.lost for packet in both.packets), "frames are missing in the file")
        # A guest that has its driver but has not opened its NIC yet has no buffers: other frames may be dropped while it boots.
        dropped = [packet.comment for packet in alpha + beta if packet.comment and packet.type == IPV4 and packet.data[23] == ICMP]
        check(not dropped, f"{dropped}")
        # The uplink sends what alpha says to the gateway, and gets what that answers.
        check(pings(uplink.packets, OUTBOUND)[0][0] == REQUEST and pings(uplink.packets, INBOUND)[0][0] == REPLY, "the uplink is silent")


def test_server_is_killed_in_the_middle():
    with Folder() as folder:
        system = start("--pcap", f"alpha={folder.file('alpha')}")
        # For as long as it takes.
        system.run(f"/bin/ping -i 0.1 {ADDRESSES['beta']} >/tmp/pings 2>&1 & true")
        system.wait(2)
        check("uplink is captured to" in ask(system, "capture uplink on"), "the uplink is not captured")
        for _ in range(3):
            check("is made to fault" in system.prompt("kill net"), "it was not killed")
            system.expect("the net server was started again")
            system.wait(1)
        check("alpha.0 is not captured" in ask(system, "capture alpha off"), "alpha is captured still")
        system.run("kill -INT $!; wait; tail -n 3 /tmp/pings | grep 'packets transmitted'")
        system.end_in_order()
        reader = pcapng.read(folder.file("alpha"))
        check(reader.sections == 4, f"{reader.sections} sections")
        for section in range(1, 5):
            kinds = {kind for kind, _ in pings([packet for packet in of(reader, "alpha.0") if packet.section == section], OUTBOUND)}
            check(kinds == {REQUEST}, f"section {section} has no ping of alpha")
        # One of the command, and that of the uplink as the machine went down.
        check(len(reader.statistics) == 2 and "uplink" in reader.interfaces, "what was said at the prompt is missing")


def test_file_ends_at_its_limit():
    with Folder() as folder:
        system = start("--pcap", f"alpha={folder.file('alpha')}", "--pcap-limit", "64K")
        system.type(f"ping -c 60 -i 0.05 -s 1400 {ADDRESSES['beta']} | tail -n 3\r")
        system.expect(r"capture to .*alpha\.pcapng has ended: the file has its limit of 65536 bytes")
        system.expect(r"60 packets transmitted, 60 packets received", 60)
        answer = system.prompt("capture")
        check("alpha.0" not in answer and re.search(r"KiB of at most 64 KiB in .*alpha\.pcapng", answer), answer)
        check("has reached its limit" in ask(system, "capture alpha on"), "it is captured again")
        system.end_in_order()
        reader, size = pcapng.read(folder.file("alpha")), os.path.getsize(folder.file("alpha"))
        check(50000 < size <= 65536 and len(reader.statistics) == 1, f"{size} bytes, {len(reader.statistics)} counts of interfaces")


def ask(system, command):
    """The answer of the net server to a command of the prompt."""
    system.open_prompt()
    start = system.position
    system.type(f"{command}\r")
    system.expect(r"^(?:.*(?:captured|error|limit).*)\n")
    answer = system.text[start:system.position]
    system.type("\r")
    system.expect(r"-- focus: .*\n")
    return answer
