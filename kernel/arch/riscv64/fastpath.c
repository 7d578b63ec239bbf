/* SPDX-License-Identifier: Apache-2.0 */
/* What the short paths of entry.S leave to C. */

#include <lock.h>
#include <notification.h>

#include "riscv.h"

_Noreturn void wake_and_leave(struct notification *notification, struct hart *hart)
{
	notification_wake(notification);
	leave_kernel(hart);
}

/* May the first and only waiter have the hart at once, and is there nothing else to do? The notification is locked. */
static inline bool can_switch(const struct hart *hart, const struct thread *thread, const struct thread *waiter)
{
	return waiter && !waiter->next && waiter->hart == hart && waiter->arch.key == hart->arch.key &&
	       waiter->priority > thread->priority && waiter->sched_context && !waiter->sched_context->budget.limited &&
	       !waiter->has_deadline;
}

_Noreturn void signal_and_switch(struct thread *thread, struct notification *notification)
{
	struct hart *hart = thread->arch.hart;

	thread->arch.registers[10] = ERR_OK;
	if (lock_try(&notification->lock)) {
		struct thread *waiter = notification->waiters.head;

		if (can_switch(hart, thread, waiter) && sched_preempt(hart, waiter)) {
			uint64_t bits = word_take(&notification->bits);

			notification->waiters.head = notification->waiters.tail = NULL;
			waiter->waits_for = NULL;
			waiter->state = THREAD_READY;
			__atomic_store_n(&notification->lock.held, 0, __ATOMIC_RELEASE);
			csr_write(CSR_SATP, waiter->arch.satp);
			csr_clear(CSR_HSTATUS, HSTATUS_HU);
			return_from_guest(waiter, ERR_OK, 0, 0, 0, 0, bits);
		}
		__atomic_store_n(&notification->lock.held, 0, __ATOMIC_RELEASE);
	}
	wake_and_leave(notification, hart);
}
