# SPDX-License-Identifier: Apache-2.0
"""Starts systems in QEMU on a terminal of their own, types to them, and reads what the terminal shows."""

import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import pexpect

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))
sys.dont_write_bytecode = True

import captures as capture_tool  # noqa: E402 (the path must be set first)
import nets as net_tool  # noqa: E402
from disk import qemu  # noqa: E402

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("SERAI_BUILD", TOP / "build/riscv64"))
GUESTS = pathlib.Path(os.environ.get("SERAI_GUESTS", TOP / "build/guests"))
IMAGE = pathlib.Path(os.environ.get("SERAI_IMAGE", TOP / "build/host/tools/image"))
QEMU = os.environ.get("SERAI_QEMU", "qemu-system-riscv64")
BUILD_DEBUG = BUILD.with_name(BUILD.name + "-debug")  # with kernel checks and the debug system call
PAYLOADS = BUILD / "tests/guests"
SERVERS = ("console", "vmm", "block", "net", "gateway")
OPTIONAL = {"block": "[disk.", "net": "[net.", "gateway": "nat = true"}  # servers that a system without such tables does without

ESCAPE = "\x1d"  # Ctrl-]
# What the kernel prints last when the machine goes off after a failure.
FAILURE_LINE = "serai: shutdown after a failure"

# What it prints first when it gives up, and lines of it that a report shows.
PANIC_LINE = re.compile(r"serai: kernel panic: ")
PANIC_LINES = 10

# Escape sequences, for reading the terminal as text. CSI, OSC, character sets, single characters.
SEQUENCE = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()][A-Z0-9]|[ -/]*[0-Z\\^-~])")
UNFINISHED = re.compile(rb"(?:\r|\r?\x1b(?:\[[0-?]*[ -/]*|\][^\x07\x1b]*\x1b?|[()]?|[ -/]*))\Z")


MOST_PATIENCE = 4


def patience():
    """How much longer than usual anything may take: a busy host gives each program its share of the time only."""
    return min(max(1, os.getloadavg()[0] / len(os.sched_getaffinity(0))), MOST_PATIENCE)


class Failure(Exception):
    """The system did not do what the case expects."""


class Unable(Exception):
    """This host cannot run the case: the text says why, and what to do."""


class Guest:
    """One guest of a description."""

    def __init__(self, name, payload="echo", memory="16M", cmdline="", **keys):
        self.name, self.memory, self.cmdline, self.keys = name, memory, cmdline, keys
        self.kernel, self.initrd = str(PAYLOADS / f"{payload}.bin"), None

    @classmethod
    def linux(cls, name, cmdline="console=hvc0 earlycon=sbi", initramfs="initramfs", memory="128M", **keys):
        guest = cls(name, memory=memory, cmdline=cmdline, **keys)
        guest.kernel, guest.initrd = "@debian/linux", f"@debian/{initramfs}"
        return guest

    def text(self):
        values = {"memory": self.memory, "kernel": self.kernel, "initrd": self.initrd, "cmdline": self.cmdline, **self.keys}
        lines = [f"[guest.{self.name}]"]
        for key, value in values.items():
            if value is not None:
                lines.append(f"{key} = {toml_value(value)}")
        return "\n".join(lines) + "\n"


def toml_value(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(toml_value(item) for item in value)}]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f'"{key}" = {toml_value(item)}' for key, item in value.items()) + " }"
    return str(value) if isinstance(value, int) else f'"{value}"'


def description(*guests, memory="512M", harts=1, console=None, disks=None, volumes=None, nets=None):
    """The text of a system description. disks, volumes, nets: the keys of each, by name."""
    text = f'[machine]\nmemory = "{memory}"\nharts = {harts}\n'
    if console:
        text += "[console]\n" + "".join(f"{key} = {toml_value(value)}\n" for key, value in console.items())
    for what, tables in (("disk", disks or {}), ("volume", volumes or {}), ("net", nets or {})):
        for name, keys in tables.items():
            text += f"[{what}.{name}]\n" + "".join(f"{key} = {toml_value(value)}\n" for key, value in keys.items())
    return text + "".join(guest.text() for guest in guests)


def program(name, build=BUILD):
    return build / "kernel/kernel.elf" if name == "kernel" else build / f"servers/{name}/{name}.elf"


