/* SPDX-License-Identifier: Apache-2.0 */
/* What is seen in the head of a frame, tags, and who may be named as sender. */
#include "test.h"

#include <libsys/virtio_net.h>
#include <proto/net.h>
#include <string.h>

#include "packet.h"

#define ALL (VIRTIO_NET_F_CSUM | VIRTIO_NET_F_HOST_TSO4 | VIRTIO_NET_F_HOST_TSO6 | VIRTIO_NET_F_HOST_ECN | VIRTIO_NET_F_HOST_USO)

static uint8_t packet[70000];
static struct frame frame;
static const uint8_t mac[6] = ADDRESS_A;

static void make(bool ipv6, uint8_t protocol, uint32_t payload, const uint16_t tags[3])
{
	packet_frame(&frame, packet, packet_write(packet, ipv6, protocol, payload, tags), 4096);
}

/* As make, to be cut into pieces of this size. */
static void make_large(bool ipv6, uint8_t protocol, uint32_t payload, uint16_t size)
{
	make(ipv6, protocol, payload, NULL);
	frame.header.flags = NET_HEADER_NEEDS_CHECKSUM;
	frame.header.gso_type = protocol == PACKET_UDP ? NET_GSO_UDP_L4 : ipv6 ? NET_GSO_TCPV6 : NET_GSO_TCPV4;
	frame.header.gso_size = size;
	frame.header.checksum_start = (uint16_t)packet_transport(packet);
	frame.header.checksum_offset = protocol == PACKET_UDP ? 6 : 16;
}

TEST(frame, finds_headers_behind_tags)
{
	static const uint16_t tags[][3] = { { 0 }, { 5 }, { 5, 6 } };

	for (unsigned i = 0; i < 6; i++) {
		make(i & 1, PACKET_TCP, 1000, tags[i / 2]);
		assert_true(frame_check(&frame, 0));
		assert_int_equal(frame.type, i & 1 ? 0x86dd : 0x0800);
		assert_int_equal(frame.network, 14 + 4 * (i / 2));
		assert_int_equal(frame.transport, packet_transport(packet));
		assert_int_equal(frame.protocol, PACKET_TCP);
		assert_int_equal(frame.tagged, i >= 2);
		assert_int_equal(frame.vlan, i >= 2 ? 5 : 0);
		assert_int_equal(frame_payload(&frame), packet_transport(packet) + 32);
	}
}

TEST(frame, refuses_lengths_beyond_bounds)
{
	for (uint32_t length = 0; length < 14; length++) {
		packet_frame(&frame, packet, length, 4096);
		assert_false(frame_check(&frame, ALL));
	}
	packet_frame(&frame, packet, 14, 4096);
	assert_true(frame_check(&frame, ALL));
	frame.length = frame.head_length = 0;
	frame.length = NET_FRAME_MAX + 1;
	frame.head_length = FRAME_HEAD;
	assert_false(frame_check(&frame, ALL));
}

TEST(frame, takes_every_cut_of_a_packet)
{
	/* Whatever is missing is not known, and nothing beyond is read. */
	for (unsigned i = 0; i < 4; i++) {
		uint32_t whole = packet_write(packet, i & 1, i & 2 ? PACKET_TCP : PACKET_UDP, 4, NULL);

		for (uint32_t length = 14; length <= whole; length++) {
			packet_frame(&frame, packet, length, 4096);
			assert_true(frame_check(&frame, 0));
			assert_int_equal(frame.transport != 0, length >= packet_transport(packet) + (i & 2 ? 32 : 8));
		}
	}
}

TEST(frame, follows_extensions_of_ipv6)
{
	uint32_t length = packet_write(packet, true, PACKET_UDP, 20, NULL);

	memmove(packet + 54 + 24, packet + 54, length - 54);
	memset(packet + 54, 0, 24);
	packet[14 + 6] = 0;
	packet[54] = 60;  /* hop by hop, 8 bytes, then destination options of 16 */
	packet[62] = PACKET_UDP;
	packet[63] = 1;
	packet_frame(&frame, packet, length + 24, 4096);
	assert_true(frame_check(&frame, 0));
	assert_int_equal(frame.protocol, PACKET_UDP);
	assert_int_equal(frame.transport, 54 + 24);
	/* One that ends beyond the head is not followed. */
	packet[63] = 255;
	packet_frame(&frame, packet, length + 24, 4096);
	assert_true(frame_check(&frame, 0));
	assert_int_equal(frame.protocol, 0);
}

