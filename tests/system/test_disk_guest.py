# SPDX-License-Identifier: Apache-2.0
"""A guest that writes, reads and compares for ever notices nothing of what happens to the block server and to others."""

import re

from driver import Guest, System, check, description

KILLS = 5


def start(harts=1, vcpus=1):
    system = System(
        description(
            Guest("alpha", "disk", disks=["a"], vcpus=vcpus), Guest("beta", "disk", disks=["b"]), harts=harts,
            disks={"store": {"file": "store.img", "size": "32M", "partitions": {"a": "8M", "b": "rest"}}},
            volumes={name: {"disk": "store", "partition": name} for name in ("a", "b")}),
        arguments=["-smp", str(harts)])
    system.expect_guest("alpha", r"disk: round \d+\n")
    return system


def go_on(system):
    """Some more rounds of the guest in focus."""
    for _ in range(4):
        system.expect(r"disk: round (\d+)\n", 30)


def end(system):
    system.focus("alpha")
    go_on(system)
    system.type("x")
    system.expect(r"disk: off after \d+ rounds")
    check("disk: wrong:" not in system.text, "a guest read what it did not write")
    check("panic" not in system.text, "the kernel has a panic")


def kill_block(harts, vcpus):
    system = start(harts, vcpus)
    for number in range(KILLS):
        system.prompt("kill block")
        system.expect("warning: the block server was started again")
        system.focus("alpha")
        go_on(system)
    end(system)


def test_block_server_killed():
    kill_block(1, 1)


def test_block_server_killed_two_harts():
    kill_block(2, 2)


def test_other_guest_killed_and_started():
    system = start()
    for _ in range(3):
        system.prompt("kill beta")
        system.expect("-- beta: crashed; ")
        system.prompt("start beta")
        system.expect_guest("beta", r"disk: round \d+\n")
    end(system)
