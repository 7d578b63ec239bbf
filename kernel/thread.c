/* SPDX-License-Identifier: Apache-2.0 */
#include "thread.h"

#include <arch/arch.h>

#include "endpoint.h"
#include "kernel.h"
#include "notification.h"
#include "sched.h"
#include "vcpu.h"

void thread_init(struct thread *thread)
{
	thread->state = THREAD_STOPPED;
	thread->hart = &harts[0];
	arch_thread_init(thread);
}

enum err thread_capability(const struct thread *thread, uint64_t index, unsigned type, unsigned rights, struct cap *cap)
{
	const struct slot *slot = thread_slot(thread, index);

	*cap = slot ? cap_read(slot) : (struct cap){ 0 };
	if (cap->type == OBJECT_NULL)
		return ERR_INVALID_CAP;
	if (cap->type != type)
		return ERR_WRONG_TYPE;
	return (cap->rights & rights) == rights ? ERR_OK : ERR_NO_RIGHT;
}

enum err thread_lookup(const struct thread *thread, uint64_t index, unsigned type, unsigned rights, struct slot **slot)
{
	struct slot *found = thread_slot(thread, index);

	if (!found || slot_empty(found))
		return ERR_INVALID_CAP;
	if (found->cap.type != type)
		return ERR_WRONG_TYPE;
	if ((found->cap.rights & rights) != rights)
		return ERR_NO_RIGHT;
	*slot = found;
	return ERR_OK;
}

static void replace_copy(struct slot *source, struct slot *copy)
{
	cap_drop_copy(copy);
	if (source)
		cap_insert_child(source, copy, source->cap);
}

enum err thread_configure(struct thread *thread, struct slot *cspace, struct slot *vspace, struct slot *fault)
{
	if (thread->state != THREAD_STOPPED)
		return ERR_BUSY;
	if (cspace->cap.level == CAP_LEVEL_MAX || vspace->cap.level == CAP_LEVEL_MAX ||
	    (fault && fault->cap.level == CAP_LEVEL_MAX))
		return ERR_LIMIT;
	replace_copy(cspace, &thread->cspace);
	replace_copy(vspace, &thread->vspace);
	replace_copy(fault, &thread->fault_endpoint);
	return ERR_OK;
}

enum err thread_set_timeout_endpoint(struct thread *thread, struct slot *endpoint)
{
	if (thread->state != THREAD_STOPPED)
		return ERR_BUSY;
	if (endpoint && endpoint->cap.level == CAP_LEVEL_MAX)
		return ERR_LIMIT;
	replace_copy(endpoint, &thread->timeout_endpoint);
	return ERR_OK;
}

void thread_resume(struct thread *thread)
{
	if (thread->state == THREAD_STOPPED && !slot_empty(&thread->vspace)) {
		thread->fault = THREAD_NO_FAULT;
		thread->state = THREAD_WOKEN;
		sched_wake(thread);
	}
}

/* Claims a thread that waits; it is in no queue then. False: somebody else did. */
static bool end_wait(struct thread *thread)
{
	switch ((enum thread_state)thread->state) {
	case THREAD_SENDING:
	case THREAD_RECEIVING:
		return endpoint_cancel(thread);
	case THREAD_AWAITS_REPLY:
		reply_cancel(thread->reply);
		return true;
	case THREAD_WAITING:
		return notification_cancel(thread);
	case THREAD_GUEST_IDLE:
		return word_swap(&thread->state, THREAD_GUEST_IDLE, THREAD_WOKEN);
	case THREAD_STOPPED:
	case THREAD_READY:
	case THREAD_WOKEN:
		break;
	}
	return false;
}

void thread_suspend(struct thread *thread)
{
	bool waits = thread->state != THREAD_READY && thread->state != THREAD_STOPPED && thread->fault == THREAD_NO_FAULT;

	if (thread->vcpu || waits)
		arch_thread_words(thread)[0] = ERR_DELETED;
	if (thread->vcpu)
		vcpu_leave(thread);
	(void)end_wait(thread);
	sched_clear_deadline(thread);
	sched_unready(thread);
	if (thread->lent_to)
		sched_reclaim(thread);
	thread->state = THREAD_STOPPED;
}

void thread_wake_with(struct thread *thread, enum err err)
{
	/* In a fault its registers are none of a system call, unless it ran out of time in its guest. */
	if (thread->vcpu || thread->fault == THREAD_NO_FAULT)
		arch_thread_words(thread)[0] = (uint64_t)err;
	if (thread->vcpu)
		vcpu_leave(thread);
	if (end_wait(thread))
		sched_wake(thread);
}

bool thread_timed_out(struct thread *thread)
{
	bool in_guest = thread->state == THREAD_GUEST_IDLE; /* where it goes on, because its timer is due */

	if (!end_wait(thread))
		return false;
	if (!in_guest)
		arch_thread_words(thread)[0] = ERR_TIMED_OUT;
	sched_wake(thread);
	return true;
}

void thread_raise_fault(struct thread *thread)
{
	const struct cap *cap = &thread->fault_endpoint.cap;

	thread->fault = THREAD_FAULTED;
	arch_thread_slow(thread);
	sched_unready(thread);
	if (cap->type != OBJECT_ENDPOINT || !(cap->rights & RIGHT_WRITE)) {
		uint64_t words[MESSAGE_WORDS];

		thread->state = THREAD_STOPPED;
		arch_thread_fault_words(thread, words);
		kprintf("serai: a task without supervisor faulted: cause %lu, pc %lx, address %lx\r\n", words[FAULT_CAUSE],
			words[FAULT_PC], words[FAULT_ADDRESS]);
		return;
	}
	endpoint_send_fault(cap_endpoint(cap), cap->word, thread);
}

bool thread_raise_timeout(struct thread *thread)
{
	const struct cap cap = cap_read(&thread->timeout_endpoint);

	if (cap.type != OBJECT_ENDPOINT || !(cap.rights & RIGHT_WRITE))
		return false;
	const struct budget *budget = &thread->sched_context->budget;

	if (!budget->limited || budget_ready_at(budget) <= arch_time())
		return false;
	thread->fault = THREAD_TIMED_OUT;
	arch_thread_slow(thread);
	endpoint_send_fault(cap_endpoint(&cap), cap.word, thread);
	return true;
}

void thread_destroy(struct thread *thread)
{
	thread_suspend(thread);
	if (thread->lent_by)
		sched_reclaim(thread->lent_by);
	if (thread->own_context)
		sched_context_destroy(thread->own_context);
	if (thread->bound)
		thread->bound->bound = NULL;
	cap_drop_copy(&thread->cspace);
	cap_drop_copy(&thread->vspace);
	cap_drop_copy(&thread->fault_endpoint);
	cap_drop_copy(&thread->timeout_endpoint);
	arch_thread_forget(thread);
}
