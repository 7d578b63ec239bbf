# SPDX-License-Identifier: Apache-2.0
"""Systems of Linux guests with NICs, whose shell has iperf3, ping, ssh, scp and our own sender of frames."""

import re
import socket
import subprocess
import threading
import time

from disks import need
from driver import Guest, System, check, description, free_port

INITRAMFS = "initramfs-net"
SSH = ("ssh", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-o", "BatchMode=yes",
    "-o", "ConnectTimeout=30")
CMDLINE = "console=hvc0 quiet"
GATEWAY = "10.0.2.2"  # in QEMU's user network: the loopback of this host
ADDRESSES = {"alpha": "10.0.2.21", "beta": "10.0.2.22", "gamma": "10.0.2.23"}


def linux(name, nics, memory="128M", net=None, **keys):
    """net: as in tools/guests/net-rc; the name's usual address if left out."""
    net = net or f"{ADDRESSES[name]}/24,{GATEWAY}"
    return Guest.linux(name, cmdline=f"{CMDLINE} serai.host={name} net={net}", initramfs=INITRAMFS, memory=memory, nics=nics, **keys)


class Outside:
    """What is behind an uplink with host = "none": a peer that has GATEWAY's address, answers ARP and ping, and sends whatever frame."""

    NIC = "52:54:00:00:00:01"  # of the machine
    MAC = bytes.fromhex("025500000001")

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = free_port(socket.SOCK_DGRAM)
        threading.Thread(target=self.answer, daemon=True).start()

    def arguments(self):
        """QEMU's."""
        return ["-netdev", f"socket,id=outside,udp=127.0.0.1:{self.socket.getsockname()[1]},localaddr=127.0.0.1:{self.port}",
            "-device", f"virtio-net-pci,disable-legacy=on,romfile=,addr=4,netdev=outside,mac={self.NIC}"]

    def send(self, frame):
        self.socket.sendto(frame.ljust(60, b"\0"), ("127.0.0.1", self.port))

    def send_all(self, frames, rate):
        """At most so many a second, so that QEMU's socket holds them."""
        start = time.monotonic()
        for number, frame in enumerate(frames):
            time.sleep(max(0, start + number / rate - time.monotonic()))
            self.send(frame)

    def answer(self):
        own = socket.inet_aton(GATEWAY)
        while True:
            frame = self.socket.recv(65536)
            head = frame[6:12] + self.MAC + frame[12:14]
            if frame[12:14] == b"\x08\x06" and frame[20:22] == b"\0\1" and frame[38:42] == own:
                self.send(head + frame[14:20] + b"\0\2" + self.MAC + own + frame[22:32])
            elif frame[12:15] == b"\x08\0\x45" and frame[23] == 1 and frame[30:34] == own and frame[34] == 8:
                # An echo: its checksum (RFC 1071) grows by 8 << 8 as the type becomes 0.
                sum = int.from_bytes(frame[36:38], "big") + 0x800
                checksum = (sum + (sum >> 16)) & 0xffff
                self.send(head + frame[14:26] + own + frame[26:30] + b"\0\0" + checksum.to_bytes(2, "big") + frame[38:])


class NetSystem(System):
    """guests: {name: keys as of `linux`}; those without `nics` have one on the switch "lan"."""

    def __init__(self, guests, uplink=True, memory="448M", harts=1, net=None, arguments=(), **options):
        need(INITRAMFS)
        self.names = list(guests)
        text = description(*(linux(name, **{"nics": ["lan"], **keys}) for name, keys in guests.items()), memory=memory, harts=harts,
            nets={"lan": {"uplink": uplink, **(net or {})}})
        super().__init__(text, arguments=[*(("-smp", str(harts)) if harts > 1 else ()), *arguments], memory=memory, **options)

    def wait_shells(self, timeout=120):
        for name in self.names:
            self.position = 0
            self.expect(f"Welcome to {name}\n", timeout)
        self.position = len(self.text)
        self.enter(self.names[0])

    def enter(self, name, timeout=20):
        """Focuses a guest and waits for its shell."""
        self.focus(name)
        self.marks += 1
        self.type(f"echo ENT''ERED-{self.marks}\r")
        self.expect(rf"ENTERED-{self.marks}\b", timeout)

    def ping(self, target, count=3, more=""):
        """How many answers came."""
        answer = self.run_any(f"/bin/ping -c {count} {more} {target}", 30 + 2 * count)[1]
        return int(re.search(r"(\d+) received", answer).group(1))

    def mac(self):
        """Of the guest that has the focus, as bytes."""
        return bytes.fromhex(re.search(r"\n([0-9a-f:]{17})\n", self.run("cat /sys/class/net/eth0/address")).group(1).replace(":", ""))

    def start_count(self, seconds, more=""):
        """Begins to count frames in the guest that has the focus."""
        self.run(f"net count eth0 seconds={seconds} {more} >/tmp/count & sleep 1; cat /tmp/count | grep listening")

    def counted(self):
        """What start_count counted: frames, bytes, milliseconds."""
        answer = self.run("wait; cat /tmp/count", 90)
        return [int(number) for number in re.search(r"received (\d+) (\d+) in (\d+)", answer).groups()]

    def drops(self):
        """What `nets` says was dropped: {port: {reason: frames}}."""
        found, before = self.drops_now(), None
        while found != before:
            self.wait(0.3)  # the server refreshes them ten times a second
            before, found = found, self.drops_now()
        return found

    def drops_now(self):
        """The same, perhaps some time ago."""
        port, found = None, {}
        for line in self.prompt("nets").split("\n"):
            words = line.split()
            if line.startswith("    dropped: "):
                found[port] = {reason.strip(): int(number) for reason, number in re.findall(r"([a-zA-Z ]+?) (\d+)", line.partition(": ")[2])}
            elif len(words) > 3 and re.match("(?:[0-9a-f]{2}:){5}", words[2]):
                port = words[1]
                found[port] = {}
        check(found, "nets shows no ports")
        return found

    def ssh(self, port, command, timeout=60):
        """Runs a command in a guest from this host, by a forwarded port; returns its exit code and what it printed."""
        with subprocess.Popen([*SSH, "-p", str(port), "root@127.0.0.1", command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True) as client:
            end = time.monotonic() + timeout
            while client.poll() is None and time.monotonic() < end:
                self.wait(0.1)  # or the terminal would fill up
            if client.poll() is None:
                client.kill()
            return client.wait(), client.communicate()[0]
