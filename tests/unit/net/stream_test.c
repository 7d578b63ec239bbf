/* SPDX-License-Identifier: Apache-2.0 */
/* The virtio console that captures go to, on a device made of the device side of the same queue. */
#include "test.h"

#include <libsys/virtio_driver.h>
#include <libsys/virtqueue.h>
#include <nic.h>
#include <stdlib.h>
#include <string.h>

#include "stream.h"

#define BUS_BASE UINT64_C(0x40000000)
#define SMALL (16u << 10) /* bytes for DMA: a ring that ends soon */

static _Alignas(4096) uint8_t bus[NET_DMA_DEVICE];
static uint8_t file[4u << 20], expected[4u << 20];
static struct {
	uint32_t id;
	uint64_t features;
	uint8_t status;
	uint16_t queue_size;
	struct virtqueue queue[2];
	struct guest_memory memory;
	unsigned kicks, buffers;
	uint32_t length; /* of the file */
} device;
static struct stream stream;
static uint32_t said;

static uint64_t op_features(struct virtio_driver *driver)
{
	(void)driver;
	return device.features;
}

static void op_accept(struct virtio_driver *driver, uint64_t features)
{
	(void)driver;
	(void)features;
}

static uint8_t op_status(struct virtio_driver *driver)
{
	(void)driver;
	return device.status;
}

static void op_set_status(struct virtio_driver *driver, uint8_t status)
{
	(void)driver;
	device.status = status;
}

static uint16_t op_queue_size(struct virtio_driver *driver, unsigned queue)
{
	(void)driver;
	return queue < 2 ? device.queue_size : 0;
}

static void op_queue_enable(struct virtio_driver *driver, unsigned number, uint16_t size, uint64_t descriptors, uint64_t available,
			    uint64_t used)
{
	struct virtqueue *queue = &device.queue[number];

	(void)driver;
	virtqueue_reset(queue, device.queue_size);
	queue->size = size;
	queue->descriptors = descriptors;
	queue->available = available;
	queue->used = used;
	queue->indirect = true;
	assert_true(virtqueue_enable(queue, &device.memory));
}

static void op_notify(struct virtio_driver *driver, unsigned queue)
{
	(void)driver;
	assert_int_equal(queue, 1);
	device.kicks++;
}

static const struct virtio_transport_ops ops = { .features = op_features, .accept = op_accept, .status = op_status,
						 .set_status = op_set_status, .queue_size = op_queue_size,
						 .queue_enable = op_queue_enable, .notify = op_notify };

enum err virtio_mmio_open(struct virtio_driver *driver, volatile uint8_t *registers, size_t size)
{
	*driver = (struct virtio_driver){ .ops = &ops, .device = device.id, .registers = registers, .size = size };
	return size ? ERR_OK : ERR_INVALID_ARGUMENT;
}

enum err virtio_pci_open(struct virtio_driver *driver, volatile uint8_t *config, volatile uint8_t *registers, size_t size)
{
	(void)config;
	return virtio_mmio_open(driver, registers, size);
}

/* The device reads what it was given. */
static void device_read(void)
{
	struct virtqueue_segment segment;
	struct virtqueue_chain chain;

	while (virtqueue_pop(&device.queue[1], &chain)) {
		while (virtqueue_next(&device.queue[1], &device.memory, &chain, &segment)) {
			assert_false(segment.write);
			memcpy(file + device.length, segment.data, segment.length);
			device.length += segment.length;
		}
		assert_false(device.queue[1].broken);
		device.buffers++;
		virtqueue_push(&device.queue[1], &chain, 0);
	}
}

static enum err open_with(size_t dma)
{
	const struct nic_resources resources = { .registers = bus, .registers_size = 4096, .config = bus, .dma = bus,
						 .dma_physical = BUS_BASE, .dma_size = dma };

	return stream_open(&stream, &resources);
}

static int set_up(void **state)
{
	(void)state;
	memset(&device, 0, sizeof(device));
	memset(bus, 0xa5, sizeof(bus));
	said = 0;
	device.id = VIRTIO_ID_CONSOLE;
	device.features = VIRTIO_F_VERSION_1 | VIRTIO_F_INDIRECT_DESC;
	device.queue_size = 128;
	device.memory = (struct guest_memory){ bus, BUS_BASE, sizeof(bus) };
	return 0;
}

