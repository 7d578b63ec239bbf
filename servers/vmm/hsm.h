/* SPDX-License-Identifier: Apache-2.0 */
/* States of the guest's harts (SBI 2.0, chapter 9). A stopped or suspended vCPU's thread blocks in the VMM. */
#pragma once

#include "harts.h"
#include "sbi.h"

/* As the specification numbers them. Two states pass in no time here: stop pending and suspend pending. */
enum hart_state {
	HART_STARTED = 0,
	HART_STOPPED = 1,
	HART_START_PENDING = 2,
	HART_SUSPENDED = 4,
	HART_RESUME_PENDING = 6,
	HART_TAKEN = 0x100, /* start pending, and its arguments are being written */
};

/*
 * Answers a call of the extension: function and arguments a0 to a2. False: the vCPU begins anew, its registers are set, and
 * there is no answer. Blocks while the vCPU is stopped or suspended.
 */
bool hsm_call(struct vcpu *vcpu, uint64_t function, const uint64_t *argument, struct sbi_answer *result);

/* Blocks until somebody starts the vCPU, and sets its registers. */
void hsm_wait_for_start(struct vcpu *vcpu);
