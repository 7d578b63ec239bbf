# SPDX-License-Identifier: Apache-2.0
"""Wrong system descriptions give errors with file, line and a suggestion."""

import pathlib
import subprocess
import tempfile

from driver import GUESTS, IMAGE, PAYLOADS, TOP, Guest, check, description

ECHO = f'kernel = "{PAYLOADS}/echo.bin"\n'

# Name: text, line of the error (0: none), what the error says, what the hint says.
WRONG = {
    "unknown key": ('[machine]\nmemory = "256M"\n[guest.a]\nmemori = "16M"\nmemory = "16M"\n' + ECHO, 4,
        'guest a has no key "memori"', 'did you mean "memory"?'),
    "unknown table": ('[machin]\nmemory = "256M"\n[guest.a]\nmemory = "16M"\n' + ECHO, 1, "machin", 'did you mean "machine"?'),
    "no guest": ('[machine]\nmemory = "256M"\n', 0, "there is no guest", "[guest.NAME]"),
    "missing kernel": ('[guest.a]\nmemory = "16M"\n', 1, "guest a has no kernel", "kernel = "),
    "missing memory": ("[guest.a]\n" + ECHO, 1, "guest a has no memory", "memory = "),
    "not a size": ('[guest.a]\nmemory = "lots"\n' + ECHO, 2, '"lots" is not a size', "K, M or G"),
    "odd size": ('[guest.a]\nmemory = "17M"\n' + ECHO, 2, "not a multiple of", '"18M"'),
    "small size": ('[guest.a]\nmemory = "1M"\n' + ECHO, 2, "outside of", '"16M"'),
    "number for a size": ("[guest.a]\nmemory = 16\n" + ECHO, 2, "must be a string", 'write memory = "'),
    "missing file": ('[guest.a]\nmemory = "16M"\nkernel = "no-such-file"\n', 3, "No such file", "relative to the folder"),
    "unknown provided file": ('[guest.a]\nmemory = "16M"\nkernel = "@debian/hurd"\n', 3, "No such file", "@debian/linux"),
    "no kernel image": ('[guest.a]\nmemory = "16M"\nkernel = "system.toml"\n', 3, "not a flat RISC-V Linux image", "Image"),
    "duplicate guest": ('[guest.a]\nmemory = "16M"\n' + ECHO + '[guest.a]\nmemory = "16M"\n' + ECHO, 4, "redefin", "once"),
    "duplicate key": ('[guest.a]\nmemory = "16M"\nmemory = "32M"\n' + ECHO, 3, "redefin", "once"),
    "guest name": ('[guest.Alpha]\nmemory = "16M"\n' + ECHO, 1, '"Alpha" is not possible', "begins with a to z"),
    "long guest name": ('[guest.abcdefghijklmnop]\nmemory = "16M"\n' + ECHO, 1, "16 characters", "1 to 15"),
    "memory beyond the machine": ('[machine]\nmemory = "256M"\n[guest.a]\nmemory = "512M"\n' + ECHO, 1, "too small", 'memory = "'),
    "color": ('[guest.a]\nmemory = "16M"\ncolor = "gren"\n' + ECHO, 3, '"gren"', 'did you mean "green"?'),
    "cap without unit": ('[guest.a]\nmemory = "16M"\ncpu.cap = "50"\n' + ECHO, 3, "not a whole number with %", '"100%"'),
    "share out of range": ('[guest.a]\nmemory = "16M"\ncpu.share = 5000\n' + ECHO, 3, "outside of 10 to 1000", "share = 1000"),
    "escape key": ('[console]\nescape = "escape"\n[guest.a]\nmemory = "16M"\n' + ECHO, 2, "not a control key", "ctrl-]"),
    "unknown volume": ('[guest.a]\nmemory = "16M"\n' + ECHO + 'disks = ["data"]\n', 4, 'there is no volume "data"', "[volume.data]"),
    "volume written twice": ('[disk.d]\n[volume.v]\ndisk = "d"\n[guest.a]\nmemory = "16M"\n' + ECHO + 'disks = ["v"]\n[guest.b]\n'
        'memory = "16M"\n' + ECHO + 'disks = ["v"]\n', 11, "guest a writes to it, and guest b writes to it", "overlays can share a base"),
    "unknown net": ('[guest.a]\nmemory = "16M"\n' + ECHO + 'nics = ["lan"]\n', 4, 'there is no net "lan"', "[net.lan]"),
    "port forwarded twice": ('[net.lan]\nuplink = true\n[guest.a]\nmemory = "16M"\n' + ECHO + 'nics = [{ net = "lan", addresses = '
        '["10.0.2.4"], forward = { 2201 = 22 } }]\n[guest.b]\nmemory = "16M"\n' + ECHO + 'nics = [{ net = "lan", addresses = '
        '["10.0.2.5"], forward = { 2201 = 22 } }]\n', 10, "port 2201 of the host goes to two NICs", "another"),
    "no TOML": ("[guest.a\nmemory = 1\n", 1, "", ""),
}


def run_check(text):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "system.toml"
        path.write_text(text)
        result = subprocess.run([IMAGE, "check", path, "--guests", GUESTS], capture_output=True, text=True, timeout=20)
        return path, result


def check_wrong(name):
    text, line, error, hint = WRONG[name]
    path, result = run_check(text)
    check(result.returncode == 1, f"the exit code is {result.returncode}: {result.stderr}")
    place = f"{path}:{line}: " if line else f"{path}: "
    check(any(found.startswith(f"{place}error: ") and error in found for found in result.stderr.split("\n")),
        f"no error {error!r} at {place}: {result.stderr}")
    check(any(f"{path}:" in found and ": hint: " in found and hint in found for found in result.stderr.split("\n")),
        f"no hint {hint!r}: {result.stderr}")


def make_case(name):
    def case():
        check_wrong(name)
    case.__module__ = __name__
    return case


for _name in WRONG:
    globals()[f"test_{_name.replace(' ', '_')}"] = make_case(_name)


def test_good_description_is_good():
    _, result = run_check(description(Guest("alpha"), Guest("beta")))
    check(result.returncode == 0 and not result.stderr, result.stderr)


def test_uplinks_are_listed_for_the_launcher():
    one, two = ([{"net": "lan", "addresses": [f"10.0.2.{number}"], "forward": ports}] for number, ports in ((4, {2201: 22, 8080: 80}),
        (5, {2202: 22})))
    text = description(Guest("alpha", nics=one), Guest("beta", nics=[*two, "inner"]), nets={"lan": {"uplink": True}, "inner": {},
        "outer": {"uplink": True, "host": "tap:tap0", "transport": "mmio", "mac": "52:54:00:00:00:01"}, "real": {"uplink": True, "host": "none"}})
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "system.toml"
        path.write_text(text)
        result = subprocess.run([IMAGE, "nets", path], capture_output=True, text=True, timeout=20)
    lines = [line.split("\t") for line in result.stdout.splitlines()]
    check(len(lines) == 2 and lines[1] == ["outer", "tap:tap0", "mmio", "52:54:00:00:00:01", "-"], f"{result.stdout}{result.stderr}")
    check(lines[0][:3] == ["lan", "user", "pci"] and lines[0][4] ==
        "2201:10.0.2.4:22:alpha,8080:10.0.2.4:80:alpha,2202:10.0.2.5:22:beta", result.stdout)


def test_delivered_descriptions_are_good():
    for path in sorted((TOP / "boot/systems").glob("*.toml")):
        result = subprocess.run([IMAGE, "check", path, "--guests", GUESTS], capture_output=True, text=True, timeout=20)
        check(result.returncode == 0, f"{path.name}: {result.stderr}")
