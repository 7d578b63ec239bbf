/* SPDX-License-Identifier: Apache-2.0 */
/* What a guest receives: which frames, in which queue, and in which shape. */
#include <libsys/virtio_net.h>
#include <string.h>

#include "capture.h"
#include "forward.h"
#include "offload.h"
#include "port_private.h"

#define HEADER ((uint32_t)sizeof(struct net_header))
#define TYPE_IPV4 0x0800u
#define TYPE_IPV6 0x86ddu
#define BUFFERS_OFFSET 10u /* of the field in the header */

/* A plain frame that was made of another one. */
static uint8_t bounce[NET_MTU_MAX + 64];

/* Reads header and head, then segments one after the other. */
struct reader {
	const struct frame_segment *next;
	const uint8_t *data;
	uint32_t left;
};

static void read_into(struct reader *reader, uint8_t *to, uint32_t length)
{
	while (length) {
		uint32_t now;

		while (reader->left == 0) {
			reader->data = reader->next->data;
			reader->left = reader->next->length;
			reader->next++;
		}
		now = reader->left < length ? reader->left : length;
		memcpy(to, reader->data, now);
		to += now;
		reader->data += now;
		reader->left -= now;
		length -= now;
	}
}

/* The number of buffers that a frame took, in the header in the first one. */
struct number {
	uint8_t *byte[2];
};

/* Fills one chain. Returns the bytes written; *number learns where its bytes are while the header passes. */
static uint32_t fill(struct port *port, struct virtqueue *ring, struct virtqueue_chain *chain, struct reader *reader, uint32_t done,
		     uint32_t whole, struct number *number)
{
	struct virtqueue_segment segment;
	uint32_t written = 0;

	while (done + written < whole && virtqueue_next(ring, &port->memory, chain, &segment)) {
		uint32_t at = done + written, length = whole - at;

		if (!segment.write) {
			ring->broken = true;
			break;
		}
		if (segment.length < length)
			length = segment.length;
		if (at < HEADER) {
			for (uint32_t i = 0; i < 2; i++) {
				if (BUFFERS_OFFSET + i >= at && BUFFERS_OFFSET + i < at + length)
					number->byte[i] = segment.data + (BUFFERS_OFFSET + i - at);
			}
		}
		read_into(reader, segment.data, length);
		written += length;
	}
	return written;
}

/* Puts a frame into a queue, with the header that is given. false: there is no room, nothing has happened. */
static __attribute__((hot)) bool put(struct port *port, uint32_t pair, const struct frame *frame)
{
	struct virtqueue *ring = &port->receive[pair];
	struct reader reader = { .next = frame->segment, .data = (const uint8_t *)frame + offsetof(struct frame, given),
				 .left = HEADER + frame->head_length };
	uint16_t available = ring->next_available, used = ring->next_used;
	uint32_t whole = HEADER + frame->length, done = 0, buffers = 0;
	struct number number = { { NULL, NULL } };
	struct virtqueue_chain chain;

	while (done < whole && (buffers == 0 || (port->features & VIRTIO_NET_F_MRG_RXBUF)) && virtqueue_pop(ring, &chain)) {
		uint32_t written = fill(port, ring, &chain, &reader, done, whole, &number);

		if (ring->broken)
			break;
		virtqueue_put(ring, chain.head, written);
		done += written;
		buffers++;
	}
	if (ring->broken) {
		port_break(port);
		return false;
	}
	if (done < whole) {
		ring->next_available = available;
		ring->next_used = used;
		return false;
	}
	if (buffers > 1) {
		share_take(&port->share[pair], (uint16_t)(available + 1), (uint16_t)(available + buffers), frame->from);
		*number.byte[0] = (uint8_t)buffers;
		*number.byte[1] = (uint8_t)(buffers >> 8);
	}
	virtqueue_publish(ring);
	port->touched |= 1u << receive_number(pair);
	port->streak = 0;
	forward.touched |= (port_set)1 << port->number;
	port->counters.received_frames++;
	port->counters.received_bytes += frame->length;
	return true;
}

/* It was not given; what was more than its sender's share is counted there. */
static __attribute__((cold)) void count_drop(struct port *port, unsigned from, enum net_drop drop)
{
	if (drop != NET_DROP_SHARE)
		port->counters.drops[drop]++;
	else if (from < NET_SESSIONS_MAX)
		forward.port[from].counters.drops[drop]++;
	else
		forward.uplink[from - NET_SESSIONS_MAX].drops[drop]++;
}

