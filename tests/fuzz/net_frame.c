/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames with offload headers that make sense and that do not: what frame_check lets pass is tagged, cut and summed within its memory, and each
 * piece is whole by a naive model of checksums.
 */
#include <libsys/virtio_net.h>
#include <offload.h>
#include <packet.h>
#include <proto/net.h>
#include "vmm_fuzz.h"

#define ROOM 9064u

static uint8_t packet[NET_FRAME_MAX + 1];

/* A packet that makes sense, with its offload header; then some bytes are changed. Or just bytes. */
static uint32_t make(struct input *input, struct net_header *header, bool *whole)
{
	uint8_t how = (uint8_t)input_take(input, 1);
	bool ipv6 = how & 1, large = how & 4;
	uint8_t protocol = how & 2 ? PACKET_TCP : PACKET_UDP;
	const uint16_t tags[3] = { how & 8 ? (uint16_t)input_take(input, 2) : 0, how & 16 ? 5 : 0 };
	uint32_t length = packet_write(packet, ipv6, protocol, (uint32_t)input_take(input, 2) % 65400, tags);

	*header = (struct net_header){ .flags = NET_HEADER_NEEDS_CHECKSUM, .checksum_start = (uint16_t)packet_transport(packet),
				       .checksum_offset = protocol == PACKET_TCP ? 16 : 6 };
	if (large) {
		header->gso_type = protocol == PACKET_UDP ? NET_GSO_UDP_L4 : ipv6 ? NET_GSO_TCPV6 : NET_GSO_TCPV4;
		header->gso_size = (uint16_t)input_take(input, 2);
	}
	*whole = !(how & 32);
	if (!*whole)
		length = (uint32_t)input_take(input, 2) % (length + 1);
	return length;
}

static bool change(struct input *input, struct net_header *header)
{
	uint8_t changes = (uint8_t)input_take(input, 1);

	for (unsigned i = 0; i < (changes & 7u); i++)
		packet[input_take(input, 1)] = (uint8_t)input_take(input, 1);
	if (changes & 8)
		((uint8_t *)header)[input_take(input, 1) % sizeof(*header)] = (uint8_t)input_take(input, 1);
	return changes & 15;
}

static void cut(const struct frame *frame, bool changed)
{
	uint8_t *out = malloc(ROOM);
	uint32_t length, count = 0, payload = 0;
	struct offload offload;

	offload_begin(&offload, frame);
	while ((length = offload_next(&offload, out, ROOM)) != 0) {
		CHECK(length <= ROOM && ++count <= offload_count(frame));
		payload += length - offload.payload;
		if (!changed && frame->header.flags)
			CHECK(packet_good(out, length));
	}
	if (frame->header.gso_type && frame_payload(frame) + frame->header.gso_size <= ROOM)
		CHECK(count == offload_count(frame) && payload == frame->length - frame_payload(frame));
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t mac[6] = ADDRESS_A;
	const struct frame_addresses allowed = { .count4 = 1, .address4 = { { 10, 0, 2, 21 } } };
	struct input input = { data, size };
	struct net_header header;
	bool whole;
	uint32_t length = make(&input, &header, &whole), pieces;
	bool changed = change(&input, &header) || !whole;
	uint64_t features = input_take(&input, 1) & 1 ? input_take(&input, 8) : ~UINT64_C(0);
	uint8_t *memory;
	struct frame frame;

	/* The rest is memory of its own, so that one byte beyond it is seen. */
	packet_frame(&frame, packet, length, 4096);
	frame.header = header;
	pieces = length > FRAME_HEAD ? length - FRAME_HEAD : 0;
	memory = malloc(pieces ? pieces : 1);
	memcpy(memory, packet + FRAME_HEAD, pieces);
	for (uint32_t i = 0, at = 0; i < frame.segments; at += frame.segment[i++].length)
		frame.segment[i].data = memory + at;
	if (frame_check(&frame, features)) {
		uint32_t before = frame.length;

		CHECK(frame.network <= frame.head_length && frame.transport <= frame.head_length);
		(void)frame_source_allowed(&frame, &allowed, mac);
		(void)frame_claims(&frame, &allowed, mac);
		cut(&frame, changed);
		if (frame_tag(&frame, 77) == ERR_OK) {
			CHECK(frame.vlan == 77 && frame.head_length <= sizeof(frame.head));
			cut(&frame, changed);
			frame_untag(&frame);
			CHECK(frame.length <= before);
			cut(&frame, true);
		}
	}
	free(memory);
	return 0;
}
