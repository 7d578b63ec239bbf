# SPDX-License-Identifier: Apache-2.0
"""What the packages' scripts would have done to a root file system, and how a guest's system is set up."""

import pathlib
import re
import shutil
import subprocess

HERE = pathlib.Path(__file__).resolve().parent / "debian"
# As in Debian's own small images: dpkg is told to leave them out of later packages, too. Copyrights stay.
LEFT_OUT = ("/usr/share/doc/", "/usr/share/man/", "/usr/share/locale/", "/usr/share/info/", "/usr/share/lintian/", "/usr/share/bug/",
    "/usr/share/groff/")
# Modules that a guest, or a machine like QEMU's, may want.
MODULES = ("arch", "block", "crypto", "fs", "lib", "virt", "net/[0-9]*", "net/bridge", "net/core", "net/dns_resolver", "net/ipv[46]",
    "net/key", "net/llc", "net/netfilter", "net/netlink", "net/packet", "net/sched", "net/sunrpc", "net/tls", "net/unix", "net/xfrm", "drivers/block", "drivers/char", "drivers/crypto", "drivers/md",
    "drivers/net/*.ko.xz", "drivers/nvme", "drivers/vhost", "drivers/virtio", "drivers/rtc", "drivers/input")
# Links that the scripts of packages make by update-alternatives.
ALTERNATIVES = {"awk": "mawk", "nawk": "mawk", "pager": "less", "editor": "nano", "which": "which.debianutils"}
UNITS = "usr/lib/systemd/system"
ENABLED = {"multi-user.target": ("systemd-networkd.service",),
    "sockets.target": ("ssh.socket", "systemd-networkd.socket"), "ssh.service": ("serai-ssh-key.service",)}
# Each of them takes a guest seconds, or waits for what no guest here has.
MASKED = ("systemd-hwdb-update.service", "ldconfig.service", "systemd-journal-catalog-update.service", "systemd-firstboot.service",
    "sys-kernel-debug.mount", "sys-kernel-tracing.mount", "dev-hugepages.mount", "systemd-pcrmachine.service",
    "systemd-pcrphase.service", "systemd-pcrphase-sysinit.service", "systemd-tpm2-setup.service", "systemd-tpm2-setup-early.service",
    "systemd-hibernate-clear.service", "systemd-logind.service", "systemd-binfmt.service", "proc-sys-fs-binfmt_misc.automount",
    "sys-kernel-config.mount", "sys-fs-fuse-connections.mount", "systemd-networkd-persistent-storage.service", "e2scrub_reap.service", "getty-static.service", "sshd-keygen.service")


def is_left_out(path):
    return path.startswith(LEFT_OUT) and not (path.endswith("/copyright") or re.fullmatch(r"/usr/share/doc/[^/]+/?", path))


def accounts(tree):
    """Numbers of users and groups by name."""
    return tuple({line.split(":")[0]: int(line.split(":")[2]) for line in tree.read(f"etc/{name}").split("\n") if line}
        for name in ("passwd", "group"))


