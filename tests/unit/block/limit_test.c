/* SPDX-License-Identifier: Apache-2.0 */
/* Rate limits and turns, alone and in the whole server. */
#include "test.h"

#include <libsys/limit.h>
#include <libsys/schedule.h>
#include <stdlib.h>

#include "fake.h"

/* Lets through as much as there is, in units of `each`, for some seconds; tests at random times. Returns the units. */
static uint64_t pour(struct limit *limit, uint64_t each, unsigned seconds, uint64_t hz)
{
	uint64_t start = limit->time, now = start, taken = 0;

	while (now - start < seconds * hz) {
		if (!limit_open(limit, now)) {
			uint64_t deadline = limit_deadline(limit);

			assert_true(deadline > now);
			/* Shut until just before the deadline, open at it. */
			assert_false(limit_open(limit, deadline - 1));
			now = deadline;
			if (now - start >= seconds * hz)
				break;
			assert_true(limit_open(limit, now));
		}
		limit_take(limit, each);
		taken += each;
		now += (uint64_t)rand() % (hz / 10000 + 1);
	}
	return taken;
}

TEST(limit, is_exact_over_time)
{
	static const uint64_t rates[] = { 1, 3, 500, 999983, 20 << 20, UINT64_C(3) << 30, UINT64_C(1) << 40 };
	static const uint64_t speeds[] = { 32768, 10000000, 1000000007 };
	struct limit limit;

	for (unsigned r = 0; r < 7; r++) {
		for (unsigned h = 0; h < 3; h++) {
			uint64_t each = rates[r] / 1000 + 1, burst = each, taken, wanted = rates[r] * 100;

			limit_init(&limit, rates[r], burst, speeds[h], 77);
			taken = pour(&limit, each, 100, speeds[h]);
			/* The burst, and what the last one takes too much. */
			assert_true(taken >= wanted - each - wanted / 1000);
			assert_true(taken <= wanted + burst + each);
		}
	}
}

TEST(limit, lets_a_burst_through_after_a_pause)
{
	struct limit limit;

	limit_init(&limit, 100, 16, 1000, 0);
	for (unsigned i = 0; i < 16; i++) {
		assert_true(limit_open(&limit, 0));
		limit_take(&limit, 1);
	}
	assert_false(limit_open(&limit, 0));
	assert_int_equal(limit_deadline(&limit), 1);
	/* However long the pause. */
	assert_true(limit_open(&limit, UINT64_MAX / 2));
	assert_int_equal(limit.level, 16 * 1000);
}

TEST(limit, takes_debts_of_large_requests)
{
	struct limit limit;

	limit_init(&limit, 1000, 10, 1000, 0);
	assert_true(limit_open(&limit, 0));
	limit_take(&limit, UINT64_C(1) << 32);
	assert_false(limit_open(&limit, 1000));
	assert_int_equal(limit_deadline(&limit), (UINT64_C(1) << 32) - 10 + 1);
	/* None at all. */
	limit_init(&limit, 0, 0, 1000, 0);
	limit_take(&limit, UINT64_MAX);
	assert_true(limit_open(&limit, 0));
}

TEST(limit, survives_nonsense)
{
	struct limit limit;

	limit_init(&limit, UINT64_MAX, UINT64_MAX, 10000000, 0);
	assert_true(limit_open(&limit, 5));
	limit_take(&limit, UINT64_MAX);
	assert_true(limit.level >= -(INT64_MAX / 2));
	assert_true(limit_open(&limit, UINT64_MAX));
	limit_init(&limit, 1, 0, 10000000, 0);
	assert_true(limit_open(&limit, 0));
}

/* Flows that always have something. */
static struct test_flow {
	struct flow flow;
	uint64_t cost, taken, left;
} flows[4];
static struct schedule schedule;

static uint64_t take(struct flow *flow)
{
	struct test_flow *own = (struct test_flow *)(void *)flow;

	if (!own->left)
		return 0;
	own->left--;
	own->taken += own->cost;
	schedule_charge(&schedule, flow, own->cost);
	return own->cost;
}

TEST(schedule, shares_bytes_evenly)
{
	static const uint64_t costs[] = { 4096, 131072, 65536, 1 << 20 };
	uint64_t least = UINT64_MAX, most = 0;

	schedule_init(&schedule, take);
	for (unsigned i = 0; i < 4; i++) {
		flows[i] = (struct test_flow){ .cost = costs[i], .left = UINT64_MAX };
		schedule_add(&schedule, &flows[i].flow);
		schedule_add(&schedule, &flows[i].flow);
	}
	for (unsigned i = 0; i < 2000; i++) {
		(void)schedule_run(&schedule);
		assert_true(schedule.bytes < SCHEDULE_BYTES + (1 << 20));
		assert_true(schedule.requests <= SCHEDULE_REQUESTS);
		for (unsigned flow = 0; flow < 4; flow++) {
			while (flows[flow].flow.requests)
				schedule_refund(&schedule, &flows[flow].flow, flows[flow].cost);
		}
	}
	for (unsigned i = 0; i < 4; i++) {
		least = flows[i].taken < least ? flows[i].taken : least;
		most = flows[i].taken > most ? flows[i].taken : most;
	}
	assert_true(most - least <= most / 100);
}

