# SPDX-License-Identifier: Apache-2.0
"""The block server as the root task starts it: devices on both buses, restarts, and guests that come and go. No guest uses its disks."""

import re

from driver import BUILD, Guest, System, check, description, memory, say, wait_ready

TIMES = 20
DEAF = BUILD / "tests/system/servers/deaf.elf"


def make(transports, disks=("v0",), harts=1):
    """A description of disks with a partition each, which the server finds only if it can read, and of guests with some of them and none."""
    numbers = range(len(transports))
    return description(
        Guest("alpha", disks=list(disks)), Guest("beta"), harts=harts,
        disks={f"d{n}": {"file": f"d{n}.img", "size": "8M", "transport": transports[n], "partitions": {"data": "rest"}} for n in numbers},
        volumes={f"v{n}": {"disk": f"d{n}", "partition": "data"} for n in numbers})


def start(transports, disks=("v0",), harts=1):
    """Echo guests alpha, with disks, and beta, with none."""
    system = System(make(transports, disks, harts), arguments=["-smp", str(harts)])
    wait_ready(system, "alpha", "beta")
    return system


def volumes(system):
    """Name: state, by the open prompt."""
    return dict(re.findall(r"^ +(v\d) +(\S+) +\d+ [KM]iB", system.command("volumes"), re.MULTILINE))


def wait_volumes(system, count):
    """Waits until so many volumes are all ready."""
    expected = {f"v{n}": "ready" for n in range(count)}
    for _ in range(50):
        seen = volumes(system)
        if seen == expected:
            return
        system.wait(0.1)
    check(False, f"volumes are {seen}, not {expected}")


def test_finds_disks_on_both_buses():
    # Five on PCI: it has four interrupt lines, so one is shared.
    transports = ["pci"] * 5 + ["mmio"] * 3
    system = start(transports)
    check(len(re.findall(r"\[serai\] disk \d: virtio (?:pci|mmio) at ", system.text)) == 8, "not all devices were found")
    system.open_prompt()
    wait_volumes(system, 8)


def test_says_what_legacy_mmio_needs():
    system = System(make(["mmio"]), arguments=["-global", "virtio-mmio.force-legacy=true"])
    system.expect(r"warning: the virtio device at 0x[0-9a-f]+ has the legacy interface: QEMU needs -global")
    # Who wants the disk cannot have it; others run.
    system.expect(r"guest alpha: stopped")
    system.position = 0
    system.expect_guest("beta", "beta> ")


def test_killed_while_idle():
    system = start(["pci", "mmio"], disks=("v0", "v1"), harts=2)
    system.open_prompt()
    wait_volumes(system, 2)
    before = memory(system)
    for number in range(TIMES):
        answer = system.command("kill block")
        check("is made to fault" in answer, f"kill {number + 1}: {answer}")
        system.expect(r"warning: the block server was started again")
        if number % 5 == 0:
            wait_volumes(system, 2)
        system.wait(0.2)  # not more often than it is allowed
    check(memory(system) == before, f"memory is {memory(system)}, was {before}")
    # It lets go of a guest still.
    check("alpha is stopped" in system.command("stop alpha"), "alpha was not stopped")
    check("alpha is starting" in system.command("start alpha"), "alpha was not started")
    system.type("\r")
    system.expect(r"alpha> ")
    say(system, "alpha", "alive")
    check("does not let go" not in system.text, "the block server did not answer")


def test_guests_come_and_go():
    system = start(["pci", "mmio"], disks=("v0", "v1"))
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
    check("does not let go" not in system.text, "the block server did not answer")
    system.command("start alpha")
    system.type("\r")
    system.expect(r"alpha> ")


def test_ends_for_good_when_killed_too_often():
    system = start(["mmio"])
    system.open_prompt()
    system.kill_for_good("block")
    system.expect(r"error: the block server ended too often")
    system.expect(r"guest alpha: stopped because its disks are gone")
    check("could not be built" in system.command("start alpha"), "a guest got disks that are gone")
    system.type("\r")
    system.focus("beta")
    say(system, "beta", "alive")


def test_takes_memory_from_a_server_that_does_not_answer():
    system = System(make(["pci", "mmio"], disks=("v0", "v1"), harts=2), arguments=["-smp", "2"], block=DEAF)
    system.expect(r"\[block\] deaf")
    system.position = 0
    system.expect_guest("beta", "beta> ")
    system.open_prompt()
    before = memory(system)
    check("alpha is stopped" in system.command("stop alpha"), "alpha was not stopped")
    system.expect(r"the block server does not let go of it, and is started again")
    system.expect(r"the block server was started again")
    check(int(memory(system)["guests"]) < int(before["guests"]), "the memory of alpha did not come back")
    check("alpha is starting" in system.command("start alpha"), "alpha was not started")
    check(memory(system) == before, f"memory is {memory(system)}, was {before}")
