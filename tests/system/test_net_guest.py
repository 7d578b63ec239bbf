# SPDX-License-Identifier: Apache-2.0
"""Linux guests on a network: each other, the outside, what they must not do, and what they must not notice."""

import hashlib
import os
import re
import time

from driver import check, free_port, patience
from host_servers import PAGE, SshServer, serve_names, serve_pages
from net_guests import ADDRESSES, GATEWAY, NetSystem, Outside

# SERAI_NET_KILLS=25 copies 200 MiB while the net server is killed as often: minutes.
KILLS = int(os.environ.get("SERAI_NET_KILLS", "3"))
KILL_MIB = 8  # to copy for each kill
# What a flood may cost others; 8 ms and 0.7 s were seen. On a busy host, so many times what it costs without a flood.
FLOOD_PING_MS = 250
FLOOD_SSH_SECONDS = 15
FLOOD_TIMES = 10
COPY_BYTES = 1 << 20  # to and from a server on this host


def lies_of(system, port):
    """What a port dropped, but for frames that came when its guest had no buffers, as when it starts or has little time."""
    return {reason: count for reason, count in system.drops()[port].items() if reason != "no buffer to receive"}


def check_ssh_to_host(system, server, name):
    """A command, from the shell of the guest that has the focus, to a server on this host's loopback."""
    system.run(server.take_key())
    answer = system.run(f"ssh -i /tmp/key -p {server.port} {server.USER}@{GATEWAY} of-{name}")
    check(f"\nasked of this host: of-{name}\n" in answer, f"{name} does not reach this host by ssh: {answer}")


def check_files_to_host(system, server, name):
    """Files both ways, and a guest without the key."""
    there = f"{server.USER}@{GATEWAY}"
    check(system.run_any(f"ssh -p {server.port} {there} true")[0] != 0, "this host let somebody in without a key")
    system.run(f"head -c {COPY_BYTES} /dev/urandom >/tmp/sent; scp -O -q -i /tmp/key -P {server.port} /tmp/sent {there}:got")
    check(hashlib.sha256((server.folder / "got").read_bytes()).hexdigest() in system.run("sha256sum /tmp/sent"), "another file came to this host")
    content = os.urandom(COPY_BYTES)
    (server.folder / "sent").write_bytes(content)
    system.run(f"scp -O -q -i /tmp/key -P {server.port} {there}:sent /tmp/got")
    check(hashlib.sha256(content).hexdigest() in system.run("sha256sum /tmp/got"), f"another file came to {name}")


def test_reaches_the_others_and_the_outside():
    ports = {name: free_port() for name in ("alpha", "beta")}
    system = NetSystem({name: {"net": f"dhcp:{ADDRESSES[name]}", "nics": [
        {"net": "lan", "addresses": [ADDRESSES[name]], "forward": {str(port): 22}}]} for name, port in ports.items()})
    system.wait_shells()
    web, names, server = serve_pages(), serve_names(), SshServer()
    for name, other in (("alpha", "beta"), ("beta", "alpha")):
        system.enter(name)
        check(f"inet {ADDRESSES[name]}/24" in system.run("ip address show eth0"), f"{name} has no address by DHCP")
        check("nameserver 10.0.2.3" in system.run("cat /etc/resolv.conf"), f"{name} knows no name server")
        check(f"default via {GATEWAY}" in system.run("ip route"), f"{name} knows no way out")
        check(system.ping(other) == 3 and system.ping(GATEWAY) == 3, f"{name}: pings were lost")
        check("192.0.2.7" in system.run(f"nslookup -type=a some.name {GATEWAY}:{names}"), f"{name} got no answer for a name")
        check(PAGE.decode().strip() in system.run(f"wget -q -O - http://{GATEWAY}:{web}/"), f"{name} cannot read from this host")
        check(f"\nof-{other}\n" in system.run(f"ssh root@{other} 'echo of-$(hostname)'"), f"{name} does not reach {other} by ssh")
        code, answer = system.ssh(ports[name], "hostname")
        check(code == 0 and answer == f"{name}\n", f"ssh to {name} ended with {code}: {answer}")
        check_ssh_to_host(system, server, name)
    check_files_to_host(system, server, "beta")
    own = re.search(r"inet6 (fe80[0-9a-f:]+)/", system.run("ip -6 address show eth0")).group(1)
    system.enter("alpha")
    check(system.ping(f"{own}%eth0", 3, "-6") == 3, "pings by IPv6 were lost")
    for name in ports:
        check(not lies_of(system, f"{name}.0"), f"frames of good guests were dropped: {system.drops()}")


