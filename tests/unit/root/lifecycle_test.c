/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "lifecycle.h"

#define HZ 10000000u

TEST(lifecycle, runs_only_after_a_start)
{
	struct lifecycle life = { 0 };

	assert_false(lifecycle_alive(&life));
	assert_false(lifecycle_running(&life));
	lifecycle_started(&life, 5);
	assert_int_equal(life.state, GUEST_STARTING);
	assert_int_equal(life.started_at, 5);
	assert_true(lifecycle_alive(&life));
	assert_true(lifecycle_running(&life));
	assert_int_equal(life.state, GUEST_RUNNING);
	assert_false(lifecycle_running(&life));
	lifecycle_off(&life);
	assert_int_equal(life.state, GUEST_OFF);
	assert_int_equal(life.starts, 1);
}

TEST(lifecycle, does_not_restart_unless_told_so)
{
	struct lifecycle life = { 0 };

	lifecycle_started(&life, 0);
	assert_false(lifecycle_crashed(&life, 1, HZ));
	assert_int_equal(life.state, GUEST_CRASHED);
}

TEST(lifecycle, restarts_three_times_in_a_minute)
{
	struct lifecycle life = { .restart_on_crash = true };

	for (unsigned i = 0; i < 3; i++)
		assert_true(lifecycle_crashed(&life, HZ * i, HZ));
	assert_false(lifecycle_crashed(&life, HZ * 4ull, HZ));
	assert_false(lifecycle_crashed(&life, HZ * 60ull - 1, HZ));
	assert_true(lifecycle_crashed(&life, HZ * 60ull, HZ));   /* the first is a minute ago */
	assert_false(lifecycle_crashed(&life, HZ * 60ull + 1, HZ));
	assert_true(lifecycle_crashed(&life, HZ * 61ull, HZ));
}

TEST(lifecycle, allows_so_many_restarts_in_any_span)
{
	struct restarts restarts = { 0 };
	uint64_t at[200], now = 0;
	unsigned allowed = 0;

	for (unsigned i = 0; i < 2000 && allowed < 200; i++, now += HZ / 10)
		if (restarts_allow(&restarts, RESTARTS_MAX, 8, now, HZ))
			at[allowed++] = now;
	assert_int_equal(allowed, 200);
	for (unsigned i = RESTARTS_MAX; i < allowed; i++)
		assert_true(at[i] - at[i - RESTARTS_MAX] >= 8 * HZ);
	assert_int_equal(at[RESTARTS_MAX], 8 * HZ); /* and not later than need be */
}

TEST(lifecycle, ends_the_machine_when_nothing_runs)
{
	struct lifecycle a = { 0 }, b = { 0 };
	const struct lifecycle *const lives[] = { &a, &b };

	assert_int_equal(lifecycle_verdict(lives, 2), VERDICT_GO_ON); /* none was ever started */
	lifecycle_started(&a, 0);
	assert_int_equal(lifecycle_verdict(lives, 2), VERDICT_GO_ON);
	lifecycle_off(&a);
	assert_int_equal(lifecycle_verdict(lives, 2), VERDICT_DONE);
	lifecycle_started(&b, 0);
	(void)lifecycle_crashed(&b, 0, HZ);
	assert_int_equal(lifecycle_verdict(lives, 2), VERDICT_FAILED);
	lifecycle_started(&a, 0);
	assert_int_equal(lifecycle_verdict(lives, 2), VERDICT_GO_ON); /* the other goes on */
	lifecycle_off(&a);
	assert_int_equal(lifecycle_verdict(lives, 2), VERDICT_FAILED);
	lifecycle_started(&b, 0);
	lifecycle_off(&b);
	assert_int_equal(lifecycle_verdict(lives, 2), VERDICT_DONE); /* started again and off in order */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(lifecycle, runs_only_after_a_start),
		RUN(lifecycle, does_not_restart_unless_told_so),
		RUN(lifecycle, restarts_three_times_in_a_minute),
		RUN(lifecycle, allows_so_many_restarts_in_any_span),
		RUN(lifecycle, ends_the_machine_when_nothing_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
