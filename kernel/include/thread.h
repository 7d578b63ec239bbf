/* SPDX-License-Identifier: Apache-2.0 */
/* Threads: life, faults, and what ends a wait. */
#pragma once

#include "objects.h"

void thread_init(struct thread *thread);
void thread_destroy(struct thread *thread);

enum err thread_configure(struct thread *thread, struct slot *cspace, struct slot *vspace, struct slot *fault) must_check;
void thread_resume(struct thread *thread);
void thread_suspend(struct thread *thread);

/* Ends whatever the thread waits for; it is then in no queue but maybe a ready queue. */
void thread_cancel(struct thread *thread);

/* Ends a wait with an error for the thread's system call. */
void thread_wake_with(struct thread *thread, enum err err);

/* The thread's deadline passed. */
void thread_timed_out(struct thread *thread);

/* The current thread faulted: tells its fault endpoint, or stops it if there is none. */
void thread_raise_fault(struct thread *thread);

/* The slot of the current thread's CNode with this index, or NULL if there is none or it is empty. */
static inline __attribute__((always_inline)) struct slot *thread_slot(const struct thread *thread, uint64_t index)
{
	const struct cap *cspace = &thread->cspace.cap;

	if (cspace->type != OBJECT_CNODE || index == 0 || index >> cspace->size_bits)
		return NULL;
	struct slot *slot = cap_cnode(cspace) + index;

	return slot_empty(slot) ? NULL : slot;
}

/* The capability of this type with these rights: ERR_INVALID_CAP, ERR_WRONG_TYPE, ERR_NO_RIGHT. */
enum err thread_lookup(const struct thread *thread, uint64_t index, unsigned type, unsigned rights, struct slot **slot) must_check;
