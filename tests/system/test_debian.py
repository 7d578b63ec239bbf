# SPDX-License-Identifier: Apache-2.0
"""The system that ./serai run debian starts: two real Debians from one read-only disk."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time

from disks import need
from driver import TOP, System, check, free_port
from host_servers import SshServer

TEXT = (TOP / "boot/systems/debian.toml").read_text()
BOOT_SECONDS = 600
SSH_SECONDS = 180 # until a guest that shows its login prompt is reached
NAMES = ("alpha", "beta")


KEY = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "serai/debian-root/id_ed25519"
SSH = ("ssh", "-i", str(KEY), "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
    "-o", "ConnectTimeout=120", "root@127.0.0.1")


def start(folder, text=TEXT):
    """The started system; its `ports` of this host lead to the guests' SSH."""
    need("root.img")
    need("initramfs-disk")
    ports = {name: free_port() for name in NAMES}
    for number, name in enumerate(NAMES, 1):
        text = text.replace(f"{{ 220{number} = 22 }}", f"{{ {ports[name]} = 22 }}")
    system = System(text.replace('"disks/', f'"{folder}/'), arguments=["-smp", "2"], memory="768M")
    system.ports = ports
    return system


def attempt(system, name, command, timeout=240):
    """Runs a command in a guest, from this host; returns its exit code and what it printed."""
    with subprocess.Popen([*SSH, "-p", str(system.ports[name]), command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True) as client:
        end = time.monotonic() + timeout
        while client.poll() is None and time.monotonic() < end:
            system.wait(0.2)  # or the terminal would fill up
        if client.poll() is None:
            client.kill()
        answer = client.communicate()[0]
    return client.returncode, answer


def ssh(system, name, command):
    """The same for a command that must succeed, once the guest has its address and a host key: before, QEMU resets connections."""
    end = time.monotonic() + SSH_SECONDS
    while attempt(system, name, "true")[0] != 0 and time.monotonic() < end:
        system.wait(2)
    code, answer = attempt(system, name, command)
    check(code == 0, f"{name}: {command!r} ended with {code}: {answer}")
    return answer


def wait_all(system, pattern):
    """Focuses each, because the console keeps a line that has not ended from the screen while another guest has the focus."""
    system.expect("guest beta: started", BOOT_SECONDS)
    for name in NAMES:
        system.focus(name)
        system.expect(pattern.format(name), BOOT_SECONDS)


def test_two_debians_run_and_keep_their_changes():
    folder = tempfile.mkdtemp(prefix="serai-disks-")
    try:
        system = start(folder)
        wait_all(system, "{0} login: ")
        for name in NAMES:
            system.focus(name)
            system.type("root\r")
            system.expect(rf"root@{name}:\S+# ", 120)
            system.run("systemctl is-system-running --wait", 120)
            check(re.search(r"^0 loaded units listed", system.run("systemctl --failed --no-pager", 120), re.MULTILINE), f"{name}: units failed")
            system.run(f"echo of-{name} >/root/kept && sync", 120)
        # Addresses by DHCP, a way from this host to each, and from each to the other, to QEMU's gateway, and back to this host.
        server = SshServer()
        for number, name in enumerate(NAMES, 1):
            other = NAMES[2 - number]
            answer = ssh(system, name, f"hostname; ip -4 addr; ping -c 3 {other}; ping -c 3 10.0.2.2")
            check(answer.startswith(f"{name}\n") and re.search(rf"inet 10\.0\.2\.2{number}/24 .* dynamic", answer), answer)
            check(answer.count(" 0% packet loss") == 2, answer)
            answer = ssh(system, name, f"{server.take_key(openssh=True)}; ssh -i /tmp/key -p {server.port} -o StrictHostKeyChecking=no -o "
                f"BatchMode=yes {server.USER}@10.0.2.2 of-{name} 2>&1")
            check(f"asked of this host: of-{name}\n" in answer, answer)
        system.type("systemctl poweroff\r")
        system.expect(r"beta: (?:stopped|off|shut down)|-- beta: .*", 240)
        # alpha is just cut off: what it synced is there all the same.
        system.end_in_order()
        # A shell in place of systemd: enough to look, and quick.
        system = start(folder, re.sub(r'^(cmdline = ".*)"$', r'\1 init=/bin/bash"', TEXT, flags=re.MULTILINE))
        wait_all(system, r"root@\(none\):/# ")
        for name in NAMES:
            system.focus(name)
            check(f"of-{name}\n" in system.run("cat /root/kept", 120), f"{name} does not see its file")
        system.end_in_order()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


test_two_debians_run_and_keep_their_changes.seconds = 1500
