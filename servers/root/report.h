/* SPDX-License-Identifier: Apache-2.0 */
/* Words for what went wrong. */
#pragma once

#include <abi/types.h>

/* A cause of a fault message (riscv64: scause), in words. */
const char *report_cause(uint64_t cause);

const char *report_error(enum err err);

/* enum vmm_crash of a VMM's own report. */
const char *report_crash(uint64_t reason);