class Accounts:
    """/etc/passwd and its like, from Debian's lists and those of systemd-sysusers (sysusers.d(5))."""

    def __init__(self, tree):
        self.tree = tree
        self.users = tree.read("usr/share/base-passwd/passwd.master").replace(":*:", ":x:").split("\n")[:-1]
        self.groups = tree.read("usr/share/base-passwd/group.master").replace(":*:", ":x:").split("\n")[:-1]
        self.next = 999

    def has(self, lines, name):
        return any(line.startswith(f"{name}:") for line in lines)

    def number(self, lines, name):
        return next(line.split(":")[2] for line in lines if line.startswith(f"{name}:"))

    def group(self, name, number):
        if not self.has(self.groups, name):
            self.groups.append(f"{name}:x:{number}:")

    def user(self, name, number, title, home, shell):
        own, _, group = number.partition(":")
        if self.has(self.users, name):
            return
        if own == "-":
            own, self.next = str(self.next), self.next - 1
        if not group:
            group = name
            self.group(name, own)
        group = group if group.isdecimal() else self.number(self.groups, group)
        self.users.append(f"{name}:x:{own}:{group}:{title}:{home}:{shell}")

    def add(self, line):
        words = [word.strip('"') for word in re.findall(r'"[^"]*"|\S+', line)]
        kind, name, number, title, home, shell = (words + ["-"] * 6)[:6]
        if kind.rstrip("!") == "g":
            if number == "-" and not self.has(self.groups, name):
                number, self.next = str(self.next), self.next - 1
            self.group(name, number)
        elif kind.rstrip("!") == "u":
            self.user(name, number, "" if title == "-" else title, "/" if home == "-" else home,
                "/usr/sbin/nologin" if shell == "-" else shell)

    def finish(self):
        for file in sorted(self.tree.folder.glob("usr/lib/sysusers.d/*.conf")):
            for line in file.read_text().split("\n"):
                if line and not line.startswith("#"):
                    self.add(line)
        tree = self.tree
        tree.write("etc/passwd", "".join(f"{line}\n" for line in self.users))
        tree.write("etc/group", "".join(f"{line}\n" for line in self.groups))
        # Root has no password: who has a guest's console has the guest. SSH takes no password of root, and no empty one.
        tree.write("etc/shadow", "".join(f"{line.split(':')[0]}:{'' if line.startswith('root:') else '!*'}:20454:0:99999:7:::\n"
            for line in self.users), 0o640)
        tree.write("etc/gshadow", "".join(f"{line.split(':')[0]}:*::\n" for line in self.groups), 0o640)
        tree.owners["/etc/shadow"] = tree.owners["/etc/gshadow"] = ("root", "shadow")


def pam(tree):
    """What pam-auth-update makes of pam_unix."""
    primary = {"auth": "pam_unix.so nullok", "account": "pam_unix.so", "password": "pam_unix.so obscure yescrypt"}
    for file in sorted(tree.folder.glob("usr/share/pam/common-*")):
        if file.suffix:
            continue
        kind = file.name.split("-")[1]
        control = "[success=1 new_authtok_reqd=done default=ignore]" if kind == "account" else "[success=1 default=ignore]"
        more = "session\trequired\tpam_unix.so\n"
        first = f"{kind}\t{control}\t{primary[kind]}" if kind in primary else "session\t[default=1]\tpam_permit.so"
        text = re.sub(r"\$\w+_primary", first, file.read_text())
        tree.write(f"etc/pam.d/{file.name}", re.sub(r"\$\w+_additional\n", more if kind == "session" else "", text))


