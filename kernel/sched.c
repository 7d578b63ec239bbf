/* SPDX-License-Identifier: Apache-2.0 */
#include "sched.h"

#include <abi/handover.h>
#include <arch/arch.h>

#include "bits.h"
#include "kernel.h"
#include "notification.h"
#include "smp.h"
#include "thread.h"

struct hart harts[HANDOVER_HARTS];

#define TIMER_FIRED 0 /* no time to come, so that the timer is set in any case */

void sched_hart_init(struct hart *hart, uint32_t index)
{
	*hart = (struct hart){ .index = index, .timer = DEADLINE_NEVER, .timer_stale = true };
}

static inline __attribute__((always_inline)) void put(struct hart *hart, struct thread *thread, bool first)
{
	unsigned priority = thread->priority;

	if (first)
		queue_prepend(&hart->ready[priority], thread);
	else
		queue_append(&hart->ready[priority], thread);
	if (priority > hart->top)
		hart->top = priority;
	hart->ready_bits[priority / 64] |= UINT64_C(1) << priority % 64;
	thread->queued = true;
}

static inline __attribute__((always_inline)) void put_last(struct hart *hart, struct thread *thread)
{
	put(hart, thread, false);
}

static void enqueue(struct thread *thread)
{
	struct hart *hart = thread->hart;
	unsigned priority = thread->priority;

	put_last(hart, thread);
	if (!hart->current || priority > hart->current->priority)
		hart->reschedule = true;
	else if (priority == hart->current->priority)
		hart->timer_stale = true;
}

/* The highest priority of which a thread is ready, or 0. */
static unsigned find_top(const struct hart *hart)
{
	for (unsigned i = PRIORITIES / 64; i-- > 0;)
		if (hart->ready_bits[i])
			return i * 64 + highest_bit(hart->ready_bits[i]);
	return 0;
}

static void dequeue(struct thread *thread)
{
	struct hart *hart = thread->hart;
	unsigned priority = thread->priority;

	queue_remove(&hart->ready[priority], thread);
	if (!hart->ready[priority].head) {
		hart->ready_bits[priority / 64] &= ~(UINT64_C(1) << priority % 64);
		if (priority == hart->top)
			hart->top = find_top(hart);
	}
	thread->queued = false;
}

void sched_set_deadline(struct thread *thread, uint64_t deadline)
{
	if (deadline == DEADLINE_NEVER)
		return;
	struct hart *hart = thread->hart;
	struct thread *before = NULL, *after = hart->deadlines;

	while (after && after->deadline <= deadline) {
		before = after;
		after = after->later;
	}
	thread->deadline = deadline;
	thread->earlier = before;
	thread->later = after;
	if (after)
		after->earlier = thread;
	if (before)
		before->later = thread;
	else
		hart->deadlines = thread;
	thread->deadline_hart = hart;
	thread->has_deadline = true;
	hart->timer_stale = true;
}

void sched_clear_deadline(struct thread *thread)
{
	struct hart *hart = thread->deadline_hart;

	if (!thread->has_deadline)
		return;
	assert(hart == arch_this_hart());
	if (thread->earlier)
		thread->earlier->later = thread->later;
	else
		hart->deadlines = thread->later;
	if (thread->later)
		thread->later->earlier = thread->earlier;
	thread->later = thread->earlier = NULL;
	__atomic_store_n(&thread->has_deadline, false, __ATOMIC_RELEASE); /* another hart may put it into its list now */
	hart->timer_stale = true;
}

void sched_charge(struct hart *hart, uint64_t now)
{
	struct sched_context *context = hart->current ? hart->current->sched_context : NULL;
	uint64_t used = now - hart->charged_at;

	hart->charged_at = now;
	if (context)
		budget_charge(&context->budget, used);
}

/* The same for a thread that was in user mode, unless its budget or slice ends. False: it does, and nothing has changed. */
static inline __attribute__((always_inline)) bool charge_part(struct hart *hart, const struct thread *current, uint64_t now)
{
	if (!budget_charge_part(&current->sched_context->budget, now - hart->charged_at))
		return false;
	hart->charged_at = now;
	return true;
}

void sched_ready(struct thread *thread)
{
	struct sched_context *context = thread->sched_context;

	assert(thread->hart == arch_this_hart());
	thread->state = THREAD_READY;
	if (!context || thread->queued || thread->hart->current == thread)
		return;
	sched_clear_deadline(thread);
	context->budget.ended = false;
	if (context->budget.limited && budget_ready_at(&context->budget) > arch_time())
		sched_set_deadline(thread, budget_ready_at(&context->budget));
	else
		enqueue(thread);
}

static void move_first(struct hart *hart, struct thread *thread)
{
	struct thread_queue *queue = &hart->ready[thread->priority];

	queue_remove(queue, thread);
	queue_prepend(queue, thread);
}

