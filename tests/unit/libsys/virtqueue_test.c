/* SPDX-License-Identifier: Apache-2.0 */
/* Device side of a virtqueue, on rings that the test writes by hand. */
#include "test.h"

#include <string.h>

#include <libsys/virtqueue.h>

enum { SIZE = 8, NEXT = 1, WRITE = 2, INDIRECT = 4 };
enum { BASE = 0x80000000u, DESCRIPTORS = BASE, AVAILABLE = BASE + 0x400, USED = BASE + 0x800, TABLE = BASE + 0x1000, DATA = BASE + 0x2000 };

static _Alignas(16) uint8_t ram[0x3000];
static const struct guest_memory memory = { .host = ram, .base = BASE, .size = sizeof(ram) };
static struct virtqueue queue;

static uint16_t *word(uint64_t address)
{
	return memory_at(&memory, address, 2);
}

static void describe(uint64_t table, unsigned index, uint64_t address, uint32_t length, uint16_t flags, uint16_t next)
{
	uint8_t *descriptor = memory_at(&memory, table + 16 * index, 16);

	memcpy(descriptor, &address, 8);
	memcpy(descriptor + 8, &length, 4);
	memcpy(descriptor + 12, &flags, 2);
	memcpy(descriptor + 14, &next, 2);
}

static void offer(uint16_t head)
{
	uint16_t *index = word(AVAILABLE + 2);

	*word(AVAILABLE + 4 + 2 * (*index % SIZE)) = head;
	(*index)++;
}

static void start(bool event_index, bool indirect)
{
	memset(ram, 0, sizeof(ram));
	virtqueue_reset(&queue, SIZE);
	queue.descriptors = DESCRIPTORS;
	queue.available = AVAILABLE;
	queue.used = USED;
	queue.event_index = event_index;
	queue.indirect = indirect;
	assert_true(virtqueue_enable(&queue, &memory));
}

static int prepare(void **state)
{
	(void)state;
	start(false, true);
	return 0;
}

/* Segments of the next buffer; -1: the ring is bad. */
static int walk(struct virtqueue_segment *segment, unsigned most)
{
	struct virtqueue_chain chain;
	unsigned count = 0;

	if (!virtqueue_pop(&queue, &chain))
		return queue.broken ? -1 : 0;
	while (count < most && virtqueue_next(&queue, &memory, &chain, &segment[count]))
		count++;
	assert_false(virtqueue_next(&queue, &memory, &chain, &segment[0]) && count < most);
	return queue.broken ? -1 : (int)count;
}

static int walk_all(void)
{
	static struct virtqueue_segment segment[64];

	return walk(segment, 64);
}

TEST(virtqueue, wants_rings_in_memory)
{
	(void)state;
	start(true, true);
	queue.enabled = false;
	queue.size = SIZE * 2;
	assert_false(virtqueue_enable(&queue, &memory));
	queue.size = 6;
	assert_false(virtqueue_enable(&queue, &memory));
	queue.size = SIZE;
	queue.used = USED + 2;
	assert_false(virtqueue_enable(&queue, &memory));
	/* The event index counts. */
	queue.used = BASE + sizeof(ram) - (4 + 8 * SIZE);
	assert_false(virtqueue_enable(&queue, &memory));
	queue.event_index = false;
	assert_true(virtqueue_enable(&queue, &memory));
}

TEST(virtqueue, walks_a_chain)
{
	struct virtqueue_segment segment[4];

	(void)state;
	describe(DESCRIPTORS, 3, DATA, 16, NEXT, 5);
	describe(DESCRIPTORS, 5, DATA + 64, 512, NEXT | WRITE, 1);
	describe(DESCRIPTORS, 1, DATA + 1024, 1, WRITE, 9);
	offer(3);
	assert_true(virtqueue_ready(&queue));
	assert_int_equal(walk(segment, 4), 3);
	assert_ptr_equal(segment[0].data, ram + 0x2000);
	assert_false(segment[0].write);
	assert_int_equal(segment[1].length, 512);
	assert_true(segment[1].write && segment[2].write);
	assert_false(virtqueue_ready(&queue));
}

TEST(virtqueue, walks_an_indirect_table)
{
	struct virtqueue_segment segment[8];

	(void)state;
	/* After a direct one; its write flag says nothing; the table need not be aligned. */
	describe(DESCRIPTORS, 0, DATA, 8, NEXT, 1);
	describe(DESCRIPTORS, 1, TABLE + 4, 48, INDIRECT | WRITE, 0);
	describe(TABLE + 4, 0, DATA + 8, 16, NEXT, 2);
	describe(TABLE + 4, 2, DATA + 32, 1, WRITE, 0);
	offer(0);
	assert_int_equal(walk(segment, 8), 3);
	assert_int_equal(segment[1].length, 16);
	assert_false(segment[1].write);
	assert_ptr_equal(segment[2].data, ram + 0x2020);
}

