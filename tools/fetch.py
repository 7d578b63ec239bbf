#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Fetches from the machine's own Debian mirror: the sources of libfdt and lwIP, packages for guests, and the model checker."""

import argparse
import functools
import hashlib
import os
import pathlib
import re
import subprocess
import sys
import tarfile
import urllib.error
import urllib.request

# Sources by name: what they are, where, and the SHA-256 of the file.
SOURCES = {
    "dtc": ("the source of libfdt (dtc 1.7.2)", "pool/main/d/device-tree-compiler/device-tree-compiler_1.7.2.orig.tar.xz",
        "92d8ca769805ae1f176204230438fe52808f4e1c7944053c9eec0e649b237539"),
    "lwip": ("the source of lwIP 2.2.1", "pool/main/l/lwip/lwip_2.2.1+dfsg1.orig.tar.xz",
        "83729c274c499d3348e9fbbe043a3113f3fa8953e7efddc7c21c7fcbb1f2b7b1"),
}
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
SUITE = "trixie"
GUEST_ARCHITECTURE = "riscv64"
# The model checker, its solver, and the libraries they run with: this machine's own may be too old for them.
CHECKER = ("cbmc", "minisat", "cadical", "libstdc++6", "libgcc-s1", "libc6", "zlib1g")
# Not all that Debian's dependencies name: those of the graphics drivers are 200 MB, and only programs that draw load them.
STRESS_PACKAGES = ("stress-ng", "libacl1", "libapparmor1", "libbsd0", "libc6", "libcrypt1", "libdrm2", "libegl1", "libexpat1",
    "libffi8", "libgbm1", "libgcc-s1", "libgles2", "libglvnd0", "libgmp10", "libjpeg62-turbo", "libjudydebian1", "libkmod2",
    "libmd0", "libmpfr6", "libsctp1", "libssl3t64", "libstdc++6", "libwayland-server0", "libxxhash0", "libzstd1", "zlib1g")

DISK_PACKAGES = ("fio", "e2fsprogs", "libaio1t64", "libblkid1", "libc6", "libcom-err2", "libext2fs2t64", "libnuma1", "libuuid1", "zlib1g")
NET_PACKAGES = ("dropbear-bin", "ethtool", "iperf3", "iputils-ping", "libc6", "libcap2", "libcrypt1", "libgcc-s1", "libgmp10",
    "libidn2-0", "libiperf0", "libmnl0", "libsctp1", "libssl3t64", "libtomcrypt1", "libtommath1", "libunistring5", "libzstd1",
    "openssh-client", "zlib1g")
# For a Linux host with guests of its own, to compare with. QEMU loads some of them only to have them.
KVM_PACKAGES = ("qemu-system-riscv", "libaio1t64", "libatomic1", "libblkid1", "libbpf1", "libc6", "libcap2", "libcapstone5", "libelf1t64",
    "libfdt1", "libffi8", "libfuse3-4", "libgcc-s1", "libglib2.0-0t64", "libgmp10", "libgnutls30t64", "libhogweed6t64", "libibverbs1",
    "libidn2-0", "libjpeg62-turbo", "libmount1", "libnettle8t64", "libnl-3-200", "libnl-route-3-200", "libnuma1", "libp11-kit0",
    "libpcre2-8-0", "libpixman-1-0", "libpng16-16t64", "librdmacm1t64", "libsasl2-2", "libseccomp2", "libselinux1", "libslirp0",
    "libssl3t64", "libtasn1-6", "libudev1", "libunistring5", "liburing2", "libvdeplug2t64", "libzstd1", "zlib1g")


class Failure(Exception):
    """Something that the user can do something about; the text says what."""


def say(text):
    print(f"serai: {text}", file=sys.stderr, flush=True)


def mirror():
    """The archive that this machine takes Debian from."""
    try:
        lines = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(SUITE)"], check=True,
            capture_output=True, text=True).stdout.split("\n")
    except (OSError, subprocess.CalledProcessError):
        raise Failure("apt-get does not work here: Serai's launcher needs Debian 12 or later") from None
    for line in lines:
        uri, _, suite = line.partition(" ")
        if uri and "security" not in uri and not re.search("(security|updates|backports)$", suite):
            return uri if uri.endswith("/") else uri + "/"
    raise Failure("apt knows no Debian mirror: run `apt-get update`, or add one to /etc/apt/sources.list")


