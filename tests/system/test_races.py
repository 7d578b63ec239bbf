# SPDX-License-Identifier: Apache-2.0
"""What hostile VMMs, threads and guests on several harts do to each other and to a kernel that checks itself (races/)."""

from driver import check
from race_runs import ALL, GUEST, IDLE, MESSAGES, STORM, STRESS, idle_share, run


def test_one_hart():
    run(harts=1, seed=1, group=ALL, ms=150, stress=1000)


def test_two_harts():
    run(harts=2, seed=2, group=ALL, ms=250, stress=20000)


def test_four_harts():
    run(harts=4, seed=3, group=MESSAGES | GUEST | STRESS, ms=50, stress=1000)


def test_expired_timers_interrupt_nobody():
    run(harts=1, seed=4, group=STORM, icount=True)


def test_expired_timers_let_the_machine_sleep():
    share = idle_share(seed=5, group=IDLE)
    check(share < 0.1, f"QEMU uses {share:.1%} of a processor while all guests are idle")


for case in (test_one_hart, test_two_harts, test_four_harts):
    case.seconds = 140
