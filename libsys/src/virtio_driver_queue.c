/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Driver side of a split virtqueue. A buffer takes one entry of the descriptor table, and with more than one piece the indirect table
 * of that entry: there are as many buffers as entries. What must not be lost is kept out of the memory that the device can write.
 */
#include <libsys/virtio_driver.h>

#define DESCRIPTOR_SIZE 16u
#define TABLE_SIZE (DESCRIPTOR_SIZE * VIRTIO_DRIVER_PIECES_MAX)

enum { DESCRIPTOR_NEXT = 1, DESCRIPTOR_WRITE = 2, DESCRIPTOR_INDIRECT = 4 };
enum { AVAILABLE_NO_INTERRUPT = 1, USED_NO_NOTIFY = 1 };

struct descriptor {
	uint64_t address;
	uint32_t length;
	uint16_t flags;
	uint16_t next;
};
_Static_assert(sizeof(struct descriptor) == DESCRIPTOR_SIZE, "virtio 1.2, section 2.7.5");

/* Sections 2.7.6 and 2.7.8; after the ring is the index of the other side's next event. */
struct available {
	uint16_t flags, index, ring[];
};

struct used {
	uint16_t flags, index;
	struct {
		uint32_t id, written;
	} ring[];
};

static inline size_t available_offset(uint16_t size)
{
	return DESCRIPTOR_SIZE * (size_t)size;
}

static inline size_t used_offset(uint16_t size)
{
	return (available_offset(size) + 6 + 2 * (size_t)size + 3) & ~(size_t)3;
}

static inline size_t tables_offset(uint16_t size)
{
	return (used_offset(size) + 6 + 8 * (size_t)size + 15) & ~(size_t)15;
}

static inline struct available *available_of(const struct virtio_driver_queue *queue)
{
	return (struct available *)(void *)(queue->memory + available_offset(queue->size));
}

static inline struct used *used_of(const struct virtio_driver_queue *queue)
{
	return (struct used *)(void *)(queue->memory + used_offset(queue->size));
}

static inline uint16_t load(const uint16_t *field)
{
	return __atomic_load_n(field, __ATOMIC_RELAXED);
}

static inline void store(uint16_t *field, uint16_t value)
{
	__atomic_store_n(field, value, __ATOMIC_RELAXED);
}

/* From this index of the available ring on the device asks for a notification. */
static inline uint16_t available_event(const struct virtio_driver_queue *queue)
{
	return load((const uint16_t *)(const void *)&used_of(queue)->ring[queue->size]);
}

size_t virtio_driver_queue_bytes(uint16_t size)
{
	return tables_offset(size) + TABLE_SIZE * (size_t)size;
}

enum err virtio_driver_queue_open(struct virtio_driver *driver, struct virtio_driver_queue *queue, unsigned number, uint16_t size,
				  uint8_t *memory, uint64_t physical, uint64_t features)
{
	uint16_t largest = driver->ops->queue_size(driver, number);
	uint16_t entries = 1;

	if (largest > size)
		largest = size;
	if (largest > VIRTIO_DRIVER_QUEUE_MAX)
		largest = VIRTIO_DRIVER_QUEUE_MAX;
	if (largest == 0 || !(features & VIRTIO_F_INDIRECT_DESC))
		return ERR_INVALID_ARGUMENT;
	while (entries * 2u <= largest)
		entries *= 2;
	*queue = (struct virtio_driver_queue){
		.driver = driver, .number = number, .size = entries, .event_index = features & VIRTIO_F_EVENT_IDX,
		.memory = memory, .physical = physical, .free = entries,
	};
	for (uint16_t i = 0; i < entries; i++)
		queue->next_free[i] = (uint16_t)(i + 1);
	driver->ops->queue_enable(driver, number, entries, physical, physical + available_offset(entries),
				  physical + used_offset(entries));
	return ERR_OK;
}

static void describe(struct descriptor *descriptor, const struct virtio_piece *piece)
{
	*descriptor = (struct descriptor){ .address = piece->physical, .length = piece->length,
					   .flags = piece->write ? DESCRIPTOR_WRITE : 0 };
}

