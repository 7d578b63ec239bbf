/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's firmware: SBI 2.0 with BASE, TIME, IPI, RFENCE, HSM, SRST, DBCN and the legacy calls. */
#pragma once

#include "vcpu.h"

/* Answers the call that the vCPU is stopped at: extension in a7, function in a6, arguments in a0 to a5. */
void sbi_handle(struct vcpu *vcpu);
