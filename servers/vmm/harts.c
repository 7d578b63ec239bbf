/* SPDX-License-Identifier: Apache-2.0 */
#include <libsys/syscalls.h>
#include <libsys/task.h>
#include "harts.h"
#include "hsm.h"
#include "signals.h"

static void kick(const struct vcpu *to, uint64_t interrupts)
{
	enum err error = sys_vcpu_kick(to->cap, interrupts);

	if (error != ERR_OK)
		task_fail("vcpu %u cannot be interrupted (error %u)", to->hart, (unsigned)error);
}

void harts_send(struct vcpu *from, struct vcpu *to, uint64_t interrupts)
{
	if (from == to) {
		to->page->hvip |= interrupts;
		return;
	}
	kick(to, interrupts);
	/* A suspended vCPU is not in the kernel. It says so first and then looks at `sent`: one of the two sees the other. */
	__atomic_fetch_or(&to->sent, interrupts, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&to->state, __ATOMIC_SEQ_CST) == HART_SUSPENDED)
		(void)sys_signal(to->wake);
}

/* Another vCPU that runs must be stopped to lower its line. */
void harts_external(void *vcpu, bool level)
{
	struct vcpu *to = vcpu;
	struct vcpu *holder = to->harts->holder;

	to->line = level ? VCPU_IRQ_EXTERNAL : 0;
	if (to == holder)
		harts_line(to);
	else if (level)
		harts_send(holder, to, VCPU_IRQ_EXTERNAL);
	else
		kick(to, 0);
}

void harts_pass_on(struct vcpu *vcpu)
{
	harts_lock(vcpu);
	if (console_kept_bits & CONSOLE_SIGNAL_OWN)
		(void)sys_signal(vcpu->harts->vcpu[0].wake);
	signals_take(0);
	harts_unlock(vcpu);
}
