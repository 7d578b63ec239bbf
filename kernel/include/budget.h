/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPU time of a scheduling context: a sporadic server. The budget lies in refills, first come, first used. What is used without a
 * break comes back as one refill a period after its first tick, so no window of one period sees more than the budget used,
 * wherever it begins (Sprunt, Sha and Lehoczky 1989, with the corrections of Stanovich et al. 2010).
 *
 * A refill {time, amount} stands for ticks of which the first may be used from `time` on, the next one a tick later, and so on.
 * When there is no place for another refill, two become one whose ticks come later, never earlier.
 *
 * If budget equals period there is no limit: the context takes turns with others of its priority, a slice each.
 *
 * What somebody else used for it is a debt: a context with a limit pays it with ticks of its refills, one without by shorter slices. At least an
 * eighth of what it may use is left to it each time; what it owes beyond BUDGET_OWED_SLICES slices is forgiven.
 *
 * Nothing here reads the time or knows threads: sched.c says when a context runs and for how long. Owner: the hart of the context.
 */
#pragma once

#include "types.h"

#define BUDGET_REFILLS 8u
#define BUDGET_OWED_SLICES 4u
#define BUDGET_FRAGMENT 100u /* ticks: a rest smaller than this, or than 1/16 of the budget, is not worth an activation */

struct refill {
	uint64_t time;   /* ticks of the clock: from here on it may be used */
	uint64_t amount; /* ticks */
};

struct budget {
	uint64_t left;     /* ticks: may run so long before anything has to be decided */
	uint64_t fragment; /* ticks: a smaller rest is put to the refill that follows */
	uint64_t granted;  /* ticks: what `left` began with */
	uint64_t spent;    /* ticks of the first refill used since `since`, before the grant */
	uint64_t since;    /* clock: when the use of the first refill began */
	uint64_t amount;   /* ticks per period; always the sum of all refills */
	uint64_t period;   /* ticks */
	uint64_t slice;    /* ticks before others of the same priority get their turn */
	uint64_t consumed; /* ticks, ever */
	int64_t lead;      /* 1/1024 of turns: what `consumed` counts for more, against others of the same priority */
	uint8_t first;     /* index of the refill in use */
	uint8_t count;     /* 1 to BUDGET_REFILLS */
	bool limited;      /* amount < period */
	bool ended;        /* a slice or refill ended since this was last cleared; sched.c clears it */
	uint64_t owed;     /* ticks: consumed, but not yet paid */
	uint64_t debt;     /* ticks that were charged and are not yet in `consumed`; atomic, for all harts */
	struct refill refill[BUDGET_REFILLS];
};

/*
 * A full budget from `now` on; what was consumed stays. All in ticks; 1 <= amount <= period <= 2^40, which the caller checked. slice 0: none but the
 * refills themselves; without a limit, the period.
 */
void budget_configure(struct budget *budget, uint64_t amount, uint64_t period, uint64_t slice, uint64_t now);

/* Clock: it may run from then on; it is not running. 0 without a limit. */
static inline uint64_t budget_ready_at(const struct budget *budget)
{
	return budget->refill[budget->first].time;
}

/* Ticks that it may run from the last charge or begin on, before budget_charge has to be called. Never 0. */
static inline uint64_t budget_left(const struct budget *budget)
{
	return budget->left;
}

/* What the two functions below do when there is more to do; not inlined, so that the short way stays short. */
__attribute__((noinline)) void budget_resume(struct budget *budget, uint64_t now);
__attribute__((noinline)) void budget_spend(struct budget *budget, uint64_t used);

/* It begins to run, or goes on. now: not before budget_ready_at. */
static inline __attribute__((always_inline)) void budget_begin(struct budget *budget, uint64_t now)
{
	if (budget->limited)
		budget_resume(budget, now);
}

/* The same as budget_charge if something is left then. False: not so, and nothing has changed. */
static inline __attribute__((always_inline)) must_check bool budget_charge_part(struct budget *budget, uint64_t used)
{
	uint64_t left = budget->left;

	if (used + budget->fragment >= left)
		return false;
	budget->consumed += used;
	budget->left = left - used;
	return true;
}

/* It ran for so many ticks since the last charge or begin. Sets `ended` if it used up what it had; see budget_ready_at then. */
static inline __attribute__((always_inline)) void budget_charge(struct budget *budget, uint64_t used)
{
	if (budget_charge_part(budget, used))
		return;
	budget->consumed += used;
	budget_spend(budget, used);
}

/*
 * A refill came: may it take the hart from `current`, of the same priority, at once? Yes if it had less of its share, in turns,
 * so that a wait for its place in the queue does not cost it what it may have. A lead or lag of more than a turn is forgotten.
 */
bool budget_precedes(struct budget *budget, struct budget *current);

/* Somebody used so many ticks for it. On any hart; it counts from the next slice or refill on. */
static inline void budget_owe(struct budget *budget, uint64_t ticks)
{
	__atomic_fetch_add(&budget->debt, ticks, __ATOMIC_RELAXED);
}

/* It gives up its turn: a new slice for the next one. A limit stays as it is. */
void budget_yield(struct budget *budget);
