/* SPDX-License-Identifier: Apache-2.0 */
/* Whole server, from the guests' rings to disks in memory: sessions, as guests come, go and misbehave. */
#include "test.h"

#include <string.h>

#include "fake.h"

static struct guest one, two; /* sessions 1, which writes, and 0 */

static int set_up(void **state)
{
	(void)state;
	fake_reset();
	fake_start();
	fake_attach(0);
	guest_init(&one, 1, 1, GUEST_FLUSH);
	guest_start(&one);
	return 0;
}

/* As set_up, with the options that are set. */
static void again(struct guest *guest, unsigned session, uint32_t queues, uint64_t features)
{
	struct attach_table table = fake.table;
	__typeof__(fake.options) options = fake.options;

	fake_reset();
	fake.options = options;
	fake.table.guest[0].epoch = table.guest[0].epoch & ~1u;
	fake_start();
	fake_attach(0);
	fake_attach(1);
	guest_init(guest, session, queues, features);
	guest_start(guest);
}

static void expect_pattern(const struct guest *guest, unsigned slot, unsigned disk, uint64_t sector, uint32_t bytes)
{
	const uint8_t *data = guest_data(guest, slot);

	for (uint32_t i = 0; i < bytes; i++)
		assert_int_equal(data[i], fake_pattern(disk, sector * 512 + i));
}

TEST(session, shows_disks_when_guests_come)
{
	const struct block_session *shared = fake_session(1);

	assert_int_equal(fake_status()->ready, 1);
	assert_int_equal(fake_status()->guest[0], 1);
	assert_int_equal(shared->state, BLOCK_READY);
	assert_int_equal(shared->server, 1);
	assert_int_equal(shared->capacity, FAKE_DISK_SIZE / 512);
	assert_int_equal(shared->segments, BLOCK_SEGMENTS_MAX);
	assert_string_equal(shared->serial, "serial-of-one");
	assert_string_equal(fake_session(0)->serial, "first");
	assert_int_equal(shared->flags, BLOCK_FLAG_FLUSH | BLOCK_FLAG_DISCARD | BLOCK_FLAG_WRITE_ZEROES);
	assert_int_equal(fake_session(0)->flags, BLOCK_FLAG_FLUSH | BLOCK_FLAG_READ_ONLY);
	assert_int_equal(shared->done, 1);
	assert_true(fake.signals[1] >= 2);
	/* The other guest is not there. */
	assert_int_equal(fake_session(2)->state, BLOCK_WAITING);
}

TEST(session, keeps_many_in_flight_but_not_too_many)
{
	again(&one, 1, 3, GUEST_INDIRECT | GUEST_FLUSH);
	for (unsigned i = 0; i < GUEST_SLOTS; i++)
		guest_put(&one, i, BLK_IN, i * 8, 4096, 1000);
	guest_notify(&one);
	assert_int_equal(fake.disk[1].in_device, SESSION_REQUESTS);
	assert_int_equal(fake.disk[1].kicks, 1);
	fake_complete(1, 3);
	guest_poll(&one);
	assert_int_equal(one.done, 3);
	assert_int_equal(fake.disk[1].in_device, SESSION_REQUESTS);
	fake_settle();
	guest_poll(&one);
	assert_int_equal(one.done, GUEST_SLOTS);
	assert_int_equal(one.twice, 0);
	for (unsigned i = 0; i < GUEST_SLOTS; i++) {
		assert_int_equal(guest_status(&one, i), 0);
		expect_pattern(&one, i, 1, i * 8, 4096);
	}
}

TEST(session, asks_for_notifications_only_when_idle)
{
	uint64_t features[] = { GUEST_FLUSH, GUEST_FLUSH | GUEST_EVENT_INDEX };

	for (unsigned i = 0; i < 2; i++) {
		unsigned signals;

		again(&one, 1, 1, features[i]);
		one.interrupts = false;
		guest_poll(&one);
		signals = fake.signals[1];
		for (unsigned slot = 0; slot < 70; slot++)
			guest_put(&one, slot, BLK_IN, slot, 512, 512);
		guest_notify(&one);
		assert_int_equal(fake.disk[1].in_device, SESSION_REQUESTS);
		/* The server comes back for these without a notification. */
		fake_settle();
		guest_poll(&one);
		assert_int_equal(one.done, 70);
		assert_int_equal(fake.signals[1], signals);
		one.interrupts = true;
		guest_poll(&one);
		assert_int_equal(guest_do(&one, BLK_IN, 0, 512), 0);
		assert_int_equal(fake.signals[1], signals + 1);
	}
}

