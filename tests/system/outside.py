# SPDX-License-Identifier: Apache-2.0
"""Networks outside of a system: namespaces of this host, a tap that QEMU opens there, and programs that speak on it.

A namespace lives as long as a process in it, whose input is a pipe of this one: nothing is left behind, however a test ends.
"""

import ctypes
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import threading
import time

from driver import Failure, Unable, check

CLONE_NEWNET = 0x40000000
TAP = "tap0"

ETH_ALL, ETH_IPV4, ETH_ARP, ETH_VLAN, ETH_IPV6, ETH_TEST = 0x0003, 0x0800, 0x0806, 0x8100, 0x86DD, 0x88B5
BROADCAST = b"\xff" * 6
SOL_PACKET, PACKET_AUXDATA, PACKET_IGNORE_OUTGOING = 263, 8, 23
VLAN_VALID = 0x10  # TP_STATUS_VLAN_VALID (Linux: include/uapi/linux/if_packet.h)
IP_MTU_DISCOVER, IP_PMTUDISC_DO = 10, 2
SO_BINDTODEVICE = 25


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def need():
    """Says what to do if this host cannot make namespaces with taps, as in a container without the rights for that."""
    for program, package in (("ip", "iproute2"), ("nsenter", "util-linux"), ("unshare", "util-linux")):
        check(shutil.which(program), f"the program {program} is missing: install {package}")
    if os.geteuid() != 0:
        raise Unable("network namespaces need root's rights: run the tests as root")
    if not pathlib.Path("/dev/net/tun").exists():
        raise Unable("there is no /dev/net/tun: load the kernel module tun, or give the container this device")


class Namespace:
    """A network of its own, with a loopback."""

    def __init__(self):
        need()
        self.holder = subprocess.Popen(["unshare", "--net", "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, start_new_session=True)
        try:
            # It echoes once it is in the namespace.
            self.holder.stdin.write(b"x")
            self.holder.stdin.flush()
            if self.holder.stdout.read(1) != b"x":
                raise Unable(f"no network namespace: {self.holder.stderr.read().decode().strip()}; "
                    "the tests need a kernel with CONFIG_NET_NS, and rights to use it")
            self.file = f"/proc/{self.holder.pid}/ns/net"
            self.enter = ["nsenter", f"--net={self.file}"]
            self.run("ip", "link", "set", "lo", "up")
        except BaseException:
            self.close()
            raise

    def close(self):
        """What still runs in it keeps it until it ends."""
        self.holder.stdin.close()
        self.holder.wait(10)
        self.holder.stdout.close()
        self.holder.stderr.close()

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.close()

    def run(self, *words, timeout=20):
        """Runs a program in the namespace; returns what it printed. Fails if it does."""
        result = subprocess.run([*self.enter, *map(str, words)], capture_output=True, text=True, timeout=timeout)
        check(result.returncode == 0, f"{' '.join(map(str, words))}: {result.stdout}{result.stderr}".rstrip())
        return result.stdout

    def sysctl(self, name, value):
        self.run("sh", "-c", f"echo {value} >/proc/sys/net/{name.replace('.', '/')}")

    def socket(self, *arguments):
        """A socket of the namespace: it belongs to where it was made, so a thread goes there for that."""
        made, wrong = [], []

        def make():
            try:
                with open(self.file, "rb") as file:
                    if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), CLONE_NEWNET):
                        raise OSError(ctypes.get_errno(), "setns")
                made.append(socket.socket(*arguments))
            except OSError as error:
                wrong.append(error)

        thread = threading.Thread(target=make)
        thread.start()
        thread.join()
        check(made, f"no socket in the namespace: {wrong}")
        return made[0]


