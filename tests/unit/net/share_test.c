/* SPDX-License-Identifier: Apache-2.0 */
/* Shares of receive buffers, next to a model, and in the whole server. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "scene.h"
#include "share.h"

#define SENDERS 8u

/* A driver's receive queue: rings in memory, and who filled what of it. */
static struct {
	_Alignas(16) uint8_t memory[0x3000];
	struct virtqueue ring;
	struct share share;
	uint64_t time;
	unsigned size;            /* buffers that the driver has */
	uint16_t available, used; /* indices of the driver: offered, and looked at */
	unsigned owner[65536];    /* of taken buffers, by index */
} queue;

static uint64_t queue_time(void)
{
	return queue.time;
}

static uint16_t *queue_field(uint64_t offset)
{
	return (uint16_t *)(void *)(queue.memory + offset);
}

static void queue_offer(unsigned count)
{
	queue.available = (uint16_t)(queue.available + count);
	*queue_field(0x1002) = queue.available;
}

static unsigned queue_free(void)
{
	return (uint16_t)(queue.available - queue.ring.next_available);
}

static void queue_make(unsigned entries, unsigned size, bool event_index, uint16_t start)
{
	struct guest_memory memory = { queue.memory, 0, sizeof(queue.memory) };

	memset(&queue, 0, sizeof(queue));
	virtqueue_reset(&queue.ring, NET_QUEUE_SIZE);
	queue.ring.size = (uint16_t)entries;
	queue.ring.available = 0x1000;
	queue.ring.used = 0x2000;
	queue.ring.event_index = event_index;
	assert_true(virtqueue_enable(&queue.ring, &memory));
	queue.ring.next_available = queue.ring.next_used = queue.available = queue.used = start;
	*queue_field(0x2002) = *queue_field(0x1002) = start;
	*queue_field(0x1004 + 2 * entries) = (uint16_t)(start - 1);
	queue.size = size;
	queue_offer(size);
	share_init(&queue.share, queue_time, 1000);
	share_reset(&queue.share, start);
}

/* A frame of so many buffers comes. false: it gets none. */
static bool queue_send(unsigned from, unsigned buffers)
{
	struct virtqueue_chain chain;
	uint16_t first = queue.ring.next_available;

	if (!share_admits(&queue.share, &queue.ring, from) || buffers > queue_free())
		return false;
	for (unsigned i = 0; i < buffers; i++) {
		uint16_t index = queue.ring.next_available;

		assert_true(virtqueue_pop(&queue.ring, &chain));
		virtqueue_put(&queue.ring, chain.head, 1);
		queue.owner[index] = from;
	}
	virtqueue_publish(&queue.ring);
	share_take(&queue.share, first, queue.ring.next_available, from);
	return true;
}

/* The driver looks at so many buffers more, at most all, and offers them again. */
static void queue_refill(unsigned count)
{
	unsigned filled = (uint16_t)(queue.ring.next_used - queue.used);

	if (count > filled)
		count = filled;
	queue.used = (uint16_t)(queue.used + count);
	queue_offer(count);
}

/* It waits for more, and says so. */
static void queue_wait(void)
{
	*queue_field(0x1004 + 2u * queue.ring.size) = queue.used;
}

static unsigned queue_owned(unsigned from)
{
	unsigned count = 0;

	for (uint16_t at = (uint16_t)(queue.available - queue.size); at != queue.ring.next_available; at++)
		count += queue.owner[at] == from;
	return count;
}

TEST(share, leaves_a_third_to_others)
{
	unsigned sent = 0;

	queue_make(256, 256, true, 65500);
	while (queue_send(0, 1))
		sent++;
	assert_int_equal(sent, 171);
	/* Those that come later have two thirds of what is left: 57, 19, 6 and 2. */
	for (unsigned from = 1; from < 5; from++) {
		assert_true(queue_send(from, 1));
		while (queue_send(from, 1))
			;
		assert_false(queue_send(0, 1));
	}
	assert_int_equal(queue_free(), 1);
	assert_true(queue_send(5, 1));
}

