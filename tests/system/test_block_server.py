# SPDX-License-Identifier: Apache-2.0
"""The block server as the root task starts it: devices on both buses, restarts, and guests that come and go. No guest uses its disks."""

import functools
import pathlib
import re
import tempfile

from driver import Guest, System, check, description, say, wait_ready

TIMES = 20
MIB = 1 << 20


def in_folder(case):
    """Gives a case a folder for the images of its disks."""
    @functools.wraps(case)
    def run():
        with tempfile.TemporaryDirectory(prefix="serai-test-") as folder:
            case(pathlib.Path(folder))
    del run.__wrapped__
    return run


def make_disks(folder, transports):
    """Images of 8 MiB and more, each of another size; what QEMU needs for them, and the part of the description."""
    arguments, text = ["-global", "virtio-mmio.force-legacy=false"], ""
    for number, transport in enumerate(transports):
        path = folder / f"d{number}.img"
        with open(path, "wb") as file:
            file.truncate((8 + number) * MIB)
        device = "virtio-blk-pci" if transport == "pci" else "virtio-blk-device"
        arguments += ["-drive", f"if=none,id=d{number},format=raw,file={path}", "-device", f"{device},drive=d{number},serial=d{number}"]
        text += f'[disk.d{number}]\nfile = "{path}"\ntransport = "{transport}"\n[volume.v{number}]\ndisk = "d{number}"\n'
    return arguments, text


def start(folder, transports, disks=("v0",), **options):
    """Echo guests alpha, with disks, and beta, with none."""
    arguments, text = make_disks(folder, transports)
    guests = description(Guest("alpha", disks=list(disks)), Guest("beta"), harts=options.pop("harts", 1))
    system = System(text + guests, arguments=[*arguments, *options.pop("arguments", ())], **options)
    wait_ready(system, "alpha", "beta")
    return system


def volumes(system):
    """Name: (state, MiB), of the open prompt."""
    found = re.findall(r"^ +(\S+) +(\S+) +(\d+) MiB", system.command("volumes"), re.MULTILINE)
    return {name: (state, int(size)) for name, state, size in found}


def wait_volumes(system, expected):
    for _ in range(50):
        seen = volumes(system)
        if seen == expected:
            return
        system.wait(0.1)
    check(False, f"volumes are {seen}, not {expected}")


def memory(system):
    return dict(re.findall(r"^ +(\S.*?) +(\d+) KiB$", system.command("memory"), re.MULTILINE))


@in_folder
def test_finds_disks_on_both_buses(folder):
    # Five on PCI: it has four interrupt lines, so one is shared.
    transports = ["pci"] * 5 + ["mmio"] * 3
    system = start(folder, transports)
    check(len(re.findall(r"\[serai\] disk \d: virtio (?:pci|mmio) at ", system.text)) == 8, "not all devices were found")
    system.open_prompt()
    wait_volumes(system, {f"v{n}": ("ready", 8 + n) for n in range(8)})


@in_folder
def test_says_what_legacy_mmio_needs(folder):
    arguments, text = make_disks(folder, ["mmio"])
    system = System(text + description(Guest("alpha")), arguments=arguments[2:])
    system.expect(r"warning: the virtio device at 0x[0-9a-f]+ has the legacy interface: QEMU needs -global")
    system.expect_guest("alpha", "alpha> ")


@in_folder
def test_killed_while_idle(folder):
    system = start(folder, ["pci", "mmio"], disks=("v0", "v1"), harts=2, arguments=["-smp", "2"])
    system.open_prompt()
    wait_volumes(system, {"v0": ("ready", 8), "v1": ("ready", 9)})
    before = memory(system)
    for number in range(TIMES):
        answer = system.command("kill block")
        check("is made to fault" in answer, f"kill {number + 1}: {answer}")
        system.expect(r"warning: the block server was started again")
        if number % 5 == 0:
            wait_volumes(system, {"v0": ("ready", 8), "v1": ("ready", 9)})
        system.wait(0.2)  # not more often than it is allowed
    check(memory(system) == before, f"memory is {memory(system)}, was {before}")
    # It lets go of a guest still.
    check("alpha is stopped" in system.command("stop alpha"), "alpha was not stopped")
    check("alpha is starting" in system.command("start alpha"), "alpha was not started")
    system.type("\r")
    system.expect_guest("alpha", "alpha> ")
    say(system, "alpha", "alive")
    check("does not let go" not in system.text, "the block server did not answer")


@in_folder
def test_guests_come_and_go(folder):
    system = start(folder, ["pci", "mmio"], disks=("v0", "v1"))
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
    system.expect_guest("alpha", "alpha> ")


@in_folder
def test_ends_for_good_when_killed_too_often(folder):
    system = start(folder, ["mmio"])
    system.open_prompt()
    for _ in range(40):
        if "does not run" in system.command("kill block"):
            break
    system.expect(r"error: the block server ended too often")
    system.expect(r"guest alpha: stopped because its disks are gone")
    check("could not be built" in system.command("start alpha"), "a guest got disks that are gone")
    system.type("\r")
    system.focus("beta")
    say(system, "beta", "alive")
