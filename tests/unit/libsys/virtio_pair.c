/* SPDX-License-Identifier: Apache-2.0 */
#include "virtio_pair.h"

#include <stdlib.h>
#include <string.h>

#define CHECK(condition) do { if (!(condition)) abort(); } while (0)

static _Alignas(4096) uint8_t ram[PAIR_RAM];

static struct pair *pair_of(struct virtio_driver *driver)
{
	return (struct pair *)driver;
}

static uint16_t queue_size(struct virtio_driver *driver, unsigned queue)
{
	return queue == 0 ? pair_of(driver)->device_size : 0;
}

static void queue_enable(struct virtio_driver *driver, unsigned queue, uint16_t size, uint64_t descriptors, uint64_t available,
			 uint64_t used)
{
	struct pair *pair = pair_of(driver);

	CHECK(queue == 0);
	virtqueue_reset(&pair->device, pair->device_size);
	pair->device.size = size;
	pair->device.descriptors = descriptors;
	pair->device.available = available;
	pair->device.used = used;
	pair->device.event_index = pair->features & VIRTIO_F_EVENT_IDX;
	pair->device.indirect = pair->features & VIRTIO_F_INDIRECT_DESC;
	CHECK(virtqueue_enable(&pair->device, &pair->memory));
}

static void notify(struct virtio_driver *driver, unsigned queue)
{
	struct pair *pair = pair_of(driver);

	CHECK(queue == 0);
	pair->notifications++;
	if (pair->notify)
		pair->notify(pair);
	else
		pair->notified++;
}

void pair_init(struct pair *pair, uint16_t device_size, uint16_t driver_size, uint64_t features)
{
	static const struct virtio_transport_ops ops = { .queue_size = queue_size, .queue_enable = queue_enable, .notify = notify };

	memset(ram, 0, PAIR_QUEUE_BYTES);
	*pair = (struct pair){ .driver = { .ops = &ops }, .memory = { ram, PAIR_BASE, sizeof(ram) }, .device_size = device_size,
			       .features = features, .random = 88172645463325252u };
	CHECK(virtio_driver_queue_bytes(driver_size) <= PAIR_QUEUE_BYTES);
	CHECK(!virtio_driver_queue_open(&pair->driver, &pair->queue, 0, driver_size, ram, PAIR_BASE, features));
}

void pair_advance(struct pair *pair, uint16_t index)
{
	uint16_t *fields[2];

	pair->queue.next_available = pair->queue.published = pair->queue.seen_used = index;
	pair->device.next_available = pair->device.next_used = pair->device.signalled_used = index;
	fields[0] = memory_at(&pair->memory, pair->device.available, 4);
	fields[1] = memory_at(&pair->memory, pair->device.used, 4);
	fields[0][1] = fields[1][1] = index;
	CHECK(!virtio_driver_queue_wait(&pair->queue));
	virtqueue_set_notify(&pair->device, true);
}

uint32_t pair_random(struct pair *pair, uint32_t below)
{
	pair->random ^= pair->random << 13;
	pair->random ^= pair->random >> 7;
	pair->random ^= pair->random << 17;
	return (uint32_t)(pair->random >> 32) % below;
}

bool pair_add(struct pair *pair, unsigned pieces)
{
	struct virtio_piece piece[VIRTIO_DRIVER_PIECES_MAX];
	struct pair_buffer *buffer = pair->buffer;
	uint32_t offset;
	unsigned count, readable;

	while (buffer->used && buffer < pair->buffer + pair->queue.size - 1)
		buffer++;
	buffer->index = (unsigned)(buffer - pair->buffer);
	offset = PAIR_QUEUE_BYTES + PAIR_SLOT * buffer->index;
	count = 1 + pair_random(pair, pieces < pair->queue.size ? pieces : pair->queue.size);
	readable = pair_random(pair, count + 1);
	if (!buffer->used) {
		buffer->sequence = pair->added;
		buffer->writable = 0;
		memcpy(ram + offset, &buffer->sequence, 8);
	}
	for (unsigned i = 0; i < count; i++) {
		uint32_t length = 8 + pair_random(pair, PAIR_PIECE - 7);

		piece[i] = (struct virtio_piece){ PAIR_BASE + offset + PAIR_PIECE * i, length, i >= readable };
		if (i >= readable && !buffer->used)
			buffer->writable += length;
	}
	if (!virtio_driver_queue_add(&pair->queue, piece, count, buffer)) {
		CHECK(pair->queue.free == 0);
		return false;
	}
	CHECK(!buffer->used);
	buffer->used = true;
	pair->added++;
	return true;
}

bool pair_take(struct pair *pair)
{
	uint32_t written;
	bool error;
	struct pair_buffer *buffer = virtio_driver_queue_take(&pair->queue, &written, &error);

	CHECK(!error);
	if (!buffer)
		return false;
	CHECK(buffer->used && written == buffer->writable);
	buffer->used = false;
	pair->taken++;
	return true;
}

bool pair_serve(struct pair *pair)
{
	struct virtqueue_chain chain;
	struct virtqueue_segment segment;
	uint32_t written = 0;
	uint64_t first = UINT64_MAX;

	if (!virtqueue_pop(&pair->device, &chain)) {
		CHECK(!pair->device.broken);
		return false;
	}
	while (virtqueue_next(&pair->device, &pair->memory, &chain, &segment)) {
		CHECK(segment.length >= 8 && segment.length <= PAIR_PIECE);
		if (segment.write) {
			memset(segment.data, 0x5a, segment.length);
			written += segment.length;
		} else if (first == UINT64_MAX) {
			memcpy(&first, segment.data, 8);
			CHECK(first == pair->served);
		}
	}
	CHECK(!pair->device.broken);
	virtqueue_push(&pair->device, &chain, written);
	pair->served++;
	return true;
}
