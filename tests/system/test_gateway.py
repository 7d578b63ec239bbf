# SPDX-License-Identifier: Apache-2.0
"""The gateway: addresses, names and a way out for Linux guests without anybody outside who would give them (docs/network.md)."""

import contextlib
import re
import socket
import threading

from driver import Guest, System, check, description, free_port, memory, wait_ready
from net_guests import NetSystem

TIMES = 20
OWN = {"alpha": "10.77.0.10", "beta": "10.77.0.11"}


class Echo:
    """A server on this host's loopback that sends back each line, and each datagram; guests reach it at 10.0.2.2."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.datagrams.bind(("127.0.0.1", self.port))
        threading.Thread(target=self.serve, daemon=True).start()
        threading.Thread(target=self.return_datagrams, daemon=True).start()

    def return_datagrams(self):
        with contextlib.suppress(OSError):
            while True:
                self.datagrams.sendto(*self.datagrams.recvfrom(65536))

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.socket.accept()
                threading.Thread(target=self.answer, args=(connection,), daemon=True).start()

    @staticmethod
    def answer(connection):
        with connection, contextlib.suppress(OSError):
            while data := connection.recv(65536):
                connection.sendall(data)

    def __enter__(self):
        return self

    def __exit__(self, *_unused):
        self.socket.close()
        self.datagrams.close()


class Names:
    """A name server at port 53 of this host's loopback, which has one address for every name; `bound` is false if that port is not to be had."""

    ADDRESS = "198.51.100.99"

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.asked = []
        try:
            self.socket.bind(("127.0.0.1", 53))
            self.bound = True
        except OSError:
            self.bound = False
        if self.bound:
            threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                query, sender = self.socket.recvfrom(2048)
                end = query.index(0, 12) + 5
                self.asked.append((sender[1], query[:2]))
                record = b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4" + socket.inet_aton(self.ADDRESS)
                counts = (b"\0\1\0\1" if query[end - 4:end - 2] == b"\0\1" else b"\0\1\0\0") + bytes(4)
                answer = query[:2] + b"\x81\x80" + counts + query[12:end] + (record if counts[3] else b"")
                # A forged one first: another number.
                self.socket.sendto(bytes([answer[0] ^ 1]) + answer[1:-1] + b"\7", sender)
                self.socket.sendto(answer, sender)

    def __enter__(self):
        return self

    def __exit__(self, *_unused):
        self.socket.close()


def start(uplink=True, guests=("alpha", "beta"), nics=None, net=None, **options):
    keys = {name: {"net": "dhcp", **({"nics": nics[name]} if nics else {})} for name in guests}
    system = NetSystem(keys, uplink=uplink, net={"nat": True, **(net or {})}, **options)
    system.wait_shells()
    return system


def check_inner(system):
    for name, address in OWN.items():
        system.enter(name)
        check(address in system.run("ip -4 address show eth0"), f"{name} has not the address {address}")
    system.run("ping -c 2 -W 5 alpha")
    system.run("ping -c 2 -W 5 alpha.lan")
    system.run("ping -c 2 -W 5 gateway")
    check(system.run_any("ping -c 1 -W 5 delta")[0] != 0, "a name that nobody has was found")


def test_inner_network():
    system = start(uplink=False)
    check_inner(system)
    check("default" not in system.run("ip route"), "there is a way out of an inner network")
    nets = system.prompt("nets")
    check("gateway.0" in nets and "gateway.1" not in nets, f"nets does not show the gateway: {nets}")
    system.end_in_order()


test_inner_network.seconds = 240


def banner(port):
    """What the SSH server behind a port of this host says first."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        return connection.recv(100).decode(errors="replace")


def check_way_out(system, server, port):
    system.enter("alpha")
    system.run("ping -c 2 -W 5 10.0.2.2")
    check("hello" in system.run(f"echo hello | nc -w 5 10.0.2.2 {server.port}"), "nothing came back from outside")
    said = banner(port)
    check(said.startswith("SSH-2.0-dropbear"), f"not the guest's SSH server at the forwarded port: {said!r}")


def check_by_address_outside(system, port):
    """Guests reach forwarded ports by the gateway's address outside too, and are told of ports that lead nowhere."""
    for name in OWN:
        system.enter(name)
        said = system.run(f"echo | nc -w 5 10.0.2.15 {port} | head -n 1")
        check("SSH-2.0-dropbear" in said, f"{name} does not reach the forwarded port: {said!r}")
        system.run("ping -c 1 -W 5 10.0.2.15")
        status, said = system.run_any("nc -w 20 10.0.2.15 9")
        check(status != 0 and "refused" in said, f"nobody says that the port leads nowhere: {said!r}")


