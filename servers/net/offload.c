/* SPDX-License-Identifier: Apache-2.0 */
/* Checksums, and cutting of TCP and UDP. Works on the frame that was written, never on what the sender can still change. */
#include "offload.h"

#include <string.h>

#define TYPE_IPV4 0x0800u
#define TCP_SEQUENCE 4u
#define TCP_FLAGS 13u
#define IP_UDP 17u

#define LOW 0xffffffffu

typedef uint64_t __attribute__((may_alias)) word_t;
typedef uint16_t __attribute__((may_alias)) half_t;

enum { TCP_FIN = 0x01, TCP_PUSH = 0x08, TCP_REDUCED = 0x80 };

static inline uint32_t load16(const uint8_t *at)
{
	return (uint32_t)(at[0] << 8 | at[1]);
}

static inline void store16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static inline uint32_t load32(const uint8_t *at)
{
	return load16(at) << 16 | load16(at + 2);
}

static inline uint16_t fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

/* In the machine's byte order: the sum's bytes are swapped at the end (RFC 1071, section 2 (B)). */
__attribute__((hot)) uint32_t offload_sum(const uint8_t *data, uint32_t length, uint32_t start)
{
	bool odd = (uintptr_t)data & 1;
	uint64_t sum = 0, carries = 0;
	uint32_t half;

	/* By whole words where they are aligned; from an odd address on, all bytes are in the other half of their pair. */
	if (odd && length) {
		sum += (uint64_t)*data++ << 8;
		length--;
	}
	for (; length >= 2 && ((uintptr_t)data & 7); length -= 2, data += 2)
		sum += *(const half_t *)(const void *)data;
	for (; length >= 32; length -= 32, data += 32) {
		const word_t *word = (const word_t *)(const void *)data;
		uint64_t a = word[0], b = word[1], c = word[2], d = word[3];

		/* What is lost above the highest bit counts 1 below the lowest. */
		sum += a;
		carries += sum < a;
		sum += b;
		carries += sum < b;
		sum += c;
		carries += sum < c;
		sum += d;
		carries += sum < d;
	}
	sum = (sum & LOW) + (sum >> 32) + carries;
	for (; length >= 2; length -= 2, data += 2)
		sum += *(const half_t *)(const void *)data;
	if (length)
		sum += *data;
	sum = (sum & LOW) + (sum >> 32);
	sum = (sum & LOW) + (sum >> 32);
	half = fold((uint32_t)sum);
	return start + (odd ? half : (half & 0xff) << 8 | half >> 8);
}

/* Completes the checksum over `to` from `start` to its end, whose field has the sum of the pseudo header. */
static void complete(uint8_t *to, uint32_t length, uint32_t start, uint32_t offset, bool udp)
{
	uint16_t sum = (uint16_t)~fold(offload_sum(to + start, length - start, 0));

	/* 0 would be "none" (RFC 768). */
	if (udp && sum == 0)
		sum = 0xffff;
	store16(to + start + offset, sum);
}

void offload_begin(struct offload *offload, const struct frame *frame)
{
	*offload = (struct offload){ .frame = frame };
	if (frame->header.gso_type != NET_GSO_NONE)
		offload->payload = frame_payload(frame);
}

uint32_t offload_count(const struct frame *frame)
{
	uint32_t size = frame->header.gso_size;

	if (frame->header.gso_type == NET_GSO_NONE)
		return 1;
	return (frame->length - frame_payload(frame) + size - 1) / size;
}

/* The IP header of a part with `length` bytes behind it, in all. */
static void write_network(const struct offload *offload, uint8_t *to, uint32_t length)
{
	const struct frame *frame = offload->frame;
	uint8_t *ip = to + frame->network;
	uint32_t header = (uint32_t)frame->transport - frame->network;

	if (frame->type != TYPE_IPV4) {
		store16(ip + 4, length - frame->network - 40);
		return;
	}
	store16(ip + 2, length - frame->network);
	store16(ip + 4, load16(ip + 4) + offload->segment);
	store16(ip + 10, 0);
	store16(ip + 10, (uint16_t)~fold(offload_sum(ip, header, 0)));
}

/* Its TCP or UDP header. */
static void write_transport(const struct offload *offload, uint8_t *to, uint32_t length, bool last)
{
	const struct frame *frame = offload->frame;
	uint8_t *transport = to + frame->transport;
	uint32_t whole = frame->length - frame->transport, part = length - frame->transport;
	uint8_t *field = transport + frame->header.checksum_offset;
	uint32_t sequence;

	/* The pseudo header has another length now (RFC 1624). */
	store16(field, fold(load16(field) + ((uint32_t)(uint16_t)~fold(whole)) + part));
	if (frame->protocol == IP_UDP) {
		store16(transport + 4, part);
		return;
	}
	sequence = load32(transport + TCP_SEQUENCE) + offload->at;
	store16(transport + TCP_SEQUENCE, sequence >> 16);
	store16(transport + TCP_SEQUENCE + 2, sequence);
	if (!last)
		transport[TCP_FLAGS] &= (uint8_t)~(TCP_FIN | TCP_PUSH);
	if (offload->segment)
		transport[TCP_FLAGS] &= (uint8_t)~TCP_REDUCED;
}

static uint32_t next_part(struct offload *offload, uint8_t *to, uint32_t room)
{
	const struct frame *frame = offload->frame;
	uint32_t left = frame->length - offload->payload - offload->at;
	uint32_t part = left < frame->header.gso_size ? left : frame->header.gso_size;
	uint32_t length = offload->payload + part;

	if (!left || length > room)
		return 0;
	memcpy(to, frame->head, offload->payload);
	frame_copy(frame, offload->payload + offload->at, to + offload->payload, part);
	write_network(offload, to, length);
	write_transport(offload, to, length, part == left);
	complete(to, length, frame->transport, frame->header.checksum_offset, frame->protocol == IP_UDP);
	offload->at += part;
	offload->segment++;
	return length;
}

uint32_t offload_next(struct offload *offload, uint8_t *to, uint32_t room)
{
	const struct frame *frame = offload->frame;
	const struct net_header *header = &frame->header;

	if (header->gso_type != NET_GSO_NONE)
		return next_part(offload, to, room);
	if (offload->at || frame->length > room)
		return 0;
	frame_copy(frame, 0, to, frame->length);
	if (header->flags & NET_HEADER_NEEDS_CHECKSUM)
		complete(to, frame->length, header->checksum_start, header->checksum_offset,
			 frame->protocol == IP_UDP && header->checksum_start == frame->transport);
	offload->at = frame->length;
	return frame->length;
}
