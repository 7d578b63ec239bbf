# SPDX-License-Identifier: Apache-2.0
"""Guests get the CPU time that their description says, and no more. Measured by the guests themselves in virtual time."""

from driver import ICOUNT, Guest, System, check, description

# 8 ns per instruction: seconds of virtual time in seconds of the test machine's.
SLOW = [word.replace("shift=0", "shift=3") for word in ICOUNT]
FROM, FOR = 1000, 5000  # ms of virtual time


def busy(name, **keys):
    return Guest(name, "busy", cmdline=f"busy.from={FROM} busy.for={FOR} busy.end=1", **keys)


def percent(*guests):
    """What each guest says that it got, in percent of a hart, and its longest gap in ms."""
    system = System(description(*guests), arguments=SLOW)
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
