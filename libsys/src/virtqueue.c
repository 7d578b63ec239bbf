/* SPDX-License-Identifier: Apache-2.0 */
/* Device side of a split virtqueue. All fields are little-endian, as both machines are. */
#include <libsys/virtqueue.h>

#define DESCRIPTOR_SIZE 16u
#define USED_ELEMENT_SIZE 8u
#define RING_HEADER 4u /* flags and index */

enum { DESCRIPTOR_NEXT = 1, DESCRIPTOR_WRITE = 2, DESCRIPTOR_INDIRECT = 4 };
enum { AVAILABLE_NO_INTERRUPT = 1, USED_NO_NOTIFY = 1 };

struct descriptor {
	uint64_t address;
	uint32_t length;
	uint16_t flags;
	uint16_t next;
};

/* A field of a ring, which the guest may be writing. */
static inline uint16_t ring_load(const uint8_t *field)
{
	return __atomic_load_n((const uint16_t *)(const void *)field, __ATOMIC_RELAXED);
}

static inline void ring_store(uint8_t *field, uint16_t value)
{
	__atomic_store_n((uint16_t *)(void *)field, value, __ATOMIC_RELAXED);
}

/* The field used_event, after the available ring. */
static inline const uint8_t *used_event(const struct virtqueue *queue)
{
	return queue->available_ring + RING_HEADER + 2u * queue->size;
}

/* The field avail_event, after the used ring. */
static inline uint8_t *available_event(const struct virtqueue *queue)
{
	return queue->used_ring + RING_HEADER + USED_ELEMENT_SIZE * queue->size;
}

/* Reads each byte once, whatever the guest does meanwhile. Words that hold a part of the descriptor are in its page. */
static inline struct descriptor descriptor_copy(const uint8_t *from)
{
	uint64_t offset = (uintptr_t)from & 7;
	const uint64_t *word = (const uint64_t *)(const void *)(from - offset);
	uint64_t low = __atomic_load_n(&word[0], __ATOMIC_RELAXED), high = __atomic_load_n(&word[1], __ATOMIC_RELAXED);

	/* Nothing says how an indirect table is aligned. */
	if (offset) {
		uint64_t last = __atomic_load_n(&word[2], __ATOMIC_RELAXED), right = 8 * offset, left = 64 - right;

		low = low >> right | high << left;
		high = high >> right | last << left;
	}
	return (struct descriptor){ .address = low, .length = (uint32_t)high, .flags = (uint16_t)(high >> 32),
				    .next = (uint16_t)(high >> 48) };
}

void virtqueue_reset(struct virtqueue *queue, uint16_t size_max)
{
	*queue = (struct virtqueue){ .size = size_max, .size_max = size_max };
}

bool virtqueue_enable(struct virtqueue *queue, const struct guest_memory *memory)
{
	uint32_t size = queue->size;
	uint32_t event = queue->event_index ? 2 : 0;

	if (size == 0 || size > queue->size_max || (size & (size - 1)))
		return false;
	if ((queue->descriptors & 15) || (queue->available & 1) || (queue->used & 3))
		return false;
	queue->descriptor_table = memory_at(memory, queue->descriptors, DESCRIPTOR_SIZE * size);
	queue->available_ring = memory_at(memory, queue->available, RING_HEADER + 2 * size + event);
	queue->used_ring = memory_at(memory, queue->used, RING_HEADER + USED_ELEMENT_SIZE * size + event);
	if (!queue->descriptor_table || !queue->available_ring || !queue->used_ring)
		return false;
	queue->enabled = true;
	return true;
}

bool virtqueue_ready(const struct virtqueue *queue)
{
	return queue->enabled && !queue->broken && ring_load(queue->available_ring + 2) != queue->next_available;
}

uint16_t virtqueue_waiting(const struct virtqueue *queue)
{
	return queue->enabled ? (uint16_t)(ring_load(queue->available_ring + 2) - queue->next_available) : 0;
}

bool virtqueue_caught_up(const struct virtqueue *queue)
{
	return queue->event_index && ring_load(used_event(queue)) == virtqueue_used_index(queue);
}

static inline void begin_chain(const struct virtqueue *queue, uint16_t head, struct virtqueue_chain *chain)
{
	*chain = (struct virtqueue_chain){ .head = head, .next = head, .left = queue->size, .entries = queue->size,
					   .table = queue->descriptor_table };
}

void virtqueue_chain_at(const struct virtqueue *queue, uint16_t head, struct virtqueue_chain *chain)
{
	begin_chain(queue, head, chain);
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
	begin_chain(queue, ring_load(queue->available_ring + RING_HEADER + 2u * (queue->next_available & (queue->size - 1u))),
		    chain);
	if (chain->head >= queue->size) {
		queue->broken = true;
		return false;
	}
	queue->next_available++;
	return true;
}

