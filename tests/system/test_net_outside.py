# SPDX-License-Identifier: Apache-2.0
"""Linux guests and a real Linux network outside: a tap in a network namespace of this host."""

import random
import re
import socket
import struct
import threading
import time

import outside as net
from driver import check
from outside import TAP, Namespace, Outside
from outside_guests import OWN4, OWN6, add_address, address_of, both_ways, guest_pings, outside_pings, start

FAR = "10.10.0.2"


def test_dhcp_arp_and_ipv4():
    with Outside(f"{OWN4}/24") as outside:
        system = start(outside, {"alpha": {"net": "dhcp", "nics": [{"net": "lan", "mac": "52:54:00:09:00:21"}]}})
        with net.DhcpServer(outside, OWN4, {"52:54:00:09:00:21": "10.9.0.21"}) as dhcp:
            system.wait_shells()
            # Each again, if the machine is slow.
            check(dhcp.seen[:1] == [dhcp.DISCOVER] and dhcp.seen[-1:] == [dhcp.REQUEST], f"the server saw {dhcp.seen}")
        check("inet 10.9.0.21/24" in system.run("ip address show eth0"), "the guest has not the address that it was given")
        both_ways(system, outside, "10.9.0.21", OWN4)
        check(outside.neighbours().get("10.9.0.21", "52:54:00:09:00:21") == "52:54:00:09:00:21", "another link address answered")
        outside_pings(outside, "10.9.0.21", size=4000)  # in fragments
        guest_pings(system, OWN4, "-s 4000")
        broadcast_and_groups(system, outside)
        joins_a_group(system, outside)
        too_large(system, outside)
        smaller_on_the_way(system, outside)


test_dhcp_arp_and_ipv4.seconds = 150


def broadcast_and_groups(system, outside):
    system.run("echo 0 >/proc/sys/net/ipv4/icmp_echo_ignore_broadcasts")
    outside_pings(outside, f"10.9.0.255%{TAP}")
    outside_pings(outside, f"224.0.0.1%{TAP}")
    system.run("echo 1 >/proc/sys/net/ipv4/icmp_echo_ignore_broadcasts")


def joins_a_group(system, outside):
    """A program of the guest joins: it says so (RFC 3376), and receives what is sent there."""
    _text, own = address_of(system)
    with outside.raw() as raw:
        system.type("datagrams receive 10.9.0.21 5004 seconds=1 group=239.1.2.3\r")
        system.expect(r"datagrams: listening")
        raw.expect(lambda frame: frame[:6] == net.mac("01:00:5e:00:00:16") and frame[6:12] == own and b"\xef\1\2\3" in frame[14:],
            "a report of the guest's group")
    with outside.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(OWN4))
        for number, group in enumerate(["239.1.2.3"] * 5 + ["239.1.2.4"] * 3):
            link.sendto(bytes([0, 0, 0, number]) + bytes((number * 7 + at) & 0xFF for at in range(4, 100)), (group, 5004))
    system.expect(r"datagrams: received 5, 0 wrong, 500 bytes", 30)


def too_large(system, outside):
    """The network's MTU is 1500: what is longer is dropped on its way in, and not sent by the guest."""
    guest_pings(system, OWN4, "-M do -s 1472")
    guest_pings(system, OWN4, "-M do -s 1473", wanted=False)
    outside_pings(outside, "10.9.0.21", size=1472, fragment=False)
    outside.run("ip", "link", "set", TAP, "mtu", 9000)
    outside_pings(outside, "10.9.0.21", size=2000, fragment=False, wanted=False)
    check(system.drops()["uplink"].get("bad frame", 0) > 0, "a frame beyond the MTU was not counted")
    outside_pings(outside, "10.9.0.21")
    outside.run("ip", "link", "set", TAP, "mtu", 1500)


