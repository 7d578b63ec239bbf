/* SPDX-License-Identifier: Apache-2.0 */
#include <libsys/channel.h>

#include <string.h>

void ring_open(struct ring_end *end, struct console_ring *ring, uint8_t *bytes, uint32_t size)
{
	*end = (struct ring_end){ .ring = ring, .bytes = bytes, .size = size };
}

static uint32_t load_head(const struct ring_end *end)
{
	return __atomic_load_n(&end->ring->head, __ATOMIC_ACQUIRE);
}

static uint32_t load_tail(const struct ring_end *end)
{
	return __atomic_load_n(&end->ring->tail, __ATOMIC_ACQUIRE);
}

void ring_reset_producer(struct ring_end *end)
{
	uint32_t tail = load_tail(end);

	end->index = load_head(end);
	if (end->index - tail > end->size) {
		end->index = tail;
		__atomic_store_n(&end->ring->head, tail, __ATOMIC_RELEASE);
	}
}

void ring_reset_consumer(struct ring_end *end)
{
	uint32_t head = load_head(end);

	end->index = load_tail(end);
	if (head - end->index > end->size) {
		end->index = head;
		__atomic_store_n(&end->ring->tail, head, __ATOMIC_RELEASE);
	}
}

size_t ring_readable(const struct ring_end *end)
{
	uint32_t count = load_head(end) - end->index;

	return count > end->size ? 0 : count;
}

size_t ring_writable(const struct ring_end *end)
{
	uint32_t used = end->index - load_tail(end);

	return used > end->size ? end->size : end->size - used;
}

size_t ring_write(struct ring_end *end, const void *data, size_t length)
{
	uint32_t tail = load_tail(end), used = end->index - tail;

	if (used > end->size) { /* the consumer wrote nonsense: the ring is empty from there */
		end->index = tail;
		used = 0;
	}
	size_t room = end->size - used, count = length < room ? length : room;
	uint32_t offset = end->index & (end->size - 1);
	size_t first = end->size - offset;

	if (first > count)
		first = count;
	memcpy(end->bytes + offset, data, first);
	memcpy(end->bytes, (const uint8_t *)data + first, count - first);
	end->index += (uint32_t)count;
	__atomic_store_n(&end->ring->head, end->index, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return count;
}

size_t ring_read(struct ring_end *end, void *data, size_t length)
{
	uint32_t head = load_head(end), available = head - end->index;

	if (available > end->size) { /* the producer wrote nonsense: drop all of it */
		end->index = head;
		available = 0;
	}
	size_t count = length < available ? length : available;
	uint32_t offset = end->index & (end->size - 1);
	size_t first = end->size - offset;

	if (first > count)
		first = count;
	memcpy(data, end->bytes + offset, first);
	memcpy((uint8_t *)data + first, end->bytes, count - first);
	end->index += (uint32_t)count;
	__atomic_store_n(&end->ring->tail, end->index, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return count;
}
