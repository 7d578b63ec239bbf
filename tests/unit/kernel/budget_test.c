/* SPDX-License-Identifier: Apache-2.0 */
/* Sporadic refills: when used time comes back, what becomes of rests, and random walks against the naive model. */
#include "budget_model.h"
#include "test.h"

static struct budget budget;

/* Runs from `now` for so many ticks, without a break. */
static void run(uint64_t now, uint64_t ticks)
{
	assert_true(budget_ready_at(&budget) <= now);
	budget_begin(&budget, now);
	budget_charge(&budget, ticks);
}

static void assert_refill(unsigned place, uint64_t time, uint64_t amount)
{
	const struct refill *refill = &budget.refill[(budget.first + place) % BUDGET_REFILLS];

	assert_true(place < budget.count);
	assert_int_equal(refill->time, time);
	assert_int_equal(refill->amount, amount);
}

TEST(budget, all_of_it_comes_back_a_period_after_its_use_began)
{
	budget_configure(&budget, 1000, 4000, 0, 100);
	run(500, 1000);
	assert_true(budget.ended);
	assert_int_equal(budget.count, 1);
	assert_int_equal(budget_ready_at(&budget), 4500);
	assert_int_equal(budget_left(&budget), 1000);
}

TEST(budget, each_use_comes_back_a_period_after_itself)
{
	budget_configure(&budget, 1000, 4000, 0, 0);
	run(0, 300);
	assert_false(budget.ended);
	run(1000, 300);
	run(2000, 400);
	assert_true(budget.ended);
	assert_int_equal(budget.count, 3);
	assert_refill(0, 4000, 300);
	assert_refill(1, 5000, 300);
	assert_refill(2, 6000, 400);
	assert_int_equal(budget_left(&budget), 300);
}

TEST(budget, use_without_a_break_is_one_refill)
{
	budget_configure(&budget, 1000, 4000, 0, 0);
	run(0, 300);
	run(300, 300);
	run(600, 400);
	assert_int_equal(budget.count, 1);
	assert_refill(0, 4000, 1000);
}

TEST(budget, short_break_counts_as_later_use)
{
	budget_configure(&budget, 1000, 4000, 0, 0);
	run(0, 300);
	run(300 + budget.fragment, 700);
	assert_int_equal(budget.count, 1);
	assert_refill(0, 4000 + budget.fragment, 1000);
}

TEST(budget, rest_too_small_waits_for_the_next_refill)
{
	budget_configure(&budget, 1000, 4000, 0, 0);
	run(0, 500);
	run(1000, 500 - budget.fragment);
	assert_true(budget.ended);
	assert_int_equal(budget.count, 2);
	assert_refill(0, 4000 - budget.fragment, 500 + budget.fragment);
	assert_refill(1, 5000, 500 - budget.fragment);
}

TEST(budget, refills_that_meet_are_used_as_one)
{
	budget_configure(&budget, 1000, 4000, 0, 0);
	run(0, 500);
	run(600, 500);
	assert_int_equal(budget.count, 2);
	budget_begin(&budget, 4100); /* the second one is ready when the first is used up */
	assert_int_equal(budget.count, 1);
	assert_int_equal(budget_left(&budget), 1000);
	budget_begin(&budget, 4100);
	assert_int_equal(budget_left(&budget), 1000);
}

TEST(budget, no_place_for_another_refill_delays_the_last)
{
	budget_configure(&budget, 2000, 100000, 0, 0);
	for (unsigned i = 0; i < BUDGET_REFILLS + 2; i++)
		run(i * 1000, 110);
	/* The last use is still open, the rest is in use, and three uses are in the last refill. */
	budget_begin(&budget, 20000);
	assert_int_equal(budget.count, BUDGET_REFILLS);
	assert_refill(0, 20000, 2000 - 110 * (BUDGET_REFILLS + 2));
	assert_refill(1, 100000, 110);
	assert_refill(BUDGET_REFILLS - 1, 100000 + 9000 - 3 * 110, 4 * 110);
}

TEST(budget, without_limit_takes_slices)
{
	budget_configure(&budget, 1000, 1000, 0, 777);
	assert_int_equal(budget_ready_at(&budget), 0);
	run(800, 400);
	assert_false(budget.ended);
	assert_int_equal(budget_left(&budget), 600);
	run(5000, 5000);
	assert_true(budget.ended);
	assert_int_equal(budget_left(&budget), 1000);
	assert_int_equal(budget_ready_at(&budget), 0);
}

