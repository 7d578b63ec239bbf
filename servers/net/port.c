/* SPDX-License-Identifier: Apache-2.0 */
/* What a guest sends: its send queues, its limits, and the frames in them. */
#include <libsys/account.h>
#include <libsys/log.h>
#include <libsys/virtio_net.h>
#include <string.h>

#include "capture.h"
#include "forward.h"
#include "offload.h"
#include "port_private.h"

#define COMPLAINTS_MAX 8u
#define COST_FRAME 256u    /* bytes that a frame counts beside its own: the time that it takes, whatever its size */
#define HEADER ((uint32_t)sizeof(struct net_header))
#define RECEIVE_QUEUES 0x55555555u /* bits of `touched` */
#define LAZY_BYTES 4096u    /* frames below that are given back with the next one */
#define STREAK 2u           /* frames that come one by one until they are let gather */
#define GATHERED 32u        /* frames, then the driver notifies after all */

static inline void notify_all(struct port *port, bool notify)
{
	for (uint32_t i = 0; i < port->pairs; i++)
		virtqueue_set_notify(&port->send[i].ring, notify);
}

/* The number of a pair with frames to send, in turn; or `pairs`. */
static inline uint32_t next_ready(struct port *port)
{
	uint32_t at = port->next_pair;

	for (uint32_t i = 0; i < port->pairs; i++) {
		if (at >= port->pairs)
			at = 0;
		if (virtqueue_ready(&port->send[at].ring)) {
			port->next_pair = at + 1;
			return at;
		}
		at++;
	}
	return port->pairs;
}

void port_wake(struct port *port)
{
	if (port->pace == PORT_IDLE)
		notify_all(port, false);
	port->was_paced = port->pace == PORT_PACED;
	port->taken = 0;
	port->pace = PORT_QUEUED;
	schedule_add(port->schedule, &port->flow);
}

/*
 * Whether to let frames gather for a while: each one alone costs a way from the guest to here, so a driver that sends one after the other
 * gets turns for several, as NICs moderate their interrupts. One that waits for answers between its frames is not made to wait.
 */
static bool streams(struct port *port, uint64_t now)
{
	if (port->was_paced)
		return port->taken > 1;
	port->streak = now - port->rested < port->gather ? port->streak + 1 : 0;
	port->rested = now;
	return port->streak >= STREAK;
}

/* All queues are empty: the driver shall notify. A buffer may have come just before it could know that. */
static uint32_t rest(struct port *port, uint64_t now)
{
	bool paced = streams(port, now);
	uint32_t at;

	for (uint32_t i = 0; paced && i < port->pairs; i++)
		virtqueue_notify_after(&port->send[i].ring, GATHERED);
	if (!paced)
		notify_all(port, true);
	at = next_ready(port);
	if (at != port->pairs) {
		notify_all(port, false);
		return at;
	}
	port->pace = paced ? PORT_PACED : PORT_IDLE;
	port->held_until = now + port->gather;
	/* One wake-up for both. */
	if (paced && port->settle_at)
		port->settle_at = port->held_until;
	return at;
}

/* Whether its limits hold the port up. */
static bool held(struct port *port, uint64_t now)
{
	uint64_t until = 0;

	if (!limit_open(&port->bytes, now))
		until = limit_deadline(&port->bytes);
	if (!limit_open(&port->packets, now) && limit_deadline(&port->packets) > until)
		until = limit_deadline(&port->packets);
	if (!until)
		return false;
	port->held_until = until;
	port->pace = PORT_HELD;
	port->counters.throttled++;
	return true;
}

void port_unhold(struct port *port, uint64_t now)
{
	if ((port->pace == PORT_HELD || port->pace == PORT_PACED) && now >= port->held_until)
		port_wake(port);
}

void port_unfill(struct port *port)
{
	if (port->pace == PORT_FULL)
		port_wake(port);
}

void port_break(struct port *port)
{
	uint32_t wanted = port->serves;

	port_stop(port);
	port->counters.broken++;
	if (port->complaints < COMPLAINTS_MAX) {
		port->complaints++;
		log_warn("%s: NIC %u: the driver's queues make no sense; waiting for its reset", port->config.guest_name,
			 port->config.nic);
	}
	__atomic_store_n(&port->shared->broken, wanted, __ATOMIC_RELEASE);
	port->signal(port->number);
}

/* Adds memory of the guest to the frame, in pieces that are contiguous on the bus. false: too many. */
static bool add_segments(const struct port *port, struct frame *frame, const uint8_t *data, uint32_t length)
{
	uint64_t offset = (uint64_t)(data - port->memory.host);
	uint32_t at = 0;

	while (length) {
		struct frame_segment *segment = &frame->segment[frame->segments];
		uint64_t left;

		while (offset >= port->range[at].end)
			at++;
		if (frame->segments == FRAME_SEGMENTS)
			return false;
		left = port->range[at].end - offset;
		segment->data = data;
		segment->physical = port->range[at].physical + offset - port->range[at].offset;
		segment->length = left < length ? (uint32_t)left : length;
		length -= segment->length;
		data += segment->length;
		offset += segment->length;
		frame->segments++;
	}
	return true;
}