TEST(schedule, forgets_who_has_nothing)
{
	schedule_init(&schedule, take);
	for (unsigned i = 0; i < 3; i++) {
		flows[i] = (struct test_flow){ .cost = 4096, .left = i };
		schedule_add(&schedule, &flows[i].flow);
	}
	schedule_remove(&schedule, &flows[1].flow);
	schedule_remove(&schedule, &flows[1].flow);
	assert_false(schedule_run(&schedule));
	assert_null(schedule.first);
	assert_int_equal(flows[1].taken, 0);
	assert_int_equal(flows[2].taken, 8192);
	schedule_add(&schedule, &flows[1].flow);
	assert_false(schedule_run(&schedule));
	assert_int_equal(flows[1].taken, 4096);
	assert_null(schedule.last);
}

TEST(schedule, ends_a_run_of_what_costs_nothing_in_the_disk)
{
	schedule_init(&schedule, take);
	flows[0] = (struct test_flow){ .cost = 1, .left = UINT64_MAX };
	schedule_add(&schedule, &flows[0].flow);
	schedule.requests = 0;
	assert_false(schedule_run(&schedule));
	assert_int_equal(schedule.requests, SCHEDULE_REQUESTS);
}

/* Two guests on one disk, which does `bytes` in each step; both keep their rings full. Returns the percentage of the first. */
static uint64_t compete(struct guest *one, uint32_t bytes_one, unsigned depth_one, struct guest *two, uint32_t bytes_two,
			unsigned depth_two)
{
	uint64_t done[2];

	for (unsigned step = 0; step < 400; step++) {
		for (unsigned slot = 0; slot < GUEST_SLOTS; slot++) {
			if (slot < depth_one && !one->busy[slot])
				guest_put(one, slot, BLK_IN, slot, bytes_one, GUEST_DATA);
			if (slot < depth_two && !two->busy[slot])
				guest_put(two, slot, BLK_IN, slot, bytes_two, GUEST_DATA);
		}
		guest_notify(one);
		guest_notify(two);
		fake_complete(0, 3);
		guest_poll(one);
		guest_poll(two);
		if (step == 100) {
			one->bytes = 0;
			two->bytes = 0;
		}
	}
	done[0] = one->bytes;
	done[1] = two->bytes;
	return done[0] * 100 / (done[0] + done[1]);
}

TEST(schedule, is_fair_between_guests)
{
	struct guest one, two;
	uint64_t share;

	fake_reset();
	fake_start();
	fake_attach(0);
	fake_attach(1);
	guest_init(&one, 0, 1, GUEST_EVENT_INDEX | GUEST_INDIRECT);
	guest_init(&two, 2, 1, GUEST_EVENT_INDEX | GUEST_INDIRECT);
	guest_start(&one);
	guest_start(&two);
	/* Many small ones against many large ones; both want more than the disk does. */
	share = compete(&one, 4096, 64, &two, 32768, 64);
	assert_true(share >= 45 && share <= 55);
}

/* How many requests go through in some seconds, with a disk that is always ready. */
static unsigned run_limited(struct guest *guest, uint32_t bytes, unsigned seconds)
{
	uint64_t end = fake.time + (uint64_t)seconds * FAKE_HZ;

	guest->done = 0;
	while (fake.time < end) {
		for (unsigned slot = 0; slot < 32; slot++) {
			if (!guest->busy[slot])
				guest_put(guest, slot, BLK_IN, slot, bytes, GUEST_DATA);
		}
		guest_notify(guest);
		fake_settle();
		guest_poll(guest);
		if (guest->busy[31]) {
			fake.time = server_deadline() > fake.time ? server_deadline() : fake.time + 1;
			fake_turn(0);
		}
	}
	return guest->done;
}

static void start_limited(struct guest *guest)
{
	__typeof__(fake.options) options = fake.options;

	fake_reset();
	fake.options.bandwidth[0] = options.bandwidth[0];
	fake.options.bandwidth_burst = options.bandwidth_burst;
	fake.options.operations[0] = options.operations[0];
	fake.options.operations_burst = options.operations_burst;
	fake_start();
	fake_attach(0);
	guest_init(guest, 0, 1, GUEST_INDIRECT);
	guest_start(guest);
}

TEST(limit, holds_sessions_to_their_rates)
{
	struct guest guest;
	unsigned done;

	fake_reset();
	fake.options.operations[0] = 500;
	fake.options.operations_burst = 16;
	start_limited(&guest);
	done = run_limited(&guest, 4096, 10);
	assert_in_range(done, 4950, 5050);
	fake.time += FAKE_HZ;
	fake_turn(0);
	assert_true(fake_status()->session[0].throttled > 0);

	fake_reset();
	fake.options.bandwidth[0] = 1 << 20;
	fake.options.bandwidth_burst = 65536;
	start_limited(&guest);
	done = run_limited(&guest, 8192, 20);
	assert_in_range(done, 2560 - 25, 2560 + 25);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(limit, is_exact_over_time),
		RUN(limit, lets_a_burst_through_after_a_pause),
		RUN(limit, takes_debts_of_large_requests),
		RUN(limit, survives_nonsense),
		RUN(schedule, shares_bytes_evenly),
		RUN(schedule, forgets_who_has_nothing),
		RUN(schedule, ends_a_run_of_what_costs_nothing_in_the_disk),
		RUN(schedule, is_fair_between_guests),
		RUN(limit, holds_sessions_to_their_rates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