static __attribute__((cold)) bool fail(struct virtqueue *queue, struct virtqueue_chain *chain)
{
	queue->broken = true;
	chain->left = 0;
	return false;
}

/*
 * Goes on in an indirect table (section 2.7.5.3). The descriptor that names it is the chain's last outside, is not part of its
 * length, and its write flag means nothing; a table has no tables in it.
 */
static bool enter_table(const struct virtqueue *queue, const struct guest_memory *memory, struct virtqueue_chain *chain,
			const struct descriptor *descriptor)
{
	if (!queue->indirect || chain->indirect || (descriptor->flags & DESCRIPTOR_NEXT) ||
	    descriptor->length == 0 || descriptor->length % DESCRIPTOR_SIZE)
		return false;
	chain->table = memory_at(memory, descriptor->address, descriptor->length);
	chain->entries = descriptor->length / DESCRIPTOR_SIZE;
	chain->indirect = true;
	chain->next = 0;
	if (chain->left > chain->entries)
		chain->left = chain->entries;
	return chain->table;
}

__attribute__((hot)) bool virtqueue_next(struct virtqueue *queue, const struct guest_memory *memory,
					 struct virtqueue_chain *chain, struct virtqueue_segment *segment)
{
	struct descriptor descriptor;

	if (chain->left == 0)
		return false;
	if (chain->next >= chain->entries)
		return fail(queue, chain);
	descriptor = descriptor_copy(chain->table + DESCRIPTOR_SIZE * chain->next);
	if (descriptor.flags & DESCRIPTOR_INDIRECT) {
		if (!enter_table(queue, memory, chain, &descriptor))
			return fail(queue, chain);
		descriptor = descriptor_copy(chain->table);
		if (descriptor.flags & DESCRIPTOR_INDIRECT)
			return fail(queue, chain);
	}
	segment->data = memory_at(memory, descriptor.address, descriptor.length);
	segment->length = descriptor.length;
	segment->write = descriptor.flags & DESCRIPTOR_WRITE;
	chain->left--;
	chain->next = descriptor.next;
	if (!segment->data || (chain->written && !segment->write) ||
	    ((descriptor.flags & DESCRIPTOR_NEXT) && chain->left == 0))
		return fail(queue, chain);
	chain->written = segment->write;
	if (!(descriptor.flags & DESCRIPTOR_NEXT))
		chain->left = 0;
	return true;
}

static inline void put(struct virtqueue *queue, uint16_t head, uint32_t written)
{
	uint8_t *element = queue->used_ring + RING_HEADER + USED_ELEMENT_SIZE * (queue->next_used & (queue->size - 1u));
	volatile uint32_t *field = (uint32_t *)(void *)element; /* an atomic store of 32 bits is a swap to this compiler */

	field[0] = head;
	field[1] = written;
	queue->next_used++;
}

static inline void publish(struct virtqueue *queue)
{
	__atomic_thread_fence(__ATOMIC_RELEASE);
	ring_store(queue->used_ring + 2, queue->next_used);
}

void virtqueue_put(struct virtqueue *queue, uint16_t head, uint32_t written)
{
	put(queue, head, written);
}

void virtqueue_publish(struct virtqueue *queue)
{
	publish(queue);
}

__attribute__((hot)) void virtqueue_push(struct virtqueue *queue, const struct virtqueue_chain *chain, uint32_t written)
{
	put(queue, chain->head, written);
	publish(queue);
}

bool virtqueue_wants_interrupt(struct virtqueue *queue)
{
	uint16_t before = queue->signalled_used;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!queue->event_index)
		return !(ring_load(queue->available_ring) & AVAILABLE_NO_INTERRUPT);
	/* Whether the index passed used_event since (section 2.7.7.2). */
	queue->signalled_used = queue->next_used;
	return (uint16_t)(queue->next_used - ring_load(used_event(queue)) - 1u) < (uint16_t)(queue->next_used - before);
}

void virtqueue_set_notify(struct virtqueue *queue, bool notify)
{
	if (!queue->enabled)
		return;
	/* An event index that is left behind asks for nothing (section 2.7.10). */
	if (!queue->event_index)
		ring_store(queue->used_ring, notify ? 0 : USED_NO_NOTIFY);
	else if (notify)
		ring_store(available_event(queue), queue->next_available);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void virtqueue_notify_after(struct virtqueue *queue, uint16_t count)
{
	uint16_t most = queue->size / 2u;

	if (!queue->enabled || !queue->event_index) {
		virtqueue_set_notify(queue, false);
		return;
	}
	ring_store(available_event(queue), (uint16_t)(queue->next_available + (unsigned)(count < most ? count : most) - 1u));
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

uint16_t virtqueue_used_index(const struct virtqueue *queue)
{
	return ring_load(queue->used_ring + 2);
}
