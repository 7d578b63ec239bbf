/* SPDX-License-Identifier: Apache-2.0 */
/* Looking at the head of a frame, changing its tag, copying it. */
#include "frame.h"

#include <libsys/virtio_net.h>
#include <proto/net.h>
#include <string.h>

#define TYPE_OFFSET 12u
#define TAG_SIZE 4u
#define TAGS_MAX 2u
#define TYPE_IPV4 0x0800u
#define TYPE_IPV6 0x86ddu
#define TYPE_VLAN 0x8100u  /* 802.1Q */
#define TYPE_SERVICE 0x88a8u /* 802.1ad, the provider's tag */
#define VLAN_MASK 0x0fffu
#define IPV4_HEADER 20u
#define IPV6_HEADER 40u
#define TCP_HEADER 20u
#define UDP_HEADER 8u
#define EXTENSIONS_MAX 8u  /* of IPv6, that are followed */
/* No TCP has smaller segments; it bounds how many a frame can be. Datagrams may be as small as they like, but no more of them. */
#define GSO_SIZE_MIN 48u
#define GSO_COUNT_MAX (NET_FRAME_MAX / GSO_SIZE_MIN)

enum { IP_HOP_BY_HOP = 0, IP_TCP = 6, IP_UDP = 17, IP_ROUTING = 43, IP_FRAGMENT = 44, IP_DESTINATION = 60 };

static inline uint16_t load16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

/* Whether `length` bytes from `from` on are in the head. */
static inline bool has(const struct frame *frame, uint32_t from, uint32_t length)
{
	return from <= frame->head_length && length <= frame->head_length - from;
}

static void look_ipv4(struct frame *frame)
{
	const uint8_t *ip = frame->head + frame->network;
	uint32_t length;

	if (!has(frame, frame->network, IPV4_HEADER) || ip[0] >> 4 != 4)
		return;
	length = (ip[0] & 15u) * 4u;
	if (length < IPV4_HEADER || !has(frame, frame->network, length))
		return;
	frame->protocol = ip[9];
	/* Of a fragment, the first too, no transport header counts. */
	if ((load16(ip + 6) & 0x3fff) == 0)
		frame->transport = (uint8_t)(frame->network + length);
}

static void look_ipv6(struct frame *frame)
{
	const uint8_t *ip = frame->head + frame->network;
	uint32_t at = frame->network + IPV6_HEADER;
	uint8_t next;

	if (!has(frame, frame->network, IPV6_HEADER) || ip[0] >> 4 != 6)
		return;
	next = ip[6];
	for (unsigned i = 0; i < EXTENSIONS_MAX; i++) {
		if (next == IP_FRAGMENT) {
			frame->protocol = next;
			return;
		}
		if (next != IP_HOP_BY_HOP && next != IP_ROUTING && next != IP_DESTINATION) {
			frame->protocol = next;
			frame->transport = (uint8_t)at;
			return;
		}
		if (!has(frame, at, 8))
			return;
		next = frame->head[at];
		at += (frame->head[at + 1] + 1u) * 8u;
		if (at > frame->head_length)
			return;
	}
}

static void look(struct frame *frame)
{
	uint32_t at = TYPE_OFFSET;

	frame->type = load16(frame->head + at);
	frame->vlan = 0;
	frame->tagged = frame->type == TYPE_VLAN && has(frame, at, TAG_SIZE + 2);
	frame->transport = 0;
	frame->protocol = 0;
	if (frame->tagged)
		frame->vlan = load16(frame->head + at + 2) & VLAN_MASK;
	for (unsigned i = 0; i < TAGS_MAX; i++) {
		if ((frame->type != TYPE_VLAN && frame->type != TYPE_SERVICE) || !has(frame, at, TAG_SIZE + 2))
			break;
		at += TAG_SIZE;
		frame->type = load16(frame->head + at);
	}
	frame->network = (uint8_t)(at + 2);
	if (frame->type == TYPE_IPV4)
		look_ipv4(frame);
	else if (frame->type == TYPE_IPV6)
		look_ipv6(frame);
	/* Only what is there whole. */
	if (frame->protocol == IP_TCP && frame->transport) {
		uint32_t length = has(frame, frame->transport, TCP_HEADER) ? (frame->head[frame->transport + 12] >> 4) * 4u : 0;

		if (length < TCP_HEADER || !has(frame, frame->transport, length))
			frame->transport = 0;
	} else if (frame->protocol == IP_UDP && frame->transport && !has(frame, frame->transport, UDP_HEADER)) {
		frame->transport = 0;
	}
}

uint32_t frame_payload(const struct frame *frame)
{
	if (frame->protocol == IP_TCP)
		return frame->transport + (frame->head[frame->transport + 12] >> 4) * 4u;
	return frame->transport + UDP_HEADER;
}