def copies(tree):
    """Files and folders that scripts of base-files, libc-bin, tzdata, openssh and others make."""
    for source, target in (("base-files/dot.profile", "root/.profile"), ("base-files/dot.bashrc", "root/.bashrc"),
            ("base-files/profile", "etc/profile"), ("libc-bin/nsswitch.conf", "etc/nsswitch.conf"),
            ("debianutils/shells", "etc/shells"), ("openssh/sshd_config", "etc/ssh/sshd_config")):
        tree.write(target, tree.read(f"usr/share/{source}"))
    tree.write("etc/shells", tree.read("etc/shells") + "/bin/bash\n/usr/bin/bash\n")
    for path in ("mnt", "srv", "opt", "media", "etc/opt", "var/opt", "usr/local/bin", "usr/local/sbin", "usr/local/lib", "usr/local/share",
            "var/lib/dpkg/updates", "var/lib/dpkg/parts", "var/lib/systemd", "var/lib/dbus", "var/cache/apt/archives/partial"):
        tree.make(path)
    tree.make("var/mail", 0o2775)
    tree.owners["/var/mail"] = ("root", "mail")
    tree.make("run/lock", 0o1777)
    tree.make("root", 0o700)
    launcher = "/usr/lib/dbus-1.0/dbus-daemon-launch-helper"
    tree.owners[launcher], tree.modes[launcher] = ("root", "messagebus"), 0o4754
    tree.write("var/lib/dpkg/statoverride", f"root messagebus 4754 {launcher}\n")
    for path, target in (("var/run", "/run"), ("var/lock", "/run/lock"), ("var/spool/mail", "../mail"), ("etc/mtab", "../proc/self/mounts"),
            ("etc/localtime", "/usr/share/zoneinfo/Etc/UTC"), ("etc/dpkg/origins/default", "debian"), ("var/lib/dbus/machine-id", "/etc/machine-id")):
        replace = tree.folder / path
        if replace.is_dir() and not replace.is_symlink():
            shutil.rmtree(replace)
        tree.link(path, target)
    for name, program in ALTERNATIVES.items():
        if not (tree.folder / "usr/bin" / program).exists():
            raise OSError(f"no package brings /usr/bin/{program} any more: change tools/debian_files.py")
        tree.link(f"usr/bin/{name}", f"/etc/alternatives/{name}")
        tree.link(f"etc/alternatives/{name}", f"/usr/bin/{program}")


def units(tree):
    tree.link("etc/systemd/system/default.target", f"/{UNITS}/multi-user.target")
    for target, names in ENABLED.items():
        for name in names:
            folder = UNITS if (tree.folder / UNITS / name).exists() else "etc/systemd/system"
            if not (tree.folder / folder / name).exists():
                raise OSError(f"no package brings {name} any more: change tools/debian_files.py")
            tree.link(f"etc/systemd/system/{target}.wants/{name}", f"/{folder}/{name}")
    tree.link("etc/systemd/system/dbus-org.freedesktop.network1.service", f"/{UNITS}/systemd-networkd.service")
    tree.link("etc/systemd/system-generators/systemd-ssh-generator", "/dev/null")
    for name in MASKED:
        tree.link(f"etc/systemd/system/{name}", "/dev/null")


def modules(tree, source):
    target = tree.folder / "usr/lib/modules" / source.name
    for name in MODULES:
        for path in (source / "kernel").glob(name):
            to = target / "kernel" / path.relative_to(source / "kernel")
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copytree(path, to) if path.is_dir() else shutil.copy2(path, to)
    for file in source.glob("modules.*"):
        shutil.copy2(file, target)
    subprocess.run(["/usr/sbin/depmod", "-b", tree.folder, source.name], check=True)


def configure(tree, kernel_modules, key):
    """key: public SSH key that root of a guest trusts."""
    Accounts(tree).finish()
    pam(tree)
    copies(tree)
    for file in sorted(path for path in (HERE / "files").rglob("*") if path.is_file()):
        tree.write(file.relative_to(HERE / "files"), file.read_bytes())
    units(tree)
    modules(tree, kernel_modules)
    tree.make("root/.ssh", 0o700)
    tree.write("root/.ssh/authorized_keys", key, 0o600)
    # Empty, not missing: systemd gives each guest its own, and asks nothing.
    tree.write("etc/machine-id", "")
    # Newer than /usr: nothing is to be brought up to date on the first start.
    for path in ("etc/.updated", "var/.updated"):
        tree.write(path, "# Made with the image.\nTIMESTAMP_NSEC=4102444800000000000\n")
    tree.write("var/lib/dpkg/status", "\n".join(tree.status))
    tree.write("var/lib/dpkg/available", "")
    tree.write("var/lib/dpkg/arch", "riscv64\n")
    tree.write("var/lib/dpkg/info/format", "1\n")
    tree.write("etc/dpkg/dpkg.cfg.d/serai", "".join(f"path-exclude={path}*\n" for path in LEFT_OUT)
        + "path-include=/usr/share/doc/*/copyright\n")
