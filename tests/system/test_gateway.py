# SPDX-License-Identifier: Apache-2.0
"""The gateway: addresses, names and a way out for Linux guests without anybody outside who would give them (docs/network.md)."""

import contextlib
import socket
import threading

from driver import check, free_port
from net_guests import NetSystem

OWN = {"alpha": "10.77.0.10", "beta": "10.77.0.11"}


class Echo:
    """A server on this host's loopback that sends back each line; guests reach it at 10.0.2.2."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

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


def start(uplink=True, guests=("alpha", "beta"), nics=None, net=None, **options):
    keys = {name: {"net": "dhcp", **({"nics": nics[name]} if nics else {})} for name in guests}
    system = NetSystem(keys, uplink=uplink, net={"nat": True, **(net or {})}, **options)
    system.wait_shells()
    for name in guests:
        system.enter(name)
        system.run(": >/etc/hosts")  # which has other addresses
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
    # QEMU's name server knows it if this host does; an answer must come in any case.
    check("Server:" in system.run_any("nslookup -type=a example.invalid")[1], "no answer of the name server")
    said = banner(port)
    check(said.startswith("SSH-2.0-dropbear"), f"not the guest's SSH server at the forwarded port: {said!r}")


def test_way_out():
    with Echo() as server:
        port = free_port()
        system = start(nics={"alpha": ["lan"], "beta": [{"net": "lan", "forward": {port: 22}}]})
        check_inner(system)
        check_way_out(system, server, port)
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
    with Echo() as server:
        port = free_port()
        system = start(guests=("alpha",), nics={"alpha": [{"net": "lan", "addresses": ["192.168.7.77"], "forward": {port: 22}}]},
            net={"subnet": "192.168.7.0/24", "outside": {"address": "10.0.2.44/24", "gateway": "10.0.2.2", "dns": "10.0.2.3"}})
        check("192.168.7.77/24" in system.run("ip -4 address show eth0"), "alpha has not its address")
        check_way_out(system, server, port)
        # Its own path: a hop more, which says so.
        check("192.168.7.1" in system.run_any("traceroute -n -m 2 -q 1 -w 3 10.0.2.2")[1], "the gateway is no hop")
        system.end_in_order()


test_given_addresses.seconds = 240