TEST(frame, finds_no_transport_in_fragments)
{
	make(false, PACKET_UDP, 100, NULL);
	frame.head[20] = 0x20;
	assert_true(frame_check(&frame, 0));
	assert_int_equal(frame.protocol, PACKET_UDP);
	assert_int_equal(frame.transport, 0);
}

TEST(frame, wants_features_for_offloads)
{
	static const struct {
		bool ipv6;
		uint8_t protocol;
		uint64_t feature;
	} kind[] = { { false, PACKET_TCP, VIRTIO_NET_F_HOST_TSO4 }, { true, PACKET_TCP, VIRTIO_NET_F_HOST_TSO6 },
		     { false, PACKET_UDP, VIRTIO_NET_F_HOST_USO }, { true, PACKET_UDP, VIRTIO_NET_F_HOST_USO } };

	for (unsigned i = 0; i < 4; i++) {
		make_large(kind[i].ipv6, kind[i].protocol, 9000, 1400);
		assert_true(frame_check(&frame, ALL));
		assert_true(frame_check(&frame, kind[i].feature | VIRTIO_NET_F_CSUM));
		assert_false(frame_check(&frame, ALL & ~kind[i].feature));
		assert_false(frame_check(&frame, ALL & ~VIRTIO_NET_F_CSUM));
	}
	make_large(false, PACKET_TCP, 9000, 1400);
	frame.header.gso_type |= NET_GSO_ECN;
	assert_true(frame_check(&frame, ALL));
	assert_false(frame_check(&frame, ALL & ~VIRTIO_NET_F_HOST_ECN));
}

TEST(frame, bounds_how_many_datagrams_are_in_one)
{
	make_large(false, PACKET_UDP, 900, 1);
	assert_true(frame_check(&frame, ALL));
	make_large(true, PACKET_UDP, 1300, 1);
	assert_true(frame_check(&frame, ALL));
	make_large(true, PACKET_UDP, 1400, 1);
	assert_false(frame_check(&frame, ALL));
	make_large(false, PACKET_UDP, 900, 0);
	assert_false(frame_check(&frame, ALL));
}

TEST(frame, fits_by_its_parts)
{
	make_large(false, PACKET_TCP, 9000, 1448);
	assert_true(frame_check(&frame, ALL));
	assert_true(frame_fits(&frame, 1500));
	assert_false(frame_fits(&frame, 1470));
	make(false, PACKET_UDP, 1480, NULL);
	assert_true(frame_check(&frame, ALL));
	assert_true(frame_fits(&frame, 1500));
	assert_false(frame_fits(&frame, 1499));
}

TEST(frame, refuses_offloads_that_do_not_fit)
{
	make_large(false, PACKET_TCP, 9000, 1400);
	frame.header.flags = 0;
	assert_false(frame_check(&frame, ALL));
	make_large(false, PACKET_TCP, 9000, 47);
	assert_false(frame_check(&frame, ALL));
	make_large(false, PACKET_TCP, 9000, 1400);
	frame.header.gso_type = NET_GSO_TCPV6;
	assert_false(frame_check(&frame, ALL));
	make_large(false, PACKET_UDP, 9000, 1400);
	frame.header.gso_type = NET_GSO_TCPV4;
	assert_false(frame_check(&frame, ALL));
	make_large(false, PACKET_TCP, 9000, 1400);
	frame.header.gso_type = 3;
	assert_false(frame_check(&frame, ALL));
	make_large(false, PACKET_TCP, 9000, 1400);
	frame.header.checksum_start++;
	assert_false(frame_check(&frame, ALL));
	make_large(false, PACKET_TCP, 9000, 1400);
	frame.header.checksum_offset = 6;
	assert_false(frame_check(&frame, ALL));
	make(false, PACKET_TCP, 9000, NULL);
	frame.header.flags = NET_HEADER_NEEDS_CHECKSUM;
	frame.header.checksum_start = FRAME_HEAD;
	assert_false(frame_check(&frame, ALL));
	frame.header.checksum_start = FRAME_HEAD - 2;
	frame.header.checksum_offset = 1;
	assert_false(frame_check(&frame, ALL));
	frame.header.checksum_offset = 0xffff;
	assert_false(frame_check(&frame, ALL));
	frame.header.checksum_offset = 0;
	assert_true(frame_check(&frame, ALL));
}