def make_archive(text, folder, build=BUILD, root=None, kernel=None, block=None, net=None, captures=()):
    """Builds a boot archive from the text of a description; returns its path.

    root, kernel, block, net: others than the usual ones. captures: options of `image build`.
    """
    others = {"root": root, "kernel": kernel, "block": block, "net": net}
    toml, archive = folder / "system.toml", folder / "archive"
    toml.write_text(text)
    stripped = {}
    servers = [name for name in SERVERS if OPTIONAL.get(name, "") in text]
    for name in ("kernel", "root", *servers):
        stripped[name] = folder / f"{name}.elf"
        subprocess.run(["riscv64-unknown-elf-objcopy", "--strip-all", others.get(name) or program(name, build), stripped[name]],
            check=True)
    command = [IMAGE, "build", toml, "--guests", GUESTS, "--kernel", stripped["kernel"], "--root", stripped["root"]]
    for name in servers:
        command += ["--server", f"{name}={stripped[name]}"]
    subprocess.run([*command, *captures, "-o", archive], check=True)
    return archive


def disk_arguments(toml, change=None):
    """QEMU's arguments for the disks of a description, made if they are missing.

    change: called with each qemu.Disk before its arguments are made, to set `path` ("blkdebug:RULES:PATH" for errors) or `options`.
    """
    lines = subprocess.run([IMAGE, "disks", toml, "--guests", GUESTS], check=True, capture_output=True, text=True).stdout
    disks = qemu.read(lines)
    qemu.prepare(disks)
    for disk in disks if change else ():
        change(disk)
    return qemu.arguments(disks)