__attribute__((hot)) bool virtio_driver_queue_add(struct virtio_driver_queue *queue, const struct virtio_piece *piece, unsigned pieces,
						  void *token)
{
	struct descriptor *descriptor = (struct descriptor *)(void *)queue->memory;
	uint16_t entry = queue->free_head;
	uint64_t writable = 0;

	if (queue->free == 0 || queue->broken || !token || pieces == 0 || pieces > VIRTIO_DRIVER_PIECES_MAX || pieces > queue->size)
		return false;
	for (unsigned i = 0; i < pieces; i++)
		writable += piece[i].write ? piece[i].length : 0;
	if (pieces == 1) {
		describe(&descriptor[entry], piece);
	} else {
		size_t offset = tables_offset(queue->size) + TABLE_SIZE * (size_t)entry;
		struct descriptor *table = (struct descriptor *)(void *)(queue->memory + offset);

		for (unsigned i = 0; i < pieces; i++) {
			describe(&table[i], &piece[i]);
			if (i + 1 < pieces) {
				table[i].flags |= DESCRIPTOR_NEXT;
				table[i].next = (uint16_t)(i + 1);
			}
		}
		descriptor[entry] = (struct descriptor){ .address = queue->physical + offset, .length = DESCRIPTOR_SIZE * pieces,
							 .flags = DESCRIPTOR_INDIRECT };
	}
	queue->free_head = queue->next_free[entry];
	queue->free--;
	queue->token[entry] = token;
	queue->writable[entry] = writable < UINT32_MAX ? (uint32_t)writable : UINT32_MAX;
	store(&available_of(queue)->ring[queue->next_available & (queue->size - 1u)], entry);
	queue->next_available++;
	return true;
}

void virtio_driver_queue_kick(struct virtio_driver_queue *queue)
{
	uint16_t before = queue->published;
	uint16_t added = (uint16_t)(queue->next_available - before);
	bool wanted;

	if (added == 0 || queue->broken)
		return;
	__atomic_thread_fence(__ATOMIC_RELEASE);
	store(&available_of(queue)->index, queue->next_available);
	queue->published = queue->next_available;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	/* With an event index: whether the new index passed it (section 2.7.10.1). */
	if (queue->event_index)
		wanted = (uint16_t)(queue->next_available - available_event(queue) - 1u) < added;
	else
		wanted = !(load(&used_of(queue)->flags) & USED_NO_NOTIFY);
	if (wanted)
		queue->driver->ops->notify(queue->driver, queue->number);
}

static void *release(struct virtio_driver_queue *queue, uint16_t entry)
{
	void *token = queue->token[entry];

	queue->token[entry] = NULL;
	queue->next_free[entry] = queue->free_head;
	queue->free_head = entry;
	queue->free++;
	return token;
}

static __attribute__((cold)) void *fail(struct virtio_driver_queue *queue, bool *error)
{
	queue->broken = true;
	*error = true;
	return NULL;
}

__attribute__((hot)) void *virtio_driver_queue_take(struct virtio_driver_queue *queue, uint32_t *written, bool *error)
{
	const struct used *used = used_of(queue);
	uint16_t returned = (uint16_t)(load(&used->index) - queue->seen_used);
	unsigned place = queue->seen_used & (queue->size - 1u);
	uint32_t id, bytes;

	*error = queue->broken;
	if (returned == 0 || queue->broken)
		return NULL;
	/* No more than the device was given. */
	if (returned > queue->size - queue->free - (uint16_t)(queue->next_available - queue->published))
		return fail(queue, error);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	id = __atomic_load_n(&used->ring[place].id, __ATOMIC_RELAXED);
	bytes = __atomic_load_n(&used->ring[place].written, __ATOMIC_RELAXED);
	if (id >= queue->size || !queue->token[id] || bytes > queue->writable[id])
		return fail(queue, error);
	/* No interrupts until the caller waits; an event index that is left behind asks for none. */
	if (!queue->event_index)
		store(&available_of(queue)->flags, AVAILABLE_NO_INTERRUPT);
	queue->seen_used++;
	*written = bytes;
	return release(queue, (uint16_t)id);
}

bool virtio_driver_queue_wait(struct virtio_driver_queue *queue)
{
	struct available *available = available_of(queue);

	if (queue->broken)
		return false;
	if (queue->event_index)
		store(&available->ring[queue->size], queue->seen_used);
	else
		store(&available->flags, 0);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return load(&used_of(queue)->index) != queue->seen_used;
}

void *virtio_driver_queue_drop(struct virtio_driver_queue *queue)
{
	for (uint16_t entry = 0; queue->free < queue->size && entry < queue->size; entry++) {
		if (queue->token[entry])
			return release(queue, entry);
	}
	return NULL;
}
