/* SPDX-License-Identifier: Apache-2.0 */
/* The last words about a guest that did what this VMM cannot do. */
#pragma once

#include <libsys/syscalls.h>
#include "vcpu.h"

/* Name of a cause of exit. */
const char *report_cause(uint64_t cause);

/*
 * Writes cause, pc, registers, the instruction (*instruction if not NULL, else the one fetched at pc) and the last exits
 * to the log, then ends the guest with VMM_CRASH_UNSUPPORTED.
 */
void report_crash(struct vcpu *vcpu, const struct vcpu_exit_info *exit, const char *reason,
		  const uint32_t *instruction);