def check_fragments(system, server):
    for name in OWN:
        system.enter(name)
        system.run("ping -c 2 -W 5 -s 5000 10.0.2.2")
        sent = f"head -c 4000 /dev/zero | tr '\\0' x | nc -u -w 3 10.0.2.2 {server.port} | wc -c"
        check("4000" in system.run(sent), f"no datagram of 4000 bytes came back to {name}")


def check_shown(system):
    """Who uses what, and that a dropped packet is counted."""
    shown = system.prompt("nat")
    check("lan: 10.77.0.1/24 inside, 10.0.2.15 outside" in shown, shown)
    guests = {words[0]: words for words in map(str.split, shown.splitlines()) if words and words[0] in OWN}
    check([guests[name][1] for name in OWN] == list(OWN.values()) and guests["beta"][-1] == "1", shown)
    check(int(guests["alpha"][2]) >= 1 and re.search(r"dropped: +[1-9].*belongs to no connection", shown), shown)


def test_way_out():
    with Echo() as server:
        port = free_port()
        system = start(nics={"alpha": ["lan"], "beta": [{"net": "lan", "forward": {port: 22}}]})
        check_inner(system)
        check_way_out(system, server, port)
        check_by_address_outside(system, port)
        check_fragments(system, server)
        check_shown(system)
        # A connection that is open while the gateway ends, and a new one.
        system.run(f"(echo one; sleep 8; echo two) | nc -w 20 10.0.2.2 {server.port} >/tmp/both & true")
        system.wait(1)
        for number in range(3):
            check("is made to fault" in system.prompt("kill gateway"), f"kill {number + 1}")
            system.expect(r"warning: the gateway was started again")
            system.expect(r"10\.0\.2\.15 outside")
        check("two" in system.run("wait; sleep 8; cat /tmp/both"), "an open connection did not outlive the gateway")
        check_inner(system)
        check_way_out(system, server, port)
        # And the net server below it.
        check("is made to fault" in system.prompt("kill net"), "kill net")
        system.expect(r"warning: the net server was started again")
        check_way_out(system, server, port)
        system.end_in_order()


test_way_out.seconds = 300


def test_given_addresses():
    with Echo() as server, Names() as names:
        port = free_port()
        system = start(guests=("alpha",), nics={"alpha": [{"net": "lan", "addresses": ["192.168.7.77"], "forward": {port: 22}}]},
            net={"subnet": "192.168.7.0/24", "outside": {"address": "10.0.2.44/24", "gateway": "10.0.2.2", "dns": "10.0.2.2"}})
        check("192.168.7.77/24" in system.run("ip -4 address show eth0"), "alpha has not its address")
        check_way_out(system, server, port)
        for number in range(3 if names.bound else 0):
            answer = system.run(f"nslookup -type=a name{number}.example.com 192.168.7.1")
            check(names.ADDRESS in answer, f"the name server outside was not asked, or not believed: {answer}")
        check(len(set(names.asked)) == len(names.asked), f"questions are alike: {names.asked}")
        # Its own path: a hop more, which says so.
        check("192.168.7.1" in system.run_any("traceroute -n -m 2 -q 1 -w 3 10.0.2.2")[1], "the gateway is no hop")
        system.end_in_order()


test_given_addresses.seconds = 240


def test_killed_while_idle():
    guests = [Guest(name, nics=["lan"]) for name in ("alpha", "beta")]
    system = System(description(*guests, nets={"lan": {"uplink": True, "nat": True}}))
    wait_ready(system, "alpha", "beta")
    system.open_prompt()
    before = memory(system)
    for number in range(TIMES):
        check("is made to fault" in system.command("kill gateway"), f"kill {number + 1}")
        system.expect(r"warning: the gateway was started again")
        system.expect(r"10\.0\.2\.15 outside")
        system.wait(0.2)  # not more often than it is allowed
    check(memory(system) == before, f"memory is {memory(system)}, was {before}")
    check("alpha is stopped" in system.command("stop alpha"), "alpha was not stopped")
    check("does not let go" not in system.text, "a server did not answer")
    # More often than that it stays away, and the others go on.
    system.kill_for_good("gateway")
    system.expect(r"the gateway ended too often")
    check("alpha is starting" in system.command("start alpha"), "alpha was not started")
    system.expect_guest("alpha", "alpha> ")


test_killed_while_idle.seconds = 120
