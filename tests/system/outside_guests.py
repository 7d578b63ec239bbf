# SPDX-License-Identifier: Apache-2.0
"""Linux guests on a switch whose uplink is a tap in a network namespace of this host."""

import re

import outside as net
from driver import check
from net_guests import NetSystem
from outside import TAP, ping

OWN4, OWN6 = "10.9.0.1", "fd00:9::1"  # of outside


def start(outside, guests, mtu=1500, nat=False, **keys):
    """Guests on a switch whose uplink is the tap; nat: behind a gateway of ours."""
    return NetSystem(guests, net={"host": f"tap:{TAP}", "mtu": mtu, **({"nat": True} if nat else {})}, wrapper=outside.enter, **keys)


def add_address(system, address):
    """Another address of the guest, in use at once."""
    system.run(f"echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad; ip address add {address} dev eth0")


def address_of(system, name="eth0"):
    """The guest's link address, as text and as bytes."""
    text = re.search(r"^([0-9a-f:]{17})$", system.run(f"cat /sys/class/net/{name}/address"), re.MULTILINE).group(1)
    return text, net.mac(text)


def guest_pings(system, address, more="", wanted=True):
    # The shell prefers its own ping, which has fewer options.
    how = "-c 3 -i 0.2 -W 5" if wanted else "-c 2 -i 0.3 -W 1"
    status, answer = system.run_any(f"/bin/ping {how} {more} {address}", 40)
    check((status == 0) == wanted, f"ping {more} {address} in the guest {'failed' if wanted else 'got an answer'}: {answer[-500:]}")
    return answer


def outside_pings(outside, address, wanted=True, **options):
    if not wanted:
        options = {"tries": 1, "seconds": 1.5, **options}
    check(ping(outside, address, **options) == wanted, f"{address} {'did not answer' if wanted else 'answered'} with {options}")


def both_ways(system, outside, guest, own, more=""):
    """Looked up by both, before and after both forgot."""
    for _ in range(2):
        outside_pings(outside, guest)
        check(guest.partition("%")[0] in outside.neighbours(), f"outside does not know where {guest} is")
        guest_pings(system, own, more)
        outside.forget_neighbours()
        system.run("ip neigh flush dev eth0")
