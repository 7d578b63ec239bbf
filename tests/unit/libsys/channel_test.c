/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include <libsys/channel.h>

#define SIZE 64u

static struct console_ring ring;
static uint8_t *bytes; /* from malloc, so that any access outside is seen */
static struct ring_end producer, consumer;

static int set_up(void **state)
{
	(void)state;
	bytes = malloc(SIZE);
	memset(&ring, 0, sizeof(ring));
	ring_open(&producer, &ring, bytes, SIZE);
	ring_open(&consumer, &ring, bytes, SIZE);
	return bytes == NULL;
}

static int tear_down(void **state)
{
	(void)state;
	free(bytes);
	return 0;
}

TEST(ring, carries_bytes_in_order_over_many_turns)
{
	uint8_t next_in = 0, next_out = 0;

	/* Start close to the wrap of the 32-bit indices. */
	ring.head = ring.tail = producer.index = consumer.index = UINT32_MAX - 100;
	for (unsigned i = 0; i < 10000; i++) {
		uint8_t data[SIZE + 8];
		size_t wanted = (i * 7) % (SIZE + 8), count;

		for (size_t j = 0; j < wanted; j++)
			data[j] = (uint8_t)(next_in + j);
		size_t room = ring_writable(&producer);

		count = ring_write(&producer, data, wanted);
		assert_int_equal(count, wanted < room ? wanted : room);
		next_in = (uint8_t)(next_in + count);
		size_t readable = ring_readable(&consumer);

		wanted = (i * 5) % (SIZE + 8);
		count = ring_read(&consumer, data, wanted);
		assert_int_equal(count, wanted < readable ? wanted : readable);
		for (size_t j = 0; j < count; j++)
			assert_int_equal(data[j], (uint8_t)(next_out + j));
		next_out = (uint8_t)(next_out + count);
	}
}

TEST(ring, takes_no_more_than_it_holds)
{
	uint8_t data[SIZE + 1] = { 0 };

	assert_int_equal(ring_write(&producer, data, sizeof(data)), SIZE);
	assert_int_equal(ring_writable(&producer), 0);
	assert_int_equal(ring_write(&producer, data, 1), 0);
	assert_int_equal(ring_readable(&consumer), SIZE);
}

TEST(ring, is_emptied_by_a_nonsensical_head)
{
	uint8_t data[SIZE];

	ring.head = SIZE + 1;
	assert_int_equal(ring_readable(&consumer), 0);
	assert_int_equal(ring_read(&consumer, data, sizeof(data)), 0);
	assert_int_equal(ring.tail, SIZE + 1);
	ring.head = SIZE + 4;
	assert_int_equal(ring_read(&consumer, data, sizeof(data)), 3);
}

TEST(ring, goes_on_after_a_nonsensical_tail)
{
	uint8_t data[SIZE] = { 1, 2, 3 };

	ring.tail = 0x80000000u;
	assert_int_equal(ring_write(&producer, data, 3), 3);
	assert_int_equal(ring.head, 0x80000003u);
	ring_reset_consumer(&consumer);
	assert_int_equal(ring_read(&consumer, data, sizeof(data)), 3);
}

TEST(ring, survives_any_indices_of_the_other_side)
{
	uint8_t data[SIZE];

	memset(data, 0, sizeof(data));
	for (unsigned i = 0; i < 100000; i++) {
		ring.head = (uint32_t)rand() << 1 ^ (uint32_t)rand();
		ring.tail = i % 3 ? (uint32_t)rand() << 1 ^ (uint32_t)rand() : ring.head - (uint32_t)rand() % (2 * SIZE);
		if (i % 5 == 0)
			ring_reset_producer(&producer);
		if (i % 7 == 0)
			ring_reset_consumer(&consumer);
		assert_true(ring_write(&producer, data, (size_t)rand() % SIZE) <= SIZE);
		assert_true(ring_read(&consumer, data, (size_t)rand() % SIZE) <= SIZE);
		assert_true(ring_readable(&consumer) <= SIZE && ring_writable(&producer) <= SIZE);
	}
}

TEST(ring, meets_again_after_a_restart)
{
	uint8_t data[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	struct ring_end restarted;

	assert_int_equal(ring_write(&producer, data, 8), 8);
	assert_int_equal(ring_read(&consumer, data, 3), 3);
	ring_open(&restarted, &ring, bytes, SIZE);
	ring_reset_consumer(&restarted);
	assert_int_equal(ring_read(&restarted, data, 8), 5);
	assert_int_equal(data[0], 4);
	ring_open(&restarted, &ring, bytes, SIZE);
	ring_reset_producer(&restarted);
	assert_int_equal(restarted.index, 8);
	assert_int_equal(ring_writable(&restarted), SIZE);
}

#define RING(what) { "ring " #what, ring_##what, set_up, tear_down, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		RING(carries_bytes_in_order_over_many_turns),
		RING(takes_no_more_than_it_holds),
		RING(is_emptied_by_a_nonsensical_head),
		RING(goes_on_after_a_nonsensical_tail),
		RING(survives_any_indices_of_the_other_side),
		RING(meets_again_after_a_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