/* The same within its sender's share, counted, and captured as well. */
static inline bool give(struct port *port, uint32_t pair, const struct frame *frame)
{
	const struct virtqueue *ring = &port->receive[pair];
	struct share *share = &port->share[pair];
	enum net_drop drop = NET_DROP_SHARE;

	if (share_admits(share, ring, frame->from)) {
		share_take(share, ring->next_available, (uint16_t)(ring->next_available + 1), frame->from);
		drop = put(port, pair, frame) ? NET_DROPS : NET_DROP_NO_BUFFER;
	}
	if (capture_wants(port->number))
		capture_received(port->number, frame, drop);
	if (drop != NET_DROPS)
		count_drop(port, frame->from, drop);
	return drop == NET_DROPS;
}

static bool listed(const struct net_filter *filter, const uint8_t *mac)
{
	for (uint32_t i = 0; i < filter->macs; i++) {
		if (memcmp(filter->address[i], mac, ETHERNET_ADDRESS) == 0)
			return true;
	}
	return false;
}

/* Whether the driver wants to see it; unicast frames were chosen by the switch. */
static bool wanted(const struct port *port, const struct frame *frame)
{
	static const uint8_t broadcast[ETHERNET_ADDRESS] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	const struct net_filter *filter = &port->filter;

	if (filter->promiscuous)
		return true;
	if ((port->features & VIRTIO_NET_F_CTRL_VLAN) && frame->tagged && frame->vlan &&
	    !(filter->vlan[frame->vlan / 8] & 1u << frame->vlan % 8))
		return false;
	if (!frame_is_multicast(frame))
		return !filter->no_unicast;
	if (memcmp(frame->head, broadcast, ETHERNET_ADDRESS) == 0)
		return !filter->no_broadcast;
	if (!(port->features & VIRTIO_NET_F_CTRL_RX))
		return true;
	return !filter->no_multicast && (filter->all_multicast || listed(filter, frame->head));
}

static inline uint32_t mix(uint32_t hash, const uint8_t *data, uint32_t length)
{
	for (uint32_t i = 0; i < length; i++)
		hash = (hash ^ data[i]) * 0x01000193u;
	return hash;
}

/* Frames of one connection go to one queue. */
static uint32_t choose_pair(const struct port *port, const struct frame *frame)
{
	uint32_t hash = 0x811c9dc5u;

	if (port->active <= 1)
		return 0;
	if (frame->type == TYPE_IPV4 && frame->protocol)
		hash = mix(hash, frame->head + frame->network + 12, 8);
	else if (frame->type == TYPE_IPV6 && frame->protocol)
		hash = mix(hash, frame->head + frame->network + 8, 32);
	else
		hash = mix(hash, frame->head, 2 * ETHERNET_ADDRESS);
	/* The ports of TCP and UDP, which begin alike. */
	if (frame->transport && (frame->protocol == 6 || frame->protocol == 17))
		hash = mix(hash, frame->head + frame->transport, 4);
	hash ^= hash >> 15;
	hash %= port->active;
	return port->receive[hash].enabled ? hash : 0;
}

/* Whether the driver takes the frame with what its sender left to be done. */
static inline bool takes(const struct port *port, const struct frame *frame)
{
	uint64_t needed = 0;

	if (!frame->header.flags)
		return true;
	if (!(port->features & VIRTIO_NET_F_GUEST_CSUM))
		return false;
	if (frame->header.gso_type == NET_GSO_NONE)
		return true;
	if (frame->header.gso_type == NET_GSO_UDP_L4)
		needed = frame->type == TYPE_IPV4 ? VIRTIO_NET_F_GUEST_USO4 : VIRTIO_NET_F_GUEST_USO6;
	else
		needed = (frame->header.gso_type & ~NET_GSO_ECN) == NET_GSO_TCPV4 ? VIRTIO_NET_F_GUEST_TSO4 : VIRTIO_NET_F_GUEST_TSO6;
	if (frame->header.gso_type & NET_GSO_ECN)
		needed |= VIRTIO_NET_F_GUEST_ECN;
	return (port->features & needed) == needed;
}

/* A driver that does not take it as it is gets plain frames. */
static __attribute__((noinline)) void give_plain(struct port *port, uint32_t pair, const struct frame *frame)
{
	struct offload offload;
	uint32_t length;

	offload_begin(&offload, frame);
	while ((length = offload_next(&offload, bounce, sizeof(bounce))) != 0) {
		struct frame plain = { .from = frame->from, .length = length, .segments = 1,
				       .segment = { { .data = bounce, .length = length } }, .given = { .buffers = 1 } };

		if (!give(port, pair, &plain))
			return;
	}
}

__attribute__((hot)) void port_receive(struct port *port, struct frame *frame)
{
	struct net_header *given = &frame->given;
	uint32_t pair;

	if (!port->serves || !wanted(port, frame))
		return;
	pair = choose_pair(port, frame);
	if (!takes(port, frame)) {
		give_plain(port, pair, frame);
		return;
	}
	*given = frame->header;
	given->header_length = given->gso_type != NET_GSO_NONE ? (uint16_t)frame_payload(frame) : 0;
	given->buffers = 1;
	give(port, pair, frame);
}
