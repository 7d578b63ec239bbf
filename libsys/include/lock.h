/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mutual exclusion between threads of one task. Who finds a lock taken looks a few times and then blocks, so the holder gets
 * its time even on the same hart. The notification is for this lock alone and bound to no thread.
 */
#pragma once

#include <abi/types.h>

struct lock {
	uint32_t word;       /* 0: free, 1: taken, 2: taken and somebody may wait */
	uint32_t looks;      /* before a thread blocks */
	cptr_t notification; /* with a badge, and the rights to signal and to wait */
};

/* A free lock; looks: 0 if all threads run on one hart. */
void lock_init(struct lock *lock, cptr_t notification, uint32_t looks);

/* The rare halves of the next two. */
void lock_wait(struct lock *lock);
void lock_wake(struct lock *lock);

static inline void lock_acquire(struct lock *lock)
{
	uint32_t free = 0;

	if (!__atomic_compare_exchange_n(&lock->word, &free, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		lock_wait(lock);
}

static inline void lock_release(struct lock *lock)
{
	if (__atomic_exchange_n(&lock->word, 0, __ATOMIC_RELEASE) == 2)
		lock_wake(lock);
}