def smaller_on_the_way(system, outside):
    """A link of MTU 1280 behind a router: the guest learns of it (RFC 1191)."""
    with Namespace() as far:
        outside.run("ip", "link", "add", "far0", "type", "veth", "peer", "name", "near0", "netns", far.holder.pid)
        outside.run("ip", "link", "set", "far0", "mtu", 1280, "up")
        outside.run("ip", "address", "add", "10.10.0.1/24", "dev", "far0")
        outside.sysctl("ipv4.ip_forward", 1)
        far.run("ip", "link", "set", "near0", "mtu", 1280, "up")
        far.run("ip", "address", "add", f"{FAR}/24", "dev", "near0")
        far.run("ip", "route", "add", "default", "via", "10.10.0.1")
        guest_pings(system, FAR)
        answer = guest_pings(system, FAR, "-M do -s 1400", wanted=False)
        check(re.search(r"[Ff]rag needed|mtu ?= ?1280", answer), f"the guest was not told of the smaller link: {answer[-500:]}")
        guest_pings(system, FAR, "-M do -s 1252")


def test_ipv6_and_addresses_of_others():
    with Outside(f"{OWN4}/24", f"{OWN6}/64") as outside:
        system = start(outside, {
            "alpha": {"net": "10.9.0.21/24"},
            "beta": {"net": "10.9.0.22/24", "nics": [{"net": "lan", "addresses": ["10.9.0.22", "fd00:9::22"]}]}})
        system.wait_shells()
        _text, own = address_of(system)
        ending = f"{own[0] ^ 2:02x}{own[1]:02x}:{own[2]:02x}ff:fe{own[3]:02x}:{own[4]:02x}{own[5]:02x}"
        ending = ":".join(part.lstrip("0") or "0" for part in ending.split(":"))
        # Made of the prefix that a router announces.
        for _ in range(20):
            net.advertise(outside, "fd00:9::")
            if re.search(rf"fd00:9::{ending}/64 scope global (?!.*tentative)", system.run("ip -6 address show dev eth0")):
                break
            time.sleep(0.5)
        else:
            check(False, "the guest made no address of the router's prefix")
        both_ways(system, outside, f"fd00:9::{ending}", OWN6)
        both_ways(system, outside, f"fe80::{ending}%{TAP}", f"{outside.link_local}%eth0")
        joins_and_leaves(system, outside, own)
        takes_no_others_address(system, outside)


test_ipv6_and_addresses_of_others.seconds = 150


def joins_and_leaves(system, outside, own):
    """Routers' group: a guest is in it as long as it forwards, and says so (RFC 3810)."""
    reports = lambda frame: frame[6:12] == own and frame[:6] == net.mac("33:33:00:00:00:16") and frame[62:63] == b"\x8f"  # noqa: E731
    outside_pings(outside, f"ff02::2%{TAP}", wanted=False)
    with outside.raw() as raw:
        system.run("echo 1 >/proc/sys/net/ipv6/conf/eth0/forwarding")
        raw.expect(reports, "a report of the guest's groups")
    outside_pings(outside, f"ff02::2%{TAP}")
    with outside.raw() as raw:
        system.run("echo 0 >/proc/sys/net/ipv6/conf/eth0/forwarding")
        raw.expect(reports, "a report that the guest left a group")
    outside_pings(outside, f"ff02::2%{TAP}", wanted=False)
    outside_pings(outside, f"ff02::1%{TAP}")


