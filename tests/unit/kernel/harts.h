/* SPDX-License-Identifier: Apache-2.0 */
/* Threads of other harts, for tests. */
#pragma once

#include "parties.h"

#include <lock.h>
#include <smp.h>

#define HARTS 3u

/* A thread of another hart, made by the root task. It is ready there, or in that hart's inbox. */
static inline struct made_thread make_on(unsigned hart, uint8_t priority)
{
	struct made_thread made = make_thread(priority);

	assert_ok(invoke(made.cap, OP_THREAD_SET_AFFINITY, ROOT_SLOT_SCHED_CONTROL, hart, 0, 0, 0));
	assert_ptr_equal(made.thread->hart, &harts[hart]);
	return made;
}

/* Goes on as this hart, which takes in what others sent and picks a thread. */
static inline struct thread *step_on(unsigned hart)
{
	host_become(hart);
	return host_leave_kernel();
}

static inline struct thread *resume_on(unsigned hart, const struct made_thread *made)
{
	host_become(0);
	assert_ok(invoke(made->cap, OP_THREAD_RESUME, 0, 0, 0, 0, 0));
	assert_ptr_equal(step_on(hart), made->thread);
	return made->thread;
}

static inline struct thread *run_on(unsigned hart, uint8_t priority)
{
	struct made_thread made = make_on(hart, priority);

	return resume_on(hart, &made);
}
