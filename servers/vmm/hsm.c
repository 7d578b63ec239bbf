/* SPDX-License-Identifier: Apache-2.0 */
#include <libsys/syscalls.h>
#include <libsys/task.h>
#include "hsm.h"
#include "signals.h"
#include "vmm.h"

enum { CALL_START, CALL_STOP, CALL_STATUS, CALL_SUSPEND };

#define SUSPEND_RETENTIVE 0u
#define SUSPEND_NON_RETENTIVE 0x80000000u
#define SUSPEND_PLATFORM 0x70000000u /* any of these bits: a type of the platform, else reserved */
#define VSIE_TIMER ((uint64_t)1 << 5)

static uint32_t state_of(const struct vcpu *vcpu)
{
	uint32_t state = __atomic_load_n(&vcpu->state, __ATOMIC_ACQUIRE);

	return state == HART_TAKEN ? HART_START_PENDING : state;
}

static void set_state(struct vcpu *vcpu, enum hart_state state)
{
	__atomic_store_n(&vcpu->state, (uint32_t)state, __ATOMIC_SEQ_CST);
}

/* Blocks until somebody wakes the thread or the deadline is over. The first vCPU's thread serves the console meanwhile. */
static void block(struct vcpu *vcpu, uint64_t deadline)
{
	uint64_t bits = 0;
	enum err error = sys_wait(vcpu->wake, deadline, &bits);

	if (error == ERR_TIMED_OUT)
		return;
	if (error != ERR_OK)
		task_fail("vcpu %u cannot wait (error %u)", vcpu->hart, (unsigned)error);
	if (bits & ~(uint64_t)CONSOLE_SIGNAL_OWN) {
		harts_lock(vcpu);
		signals_take(bits);
		harts_unlock(vcpu);
	}
}

/* New registers, and nothing pending but what the interrupt controller signals. */
static void begin(struct vcpu *vcpu, uint64_t pc, uint64_t argument)
{
	harts_lock(vcpu);
	vcpu->page->hvip = 0;
	vcpu->page->requests = 0;
	vcpu_reset(vcpu, pc, vcpu->hart, argument);
	harts_line(vcpu);
	harts_unlock(vcpu);
	set_state(vcpu, HART_STARTED);
}

void hsm_wait_for_start(struct vcpu *vcpu)
{
	while (__atomic_load_n(&vcpu->state, __ATOMIC_ACQUIRE) != HART_START_PENDING)
		block(vcpu, DEADLINE_NEVER);
	begin(vcpu, vcpu->start_pc, vcpu->start_argument);
}

static bool address_valid(const struct vcpu *vcpu, uint64_t address)
{
	return !(address & 1) && memory_at(vcpu->memory, address, 2);
}

static long start(struct vcpu *vcpu, const uint64_t *argument)
{
	struct harts *harts = vcpu->harts;
	uint32_t stopped = HART_STOPPED;
	struct vcpu *target;

	if (argument[0] >= harts->count)
		return SBI_INVALID_PARAM;
	if (!address_valid(vcpu, argument[1]))
		return SBI_INVALID_ADDRESS;
	target = &harts->vcpu[argument[0]];
	if (!__atomic_compare_exchange_n(&target->state, &stopped, HART_TAKEN, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		return SBI_ALREADY_AVAILABLE;
	__atomic_fetch_add(&harts->running, 1, __ATOMIC_SEQ_CST);
	target->start_pc = argument[1];
	target->start_argument = argument[2];
	set_state(target, HART_START_PENDING);
	(void)sys_signal(target->wake);
	return SBI_SUCCESS;
}

/* When the last hart stops nobody is left to start one: that is the end of the machine. */
static bool stop(struct vcpu *vcpu, struct sbi_answer *result)
{
	if (__atomic_fetch_sub(&vcpu->harts->running, 1, __ATOMIC_SEQ_CST) == 1) {
		harts_lock(vcpu);
		vmm_poweroff();
		harts_unlock(vcpu);
		*result = sbi_answer(SBI_FAILED, 0);
		return true;
	}
	set_state(vcpu, HART_STOPPED);
	hsm_wait_for_start(vcpu);
	return false;
}

/* Until an interrupt is pending that the guest has enabled, as for WFI. */
static void suspend(struct vcpu *vcpu)
{
	uint64_t enabled = vcpu_csr(vcpu, VCPU_VSIE);
	uint64_t deadline = enabled & VSIE_TIMER ? vcpu_csr(vcpu, VCPU_VSTIMECMP) : DEADLINE_NEVER;

	set_state(vcpu, HART_SUSPENDED);
	while (!__atomic_exchange_n(&vcpu->sent, 0, __ATOMIC_SEQ_CST)) {
		if ((vcpu->page->hvip >> 1 & enabled) || sys_time() >= deadline)
			break;
		block(vcpu, deadline);
	}
	set_state(vcpu, HART_RESUME_PENDING);
}

static bool call_suspend(struct vcpu *vcpu, const uint64_t *argument, struct sbi_answer *result)
{
	uint32_t type = (uint32_t)argument[0];
	uint64_t pc = argument[1], opaque = argument[2];

	if (type != SUSPEND_RETENTIVE && type != SUSPEND_NON_RETENTIVE) {
		*result = sbi_answer(type & SUSPEND_PLATFORM ? SBI_NOT_SUPPORTED : SBI_INVALID_PARAM, 0);
		return true;
	}
	if (type == SUSPEND_NON_RETENTIVE && !address_valid(vcpu, pc)) {
		*result = sbi_answer(SBI_INVALID_ADDRESS, 0);
		return true;
	}
	suspend(vcpu);
	if (type == SUSPEND_NON_RETENTIVE) {
		begin(vcpu, pc, opaque);
		return false;
	}
	set_state(vcpu, HART_STARTED);
	*result = sbi_answer(SBI_SUCCESS, 0);
	return true;
}

bool hsm_call(struct vcpu *vcpu, uint64_t function, const uint64_t *argument, struct sbi_answer *result)
{
	const struct harts *harts = vcpu->harts;

	switch (function) {
	case CALL_START:
		*result = sbi_answer(start(vcpu, argument), 0);
		return true;
	case CALL_STOP:
		return stop(vcpu, result);
	case CALL_STATUS:
		if (argument[0] < harts->count)
			*result = sbi_answer(SBI_SUCCESS, state_of(&harts->vcpu[argument[0]]));
		else
			*result = sbi_answer(SBI_INVALID_PARAM, 0);
		return true;
	case CALL_SUSPEND:
		return call_suspend(vcpu, argument, result);
	default:
		*result = sbi_answer(SBI_NOT_SUPPORTED, 0);
		return true;
	}
}