TEST(session, looks_again_in_a_moment_when_busy)
{
	again(&one, 1, 1, GUEST_FLUSH | GUEST_EVENT_INDEX);
	for (unsigned slot = 0; slot < 4; slot++) {
		guest_put(&one, slot, BLK_IN, slot, 512, 512);
		guest_notify(&one);
		assert_int_equal(fake.disk[1].in_device, slot + 1);
	}
	/* No doorbell for these. */
	guest_put(&one, 4, BLK_IN, 4, 512, 512);
	guest_notify(&one);
	guest_put(&one, 5, BLK_IN, 5, 512, 512);
	guest_notify(&one);
	assert_int_equal(fake.disk[1].in_device, 4);
	assert_true(server_deadline() <= fake.time + FAKE_HZ / 10000);
	fake.time = server_deadline();
	fake_turn(0);
	assert_int_equal(fake.disk[1].in_device, 6);
	/* Then for those, if a moment went by with nothing. */
	fake.time = server_deadline();
	fake_turn(0);
	assert_true(server_deadline() > fake.time + FAKE_HZ / 10000);
	guest_put(&one, 6, BLK_IN, 6, 512, 512);
	guest_notify(&one);
	assert_int_equal(fake.disk[1].in_device, 7);
	/* Or when one ends. */
	guest_put(&one, 7, BLK_IN, 7, 512, 512);
	guest_notify(&one);
	assert_int_equal(fake.disk[1].in_device, 7);
	fake_complete(1, 1);
	assert_int_equal(fake.disk[1].in_device, 7);
	fake_settle();
	guest_poll(&one);
	assert_int_equal(one.done, 8);
}

/* After which the server may not touch the rings. */
static void expect_broken(void)
{
	assert_int_equal(fake_session(1)->broken, 1);
	guest_put(&one, 1, BLK_IN, 0, 512, 512);
	fake_turn(BLOCK_SIGNAL_SESSION(1));
	fake_settle();
	guest_poll(&one);
	assert_int_equal(one.done, 0);
	assert_int_equal(fake_status()->session[1].broken, 0); /* not yet refreshed */
	fake.time += FAKE_HZ;
	fake_turn(BLOCK_SIGNAL_SESSION(1));
	assert_int_equal(fake_status()->session[1].broken, 1);
	guest_stop(&one);
	assert_int_equal(fake_session(1)->done, fake_session(1)->wanted);
	guest_start(&one);
	assert_int_equal(guest_do(&one, BLK_IN, 0, 512), 0);
	assert_int_equal(fake.errors, 0);
}

TEST(session, breaks_when_there_is_no_room_for_a_status)
{
	guest_descriptor(&one, 0, guest_address(&one, 0x8000), 16, 0, 0);
	guest_offer(&one, 0, 0);
	guest_notify(&one);
	expect_broken();
}

TEST(session, breaks_when_the_header_is_short)
{
	guest_descriptor(&one, 0, guest_address(&one, 0x8000), 15, 1, 1);
	guest_descriptor(&one, 1, guest_address(&one, 0x9000), 513, 2, 0);
	guest_offer(&one, 0, 0);
	guest_notify(&one);
	expect_broken();
}

TEST(session, breaks_at_addresses_outside_ram)
{
	guest_descriptor(&one, 0, guest_address(&one, 0x8000), 16, 1, 1);
	guest_descriptor(&one, 1, FAKE_RAM_BASE + FAKE_RAM_SIZE - 1, 2, 2, 0);
	guest_offer(&one, 0, 0);
	guest_notify(&one);
	expect_broken();
}

TEST(session, breaks_at_a_head_outside_the_ring)
{
	guest_offer(&one, 0, GUEST_QUEUE);
	guest_notify(&one);
	expect_broken();
}

TEST(session, breaks_when_a_buffer_is_offered_twice)
{
	guest_put(&one, 0, BLK_IN, 0, 512, 512);
	guest_offer(&one, 0, 0);
	guest_notify(&one);
	assert_int_equal(fake_session(1)->broken, 1);
	assert_int_equal(fake.disk[1].in_device, 1);
	/* What is in flight is dropped. */
	fake_settle();
	guest_poll(&one);
	assert_int_equal(one.done, 0);
	expect_broken();
}

