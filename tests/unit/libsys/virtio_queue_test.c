/* SPDX-License-Identifier: Apache-2.0 */
/* The driver's side of a virtqueue against the device's side, and against a device that lies. */
#include "test.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#include "virtio_pair.h"

#define BASIC (VIRTIO_F_VERSION_1 | VIRTIO_F_INDIRECT_DESC)
#define EVENTS (BASIC | VIRTIO_F_EVENT_IDX)

static struct pair pair;

TEST(virtio_queue, agrees_on_a_size)
{
	static const uint16_t sizes[][3] = { { 1, 256, 1 }, { 256, 100, 64 }, { 1024, 256, 256 }, { 96, 256, 64 }, { 8, 8, 8 } };
	uint8_t *memory;

	(void)state;
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		pair_init(&pair, sizes[i][0], sizes[i][1], EVENTS);
		assert_int_equal(pair.queue.size, sizes[i][2]);
		assert_int_equal(pair.device.size, sizes[i][2]);
	}
	memory = pair.queue.memory;
	assert_int_equal(virtio_driver_queue_open(&pair.driver, &pair.queue, 1, 8, memory, PAIR_BASE, EVENTS), ERR_INVALID_ARGUMENT);
	assert_int_equal(virtio_driver_queue_open(&pair.driver, &pair.queue, 0, 8, memory, PAIR_BASE, VIRTIO_F_VERSION_1),
			 ERR_INVALID_ARGUMENT);
}

TEST(virtio_queue, refuses_what_it_cannot_describe)
{
	struct virtio_piece piece[9] = { { PAIR_BASE, 8, false } };

	(void)state;
	pair_init(&pair, 8, 8, EVENTS);
	assert_false(virtio_driver_queue_add(&pair.queue, piece, 0, &pair));
	assert_false(virtio_driver_queue_add(&pair.queue, piece, 9, &pair));
	assert_false(virtio_driver_queue_add(&pair.queue, piece, 1, NULL));
	assert_true(virtio_driver_queue_add(&pair.queue, piece, 8, &pair));
}

/* The device looks when it was notified, the driver when it was interrupted: whatever their steps, all buffers pass. */
static void run_steps(uint16_t size, uint64_t features, uint64_t buffers)
{
	pair_init(&pair, size, size, features);
	pair_advance(&pair, 0xff80);
	while (pair.taken < buffers) {
		uint32_t action = pair_random(&pair, 8);
		uint64_t before = pair.taken + pair.added + pair.served;

		if (action < 3 && pair.added < buffers) {
			while (pair_random(&pair, 4) && pair.added < buffers && pair_add(&pair, 6))
				;
			virtio_driver_queue_kick(&pair.queue);
		} else if (action < 5 && pair.notified) {
			unsigned most = pair_random(&pair, 2u * size);

			virtqueue_set_notify(&pair.device, false);
			while (most-- && pair_serve(&pair))
				;
			pair.interrupted += virtqueue_wants_interrupt(&pair.device);
			virtqueue_set_notify(&pair.device, true);
			pair.notified = virtqueue_ready(&pair.device);
		} else if (pair.interrupted) {
			while (pair_take(&pair))
				;
			pair.interrupted = virtio_driver_queue_wait(&pair.queue);
		}
		/* Nobody waits for nothing. */
		if (pair.added != pair.taken && before == pair.taken + pair.added + pair.served)
			assert_true(pair.notified || pair.interrupted || pair.queue.published != pair.queue.next_available);
	}
	assert_int_equal(pair.served, buffers);
	assert_int_equal(pair.queue.free, pair.queue.size);
}

TEST(virtio_queue, loses_no_notification_in_any_order)
{
	static const uint16_t sizes[] = { 1, 2, 8, 256 };

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		run_steps(sizes[i], BASIC, 3000);
		run_steps(sizes[i], EVENTS, 3000);
	}
	/* Around all indices, twice. */
	run_steps(16, BASIC, 140000);
	run_steps(16, EVENTS, 140000);
}

