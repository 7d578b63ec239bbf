# SPDX-License-Identifier: Apache-2.0
"""The net server as the root task starts it: NICs on both buses, restarts, and guests that come and go. No guest uses its NICs."""

import re

from driver import BUILD, Guest, System, check, description, memory, say, wait_ready

TIMES = 20
DEAF = BUILD / "tests/system/servers/deaf.elf"
USED = r"\[serai\] nic \d: virtio (?:pci|mmio) at "
UPLINK = r"\[net\] n0: uplink by virtio-net, .* link up"
SHARED = r"is not used: it shares interrupt \d+ with that at 0x[0-9a-f]+, which another server drives"


def make(transports=("pci",), nics=1, disks=0, harts=1):
    """Nets with an uplink each, and guests alpha, with NICs and perhaps disks, and beta, with none."""
    numbers = range(disks)
    return description(
        Guest("alpha", nics=["n0"] * nics, disks=[f"v{n}" for n in numbers][:2] or None), Guest("beta"), harts=harts,
        disks={f"d{n}": {"file": f"d{n}.img", "size": "8M"} for n in numbers}, volumes={f"v{n}": {"disk": f"d{n}"} for n in numbers},
        nets={f"n{n}": {"uplink": True, "transport": transport} for n, transport in enumerate(transports)})


def start(*arguments, harts=1, **options):
    system = System(make(*arguments, harts=harts, **options), arguments=["-smp", str(harts)])
    wait_ready(system, "alpha", "beta")
    return system


def test_finds_nics_on_both_buses():
    # Beside disks, on PCI as well, whose interrupt lines are another server's.
    system = start(("pci", "mmio", "pci"), disks=4)
    check(len(re.findall(USED, system.text)) == 3, "not all NICs were found")
    check(not re.search(SHARED, system.text), "an interrupt line was shared")
    check(len(re.findall(r"\[net\] n\d: uplink by ", system.text)) == 3, "not all NICs are in use")


def test_refuses_an_interrupt_of_another_server():
    # The disk is in slot 1, so that the line of slot 5 is its own.
    system = System(make(disks=1), arguments=["-netdev", "user,id=other", "-device", "virtio-net-pci,disable-legacy=on,netdev=other,addr=5"])
    system.expect(SHARED)
    system.position = 0
    wait_ready(system, "alpha", "beta")


def test_killed_while_idle():
    system = start(("pci",), nics=2, disks=1, harts=2)
    system.open_prompt()
    before = memory(system)
    for number in range(TIMES):
        answer = system.command("kill net")
        check("is made to fault" in answer, f"kill {number + 1}: {answer}")
        system.expect(r"warning: the net server was started again")
        system.expect(UPLINK)
        system.wait(0.2)  # not more often than it is allowed
    check(memory(system) == before, f"memory is {memory(system)}, was {before}")
    # It lets go of a guest still.
    check("alpha is stopped" in system.command("stop alpha"), "alpha was not stopped")
    check("alpha is starting" in system.command("start alpha"), "alpha was not started")
    system.type("\r")
    system.expect(r"alpha> ")
    say(system, "alpha", "alive")
    check("does not let go" not in system.text, "a server did not answer")


def test_guests_come_and_go():
    system = start(("pci",), nics=4, disks=2)
    system.open_prompt()
    system.command("stop alpha")
    stopped = memory(system)
    for number in range(TIMES):
        answer = system.command("start alpha")
        check("alpha is starting" in answer, f"start {number + 1} failed: {answer}")
        if number % 10 == 0:
            system.expect_guest("alpha", "alpha> ")
        answer = system.command("stop alpha")
        check("alpha is stopped" in answer, f"stop {number + 1} failed: {answer}")
    check(memory(system) == stopped, f"memory is {memory(system)}, was {stopped}")
    check("does not let go" not in system.text, "a server did not answer")
    system.command("start alpha")
    system.type("\r")
    system.expect(r"alpha> ")


def test_ends_for_good_when_killed_too_often():
    system = start()
    system.open_prompt()
    system.kill_for_good("net")
    system.expect(r"error: the net server ended too often")
    system.expect(r"guest alpha: stopped because its NICs are gone")
    check("could not be built" in system.command("start alpha"), "a guest got NICs that are gone")
    system.type("\r")
    system.focus("beta")
    say(system, "beta", "alive")


def test_takes_memory_from_a_server_that_does_not_answer():
    system = System(make(disks=1), net=DEAF)
    system.expect(r"\[net\] deaf")
    system.position = 0
    system.expect_guest("beta", "beta> ")
    system.open_prompt()
    before = memory(system)
    check("alpha is stopped" in system.command("stop alpha"), "alpha was not stopped")
    system.expect(r"the net server does not let go of it, and is started again")
    system.expect(r"the net server was started again")
    check(int(memory(system)["guests"]) < int(before["guests"]), "the memory of alpha did not come back")
    check("alpha is starting" in system.command("start alpha"), "alpha was not started")
    check(memory(system) == before, f"memory is {memory(system)}, was {before}")