TEST(session, refuses_senseless_set_ups)
{
	struct block_session *shared = fake_session(1);
	struct block_setup good = shared->setup, bad;

	for (unsigned i = 0; i < 6; i++) {
		bad = good;
		if (i == 0)
			bad.queues = 0;
		if (i == 1)
			bad.queues = BLOCK_QUEUES_MAX + 1;
		if (i == 2)
			bad.queue[0].size = 512;
		if (i == 3)
			bad.queue[0].size = 65536 + 256;
		if (i == 4)
			bad.queue[0].used = FAKE_RAM_BASE + FAKE_RAM_SIZE - 64;
		if (i == 5)
			bad.queue[0].descriptors = UINT64_MAX - 15;
		guest_stop(&one);
		shared->setup = bad;
		shared->wanted++;
		fake_turn(BLOCK_SIGNAL_SESSION(1));
		assert_int_equal(shared->broken, shared->wanted);
		assert_int_equal(shared->done, shared->wanted);
	}
	assert_int_equal(fake.errors, 0);
	/* The log does not fill. */
	for (unsigned i = 0; i < 40; i++) {
		shared->wanted += 2;
		fake_turn(BLOCK_SIGNAL_SESSION(1));
		assert_int_equal(shared->broken, shared->wanted);
	}
	assert_true(fake.warnings < 20);
}

TEST(session, resets_once_nothing_is_in_flight)
{
	uint32_t before;

	guest_put(&one, 0, BLK_IN, 0, 4096, 4096);
	guest_notify(&one);
	before = fake_session(1)->done;
	guest_stop(&one);
	assert_int_equal(fake_session(1)->done, before);
	fake_settle();
	assert_int_equal(fake_session(1)->done, fake_session(1)->wanted);
	guest_poll(&one);
	assert_int_equal(one.done, 0);
	guest_start(&one);
	assert_int_equal(guest_do(&one, BLK_IN, 0, 512), 0);
}

TEST(session, answers_the_end_of_a_guest_when_nothing_is_in_flight)
{
	guest_put(&one, 0, BLK_IN, 0, 4096, 4096);
	guest_put(&one, 1, BLK_IN, 8, 4096, 4096);
	guest_notify(&one);
	fake_detach(0);
	assert_int_equal(fake_status()->guest[0], 1);
	fake_complete(1, 1);
	assert_int_equal(fake_status()->guest[0], 1);
	/* What it asks for meanwhile is not begun. */
	guest_put(&one, 2, BLK_IN, 8, 4096, 4096);
	fake_turn(BLOCK_SIGNAL_SESSION(1));
	assert_int_equal(fake.disk[1].in_device, 1);
	fake_complete(1, 1);
	assert_int_equal(fake_status()->guest[0], 2);
	guest_poll(&one);
	assert_int_equal(one.done, 0);
	/* The next one begins afresh. */
	fake_attach(0);
	assert_int_equal(fake_status()->guest[0], 3);
	assert_int_equal(fake_session(1)->state, BLOCK_READY);
	guest_init(&one, 1, 1, GUEST_FLUSH);
	guest_start(&one);
	assert_int_equal(guest_do(&one, BLK_IN, 0, 512), 0);
}

TEST(session, tells_what_is_wrong_with_a_volume)
{
	fake.options.read_only[2] = false; /* while the first guest reads it */
	again(&one, 1, 1, GUEST_FLUSH);
	assert_int_equal(fake_session(2)->state, BLOCK_FAILED);
	assert_true(strlen(fake_session(2)->problem) > 10);
	guest_init(&two, 2, 1, 0);
	guest_start(&two);
	guest_put(&two, 0, BLK_IN, 0, 512, 512);
	fake_turn(BLOCK_SIGNAL_SESSION(2));
	fake_settle();
	guest_poll(&two);
	assert_int_equal(two.done, 0);
	assert_int_equal(guest_do(&one, BLK_IN, 0, 512), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_WITH(session, shows_disks_when_guests_come, set_up),
		RUN_WITH(session, keeps_many_in_flight_but_not_too_many, set_up),
		RUN_WITH(session, asks_for_notifications_only_when_idle, set_up),
		RUN_WITH(session, looks_again_in_a_moment_when_busy, set_up),
		RUN_WITH(session, breaks_when_there_is_no_room_for_a_status, set_up),
		RUN_WITH(session, breaks_when_the_header_is_short, set_up),
		RUN_WITH(session, breaks_at_addresses_outside_ram, set_up),
		RUN_WITH(session, breaks_at_a_head_outside_the_ring, set_up),
		RUN_WITH(session, breaks_when_a_buffer_is_offered_twice, set_up),
		RUN_WITH(session, refuses_senseless_set_ups, set_up),
		RUN_WITH(session, resets_once_nothing_is_in_flight, set_up),
		RUN_WITH(session, answers_the_end_of_a_guest_when_nothing_is_in_flight, set_up),
		RUN_WITH(session, tells_what_is_wrong_with_a_volume, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
