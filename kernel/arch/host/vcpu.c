/* SPDX-License-Identifier: Apache-2.0 */
/* Guest CPUs of the host port: registers without a guest; tests say what the guest does. */

#include <arch/arch.h>
#include <arch/host.h>
#include <vcpu.h>

void arch_vcpu_init(struct vcpu *vcpu)
{
	vcpu->arch.deadline = DEADLINE_NEVER;
}

enum err arch_vcpu_read(struct vcpu *vcpu, uint64_t number, uint64_t *value)
{
	if (number >= VCPU_REGISTERS)
		return ERR_RANGE;
	*value = vcpu->arch.registers[number];
	return ERR_OK;
}

enum err arch_vcpu_write(struct vcpu *vcpu, uint64_t number, uint64_t value)
{
	if (number >= VCPU_REGISTERS)
		return ERR_RANGE;
	vcpu->arch.registers[number] = value;
	return ERR_OK;
}

void arch_vcpu_forget(struct vcpu *vcpu)
{
	vcpu->arch.forgotten++;
	vcpu->arch.hart = NULL;
}

struct hart *arch_vcpu_hart(const struct vcpu *vcpu)
{
	return vcpu->arch.hart;
}

void arch_vcpu_put_away(struct vcpu *vcpu)
{
	vcpu->arch.put_away++;
	vcpu->arch.hart = NULL;
}

uint64_t arch_vcpu_deadline(struct vcpu *vcpu)
{
	return vcpu->arch.deadline;
}

bool arch_vcpu_interrupt_pending(struct vcpu *vcpu)
{
	return vcpu->arch.interrupt_pending;
}

void host_guest_exit(struct thread *thread, uint64_t cause)
{
	uint64_t *words = arch_thread_words(thread);

	vcpu_leave(thread);
	words[0] = ERR_OK;
	words[1] = cause;
}