def takes_no_others_address(system, outside):
    """The NIC of beta has a list of addresses: it speaks for no other, by ARP, by neighbour discovery, or as a sender."""
    system.enter("beta")
    _text, own = address_of(system)
    add_address(system, "fd00:9::22/64")
    both_ways(system, outside, "10.9.0.22", OWN4)
    both_ways(system, outside, "fd00:9::22", OWN6)
    with outside.raw() as raw:
        add_address(system, "10.9.0.23/24")
        add_address(system, "fd00:9::23/64")
        guest_pings(system, OWN4, "-I 10.9.0.23", wanted=False)
        guest_pings(system, OWN6, "-I fd00:9::23", wanted=False)
        outside_pings(outside, "10.9.0.23", wanted=False)
        outside_pings(outside, "fd00:9::23", wanted=False)
        # Asking for an address of one's own with the unspecified one as sender is allowed: it takes nothing.
        raw.expect_not(lambda frame: frame[6:12] == own and net.named_as_sender(frame, ("10.9.0.23", "fd00:9::23")),
            "another's address from the guest", 1)
    check("10.9.0.23" not in outside.neighbours() and "fd00:9::23" not in outside.neighbours(), "outside took over a wrong address")
    check(system.drops().get("beta.0", {}).get("wrong source address", 0) >= 4, "frames with other addresses were not counted")
    # Nor does outside take that of beta from it.
    system.enter("alpha")
    _text, alpha = address_of(system)
    guest_pings(system, "10.9.0.22")
    with outside.raw() as raw:
        for _ in range(20):
            raw.send(net.ethernet(alpha, outside.mac, net.ETH_ARP, net.arp(2, outside.mac, "10.9.0.22", alpha, "10.9.0.21")))
        guest_pings(system, "10.9.0.22")
        raw.expect_not(lambda frame: net.kind_of(frame) == net.ETH_IPV4 and frame[30:34] == bytes((10, 9, 0, 22)), "a packet for beta", 0.5)
    check(system.drops()["uplink"].get("wrong source address", 0) == 20, "ARP from outside with a guest's address was not counted")


def test_mtu_9000():
    with Outside(f"{OWN4}/24", f"{OWN6}/64", mtu=9000) as outside:
        system = start(outside, {"alpha": {"net": "10.9.0.21/24"}, "beta": {"net": "10.9.0.22/24"}}, mtu=9000)
        system.wait_shells()
        check("mtu 9000" in system.run("ip link show eth0"), "the guest's NIC has another MTU")
        guest_pings(system, OWN4, "-M do -s 8972")
        guest_pings(system, OWN4, "-M do -s 8973", wanted=False)
        guest_pings(system, "10.9.0.22", "-M do -s 8972")
        outside_pings(outside, "10.9.0.21", size=8972, fragment=False)
        outside_pings(outside, "10.9.0.22", size=20000)
        add_address(system, "fd00:9::21/64")
        outside_pings(outside, "fd00:9::21", size=8952, fragment=False)
        guest_pings(system, OWN6, "-M do -s 8952")


test_mtu_9000.seconds = 120


def tagged(vlan, source):
    return lambda frame: net.vlan_of(frame) == vlan and frame[6:12] == source


def test_vlan():
    with Outside() as outside:
        system = start(outside, {
            "alpha": {"net": "10.5.0.21/24", "nics": [{"net": "lan", "vlan": 5}]},
            "beta": {"net": "10.4.0.22/24"}})
        system.wait_shells()
        _text, alpha = address_of(system)
        system.enter("beta")
        _text, beta = address_of(system)
        # Or it would answer in any VLAN for the addresses of all.
        system.run("echo 1 >/proc/sys/net/ipv4/conf/all/arp_ignore")
        for vlan, address in ((5, "10.5.0.22"), (6, "10.6.0.22")):
            system.run(f"ip link add link eth0 name eth0.{vlan} type vlan id {vlan} && ip link set eth0.{vlan} up")
            system.run(f"ip address add {address}/24 dev eth0.{vlan}")
        system.enter("alpha")
        # Untagged in the guest, tagged outside, both ways; and with a trunk between.
        with net.Station(outside, "02:00:00:00:05:01", "10.5.0.1", vlan=5) as five:
            guest_pings(system, "10.5.0.1")
            check(five.ping("10.5.0.21"), "the guest in VLAN 5 did not answer")
            check(five.ping("10.5.0.22"), "the trunk did not answer in VLAN 5")
            guest_pings(system, "10.5.0.22")
        # Addresses of VLAN 6 look as if they were near, but are not.
        system.run("ip address add 10.6.0.21/24 dev eth0")
        guest_pings(system, "10.6.0.22", wanted=False)
        with net.Station(outside, "02:00:00:00:06:01", "10.6.0.1", vlan=6) as six:
            guest_pings(system, "10.6.0.1", wanted=False)
            check(not six.ping("10.6.0.21", 3), "a guest in VLAN 5 answered to VLAN 6")
            check(six.ping("10.6.0.22"), "the trunk did not answer in VLAN 6")
        sees_its_own_only(system, outside, alpha)
        sends_with_its_tag(system, outside, alpha, beta)


