/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <libsys/account.h>

#define ENOUGH 100u
#define CALLS_MAX 16u

static struct { unsigned guest, vcpu; uint64_t ticks; } call[CALLS_MAX];
static unsigned calls;
static uint64_t left;

static uint64_t charge(unsigned guest, unsigned vcpu, uint64_t ticks)
{
	assert_true(calls < CALLS_MAX);
	call[calls].guest = guest;
	call[calls].vcpu = vcpu;
	call[calls++].ticks = ticks;
	return left;
}

static void assert_call(unsigned number, unsigned guest, unsigned vcpu, uint64_t ticks)
{
	assert_true(number < calls);
	assert_int_equal(call[number].guest, guest);
	assert_int_equal(call[number].vcpu, vcpu);
	assert_int_equal(call[number].ticks, ticks);
}

static int begin(void **state)
{
	(void)state;
	calls = 0;
	left = 0;
	account_init(charge, ENOUGH);
	for (unsigned i = 0; i < ATTACH_MAX; i++)
		account_open(i, 1);
	return 0;
}

/* A turn from `from` to `to` that is all for one guest. */
static void turn(unsigned guest, uint64_t from, uint64_t to)
{
	account_begin(from);
	account_for(guest, from);
	account_end(to);
}

TEST(account, gathers_until_it_is_enough)
{
	turn(2, 1000, 1060);
	turn(2, 2000, 2039);
	assert_int_equal(calls, 0);
	turn(2, 3000, 3001);
	assert_int_equal(calls, 1);
	assert_call(0, 2, 0, 100);
	turn(2, 4000, 4099);
	assert_int_equal(calls, 1);
}

TEST(account, divides_a_turn_among_those_it_is_for)
{
	account_begin(1000);
	account_for(1, 1100); /* what came before is the first one's */
	account_for(1, 1200);
	account_for(3, 1500);
	account_for(1, 1700);
	account_end(2000);
	assert_int_equal(calls, 3);
	assert_call(0, 1, 0, 500);
	assert_call(1, 3, 0, 200);
	assert_call(2, 1, 0, 300);
}

TEST(account, what_is_for_nobody_is_not_charged)
{
	account_begin(1000);
	account_skip(5000);
	account_for(1, 5000);
	account_end(5100);
	account_begin(6000);
	account_skip(9000);
	account_end(9500);
	account_begin(10000);
	account_end(20000);
	turn(1, 20000, 20100);
	assert_int_equal(calls, 2);
	assert_call(0, 1, 0, 100);
	assert_call(1, 1, 0, 100);
}

TEST(account, time_beside_turns_is_divided_as_these_are)
{
	left = 5000; /* of the server's start, or so */
	turn(1, 0, 100);
	left = 5040;
	turn(1, 1000, 1100);
	turn(1, 2000, 2059);
	assert_int_equal(calls, 2);
	left = 5000;
	turn(1, 3000, 3001);
	assert_int_equal(calls, 3);
	assert_call(2, 1, 0, 100); /* with the 40 that nobody knew of */
	account_begin(4000);
	account_end(4300);
	left = 5000 + 300 + 80;
	turn(1, 5000, 5100);
	assert_call(3, 1, 0, 100);
	turn(1, 6000, 6090);
	assert_call(4, 1, 0, 110); /* a quarter of 80 */
	assert_int_equal(calls, 5);
}

TEST(account, what_could_not_be_passed_on_is_no_ones)
{
	left = ACCOUNT_UNKNOWN;
	turn(1, 0, 100);
	left = 7000;
	turn(1, 1000, 1100);
	turn(1, 2000, 2100);
	for (unsigned i = 0; i < 3; i++)
		assert_call(i, 1, 0, 100);
}

TEST(account, vcpus_pay_in_turn)
{
	account_open(4, 3);
	for (unsigned i = 0; i < 7; i++)
		turn(4, i * 1000, i * 1000 + 200 + i);
	assert_int_equal(calls, 7);
	for (unsigned i = 0; i < 7; i++)
		assert_call(i, 4, i % 3, 200 + i);
}

TEST(account, who_comes_anew_owes_nothing)
{
	turn(2, 0, 99);
	account_open(2, 0);
	turn(2, 1000, 2000);
	assert_int_equal(calls, 0);
	account_open(2, 2);
	turn(2, 3000, 3099);
	assert_int_equal(calls, 0);
	turn(2, 4000, 4001);
	assert_call(0, 2, 0, 100);
}

TEST(account, without_a_way_to_charge_nothing_happens)
{
	account_init(NULL, ENOUGH);
	turn(2, 0, 1000);
	account_begin(0);
	account_for(ATTACH_MAX, 0);
	account_end(1000);
	assert_int_equal(calls, 0);
}

int main(void)
{
#define RUN_NEW(what) { "account " #what, account_##what, begin, NULL, NULL }
	const struct CMUnitTest tests[] = {
		RUN_NEW(gathers_until_it_is_enough), RUN_NEW(divides_a_turn_among_those_it_is_for),
		RUN_NEW(what_is_for_nobody_is_not_charged), RUN_NEW(time_beside_turns_is_divided_as_these_are),
		RUN_NEW(what_could_not_be_passed_on_is_no_ones), RUN_NEW(vcpus_pay_in_turn), RUN_NEW(who_comes_anew_owes_nothing),
		RUN_NEW(without_a_way_to_charge_nothing_happens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
