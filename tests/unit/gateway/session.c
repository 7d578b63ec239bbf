/* SPDX-License-Identifier: Apache-2.0 */
#include "session.h"

#include <stdlib.h>
#include <string.h>

__typeof__(world) world;

static struct buffer buffers[2048];

static struct guest_memory memory_of(void)
{
	return (struct guest_memory){ world.ram, SESSION_BASE, SESSION_RAM };
}

static void signal_server(unsigned number)
{
	world.session[number].signals++;
}

void world_init(void)
{
	uint8_t *ram = world.ram ? world.ram : malloc(SESSION_RAM);

	if (!ram)
		abort();
	memset(&world, 0, sizeof(world));
	world.ram = ram;
	pool_init(&world.pool, ram, SESSION_RAM, SESSION_BASE);
	for (unsigned i = 0; i < SIDES; i++) {
		struct net_session *page = &world.session[i].page;

		page->server = 1;
		page->state = NET_READY;
		page->link = 1;
		page->mac[0] = 0x52;
		page->mac[5] = (uint8_t)(0xf0 + i);
		link_init(&world.link[i], &world.pool, page, i, signal_server);
	}
	pool_fill(&world.pool, buffers, 2048);
	world.outside = 0xc0000205u;
	world.knows_hop = true;
}

static void take_queue(struct virtqueue *queue, const struct net_setup *setup, unsigned number)
{
	struct guest_memory memory = memory_of();

	virtqueue_reset(queue, NET_QUEUE_SIZE);
	queue->size = (uint16_t)setup->queue[number].size;
	queue->descriptors = setup->queue[number].descriptors;
	queue->available = setup->queue[number].available;
	queue->used = setup->queue[number].used;
	queue->event_index = queue->indirect = true;
	if (!virtqueue_enable(queue, &memory))
		abort();
}

void session_serve(enum side side)
{
	struct session *session = &world.session[side];
	uint32_t wanted = session->page.wanted;

	if (wanted == session->page.done)
		return;
	if (wanted & 1) {
		take_queue(&session->receive, &session->page.setup, 0);
		take_queue(&session->send, &session->page.setup, 1);
	}
	session->page.done = wanted;
}

/* Writes up to `left` bytes to a chain. */
static uint32_t fill(struct virtqueue *queue, struct virtqueue_chain *chain, const uint8_t *from, uint32_t left)
{
	struct guest_memory memory = memory_of();
	struct virtqueue_segment segment;
	uint32_t done = 0;

	while (done < left && virtqueue_next(queue, &memory, chain, &segment)) {
		uint32_t part = segment.length < left - done ? segment.length : left - done;

		if (!segment.write)
			abort();
		memcpy(segment.data, from + done, part);
		done += part;
	}
	return done;
}

bool session_deliver(enum side side, const struct link_header *header, const uint8_t *frame, uint32_t length)
{
	struct virtqueue *queue = &world.session[side].receive;
	uint32_t whole = LINK_HEADER + length, done = 0, count = (whole + BUFFER_SIZE - 1) / BUFFER_SIZE;
	struct link_header first = *header;
	uint8_t *all = malloc(whole);

	if (!all)
		abort();
	first.buffers = (uint16_t)count;
	memcpy(all, &first, LINK_HEADER);
	memcpy(all + LINK_HEADER, frame, length);
	while (done < whole) {
		struct virtqueue_chain chain;
		uint32_t part;

		if (!virtqueue_pop(queue, &chain))
			break;
		part = fill(queue, &chain, all + done, whole - done);
		virtqueue_put(queue, chain.head, part);
		done += part;
	}
	virtqueue_publish(queue);
	free(all);
	return done == whole;
}

uint32_t session_take(enum side side, struct link_header *header, uint8_t *frame, uint32_t most)
{
	struct virtqueue *queue = &world.session[side].send;
	struct guest_memory memory = memory_of();
	struct virtqueue_segment segment;
	struct virtqueue_chain chain;
	uint32_t done = 0;

	if (!virtqueue_pop(queue, &chain))
		return 0;
	while (virtqueue_next(queue, &memory, &chain, &segment)) {
		uint32_t skip = done == 0 ? LINK_HEADER : 0;

		if (segment.write || segment.length < skip || done + segment.length - skip > most)
			abort();
		if (skip)
			memcpy(header, segment.data, LINK_HEADER);
		memcpy(frame + done, segment.data + skip, segment.length - skip);
		done += segment.length - skip;
	}
	virtqueue_push(queue, &chain, 0);
	return done;
}

/* The stack. */
void stack_input(enum side side, struct link_frame *frame)
{
	(void)frame;
	world.input[side]++;
}

void stack_turn(void)
{
}

uint32_t stack_outside(void)
{
	return world.outside;
}

bool stack_next_hop(uint32_t address, uint8_t mac[MAC_SIZE], bool ask)
{
	(void)address;
	memset(mac, 0x66, MAC_SIZE);
	world.asked += ask;
	return world.knows_hop;
}
