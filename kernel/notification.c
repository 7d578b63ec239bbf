/* SPDX-License-Identifier: Apache-2.0 */
#include "notification.h"

#include <abi/syscall.h>
#include <arch/arch.h>

#include "endpoint.h"
#include "sched.h"
#include "thread.h"
#include "vcpu.h"

void notification_deliver(struct notification *notification, struct thread *thread)
{
	uint64_t *words = arch_thread_words(thread);

	words[0] = ERR_OK;
	words[1] = message_info(LABEL_NOTIFICATION, 0);
	words[7] = notification->bits;
	notification->bits = 0;
}

/* What `wait` answers: the bits in a7. */
static void give_bits(struct notification *notification, struct thread *thread)
{
	uint64_t *words = arch_thread_words(thread);

	words[0] = ERR_OK;
	words[7] = notification->bits;
	notification->bits = 0;
}

void notification_signal(struct notification *notification, uint64_t bits)
{
	struct thread *waiter = notification->waiters.head, *bound = notification->bound;

	notification->bits |= bits;
	if (waiter) {
		notification_cancel(waiter);
		sched_clear_deadline(waiter);
		give_bits(notification, waiter);
		sched_ready(waiter);
	} else if (bound && bound->state == THREAD_RECEIVING) {
		endpoint_cancel(bound);
		notification_deliver(notification, bound);
		sched_ready(bound);
	} else if (bound && bound->vcpu) {
		vcpu_notified(bound);
	}
}

void notification_wait(struct notification *notification, struct thread *thread, uint64_t deadline)
{
	if (notification->bits) {
		give_bits(notification, thread);
		return;
	}
	if (deadline <= arch_time()) {
		arch_thread_words(thread)[0] = ERR_TIMED_OUT;
		return;
	}
	sched_unready(thread);
	thread->state = THREAD_WAITING;
	thread->waits_for = notification;
	queue_append(&notification->waiters, thread);
	sched_set_deadline(thread, deadline);
}

enum err notification_bind(struct notification *notification, struct thread *thread)
{
	if (notification->bound || thread->bound)
		return ERR_BUSY;
	notification->bound = thread;
	thread->bound = notification;
	if (notification->bits)
		notification_signal(notification, 0); /* the thread may already wait for such bits */
	return ERR_OK;
}

void notification_unbind(struct thread *thread)
{
	if (thread->bound)
		thread->bound->bound = NULL;
	thread->bound = NULL;
}

void notification_cancel(struct thread *thread)
{
	queue_remove(&thread->waits_for->waiters, thread);
	thread->waits_for = NULL;
}

void notification_destroy(struct notification *notification)
{
	while (notification->waiters.head)
		thread_wake_with(notification->waiters.head, ERR_DELETED);
	if (notification->bound)
		notification_unbind(notification->bound);
}