TEST(virtqueue, walks_tables_at_any_address)
{
	for (unsigned offset = 0; offset < 16; offset++) {
		/* The last one ends with RAM. */
		uint64_t table = BASE + sizeof(ram) - 32 - offset;
		struct virtqueue_segment segment[4];

		prepare(state);
		memset(memory_at(&memory, DATA, 0x1000), 0xa5, 0x1000);
		describe(DESCRIPTORS, 0, table, 32, INDIRECT, 0);
		describe(table, 0, DATA + 0x123, 0x456, NEXT, 1);
		describe(table, 1, DATA + 0x789, 0x21, WRITE, 0xffff);
		offer(0);
		assert_int_equal(walk(segment, 4), 2);
		assert_ptr_equal(segment[0].data, ram + 0x2123);
		assert_int_equal(segment[0].length, 0x456);
		assert_false(segment[0].write);
		assert_ptr_equal(segment[1].data, ram + 0x2789);
		assert_int_equal(segment[1].length, 0x21);
		assert_true(segment[1].write);
	}
}

TEST(virtqueue, refuses_bad_tables)
{
	static const struct {
		uint64_t address;
		uint32_t length;
		uint16_t flags;
	} bad[] = {
		{ TABLE, 0, INDIRECT }, { TABLE, 17, INDIRECT }, { TABLE, 16, INDIRECT | NEXT },
		{ BASE - 16, 32, INDIRECT }, { BASE + sizeof(ram) - 16, 32, INDIRECT }, { TABLE, 0xfffffff0u, INDIRECT },
	};

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		prepare(state);
		describe(TABLE, 0, DATA, 16, 0, 0);
		describe(DESCRIPTORS, 0, bad[i].address, bad[i].length, bad[i].flags, 1);
		describe(DESCRIPTORS, 1, DATA, 16, 0, 0);
		offer(0);
		assert_int_equal(walk_all(), -1);
	}
	/* Not agreed. */
	start(false, false);
	describe(TABLE, 0, DATA, 16, 0, 0);
	describe(DESCRIPTORS, 0, TABLE, 16, INDIRECT, 0);
	offer(0);
	assert_int_equal(walk_all(), -1);
}

TEST(virtqueue, refuses_a_table_in_a_table)
{
	(void)state;
	describe(DESCRIPTORS, 0, TABLE, 32, INDIRECT, 0);
	describe(TABLE, 0, DATA, 16, NEXT, 1);
	describe(TABLE, 1, TABLE, 32, INDIRECT, 0);
	offer(0);
	assert_int_equal(walk_all(), -1);
	/* The queue's own table, as one. */
	prepare(state);
	describe(DESCRIPTORS, 0, DESCRIPTORS, 16 * SIZE, INDIRECT, 0);
	offer(0);
	assert_int_equal(walk_all(), -1);
}

TEST(virtqueue, ends_loops)
{
	(void)state;
	describe(DESCRIPTORS, 0, DATA, 16, NEXT, 0);
	offer(0);
	assert_int_equal(walk_all(), -1);
	prepare(state);
	describe(DESCRIPTORS, 0, TABLE, 32, INDIRECT, 0);
	describe(TABLE, 0, DATA, 16, NEXT, 0);
	offer(0);
	assert_int_equal(walk_all(), -1);
	/* Longer than the queue (section 2.7.5.3.1), without a loop. */
	prepare(state);
	describe(DESCRIPTORS, 0, TABLE, 16 * (SIZE + 1), INDIRECT, 0);
	for (unsigned i = 0; i < SIZE; i++)
		describe(TABLE, i, DATA, 16, NEXT, (uint16_t)(i + 1));
	describe(TABLE, SIZE, DATA, 16, 0, 0);
	offer(0);
	assert_int_equal(walk_all(), -1);
	/* As long as the queue. */
	prepare(state);
	describe(DESCRIPTORS, 0, TABLE, 16 * (SIZE + 1), INDIRECT, 0);
	for (unsigned i = 0; i < SIZE; i++)
		describe(TABLE, i, DATA, 16, i + 1 < SIZE ? NEXT : 0, (uint16_t)(i + 1));
	offer(0);
	assert_int_equal(walk_all(), SIZE);
}

TEST(virtqueue, refuses_indices_beyond_tables)
{
	(void)state;
	offer(SIZE);
	assert_int_equal(walk_all(), -1);
	prepare(state);
	describe(DESCRIPTORS, 0, DATA, 16, NEXT, SIZE);
	offer(0);
	assert_int_equal(walk_all(), -1);
	prepare(state);
	describe(DESCRIPTORS, 0, TABLE, 32, INDIRECT, 0);
	describe(TABLE, 0, DATA, 16, NEXT, 2);
	offer(0);
	assert_int_equal(walk_all(), -1);
	prepare(state);
	*word(AVAILABLE + 2) = SIZE + 1;
	assert_int_equal(walk_all(), -1);
	assert_false(virtqueue_ready(&queue));
}