TEST(budget, slice_ends_before_the_refill)
{
	budget_configure(&budget, 3000, 10000, 1000, 0);
	assert_int_equal(budget_left(&budget), 1000);
	run(0, 1000);
	assert_true(budget.ended);
	assert_int_equal(budget_ready_at(&budget), 0);
	assert_int_equal(budget_left(&budget), 1000);
	run(1000, 1000);
	run(2000, 1000);
	assert_int_equal(budget.count, 1);
	assert_refill(0, 10000, 3000);
}

TEST(budget, yield_renews_the_slice_and_no_limit)
{
	budget_configure(&budget, 1000, 1000, 0, 0);
	run(0, 300);
	budget_yield(&budget);
	assert_int_equal(budget_left(&budget), 1000);
	budget_configure(&budget, 1000, 4000, 0, 0);
	run(0, 300);
	budget_yield(&budget);
	assert_int_equal(budget_left(&budget), 700);
	run(300, 700);
	assert_refill(0, 4000, 1000);
}

TEST(budget, late_charge_takes_from_what_follows)
{
	budget_configure(&budget, 1000, 4000, 0, 0);
	run(0, 500);
	run(2000, 300);
	run(3000, 200); /* refills: 500 at 4000, 300 at 6000, 200 at 7000 */
	budget_begin(&budget, 4000);
	budget_charge(&budget, 600);
	assert_int_equal(budget.count, 3);
	assert_refill(0, 6100, 200);
	assert_refill(1, 7000, 200);
	assert_refill(2, 8000, 600);
}

TEST(budget, charge_of_more_than_all_begins_anew)
{
	budget_configure(&budget, 1000, 4000, 0, 0);
	run(0, 5000);
	assert_int_equal(budget.count, 1);
	assert_refill(0, 8000, 1000);
}

TEST(budget, smallest_budget_and_longest_period_work)
{
	budget_configure(&budget, 1, UINT64_C(1) << 40, 0, 5);
	run(5, 1);
	assert_int_equal(budget_ready_at(&budget), 5 + (UINT64_C(1) << 40));
	budget_configure(&budget, 1, 1, 0, 5);
	run(5, 1);
	assert_true(budget.ended);
	assert_int_equal(budget_left(&budget), 1);
}

TEST(budget, less_of_its_share_goes_first)
{
	struct budget other = { 0 };

	budget = other;
	budget_configure(&budget, 2500, 10000, 10000, 0);
	budget_configure(&other, 30000, 30000, 0, 0);
	assert_false(budget_precedes(&budget, &other));
	budget_charge(&other, 3001);
	assert_true(budget_precedes(&budget, &other));
	budget_charge(&budget, 1001);
	assert_false(budget_precedes(&budget, &other)); /* a tenth of a turn each */
	budget_charge(&other, 30000);
	assert_true(budget_precedes(&budget, &other));
}

TEST(budget, lead_or_lag_beyond_a_turn_is_forgotten)
{
	struct budget other = { 0 };

	budget = other;
	budget_configure(&budget, 2500, 10000, 10000, 0);
	budget_configure(&other, 10000, 10000, 0, 0);
	other.consumed = UINT64_C(1) << 50;
	assert_true(budget_precedes(&budget, &other));
	budget.consumed += 9000;
	assert_true(budget_precedes(&budget, &other));
	budget.consumed += 2000;
	assert_false(budget_precedes(&budget, &other));
	budget.consumed += UINT64_C(1) << 50;
	assert_false(budget_precedes(&budget, &other));
	other.consumed += 9000;
	assert_false(budget_precedes(&budget, &other));
	other.consumed += 2000;
	assert_true(budget_precedes(&budget, &other));
}

TEST(budget, debt_shortens_the_next_slices)
{
	budget_configure(&budget, 8000, 8000, 0, 0);
	uint64_t before = budget.consumed;

	run(0, 100);
	budget_owe(&budget, 9000);
	assert_int_equal(budget_left(&budget), 7900); /* the slice that began stays */
	run(100, 7900);
	assert_true(budget.ended);
	assert_int_equal(budget.consumed, before + 17000);
	assert_int_equal(budget_left(&budget), 1000); /* at least an eighth */
	run(8000, 1000);
	assert_int_equal(budget_left(&budget), 6000);
	run(9000, 6000);
	assert_int_equal(budget_left(&budget), 8000);
	budget_owe(&budget, 500);
	budget_yield(&budget);
	assert_int_equal(budget_left(&budget), 7500);
	assert_int_equal(budget.consumed, before + 17000 + 7000 + 500);
}

