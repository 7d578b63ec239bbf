# SPDX-License-Identifier: Apache-2.0
"""A guest that does its worst with its NIC: its device asks for a reset, and a Linux guest beside it, on the same switch, goes on."""

import re

from disks import need
from driver import Guest, check, description
from net_guests import GATEWAY, INITRAMFS, NetSystem, linux


class HostileSystem(NetSystem):
    """alpha is a Linux, which pings the host all the time; its neighbour has two pairs of queues, and may do what it likes."""

    def __init__(self, harts):
        need(INITRAMFS)
        text = description(linux("alpha", ["lan"]), Guest("hostile", "hostile", cmdline="test=net host=21", memory="32M", nics=["lan"], vcpus=2),
            harts=harts, nets={"lan": {"uplink": True}})
        super(NetSystem, self).__init__(text, arguments=["-smp", str(harts)])
        self.names = ["alpha"]


def run(harts):
    system = HostileSystem(harts)
    system.expect(r"hostile: net: begins\n", 60)
    system.focus("alpha")
    system.type(f"/bin/ping -i 0.1 {GATEWAY} >/tmp/pings 2>&1 &\r")
    system.expect(r"-- hostile: (powered off --|crashed; )", 120)
    text = system.text
    check("hostile: net done: 0 traps" in text, "the payload did not come to its end")
    check("hostile: wrong:" not in text, "the payload saw what it must not see")
    check("faulted:" not in text and "started again" not in text, "a server faulted")
    system.run("kill -INT $!; sleep 1")
    sent, received = map(int, re.search(r"(\d+) packets transmitted, (\d+) received", system.run("tail -n 3 /tmp/pings")).groups())
    # Some of the last may be on their way.
    check(sent > 5 and received >= (sent - 3) * 0.8, f"only {received} of {sent} packets of the guest beside came back")
    answer = system.prompt("nets")
    count = re.search(r"its queues made no sense (\d+) times", answer)
    check(count and int(count.group(1)) >= 30, f"the broken queues were not counted: {answer}")
    check("bad frame" in answer, f"the bad frames were not counted: {answer}")
    check("panic" not in system.text, "the kernel has a panic")


def test_one_hart():
    run(1)


def test_two_harts():
    run(2)


test_one_hart.seconds = test_two_harts.seconds = 180