TEST(share, lets_a_large_frame_of_a_quiet_sender_in)
{
	queue_make(256, 256, true, 0);
	while (queue_send(0, 44))
		;
	assert_true(queue_free() >= 256 / 3 - 44);
	while (queue_send(0, 1))
		;
	assert_true(queue_send(1, queue_free()));
	assert_false(queue_send(2, 1));
}

TEST(share, is_as_a_model_says)
{
	static const unsigned sizes[] = { 1, 2, 3, 4, 16, 64, 100, 256 };

	srand(1);
	for (unsigned round = 0; round < 400; round++) {
		queue_make(256, sizes[round % 8], round & 8, (uint16_t)rand());
		for (unsigned i = 0; i < 3000; i++) {
			/* Mostly of a flood. */
			unsigned from = (unsigned)rand() % 4 ? 0 : (unsigned)rand() % SENDERS, free = queue_free();
			unsigned buffers = (unsigned)rand() % 8 ? 1 : 1 + (unsigned)rand() % 40;
			bool expected = free && queue_owned(from) < 2 * free && buffers <= free;

			assert_int_equal(queue_send(from, buffers), expected);
			assert_true(queue_free() <= queue.size);
			if (rand() % 16 == 0)
				queue_refill(rand() % 4 ? 1 + (unsigned)rand() % 64 : 256);
		}
	}
}

TEST(share, survives_counts_that_go_round)
{
	queue_make(256, 256, true, 0);
	/* Little is free: it counts. Then so many pass that indices come back to where they were. */
	for (unsigned extra = 65000; extra < 66200; extra++) {
		while (queue_send(0, 1))
			;
		queue_refill(256);
		for (unsigned i = 0; i < extra; i++) {
			assert_true(queue_send(1, 1));
			queue_refill(1);
		}
		for (unsigned from = 0; from < 2; from++) {
			while (queue_owned(from) < 2 * queue_free())
				assert_true(queue_send(from, 1));
			assert_false(queue_send(from, 1));
		}
		extra += 30;
		queue_refill(256);
	}
}

TEST(share, shuts_nobody_out_if_the_driver_offers_late)
{
	/* It has looked at all, but offers nothing: its notification says that it waits. */
	queue_make(256, 256, true, 0);
	while (queue_send(0, 1))
		;
	queue.used = queue.ring.next_used;
	queue_wait();
	assert_true(queue_send(0, 1));
	while (queue_send(0, 1))
		queue_wait();
	assert_true(queue_free() > 0);
	/* One that can say so but does not is taken to be at work, for long; one that cannot, for a while. */
	queue_make(256, 256, true, 0);
	while (queue_send(0, 1))
		;
	queue.time += 10000;
	assert_false(queue_send(0, 1));
	queue.time++;
	assert_true(queue_send(0, 1));
	queue_make(256, 256, false, 0);
	while (queue_send(0, 1))
		;
	queue.time += 100;
	assert_false(queue_send(0, 1));
	queue.time++;
	assert_true(queue_send(0, 1));
	assert_int_equal(queue_free(), 84);
	/* One that offers fewer buffers than before: it is found out once. */
	queue_refill(16);
	queue.size = 100;
	for (unsigned i = 0; i < 1000; i++) {
		assert_true(queue_send(0, 1));
		queue_refill(1);
	}
}

TEST(share, outlives_a_driver_that_makes_no_sense)
{
	static const uint16_t far[] = { 1, 255, 256, 257, 32767, 32768, 65535 };

	queue_make(256, 256, true, 0);
	for (unsigned i = 0; i < 100000; i++) {
		queue.available = (uint16_t)(queue.ring.next_available + (rand() % 2 ? far[rand() % 7] : rand() % 256));
		queue_offer(0);
		if (queue_free() <= 256)
			queue_send((unsigned)rand() % SENDERS, 1);
		else
			assert_true(share_admits(&queue.share, &queue.ring, 0) || queue_free() <= 256);
	}
}

