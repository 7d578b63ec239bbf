/* SPDX-License-Identifier: Apache-2.0 */
/* What the short paths of entry.S leave to C. */

#include <lock.h>
#include <notification.h>
#include <sched.h>

#include "riscv.h"

_Noreturn void wake_and_leave(struct notification *notification, struct hart *hart)
{
	notification_wake(notification);
	leave_kernel(hart);
}

/* May the first and only waiter have the hart at once, and is there nothing else to do? The notification is locked. */
static inline bool can_switch(const struct hart *hart, const struct thread *thread, const struct thread *waiter)
{
	return waiter && !waiter->next && waiter->hart == hart && waiter->priority > thread->priority &&
	       waiter->sched_context && !waiter->sched_context->budget.limited && !waiter->has_deadline;
}

_Noreturn void signal_and_switch(struct thread *thread, struct notification *notification)
{
	struct hart *hart = thread->arch.hart;

	thread->arch.registers[10] = ERR_OK;
	if (lock_try(&notification->lock)) {
		struct thread *waiter = notification->waiters.head;

		uint64_t bits = can_switch(hart, thread, waiter) ? word_take(&notification->bits) : 0;

		if (bits && sched_preempt(hart, waiter)) {
			waiter->arch.registers[10] = ERR_OK;
			waiter->arch.registers[17] = bits;
			notification->waiters.head = notification->waiters.tail = NULL;
			waiter->waits_for = NULL;
			waiter->state = THREAD_READY;
			__atomic_store_n(&notification->lock.held, 0, __ATOMIC_RELEASE);
			return_to_task(waiter);
		}
		if (bits)
			__atomic_fetch_or(&notification->bits, bits, __ATOMIC_SEQ_CST);
		__atomic_store_n(&notification->lock.held, 0, __ATOMIC_RELEASE);
	}
	wake_and_leave(notification, hart);
}
