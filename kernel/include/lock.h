/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spin locks for a few dozen instructions, taken with interrupts off. Order: see docs/smp.md; debug builds assert it. The
 * capability lock, which is held longer, is in smp.h.
 */
#pragma once

#include "kernel.h"

enum lock_order {
	LOCK_CAPABILITY = 1 << 0,
	LOCK_IRQ = 1 << 1,
	LOCK_OBJECT = 1 << 2, /* an endpoint or a notification */
	LOCK_TAG = 1 << 3,
};

struct lock {
	uint32_t held;
};

#ifdef SERAI_DEBUG
/* Notes that this hart takes a lock of this order: none of the same or a later one may be held. */
void lock_note(enum lock_order order);
void lock_forget(enum lock_order order);
#else
static inline void lock_note(enum lock_order order)
{
	(void)order;
}
static inline void lock_forget(enum lock_order order)
{
	(void)order;
}
#endif

static inline __attribute__((always_inline)) bool lock_try(struct lock *lock)
{
	return __atomic_exchange_n(&lock->held, 1, __ATOMIC_ACQUIRE) == 0;
}

static inline void lock_acquire(struct lock *lock, enum lock_order order)
{
	lock_note(order);
	while (!lock_try(lock))
		while (__atomic_load_n(&lock->held, __ATOMIC_RELAXED))
			;
}

static inline __attribute__((always_inline)) void lock_release(struct lock *lock, enum lock_order order)
{
	lock_forget(order);
	__atomic_store_n(&lock->held, 0, __ATOMIC_RELEASE);
}
