/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's firmware: SBI 2.0 with BASE, TIME, IPI, RFENCE, HSM, SRST, DBCN and the legacy calls but "send IPI". */
#pragma once

#include "vcpu.h"

enum sbi_error {
	SBI_SUCCESS = 0,
	SBI_FAILED = -1,
	SBI_NOT_SUPPORTED = -2,
	SBI_INVALID_PARAM = -3,
	SBI_INVALID_ADDRESS = -5,
	SBI_ALREADY_AVAILABLE = -6,
};

struct sbi_answer {
	long error; /* enum sbi_error */
	uint64_t value;
};

static inline struct sbi_answer sbi_answer(long error, uint64_t value)
{
	return (struct sbi_answer){ .error = error, .value = value };
}

/* Answers the call that the vCPU is stopped at: extension in a7, function in a6, arguments in a0 to a5. Takes the lock itself. */
void sbi_handle(struct vcpu *vcpu);