class Outside(Namespace):
    """A namespace with the tap that a system's uplink leads to: it is the machine outside."""

    def __init__(self, *addresses, mtu=1500):
        super().__init__()
        try:
            self.run("ip", "tuntap", "add", TAP, "mode", "tap")
            # Addresses are in use at once.
            self.sysctl(f"ipv6.conf.{TAP}.accept_dad", 0)
            self.run("ip", "link", "set", TAP, "mtu", mtu, "up")
            for address in addresses:
                self.run("ip", "address", "add", address, "dev", TAP)
            self.mac = mac(self.link_address())
        except BaseException:
            self.close()
            raise

    def link_address(self):
        return self.run("ip", "-o", "link", "show", TAP).split("link/ether ")[1].split()[0]

    @property
    def link_local(self):
        return self.run("ip", "-6", "-o", "address", "show", "dev", TAP, "scope", "link").split("inet6 ")[1].split("/")[0]

    def raw(self):
        return Raw(self)

    def neighbours(self):
        """The link addresses that the kernel knows, by IP address."""
        lines = [line.split() for line in self.run("ip", "neighbour", "show", "dev", TAP).splitlines()]
        return {words[0]: words[words.index("lladdr") + 1] for words in lines if "lladdr" in words}

    def forget_neighbours(self):
        self.run("ip", "neighbour", "flush", "dev", TAP)
        self.run("ip", "-6", "neighbour", "flush", "dev", TAP)

    def counter(self, name):
        """Of the tap: rx_packets, tx_bytes ..., as the kernel counts, where a large segment is one packet."""
        fields = next(line for line in self.run("cat", "/proc/net/dev").splitlines() if line.strip().startswith(TAP)).split(":")[1].split()
        return int(fields[{"rx_bytes": 0, "rx_packets": 1, "tx_bytes": 8, "tx_packets": 9}[name]])