/* Whether what shall be cut is of the protocol that the header says. */
static bool check_cutting(struct frame *frame, uint64_t features)
{
	struct net_header *header = &frame->header;
	uint8_t type = header->gso_type & (uint8_t)~NET_GSO_ECN;
	uint64_t needed = header->gso_type & NET_GSO_ECN ? VIRTIO_NET_F_HOST_ECN : 0;
	uint8_t protocol = IP_TCP;

	if (type == NET_GSO_TCPV4 && frame->type == TYPE_IPV4) {
		needed |= VIRTIO_NET_F_HOST_TSO4;
	} else if (type == NET_GSO_TCPV6 && frame->type == TYPE_IPV6) {
		needed |= VIRTIO_NET_F_HOST_TSO6;
	} else if (header->gso_type == NET_GSO_UDP_L4 && (frame->type == TYPE_IPV4 || frame->type == TYPE_IPV6)) {
		needed |= VIRTIO_NET_F_HOST_USO;
		protocol = IP_UDP;
	} else {
		return false;
	}
	if ((features & needed) != needed || !(header->flags & NET_HEADER_NEEDS_CHECKSUM))
		return false;
	if (frame->protocol != protocol || !frame->transport || header->checksum_start != frame->transport ||
	    header->checksum_offset != (protocol == IP_TCP ? 16 : 6) || header->gso_size < (protocol == IP_TCP ? GSO_SIZE_MIN : 1))
		return false;
	if ((frame->length - frame_payload(frame)) / header->gso_size >= GSO_COUNT_MAX)
		return false;
	/* What is one segment only needs no cutting. */
	if (frame->length - frame_payload(frame) <= header->gso_size)
		header->gso_type = NET_GSO_NONE;
	return true;
}

bool frame_check(struct frame *frame, uint64_t features)
{
	struct net_header *header = &frame->header;
	uint32_t length = frame->length;

	if (length < FRAME_MIN || length > NET_FRAME_MAX || frame->head_length != (length < FRAME_HEAD ? length : FRAME_HEAD))
		return false;
	look(frame);
	header->flags &= NET_HEADER_NEEDS_CHECKSUM;
	if (header->gso_type != NET_GSO_NONE && !check_cutting(frame, features))
		return false;
	if (header->gso_type == NET_GSO_NONE)
		header->gso_size = 0;
	if (!header->flags) {
		header->checksum_start = 0;
		header->checksum_offset = 0;
		return true;
	}
	/* The field is in the head, so that the copy can be completed. */
	return (features & VIRTIO_NET_F_CSUM) && header->checksum_start >= frame->network &&
		has(frame, header->checksum_start, header->checksum_offset + 2u);
}

bool frame_fits(const struct frame *frame, uint32_t mtu)
{
	if (frame->header.gso_type != NET_GSO_NONE)
		return frame_payload(frame) + frame->header.gso_size <= mtu + FRAME_OVERHEAD;
	return frame->length <= mtu + FRAME_OVERHEAD;
}

/* Offsets behind the tag, after it came or went. */
static void shift(struct frame *frame, int by)
{
	frame->length = (uint32_t)((int)frame->length + by);
	frame->head_length = (uint32_t)((int)frame->head_length + by);
	frame->network = (uint8_t)(frame->network + by);
	if (frame->transport)
		frame->transport = (uint8_t)(frame->transport + by);
	if (frame->header.flags & NET_HEADER_NEEDS_CHECKSUM)
		frame->header.checksum_start = (uint16_t)(frame->header.checksum_start + by);
}

enum err frame_tag(struct frame *frame, uint16_t vlan)
{
	uint8_t *tag = frame->head + TYPE_OFFSET;

	if (frame->tagged && frame->vlan == 0) {
		/* A priority tag stays, with the VLAN in it. */
		tag[2] = (uint8_t)((tag[2] & 0xf0) | vlan >> 8);
		tag[3] = (uint8_t)vlan;
		frame->vlan = vlan;
		return ERR_OK;
	}
	if (frame->head_length + TAG_SIZE > sizeof(frame->head))
		return ERR_RANGE;
	memmove(tag + TAG_SIZE, tag, frame->head_length - TYPE_OFFSET);
	tag[0] = TYPE_VLAN >> 8;
	tag[1] = TYPE_VLAN & 0xff;
	tag[2] = (uint8_t)(vlan >> 8);
	tag[3] = (uint8_t)vlan;
	frame->tagged = true;
	frame->vlan = vlan;
	shift(frame, TAG_SIZE);
	return ERR_OK;
}

void frame_untag(struct frame *frame)
{
	uint8_t *tag = frame->head + TYPE_OFFSET;

	if (!frame->tagged)
		return;
	memmove(tag, tag + TAG_SIZE, frame->head_length - TYPE_OFFSET - TAG_SIZE);
	shift(frame, -(int)TAG_SIZE);
	/* There may be another one behind it. */
	frame->tagged = load16(tag) == TYPE_VLAN && has(frame, TYPE_OFFSET, TAG_SIZE + 2);
	frame->vlan = frame->tagged ? load16(tag + 2) & VLAN_MASK : 0;
}

void frame_copy(const struct frame *frame, uint32_t from, uint8_t *to, uint32_t length)
{
	const struct frame_segment *segment = frame->segment;

	if (from < frame->head_length) {
		uint32_t part = frame->head_length - from;

		if (part > length)
			part = length;
		memcpy(to, frame->head + from, part);
		to += part;
		length -= part;
		from = 0;
	} else {
		from -= frame->head_length;
	}
	for (; length; segment++) {
		uint32_t part;

		if (from >= segment->length) {
			from -= segment->length;
			continue;
		}
		part = segment->length - from;
		if (part > length)
			part = length;
		memcpy(to, segment->data + from, part);
		to += part;
		length -= part;
		from = 0;
	}
}
