/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold between any two system calls, looked up from the outside: no knowledge of how the kernel gets there. */
#include "fixture.h"

#include <smp.h>

#define THREADS_MAX 1024u
#define LIST_MAX 100000u

static struct thread *threads[THREADS_MAX];
static unsigned thread_count;

#define REQUIRE(condition)             \
	do {                           \
		if (!(condition))      \
			return #condition; \
	} while (0)

static bool known(const struct thread *thread)
{
	for (unsigned i = 0; i < thread_count; i++)
		if (threads[i] == thread)
			return true;
	return false;
}

static unsigned occurrences(const struct thread_queue *queue, const struct thread *thread)
{
	unsigned found = 0, steps = 0;

	for (const struct thread *at = queue->head; at && steps < LIST_MAX; at = at->next, steps++)
		found += at == thread;
	return found;
}

static const char *check_queue(const struct thread_queue *queue)
{
	const struct thread *before = NULL;

	for (const struct thread *at = queue->head; at; before = at, at = at->next) {
		REQUIRE(known(at));
		REQUIRE(at->prev == before);
	}
	REQUIRE(queue->tail == before);
	return NULL;
}

static const char *check_waiting(const struct thread *thread)
{
	REQUIRE((thread->state == THREAD_SENDING || thread->state == THREAD_RECEIVING) == (thread->endpoint != NULL));
	REQUIRE((thread->state == THREAD_WAITING) == (thread->waits_for != NULL));
	if (thread->endpoint) {
		REQUIRE(occurrences(&thread->endpoint->queue, thread) == 1);
		REQUIRE(thread->endpoint->queue.head->state == thread->state);
	}
	if (thread->waits_for)
		REQUIRE(occurrences(&thread->waits_for->waiters, thread) == 1);
	if (thread->state == THREAD_AWAITS_REPLY)
		REQUIRE(thread->reply && thread->reply->caller == thread);
	else if (thread->state == THREAD_RECEIVING)
		REQUIRE(!thread->reply || thread->reply->receiver == thread);
	else
		REQUIRE(!thread->reply);
	if (thread->vcpu)
		REQUIRE((thread->state == THREAD_READY || thread->state == THREAD_GUEST_IDLE || thread->fault == THREAD_TIMED_OUT) &&
			thread->vcpu->thread == thread);
	else
		REQUIRE(thread->state != THREAD_GUEST_IDLE);
	return NULL;
}

static const char *check_running(const struct thread *thread)
{
	const struct hart *hart = thread->hart;
	bool current = hart->current == thread, ready = thread->state == THREAD_READY;

	REQUIRE(occurrences(&hart->ready[thread->priority], thread) == thread->queued);
	REQUIRE(!(current && thread->queued));
	if (thread->queued || current)
		REQUIRE(ready && thread->sched_context && !thread->has_deadline);
	if (ready && thread->sched_context)
		REQUIRE(thread->queued || current || thread->has_deadline);
	if (thread->has_deadline && ready)
		REQUIRE(thread->sched_context);
	if (thread->state == THREAD_STOPPED || thread->state == THREAD_SENDING || thread->state == THREAD_AWAITS_REPLY)
		REQUIRE(!thread->has_deadline);
	return NULL;
}

static const char *check_contexts(const struct thread *thread)
{
	if (thread->sched_context) {
		REQUIRE(thread->sched_context->thread == thread);
		REQUIRE(thread->sched_context->owner && known(thread->sched_context->owner));
	}
	if (thread->own_context)
		REQUIRE(thread->own_context->owner == thread);
	if (thread->lent_by) {
		REQUIRE(thread->lent_by->lent_to == thread);
		REQUIRE(!thread->own_context);
		REQUIRE(thread->lent_by->hart == thread->hart);
		/* Until the answer has arrived. */
		REQUIRE(thread->lent_by->state == THREAD_AWAITS_REPLY || thread->lent_by->state == THREAD_WOKEN);
		REQUIRE(!thread->lent_by->sched_context);
		/* It has what it was lent, or has lent it on itself. */
		REQUIRE(thread->sched_context || (thread->state == THREAD_AWAITS_REPLY && thread->lent_to));
	}
	REQUIRE(!thread->lent_to || thread->lent_to->lent_by == thread);
	if (thread->bound)
		REQUIRE(thread->bound->bound == thread);
	return NULL;
}

static const char *check_thread(const struct thread *thread)
{
	const char *broken = check_waiting(thread);

	if (!broken)
		broken = check_running(thread);
	return broken ? broken : check_contexts(thread);
}

