/* SPDX-License-Identifier: Apache-2.0 */
/* Lock with three states (Drepper, "Futexes Are Tricky"); the notification's bits are the wake-up that is not lost. */
#include <libsys/lock.h>

#include <libsys/syscalls.h>
#include <libsys/task.h>

void lock_init(struct lock *lock, cptr_t notification, uint32_t looks)
{
	*lock = (struct lock){ .looks = looks, .notification = notification };
}

void lock_wait(struct lock *lock)
{
	uint64_t bits;

	for (uint32_t i = 0; i < lock->looks; i++) {
		uint32_t free = 0;

		if (__atomic_load_n(&lock->word, __ATOMIC_RELAXED) == 0 &&
		    __atomic_compare_exchange_n(&lock->word, &free, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return;
	}
	/* Whoever blocked takes the lock as state 2: others may wait, too, and one signal wakes one of them. */
	while (__atomic_exchange_n(&lock->word, 2, __ATOMIC_ACQUIRE) != 0) {
		enum err err = sys_wait(lock->notification, DEADLINE_NEVER, &bits);

		if (err != ERR_OK)
			task_fail("cannot wait for a lock (error %u)", (unsigned)err);
	}
}

void lock_wake(struct lock *lock)
{
	enum err err = sys_signal(lock->notification);

	if (err != ERR_OK)
		task_fail("cannot release a lock (error %u)", (unsigned)err);
}
