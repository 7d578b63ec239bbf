#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the disk of a real Debian system for guests, from the distribution's packages, with no program of theirs run."""

import argparse
import hashlib
import io
import os
import pathlib
import subprocess
import sys
import tarfile
import uuid

import debian_files
import fetch

HERE = pathlib.Path(__file__).resolve().parent
RECIPE = (HERE / "debian.py", HERE / "debian_files.py", HERE / "debian")
SIZE = 1 << 30  # bytes of the disk
FILE_SYSTEM = ("-t", "ext4", "-b", "4096", "-I", "256", "-N", "49152", "-m", "1", "-J", "size=16", "-L", "debian", "-O",
    "none,has_journal,ext_attr,resize_inode,dir_index,filetype,extent,64bit,flex_bg,sparse_super,large_file,huge_file,dir_nlink,"
    "extra_isize,metadata_csum")
# Times in the image that the packages do not give, so that the same packages give the same image.
EPOCH = 1767225600


def say(text):
    print(f"serai: {text}", file=sys.stderr, flush=True)


class Tree:
    """The root file system as a folder of the host; owners, which only root could give to files there, are kept beside it."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True)
        self.owners = {}  # by path with a leading slash: (user, group), by name; others belong to root
        self.modes = {}   # by path: those that only root could give
        self.status = []

    def write(self, path, content, mode=0o644):
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        file.chmod(mode)

    def read(self, path):
        return (self.folder / path).read_text()

    def make(self, path, mode=0o755):
        folder = self.folder / path
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(mode)

    def link(self, path, target):
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        file.symlink_to(target)

    def place(self, member):
        """Where a member of a package goes: a folder may be a link there, like /lib, but never out of the tree."""
        name = os.path.normpath("/" + member.name)
        parent = os.path.realpath(self.folder / os.path.dirname(name)[1:])
        if os.path.commonpath([parent, self.folder.resolve()]) != str(self.folder.resolve()):
            raise fetch.Failure(f"the package's file {member.name} would leave the root file system")
        return name, pathlib.Path(parent) / os.path.basename(name)

    def extract(self, archive, member):
        """One file of a package; returns its path, or None if it was left out."""
        name, file = self.place(member)
        if name == "/":
            return "/."
        if debian_files.is_left_out(name):
            return None
        if member.isdir():
            file.mkdir(exist_ok=True)
            if not file.is_symlink():
                file.chmod(member.mode | 0o700)
        else:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.unlink(missing_ok=True)
            if member.issym():
                file.symlink_to(member.linkname)
            elif member.islnk():
                os.link(self.folder / os.path.normpath("/" + member.linkname)[1:], file)
            elif member.isreg():
                file.write_bytes(archive.extractfile(member).read())
                file.chmod(member.mode)
            else:
                raise fetch.Failure(f"the package's file {member.name} is of a kind that no package should hold")
        if not member.issym() and not file.is_symlink():
            os.utime(file, (member.mtime, member.mtime))
            if (member.uname, member.gname) != ("root", "root"):
                self.owners[name] = (member.uname, member.gname)
        return name


def members(package, kind):
    data = subprocess.run(["dpkg-deb", f"--{kind}-tarfile", package], check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for member in archive:
            yield archive, member


def fields(package):
    text = subprocess.run(["dpkg-deb", "-f", package], check=True, capture_output=True, text=True).stdout
    return text, dict(line.split(": ", 1) for line in text.split("\n") if ": " in line and not line.startswith(" "))


def install(tree, package):
    """Unpacks a package, and notes it as installed where dpkg will look."""
    text, field = fields(package)
    names = [tree.extract(archive, member) for archive, member in members(package, "fsys")]
    name = field["Package"] + (f":{field['Architecture']}" if field.get("Multi-Arch") == "same" else "")
    info = f"var/lib/dpkg/info/{name}"
    tree.write(f"{info}.list", "".join(f"{path}\n" for path in names if path))
    conffiles = ""
    for archive, member in members(package, "ctrl"):
        if member.isreg() and os.path.basename(member.name) != "control":
            content = archive.extractfile(member).read()
            tree.write(f"{info}.{os.path.basename(member.name)}", content, member.mode & 0o755)
            if os.path.basename(member.name) == "conffiles":
                conffiles = content.decode()
    sums = "".join(f" {path} {hashlib.md5((tree.folder / path[1:]).read_bytes()).hexdigest()}\n"
        for path in conffiles.split("\n") if path.startswith("/") and (tree.folder / path[1:]).is_file())
    head, _, rest = text.partition("\n")
    tree.status.append(f"{head}\nStatus: install ok installed\n{rest}" + (f"Conffiles:\n{sums}" if sums else ""))


def settle(tree):
    """Gives all files that were made here the same time."""
    for top, folders, files in os.walk(tree.folder):
        for name in (*folders, *files):
            path = os.path.join(top, name)
            if os.lstat(path).st_mtime > EPOCH or name == "info":
                os.utime(path, (EPOCH, EPOCH), follow_symlinks=False)
    os.utime(tree.folder, (EPOCH, EPOCH))


def quoted(path):
    return '"' + path.replace('"', '""') + '"'


def correct(tree, image, environment):
    """Sets in the image what depended on who made it, and when: owners and times of change."""
    users, groups = debian_files.accounts(tree)
    lines = []
    for top, folders, files in os.walk(tree.folder):
        for name in (*folders, *files):
            full = os.path.join(top, name)
            path = "/" + os.path.relpath(full, tree.folder)
            user, group = tree.owners.get(path, ("root", "root"))
            lines.append(f"sif {quoted(path)} ctime @{EPOCH}\nsif {quoted(path)} crtime @{EPOCH}")
            lines.append(f"sif {quoted(path)} atime @{EPOCH}")
            lines.append(f"sif {quoted(path)} uid {users[user]}\nsif {quoted(path)} gid {groups[group]}")
            if path in tree.modes:
                lines.append(f"sif {quoted(path)} mode 0{0o100000 | tree.modes[path]:o}")
    for name in ("ctime", "atime", "crtime"):
        lines.append(f"sif / {name} @{EPOCH}")
    result = subprocess.run(["debugfs", "-w", "-f", "-", image], input="\n".join(lines) + "\n", env=environment,
        capture_output=True, text=True)
    complaints = [line for line in result.stderr.split("\n") if line and not line.startswith("debugfs 1.")]
    if result.returncode or complaints:
        raise fetch.Failure(f"debugfs could not finish the image: {(complaints or ['no reason given'])[0]}")


def make_image(tree, image, identity):
    environment = {**os.environ, "LC_ALL": "C", "E2FSPROGS_FAKE_TIME": str(EPOCH), "MKE2FS_CONFIG": "/dev/null",
        "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}
    image.unlink(missing_ok=True)
    with open(image, "wb") as file:
        file.truncate(SIZE)
    name = str(uuid.UUID(identity[:32]))
    result = subprocess.run(["mke2fs", "-q", "-F", *FILE_SYSTEM, "-U", name, "-E",
        f"hash_seed={name},lazy_itable_init=0,lazy_journal_init=0,assume_storage_prezeroed=1,nodiscard,root_owner=0:0",
        "-d", tree.folder, image], env=environment, capture_output=True, text=True)
    if result.returncode:
        raise fetch.Failure(f"mke2fs could not make the image: {result.stderr.strip()}")
    correct(tree, image, environment)
    if subprocess.run(["e2fsck", "-f", "-n", image], env=environment, capture_output=True).returncode:
        raise fetch.Failure("the image that was made does not pass e2fsck")


def key_pair(folder):
    """The key that lets this host into the guests by SSH, made once; returns the public half."""
    key = folder / "id_ed25519"
    if not key.exists():
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "serai", "-f", key], check=True)
    return key.with_name(key.name + ".pub").read_text()


def digest(parts):
    """parts: bytes, or files and folders whose names and contents count."""
    total = hashlib.sha256()
    for part in parts:
        files = [part] if isinstance(part, bytes) or part.is_file() else sorted(path for path in part.rglob("*") if path.is_file())
        for file in files:
            content = file if isinstance(file, bytes) else file.read_bytes()
            name = b"" if isinstance(file, bytes) else str(file.relative_to(part.parent)).encode()
            total.update(f"{len(name)} {len(content)} ".encode() + name + content)
    return total.hexdigest()


def packages():
    lines = (HERE / "debian/packages").read_text().split("\n")
    return [name for line in lines if not line.startswith("#") for name in line.split()]


def build(work, modules, image, recipe, key):
    say(f"fetching the packages of Debian {fetch.SUITE} for the guests' disk ({fetch.GUEST_ARCHITECTURE}; about 75 MB)")
    apt = fetch.Apt(work.parent / f"apt-{fetch.GUEST_ARCHITECTURE}", fetch.GUEST_ARCHITECTURE)
    apt.update()
    found = apt.download(packages())
    say(f"making the guests' disk of {len(found)} packages")
    manifest = "".join(f"{file.name}\n" for file in found)
    folder = work / "root.partial"
    subprocess.run(["rm", "-rf", folder], check=True)
    tree = Tree(folder)
    # First the one that brings /lib and its like as links.
    for file in sorted(found, key=lambda file: (not file.name.startswith("base-files_"), file.name)):
        install(tree, file)
    debian_files.configure(tree, modules, key)
    settle(tree)
    partial = image.with_name(image.name + ".partial")
    make_image(tree, partial, digest([recipe.encode(), manifest.encode()]))
    subprocess.run(["rm", "-rf", folder], check=True)
    image.with_suffix(".packages").write_text(manifest)
    partial.rename(image)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("packages", type=pathlib.Path, help="folder that `fetch.py guests` made")
    parser.add_argument("work", type=pathlib.Path, help="folder to keep images and the key in")
    parser.add_argument("target", type=pathlib.Path, help="where a link to the image is put")
    arguments = parser.parse_args()
    os.umask(0o022)
    try:
        work = arguments.work.resolve()
        work.mkdir(parents=True, exist_ok=True)
        key = key_pair(work)
        modules = next(arguments.packages.glob("usr/lib/modules/*"))
        recipe = digest([*RECIPE, modules.name.encode(), key.encode()])
        image = work / f"root-{recipe[:16]}.img"
        if not image.exists():
            build(work, modules, image, recipe, key)
        arguments.target.parent.mkdir(parents=True, exist_ok=True)
        link = arguments.target.with_name(arguments.target.name + ".partial")
        link.unlink(missing_ok=True)
        link.symlink_to(image)
        link.rename(arguments.target)
    except (fetch.Failure, OSError, subprocess.CalledProcessError) as error:
        say(f"error: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