def test_copy_while_net_server_is_killed():
    size = KILLS * KILL_MIB
    memory = {"memory": f"{128 + 2 * size}M"}
    system = NetSystem({"alpha": memory, "beta": memory}, memory=f"{512 + 4 * size}M", harts=2)
    system.wait_shells()
    system.run(f"head -c {size << 20} /dev/urandom >/tmp/sent", 300)
    wanted = re.search(r"[0-9a-f]{64}", system.run("sha256sum /tmp/sent", 300)).group()
    check(f" {size << 20} " in system.run("ls -l /tmp/sent"), "the file has another size")
    system.type("scp -O -q /tmp/sent root@beta:/tmp/got; echo CO''PIED-$?-\r")
    for number in range(KILLS):
        system.wait(0.5)
        check("COPIED-" not in system.text, f"it was copied before kill {number + 1}: make KILL_MIB larger")
        check("is made to fault" in system.prompt("kill net"), "the net server was not killed")
        system.expect("warning: the net server was started again")
    match = system.expect(r"COPIED-(\d+)-", 60 + 10 * KILLS)
    check(match.group(1) == "0", f"scp ended with {match.group(1)}")
    got = re.search(r"[0-9a-f]{64}", system.run("ssh root@beta sha256sum /tmp/got", 120)).group()
    check(got == wanted, f"{got} came, {wanted} was sent")


test_copy_while_net_server_is_killed.seconds = 120 + 30 * KILLS


def test_iperf_and_ping_flood():
    system = NetSystem({name: {"vcpus": 2} for name in ("alpha", "beta")}, harts=2)
    system.wait_shells()
    check("rx-1" in system.run("ls /sys/class/net/eth0/queues"), "there is one pair of queues for two vCPUs")
    system.run("ssh root@beta iperf3 -s -D")
    for words in ("", "-R", "-P 4", "-P 4 -R"):
        # In small blocks, or a stream with little time may have sent less than one.
        answer = system.run(f"iperf3 -c beta -t {round(2 * patience())} -l 16K -f m {words}")
        rates = [float(rate) for rate in re.findall(r"([\d.]+) Mbits/sec +receiver", answer)]
        check(len(rates) == (5 if "-P" in words else 1) and all(rates), f"iperf3 {words}: {rates}")
    check(system.ping("beta", 2000, "-f -q") == 2000, "pings of a flood were lost")


def test_spoofed_frames():
    nics = {name: [{"net": "lan", "addresses": [address]}] for name, address in ADDRESSES.items()}
    system = NetSystem({name: {"nics": nics[name]} for name in ("alpha", "beta")})
    system.wait_shells()
    system.enter("beta")
    system.start_count(5)
    system.enter("alpha")
    # Only the first hundred come through. The many go to one address, or those that are too fast for broadcasts would be counted as that.
    system.run("net send eth0 count=100; net send eth0 count=50 from=52:54:00:00:00:99; "
        "net send eth0 count=2000 macs=2000 to=02:00:00:00:00:77")
    lies = lies_of(system, "alpha.0")
    check(lies == {"wrong source MAC": 2050}, f"spoofed MACs: {lies}")
    for words in (f"ip={ADDRESSES['beta']}", "ip=192.0.2.1", f"arp={ADDRESSES['beta']}"):
        system.run(f"net send eth0 count=20 {words}")
    lies = lies_of(system, "alpha.0")
    check(lies == {"wrong source MAC": 2050, "wrong source address": 60}, f"spoofed addresses: {lies}")
    system.enter("beta")
    check(system.counted()[0] == 100, "frames came through that are not alpha's, or its own did not")
    check(system.ping("alpha") == 3 and system.ping(GATEWAY) == 3, "pings were lost afterwards")