test_vlan.seconds = 120


def sees_its_own_only(system, outside, alpha):
    """Of frames in several VLANs, the guest counts those of its own."""
    system.type("net count eth0 seconds=3 all=0\r")
    system.expect(r"net: listening")
    with outside.raw() as raw:
        for vlan, count in ((None, 7), (6, 11), (5, 20), (0, 13), (4095, 17)):
            for target in (alpha, net.BROADCAST):
                for _ in range(count):
                    raw.send(net.ethernet(target, outside.mac, net.ETH_TEST, b"x" * 50, vlan))
    received = int(system.expect(r"net: received (\d+) \d+ in", 30).group(1))
    check(received == 40, f"the guest received {received} frames of VLAN 5, not 40")


def sends_with_its_tag(system, outside, alpha, beta):
    """A guest with a VLAN sends in no other; a trunk may send in any."""
    with outside.raw() as raw:
        system.run("net send eth0 count=1 to=02:00:00:00:05:01")
        frame = raw.expect(lambda frame: frame[6:12] == alpha and net.kind_of(frame) == net.ETH_TEST, "the guest's frame")
        check(net.vlan_of(frame) == 5, f"the guest's frame has VLAN {net.vlan_of(frame)}")
        system.run("ip link add link eth0 name eth0.6 type vlan id 6 && ip link set eth0.6 up && net send eth0.6 count=5 to=02:00:00:00:06:01")
        raw.expect_not(lambda frame: frame[6:12] == alpha and net.vlan_of(frame) != 5, "a guest of VLAN 5 elsewhere", 1)
        check(system.drops()["alpha.0"].get("VLAN", 0) >= 5, "frames of another VLAN were not counted")
        system.enter("beta")
        system.run("net send eth0.6 count=1 to=02:00:00:00:06:01 && net send eth0 count=1 to=02:00:00:00:06:01")
        for vlan in (6, None):
            raw.expect(lambda frame: frame[6:12] == beta and net.vlan_of(frame) == vlan, f"a frame of the trunk with VLAN {vlan}")


def lies(to, source):
    """Frames whose lengths, of headers or of all, are not true."""
    own, other = "10.9.0.1", "10.9.0.21"
    good = net.ipv4(own, other, 17, struct.pack(">HHHH", 9, 9, 28, 0) + bytes(20))
    for length in (0, 1, 19, 20, 27, 49, 1500, 65535):
        yield net.ethernet(to, source, net.ETH_IPV4, good[:2] + struct.pack(">H", length) + good[4:])
        yield net.ethernet(to, source, net.ETH_IPV4, good[:24] + struct.pack(">H", length) + good[26:])
    for first in range(256):  # version and length of the header
        yield net.ethernet(to, source, net.ETH_IPV4, bytes([first]) + good[1:])
    for cut in range(len(good)):
        yield net.ethernet(to, source, net.ETH_IPV4, good[:cut])
    tcp = net.ipv4(own, other, 6, bytes(12) + b"\xf0" + bytes(7))
    for cut in range(20, len(tcp) + 1):
        yield net.ethernet(to, source, net.ETH_IPV4, tcp[:cut])
    for following in (0, 43, 44, 60, 6, 17, 58, 59, 255):
        for length in (0, 8, 40, 65535):
            head = b"\x60\0\0\0" + struct.pack(">HBB", length, following, 64) + bytes(32)
            for rest in (b"", b"\0", bytes([following, 255]) * 20, bytes([following, 0, 0, 0, 0, 0, 0, 0]) * 25):
                yield net.ethernet(to, source, net.ETH_IPV6, head + rest)
    for cut in range(28):
        yield net.ethernet(to, source, net.ETH_ARP, net.arp(1, source, own, bytes(6), other)[:cut])
    for tags in range(1, 6):
        yield to + source + b"\x81\0\0\5" * tags
        yield to + source + b"\x81\0\0\5" * tags + b"\x81"
        yield to + source + b"\x88\xa8\0\5" * tags + b"\x08\0" + good