/* Takes up to `want` bytes off a segment. */
static inline uint32_t take_bytes(struct virtqueue_segment *segment, uint8_t *to, uint32_t want)
{
	uint32_t length = segment->length < want ? segment->length : want;

	memcpy(to, segment->data, length);
	segment->data += length;
	segment->length -= length;
	return length;
}

/* The usual case, without a call. */
static inline uint32_t take_header(struct virtqueue_segment *segment, struct net_header *header)
{
	typedef uint16_t __attribute__((may_alias)) half_t;
	const half_t *from = (const half_t *)(const void *)segment->data;
	half_t *to = (half_t *)(void *)header;

	for (uint32_t i = 0; i < HEADER / 2; i++)
		to[i] = from[i];
	segment->data += HEADER;
	segment->length -= HEADER;
	return HEADER;
}

/* Likewise a head that has its place in its words; bytes around it, in words that it has a part in, come along. */
static inline uint32_t take_head(struct virtqueue_segment *segment, struct frame *frame)
{
	typedef uint64_t __attribute__((may_alias)) word_t;
	uint32_t before = offsetof(struct frame, head) % sizeof(word_t);
	const word_t *from = (const word_t *)(const void *)(segment->data - before);
	word_t *to = (word_t *)(void *)(frame->head - before);

#pragma GCC unroll 32
	for (uint32_t i = 0; i < (FRAME_HEAD + before + sizeof(word_t) - 1) / sizeof(word_t); i++)
		to[i] = from[i];
	segment->data += FRAME_HEAD;
	segment->length -= FRAME_HEAD;
	return FRAME_HEAD;
}

/* Reads a chain: header and head are copied, the rest is described. false: too long, in too many pieces, or to be written. */
static __attribute__((hot)) bool read_frame(struct port *port, struct virtqueue *ring, struct virtqueue_chain *chain, struct frame *frame)
{
	struct virtqueue_segment segment;
	uint32_t header = 0;

	frame->length = frame->head_length = frame->segments = 0;
	while (chain->left && virtqueue_next(ring, &port->memory, chain, &segment)) {
		if (segment.write || segment.length > HEADER + NET_FRAME_MAX)
			return false;
		if (header == 0 && segment.length >= HEADER && ((uintptr_t)segment.data & 1) == 0)
			header = take_header(&segment, &frame->header);
		else if (header < HEADER)
			header += take_bytes(&segment, (uint8_t *)&frame->header + header, HEADER - header);
		frame->length += segment.length;
		if (frame->length > NET_FRAME_MAX)
			return false;
		if (frame->head_length == 0 && segment.length >= FRAME_HEAD && (((uintptr_t)segment.data ^ (uintptr_t)frame->head) & 7) == 0)
			frame->head_length = take_head(&segment, frame);
		else if (frame->head_length < FRAME_HEAD)
			frame->head_length += take_bytes(&segment, frame->head + frame->head_length, FRAME_HEAD - frame->head_length);
		if (segment.length && !add_segments(port, frame, segment.data, segment.length))
			return false;
	}
	__asm__ volatile("" : : "r"(frame) : "memory");
	return header == HEADER;
}

/* Gives back, in order, what no NIC reads, up to a place in the queue. */
static void complete(struct port *port, uint32_t pair, uint16_t end)
{
	struct send_queue *queue = &port->send[pair];

	if (queue->first == end || queue->hold[queue->first % NET_QUEUE_SIZE].readers)
		return;
	do {
		virtqueue_put(&queue->ring, queue->hold[queue->first % NET_QUEUE_SIZE].head, 0);
		queue->first++;
	} while (queue->first != end && !queue->hold[queue->first % NET_QUEUE_SIZE].readers);
	virtqueue_publish(&queue->ring);
	port->touched |= 1u << send_number(pair);
	forward.touched |= (port_set)1 << port->number;
}

/*
 * Linux asks for an interrupt at each frame that it sends alone (virtio_net.c, start_xmit). So a small one is given back with the next,
 * or with one that the guest receives, whichever comes first, but soon in any case: sockets and byte queue limits wait for it.
 */
static void give_back(struct port *port, uint32_t pair, uint32_t bytes, uint64_t now)
{
	uint16_t end = port->send[pair].next;

	/* One of another pair would wait as long as this one sends. */
	if (port->settle_at && port->kept != pair)
		complete(port, port->kept, port->send[port->kept].next);
	if (bytes < LAZY_BYTES) {
		port->settle_at = now + port->settle;
		port->kept = pair;
		end--;
	}
	complete(port, pair, end);
}