def test_link_and_vlans():
    # alpha's second NIC is in VLAN 5 and knows nothing of it, beta puts the tags on itself.
    system = NetSystem({"alpha": {"nics": ["lan", {"net": "lan", "vlan": 5}]}, "beta": {}})
    system.wait_shells()
    for state, carrier, answers in (("down", "0", 0), ("up", "1", 2)):
        system.prompt(f"link alpha {state}")
        system.enter("alpha")
        system.run(f"for i in 1 2 3 4 5 6 7 8 9; do [ $(cat /sys/class/net/eth0/carrier) = {carrier} ] && break; sleep 0.2; done")
        check(f"\n{carrier}\n" in system.run("cat /sys/class/net/eth0/carrier"), f"carrier with the link {state}")
        check(system.ping("beta", 2, "-W 10" if answers else "-W 2") == answers, f"pings with the link {state}")
        if state == "down":
            # It stays unplugged with a new server.
            system.prompt("kill net")
            system.expect("warning: the net server was started again")
            system.wait(1)
            check("\n0\n" in system.run("cat /sys/class/net/eth0/carrier"), "a new server plugged the link in again")
    system.run("ip link set eth1 up; ip address add 10.5.0.1/24 dev eth1")
    system.enter("beta")
    system.run("ip link add link eth0 name eth0.5 type vlan id 5; ip link set eth0.5 up; ip address add 10.5.0.2/24 dev eth0.5")
    system.run("ip link add link eth0 name eth0.6 type vlan id 6; ip link set eth0.6 up; ip address add 10.6.0.2/24 dev eth0.6")
    check(system.ping("10.5.0.1") == 3, "pings in the VLAN were lost")
    system.enter("alpha")
    system.run("ip address add 10.6.0.1/24 dev eth1")
    check(system.ping("10.5.0.2") == 3, "pings into the VLAN were lost")
    check(system.ping("10.6.0.2", 2, "-W 1") == 0, "pings went from one VLAN to another")