def fetch_source(name, target):
    """Unpacks one of the sources at `target`."""
    what, path, sha256 = SOURCES[name]
    target = pathlib.Path(target)
    say(f"fetching {what}")
    uri = mirror() + path
    try:
        with urllib.request.urlopen(uri, timeout=60) as response:
            data = response.read(4 << 20)
    except (urllib.error.URLError, OSError) as error:
        raise Failure(f"cannot fetch {uri} ({error}): check the network, then start again") from None
    if hashlib.sha256(data).hexdigest() != sha256:
        raise Failure(f"{uri} is not the file it should be (wrong SHA-256): try another mirror in /etc/apt/sources.list")
    partial = target.with_name(target.name + ".partial")
    subprocess.run(["rm", "-rf", partial, target], check=True)
    partial.mkdir(parents=True)
    archive = partial / f"{name}.tar.xz"
    archive.write_bytes(data)
    with tarfile.open(archive) as tar:
        for member in tar.getmembers():
            # Only plain files of the source folder: nothing can land outside of it.
            _, _, member.name = member.name.partition("/")
            if member.isfile() and ".." not in member.name.split("/"):
                tar.extract(member, partial)
    archive.unlink()
    partial.rename(target)


class Apt:
    """A private apt: suite and architecture of the guests, with nothing of the machine's own apt but the mirror."""

    def __init__(self, folder, architecture):
        self.folder = pathlib.Path(folder)
        for name in ("state/lists/partial", "cache/archives/partial", "parts", "packages"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        (self.folder / "status").touch()
        (self.folder / "sources.list").write_text(
            f"deb [arch={architecture} signed-by={KEYRING}] {mirror()} {SUITE} main\n")
        at = self.folder
        (self.folder / "apt.conf").write_text(f'''
APT::Architecture "{architecture}";
APT::Architectures {{ "{architecture}"; }};
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::Retries "2";
Dir::State "{at}/state";
Dir::State::status "{at}/status";
Dir::Cache "{at}/cache";
Dir::Etc::sourcelist "{at}/sources.list";
Dir::Etc::sourceparts "{at}/parts";
Dir::Etc::preferences "{at}/parts/none";
Dir::Etc::preferencesparts "{at}/parts";
Dir::Etc::trusted "{at}/parts/none.gpg";
Dir::Etc::trustedparts "{at}/parts";
''')
        if not os.path.exists(KEYRING):
            raise Failure(f"{KEYRING} is missing: install debian-archive-keyring")

    def run(self, what, *arguments):
        result = subprocess.run(arguments, cwd=self.folder / "packages", capture_output=True, text=True,
            env={**os.environ, "APT_CONFIG": str(self.folder / "apt.conf"), "LC_ALL": "C"})
        if result.returncode:
            lines = [line for line in result.stderr.split("\n") if line.startswith("E:")]
            raise Failure(f"cannot {what} ({(lines or ['no reason given'])[0]}): check the network, then start again")
        return result.stdout

    def update(self):
        self.run(f"read the package lists of Debian {SUITE}", "apt-get", "-qq", "-o", "APT::Update::Error-Mode=any", "update")

    def dependency(self, package, pattern):
        """The name of the package that a meta package stands for."""
        found = re.search(r"Depends: (" + pattern + ")", self.run(f"find {package}", "apt-cache", "depends", package))
        if not found:
            raise Failure(f"Debian's package {package} does not depend on {pattern} any more: update Serai")
        return found.group(1)

    def download(self, packages):
        """Downloads packages and all that they depend on (apt checks signatures); returns the files."""
        words = ("apt-get", "-qq", "-y", "--no-install-recommends", "install", *packages)
        planned = re.findall(r"^Inst (\S+) \((\S+) .*\[(\w+)\]\)", self.run("find the packages and what they depend on", *words, "-s"),
            re.MULTILINE)
        self.run("download the packages", *words, "--download-only")
        archives = self.folder / "cache/archives"
        return [archives / f"{name}_{version.replace(':', '%3a')}_{architecture}.deb" for name, version, architecture in planned]

    def unpack(self, names, target):
        """Downloads packages (apt checks their signatures) and unpacks them, with none of their scripts run."""
        packages = self.folder / "packages"
        for old in packages.glob("*.deb"):
            old.unlink()
        self.run(f"download {names[0]}", "apt-get", "-qq", "download", *names)
        for file in packages.glob("*.deb"):
            subprocess.run(["dpkg-deb", "-x", file, target], check=True)
            file.unlink()


class Unpacked:
    """A folder of unpacked packages, which takes its place only when it is complete."""

    def __init__(self, target, architecture=GUEST_ARCHITECTURE):
        self.target = pathlib.Path(target)
        self.partial = self.target.with_name(self.target.name + ".partial")
        subprocess.run(["rm", "-rf", self.partial], check=True)
        self.partial.mkdir(parents=True)
        self.apt = Apt(self.target.parent / f"apt-{architecture}", architecture)
        self.apt.update()

    def add(self, *packages):
        self.apt.unpack(packages, self.partial)

    def finish(self, *without):
        subprocess.run(["rm", "-rf", self.target, *(self.partial / path for path in without)], check=True)
        self.partial.rename(self.target)


def fetch_guests(target):
    """Unpacks the Linux kernel and busybox for the guests at `target`."""
    say(f"fetching the guests' kernel and busybox (Debian {SUITE}, {GUEST_ARCHITECTURE}; about 125 MB)")
    unpacked = Unpacked(target)
    unpacked.add(unpacked.apt.dependency("linux-image-riscv64", r"linux-image-\S+-riscv64"), "busybox-static")
    unpacked.finish("usr/lib/linux-image")


def fetch_stress(target):
    """Unpacks stress-ng and the libraries that it loads at `target`."""
    say(f"fetching stress-ng for the guests (Debian {SUITE}, {GUEST_ARCHITECTURE}; about 12 MB)")
    unpacked = Unpacked(target)
    unpacked.add(*STRESS_PACKAGES)
    unpacked.finish("usr/share", "usr/lib/riscv64-linux-gnu/gconv")


def fetch_disk(target):
    """Unpacks fio and the tools of ext4, with the libraries that they load and use, at `target`."""
    say(f"fetching fio and e2fsprogs for the guests (Debian {SUITE}, {GUEST_ARCHITECTURE}; about 5 MB)")
    unpacked = Unpacked(target)
    unpacked.add(*DISK_PACKAGES)
    unpacked.finish("usr/share", "usr/lib/riscv64-linux-gnu/gconv")


def fetch_net(target):
    """Unpacks iperf3, ping, ethtool, an SSH server and scp, with the libraries that they load, at `target`."""
    say(f"fetching network programs for the guests (Debian {SUITE}, {GUEST_ARCHITECTURE}; about 7 MB)")
    unpacked = Unpacked(target)
    unpacked.add(*NET_PACKAGES)
    unpacked.finish("usr/share", "usr/lib/riscv64-linux-gnu/gconv")


def fetch_kvm(target):
    """Unpacks QEMU for riscv64 hosts, with the libraries that it loads, at `target`."""
    say(f"fetching QEMU for a Linux host with KVM guests (Debian {SUITE}, {GUEST_ARCHITECTURE}; about 20 MB)")
    unpacked = Unpacked(target)
    unpacked.add(*KVM_PACKAGES)
    unpacked.finish("usr/share", "usr/lib/riscv64-linux-gnu/gconv", "usr/lib/riscv64-linux-gnu/qemu", "usr/bin/qemu-system-riscv32")


def fetch_checker(target):
    """Unpacks the model checker CBMC with all that it runs with at `target`."""
    architecture = subprocess.run(["dpkg", "--print-architecture"], check=True, capture_output=True, text=True).stdout.strip()
    say(f"fetching the model checker CBMC (Debian {SUITE}, {architecture}; about 25 MB)")
    unpacked = Unpacked(target, architecture)
    unpacked.add(*CHECKER)
    unpacked.finish("usr/share")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=[*SOURCES, "guests", "stress", "disk", "net", "kvm", "checker"])
    parser.add_argument("target", help="folder to make")
    arguments = parser.parse_args()
    try:
        sources = {name: functools.partial(fetch_source, name) for name in SOURCES}
        fetchers = {**sources, "guests": fetch_guests, "stress": fetch_stress, "disk": fetch_disk, "net": fetch_net,
            "kvm": fetch_kvm, "checker": fetch_checker}
        fetchers[arguments.what](os.path.abspath(arguments.target))
    except (Failure, OSError, subprocess.CalledProcessError) as error:
        print(f"serai: error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
