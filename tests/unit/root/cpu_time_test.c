/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "cpu_time.h"

#define HZ UINT64_C(10000000)

static void assert_time(struct cpu_time time, uint64_t budget, uint64_t period, uint64_t slice)
{
	assert_int_equal(time.budget, budget);
	assert_int_equal(time.period, period);
	assert_int_equal(time.slice, slice);
}

TEST(cpu_time, server_takes_turns_of_10_ms)
{
	assert_time(cpu_time_server(HZ), 100000, 100000, 100000);
}

TEST(cpu_time, share_is_the_length_of_a_turn)
{
	struct system_guest guest = { .cpu_share = 100, .cpu_period = 10 };

	assert_time(cpu_time_guest(&guest, 1, HZ), 100000, 100000, 100000);
	guest.cpu_share = 300;
	assert_time(cpu_time_guest(&guest, 1, HZ), 300000, 300000, 300000);
	assert_time(cpu_time_guest(&guest, 4, HZ), 75000, 75000, 75000);
}

TEST(cpu_time, cap_is_for_all_vcpus_together)
{
	struct system_guest guest = { .cpu_share = 100, .cpu_cap = 25, .cpu_period = 20 };

	assert_time(cpu_time_guest(&guest, 1, HZ), 50000, 200000, 100000);
	assert_time(cpu_time_guest(&guest, 2, HZ), 25000, 200000, 50000);
	guest.cpu_cap = 200;
	assert_time(cpu_time_guest(&guest, 4, HZ), 100000, 200000, 25000);
}

TEST(cpu_time, cap_of_whole_harts_is_none)
{
	struct system_guest guest = { .cpu_share = 100, .cpu_cap = 200, .cpu_period = 10 };

	assert_time(cpu_time_guest(&guest, 2, HZ), 50000, 50000, 50000);
	assert_time(cpu_time_guest(&guest, 1, HZ), 100000, 100000, 100000);
}

TEST(cpu_time, slow_clock_leaves_at_least_a_tick)
{
	struct system_guest guest = { .cpu_share = 10, .cpu_cap = 8, .cpu_period = 1 };

	assert_time(cpu_time_guest(&guest, 8, 1000), 1, 1, 1);
	assert_time(cpu_time_guest(&guest, 8, 32768), 1, 32, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(cpu_time, server_takes_turns_of_10_ms),
		RUN(cpu_time, share_is_the_length_of_a_turn),
		RUN(cpu_time, cap_is_for_all_vcpus_together),
		RUN(cpu_time, cap_of_whole_harts_is_none),
		RUN(cpu_time, slow_clock_leaves_at_least_a_tick),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
