/* SPDX-License-Identifier: Apache-2.0 */
/* Checksums and cutting, against a naive model. */
#include "test.h"

#include <libsys/virtio_net.h>
#include <offload.h>
#include <stdlib.h>
#include <string.h>

#include "packet.h"

#define ALL (VIRTIO_NET_F_CSUM | VIRTIO_NET_F_HOST_TSO4 | VIRTIO_NET_F_HOST_TSO6 | VIRTIO_NET_F_HOST_ECN | VIRTIO_NET_F_HOST_USO)

static uint8_t packet[70000], out[70000];

static uint32_t naive_sum(const uint8_t *data, uint32_t length)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < length; i++) {
		sum += i % 2 ? data[i] : data[i] * 256u;
		sum = sum > 0xffff ? sum - 0xffff : sum;
	}
	return sum;
}

static uint32_t folded(uint32_t sum)
{
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

TEST(offload, sums_as_the_model)
{
	for (unsigned round = 0; round < 3000; round++) {
		uint32_t from = (uint32_t)rand() % 64, length = (uint32_t)rand() % (round % 10 ? 100 : 65000);

		for (uint32_t i = 0; i < length; i++)
			packet[from + i] = round % 7 ? (uint8_t)rand() : 0xff;
		assert_int_equal(folded(offload_sum(packet + from, length, 0)) % 0xffff, naive_sum(packet + from, length) % 0xffff);
		/* Zero only if all is. */
		assert_int_equal(folded(offload_sum(packet + from, length, 0)) == 0, naive_sum(packet + from, length) == 0);
	}
}

static void prepare(struct frame *frame, bool ipv6, uint8_t protocol, uint32_t payload, uint16_t size)
{
	uint32_t length = packet_write(packet, ipv6, protocol, payload, NULL);

	packet_frame(frame, packet, length, 4096);
	frame->header.flags = NET_HEADER_NEEDS_CHECKSUM;
	frame->header.checksum_start = (uint16_t)packet_transport(packet);
	frame->header.checksum_offset = protocol == PACKET_UDP ? 6 : 16;
	if (size) {
		frame->header.gso_type = protocol == PACKET_UDP ? NET_GSO_UDP_L4 : ipv6 ? NET_GSO_TCPV6 : NET_GSO_TCPV4;
		frame->header.gso_size = size;
	}
	assert_true(frame_check(frame, ALL));
}

TEST(offload, completes_checksums)
{
	struct offload offload;
	struct frame frame;

	for (unsigned round = 0; round < 400; round++) {
		prepare(&frame, round & 1, round & 2 ? PACKET_TCP : PACKET_UDP, round * 17, 0);
		offload_begin(&offload, &frame);
		assert_int_equal(offload_next(&offload, out, sizeof(out)), frame.length);
		assert_true(packet_good(out, frame.length));
		assert_int_equal(offload_next(&offload, out, sizeof(out)), 0);
		assert_int_equal(offload_count(&frame), 1);
	}
}

TEST(offload, writes_no_checksum_of_zero_for_udp)
{
	struct offload offload;
	struct frame frame;
	uint32_t length = packet_write(packet, false, PACKET_UDP, 2, NULL), sum;

	/* Payload that makes the sum 0xffff. */
	packet[42] = packet[43] = 0;
	sum = naive_sum(packet + 34, length - 34);
	packet[42] = (uint8_t)((0xffff - sum) >> 8);
	packet[43] = (uint8_t)(0xffff - sum);
	packet_frame(&frame, packet, length, 4096);
	frame.header = (struct net_header){ .flags = NET_HEADER_NEEDS_CHECKSUM, .checksum_start = 34, .checksum_offset = 6 };
	assert_true(frame_check(&frame, ALL));
	offload_begin(&offload, &frame);
	assert_int_equal(offload_next(&offload, out, sizeof(out)), length);
	assert_memory_equal(out + 40, "\xff\xff", 2);
}

static void cut(bool ipv6, uint8_t protocol, uint32_t payload, uint16_t size)
{
	uint32_t transport, header = protocol == PACKET_TCP ? 32 : 8, done = 0, parts = 0, length;
	struct offload offload;
	struct frame frame;

	prepare(&frame, ipv6, protocol, payload, size);
	transport = packet_transport(packet);
	offload_begin(&offload, &frame);
	while ((length = offload_next(&offload, out, transport + header + size)) != 0) {
		uint32_t part = length - transport - header;
		bool last = done + part == payload;

		assert_true(packet_good(out, length));
		assert_true(last || part == size);
		assert_memory_equal(out + transport + header, packet + transport + header + done, part);
		if (!ipv6)
			assert_int_equal((uint16_t)(out[18] * 256 + out[19]), (uint16_t)(0xfffe + parts));
		if (protocol == PACKET_TCP) {
			const uint8_t *tcp = out + transport;
			uint32_t sequence = (uint32_t)tcp[4] << 24 | (uint32_t)tcp[5] << 16 | (uint32_t)tcp[6] << 8 | tcp[7];

			assert_int_equal(sequence, 0xfffffe01u + done);
			assert_int_equal(tcp[13] & 0x80, parts == 0 ? 0x80 : 0);
			assert_int_equal(tcp[13] & 0x09, last ? 0x09 : 0);
			assert_int_equal(tcp[13] & 0x10, 0x10);
		}
		done += part;
		parts++;
	}
	assert_int_equal(done, payload);
	assert_int_equal(parts, offload_count(&frame));
}

TEST(offload, cuts_into_whole_packets)
{
	for (unsigned i = 0; i < 4; i++) {
		cut(i & 1, i & 2 ? PACKET_TCP : PACKET_UDP, 65000, 1448);
		cut(i & 1, i & 2 ? PACKET_TCP : PACKET_UDP, 2896, 1448);
		cut(i & 1, i & 2 ? PACKET_TCP : PACKET_UDP, 2897, 1448);
		cut(i & 1, i & 2 ? PACKET_TCP : PACKET_UDP, 3001, 48);
		cut(i & 1, i & 2 ? PACKET_TCP : PACKET_UDP, 20000, 8961);
		for (unsigned round = 0; round < 100; round++) {
			uint16_t size = (uint16_t)(48 + rand() % 3000);

			cut(i & 1, i & 2 ? PACKET_TCP : PACKET_UDP, size + 1u + (uint32_t)rand() % 20000, size);
		}
	}
}

TEST(offload, never_writes_beyond_the_room)
{
	struct offload offload;
	struct frame frame;

	prepare(&frame, false, PACKET_TCP, 9000, 1448);
	offload_begin(&offload, &frame);
	memset(out, 0xee, sizeof(out));
	assert_int_equal(offload_next(&offload, out, 1448 + 65), 0);
	assert_int_equal(out[0], 0xee);
	prepare(&frame, false, PACKET_TCP, 100, 0);
	offload_begin(&offload, &frame);
	assert_int_equal(offload_next(&offload, out, frame.length - 1), 0);
	assert_int_equal(out[0], 0xee);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(offload, sums_as_the_model),
		RUN(offload, completes_checksums),
		RUN(offload, writes_no_checksum_of_zero_for_udp),
		RUN(offload, cuts_into_whole_packets),
		RUN(offload, never_writes_beyond_the_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
