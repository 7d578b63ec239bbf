/* SPDX-License-Identifier: Apache-2.0 */
/* Split virtqueue. All fields are little-endian, as both machines are. */
#include <string.h>
#include "virtqueue.h"

#define DESCRIPTOR_SIZE 16u
#define USED_ELEMENT_SIZE 8u
#define RING_HEADER 4u /* flags and index */

enum { DESCRIPTOR_NEXT = 1, DESCRIPTOR_WRITE = 2, DESCRIPTOR_INDIRECT = 4 };
enum { AVAILABLE_NO_INTERRUPT = 1, USED_NO_NOTIFY = 1 };

/* A field of a ring, which the guest may be writing. */
static inline uint16_t ring_load(const uint8_t *field)
{
	return __atomic_load_n((const uint16_t *)(const void *)field, __ATOMIC_RELAXED);
}

static inline void ring_store(uint8_t *field, uint16_t value)
{
	__atomic_store_n((uint16_t *)(void *)field, value, __ATOMIC_RELAXED);
}

void virtqueue_reset(struct virtqueue *queue, uint16_t size_max)
{
	*queue = (struct virtqueue){ .size = size_max, .size_max = size_max };
}

bool virtqueue_enable(struct virtqueue *queue, const struct guest_memory *memory)
{
	uint32_t size = queue->size;

	if (size == 0 || size > queue->size_max || (size & (size - 1)))
		return false;
	if ((queue->descriptors & 15) || (queue->available & 1) || (queue->used & 3))
		return false;
	queue->descriptor_table = memory_at(memory, queue->descriptors, DESCRIPTOR_SIZE * size);
	queue->available_ring = memory_at(memory, queue->available, RING_HEADER + 2 * size);
	queue->used_ring = memory_at(memory, queue->used, RING_HEADER + USED_ELEMENT_SIZE * size);
	if (!queue->descriptor_table || !queue->available_ring || !queue->used_ring)
		return false;
	queue->enabled = true;
	return true;
}

bool virtqueue_ready(const struct virtqueue *queue)
{
	return queue->enabled && !queue->broken && ring_load(queue->available_ring + 2) != queue->next_available;
}

__attribute__((hot)) bool virtqueue_pop(struct virtqueue *queue, struct virtqueue_chain *chain)
{
	uint16_t index, waiting;

	if (!queue->enabled || queue->broken)
		return false;
	index = ring_load(queue->available_ring + 2);
	waiting = (uint16_t)(index - queue->next_available);
	if (waiting == 0)
		return false;
	if (waiting > queue->size) {
		queue->broken = true;
		return false;
	}
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	chain->head = ring_load(queue->available_ring + RING_HEADER +
				2u * (queue->next_available & (queue->size - 1u)));
	chain->next = chain->head;
	chain->left = queue->size;
	queue->next_available++;
	return true;
}

__attribute__((hot)) bool virtqueue_next(struct virtqueue *queue, const struct guest_memory *memory,
					 struct virtqueue_chain *chain, struct virtqueue_segment *segment)
{
	struct {
		uint64_t address;
		uint32_t length;
		uint16_t flags;
		uint16_t next;
	} descriptor;

	if (chain->left == 0)
		return false;
	if (chain->next >= queue->size) {
		queue->broken = true;
		return false;
	}
	memcpy(&descriptor, queue->descriptor_table + DESCRIPTOR_SIZE * chain->next, sizeof(descriptor));
	segment->data = memory_at(memory, descriptor.address, descriptor.length);
	segment->length = descriptor.length;
	segment->write = descriptor.flags & DESCRIPTOR_WRITE;
	chain->left--;
	chain->next = descriptor.next;
	if (!segment->data || (descriptor.flags & DESCRIPTOR_INDIRECT) ||
	    ((descriptor.flags & DESCRIPTOR_NEXT) && chain->left == 0)) {
		queue->broken = true;
		return false;
	}
	if (!(descriptor.flags & DESCRIPTOR_NEXT))
		chain->left = 0;
	return true;
}

__attribute__((hot)) void virtqueue_push(struct virtqueue *queue, const struct virtqueue_chain *chain, uint32_t written)
{
	uint8_t *element = queue->used_ring + RING_HEADER + USED_ELEMENT_SIZE * (queue->next_used & (queue->size - 1u));
	uint32_t fields[2] = { chain->head, written };

	memcpy(element, fields, sizeof(fields));
	queue->next_used++;
	__atomic_thread_fence(__ATOMIC_RELEASE);
	ring_store(queue->used_ring + 2, queue->next_used);
}

bool virtqueue_wants_interrupt(const struct virtqueue *queue)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return !(ring_load(queue->available_ring) & AVAILABLE_NO_INTERRUPT);
}

void virtqueue_set_notify(struct virtqueue *queue, bool notify)
{
	if (!queue->enabled)
		return;
	ring_store(queue->used_ring, notify ? 0 : USED_NO_NOTIFY);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}
