/* SPDX-License-Identifier: Apache-2.0 */
#include "notification.h"

#include <abi/syscall.h>
#include <arch/arch.h>

#include "endpoint.h"
#include "sched.h"
#include "thread.h"
#include "vcpu.h"

bool notification_deliver(struct notification *notification, struct thread *thread)
{
	uint64_t *words = arch_thread_words(thread), bits = word_take(&notification->bits);

	if (!bits)
		return false;
	words[0] = ERR_OK;
	words[1] = message_info(LABEL_NOTIFICATION, 0);
	words[7] = bits;
	return true;
}

/* What `wait` answers: the bits in a7. False: there are none. */
static bool give_bits(struct notification *notification, struct thread *thread)
{
	uint64_t *words = arch_thread_words(thread), bits = word_read(&notification->bits) ? word_take(&notification->bits) : 0;

	if (!bits)
		return false;
	words[0] = ERR_OK;
	words[7] = bits;
	return true;
}

/* Claims a waiter; the notification is locked. */
static void dequeue(struct notification *notification, struct thread *thread)
{
	queue_remove(&notification->waiters, thread);
	__atomic_store_n(&thread->waits_for, NULL, __ATOMIC_RELAXED);
	thread->state = THREAD_WOKEN;
}

/* False: whoever waited is gone. */
static bool wake_first(struct notification *notification)
{
	lock_acquire(&notification->lock, LOCK_OBJECT);
	struct thread *waiter = notification->waiters.head;

	if (waiter && !give_bits(notification, waiter))
		waiter = NULL;
	if (waiter)
		dequeue(notification, waiter);
	lock_release(&notification->lock, LOCK_OBJECT);
	if (waiter)
		sched_wake(waiter);
	return waiter;
}

void notification_signal(struct notification *notification, uint64_t bits)
{
	/* The bits first, then who waits: a waiter does it the other way round, so one sees the other. */
	__atomic_fetch_or(&notification->bits, bits, __ATOMIC_SEQ_CST);
	notification_wake(notification);
}

void notification_wake(struct notification *notification)
{
	struct thread *bound = word_read(&notification->bound);

	if (word_read(&notification->waiters.head) && wake_first(notification))
		return;
	if (bound && word_read(&bound->vcpu))
		vcpu_wake(bound);
	else if (bound)
		endpoint_signal(bound, notification);
}

void notification_wait(struct notification *notification, struct thread *thread, uint64_t deadline)
{
	lock_acquire(&notification->lock, LOCK_OBJECT);
	if (give_bits(notification, thread)) {
		lock_release(&notification->lock, LOCK_OBJECT);
		return;
	}
	if (deadline <= arch_time()) {
		lock_release(&notification->lock, LOCK_OBJECT);
		arch_thread_words(thread)[0] = ERR_TIMED_OUT;
		return;
	}
	sched_unready(thread);
	thread->state = THREAD_WAITING;
	thread->waits_for = notification;
	queue_append(&notification->waiters, thread);
	sched_set_deadline(thread, deadline);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	bool woken = give_bits(notification, thread);

	if (woken)
		dequeue(notification, thread);
	lock_release(&notification->lock, LOCK_OBJECT);
	if (woken)
		sched_wake(thread);
}

bool notification_poll(struct notification *notification, uint64_t *bits)
{
	*bits = word_read(&notification->bits) ? word_take(&notification->bits) : 0;
	return *bits != 0;
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

bool notification_time_out(struct thread *thread)
{
	struct notification *notification = word_read(&thread->waits_for);

	if (!notification || !lock_try(&notification->lock))
		return false;
	bool waits = thread->waits_for == notification;

	if (waits) {
		dequeue(notification, thread);
		thread->state = THREAD_READY;
		arch_thread_words(thread)[0] = ERR_TIMED_OUT;
	}
	__atomic_store_n(&notification->lock.held, 0, __ATOMIC_RELEASE);
	return waits;
}

bool notification_cancel(struct thread *thread)
{
	struct notification *notification = word_read(&thread->waits_for);

	if (!notification)
		return false;
	lock_acquire(&notification->lock, LOCK_OBJECT);
	bool waits = thread->waits_for == notification;

	if (waits)
		dequeue(notification, thread);
	lock_release(&notification->lock, LOCK_OBJECT);
	return waits;
}

void notification_destroy(struct notification *notification)
{
	while (notification->waiters.head)
		thread_wake_with(notification->waiters.head, ERR_DELETED);
	if (notification->bound)
		notification_unbind(notification->bound);
}