/*
 * A thread that waited, or whose refill came, goes before one of its priority that had more of its share: it takes the hart from it, or
 * its place at the head of the queue. So who computes little is quick, and who computes much gets what is left, turn by turn.
 */
static __attribute__((noinline)) void overtake(struct hart *hart, struct thread *thread)
{
	struct thread *current = hart->current, *first = hart->ready[thread->priority].head;

	if (!thread->queued)
		return;
	if (current && current->priority == thread->priority) {
		sched_charge(hart, arch_time());
		if (current->sched_context->budget.ended ||
		    !budget_precedes(&thread->sched_context->budget, &current->sched_context->budget))
			return;
		/* Its turn is not over: it is the next. */
		queue_prepend(&hart->ready[current->priority], current);
		current->queued = true;
		hart->current = NULL;
		hart->reschedule = true;
	} else if (first == thread || !budget_precedes(&thread->sched_context->budget, &first->sched_context->budget)) {
		return;
	}
	move_first(hart, thread);
}

static void push(struct hart *hart, struct thread *thread)
{
	struct thread *last = word_read(&hart->inbox);

	do
		thread->next = last;
	while (!__atomic_compare_exchange_n(&hart->inbox, &last, thread, true, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
	if (!last)
		arch_interrupt(hart);
}

/* A woken thread is at a hart: of its deadline, or its own. */
static void arrive(struct hart *hart, struct thread *thread)
{
	sched_clear_deadline(thread);
	if (thread->hart != hart) {
		push(thread->hart, thread);
		return;
	}
	if (thread->lent_to)
		sched_reclaim(thread);
	if (thread->fault == THREAD_TIMED_OUT)
		thread->fault = THREAD_NO_FAULT; /* nobody to tell any more */
	if (thread->fault == THREAD_FAULTED)
		thread->state = THREAD_STOPPED; /* nobody repaired it */
	else {
		sched_ready(thread);
		if ((hart->current && hart->current->priority == thread->priority) || hart->ready[thread->priority].head != thread)
			overtake(hart, thread);
	}
}

void sched_wake(struct thread *thread)
{
	bool has_deadline = __atomic_load_n(&thread->has_deadline, __ATOMIC_ACQUIRE);
	struct hart *hart = has_deadline ? thread->deadline_hart : thread->hart;

	if (hart == arch_this_hart())
		arrive(hart, thread);
	else
		push(hart, thread);
}

void sched_collect(struct hart *hart)
{
	struct thread *last = word_read(&hart->inbox) ? word_take(&hart->inbox) : NULL, *first = NULL;

	while (last) {
		struct thread *before = last->next;

		last->next = first;
		first = last;
		last = before;
	}
	while (first) {
		struct thread *thread = first;

		first = thread->next;
		thread->next = NULL;
		arrive(hart, thread);
	}
}

void sched_unready(struct thread *thread)
{
	struct hart *hart = thread->hart;

	if (thread->queued) {
		dequeue(thread);
	} else if (hart->current == thread) {
		sched_charge(hart, arch_time());
		hart->current = NULL;
		hart->reschedule = true;
	}
}

void sched_yield(struct hart *hart)
{
	struct thread *thread = hart->current;

	sched_unready(thread);
	if (thread->sched_context)
		budget_yield(&thread->sched_context->budget);
	sched_ready(thread);
}

static void wake_expired(struct hart *hart, uint64_t now)
{
	while (hart->deadlines && hart->deadlines->deadline <= now) {
		struct thread *thread = hart->deadlines;

		if (thread->state == THREAD_READY) {
			sched_ready(thread);
			overtake(hart, thread);
		} else if (thread->state == THREAD_WOKEN || !thread_timed_out(thread)) {
			/* Until here whoever claims it sends it to this hart's inbox. */
			sched_clear_deadline(thread);
		}
	}
}

void sched_timer(struct hart *hart)
{
	uint64_t now = arch_time();

	hart->timer = TIMER_FIRED;
	hart->timer_stale = true;
	sched_charge(hart, now);
	wake_expired(hart, now);
}

/* Puts the current thread behind its equals, or asleep, or tells that it ran out of time. */
static __attribute__((noinline)) void end_turn(struct hart *hart, struct thread *thread)
{
	if (thread_raise_timeout(thread))
		return;
	hart->current = NULL;
	hart->reschedule = true;
	sched_ready(thread);
}

static inline __attribute__((always_inline)) void set_timer(struct hart *hart, const struct thread *thread)
{
	uint64_t next = hart->deadlines ? hart->deadlines->deadline : DEADLINE_NEVER;

	hart->timer_stale = false;
	if (thread) {
		const struct budget *budget = &thread->sched_context->budget;
		uint64_t end = hart->charged_at + budget_left(budget);
		bool shared = hart->ready[thread->priority].head || budget->limited;

		if (shared && end < next)
			next = end;
	}
	if (next != hart->timer) {
		hart->timer = next;
		arch_timer_set(next);
	}
}

/* A thread in no queue, more urgent than all others, has the hart from now on. The other's turn is not over: it goes on before its equals. */
static inline __attribute__((always_inline)) void replace(struct hart *hart, struct thread *current, struct thread *by)
{
	put(hart, current, true);
	hart->current = by;
}

bool sched_preempt(struct hart *hart, struct thread *thread)
{
	struct thread *current = hart->current;
	uint64_t now = arch_time();

	if (!charge_part(hart, current, now)) {
		sched_charge(hart, now);
		return false;
	}
	if (!arch_switch_short(hart, thread))
		return false;
	thread->sched_context->budget.ended = false;
	replace(hart, current, thread);
	set_timer(hart, thread);
	return true;
}

/* Claims the thread with the earliest deadline if that is all there is to do: it waits for a notification, with unlimited time. */
static inline __attribute__((always_inline)) bool take_expired(struct hart *hart, struct thread *thread, uint64_t now)
{
	struct thread *later = thread->later;

	if ((later && later->deadline <= now) || thread->state != THREAD_WAITING || thread->hart != hart ||
	    !thread->sched_context || thread->sched_context->budget.limited || !notification_time_out(thread))
		return false;
	assert(!thread->lent_to && thread->fault == THREAD_NO_FAULT && !thread->vcpu && !thread->queued);
	thread->sched_context->budget.ended = false;
	/* As sched_clear_deadline, for the first one. */
	hart->deadlines = later;
	if (later)
		later->earlier = NULL;
	thread->later = NULL;
	__atomic_store_n(&thread->has_deadline, false, __ATOMIC_RELEASE);
	return true;
}

struct thread *sched_timer_in_thread(struct hart *hart)
{
	struct thread *current = hart->current, *first = hart->deadlines;
	uint64_t now = arch_time();
	bool expired = first && first->deadline <= now;

	/* An equal may have had less of its share: that takes longer to say. */
	if (!charge_part(hart, current, now) || (expired && (first->priority == current->priority || !take_expired(hart, first, now)))) {
		sched_timer(hart);
		return NULL;
	}
	hart->timer = TIMER_FIRED;
	if (expired && first->priority < current->priority) {
		put_last(hart, first);
	} else if (expired) {
		if (!arch_switch_short(hart, first)) {
			enqueue(first);
			return NULL;
		}
		replace(hart, current, first);
		current = first;
	}
	set_timer(hart, current);
	return current;
}

/* As `replace`, for a thread that may have come to the end of its turn with the last charge. */
static void put_back(struct hart *hart, struct thread *thread)
{
	bool ended = thread->sched_context->budget.ended;

	sched_ready(thread);
	if (!ended && thread->queued)
		move_first(hart, thread);
}

struct thread *sched_leave(struct hart *hart)
{
	if (hart->current && hart->current->sched_context->budget.ended)
		end_turn(hart, hart->current);
	if (hart->reschedule) {
		struct thread *next = hart->ready[hart->top].head;

		hart->reschedule = false;
		if (next && (!hart->current || next->priority > hart->current->priority)) {
			struct thread *previous = hart->current;

			sched_unready(next);
			sched_charge(hart, arch_time());
			hart->current = NULL;
			if (previous)
				put_back(hart, previous);
			hart->reschedule = false;
			hart->current = next;
			budget_begin(&next->sched_context->budget, hart->charged_at);
		}
		arch_switch(hart, hart->current);
		hart->timer_stale = true;
	}
	if (hart->timer_stale)
		set_timer(hart, hart->current);
	return hart->current;
}

void sched_set_priority(struct thread *thread, uint8_t priority)
{
	bool queued = thread->queued;

	if (queued)
		dequeue(thread);
	thread->priority = priority;
	if (queued)
		enqueue(thread);
	thread->hart->reschedule = true;
}

struct move {
	struct thread *thread;
	struct hart *to;
	uint64_t deadline;
};

static void leave_hart(void *argument)
{
	struct move *move = argument;
	struct thread *thread = move->thread;

	sched_unready(thread);
	arch_thread_park(thread);
	move->deadline = thread->has_deadline ? thread->deadline : DEADLINE_NEVER;
	sched_clear_deadline(thread);
	thread->hart = move->to;
}

static void enter_hart(void *argument)
{
	const struct move *move = argument;

	if (move->thread->state == THREAD_READY)
		sched_ready(move->thread);
	else
		sched_set_deadline(move->thread, move->deadline);
}

void sched_move(struct thread *thread, struct hart *to)
{
	struct move move = { .thread = thread, .to = to };

	smp_on(thread->hart, leave_hart, &move);
	smp_on(to, enter_hart, &move);
}