TEST(frame, knows_what_needs_no_cutting)
{
	make_large(false, PACKET_TCP, 1400, 1400);
	assert_true(frame_check(&frame, ALL));
	assert_int_equal(frame.header.gso_type, NET_GSO_NONE);
	assert_int_equal(frame.header.gso_size, 0);
	make_large(false, PACKET_TCP, 1401, 1400);
	assert_true(frame_check(&frame, ALL));
	assert_int_equal(frame.header.gso_type, NET_GSO_TCPV4);
}

TEST(frame, tags_and_takes_tags_off)
{
	uint8_t before[FRAME_HEAD];

	make_large(false, PACKET_TCP, 9000, 1400);
	assert_true(frame_check(&frame, ALL));
	memcpy(before, frame.head, FRAME_HEAD);
	assert_int_equal(frame_tag(&frame, 0x123), ERR_OK);
	assert_int_equal(frame.length, packet_transport(packet) + 32 + 9000 + 4);
	assert_memory_equal(frame.head, before, 12);
	assert_memory_equal(frame.head + 12, "\x81\x00\x01\x23", 4);
	assert_memory_equal(frame.head + 16, before + 12, FRAME_HEAD - 12);
	assert_int_equal(frame.header.checksum_start, packet_transport(packet) + 4);
	assert_int_equal(frame.transport, packet_transport(packet) + 4);
	frame_untag(&frame);
	assert_memory_equal(frame.head, before, FRAME_HEAD);
	assert_int_equal(frame.header.checksum_start, packet_transport(packet));
	assert_false(frame.tagged);
	/* With two there is no room for a third. */
	assert_int_equal(frame_tag(&frame, 1), ERR_OK);
	assert_int_equal(frame_tag(&frame, 2), ERR_OK);
	assert_int_equal(frame_tag(&frame, 3), ERR_RANGE);
	frame_untag(&frame);
	assert_true(frame.tagged);
	assert_int_equal(frame.vlan, 1);
}

TEST(frame, keeps_the_priority_of_a_tag)
{
	static const uint16_t tags[3] = { 0xa000 };

	make(false, PACKET_UDP, 100, tags);
	assert_true(frame_check(&frame, 0));
	assert_true(frame.tagged);
	assert_int_equal(frame.vlan, 0);
	assert_int_equal(frame_tag(&frame, 0x345), ERR_OK);
	assert_memory_equal(frame.head + 12, "\x81\x00\xa3\x45", 4);
}

TEST(frame, copies_any_part)
{
	static uint8_t part[10000];
	uint32_t whole = packet_write(packet, false, PACKET_TCP, 9000, NULL);

	packet_frame(&frame, packet, whole, 777);
	for (uint32_t from = 0; from < whole; from += 97) {
		for (uint32_t length = 0; from + length <= whole; length += 501) {
			memset(part, 0xee, sizeof(part));
			frame_copy(&frame, from, part, length);
			assert_memory_equal(part, packet + from, length);
			assert_int_equal(part[length], 0xee);
		}
	}
}

static const struct frame_addresses allowed = {
	.count4 = 1, .count6 = 1, .address4 = { { 10, 0, 2, 21 } },
	.address6 = { { 0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf } },
};

static bool may_send(uint32_t length)
{
	packet_frame(&frame, packet, length, 4096);
	assert_true(frame_check(&frame, 0));
	return frame_source_allowed(&frame, &allowed, mac);
}

