# SPDX-License-Identifier: Apache-2.0
"""Crashes while guests write: of the block server, and of the whole machine. Nothing that was acknowledged as durable is lost."""

import os
import re
import signal

from disks import MIB, DiskSystem, Disks, fio
from driver import check, patience

# More for a long run: SERAI_DISK_KILLS=50 tests/system/run -k disk_crash
KILLS = int(os.environ.get("SERAI_DISK_KILLS", "3"))
SYNCED = r"^.*disk: synced (\d+)$"


def check_disk(system, device, mount, last):
    """The journal repairs the file system, it is clean then, and all files up to `last` are there."""
    system.run(f"mkdir -p {mount}; e2fsck -p {device} >/dev/null || [ $? = 1 ]")
    system.run(f"e2fsck -f -n {device}")
    system.run(f"mount -t ext4 {device} {mount}")
    if last is not None:
        system.run(f"disk check {mount} {last}")


def test_machine_killed_during_writes_keeps_what_was_synced():
    disks = Disks().whole("data", "64M").base(64 * MIB).overlay("over", "160M")
    places = {"/dev/vda": "/mnt/whole", "/dev/vdb": "/mnt/over"}
    last = dict.fromkeys(places)
    try:
        for number in range(KILLS + 1):
            system = DiskSystem(disks, {"alpha": ["data", "over"]})
            system.wait_shells()
            for device, mount in places.items():
                if number == 0:
                    system.run(f"mkfs.ext4 -q {device}")
                check_disk(system, device, mount, last[device])
            if number == KILLS:
                system.end_in_order()
                break
            # They take turns, so that each is in the middle of something at some of the kills; both in the background of the other.
            first, second = (list(places) if number % 2 else list(reversed(list(places))))
            system.run(f"(disk stress {places[second]} {number} 1000000; true) >/dev/null & true")
            system.type(f"disk write {places[first]} {(last[first] or -1) + 1}\r")
            wanted = (last[first] or 0) + 40 + 7 * number
            system.expect(rf"disk: synced {wanted}\n", 120)
            os.kill(system.pid, signal.SIGKILL)
            system.wait_end()
            last[first] = max(int(value) for value in re.findall(SYNCED, system.text, re.MULTILINE))
            system.end()
    finally:
        disks.remove()


test_machine_killed_during_writes_keeps_what_was_synced.seconds = 120 + 90 * KILLS


def kill_during(system, command, device):
    """Kills the block server again and again while a command runs that checks what it wrote."""
    system.type(f"{command}; echo FI''O-$?-\r")
    start = system.position
    system.wait(2)
    for _ in range(KILLS):
        answer = system.prompt("kill block")
        check("cannot" not in answer, f"kill said {answer}")
        # A second between kills, at least; while it counts its restarts.
        system.wait(1.5)
    system.position = start
    match = system.expect(r"FIO-(\d+)-", 240)
    check(match.group(1) == "0", f"fio on {device} failed with {match.group(1)}")


def test_block_server_killed_under_load_is_not_noticed():
    disks = Disks().whole("data", "64M").base(64 * MIB).overlay("over", "160M")
    try:
        system = DiskSystem(disks, {"alpha": ["data", "over"]})
        system.wait_shells()
        for device in ("/dev/vda", "/dev/vdb"):
            seconds = round((6 + 3 * KILLS) * patience())
            kill_during(system, fio(device, "randrw", "16M", "4k", 16,
                f"--bsrange=4k-64k --verify=crc32c --verify_fatal=1 --time_based --runtime={seconds}"), device)
        answer = system.run("echo; dmesg | grep -c 'I/O error'; true")
        check(answer.split()[-1] == "0", f"the guest's kernel saw errors: {answer}")
        system.run("mkfs.ext4 -q /dev/vda && mount -t ext4 /dev/vda /mnt && disk stress /mnt 1 300 && umount /mnt && e2fsck -f -n /dev/vda")
        system.end_in_order()
    finally:
        disks.remove()


test_block_server_killed_under_load_is_not_noticed.seconds = 240 + 20 * KILLS