TEST(virtio_queue, is_full_and_then_empty)
{
	for (uint64_t features = BASIC; ; features = EVENTS) {
		(void)state;
		pair_init(&pair, 256, 256, features);
		pair_advance(&pair, 0xfffe);
		for (unsigned round = 0; round < 3; round++) {
			while (pair_add(&pair, VIRTIO_DRIVER_PIECES_MAX))
				;
			assert_int_equal(pair.queue.free, 0);
			assert_false(virtqueue_ready(&pair.device));
			virtio_driver_queue_kick(&pair.queue);
			while (pair_serve(&pair))
				;
			while (pair_take(&pair))
				;
			assert_int_equal(pair.taken, 256 * (round + 1));
		}
		if (features == EVENTS)
			break;
	}
}

TEST(virtio_queue, keeps_the_bells_quiet)
{
	for (uint64_t features = BASIC; ; features = EVENTS) {
		(void)state;
		pair_init(&pair, 64, 64, features);
		/* A device at work is not notified, a driver at work not interrupted. */
		assert_true(pair_add(&pair, 1));
		virtio_driver_queue_kick(&pair.queue);
		assert_int_equal(pair.notifications, 1);
		virtio_driver_queue_kick(&pair.queue);
		assert_int_equal(pair.notifications, 1);
		assert_true(pair_serve(&pair));
		assert_true(virtqueue_wants_interrupt(&pair.device));
		virtqueue_set_notify(&pair.device, false);
		assert_true(pair_take(&pair));
		for (unsigned i = 0; i < 40; i++) {
			assert_true(pair_add(&pair, 3));
			virtio_driver_queue_kick(&pair.queue);
			assert_true(pair_serve(&pair));
			assert_false(virtqueue_wants_interrupt(&pair.device));
		}
		assert_int_equal(pair.notifications, 1);
		assert_true(virtio_driver_queue_wait(&pair.queue));
		if (features == EVENTS)
			break;
	}
}

TEST(virtio_queue, drops_what_is_left)
{
	unsigned dropped = 0;
	struct pair_buffer *buffer;

	(void)state;
	pair_init(&pair, 16, 16, EVENTS);
	while (pair_add(&pair, 4))
		;
	virtio_driver_queue_kick(&pair.queue);
	for (unsigned i = 0; i < 5; i++)
		assert_true(pair_serve(&pair) && pair_take(&pair));
	while ((buffer = virtio_driver_queue_drop(&pair.queue)) != NULL) {
		assert_true(buffer->used);
		buffer->used = false;
		dropped++;
	}
	assert_int_equal(dropped, 11);
}

static void lie(uint16_t index, uint32_t id, uint32_t written)
{
	uint8_t *ring = memory_at(&pair.memory, pair.device.used, 12);
	uint32_t fields[2] = { id, written };

	memcpy(ring + 4, fields, 8);
	memcpy(ring + 2, &index, 2);
}

static void expect_error(void)
{
	struct virtio_piece piece = { PAIR_BASE, 8, false };
	uint32_t written;

	for (unsigned i = 0; i < 2; i++) {
		bool error = false;

		assert_null(virtio_driver_queue_take(&pair.queue, &written, &error));
		assert_true(error);
		lie(0, 0, 0);
	}
	assert_false(virtio_driver_queue_add(&pair.queue, &piece, 1, &pair));
	assert_false(virtio_driver_queue_wait(&pair.queue));
	assert_non_null(virtio_driver_queue_drop(&pair.queue));
}

