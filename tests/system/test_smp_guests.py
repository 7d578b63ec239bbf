# SPDX-License-Identifier: Apache-2.0
"""Debian guests with several vCPUs, also more than the machine has harts: all come up, work, stop and start again."""

from driver import Guest, System, check, description

PROMPT = r"root@alpha:\S+# "
BOOT_SECONDS = 90


def boot(vcpus, harts):
    system = System(description(Guest.linux("alpha", vcpus=vcpus), harts=harts), arguments=("-smp", str(harts)))
    system.expect(PROMPT, BOOT_SECONDS)
    return system


def shell(system, command, answer, timeout=30):
    """Runs a command in the guest's shell; the answer is a pattern for a whole line."""
    system.type(f"{command}\r")
    match = system.expect(rf"^{answer}\n", timeout)
    system.expect(PROMPT, timeout)
    return match


def check_all_work(system, vcpus):
    """Each processor of the guest is online, runs programs, and takes interrupts from the others."""
    shell(system, "nproc", str(vcpus))
    # As many loops at once as processors: each must get time of its own.
    shell(system, f"for i in $(seq {vcpus}); do seq 20000 >/dev/null & done; wait; echo do''ne", "done", 60)
    counts(system, vcpus, "time", "awk '/^cpu[0-9]/ { print $2 + $4 }' /proc/stat")
    counts(system, vcpus, "ipis", f"awk '/^IPI[01]:/ {{ for (i = 2; i < {vcpus + 2}; i++) n[i] += $i }} END {{ for (i in n) print n[i] }}' "
        "/proc/interrupts")


def counts(system, vcpus, name, command):
    """The command prints one number for each processor, and none may be 0."""
    numbers = shell(system, f"echo {name} $({command})", rf"{name} ([\d ]+)").group(1).split()
    check(len(numbers) == vcpus and "0" not in numbers, f"{name} by processor: {' '.join(numbers)}")


def check_no_complaint(system):
    shell(system, "echo complaints $(dmesg | grep -ciE 'lockup|rcu.*stall|BUG:|Oops|failed to (come|start)')", "complaints 0")


def run(vcpus, harts):
    system = boot(vcpus, harts)
    check_all_work(system, vcpus)
    check_no_complaint(system)
    system.end_in_order()


def test_two_vcpus_on_one_hart():
    run(vcpus=2, harts=1)


def test_four_vcpus_on_one_hart():
    run(vcpus=4, harts=1)


def test_two_vcpus_on_two_harts():
    run(vcpus=2, harts=2)


def test_four_vcpus_on_two_harts():
    run(vcpus=4, harts=2)


def test_four_vcpus_on_four_harts():
    run(vcpus=4, harts=4)


def stop_and_start(vcpus, harts):
    system = boot(vcpus, harts)
    for _ in range(5):
        shell(system, "echo 0 >/sys/devices/system/cpu/cpu1/online; echo online $(nproc)", f"online {vcpus - 1}")
        shell(system, "echo 1 >/sys/devices/system/cpu/cpu1/online; echo online $(nproc)", f"online {vcpus}")
    check_all_work(system, vcpus)
    check_no_complaint(system)
    system.end_in_order()


def test_vcpu_stops_and_starts_again():
    stop_and_start(vcpus=2, harts=1)


def test_vcpu_stops_and_starts_again_on_two_harts():
    stop_and_start(vcpus=3, harts=2)


def test_first_vcpu_stops_and_keys_still_arrive():
    system = boot(vcpus=2, harts=1)
    shell(system, "echo 0 >/sys/devices/system/cpu/cpu0/online; cat /sys/devices/system/cpu/online", "1")
    shell(system, "echo typed wh''ile it is off", "typed while it is off")
    # The stopped one costs nothing.
    system.wait(3)
    wall, processor = system.seconds()
    system.wait(5)
    wall_after, processor_after = system.seconds()
    share = (processor_after - processor) / (wall_after - wall)
    check(share < 0.05, f"QEMU uses {share:.1%} of a processor while the guest is idle")
    shell(system, "echo 1 >/sys/devices/system/cpu/cpu0/online; cat /sys/devices/system/cpu/online", "0-1")
    check_all_work(system, 2)
    check_no_complaint(system)
    system.end_in_order()


for name, case in list(globals().items()):
    if name.startswith("test_"):
        case.seconds = 180
