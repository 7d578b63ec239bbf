# SPDX-License-Identifier: Apache-2.0
"""./serai disk and a system take turns with one overlay: each sees the snapshots and the data of the other."""

from disks import MIB, DiskSystem, Disks
from driver import check

BLOCK = "dd if=/dev/vda bs=4k count=1 skip=100 2>/dev/null | tr -d '\\0'"


def started(disks):
    system = DiskSystem(disks, {"alpha": ["over"]})
    system.wait_shells()
    return system


def put(system, text):
    system.run(f"echo {text} | dd of=/dev/vda bs=4k seek=100 conv=sync,fsync 2>/dev/null")


def expect(system, text):
    answer = system.run(f"echo \"is $({BLOCK})\"")
    check(f"is {text}" in answer, f"the block has {answer!r}, not {text}")


def check_image(disks, store, text, *words):
    """The plain image that the tool makes of it has the text."""
    out = disks.path(f"image-{text}")
    disks.tool("convert", store, out, "--base", disks.path("base"), *words)
    with open(out, "rb") as file:
        file.seek(100 * 4096)
        found = file.read(len(text) + 1)
    check(found == f"{text}\n".encode(), f"the image has {found}, not {text}")


def test_snapshots_of_a_system_and_of_the_tool():
    disks = Disks().base(32 * MIB).overlay("over", "64M")
    store = disks.path("over-store")
    try:
        system = started(disks)
        put(system, "first")
        check("cannot" not in system.prompt("snapshot over one"), "no snapshot was made at the prompt")
        put(system, "second")
        system.end_in_order()
        disks.check()
        check(disks.tool("snapshot", store) == "one\n", "the tool does not list the snapshot")
        check_image(disks, store, "first", "--at", "one")
        check_image(disks, store, "second")
        check(disks.tool("diff", store, "--from", "one") == "409600 4096 data\n1 ranges, 4096 bytes written, compared with nothing\n",
            "the differences are not the one block")
        disks.tool("snapshot", store, "make", "two")
        disks.tool("snapshot", store, "rollback", "one")
        system = started(disks)
        expect(system, "first")
        answer = system.prompt("volumes over")
        check("one" in answer and "two" not in answer, f"the prompt lists {answer}")
        put(system, "third")
        system.end_in_order()
        disks.tool("snapshot", store, "forget", "one")
        disks.check()
        check_image(disks, store, "third")
    finally:
        disks.remove()


test_snapshots_of_a_system_and_of_the_tool.seconds = 240
