# SPDX-License-Identifier: Apache-2.0
"""The system that ./serai run debian starts: two real Debians from one read-only disk."""

import re
import shutil
import tempfile

from disks import need
from driver import TOP, System, check

TEXT = (TOP / "boot/systems/debian.toml").read_text()
BOOT_SECONDS = 600
NAMES = ("alpha", "beta")


def start(folder, text=TEXT):
    need("root.img")
    need("initramfs-disk")
    return System(text.replace('"disks/', f'"{folder}/'), arguments=["-smp", "2"], memory="768M")


def wait_all(system, pattern):
    """Focuses each, because the console keeps a line that has not ended from the screen while another guest has the focus."""
    system.expect("guest beta: started", BOOT_SECONDS)
    for name in NAMES:
        system.focus(name)
        system.expect(pattern.format(name), BOOT_SECONDS)


def run(system, command, timeout=120):
    system.marks += 1
    system.type(f"{command}; echo EN''D-{system.marks}-$?-\r")
    start = system.position
    match = system.expect(rf"END-{system.marks}-(\d+)-", timeout)
    check(match.group(1) == "0", f"{command!r} ended with {match.group(1)}: {system.text[start:match.start()]}")
    return system.text[start:match.start()]


def test_two_debians_run_and_keep_their_changes():
    folder = tempfile.mkdtemp(prefix="serai-disks-")
    try:
        system = start(folder)
        wait_all(system, "{0} login: ")
        for name in NAMES:
            system.focus(name)
            system.type("root\r")
            system.expect(rf"root@{name}:\S+# ", 120)
            run(system, "systemctl is-system-running --wait")
            check(re.search(r"^0 loaded units listed", run(system, "systemctl --failed --no-pager"), re.MULTILINE), f"{name}: units failed")
            run(system, f"echo of-{name} >/root/kept && sync")
        system.type("systemctl poweroff\r")
        system.expect(r"beta: (?:stopped|off|shut down)|-- beta: .*", 240)
        # alpha is just cut off: what it synced is there all the same.
        system.end_in_order()
        # A shell in place of systemd: enough to look, and quick.
        system = start(folder, re.sub(r'^(cmdline = ".*)"$', r'\1 init=/bin/bash"', TEXT, flags=re.MULTILINE))
        wait_all(system, r"root@\(none\):/# ")
        for name in NAMES:
            system.focus(name)
            check(f"of-{name}\n" in run(system, "cat /root/kept"), f"{name} does not see its file")
        system.end_in_order()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


test_two_debians_run_and_keep_their_changes.seconds = 1500
