# SPDX-License-Identifier: Apache-2.0
"""Systems of Linux guests with NICs, whose shell has iperf3, ping, ssh, scp and our own sender of frames."""

from disks import need
from driver import Failure, Guest, System, check, description

INITRAMFS = "initramfs-net"
CMDLINE = "console=hvc0 quiet"
GATEWAY = "10.0.2.2"  # in QEMU's user network: the loopback of this host
ADDRESSES = {"alpha": "10.0.2.21", "beta": "10.0.2.22", "gamma": "10.0.2.23"}


def linux(name, nics, memory="128M", net=None, **keys):
    """net: as in tools/guests/net-rc; the name's usual address if left out."""
    net = net or f"{ADDRESSES[name]}/24,{GATEWAY}"
    return Guest.linux(name, cmdline=f"{CMDLINE} serai.host={name} net={net}", initramfs=INITRAMFS, memory=memory, nics=nics, **keys)


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

    def run_any(self, command, timeout=60):
        """Runs a command in the shell of the guest that has the focus; returns its exit code and what it printed."""
        self.marks += 1
        # Not as it is typed, or the echo would be taken for the end.
        self.type(f"{command}; echo EN''D-{self.marks}-$?-\r")
        start = self.position
        match = self.expect(rf"END-{self.marks}-(\d+)-", timeout)
        return int(match.group(1)), self.text[start:match.start()]

    def run(self, command, timeout=60):
        """The same; fails if it did not end with 0."""
        status, answer = self.run_any(command, timeout)
        if status:
            raise Failure(f"{command!r} ended with {status}: {answer[-600:]}")
        return answer
