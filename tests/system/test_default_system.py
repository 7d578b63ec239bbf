# SPDX-License-Identifier: Apache-2.0
"""The system that ./serai run starts without a word: two small guests on a network."""

import re

from driver import TOP, System, check
from host_servers import PAGE, serve_pages
from net_guests import ADDRESSES, GATEWAY

BOOT_SECONDS = 90
TRIES = 60  # a second each: NICs get their addresses behind the shell


def test_guests_reach_each_other_and_the_outside():
    system = System((TOP / "boot/systems/two-linux.toml").read_text(), arguments=["-smp", "2"])
    for name in ("alpha", "beta"):
        system.position = 0
        system.expect(rf"^\[{name}\] root@{name}:\S+# ", BOOT_SECONDS)
    web = serve_pages()
    for name, other in (("alpha", "beta"), ("beta", "alpha")):
        system.focus(name)
        system.run(f"for i in $(seq {TRIES}); do ping -c 1 -W 1 {other} >/dev/null 2>&1 && break; sleep 1; done", 3 * TRIES)
        answer = system.run(f"ping -c 3 {other}")
        check(f"({ADDRESSES[other]})" in answer and " 0% packet loss" in answer, f"{name} does not reach {other}: {answer}")
        check(PAGE.decode() in system.run(f"wget -q -O - http://{GATEWAY}:{web}/"), f"{name} cannot read from this host")
        check(re.search(rf"inet {re.escape(ADDRESSES[name])}/24", system.run("ip address")), f"{name} has another address")
        check("nameserver 10.0.2.3" in system.run("cat /etc/resolv.conf"), f"{name} knows no name server")
    system.end_in_order()


test_guests_reach_each_other_and_the_outside.seconds = 300
