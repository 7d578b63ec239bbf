/* SPDX-License-Identifier: Apache-2.0 */
/* Scheduling contexts: who runs on which, and loans of them from callers to servers. */
#include <arch/arch.h>

#include "sched.h"

void sched_context_init(struct sched_context *context)
{
	budget_configure(&context->budget, SCHED_BUDGET_DEFAULT, SCHED_BUDGET_DEFAULT, 0, 0);
}

/* At least a tick, at most a day's worth: no sum of times overflows. */
#define PERIOD_MAX (UINT64_C(1) << 40)

enum err sched_context_configure(struct sched_context *context, uint64_t amount, uint64_t period, uint64_t slice)
{
	struct thread *thread = context->thread;
	uint64_t now = arch_time();

	if (amount == 0 || amount > period || period > PERIOD_MAX || slice > PERIOD_MAX)
		return ERR_RANGE;
	if (thread)
		sched_charge(thread->hart, now);
	budget_configure(&context->budget, amount, period, slice, now);
	if (!thread)
		return ERR_OK;
	thread->hart->timer_stale = true;
	if (thread->state == THREAD_READY)
		sched_ready(thread); /* it may have slept for a refill */
	return ERR_OK;
}

/* The thread stops using its context; it cannot run until it has another, which may be on another hart. */
static void detach(struct thread *thread)
{
	if (!thread->sched_context)
		return;
	sched_unready(thread);
	if (thread->state == THREAD_READY)
		sched_clear_deadline(thread); /* it slept for a refill */
	arch_thread_park(thread);
	thread->sched_context->thread = NULL;
	__atomic_store_n(&thread->sched_context, NULL, __ATOMIC_RELEASE);
}

static void attach(struct thread *thread, struct sched_context *context)
{
	thread->sched_context = context;
	context->thread = thread;
	if (thread->state == THREAD_READY)
		sched_ready(thread);
}

void sched_lend(struct thread *caller, struct thread *to)
{
	struct sched_context *context = caller->sched_context;

	if (!context || __atomic_load_n(&to->sched_context, __ATOMIC_ACQUIRE))
		return;
	caller->sched_context = NULL;
	caller->lent_to = to;
	to->lent_by = caller;
	to->hart = caller->hart;
	to->sched_context = context;
	context->thread = to;
}

void sched_reclaim(struct thread *lender)
{
	struct thread *holder = lender;

	/* A borrower without the context is itself a caller who lent it on: all those loans end, too. */
	do {
		struct thread *borrower = holder->lent_to;

		holder->lent_to = NULL;
		borrower->lent_by = NULL;
		arch_thread_park(borrower); /* who has no context may go on on any hart */
		holder = borrower;
	} while (!holder->sched_context && holder->lent_to);
	struct sched_context *context = holder->sched_context;

	detach(holder);
	lender->sched_context = context;
	if (context)
		context->thread = lender;
}

enum err sched_context_bind(struct thread *thread, struct sched_context *context)
{
	if (context && (context->owner || thread->own_context || thread->lent_by || thread->lent_to))
		return ERR_BUSY;
	if (!context) {
		if (thread->own_context)
			sched_context_destroy(thread->own_context);
		return ERR_OK;
	}
	context->owner = thread;
	thread->own_context = context;
	attach(thread, context);
	return ERR_OK;
}

/* Ends the loans by which a context came to this thread, from call to call. */
static void end_loans(struct thread *holder)
{
	while (holder->lent_by) {
		struct thread *lender = holder->lent_by;

		holder->lent_by = NULL;
		lender->lent_to = NULL;
		holder = lender;
	}
}

void sched_context_destroy(struct sched_context *context)
{
	if (context->thread) {
		end_loans(context->thread);
		detach(context->thread);
	}
	if (context->owner) {
		context->owner->own_context = NULL;
		context->owner = NULL;
	}
}

uint64_t sched_context_charge(const struct thread *thread, struct sched_context *to, uint64_t ticks)
{
	struct sched_context *from = thread->own_context;

	if (!from)
		return 0;
	sched_charge(thread->hart, arch_time());
	uint64_t left = from->budget.consumed - from->passed;

	if (ticks > left)
		ticks = left;
	from->passed += ticks;
	budget_owe(&to->budget, ticks);
	return left - ticks;
}

uint64_t sched_context_consumed(const struct sched_context *context)
{
	uint64_t passed = word_read(&context->passed);

	return word_read(&context->budget.consumed) - passed + word_read(&context->budget.debt);
}