def free_port(kind=socket.SOCK_STREAM):
    """A port of the host that nobody listens at, for `forward`."""
    with socket.socket(type=kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def net_arguments(toml, elsewhere=False):
    """QEMU's arguments for the uplinks of a description; their netdevs are named net-NAME. elsewhere: QEMU runs in another network."""
    nets = net_tool.read(subprocess.run([IMAGE, "nets", toml, "--guests", GUESTS], check=True, capture_output=True, text=True).stdout)
    if not elsewhere:
        net_tool.check(nets)
    return net_tool.arguments(nets)


def capture_arguments(toml, options):
    """QEMU's arguments for the files that frames are captured to. options: as of `image captures`."""
    captures = capture_tool.read(subprocess.run([IMAGE, "captures", toml, "--guests", GUESTS, *options], check=True, capture_output=True,
        text=True).stdout)
    capture_tool.check(captures)
    return capture_tool.arguments(captures)


class Terminal:
    """A program on a pseudo terminal, read as text: escape sequences are gone, and a line taken away ends like any other.

    Everything read stays in `text`; `expect` looks only at what came after the last match.
    """

    def __init__(self, command, rows=40, columns=120, **options):
        self.raw, self.text, self.position = bytearray(), "", 0
        self.pending = b""
        self.started = time.monotonic()
        # pexpect starts a session, so a process group, of its own.
        self.child = pexpect.spawn(str(command[0]), [str(word) for word in command[1:]], dimensions=(rows, columns),
            echo=False, timeout=None, **options)
        self.child.delaybeforesend = None
        live.append(self)

    @property
    def pid(self):
        return self.child.pid

    def read(self, seconds):
        """Reads what comes within some time; False at the end of the output."""
        try:
            data = self.child.read_nonblocking(65536, max(seconds, 0))
        except pexpect.TIMEOUT:
            return True
        except pexpect.EOF:
            return False
        self.raw += data
        data = self.pending + data
        cut = UNFINISHED.search(data)
        self.pending = data[cut.start():] if cut else b""
        if cut:
            data = data[:cut.start()]
        data = data.replace(b"\r\x1b[K", b"\n")
        self.text += SEQUENCE.sub(b"", data).decode(errors="replace").replace("\r", "")
        return True

    def expect(self, pattern, timeout=20):
        """Waits until a pattern (with ^ and $ at each line) comes, `timeout` seconds, or longer on a busy host; returns the match."""
        compiled = re.compile(pattern, re.MULTILINE)
        timeout *= patience()
        end = time.monotonic() + timeout
        while True:
            match = compiled.search(self.text, self.position)
            if match:
                self.position = match.end()
                return match
            left = end - time.monotonic()
            if left <= 0:
                raise Failure(f"{pattern!r} did not come within {timeout:.0f} s")
            if not self.read(min(left, 0.5)):
                match = compiled.search(self.text, self.position)
                if match:
                    self.position = match.end()
                    return match
                raise Failure(f"the end came before {pattern!r}")

    def wait(self, seconds):
        """Only reads for some time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.read(min(0.2, end - time.monotonic())):
            pass

    def expect_not(self, pattern, seconds):
        """Fails if a pattern comes within some time."""
        self.wait(seconds)
        match = re.compile(pattern, re.MULTILINE).search(self.text, self.position)
        if match:
            raise Failure(f"{match.group(0)!r} came")

    def expect_raw(self, data, start, timeout=20):
        """Waits for bytes as they are, from an offset in `raw` on, like expect; returns the offset behind them."""
        timeout *= patience()
        end = time.monotonic() + timeout
        while True:
            found = self.raw.find(data, start)
            if found >= 0:
                return found + len(data)
            if time.monotonic() > end or not self.read(0.2):
                raise Failure(f"the bytes {data!r} did not come within {timeout:.0f} s")

    def type(self, text):
        self.child.send(text)

    def seconds(self):
        """Wall seconds since the start, and the processor seconds used so far."""
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return time.monotonic() - self.started, (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def screen(self, lines=25):
        return "\n".join(self.text.split("\n")[-lines:])

    def report(self, lines=25):
        """What a failure's report shows: a panic first, in case the report is cut, then what came last."""
        panic = PANIC_LINE.search(self.text)
        if not panic:
            return self.screen(lines)
        first = "\n".join(self.text[panic.start():].strip().split("\n")[:PANIC_LINES])
        return f"{first}\n--- the last lines ---\n{self.screen(lines)}"

    def wait_end(self, timeout=20):
        """Waits until the program has ended, like expect; returns its exit code, negative for a signal."""
        timeout *= patience()
        end = time.monotonic() + timeout
        while self.read(0.2):
            if time.monotonic() > end:
                raise Failure(f"it still runs after {timeout:.0f} s")
        self.child.close(force=False)
        return self.child.exitstatus if self.child.exitstatus is not None else -(self.child.signalstatus or 0)

    def end(self):
        """Ends the program, whatever it does."""
        if self in live:
            live.remove(self)
        try:
            self.child.close(force=True)
        except pexpect.ExceptionPexpect:
            # Killed, but not gone yet: QEMU may still wait for a disk.
            os.waitpid(self.pid, 0)


class System(Terminal):
    """A system in QEMU.

    system: the text of a description. arguments: more for QEMU. icount: instructions are time, each run the same.
    root, kernel, block, net: an ELF file to start as root task, kernel, or server, in place of the real one. Disks and uplinks of the description
    are attached; relative paths of theirs are in the folder of this system alone. change: see disk_arguments. captures: options of `image
    captures`, such as ("--pcap", "alpha=FILE"). wrapper: words before QEMU that run it in another network.
    """

    def __init__(self, system, arguments=(), memory="512M", icount=False, build=BUILD, root=None, kernel=None, block=None, net=None, change=None,
            captures=(), wrapper=()):
        self.marks = 0
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="serai-test-"))
        archive = make_archive(system, self.folder, build, root, kernel, block, net, captures)
        disks = disk_arguments(self.folder / "system.toml", change) if "[disk." in system else []
        nets = net_arguments(self.folder / "system.toml", bool(wrapper)) if "[net." in system else []
        if captures:
            nets += capture_arguments(self.folder / "system.toml", captures)
        super().__init__([*wrapper, QEMU, "-machine", "virt", "-cpu", "rv64,h=true", "-m", memory, "-no-reboot", "-display", "none",
            "-monitor", "none", "-chardev", "stdio,id=con,signal=off,mux=off", "-serial", "chardev:con", "-kernel",
            build / "serai.bin", "-initrd", archive, *disks, *nets, *(ICOUNT if icount else ()), *arguments])

    def end(self):
        super().end()
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- the console ---

    def key(self, key):
        """The escape key and one more."""
        self.type(ESCAPE + key)

    def focus(self, name, typed=None):
        """Focuses a guest by the prompt; typed: another way to name it there."""
        self.open_prompt()
        self.type(f"focus {typed or name}\r")
        self.expect(rf"-- focus: {name} .*\n")

    def open_prompt(self):
        self.key(":")
        self.expect(r"-- commands:.*\n")

    def prompt(self, command, timeout=20):
        """Runs a command of the prompt, leaves the prompt; returns what came on the screen.

        What the command caused may come before or after its end, so the next expectation looks from its start on; but not
        into a log.
        """
        self.open_prompt()
        answer = self.command(command, timeout)
        start = self.position
        self.type("\r")
        self.expect(r"-- focus: .*\n")
        self.position = start
        return answer

    def run_any(self, command, timeout=60):
        """Runs a command in the shell of the guest that has the focus; returns its exit code and what it printed."""
        self.marks += 1
        # Not as it is typed, or the echo would be taken for the end.
        self.type(f"{command}; echo EN''D-{self.marks}-$?-\r")
        start = self.position
        match = self.expect(rf"END-{self.marks}-(\d+)-", timeout)
        return int(match.group(1)), self.text[start:match.start()]

    def run(self, command, timeout=60):
        """The same, for a command that must not fail; returns what it printed."""
        status, answer = self.run_any(command, timeout)
        if status:
            raise Failure(f"{command!r} ended with {status}: {answer[-600:]}")
        return answer

    def command(self, command, timeout=20):
        """Runs a command in the open prompt; returns what came on the screen until its end. See prompt."""
        start = self.position
        self.type(f"{command}\r")
        # The prompt takes nothing while it prints a log.
        if command.startswith("log "):
            self.expect(r"-- end of log .* --\n", timeout)
        # Lines of guests may take the prompt away at any time, so the end is marked by the answer to no command.
        self.marks += 1
        self.type(f"mark-{self.marks}\r")
        self.expect(rf"no command is named 'mark-{self.marks}'.*\n", timeout)
        answer = self.text[start:self.position]
        if not command.startswith("log "):
            self.position = start
        return answer

    def kill_for_good(self, server):
        """By the open prompt, faster than it is started again: on a busy host, answers cannot be waited for."""
        for _ in range(40):
            self.type(f"kill {server}\r" * 4)
            if "does not run" in self.command(f"kill {server}"):
                return
        raise Failure(f"{server} was started again and again")

    def expect_guest(self, name, pattern, timeout=20):
        """Waits for a line with the label of a guest."""
        return self.expect(rf"^\[{name}\] .*?{pattern}", timeout)

    def wait_exit(self, timeout=20):
        """Waits until the machine is off; the exit status as ./serai run would give it: 1 after a failure."""
        status = self.wait_end(timeout)
        return 1 if status == 0 and FAILURE_LINE in self.text.split("\n")[-5:] else status

    def end_in_order(self):
        """Ends the system by the prompt."""
        self.open_prompt()
        self.type("quit\r")
        self.wait_exit()
        self.end()


ICOUNT = ("-icount", "shift=0,sleep=off", "-seed", "42", "-rtc", "base=2026-01-01,clock=vm")

# All terminals that still run, for the runner to end.
live = []


def echo_system(*names, **options):
    """A started system of echo guests, all at their prompts; the first has the focus."""
    names = names or ("alpha", "beta")
    system = System(description(*(Guest(name) for name in names)), **options)
    wait_ready(system, *names)
    return system


def wait_ready(system, *names, timeout=30):
    """Waits until all of the named echo guests are at their prompts, in whatever order."""
    start = system.position
    positions = []
    for name in names:
        system.position = start
        system.expect(rf"^\[{name}\] {name}> ", timeout)
        positions.append(system.position)
    system.position = max(positions)


def say(system, name, text, timeout=10):
    """Types a line to the focused echo guest and waits for its answer."""
    system.type(f"{text}\r")
    system.expect(rf"{name}: you said: {re.escape(text)}\n", timeout)


def check(condition, text):
    if not condition:
        raise Failure(text)


def memory(system):
    """What the open prompt says of memory: KiB as text, by name."""
    return dict(re.findall(r"^ +(\S.*?) +(\d+) KiB$", system.command("memory"), re.MULTILINE))