def hostile_frames(own, guests):
    """Frames of all kinds without end. The last of the guests gets most of them, as do groups and nobody."""
    chance = random.Random(9)
    targets = [guests[-1], net.BROADCAST, net.mac("33:33:00:00:00:01"), net.mac("02:00:00:00:00:77")]
    while True:
        yield from lies(chance.choice([*guests, *targets]), own)
        for _ in range(500):
            yield chance.choice(targets) + own + chance.randbytes(chance.randrange(2, 1700))
        for _ in range(2000):  # each from another address, as a table has no end
            yield net.ethernet(chance.choice(targets), b"\x02" + chance.randbytes(5), net.ETH_TEST, bytes(46))
        for _ in range(500):  # from a guest, from a group, from nobody
            source = chance.choice([*guests, net.BROADCAST, bytes(6), net.mac("33:33:00:00:00:01")])
            yield net.ethernet(chance.choice(targets), source, net.ETH_TEST, bytes(46))


class Attack(threading.Thread):
    """Sends hostile frames as fast as they are taken."""

    def __init__(self, outside, frames):
        super().__init__(daemon=True)
        self.raw, self.frames, self.sent, self.ends = outside.raw(), frames, 0, False

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_error):
        self.ends = True
        self.join()
        self.raw.socket.close()

    def run(self):
        for frame in self.frames:
            if self.ends:
                return
            try:
                self.raw.send(frame)
                self.sent += 1
            except OSError:  # the tap's queue is full, or the frame too short for this host
                time.sleep(0.001)


def answers(system, address, count=20):
    """How many of so many echo requests of the guest are answered."""
    _status, answer = system.run_any(f"/bin/ping -c {count} -i 0.2 -W 5 {address}", 60)
    return int(re.search(r"(\d+) received", answer).group(1))


def test_hostile_outside():
    # Frames beyond the network's MTU can be sent.
    with Outside(f"{OWN4}/24", mtu=9000) as outside:
        system = start(outside, {"alpha": {"net": "10.9.0.21/24"}, "beta": {"net": "10.9.0.22/24"},
            "gamma": {"net": "10.9.0.23/24"}}, memory="576M")
        system.wait_shells()
        links = {}
        for name in ("gamma", "beta", "alpha"):
            system.enter(name)
            links[name] = address_of(system)[1]
        guests = [links[name] for name in sorted(links)]
        with Attack(outside, hostile_frames(outside.mac, guests)) as attack:
            between = answers(system, "10.9.0.22")
            for _ in range(100):  # on a busy host
                if attack.sent > 10000:
                    break
                system.wait(0.2)
        check(attack.sent > 10000, f"only {attack.sent} hostile frames were sent")
        check(between >= 10, f"only {between} of 20 packets between guests came back")
        dropped = system.drops()["uplink"]
        for reason in ("bad frame", "wrong source MAC", "broadcast rate"):
            check(dropped.get(reason, 0) > 0, f"nothing was dropped for {reason!r}: {dropped}")
        takes_no_guest_address(system, outside, guests)
        guest_pings(system, OWN4)
        guest_pings(system, "10.9.0.22")
        check("faulted" not in system.text and "started again" not in system.text, "a server faulted")


test_hostile_outside.seconds = 150


def takes_no_guest_address(system, outside, guests):
    """Outside says that beta's link address is there: frames for beta do not go there."""
    beta = guests[1]
    with outside.raw() as raw:
        for _ in range(50):
            raw.send(net.ethernet(net.BROADCAST, beta, net.ETH_ARP, net.arp(2, beta, "10.9.0.22", net.BROADCAST, "10.9.0.22")))
            raw.send(net.ethernet(guests[0], beta, net.ETH_TEST, bytes(46)))
        check(answers(system, "10.9.0.22", 5) == 5, "the guests do not reach each other")
        raw.expect_not(lambda frame: frame[:6] == beta, "a frame for another guest", 0.5)
