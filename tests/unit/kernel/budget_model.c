/* SPDX-License-Identifier: Apache-2.0 */
#include "budget_model.h"

#include <string.h>

static uint8_t ran[MODEL_TICKS];

/* What must hold at any time. */
static const char *broken(const struct budget *budget, uint64_t now, bool debts)
{
	/* What was paid of a debt counts as if it ran already: until it ran so long, its clock is ahead. */
	if (debts)
		now += budget->amount;
	uint64_t sum = 0, end = 0;

	if (budget->count == 0 || budget->count > BUDGET_REFILLS || budget->first >= BUDGET_REFILLS)
		return "refills out of range";
	for (unsigned i = 0; i < budget->count; i++) {
		const struct refill *refill = &budget->refill[(budget->first + i) % BUDGET_REFILLS];

		if (refill->amount == 0)
			return "empty refill";
		if (refill->time < end)
			return "a refill begins before the one before it ends";
		end = refill->time + refill->amount;
		sum += refill->amount;
	}
	if (sum != budget->amount)
		return "the refills are not the budget";
	/* Without a limit the one refill is at 0 for ever. While in use, the first refill counts from where its use began. */
	if (budget->limited && budget->refill[budget->first].time > now + budget->period)
		return "the next refill is more than a period away";
	if (budget->limited && budget->count > 1 && end > now + budget->period)
		return "the last refill is complete more than a period from now";
	if (budget_left(budget) == 0 || budget_left(budget) > budget->slice || budget_left(budget) > budget->amount)
		return "wrong grant";
	if (budget->owed > BUDGET_OWED_SLICES * budget->slice)
		return "more owed than may be";
	return NULL;
}

static const char *window_broken(const struct budget *budget)
{
	uint64_t sum = 0;

	for (unsigned t = 0; t < MODEL_TICKS; t++) {
		sum += ran[t];
		if (t >= budget->period)
			sum -= ran[t - budget->period];
		if (sum > budget->amount)
			return "more than the budget in a window of one period";
	}
	return NULL;
}

/* One activation: begins, and runs in one or more pieces until the random walk or the budget ends it. */
static const char *run(struct budget *budget, uint64_t *now, uint32_t (*next)(void), bool late, bool debts)
{
	const char *wrong = NULL;

	budget_begin(budget, *now);
	do {
		uint64_t piece = budget_left(budget);

		if (late && next() % 8 == 0)
			piece += next() % (budget->amount * 2);
		else if (next() % 4)
			piece = 1 + next() % piece;
		if (*now + piece >= MODEL_TICKS)
			piece = MODEL_TICKS - *now;
		memset(&ran[*now], 1, piece);
		budget->ended = false;
		if (debts && next() % 4 == 0)
			budget_owe(budget, next() % (budget->amount * 3));
		budget_charge(budget, piece);
		*now += piece;
		wrong = broken(budget, *now, debts);
		if (budget->ended && !wrong && budget_ready_at(budget) <= *now)
			budget_begin(budget, *now);
	} while (!wrong && *now < MODEL_TICKS && budget_ready_at(budget) <= *now && next() % 4);
	return wrong;
}

const char *budget_walk(uint32_t (*next)(void), bool late)
{
	struct budget budget = { 0 };
	uint64_t now = next() % 100, period = 1 + next() % 2000, amount = 1 + next() % period;
	uint64_t slice = next() % 2 ? 1 + next() % amount : 0;
	bool debts = next() % 2;
	const char *wrong;

	memset(ran, 0, sizeof(ran));
	budget_configure(&budget, amount, period, slice, now);
	wrong = broken(&budget, now, debts);
	while (now < MODEL_TICKS && !wrong) {
		uint64_t pause = next() % 4 == 0 ? next() % period : next() % 32;

		if (budget_ready_at(&budget) <= now)
			wrong = run(&budget, &now, next, late, debts);
		else if (next() % 2)
			pause = budget_ready_at(&budget) - now; /* as soon as it may */
		if (next() % 16 == 0)
			budget_yield(&budget);
		now += pause;
	}
	return wrong || late || !budget.limited ? wrong : window_broken(&budget);
}
