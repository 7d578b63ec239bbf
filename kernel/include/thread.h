/* SPDX-License-Identifier: Apache-2.0 */
/* Threads: life, faults, and what ends a wait. */
#pragma once

#include "objects.h"

/*
 * All but thread_init and what is for the current thread: on the thread's hart, while all others stand still. On any hart
 * under the capability lock if the thread is stopped and arch_thread_hart has none for it.
 */

void thread_init(struct thread *thread);
void thread_destroy(struct thread *thread);

enum err thread_configure(struct thread *thread, struct slot *cspace, struct slot *vspace, struct slot *fault) must_check;
enum err thread_set_timeout_endpoint(struct thread *thread, struct slot *endpoint) must_check; /* NULL: none */
void thread_resume(struct thread *thread);
void thread_suspend(struct thread *thread);

/* Ends a wait with an error for the thread's system call. On any hart, while all others stand still. */
void thread_wake_with(struct thread *thread, enum err err);

/* The thread's deadline passed: on its hart. False: somebody else woke it meanwhile. */
bool thread_timed_out(struct thread *thread);

/* The current thread faulted: tells its fault endpoint, or stops it if there is none. */
void thread_raise_fault(struct thread *thread);

/*
 * The current thread used up what its context has for now: tells its timeout endpoint, whoever's the context is. False: it has
 * none, or there is another refill already.
 */
bool thread_raise_timeout(struct thread *thread);

/* The slot of the current thread's CNode with this index, or NULL. It may be empty. */
static inline __attribute__((always_inline)) struct slot *thread_slot(const struct thread *thread, uint64_t index)
{
	/* Of an emptied slot the number of slots is 0. The first slot of a CNode reads as empty. */
	if (index >= word_read(&thread->cspace.cap.word))
		return NULL;
	return cap_cnode(&thread->cspace.cap) + index;
}

/* A capability of this type with these rights, as it is now: ERR_INVALID_CAP, ERR_WRONG_TYPE, ERR_NO_RIGHT. */
enum err thread_capability(const struct thread *thread, uint64_t index, unsigned type, unsigned rights, struct cap *cap) must_check;

/* Its slot, under the capability lock: ERR_INVALID_CAP, ERR_WRONG_TYPE, ERR_NO_RIGHT. */
enum err thread_lookup(const struct thread *thread, uint64_t index, unsigned type, unsigned rights, struct slot **slot) must_check;