TEST(budget, debt_beyond_some_slices_is_forgiven)
{
	unsigned slices = 0;

	budget_configure(&budget, 8000, 8000, 0, 0);
	uint64_t before = budget.consumed;

	budget_owe(&budget, UINT64_C(1) << 40);
	budget_owe(&budget, 1);
	for (run(0, 8000); budget_left(&budget) < 8000; slices++)
		run(10000, budget_left(&budget));
	assert_int_equal(slices, 5); /* 4 * 8000, of which a slice takes 7000 */
	assert_int_equal(budget.consumed, before + 8000 + (UINT64_C(1) << 40) + 1 + 5 * 8000 - 4 * 8000);
}

TEST(budget, debt_is_paid_from_a_limit_like_use)
{
	budget_configure(&budget, 1000, 4000, 0, 0);
	budget_owe(&budget, 300);
	budget_begin(&budget, 100);
	assert_int_equal(budget_left(&budget), 700);
	run(100, 700);
	assert_true(budget.ended);
	assert_int_equal(budget.count, 1);
	assert_refill(0, 4100, 1000);
	assert_int_equal(budget_left(&budget), 1000);
}

TEST(budget, debt_leaves_an_eighth_of_a_limit)
{
	uint64_t now = 0, used = 0;

	budget_configure(&budget, 8000, 32000, 0, 0);
	for (unsigned i = 0; i < 10; i++) {
		budget_owe(&budget, 100000);
		now = budget_ready_at(&budget) > now ? budget_ready_at(&budget) : now;
		budget_begin(&budget, now);
		uint64_t left = budget_left(&budget);

		assert_int_equal(left, 1000);
		run(now, left);
		assert_true(budget.ended);
		now += left;
		used += left;
	}
	assert_int_equal(used, 10000);
	assert_int_equal(now, 9 * 32000 + 1000);
	assert_int_equal(budget.owed, 4 * 8000 - 7000);
}

TEST(budget, debt_of_a_sleeper_comes_back_with_its_use)
{
	budget_configure(&budget, 1000, 4000, 0, 0);
	budget_owe(&budget, 400);
	run(100, 50);
	budget_begin(&budget, 2000);
	assert_int_equal(budget.count, 2);
	assert_refill(0, 2000, 550);
	assert_refill(1, 4100, 450);
	assert_int_equal(budget_left(&budget), 550);
}

TEST(budget, debt_counts_for_who_goes_first)
{
	struct budget other = { 0 };

	budget = other;
	budget_configure(&budget, 10000, 10000, 0, 0);
	budget_configure(&other, 10000, 10000, 0, 0);
	budget_charge(&budget, 1000);
	budget_charge(&other, 900);
	assert_false(budget_precedes(&budget, &other));
	budget_owe(&other, 200);
	assert_true(budget_precedes(&budget, &other));
	budget_owe(&budget, 300);
	assert_false(budget_precedes(&budget, &other));
	assert_int_equal(budget.consumed, 1300);
	assert_int_equal(other.consumed, 1100);
}

TEST(budget, smallest_slice_can_be_owed_for)
{
	budget_configure(&budget, 1, 1, 0, 5);
	budget_owe(&budget, 100);
	run(5, 1);
	assert_int_equal(budget_left(&budget), 1);
	budget_configure(&budget, 1, 10, 0, 5);
	budget_owe(&budget, 100);
	budget_begin(&budget, 5);
	assert_int_equal(budget_left(&budget), 1);
}

TEST(budget, configuring_keeps_what_was_consumed)
{
	budget_configure(&budget, 1000, 1000, 0, 0);
	uint64_t before = budget.consumed;

	run(0, 300);
	budget_configure(&budget, 500, 1000, 0, 300);
	assert_int_equal(budget.consumed, before + 300);
}

static uint64_t state;

static uint32_t next(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 32);
}

static void walks(bool late)
{
	for (uint64_t seed = 1; seed <= 2000; seed++) {
		state = seed * UINT64_C(0x9e3779b97f4a7c15);
		const char *wrong = budget_walk(next, late);

		if (wrong)
			fail_msg("seed %lu: %s", seed, wrong);
	}
}

TEST(budget, no_window_sees_more_than_the_budget)
{
	walks(false);
}

TEST(budget, nothing_is_lost_when_charges_come_late)
{
	walks(true);
}

TEST(budget, busy_context_gets_its_whole_share)
{
	uint64_t now = 0, used = 0;

	/* Interrupted every 700 ticks for 50. */
	budget_configure(&budget, 25000, 100000, 0, 0);
	while (now < 10000000) {
		if (budget_ready_at(&budget) > now) {
			now = budget_ready_at(&budget);
			continue;
		}
		uint64_t piece = budget_left(&budget) < 700 ? budget_left(&budget) : 700;

		run(now, piece);
		used += piece;
		now += piece + 50;
	}
	assert_in_range(used, 2500000 - 100000, 2500000);
}