static void give_back_all(struct port *port)
{
	port->settle_at = 0;
	for (uint32_t i = 0; i < port->pairs; i++)
		complete(port, i, port->send[i].next);
}

void port_settle(struct port *port, uint64_t now)
{
	/* One that has more frames gives it back with these. */
	if (port->settle_at && now >= port->settle_at && port->pace != PORT_QUEUED)
		give_back_all(port);
}

uint64_t port_deadline(const struct port *port)
{
	uint64_t deadline = port->settle_at ? port->settle_at : DEADLINE_NEVER;

	if ((port->pace == PORT_HELD || port->pace == PORT_PACED) && port->held_until < deadline)
		deadline = port->held_until;
	return deadline;
}

void port_sent(struct hold *hold)
{
	struct port *port = hold->port;

	hold->readers--;
	port->held--;
	if (port->serves)
		complete(port, hold->pair, port->send[hold->pair].next);
	else if (port->held == 0)
		port_look(port);
}

/* What this port may send at all; NET_DROPS: the frame may go. */
static enum net_drop check(struct port *port, struct frame *frame)
{
	const struct frame_addresses *addresses = &port->config.addresses;

	if (!frame_check(frame, port->features) || !frame_fits(frame, port->net->mtu))
		return NET_DROP_BAD_FRAME;
	if ((addresses->count4 || addresses->count6) && !frame_source_allowed(frame, addresses, port->config.mac))
		return NET_DROP_SOURCE_IP;
	return NET_DROPS;
}

static enum forward_result send_frame(struct port *port, struct frame *frame, struct hold *hold, uint64_t now)
{
	uint32_t bytes = frame->length;
	enum net_drop drop = check(port, frame);
	enum forward_result result = FORWARD_DROPPED;

	if (drop == NET_DROPS && frame_is_multicast(frame) && !limit_open(&port->groups, now))
		drop = NET_DROP_RATE;
	if (drop == NET_DROPS)
		result = forward_frame(port->net, port->number, frame, now, hold, &drop);
	else if (capture_wants(port->number))
		capture_sent(port->number, frame, drop);
	if (result == FORWARD_LATER)
		return result;
	if (frame_is_multicast(frame))
		limit_take(&port->groups, drop != NET_DROP_RATE);
	if (result == FORWARD_DROPPED && drop < NET_DROPS) {
		port->counters.drops[drop]++;
	} else {
		port->counters.sent_frames++;
		port->counters.sent_bytes += bytes;
	}
	return result;
}

__attribute__((hot)) uint64_t port_take(struct flow *flow)
{
	static struct frame frame;
	struct port *port = (struct port *)(void *)flow;
	uint64_t now = port->now();
	uint32_t at = next_ready(port), pieces = 1;
	enum forward_result result = FORWARD_DROPPED;
	struct virtqueue_chain chain;
	struct send_queue *queue;
	struct hold *hold;
	bool readable;

	account_for(port->config.guest, now);
	if (at == port->pairs) {
		at = rest(port, now);
		if (at == port->pairs)
			return 0;
	}
	if (held(port, now))
		return 0;
	queue = &port->send[at];
	/* No driver has more in a queue than there are entries. */
	if ((uint16_t)(queue->next - queue->first) == queue->ring.size || !virtqueue_pop(&queue->ring, &chain)) {
		port_break(port);
		return 0;
	}
	readable = read_frame(port, &queue->ring, &chain, &frame);
	if (queue->ring.broken) {
		port_break(port);
		return 0;
	}
	hold = &queue->hold[queue->next % NET_QUEUE_SIZE];
	*hold = (struct hold){ .port = port, .head = chain.head, .pair = (uint8_t)at };
	if (readable) {
		result = send_frame(port, &frame, hold, now);
		if (result != FORWARD_DROPPED)
			pieces = offload_count(&frame);
	} else {
		port->counters.drops[NET_DROP_BAD_FRAME]++;
	}
	if (result == FORWARD_LATER) {
		queue->ring.next_available--;
		port->pace = PORT_FULL;
		return 0;
	}
	queue->next++;
	port->taken++;
	give_back(port, at, frame.length, now);
	limit_take(&port->bytes, frame.length);
	limit_take(&port->packets, pieces);
	return frame.length + (uint64_t)COST_FRAME * pieces;
}

void port_tell(struct port *port)
{
	uint32_t touched = port->touched;
	bool wanted = false;

	if (!touched)
		return;
	if (port->settle_at && (touched & RECEIVE_QUEUES)) {
		give_back_all(port);
		touched = port->touched;
	}
	port->touched = 0;
	for (uint32_t i = 0; i < port->pairs; i++) {
		if (touched & 1u << receive_number(i))
			wanted |= virtqueue_wants_interrupt(&port->receive[i]);
		if (touched & 1u << send_number(i))
			wanted |= virtqueue_wants_interrupt(&port->send[i].ring);
	}
	if (wanted)
		port->signal(port->number);
}