class Raw:
    """Frames on the tap, as they are. Those that this host sends are not seen."""

    def __init__(self, outside):
        self.socket = outside.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_ALL))
        self.socket.bind((TAP, ETH_ALL))
        self.socket.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        self.socket.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        self.source = outside.mac

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.socket.close()

    def send(self, frame):
        self.socket.send(frame)

    def receive(self, seconds):
        """The next frame with its tag in place, or None."""
        self.socket.settimeout(max(seconds, 0.001))
        try:
            frame, extra, _flags, _address = self.socket.recvmsg(65600, socket.CMSG_SPACE(20))
        except TimeoutError:
            return None
        for _level, _kind, data in extra:
            status, _length, _snap, _mac, _net, tag, kind = struct.unpack("IIIHHHH", data[:20])
            if status & VLAN_VALID:
                frame = frame[:12] + struct.pack(">HH", kind or ETH_VLAN, tag) + frame[12:]
        return frame

    def expect(self, wanted, what, seconds=15):
        """Waits for a frame; returns it."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            frame = self.receive(end - time.monotonic())
            if frame and wanted(frame):
                return frame
        raise Failure(f"outside did not see {what} within {seconds} s")

    def expect_not(self, wanted, what, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            frame = self.receive(end - time.monotonic())
            check(not (frame and wanted(frame)), f"outside saw {what}: {frame.hex() if frame else ''}")


def ethernet(to, source, kind, payload, vlan=None):
    tag = b"" if vlan is None else struct.pack(">HH", ETH_VLAN, vlan)
    return to + source + tag + struct.pack(">H", kind) + payload


def vlan_of(frame):
    """The VLAN of its outer tag, or None."""
    return struct.unpack(">H", frame[14:16])[0] & 0xFFF if frame[12:14] == b"\x81\x00" else None


def arp(operation, source, source_ip, to, to_ip):
    """operation: 1 asks, 2 answers."""
    return struct.pack(">HHBBH", 1, ETH_IPV4, 6, 4, operation) + source + socket.inet_aton(source_ip) + to + socket.inet_aton(to_ip)


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ping(outside, address, size=56, fragment=True, tries=3, seconds=5):
    """Whether a guest answers an echo request with `size` bytes of data. fragment: whether it may be sent in pieces."""
    ipv6 = ":" in address
    link = outside.socket(socket.AF_INET6 if ipv6 else socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMPV6 if ipv6 else socket.IPPROTO_ICMP)
    with link:
        level = socket.IPPROTO_IPV6 if ipv6 else socket.IPPROTO_IP
        if not fragment:
            link.setsockopt(level, 23 if ipv6 else IP_MTU_DISCOVER, IP_PMTUDISC_DO)  # IPV6_MTU_DISCOVER
        link.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        if "%" in address:
            link.setsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, address.partition("%")[2].encode())
        data = os.urandom(size)
        for number in range(tries):
            head = struct.pack(">HH", os.getpid() & 0xFFFF, number)
            packet = bytes([128 if ipv6 else 8, 0, 0, 0]) + head + data
            if not ipv6:  # the kernel writes that of ICMPv6
                packet = packet[:2] + struct.pack(">H", checksum(packet)) + packet[4:]
            try:
                link.sendto(packet, (address.partition("%")[0], 0))
            except OSError:
                return False  # too long for a link on the way, as the kernel knows
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                link.settimeout(max(end - time.monotonic(), 0.001))
                try:
                    answer = link.recv(65600)
                except TimeoutError:
                    break
                answer = answer if ipv6 else answer[(answer[0] & 15) * 4:]
                if answer[0] == (129 if ipv6 else 0) and answer[4:8] == head:
                    check(answer[8:] == data, f"the answer of {address} is not what was sent")
                    return True
    return False


class DhcpServer(threading.Thread):
    """Gives addresses (RFC 2131) on the tap: {MAC, or None for any other: address}. Keeps what it saw by message type."""

    DISCOVER, OFFER, REQUEST, ACK, NAK = 1, 2, 3, 5, 6

    def __init__(self, outside, own, leases, mask="255.255.255.0"):
        super().__init__(daemon=True)
        self.own, self.leases, self.mask, self.seen, self.ends = own, leases, mask, [], False
        self.socket = outside.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, TAP.encode())
        self.socket.bind(("0.0.0.0", 67))
        self.socket.settimeout(0.2)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_error):
        self.ends = True
        self.join()
        self.socket.close()

    def run(self):
        while not self.ends:
            try:
                self.answer(self.socket.recv(2048))
            except TimeoutError:
                pass

    def answer(self, request):
        kind = options(request).get(53, b"\0")[0]
        address = self.leases.get(":".join(f"{byte:02x}" for byte in request[28:34]), self.leases.get(None))
        self.seen.append(kind)
        if kind not in (self.DISCOVER, self.REQUEST) or not address:
            return
        asked = options(request).get(50)
        reply = self.OFFER if kind == self.DISCOVER else self.ACK
        if kind == self.REQUEST and asked and asked != socket.inet_aton(address):
            reply = self.NAK
        own, mask = socket.inet_aton(self.own), socket.inet_aton(self.mask)
        packet = (b"\2\1\6\0" + request[4:8] + b"\0\0\x80\0" + bytes(4) + socket.inet_aton(address) + own + bytes(4) + request[28:44] +
            bytes(192) + b"\x63\x82\x53\x63" + bytes([53, 1, reply, 54, 4]) + own + b"\x33\4\0\0\x0e\x10\1\4" + mask + b"\3\4" + own + b"\xff")
        self.socket.sendto(packet, ("255.255.255.255", 68))


def options(packet):
    """Options of a DHCP message."""
    found, at = {}, 240
    while at + 1 < len(packet) and packet[at] != 255:
        if packet[at] == 0:
            at += 1
            continue
        found[packet[at]] = packet[at + 2:at + 2 + packet[at + 1]]
        at += 2 + packet[at + 1]
    return found


def advertise(outside, prefix, bits=64):
    """One router advertisement (RFC 4861, section 4.2) for a prefix to make addresses of."""
    source = outside.mac
    body = struct.pack(">BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0) + b"\1\1" + source
    body += struct.pack(">BBBBIII", 3, 4, bits, 0xC0, 3600, 1800, 0) + socket.inet_pton(socket.AF_INET6, prefix)
    with outside.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as link:
        link.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        link.setsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, TAP.encode())
        link.sendto(body, ("ff02::1", 0))


def kind_of(frame):
    """The Ethernet type behind a tag."""
    return struct.unpack(">H", frame[16:18] if vlan_of(frame) is not None else frame[12:14])[0]


def named_as_sender(frame, addresses):
    """Whether one of these IP addresses is the source of a frame without a tag, or what it says of itself by ARP or an advertisement."""
    packed = [socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address) for address in addresses]
    kind = kind_of(frame)
    if kind == ETH_ARP:
        return frame[28:32] in packed
    if kind == ETH_IPV4:
        return frame[26:30] in packed
    return kind == ETH_IPV6 and (frame[22:38] in packed or (frame[20] == 58 and frame[54] == 136 and frame[62:78] in packed))


class Station(threading.Thread):
    """A small machine outside, with a link address of its own, in a VLAN: it answers ARP and echo requests, and asks itself."""

    def __init__(self, outside, link_address, address, vlan=None):
        super().__init__(daemon=True)
        self.raw, self.sender = outside.raw(), outside.raw()
        self.mac, self.address, self.vlan = mac(link_address), address, vlan
        self.known, self.echoes, self.ends = {}, set(), False

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_error):
        self.ends = True
        self.join()
        self.raw.socket.close()
        self.sender.socket.close()

    def send(self, to, kind, payload):
        self.sender.send(ethernet(to, self.mac, kind, payload, self.vlan))

    def run(self):
        while not self.ends:
            frame = self.raw.receive(0.2)
            if frame and vlan_of(frame) == self.vlan and frame[:6] in (self.mac, BROADCAST):
                self.look(frame[6:12], kind_of(frame), frame[14 if self.vlan is None else 18:])

    def look(self, source, kind, payload):
        own = socket.inet_aton(self.address)
        if kind == ETH_ARP and len(payload) >= 28:
            self.known[socket.inet_ntoa(payload[14:18])] = source
            if payload[6:8] == b"\0\1" and payload[24:28] == own:
                self.send(source, ETH_ARP, arp(2, self.mac, self.address, source, socket.inet_ntoa(payload[14:18])))
        elif kind == ETH_IPV4 and len(payload) >= 28 and payload[9] == 1 and payload[16:20] == own:
            echo = payload[20:struct.unpack(">H", payload[2:4])[0]]
            if echo[0] == 8:
                answer = b"\0\0\0\0" + echo[4:]
                self.send(source, ETH_IPV4, ipv4(self.address, socket.inet_ntoa(payload[12:16]), 1, answer[:2] + struct.pack(">H",
                    checksum(answer)) + answer[4:]))
            elif echo[0] == 0:
                self.echoes.add(socket.inet_ntoa(payload[12:16]))

    def ping(self, address, seconds=10):
        end = time.monotonic() + seconds
        self.known.pop(address, None)
        self.echoes.discard(address)
        while time.monotonic() < end and address not in self.echoes:
            if address not in self.known:
                self.send(BROADCAST, ETH_ARP, arp(1, self.mac, self.address, bytes(6), address))
            else:
                echo = b"\x08\0\0\0\0\1\0\1" + bytes(56)
                self.send(self.known[address], ETH_IPV4, ipv4(self.address, address, 1, echo[:2] + struct.pack(">H", checksum(echo)) + echo[4:]))
            time.sleep(0.2)
        return address in self.echoes


def ipv4(source, to, protocol, payload):
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), 0, 0, 64, protocol, 0) + socket.inet_aton(source) + socket.inet_aton(to)
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + payload
