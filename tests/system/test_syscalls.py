# SPDX-License-Identifier: Apache-2.0
"""Random system calls, with hostile vCPU pages, on a kernel that checks its invariants: one case for each kept seed."""

from syscall_runs import kept_seeds, run_seed

SECONDS = 140


def make_case(name, parameters):
    def case():
        run_seed(parameters, SECONDS)

    case.__name__ = f"test_{name}"
    case.seconds = SECONDS + 20
    globals()[case.__name__] = case


for kept in kept_seeds():
    make_case(*kept)
