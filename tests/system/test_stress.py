# SPDX-License-Identifier: Apache-2.0
"""Two Debian guests with two vCPUs each at once under all kinds of load: processors, memory, processes, timers, switches."""

import stress


def test_two_guests_at_once():
    stress.run(seconds=10, vcpus=2, harts=2)


test_two_guests_at_once.seconds = 180
