# SPDX-License-Identifier: Apache-2.0
"""The console server can be lost: the root task starts it again, and the guests do not notice."""

import pathlib
import tempfile

import memory
from driver import Guest, System, check, description, program, say, wait_ready


def kill_console(folder):
    """Makes the console server run into an illegal instruction."""
    code, address = memory.function_bytes(program("console"), "mux_turn", 48)
    copies = memory.loaded_copies(folder, code, address)
    check(len(copies) == 1, f"the console's code is in memory {len(copies)} times")
    stub = memory.Stub(folder)
    check(stub.write(copies[0], bytes(8)), "memory cannot be written")
    stub.close()


def test_killed_while_guests_go_on():
    with tempfile.TemporaryDirectory(prefix="serai-memory-") as folder:
        system = System(description(Guest("alpha"), Guest("beta")), arguments=memory.arguments(folder, "256M"), memory="256M")
        wait_ready(system, "alpha", "beta")
        say(system, "alpha", "before")
        kill_console(pathlib.Path(folder))
        system.type("x")
        system.expect("-- Serai console: ", 20)
        system.expect("warning: the console faulted: illegal instruction at pc 0x[0-9a-f]+", 20)
        system.focus("alpha")
        system.type("\r")
        say(system, "alpha", "after")
        system.focus("beta")
        say(system, "beta", "after")
        check(system.text.count("alpha: ready") == 1, "a guest was started again")
        system.end_in_order()