def test_hostile_outside():
    outside = Outside()
    system = NetSystem({"alpha": {}, "beta": {}}, net={"host": "none", "mac": outside.NIC}, arguments=outside.arguments())
    system.wait_shells()
    experiment, everybody = b"\x88\xb5", b"\xff" * 6
    system.enter("beta")
    beta = system.mac()
    system.enter("alpha")
    alpha = system.mac()
    check(system.ping(GATEWAY) == 3, "pings to the outside were lost")
    # More sources than the switch's table has room for. A busy host may lose some before QEMU reads them, fewer if they come slower.
    for rate in (500, 250, 125):
        system.start_count(2000 // rate + 4)
        outside.send_all((alpha + b"\x02\x77\0\0" + number.to_bytes(2, "big") + experiment for number in range(2000)), rate)
        came = system.counted()[0]
        if came == 2000:
            break
    check(came == 2000, f"{came} of 2000 frames from many sources came")
    check(system.ping(GATEWAY) == 3, "pings were lost after the table was full")
    system.enter("beta")
    check(system.ping(GATEWAY) == 3, "beta's pings were lost after the table was full")
    # Nobody outside may be beta.
    outside.send_all((alpha + beta + experiment for _ in range(20)), 500)
    lies = lies_of(system, "uplink")
    check(lies == {"wrong source MAC": 20}, f"a guest's address from outside: {lies}")
    # A storm: a burst and 1000 a second come through, the rest does not.
    for rate in (2000, 3000, 4000):
        system.start_count(4)
        outside.send_all((everybody + outside.MAC + experiment for _ in range(3 * rate)), rate)
        frames, _, milliseconds = system.counted()
        check(frames <= 1000 + 1.05 * milliseconds, f"{frames} broadcasts came in {milliseconds} ms")
        dropped = system.drops()["uplink"].get("broadcast rate", 0)
        if dropped:
            break
    check(frames >= 1000 and dropped > 0, f"{frames} broadcasts came, {dropped} were dropped")
    check(system.ping(GATEWAY) == 3 and system.ping("alpha") == 3, "pings were lost after the storm")


def check_rate(system, sender, words, unit, rate, burst):
    """beta gets what the sender's limit lets through, within 5 %. unit: 0 for frames, 1 for bytes.

    A burst is a second's. A busy host may keep the sender from using its limit, which is low for that reason, but nothing may let more through.
    """
    system.enter("beta")
    mac = ":".join(f"{byte:02x}" for byte in system.mac())
    for _ in range(3):
        system.wait(1.5)  # until the burst is whole
        system.enter("beta")
        system.start_count(6)
        system.enter(sender)
        system.run(f"net send eth0 seconds=8 to={mac} {words}")
        system.enter("beta")
        *counts, milliseconds = system.counted()
        measured = (counts[unit] - burst) * 1000 / milliseconds
        check(measured <= 1.05 * rate, f"{measured:.0f} a second, the limit is {rate}")
        if measured >= 0.95 * rate:
            return
    check(False, f"{measured:.0f} a second in the last of three runs, the limit is {rate}")


def test_rate_limits():
    system = NetSystem({"alpha": {"nics": [{"net": "lan", "packets": 60, "packets_burst": 60}]}, "beta": {},
        "gamma": {"nics": [{"net": "lan", "bandwidth": "128K", "bandwidth_burst": "128K"}]}}, memory="576M")
    system.wait_shells()
    check_rate(system, "alpha", "", 0, 60, 60)
    check_rate(system, "gamma", "size=1514", 1, 128 << 10, 128 << 10)


def pings_and_ssh(system, port):
    """Milliseconds of 20 pings of beta to the host, sorted, and seconds of a login to it."""
    answer = system.run(f"/bin/ping -i 0.2 -c 20 {GATEWAY}")
    started = time.monotonic()
    code, name = system.ssh(port, "hostname")
    check(code == 0 and name == "beta\n", f"ssh ended with {code}: {name}")
    return sorted(float(time) for time in re.findall(r"time=([\d.]+)", answer)), time.monotonic() - started


def test_flood():
    port = free_port()
    system = NetSystem({"alpha": {}, "beta": {"nics": [{"net": "lan", "addresses": [ADDRESSES["beta"]], "forward": {str(port): 22}}]}}, harts=2)
    system.wait_shells()
    system.enter("beta")
    mac = ":".join(f"{byte:02x}" for byte in system.mac())
    idle, idle_seconds = pings_and_ssh(system, port)
    # To somebody outside who does not exist, to beta itself, and to everybody.
    for target in ("02:00:00:00:00:77", mac, "ff:ff:ff:ff:ff:ff"):
        system.enter("alpha")
        system.run(f"net send eth0 seconds=12 to={target} >/tmp/sent & true")
        system.enter("beta")
        times, seconds = pings_and_ssh(system, port)
        # Some may be lost on a busy host.
        check(len(times) >= 17 and times[-2] < max(FLOOD_PING_MS, FLOOD_TIMES * idle[-2]),
            f"pings during the flood of {target}, milliseconds: {times}; without: {idle}")
        check(seconds < max(FLOOD_SSH_SECONDS, FLOOD_TIMES * idle_seconds),
            f"ssh during the flood of {target} took {seconds:.1f} s, without {idle_seconds:.1f}")
        system.enter("alpha")
        sent = int(re.search(r"sent (\d+)", system.run("wait; cat /tmp/sent")).group(1))
        check(sent > 2000, f"{sent} frames are no flood")


def test_flood_leaves_buffers_to_others():
    """Of a guest that takes nothing meanwhile, as its PLIC lets no interrupts through: so it does not depend on how fast anybody is."""
    threshold = 0x0c201000  # of the context of hart 0 in S-mode
    system = NetSystem({"alpha": {}, "beta": {}, "gamma": {}}, uplink=False, memory="576M")
    system.wait_shells()
    system.enter("alpha")
    # It shall not ask for beta's address then.
    system.run("echo 3600000 >/proc/sys/net/ipv4/neigh/eth0/base_reachable_time_ms")
    check(system.ping("beta", 3) == 3, "beta does not answer")
    system.enter("beta")
    mac = ":".join(f"{byte:02x}" for byte in system.mac())
    # Its console needs interrupts as well.
    system.run(f"(sleep 1; devmem {threshold:#x} 32 7; sleep 20; devmem {threshold:#x} 32 0) & true")
    system.enter("gamma")
    before = system.drops()
    system.run(f"sleep 2; net send eth0 count=300 to={mac}")  # more than its queue holds
    system.enter("alpha")
    answered = system.ping("beta", 10, "-q -i 0.2 -W 40")
    drops = system.drops()
    check(answered == 10, f"{answered} of 10 pings were answered after a flood of beta; dropped before: {before}, then {drops}")
    share = drops["gamma.0"].get("share of a receiver used up", 0)
    check(share >= 300 - 256 * 2 // 3 - 10, f"{share} of 300 frames of a flood were more than its share; before: {before}, then {drops}")
    check(drops["beta.0"] == before["beta.0"], f"frames to beta found no buffer: {before}, then {drops}")


for test in (test_reaches_the_others_and_the_outside, test_iperf_and_ping_flood, test_spoofed_frames, test_link_and_vlans,
        test_hostile_outside, test_rate_limits, test_flood, test_flood_leaves_buffers_to_others):
    test.seconds = 300
