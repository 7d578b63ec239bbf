# SPDX-License-Identifier: Apache-2.0
"""Disks that fail and stores that are full: the guest sees an error for that request, and nothing else happens."""

from disks import MIB, DiskSystem, Disks
from driver import check

EIO, ENOSPC = 5, 28


def inject(disks, name, rules):
    """For System: puts QEMU's blkdebug with these rules before a disk. rules: (kind of request, error, sector)."""
    file = disks.folder / f"{name}.rules"
    file.write_text("".join(f'[inject-error]\nevent = "none"\niotype = "{kind}"\nerrno = "{error}"\nsector = "{sector}"\n'
        'once = "off"\nimmediately = "off"\n' for kind, error, sector in rules))

    def change(disk):
        if disk.name == name:
            disk.path = f"blkdebug:{file}:{disk.path}"
    return change


def transfer(system, words):
    """Exit code of a dd of one block."""
    return system.run_any(f"dd bs=4k count=1 {words} 2>/dev/null")[0]


def test_disk_errors_reach_the_guest_and_nobody_else():
    disks = Disks().whole("bad", "64M").whole("good", "64M")
    change = inject(disks, "bad", (("read", EIO, 8 * 100), ("write", EIO, 8 * 200), ("write", ENOSPC, 8 * 300)))
    try:
        system = DiskSystem(disks, {"alpha": ["bad"], "beta": ["good"]}, change=change)
        system.wait_shells()
        system.enter("alpha")
        for _ in range(2):
            check(transfer(system, "if=/dev/vda of=/dev/null iflag=direct skip=100") != 0, "a read of a bad sector works")
            check(transfer(system, "if=/dev/zero of=/dev/vda oflag=direct seek=200") != 0, "a write of a bad sector works")
            check(transfer(system, "if=/dev/zero of=/dev/vda oflag=direct seek=300") != 0, "a write without room works")
            check(transfer(system, "if=/dev/vda of=/dev/null iflag=direct skip=99") == 0, "the sector before is bad, too")
            check(transfer(system, "if=/dev/zero of=/dev/vda oflag=direct seek=201") == 0, "the sector behind is bad, too")
        check("I/O error" in system.run("dmesg | tail -20"), "the guest's kernel says nothing")
        system.enter("beta")
        system.run("dd if=/dev/vda of=/dev/null bs=1M iflag=direct 2>/dev/null")
        check(int(system.run("echo; dmesg | grep -c 'I/O error'; true").split()[-1]) == 0, "beta has errors, too")
        system.end_in_order()
    finally:
        disks.remove()


test_disk_errors_reach_the_guest_and_nobody_else.seconds = 180


def test_full_store_gives_errors_only_for_what_needs_room():
    disks = Disks().base(64 * MIB).overlay("small", "16M").overlay("large", "96M")
    try:
        system = DiskSystem(disks, {"alpha": ["small"], "beta": ["large"]})
        system.wait_shells()
        system.enter("alpha")
        system.run("dd if=/dev/zero bs=1M count=1 2>/dev/null | tr '\\000' x >/tmp/x && dd if=/tmp/x of=/dev/vda bs=1M oflag=direct 2>/dev/null")
        status, _ = system.run_any("for i in $(seq 1 63); do dd if=/tmp/x of=/dev/vda bs=1M seek=$i oflag=direct 2>/dev/null || break; done; "
            "[ $i = 63 ]", 120)
        check(status != 0, "a store of 16 MiB holds 64 MiB")
        # What is there can be written again, and all can be read.
        system.run("dd if=/tmp/x of=/dev/vda bs=1M oflag=direct 2>/dev/null")
        system.run("dd if=/dev/vda of=/tmp/y bs=1M count=1 iflag=direct 2>/dev/null && cmp /tmp/x /tmp/y && rm /tmp/y")
        system.run("dd if=/dev/vda of=/dev/null bs=1M iflag=direct 2>/dev/null")
        system.enter("beta")
        system.run("dd if=/dev/zero of=/dev/vda bs=1M oflag=direct count=60 2>/dev/null", 120)
        check("crashed" not in system.text, "a guest crashed")
        system.end_in_order()
    finally:
        disks.remove()


test_full_store_gives_errors_only_for_what_needs_room.seconds = 180