static const char *check_context(const struct sched_context *context)
{
	REQUIRE(!context->thread || (known(context->thread) && context->thread->sched_context == context));
	REQUIRE(!context->owner || (known(context->owner) && context->owner->own_context == context));
	REQUIRE(context->owner || !context->thread);
	REQUIRE(!context->thread || context->thread == context->owner || context->thread->lent_by);
	uint64_t sum = 0;

	for (unsigned i = 0; i < context->budget.count; i++)
		sum += context->budget.refill[(context->budget.first + i) % BUDGET_REFILLS].amount;
	REQUIRE(sum == context->budget.amount && context->budget.amount <= context->budget.period);
	REQUIRE(context->budget.left != 0 && context->budget.left <= context->budget.amount);
	return NULL;
}

static const char *check_reply(const struct reply *reply)
{
	REQUIRE(!reply->caller || (known(reply->caller) && reply->caller->reply == reply));
	REQUIRE(!reply->receiver || (known(reply->receiver) && reply->receiver->reply == reply));
	REQUIRE(!reply->caller || !reply->receiver);
	return NULL;
}

static const char *check_object(const struct cap *cap)
{
	if (cap->type == OBJECT_THREAD)
		return check_thread(cap_thread(cap));
	if (cap->type == OBJECT_SCHED_CONTEXT)
		return check_context(cap_sched_context(cap));
	if (cap->type == OBJECT_REPLY)
		return check_reply(cap_reply(cap));
	if (cap->type == OBJECT_ENDPOINT)
		return check_queue(&cap_endpoint(cap)->queue);
	if (cap->type == OBJECT_NOTIFICATION) {
		const struct notification *notification = cap_notification(cap);

		REQUIRE(!notification->bound || (known(notification->bound) && notification->bound->bound == notification));
		REQUIRE(!notification->waiters.head || !notification->bits);
		return check_queue(&notification->waiters);
	}
	if (cap->type == OBJECT_VCPU) {
		const struct vcpu *vcpu = cap_vcpu(cap);

		REQUIRE(!vcpu->thread || (known(vcpu->thread) && vcpu->thread->vcpu == vcpu));
	}
	return NULL;
}

static const char *check_hart(const struct hart *hart)
{
	uint64_t earliest = 0;
	const struct thread *before = NULL;

	REQUIRE(!hart->current || known(hart->current));
	for (unsigned i = 0; i < PRIORITIES; i++) {
		const char *broken = check_queue(&hart->ready[i]);

		if (broken)
			return broken;
		REQUIRE((hart->ready[i].head != NULL) == ((hart->ready_bits[i / 64] >> i % 64 & 1) != 0));
		for (const struct thread *at = hart->ready[i].head; at; at = at->next)
			REQUIRE(at->queued && at->priority == i);
	}
	for (const struct thread *at = hart->deadlines; at; before = at, at = at->later) {
		REQUIRE(known(at) && at->has_deadline && at->earlier == before && at->deadline >= earliest);
		earliest = at->deadline;
	}
	for (unsigned i = 0; i < thread_count; i++) {
		unsigned found = 0;

		for (const struct thread *at = hart->deadlines; at; at = at->later)
			found += at == threads[i];
		REQUIRE(found == (threads[i]->has_deadline && threads[i]->deadline_hart == hart));
	}
	return NULL;
}

/* Some slot that is in the list, to go round from; the sentinel is the only one without a type. */
static struct slot *anchor(void)
{
	for (cptr_t i = 1; i < 1u << ROOT_CNODE_BITS; i++)
		if (!slot_empty(slot_at(i)))
			return slot_at(i);
	return NULL;
}

const char *invariants_broken(void)
{
	struct slot *first = anchor(), *slot = first;

	thread_count = 0;
	if (!first)
		return NULL;
	REQUIRE(cap_check() == 0);
	do {
		if (slot->cap.type == OBJECT_THREAD && !known(cap_thread(&slot->cap)) && thread_count < THREADS_MAX)
			threads[thread_count++] = cap_thread(&slot->cap);
		slot = slot->next;
	} while (slot != first);
	do {
		const char *broken = slot_empty(slot) ? NULL : check_object(&slot->cap);

		if (broken)
			return broken;
		slot = slot->next;
	} while (slot != first);
	for (unsigned i = 0; i < HANDOVER_HARTS; i++) {
		const char *broken = smp_online >> i & 1 ? check_hart(&harts[i]) : NULL;

		if (broken)
			return broken;
	}
	return NULL;
}
