/* SPDX-License-Identifier: Apache-2.0 */
#include "link.h"

#include <string.h>

#include <libsys/log.h>
#include <libsys/virtio_net.h>

#define FEATURES (VIRTIO_F_VERSION_1 | VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX | VIRTIO_NET_F_CSUM | VIRTIO_NET_F_GUEST_CSUM | \
		  VIRTIO_NET_F_HOST_TSO4 | VIRTIO_NET_F_GUEST_TSO4 | VIRTIO_NET_F_HOST_ECN | VIRTIO_NET_F_GUEST_ECN | VIRTIO_NET_F_MRG_RXBUF)
#define PAGE 4096u
#define FRAME_BUFFERS ((NET_FRAME_MAX + LINK_HEADER + BUFFER_SIZE - 1) / BUFFER_SIZE)

enum { QUEUE_RECEIVE = 0, QUEUE_SEND = 1, QUEUES = 2 };
_Static_assert(FRAME_BUFFERS + 1 <= VIRTIO_DRIVER_PIECES_MAX, "pieces of a frame");

static struct link *link_of(struct virtio_driver *driver)
{
	return (struct link *)(void *)driver;
}

static uint16_t queue_size(struct virtio_driver *driver, unsigned queue)
{
	(void)driver;
	return queue == QUEUE_RECEIVE ? LINK_RECEIVE : LINK_SEND;
}

static void queue_enable(struct virtio_driver *driver, unsigned queue, uint16_t size, uint64_t descriptors, uint64_t available, uint64_t used)
{
	struct net_setup *setup = &link_of(driver)->shared->setup;

	setup->queue[queue].descriptors = descriptors;
	setup->queue[queue].available = available;
	setup->queue[queue].used = used;
	setup->queue[queue].size = size;
}

static void notify(struct virtio_driver *driver, unsigned queue)
{
	(void)queue;
	link_of(driver)->signal(link_of(driver)->number);
}

/* What else a device has, a session has in its page. */
static const struct virtio_transport_ops ops = { .queue_size = queue_size, .queue_enable = queue_enable, .notify = notify };

void pool_init(struct pool *pool, uint8_t *memory, size_t size, uint64_t base)
{
	*pool = (struct pool){ .memory = memory, .end = memory + size, .base = base, .first = memory };
}

static uint64_t address_of(const struct pool *pool, const uint8_t *at)
{
	return pool->base + (uint64_t)(at - pool->memory);
}

static size_t queue_bytes(uint16_t size)
{
	return (virtio_driver_queue_bytes(size) + PAGE - 1) / PAGE * PAGE;
}

void link_init(struct link *link, struct pool *pool, struct net_session *shared, unsigned number, void (*signal)(unsigned number))
{
	*link = (struct link){ .driver = { .ops = &ops }, .shared = shared, .pool = pool, .signal = signal, .number = number };
	link->queues = pool->first;
	pool->first += queue_bytes(LINK_RECEIVE) + queue_bytes(LINK_SEND);
}

void pool_fill(struct pool *pool, struct buffer *buffers, unsigned most)
{
	for (unsigned i = 0; i < most && pool->first + BUFFER_SIZE <= pool->end; i++, pool->first += BUFFER_SIZE) {
		buffers[i] = (struct buffer){ .data = pool->first, .physical = address_of(pool, pool->first) };
		pool_give(pool, &buffers[i]);
	}
}

struct buffer *pool_take(struct pool *pool)
{
	struct buffer *buffer = pool->free;

	if (buffer) {
		pool->free = buffer->next;
		pool->count--;
		buffer->next = NULL;
	}
	return buffer;
}

void pool_give(struct pool *pool, struct buffer *chain)
{
	while (chain) {
		struct buffer *next = chain->next;

		chain->next = pool->free;
		pool->free = chain;
		pool->count++;
		chain = next;
	}
}

static void drop_all(struct link *link, struct virtio_driver_queue *queue)
{
	struct buffer *buffer;

	while ((buffer = virtio_driver_queue_drop(queue)) != NULL)
		pool_give(link->pool, buffer);
}

static bool open_queue(struct link *link, struct virtio_driver_queue *queue, unsigned number, uint16_t size, uint8_t *memory)
{
	memset(memory, 0, queue_bytes(size));
	return virtio_driver_queue_open(&link->driver, queue, number, size, memory, address_of(link->pool, memory), FEATURES) == ERR_OK;
}

/* Hands new queues to the server. */
static void begin(struct link *link)
{
	struct net_session *shared = link->shared;

	memset(&shared->setup, 0, sizeof(shared->setup));
	shared->setup.features = FEATURES;
	shared->setup.queues = QUEUES;
	if (!open_queue(link, &link->receive, QUEUE_RECEIVE, LINK_RECEIVE, link->queues) ||
	    !open_queue(link, &link->send, QUEUE_SEND, LINK_SEND, link->queues + queue_bytes(LINK_RECEIVE)))
		return;
	link->wanted++;
	__atomic_store_n(&shared->wanted, link->wanted, __ATOMIC_RELEASE);
	link->signal(link->number);
}

