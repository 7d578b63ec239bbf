# SPDX-License-Identifier: Apache-2.0
"""Servers on this host's loopback for guests to reach through QEMU's user network: web pages, names, SSH."""

import base64
import http.server
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import threading
import time

from driver import Failure, check, free_port, live

PAGE = b"a page of this host\n"
PRELOAD = "libnss_wrapper.so"


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, *_):
        pass


def serve_pages():
    """The port."""
    web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    return web.server_address[1]


def answer_names(names):
    """Tells anybody who asks for the address of a name that it is 192.0.2.7 (RFC 1035)."""
    while True:
        question, address = names.recvfrom(512)
        names.sendto(question[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + question[12:] + b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\x07", address)


def serve_names():
    """The port."""
    names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    names.bind(("127.0.0.1", 0))
    threading.Thread(target=answer_names, args=(names,), daemon=True).start()
    return names.getsockname()[1]


class SshServer:
    """dropbear for one key, with a host key and a user that exist as long as it does.

    nss_wrapper makes the user known to it alone: this host's accounts, their keys and homes play no part. Whatever is asked for, one script
    answers: it lets scp write `got` and read `sent` in `folder`, and repeats what else was asked.
    """

    USER = "visitor"
    COMMAND = """#!/bin/sh
cd "{folder}" || exit 1
case $SSH_ORIGINAL_COMMAND in
"scp -t got") exec scp -t got ;;
"scp -f sent") exec scp -f sent ;;
esac
echo "asked of this host: $SSH_ORIGINAL_COMMAND"
"""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="serai-ssh-"))
        self.port = free_port()
        public = self.make_key("key")
        self.make_key("host")
        script = self.folder / "answer"
        script.write_text(self.COMMAND.format(folder=self.folder))
        script.chmod(0o755)
        keys = self.folder / ".ssh"
        keys.mkdir(mode=0o700)
        (keys / "authorized_keys").write_text(f'command="{script}",no-port-forwarding,no-agent-forwarding,no-pty {public}\n')
        (keys / "authorized_keys").chmod(0o600)
        (self.folder / "passwd").write_text(f"{self.USER}:x:{os.getuid()}:{os.getgid()}::{self.folder}:/bin/sh\n")
        (self.folder / "group").write_text(f"{self.USER}:x:{os.getgid()}:\n")
        environment = {**os.environ, "LD_PRELOAD": PRELOAD, "NSS_WRAPPER_PASSWD": str(self.folder / "passwd"),
            "NSS_WRAPPER_GROUP": str(self.folder / "group")}
        with open(self.folder / "log", "wb") as log:
            # In the foreground, its words to the log, no passwords, no forwarding.
            self.process = subprocess.Popen([self.program("dropbear"), "-F", "-E", "-s", "-j", "-k", "-r", self.folder / "host", "-P",
                self.folder / "pid", "-p", f"127.0.0.1:{self.port}"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
        self.pid = self.process.pid
        live.append(self)  # so that the runner ends it, and shows what it said
        self.wait_ready()

    @staticmethod
    def program(name):
        found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
        check(found, f"there is no program {name}: ./serai test installs it")
        return found

    def make_key(self, name):
        """Makes a key in dropbear's format; returns its public half."""
        answer = subprocess.run([self.program("dropbearkey"), "-t", "ed25519", "-f", self.folder / name], check=True, capture_output=True, text=True)
        return next(line for line in answer.stdout.split("\n") if line.startswith("ssh-ed25519 "))

    def wait_ready(self):
        end = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > end:
                    raise Failure(f"dropbear does not listen") from None
                time.sleep(0.1)

    def report(self):
        """What it logged."""
        return (self.folder / "log").read_text(errors="replace")

    def take_key(self, openssh=False):
        """A command that puts the key into /tmp/key of a guest, for dropbear's client or OpenSSH's."""
        file = self.folder / "key"
        if openssh:
            file = self.folder / "key-openssh"
            subprocess.run([self.program("dropbearconvert"), "dropbear", "openssh", self.folder / "key", file], check=True, capture_output=True)
        text = base64.b64encode(file.read_bytes()).decode()
        return f"echo {text} | base64 -d >/tmp/key && chmod 600 /tmp/key"

    def end(self):
        live.remove(self)
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