static void say(uint32_t length)
{
	for (uint32_t i = 0; i < length; i++)
		expected[said + i] = (uint8_t)((said + i) * 7 ^ (said + i) >> 8);
	stream_write(&stream, expected + said, length);
	said += length;
}

TEST(stream, opens_a_console_only)
{
	assert_int_equal(open_with(NET_DMA_DEVICE), ERR_OK);
	assert_true(stream_room(&stream) > NET_DMA_DEVICE - (64u << 10));
	assert_int_equal(device.status, 15);
	device.id = VIRTIO_ID_NET;
	assert_int_equal(open_with(NET_DMA_DEVICE), ERR_INVALID_ARGUMENT);
	assert_int_equal(stream_room(&stream), 0);
	device.id = VIRTIO_ID_CONSOLE;
	assert_int_equal(open_with(4096), ERR_NO_MEMORY);
	device.queue_size = 1;
	assert_int_equal(open_with(NET_DMA_DEVICE), ERR_RANGE);
	device.queue_size = 0;
	assert_int_equal(open_with(NET_DMA_DEVICE), ERR_RANGE);
	device.features = VIRTIO_F_VERSION_1;
	assert_int_equal(open_with(NET_DMA_DEVICE), ERR_RANGE);
	assert_int_equal(stream_room(&stream), 0);
}

TEST(stream, brings_all_bytes_in_order_round_the_ring)
{
	uint32_t random = 1;

	assert_int_equal(open_with(SMALL), ERR_OK);
	while (said < 1000000) {
		uint32_t length;

		random = random * 1103515245 + 12345;
		length = (random >> 16) % 700;
		if (length > stream_room(&stream))
			length = stream_room(&stream);
		say(length);
		if (random >> 8 & 1)
			assert_null(stream_kick(&stream));
		if (random >> 9 & 1)
			device_read();
	}
	for (unsigned i = 0; i < 3; i++) {
		assert_null(stream_kick(&stream));
		device_read();
	}
	assert_false(stream_waits(&stream));
	assert_int_equal(device.length, said);
	assert_memory_equal(file, expected, said);
}

TEST(stream, gives_one_buffer_at_a_time)
{
	uint32_t room;

	assert_int_equal(open_with(SMALL), ERR_OK);
	room = stream_room(&stream);
	say(100);
	assert_null(stream_kick(&stream));
	for (unsigned i = 0; i < 5; i++) {
		say(10);
		assert_true(stream_waits(&stream));
		assert_null(stream_kick(&stream));
	}
	assert_int_equal(device.kicks, 1);
	assert_int_equal(stream_room(&stream), room - 150);
	device_read();
	assert_int_equal(device.length, 100);
	assert_null(stream_kick(&stream));
	device_read();
	assert_int_equal(device.length, 150);
	assert_int_equal(device.buffers, 2);
	/* All that can wait at all. */
	say(1);
	assert_null(stream_kick(&stream));
	assert_false(stream_is_done(&stream));
	device_read();
	assert_true(stream_is_done(&stream));
	say(stream_room(&stream));
	assert_false(stream_is_done(&stream));
	assert_int_equal(stream_room(&stream), 0);
	assert_null(stream_kick(&stream));
	device_read();
	assert_int_equal(device.length, said);
	assert_memory_equal(file, expected, said);
}

TEST(stream, fails_when_the_device_makes_no_sense)
{
	struct virtqueue_chain chain;

	assert_int_equal(open_with(SMALL), ERR_OK);
	say(100);
	assert_null(stream_kick(&stream));
	say(1);
	assert_true(virtqueue_pop(&device.queue[1], &chain));
	chain.head = 3; /* which it was not given */
	virtqueue_push(&device.queue[1], &chain, 0);
	assert_non_null(stream_kick(&stream));
	assert_int_equal(stream_room(&stream), 0);
	assert_int_equal(device.status, 0);
	assert_false(stream_waits(&stream));
	assert_int_equal(open_with(SMALL), ERR_OK);
	say(100);
	assert_null(stream_kick(&stream));
	say(1);
	device.status |= 0x40;
	assert_non_null(stream_kick(&stream));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(stream_opens_a_console_only, set_up),
		cmocka_unit_test_setup(stream_brings_all_bytes_in_order_round_the_ring, set_up),
		cmocka_unit_test_setup(stream_gives_one_buffer_at_a_time, set_up),
		cmocka_unit_test_setup(stream_fails_when_the_device_makes_no_sense, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