/* Takes the queues back; `begin` follows when the server has let go. */
static void stop(struct link *link)
{
	link->running = false;
	link->wanted++;
	__atomic_store_n(&link->shared->wanted, link->wanted, __ATOMIC_RELEASE);
	link->signal(link->number);
}

static void take_sent(struct link *link)
{
	struct buffer *buffer;
	uint32_t written;
	bool error = false;

	while ((buffer = virtio_driver_queue_take(&link->send, &written, &error)) != NULL)
		pool_give(link->pool, buffer);
}

/* What the server says of the NIC, once it has begun. */
static bool describe(struct link *link)
{
	if (!__atomic_load_n(&link->shared->server, __ATOMIC_ACQUIRE) || link->shared->state != NET_READY)
		return false;
	memcpy(link->mac, link->shared->mac, sizeof(link->mac));
	link->ready = true;
	return true;
}

void link_look(struct link *link)
{
	uint32_t done = __atomic_load_n(&link->shared->done, __ATOMIC_ACQUIRE);

	if (!link->ready && !describe(link))
		return;
	link->up = __atomic_load_n(&link->shared->link, __ATOMIC_ACQUIRE) != 0;
	if (link->running) {
		take_sent(link);
		if (link->receive.broken || link->send.broken || __atomic_load_n(&link->shared->broken, __ATOMIC_ACQUIRE) == link->wanted) {
			log_warn("NIC %u: its queues make no sense, and begin anew", link->number);
			stop(link);
		}
		return;
	}
	if (done != link->wanted)
		return;
	if (link->wanted & 1) {
		link->running = true;
	} else {
		drop_all(link, &link->receive);
		drop_all(link, &link->send);
		begin(link);
	}
}

/* The other buffers of a frame; false: they are not there, or not as the header says. */
static bool take_rest(struct link *link, struct link_frame *frame)
{
	struct buffer *last = frame->first;

	if (frame->header.buffers < 1 || frame->header.buffers > FRAME_BUFFERS + 1)
		return false;
	for (unsigned i = 1; i < frame->header.buffers; i++) {
		uint32_t written;
		bool error = false;
		struct buffer *buffer = virtio_driver_queue_take(&link->receive, &written, &error);

		if (!buffer)
			return false;
		buffer->next = NULL;
		buffer->length = written;
		last->next = buffer;
		last = buffer;
		frame->length += written;
	}
	return true;
}

bool link_receive(struct link *link, struct link_frame *frame)
{
	struct buffer *buffer;
	uint32_t written = 0;
	bool error = false;

	if (!link->running)
		return false;
	buffer = virtio_driver_queue_take(&link->receive, &written, &error);
	if (!buffer)
		return false;
	buffer->next = NULL;
	buffer->length = written;
	*frame = (struct link_frame){ .first = buffer, .head = buffer->data + LINK_HEADER };
	if (written >= LINK_HEADER) {
		memcpy(&frame->header, buffer->data, LINK_HEADER);
		frame->head_length = frame->length = written - LINK_HEADER;
	}
	if (written < LINK_HEADER || !take_rest(link, frame)) {
		link->receive.broken = true;
		pool_give(link->pool, frame->first);
		return false;
	}
	return true;
}

bool link_make(struct link *link, struct link_frame *frame, uint32_t length)
{
	struct buffer *buffer = pool_take(link->pool);

	if (!buffer)
		return false;
	buffer->length = LINK_HEADER + length;
	*frame = (struct link_frame){ .first = buffer, .head = buffer->data + LINK_HEADER, .head_length = length, .length = length };
	return true;
}

void link_send(struct link *link, struct link_frame *frame)
{
	struct virtio_piece piece[FRAME_BUFFERS + 1];
	unsigned pieces = 0;

	frame->header.flags &= LINK_NEEDS_CHECKSUM;
	frame->header.buffers = 0;
	memcpy(frame->first->data, &frame->header, LINK_HEADER);
	for (const struct buffer *at = frame->first; at && pieces < FRAME_BUFFERS + 1; at = at->next)
		piece[pieces++] = (struct virtio_piece){ .physical = at->physical, .length = at->length };
	if (link->running && virtio_driver_queue_add(&link->send, piece, pieces, frame->first))
		return;
	link->dropped++;
	pool_give(link->pool, frame->first);
}

bool link_flush(struct link *link)
{
	struct buffer *buffer;
	bool more;

	if (!link->running)
		return false;
	while (link->receive.free && (buffer = pool_take(link->pool)) != NULL) {
		const struct virtio_piece piece = { .physical = buffer->physical, .length = BUFFER_SIZE, .write = true };

		if (!virtio_driver_queue_add(&link->receive, &piece, 1, buffer)) {
			pool_give(link->pool, buffer);
			break;
		}
	}
	virtio_driver_queue_kick(&link->receive);
	virtio_driver_queue_kick(&link->send);
	more = virtio_driver_queue_wait(&link->receive);
	return virtio_driver_queue_wait(&link->send) || more;
}