TEST(frame, allows_only_own_ip_addresses)
{
	for (unsigned ipv6 = 0; ipv6 < 2; ipv6++) {
		uint32_t length = packet_write(packet, ipv6, PACKET_UDP, 10, NULL), source = ipv6 ? 22 : 26;

		assert_true(may_send(length));
		packet[source + 3] ^= 1;
		assert_false(may_send(length));
		memset(packet + source, 0, ipv6 ? 16 : 4);
		assert_false(may_send(length));
		/* Cut short, nobody can say. */
		packet_write(packet, ipv6, PACKET_UDP, 10, NULL);
		assert_false(may_send(14 + (ipv6 ? 39 : 19)));
	}
}

TEST(frame, allows_dhcp_without_address)
{
	uint32_t length = packet_write(packet, false, PACKET_UDP, 300, NULL);

	memset(packet + 26, 0, 4);
	memcpy(packet + 34, "\0\x44\0\x43", 4);
	assert_true(may_send(length));
	packet[35] = 67;
	assert_false(may_send(length));
}

TEST(frame, allows_arp_for_own_address)
{
	static const uint8_t arp[42] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x52, 0x54, 0, 0, 0, 0xa, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1,
					 0x52, 0x54, 0, 0, 0, 0xa, 10, 0, 2, 21, 0, 0, 0, 0, 0, 0, 10, 0, 2, 22 };

	memcpy(packet, arp, sizeof(arp));
	assert_true(may_send(42));
	assert_false(may_send(41));
	packet[31] = 22;
	assert_false(may_send(42));
	memset(packet + 28, 0, 4);
	assert_true(may_send(42));
	memcpy(packet, arp, sizeof(arp));
	packet[27] = 0xb;
	assert_false(may_send(42));
	memcpy(packet, arp, sizeof(arp));
	packet[18] = 8;
	assert_false(may_send(42));
}

TEST(frame, allows_neighbour_discovery_of_own)
{
	static const uint8_t local[16] = { 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0x50, 0x54, 0, 0xff, 0xfe, 0, 0, 0xa };
	uint32_t length = packet_write(packet, true, 58, 40, NULL);

	packet[54] = 135;
	memcpy(packet + 22, local, 16);
	assert_true(may_send(length));
	packet[22 + 15] = 0xb;
	assert_false(may_send(length));
	memset(packet + 22, 0, 16);
	assert_true(may_send(length));
	packet[54] = 128;
	assert_false(may_send(length));
	/* An advertisement of somebody else's address, from a right source. */
	memcpy(packet + 22, local, 16);
	packet[54] = 136;
	memcpy(packet + 62, local, 16);
	assert_true(may_send(length));
	packet[62 + 15] = 0xb;
	assert_false(may_send(length));
	/* And behind extensions that nobody follows. */
	memset(packet + 54, 0, 40);
	packet[20] = 0;
	packet[55] = 255;
	assert_false(may_send(length));
}

TEST(frame, refuses_addresses_behind_many_tags)
{
	static const uint16_t tags[3] = { 1, 2, 3 };
	uint32_t length = packet_write(packet, false, PACKET_UDP, 10, tags);

	assert_false(may_send(length));
	static const uint16_t two[3] = { 1, 2 };
	length = packet_write(packet, false, PACKET_UDP, 10, two);
	assert_true(may_send(length));
	packet[22 + 12]++;
	assert_false(may_send(length));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN(frame, finds_headers_behind_tags),
		RUN(frame, refuses_lengths_beyond_bounds),
		RUN(frame, takes_every_cut_of_a_packet),
		RUN(frame, follows_extensions_of_ipv6),
		RUN(frame, finds_no_transport_in_fragments),
		RUN(frame, wants_features_for_offloads),
		RUN(frame, bounds_how_many_datagrams_are_in_one),
		RUN(frame, fits_by_its_parts),
		RUN(frame, refuses_offloads_that_do_not_fit),
		RUN(frame, knows_what_needs_no_cutting),
		RUN(frame, tags_and_takes_tags_off),
		RUN(frame, keeps_the_priority_of_a_tag),
		RUN(frame, copies_any_part),
		RUN(frame, allows_only_own_ip_addresses),
		RUN(frame, allows_dhcp_without_address),
		RUN(frame, allows_arp_for_own_address),
		RUN(frame, allows_neighbour_discovery_of_own),
		RUN(frame, refuses_addresses_behind_many_tags),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
