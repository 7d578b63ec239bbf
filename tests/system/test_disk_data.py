# SPDX-License-Identifier: Apache-2.0
"""What guests write to their disks is what they read, on a whole disk, a partition and an overlay, and after a restart."""

import subprocess

from disks import MIB, DiskSystem, Disks, fio
from driver import check

E2FSCK = "/usr/sbin/e2fsck"


def write_text(system, text, block, device="/dev/vda"):
    system.run(f"printf %s {text} >/tmp/text && dd if=/tmp/text of={device} bs=4k seek={block} conv=sync,fsync oflag=direct 2>/dev/null")


def read_text(system, length, block, device="/dev/vda"):
    answer = system.run(f"echo; dd if={device} bs=4k skip={block} count=1 iflag=direct 2>/dev/null | head -c {length}; echo")
    return answer.rstrip("\n").rpartition("\n")[2]


def load(system, device):
    """Random requests of all sizes that are checked, then a file system under load that is checked."""
    system.run(fio(device, "randwrite", "12M", "4k", 16, "--bsrange=512-256k --verify=crc32c --verify_fatal=1"), 120)
    system.run(f"mkfs.ext4 -q {device} && mount -t ext4 {device} /mnt && disk stress /mnt 7 2000 && umount /mnt", 120)
    system.run(f"e2fsck -f -n {device}")


def test_fio_and_file_system_find_what_they_wrote():
    disks = Disks().whole("data", "96M").base(96 * MIB).overlay("over", "192M")
    try:
        system = DiskSystem(disks, {"alpha": ["data", "over"]})
        system.wait_shells()
        load(system, "/dev/vda")
        load(system, "/dev/vdb")
        check("0\n" not in system.run("dmesg | grep -c 'I/O error'; true")[-3:-2], "the kernel saw I/O errors")
        system.end_in_order()
        # The image holds the same file system for who reads it without Serai.
        result = subprocess.run([E2FSCK, "-f", "-n", disks.path("data")], capture_output=True, text=True)
        check(result.returncode == 0, f"e2fsck on the host: {result.stdout}")
    finally:
        disks.remove()


test_fio_and_file_system_find_what_they_wrote.seconds = 240


def test_changes_survive_a_restart_and_guests_see_only_their_own():
    disks = Disks().base(32 * MIB).overlay("one", "64M").overlay("two", "64M")
    with open(disks.path("base"), "r+b") as file:
        file.seek(5 * 4096)
        file.write(b"base")
    guests = {"alpha": ["one"], "beta": ["two"]}
    try:
        system = DiskSystem(disks, guests)
        system.wait_shells()
        for name in guests:
            system.enter(name)
            check(read_text(system, 4, 5) == "base", f"{name} does not see the base")
            write_text(system, name, 5)
        system.end_in_order()
        system = DiskSystem(disks, guests)
        system.wait_shells()
        for name in guests:
            system.enter(name)
            check(read_text(system, len(name), 5) == name, f"{name} does not see what it wrote")
            check(read_text(system, 4, 6).strip("\0") == "", f"{name}: a block that nobody wrote is not zero")
        system.end_in_order()
        with open(disks.path("base"), "rb") as file:
            check(file.read(5 * 4096 + 4)[-4:] == b"base", "the base was written to")
    finally:
        disks.remove()


test_changes_survive_a_restart_and_guests_see_only_their_own.seconds = 240


def test_snapshot_of_a_running_guest_and_rollback():
    disks = Disks().base(32 * MIB).overlay("over", "96M")
    try:
        system = DiskSystem(disks, {"alpha": ["over"]})
        system.wait_shells()
        write_text(system, "first", 3)
        answer = system.prompt("snapshot over before")
        check("before" in answer, f"snapshot said {answer}")
        write_text(system, "second", 3)
        check(read_text(system, 6, 3) == "second", "what was written after a snapshot is not read")
        answer = system.prompt("rollback over before")
        check(read_text(system, 6, 3) == "second", f"a rollback went through while the guest used the volume: {answer}")
        system.prompt("stop alpha")
        answer = system.prompt("rollback over before")
        system.prompt("start alpha")
        system.expect(r"root@alpha:\S+# ", 60)
        check(read_text(system, 5, 3) == "first", f"rollback said {answer}, but the state is another")
        system.end_in_order()
    finally:
        disks.remove()


test_snapshot_of_a_running_guest_and_rollback.seconds = 180


def test_backup_of_a_partition_table_serves_when_the_first_is_damaged():
    disks = Disks().disk("data", "48M", partitions={"a": "16M", "b": "rest"})
    disks.volume("one", disk="data", partition="a").volume("two", disk="data", partition="b")
    try:
        system = DiskSystem(disks, {"alpha": ["one", "two"]})
        system.wait_shells()
        write_text(system, "one", 0)
        write_text(system, "two", 0, "/dev/vdb")
        system.end_in_order()
        with open(disks.path("data"), "r+b") as file:
            file.seek(512 + 60)
            file.write(b"damage")
        system = DiskSystem(disks, {"alpha": ["one", "two"]})
        system.wait_shells()
        check(read_text(system, 3, 0) == "one" and read_text(system, 3, 0, "/dev/vdb") == "two", "the partitions are others")
        check("the partition table at its begin is damaged" in system.text, "nobody says that the first table is damaged")
        check("using the partition table at its end" in system.text, "nobody says that the backup is used")
        system.end_in_order()
    finally:
        disks.remove()


test_backup_of_a_partition_table_serves_when_the_first_is_damaged.seconds = 180