TEST(virtqueue, refuses_reads_after_writes)
{
	(void)state;
	describe(DESCRIPTORS, 0, DATA, 16, NEXT | WRITE, 1);
	describe(DESCRIPTORS, 1, DATA, 16, 0, 0);
	offer(0);
	assert_int_equal(walk_all(), -1);
}

TEST(virtqueue, publishes_in_two_steps)
{
	struct virtqueue_chain chain, again;
	struct virtqueue_segment segment;

	(void)state;
	describe(DESCRIPTORS, 2, DATA, 16, WRITE, 0);
	offer(2);
	assert_true(virtqueue_pop(&queue, &chain));
	virtqueue_put(&queue, chain.head, 7);
	assert_int_equal(*word(USED + 4), 2);
	assert_int_equal(*word(USED + 8), 7);
	assert_int_equal(virtqueue_used_index(&queue), 0);
	virtqueue_publish(&queue);
	assert_int_equal(virtqueue_used_index(&queue), 1);
	virtqueue_chain_at(&queue, 2, &again);
	assert_true(virtqueue_next(&queue, &memory, &again, &segment));
	assert_ptr_equal(segment.data, ram + 0x2000);
	assert_false(virtqueue_next(&queue, &memory, &again, &segment));
	assert_false(queue.broken);
}

TEST(virtqueue, interrupts_by_flag)
{
	struct virtqueue_chain chain = { .head = 0 };

	(void)state;
	virtqueue_push(&queue, &chain, 0);
	assert_true(virtqueue_wants_interrupt(&queue));
	*word(AVAILABLE) = 1;
	virtqueue_push(&queue, &chain, 0);
	assert_false(virtqueue_wants_interrupt(&queue));
	virtqueue_set_notify(&queue, false);
	assert_int_equal(*word(USED), 1);
	virtqueue_set_notify(&queue, true);
	assert_int_equal(*word(USED), 0);
}

TEST(virtqueue, interrupts_by_event_index)
{
	struct virtqueue_chain chain = { .head = 0 };

	(void)state;
	start(true, true);
	*word(AVAILABLE) = 1; /* means nothing now */
	/* Around the whole range of indices: each third is wanted. */
	for (unsigned round = 0; round < 0x20000; round++) {
		*word(AVAILABLE + 4 + 2 * SIZE) = (uint16_t)(round / 3 * 3 + 2);
		virtqueue_push(&queue, &chain, 0);
		assert_int_equal(virtqueue_wants_interrupt(&queue), round % 3 == 2);
		assert_false(virtqueue_wants_interrupt(&queue));
	}
	/* One that is passed within a batch counts. */
	*word(AVAILABLE + 4 + 2 * SIZE) = (uint16_t)(queue.next_used + 1);
	for (unsigned i = 0; i < 4; i++)
		virtqueue_push(&queue, &chain, 0);
	assert_true(virtqueue_wants_interrupt(&queue));
}

TEST(virtqueue, asks_for_notifications_by_event_index)
{
	struct virtqueue_chain chain;

	(void)state;
	start(true, true);
	offer(0);
	assert_true(virtqueue_pop(&queue, &chain));
	virtqueue_set_notify(&queue, false);
	assert_int_equal(*word(USED + 4 + 8 * SIZE), 0);
	virtqueue_set_notify(&queue, true);
	assert_int_equal(*word(USED + 4 + 8 * SIZE), 1);
	assert_int_equal(*word(USED), 0);
	/* After the third from here on, or half a queue. */
	virtqueue_notify_after(&queue, 3);
	assert_int_equal(*word(USED + 4 + 8 * SIZE), 3);
	virtqueue_notify_after(&queue, 1000);
	assert_int_equal(*word(USED + 4 + 8 * SIZE), SIZE / 2);
	assert_int_equal(*word(USED), 0);
}

int main(void)
{
#define RUN_PREPARED(what) { "virtqueue " #what, virtqueue_##what, prepare, NULL, NULL }
	const struct CMUnitTest tests[] = {
		RUN_PREPARED(wants_rings_in_memory), RUN_PREPARED(walks_a_chain), RUN_PREPARED(walks_an_indirect_table),
		RUN_PREPARED(walks_tables_at_any_address), RUN_PREPARED(refuses_bad_tables), RUN_PREPARED(refuses_a_table_in_a_table), RUN_PREPARED(ends_loops),
		RUN_PREPARED(refuses_indices_beyond_tables), RUN_PREPARED(refuses_reads_after_writes),
		RUN_PREPARED(publishes_in_two_steps), RUN_PREPARED(interrupts_by_flag), RUN_PREPARED(interrupts_by_event_index),
		RUN_PREPARED(asks_for_notifications_by_event_index),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