/* Whole server: gamma floods beta, which looks at nothing; then alpha and somebody outside each send it a frame. */
static void flood(uint32_t payload, unsigned refill)
{
	uint32_t length = make(1, 2, false, PACKET_UDP, payload);

	for (unsigned i = 0; i < 200; i++) {
		guest_say(&guest[2], NULL, packet, length);
		guest_poll(&guest[2]);
		for (unsigned j = 0; j < refill && guest_receive(&guest[1], 0, &header, got); j++)
			guest_fill(&guest[1], 0, 1);
	}
}

static bool beta_gets_one_of_others(void)
{
	uint32_t alpha, outside, length;
	bool found[2] = { false, false };

	alpha = make(1, 0, false, PACKET_UDP, 333);
	guest_say(&guest[0], NULL, packet, alpha);
	outside = make(1, 9, false, PACKET_UDP, 444);
	fake_come(packet, outside, NULL);
	while ((length = guest_receive(&guest[1], 0, &header, got)) != 0) {
		found[0] |= length == alpha;
		found[1] |= length == outside;
	}
	return found[0] && found[1];
}

TEST(share, of_a_guest_that_is_flooded_is_kept_for_others)
{
	flood(100, 0);
	assert_true(beta_gets_one_of_others());
	/* 64 buffers: 43 for the flood. */
	assert_int_equal(drops(2, NET_DROP_SHARE), 200 - 43);
	assert_int_equal(drops(1, NET_DROP_NO_BUFFER), 0);
	assert_int_equal(drops(0, NET_DROP_SHARE), 0);
}

TEST(share, of_a_guest_without_large_buffers_is_kept_for_others)
{
	fake_reset();
	begin(MODERN, CSUM, MODERN);
	flood(1400, 0);
	assert_true(beta_gets_one_of_others());
}

TEST(share, is_kept_from_floods_from_outside)
{
	uint32_t length = make(1, 9, false, PACKET_UDP, 100);

	for (unsigned i = 0; i < 200; i++)
		fake_come(packet, length, NULL);
	length = make(1, 0, false, PACKET_UDP, 333);
	guest_say(&guest[0], NULL, packet, length);
	assert_int_equal(drops(3, NET_DROP_SHARE), 200 - 43);
	assert_int_equal(drops(1, NET_DROP_NO_BUFFER), 0);
	assert_int_equal(fake_status()->port[1].received_frames, 44);
}

TEST(share, is_whole_again_when_the_driver_is_reset)
{
	flood(100, 0);
	guest_stop(&guest[1]);
	guest_start(&guest[1]);
	guest_fill(&guest[1], 0, GUEST_QUEUE);
	assert_int_equal(drops(2, NET_DROP_SHARE), 200 - 43);
	flood(100, 0);
	assert_int_equal(drops(2, NET_DROP_SHARE), 400 - 86);
}

TEST(share, takes_nothing_from_a_sender_that_is_kept_up_with)
{
	flood(100, 1);
	assert_int_equal(drops(2, NET_DROP_SHARE), 0);
	assert_int_equal(drops(1, NET_DROP_NO_BUFFER), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(share, leaves_a_third_to_others),
		RUN(share, lets_a_large_frame_of_a_quiet_sender_in),
		RUN(share, is_as_a_model_says),
		RUN(share, survives_counts_that_go_round),
		RUN(share, shuts_nobody_out_if_the_driver_offers_late),
		RUN(share, outlives_a_driver_that_makes_no_sense),
		RUN_WITH(share, of_a_guest_that_is_flooded_is_kept_for_others, set_up),
		RUN_WITH(share, of_a_guest_without_large_buffers_is_kept_for_others, set_up),
		RUN_WITH(share, is_kept_from_floods_from_outside, set_up),
		RUN_WITH(share, is_whole_again_when_the_driver_is_reset, set_up),
		RUN_WITH(share, takes_nothing_from_a_sender_that_is_kept_up_with, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
