/* SPDX-License-Identifier: Apache-2.0 */
/* Sporadic refills of CPU time. */
#include "budget.h"

static struct refill *first(struct budget *budget)
{
	return &budget->refill[budget->first];
}

static struct refill *at(struct budget *budget, unsigned place)
{
	return &budget->refill[(budget->first + place) % BUDGET_REFILLS];
}

static void drop_first(struct budget *budget)
{
	budget->first = (uint8_t)((budget->first + 1u) % BUDGET_REFILLS);
	budget->count--;
}

/* Ticks that come back at `time`, which is not before the last refill. */
static void append(struct budget *budget, uint64_t time, uint64_t amount)
{
	struct refill *last = at(budget, budget->count - 1u);

	if (budget->count && (time <= last->time + last->amount || budget->count == BUDGET_REFILLS)) {
		/* Used one after the other they are one refill; with a gap between, the former ones wait for the latter. */
		if (time > last->time + last->amount)
			last->time = time - last->amount;
		last->amount += amount;
		return;
	}
	*at(budget, budget->count++) = (struct refill){ .time = time, .amount = amount };
}

/* What may be used of the first refill, and of the slice. */
static void grant(struct budget *budget)
{
	uint64_t rest = first(budget)->amount - budget->spent;

	budget->granted = budget->left = rest < budget->slice ? rest : budget->slice;
}

/* What others used for it counts as its own from now on. */
static void collect(struct budget *budget)
{
	uint64_t most = BUDGET_OWED_SLICES * budget->slice;

	if (!__atomic_load_n(&budget->debt, __ATOMIC_RELAXED))
		return;
	uint64_t debt = __atomic_exchange_n(&budget->debt, 0, __ATOMIC_RELAXED);

	budget->consumed += debt;
	budget->owed = debt < most - budget->owed ? budget->owed + debt : most;
}

/* Pays with what was granted, once: as if it had run so long already. */
static __attribute__((noinline)) void settle(struct budget *budget)
{
	uint64_t most = budget->granted - (budget->granted + 7) / 8;

	collect(budget);
	if (budget->left != budget->granted)
		return;
	uint64_t paid = budget->owed < most ? budget->owed : most;

	budget->left -= paid;
	budget->owed -= paid;
}

static inline void pay(struct budget *budget)
{
	if (budget->owed || __atomic_load_n(&budget->debt, __ATOMIC_RELAXED))
		settle(budget);
}

/* A new slice, without a limit. */
static void renew(struct budget *budget)
{
	budget->left = budget->granted;
	pay(budget);
}

/* Gives back, a period later, what was used of the first refill without using it up. The rest stays. */
static void split(struct budget *budget, uint64_t used)
{
	first(budget)->time += used;
	first(budget)->amount -= used;
	append(budget, budget->since + budget->period, used);
	budget->spent = 0;
}

/* Puts a rest that is too small to the refill after it: the rest waits until they can be used in one go. */
static void join_fragment(struct budget *budget)
{
	while (budget->count > 1 && first(budget)->amount <= budget->fragment) {
		struct refill rest = *first(budget);

		drop_first(budget);
		struct refill *next = first(budget);

		next->time = next->time > rest.time + rest.amount ? next->time - rest.amount : rest.time;
		next->amount += rest.amount;
	}
}

void budget_configure(struct budget *budget, uint64_t amount, uint64_t period, uint64_t slice, uint64_t now)
{
	*budget = (struct budget){
		.amount = amount,
		.period = period,
		.slice = slice ? slice : amount,
		.since = now,
		.count = 1,
		.limited = amount < period,
		.consumed = budget->consumed,
		.debt = budget->debt,
		.lead = budget->lead,
		.fragment = amount / 16 < BUDGET_FRAGMENT ? amount / 16 : BUDGET_FRAGMENT,
	};
	budget->refill[0] = (struct refill){ .time = budget->limited ? now : 0, .amount = amount };
	grant(budget);
}

static void resume(struct budget *budget, uint64_t now)
{
	uint64_t used = budget->spent + budget->granted - budget->left;
	uint64_t end = budget->since + used;

	if (used) {
		if (now <= end)
			return; /* no break */
		if (now - end <= budget->fragment) {
			budget->since = now - used; /* a short break: as if it had been used later */
			return;
		}
		split(budget, used);
	}
	budget->since = now;
	struct refill *head = first(budget);

	head->time = now > head->time ? now : head->time;
	while (budget->count > 1 && at(budget, 1)->time <= head->time + head->amount) {
		struct refill next = *at(budget, 1);

		*at(budget, 1) = (struct refill){ .time = head->time, .amount = head->amount + next.amount };
		drop_first(budget);
		head = first(budget);
	}
	grant(budget);
}

void budget_resume(struct budget *budget, uint64_t now)
{
	resume(budget, now);
	pay(budget);
}

/* The first refill is used up, and `used` is what was used since its use began: maybe some of those that follow, too. */
static void end_refill(struct budget *budget, uint64_t used)
{
	if (used >= budget->amount) {
		/* The kernel came late by all there is. What counts for windows to come is the last of it. */
		budget->since += used - budget->amount;
		budget->first = 0;
		budget->count = 1;
		budget->refill[0] = (struct refill){ .time = budget->since + budget->period, .amount = budget->amount };
		budget->spent = 0;
		return;
	}
	while (used >= first(budget)->amount) {
		uint64_t amount = first(budget)->amount;

		drop_first(budget);
		append(budget, budget->since + budget->period, amount);
		budget->since += amount;
		used -= amount;
	}
	if (used)
		split(budget, used);
	budget->since += used;
	budget->spent = 0;
	join_fragment(budget);
}

void budget_spend(struct budget *budget, uint64_t used)
{
	uint64_t all = budget->spent + budget->granted - budget->left + used;

	budget->ended = true;
	if (!budget->limited) {
		renew(budget);
		return;
	}
	if (all + budget->fragment < first(budget)->amount)
		budget->spent = all; /* only the slice */
	else
		end_refill(budget, all);
	grant(budget);
}

void budget_yield(struct budget *budget)
{
	if (!budget->limited) {
		renew(budget);
		return;
	}
	budget->spent += budget->granted - budget->left;
	grant(budget);
}

#define TURN 1024 /* the unit of `lead` */

static int64_t turns(const struct budget *budget)
{
	uint64_t whole = budget->consumed / budget->slice, rest = budget->consumed % budget->slice;

	return (int64_t)(whole * TURN + rest * TURN / budget->slice) + budget->lead;
}

bool budget_precedes(struct budget *budget, struct budget *current)
{
	collect(budget);
	collect(current);
	int64_t lead = turns(budget) - turns(current);

	if (lead > TURN)
		budget->lead -= lead - TURN;
	else if (lead < -TURN)
		budget->lead -= lead + TURN;
	return lead < 0;
}
