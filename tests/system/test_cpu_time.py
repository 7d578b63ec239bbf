# SPDX-License-Identifier: Apache-2.0
"""Guests get the CPU time that their description says, and no more. Measured by the guests themselves in virtual time."""

import re

from driver import ICOUNT, Guest, System, check, description

# 16 ns per instruction: seconds of virtual time in seconds of the test machine's.
SLOW = [word.replace("shift=0", "shift=4") for word in ICOUNT]
FROM, FOR = 1000, 5000  # ms of virtual time


def busy(name, **keys):
    return Guest(name, "busy", cmdline=f"busy.from={FROM} busy.for={FOR} busy.end=1", **keys)


def percent(*guests, harts=1):
    """What each guest says that it got, in percent of a hart, and its longest gap in ms."""
    system = System(description(*guests, harts=harts), arguments=["-smp", str(harts), *SLOW])
    rows = {}
    for _ in guests:
        row = system.expect(r"^\[(\w+)\] busy: (\d+) of (\d+) us, longest gap (\d+) us", 80)
        rows[row.group(1)] = int(row.group(2)) * 100 / int(row.group(3)), int(row.group(4)) / 1000
    check(system.wait_exit() == 0, "the guests did not end in order")
    return rows


def test_uncapped_guest_gets_all():
    share, _ = percent(busy("alpha"))["alpha"]
    check(share > 97, f"it got {share:.1f} %")


def test_cap_holds_when_nobody_else_wants_time():
    share, gap = percent(busy("alpha", **{"cpu.cap": "25%"}))["alpha"]
    check(22 <= share <= 25.2, f"it got {share:.1f} %")
    check(gap <= 8, f"it waited for {gap:.1f} ms of its 10")


def test_cap_holds_over_its_own_period():
    share, gap = percent(busy("alpha", **{"cpu.cap": "50%", "cpu.period": "100ms"}))["alpha"]
    check(47 <= share <= 50.2, f"it got {share:.1f} %")
    check(40 <= gap <= 52, f"it waited for {gap:.1f} ms of its 100")


def test_cap_leaves_the_rest_to_others():
    rows = percent(busy("alpha", **{"cpu.cap": "25%"}), busy("beta"))
    check(22 <= rows["alpha"][0] <= 25.2, f"the capped guest got {rows['alpha'][0]:.1f} %")
    check(72 <= rows["beta"][0] <= 78, f"the other got {rows['beta'][0]:.1f} %")


def test_shares_divide_a_hart():
    rows = percent(busy("alpha"), busy("beta", **{"cpu.share": 300}))
    check(20 <= rows["alpha"][0] <= 30, f"the guest with share 100 got {rows['alpha'][0]:.1f} %")
    check(70 <= rows["beta"][0] <= 80, f"the guest with share 300 got {rows['beta'][0]:.1f} %")


def test_shares_count_below_caps():
    rows = percent(busy("alpha", **{"cpu.cap": "75%"}), busy("beta", **{"cpu.share": 300, "cpu.cap": "75%"}))
    check(20 <= rows["alpha"][0] <= 30, f"the guest with share 100 got {rows['alpha'][0]:.1f} %")
    check(70 <= rows["beta"][0] <= 75.2, f"the guest with share 300 got {rows['beta'][0]:.1f} %")


def test_cap_holds_on_another_hart():
    guests = busy("alpha", affinity=[1], **{"cpu.cap": "25%"}), busy("beta", affinity=[0])
    rows = percent(*guests, harts=2)
    check(22 <= rows["alpha"][0] <= 25.2, f"the capped guest got {rows['alpha'][0]:.1f} %")
    # With -icount the harts take turns in one time.
    check(72 <= rows["beta"][0] <= 78, f"the other got {rows['beta'][0]:.1f} %")


def check_beside_load(said, commands=(), **load):
    """A guest that computes has half of its hart beside one that keeps a server busy: the server's time is that one's."""
    nets, disks = {"lan": {}}, {"store": {"file": "store.img", "size": "8M"}}
    text = description(busy("alpha"), Guest("beta", "load", **load),
        **({"nets": nets} if "nics" in load else {"disks": disks, "volumes": {"data": {"disk": "store"}}}))
    system = System(text, arguments=SLOW)
    system.expect(rf"load: {said}\n", 60)
    for command in commands:
        system.prompt(command)
        if command == "start beta":
            system.expect(rf"load: {said}\n", 60)
    row = system.expect(r"busy: (\d+) of (\d+) us, longest gap (\d+) us", 120)
    share = int(row.group(1)) * 100 / int(row.group(2))
    check(45 <= share <= 52, f"it got {share:.1f} %")


def test_time_for_frames_is_the_senders():
    check_beside_load("sends", nics=["lan"])


def test_time_is_the_senders_after_restarts():
    check_beside_load("sends", ("kill net", "stop beta", "start beta", "stop alpha", "start alpha"), nics=["lan"])


def test_time_for_doorbells_is_the_ringers():
    check_beside_load("rings", disks=["data"])


def cpu_row(system, name):
    """Share, cap, seconds used and times out of time, by the prompt."""
    row = re.search(rf"\d {name} +1 +(\d+) +(\S+) +(\d+\.\d+) s +(\d+)\n", system.prompt("cpu"))
    return int(row.group(1)), row.group(2), float(row.group(3)), int(row.group(4))


def test_prompt_shows_use_and_timeouts():
    system = System(description(Guest("alpha", "busy", **{"cpu.cap": "50%"}), Guest("beta", **{"cpu.share": 200})))
    system.expect(r"\[beta\] beta> ", 30)
    before = cpu_row(system, "alpha")
    system.wait(2)
    after = cpu_row(system, "alpha")
    check(after[:2] == (100, "50%"), f"share and cap are shown as {after[:2]}")
    check(after[2] > before[2], "it used no time")
    check(after[3] > before[3] + 20, f"it ran out of time {after[3] - before[3]} times")
    share, cap, _, timeouts = cpu_row(system, "beta")
    check((share, cap, timeouts) == (200, "none", 0), "wrong values for a guest without a cap")
    system.prompt("stop alpha")
    system.prompt("start alpha")
    system.wait(0.5)
    check(0 < cpu_row(system, "alpha")[3] < after[3], "the count does not begin again with the guest")
