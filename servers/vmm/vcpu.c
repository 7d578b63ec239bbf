/* SPDX-License-Identifier: Apache-2.0 */
/* The part of a vCPU that only the kernel can reach. */
#include <libsys/invoke.h>
#include <libsys/task.h>
#include "vcpu.h"

#define VSSTATUS_UXL_64 ((uint64_t)2 << 32)
#define VSSTATUS_FS_INITIAL ((uint64_t)1 << 13)

static void write_csr(const struct vcpu *vcpu, enum vcpu_register number, uint64_t value)
{
	enum err error = vcpu_write_register(vcpu->cap, number, value);

	if (error != ERR_OK)
		task_fail("vcpu %u: register %u cannot be written (error %u)", vcpu->hart, (unsigned)number,
			  (unsigned)error);
}

void vcpu_reset(struct vcpu *vcpu, uint64_t pc, uint64_t a0, uint64_t a1)
{
	write_csr(vcpu, VCPU_VSSTATUS, VSSTATUS_UXL_64 | VSSTATUS_FS_INITIAL);
	write_csr(vcpu, VCPU_VSATP, 0);
	write_csr(vcpu, VCPU_VSIE, 0);
	write_csr(vcpu, VCPU_VSTIMECMP, UINT64_MAX);
	vcpu->page->gpr[REG_A0] = a0;
	vcpu->page->gpr[REG_A1] = a1;
	vcpu->page->pc = pc;
	vcpu->page->mode = 1;
}

uint64_t vcpu_csr(const struct vcpu *vcpu, enum vcpu_register number)
{
	uint64_t value = 0;

	return vcpu_read_register(vcpu->cap, number, &value) == ERR_OK ? value : 0;
}