TEST(virtio_queue, refuses_a_ring_that_makes_no_sense)
{
	static const struct {
		uint16_t index;
		uint32_t id, written;
	} lies[] = { { 1, 1, 0 }, { 1, 8, 0 }, { 1, UINT32_MAX, 0 }, { 1, 0, 17 }, { 2, 0, 0 }, { 0xffff, 0, 0 } };

	(void)state;
	for (unsigned i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		struct virtio_piece piece[2] = { { PAIR_BASE, 8, false }, { PAIR_BASE, 16, true } };

		pair_init(&pair, 8, 8, EVENTS);
		assert_true(virtio_driver_queue_add(&pair.queue, piece, 2, &pair));
		virtio_driver_queue_kick(&pair.queue);
		lie(lies[i].index, lies[i].id, lies[i].written);
		expect_error();
	}
	/* A buffer twice. */
	pair_init(&pair, 8, 8, EVENTS);
	assert_true(pair_add(&pair, 1) && pair_add(&pair, 1));
	virtio_driver_queue_kick(&pair.queue);
	assert_true(pair_serve(&pair) && pair_take(&pair));
	memcpy((uint8_t *)memory_at(&pair.memory, pair.device.used, 20) + 12, (uint8_t *)memory_at(&pair.memory, pair.device.used, 20) + 4, 8);
	lie(2, 0, 0);
	expect_error();
	/* One that the device was not yet given. */
	pair_init(&pair, 8, 8, EVENTS);
	assert_true(pair_add(&pair, 1));
	lie(1, 0, 0);
	expect_error();
}

/* A line between the two threads. */
struct line {
	pthread_mutex_t mutex;
	pthread_cond_t raised;
	bool pending;
};
static struct line bell = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false };
static struct line interrupt = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false };
#define BUFFERS 150000u
#define LOST_SECONDS 30

static void line_raise(struct line *line)
{
	pthread_mutex_lock(&line->mutex);
	line->pending = true;
	pthread_cond_signal(&line->raised);
	pthread_mutex_unlock(&line->mutex);
}

/* false: nobody raised it. */
static bool line_wait(struct line *line)
{
	struct timespec deadline;
	int lost = 0;

	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += LOST_SECONDS;
	pthread_mutex_lock(&line->mutex);
	while (!line->pending && !lost)
		lost = pthread_cond_timedwait(&line->raised, &line->mutex, &deadline);
	line->pending = false;
	pthread_mutex_unlock(&line->mutex);
	return !lost;
}

static void ring_bell(struct pair *of)
{
	(void)of;
	line_raise(&bell);
}

static void *device_thread(void *lost)
{
	while (pair.served < BUFFERS) {
		virtqueue_set_notify(&pair.device, false);
		while (pair_serve(&pair)) {
			if (virtqueue_wants_interrupt(&pair.device))
				line_raise(&interrupt);
		}
		virtqueue_set_notify(&pair.device, true);
		if (pair.served < BUFFERS && !virtqueue_ready(&pair.device) && !line_wait(&bell)) {
			*(bool *)lost = true;
			break;
		}
	}
	return NULL;
}

static void run_threads(uint16_t size, uint64_t features)
{
	pthread_t thread;
	bool device_lost = false, driver_lost = false;

	pair_init(&pair, size, size, features);
	pair.notify = ring_bell;
	assert_int_equal(pthread_create(&thread, NULL, device_thread, &device_lost), 0);
	while (pair.taken < BUFFERS && !driver_lost) {
		while (pair.added < BUFFERS && pair_add(&pair, 3))
			virtio_driver_queue_kick(&pair.queue);
		while (pair_take(&pair))
			;
		/* Mostly the queue is full here, so only the device can go on. */
		if (pair.taken < BUFFERS && !virtio_driver_queue_wait(&pair.queue) &&
		    (pair.added == BUFFERS || pair.queue.free == 0))
			driver_lost = !line_wait(&interrupt);
	}
	pthread_join(thread, NULL);
	assert_false(driver_lost || device_lost);
	assert_int_equal(pair.served, BUFFERS);
}

TEST(virtio_queue, loses_no_notification_between_threads)
{
	(void)state;
	run_threads(4, BASIC);
	run_threads(4, EVENTS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(virtio_queue, agrees_on_a_size), RUN(virtio_queue, refuses_what_it_cannot_describe),
		RUN(virtio_queue, loses_no_notification_in_any_order), RUN(virtio_queue, is_full_and_then_empty),
		RUN(virtio_queue, keeps_the_bells_quiet), RUN(virtio_queue, drops_what_is_left),
		RUN(virtio_queue, refuses_a_ring_that_makes_no_sense), RUN(virtio_queue, loses_no_notification_between_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
