/* SPDX-License-Identifier: Apache-2.0 */
/* Whole server: frames between guests' rings and a NIC in memory. */
#include "test.h"

#include <string.h>

#include "fake.h"
#include "packet.h"

#define CSUM (VIRTIO_NET_F_CSUM | VIRTIO_NET_F_GUEST_CSUM)
#define TSO (VIRTIO_NET_F_HOST_TSO4 | VIRTIO_NET_F_HOST_TSO6 | VIRTIO_NET_F_GUEST_TSO4 | VIRTIO_NET_F_GUEST_TSO6)
#define MODERN (CSUM | TSO | VIRTIO_NET_F_MRG_RXBUF | GUEST_EVENT_INDEX | GUEST_INDIRECT)

static struct guest guest[FAKE_GUESTS];
static uint8_t packet[70000], got[70000];
static struct net_header header;

static void begin(uint64_t alpha, uint64_t beta, uint64_t gamma)
{
	const uint64_t features[FAKE_GUESTS] = { alpha, beta, gamma };

	fake_start();
	for (unsigned i = 0; i < FAKE_GUESTS; i++) {
		fake_attach(i);
		guest_init(&guest[i], i, 1, features[i]);
		guest_start(&guest[i]);
		guest_fill(&guest[i], 0, GUEST_QUEUE);
	}
}

static int set_up(void **state)
{
	(void)state;
	fake_reset();
	begin(MODERN, MODERN, GUEST_INDIRECT);
	return 0;
}

/* A packet for a guest by its number, from another; 9 is outside, 8 everybody. */
static uint32_t make(unsigned to, unsigned from, bool ipv6, uint8_t protocol, uint32_t payload)
{
	uint32_t length = packet_write(packet, ipv6, protocol, payload, NULL);

	packet[5] = (uint8_t)(0xa + to);
	packet[11] = (uint8_t)(0xa + from);
	if (to == 8)
		memset(packet, 0xff, 6);
	return length;
}

static struct net_header offloads(bool ipv6, uint8_t protocol, uint16_t size)
{
	struct net_header result = { .flags = NET_HEADER_NEEDS_CHECKSUM, .checksum_start = (uint16_t)packet_transport(packet),
				     .checksum_offset = protocol == PACKET_TCP ? 16 : 6 };

	if (size) {
		result.gso_type = protocol == PACKET_UDP ? NET_GSO_UDP_L4 : ipv6 ? NET_GSO_TCPV6 : NET_GSO_TCPV4;
		result.gso_size = size;
	}
	return result;
}

static uint64_t drops(unsigned port, enum net_drop drop)
{
	fake.time += FAKE_HZ;
	fake_turn(NET_SIGNAL_CONTROL);
	return fake_status()->port[port].drops[drop];
}

TEST(server, copies_between_guests)
{
	unsigned signals = fake.signals[1];

	for (uint32_t payload = 0; payload < 1400; payload += 13) {
		uint32_t length = make(1, 0, false, PACKET_UDP, payload);

		guest_say(&guest[0], NULL, packet, length);
		assert_int_equal(guest_receive(&guest[1], 0, &header, got), length);
		assert_memory_equal(got, packet, length);
		assert_int_equal(header.flags, 0);
		assert_int_equal(header.gso_type, 0);
		assert_int_equal(header.buffers, 1);
		guest_fill(&guest[1], 0, 1);
		guest_poll(&guest[0]);
	}
	assert_int_equal(guest[0].done, 108);
	assert_int_equal(guest[0].wrong + guest[1].wrong, 0);
	assert_true(fake.signals[1] >= signals + 108);
	assert_int_equal(guest_receive(&guest[2], 0, &header, got), 0);
	assert_int_equal(fake.in_nic, 0);
}

TEST(server, passes_large_segments_whole)
{
	for (unsigned i = 0; i < 2; i++) {
		uint32_t length = make(1, 0, i, PACKET_TCP, 65000);
		struct net_header large = offloads(i, PACKET_TCP, 1400);

		guest_say(&guest[0], &large, packet, length);
		assert_int_equal(guest_receive(&guest[1], 0, &header, got), length);
		assert_memory_equal(got, packet, length);
		assert_int_equal(header.gso_type, large.gso_type);
		assert_int_equal(header.gso_size, 1400);
		assert_int_equal(header.flags, NET_HEADER_NEEDS_CHECKSUM);
		assert_int_equal(header.checksum_start, large.checksum_start);
		assert_int_equal(header.buffers, (length + 12 + GUEST_BUFFER - 1) / GUEST_BUFFER);
		guest_fill(&guest[1], 0, GUEST_QUEUE);
	}
}

TEST(server, cuts_for_a_guest_that_takes_no_large_segments)
{
	for (unsigned i = 0; i < 2; i++) {
		uint32_t length = make(2, 0, i, PACKET_TCP, 20000), count = 0;
		struct net_header large = offloads(i, PACKET_TCP, 1400);

		guest_say(&guest[0], &large, packet, length);
		while ((length = guest_receive(&guest[2], 0, &header, got)) != 0) {
			assert_true(packet_good(got, length));
			assert_int_equal(header.gso_type, 0);
			assert_int_equal(header.flags, 0);
			count++;
		}
		assert_int_equal(count, 15);
		guest_fill(&guest[2], 0, GUEST_QUEUE);
	}
}

TEST(server, completes_checksums_for_a_guest_that_takes_none)
{
	uint32_t length = make(2, 0, false, PACKET_UDP, 999);
	struct net_header partial = offloads(false, PACKET_UDP, 0);

	guest_say(&guest[0], &partial, packet, length);
	assert_int_equal(guest_receive(&guest[2], 0, &header, got), length);
	assert_true(packet_good(got, length));
	assert_int_equal(header.flags, 0);
}

TEST(server, gives_large_segments_to_one_big_buffer)
{
	fake_reset();
	begin(MODERN, MODERN & ~VIRTIO_NET_F_MRG_RXBUF, 0);
	uint32_t length = make(1, 0, false, PACKET_TCP, 60000);
	struct net_header large = offloads(false, PACKET_TCP, 1448);

	guest_say(&guest[0], &large, packet, length);
	assert_int_equal(guest_receive(&guest[1], 0, &header, got), length);
	assert_memory_equal(got, packet, length);
	assert_int_equal(header.buffers, 1);
}

TEST(server, drops_what_has_no_buffer_and_goes_on)
{
	uint32_t length = make(1, 0, false, PACKET_TCP, 65000);
	struct net_header large = offloads(false, PACKET_TCP, 1448);

	/* Of 64 buffers one is taken, then 32: not enough are left for another one. */
	guest_say(&guest[0], NULL, packet, 100);
	guest_say(&guest[0], &large, packet, length);
	guest_say(&guest[0], &large, packet, length);
	assert_int_equal(drops(1, NET_DROP_NO_BUFFER), 1);
	assert_int_equal(guest_receive(&guest[1], 0, &header, got), 100);
	assert_int_equal(guest_receive(&guest[1], 0, &header, got), length);
	assert_int_equal(guest_receive(&guest[1], 0, &header, got), 0);
	/* They are still there for others. */
	length = make(1, 0, false, PACKET_UDP, 100);
	guest_say(&guest[0], NULL, packet, length);
	assert_int_equal(guest_receive(&guest[1], 0, &header, got), length);
	assert_memory_equal(got, packet, length);
	guest_poll(&guest[0]);
	assert_int_equal(guest[0].done, 4);
}

TEST(server, gives_guests_pages_to_the_nic)
{
	uint32_t length = make(9, 0, false, PACKET_UDP, 1400);

	guest_say(&guest[0], NULL, packet, length);
	assert_int_equal(fake.in_nic, 1);
	assert_memory_equal(fake.sent[0].data, packet, length);
	assert_non_null(fake.sent[0].token);
	assert_true(fake.kicks > 0);
	guest_poll(&guest[0]);
	assert_int_equal(guest[0].done, 0);
	/* One between guests waits for it, so that buffers come back in order. */
	uint32_t other = make(1, 0, false, PACKET_UDP, 77);

	guest_say(&guest[0], NULL, packet, other);
	assert_int_equal(guest_receive(&guest[1], 0, &header, got), other);
	guest_poll(&guest[0]);
	assert_int_equal(guest[0].done, 0);
	fake_complete(1);
	guest_poll(&guest[0]);
	assert_int_equal(guest[0].done, 2);
	assert_int_equal(guest[0].wrong, 0);
	/* A small one is in the head, which is copied. */
	make(9, 0, false, PACKET_UDP, 50);
	guest_say(&guest[0], NULL, packet, 92);
	guest_poll(&guest[0]);
	assert_int_equal(guest[0].done, 3);
}

TEST(server, does_for_the_nic_what_it_cannot)
{
	uint32_t length = make(9, 0, true, PACKET_TCP, 30000);
	struct net_header large = offloads(true, PACKET_TCP, 1400);

	guest_say(&guest[0], &large, packet, length);
	assert_int_equal(fake.in_nic, 22);
	for (unsigned i = 0; i < fake.in_nic; i++)
		assert_true(packet_good(fake.sent[i].data, fake.sent[i].length));
	guest_poll(&guest[0]);
	assert_int_equal(guest[0].done, 1);
}

TEST(server, leaves_to_the_nic_what_it_can)
{
	fake_reset();
	fake.options.nic_features = VIRTIO_NET_F_CSUM | VIRTIO_NET_F_HOST_TSO4;
	begin(MODERN, MODERN, 0);
	uint32_t length = make(9, 0, false, PACKET_TCP, 65000);
	struct net_header large = offloads(false, PACKET_TCP, 1400);

	guest_say(&guest[0], &large, packet, length);
	assert_int_equal(fake.in_nic, 1);
	assert_memory_equal(fake.sent[0].data, packet, length);
	assert_int_equal(fake.sent[0].header.gso_size, 1400);
	length = make(9, 0, true, PACKET_TCP, 2800);
	large = offloads(true, PACKET_TCP, 1400);
	guest_say(&guest[0], &large, packet, length);
	assert_int_equal(fake.in_nic, 3);
	fake_complete(3);
}

TEST(server, waits_for_room_in_the_nic)
{
	uint32_t length = make(9, 0, false, PACKET_UDP, 1400), other;

	fake.room = 40;
	for (unsigned i = 0; i < GUEST_QUEUE; i++)
		assert_true(guest_send(&guest[0], 0, NULL, packet, length, 4096));
	guest_notify(&guest[0]);
	assert_int_equal(fake.in_nic, 40);
	assert_true(fake.awaited);
	/* Others are not held up by it. */
	other = make(2, 1, false, PACKET_UDP, 10);
	guest_say(&guest[1], NULL, packet, other);
	assert_int_equal(guest_receive(&guest[2], 0, &header, got), other);
	/* A little room is left alone, more is used. */
	fake_complete(4);
	assert_int_equal(fake.in_nic, 36);
	fake_complete(32);
	assert_int_equal(fake.in_nic, 28);
	fake_complete(28);
	guest_poll(&guest[0]);
	assert_int_equal(guest[0].done, GUEST_QUEUE);
	assert_int_equal(guest[0].wrong, 0);
}

TEST(server, delivers_from_outside)
{
	uint32_t length = make(1, 9, false, PACKET_TCP, 1400);
	struct net_header partial = offloads(false, PACKET_TCP, 0);

	fake_come(packet, length, &partial);
	assert_int_equal(guest_receive(&guest[1], 0, &header, got), length);
	assert_memory_equal(got, packet, length);
	assert_int_equal(header.flags, NET_HEADER_NEEDS_CHECKSUM);
	make(8, 9, false, PACKET_UDP, 1000);
	fake_come(packet, 1042, NULL);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(guest_receive(&guest[i], 0, &header, got), 1042);
	assert_true(fake.acknowledged >= 2);
	/* Longer than the network takes. */
	fake_come(packet, 1523, NULL);
	assert_int_equal(guest_receive(&guest[1], 0, &header, got), 0);
	assert_int_equal(drops(3, NET_DROP_BAD_FRAME), 1);
}

TEST(server, reads_many_frames_in_bounded_turns)
{
	uint32_t length = make(1, 9, false, PACKET_UDP, 10);

	for (unsigned i = 0; i < 200; i++) {
		memcpy(fake.coming[i].data, packet, length);
		fake.coming[i].length = length;
	}
	fake.comes = 200;
	assert_true(server_turn(NET_SIGNAL_DEVICE(0)));
	assert_int_equal(fake.comes, 136);
	fake_turn(0);
	assert_int_equal(fake.comes, 0);
}

TEST(server, drops_what_may_not_be_sent)
{
	uint32_t length = make(1, 2, false, PACKET_UDP, 10);

	guest_say(&guest[0], NULL, packet, length);
	assert_int_equal(drops(0, NET_DROP_SOURCE_MAC), 1);
	make(1, 0, false, PACKET_UDP, 10);
	guest_say(&guest[0], NULL, packet, 13);
	guest_say(&guest[0], NULL, packet, 1523);
	assert_int_equal(drops(0, NET_DROP_BAD_FRAME), 2);
	assert_int_equal(guest_receive(&guest[1], 0, &header, got), 0);
	guest_poll(&guest[0]);
	assert_int_equal(guest[0].done, 3);
}

TEST(server, drops_foreign_ip_addresses)
{
	fake_reset();
	fake.options.address[0] = "10.0.2.21";
	begin(MODERN, MODERN, 0);
	uint32_t length = make(1, 0, false, PACKET_UDP, 10);

	guest_say(&guest[0], NULL, packet, length);
	assert_int_equal(guest_receive(&guest[1], 0, &header, got), length);
	packet[29] = 22;
	guest_say(&guest[0], NULL, packet, length);
	assert_int_equal(guest_receive(&guest[1], 0, &header, got), 0);
	assert_int_equal(drops(0, NET_DROP_SOURCE_IP), 1);
}

TEST(server, isolates_guests_of_a_group)
{
	fake_reset();
	fake.options.group[0] = fake.options.group[1] = 1;
	begin(MODERN, MODERN, 0);
	uint32_t length = make(1, 0, false, PACKET_UDP, 10);

	guest_say(&guest[0], NULL, packet, length);
	assert_int_equal(drops(0, NET_DROP_ISOLATED), 1);
	length = make(2, 0, false, PACKET_UDP, 10);
	guest_say(&guest[0], NULL, packet, length);
	assert_int_equal(guest_receive(&guest[2], 0, &header, got), length);
}

TEST(server, tags_between_ports)
{
	static const uint16_t tag[3] = { 5 };
	uint32_t length;

	fake_reset();
	fake.options.vlan[0] = fake.options.vlan[1] = 5;
	begin(MODERN, MODERN, GUEST_INDIRECT);
	length = make(8, 0, false, PACKET_UDP, 1000);
	guest_say(&guest[0], NULL, packet, length);
	/* One of the same VLAN sees no tag, others and the outside do. */
	assert_int_equal(guest_receive(&guest[1], 0, &header, got), length);
	assert_memory_equal(got, packet, length);
	assert_int_equal(guest_receive(&guest[2], 0, &header, got), length + 4);
	assert_memory_equal(got, packet, 12);
	assert_memory_equal(got + 12, "\x81\x00\x00\x05", 4);
	assert_memory_equal(got + 16, packet + 12, length - 12);
	assert_int_equal(fake.sent[0].length, length + 4);
	assert_memory_equal(fake.sent[0].data, got, length + 4);
	fake_complete(1);
	/* And back. */
	length = packet_write(packet, false, PACKET_UDP, 1000, tag);
	packet[5] = 0xa;
	packet[11] = 0x13;
	fake_come(packet, length, NULL);
	assert_int_equal(guest_receive(&guest[0], 0, &header, got), length - 4);
	assert_memory_equal(got + 12, packet + 16, length - 16);
	packet[15] = 6;
	fake_come(packet, length, NULL);
	assert_int_equal(guest_receive(&guest[0], 0, &header, got), 0);
	/* With a large segment, whose offsets move along. */
	length = make(2, 0, false, PACKET_TCP, 3000);
	{
		struct net_header large = offloads(false, PACKET_TCP, 1000);
		unsigned count = 0;

		guest_say(&guest[0], &large, packet, length);
		while ((length = guest_receive(&guest[2], 0, &header, got)) != 0) {
			assert_memory_equal(got + 12, "\x81\x00\x00\x05", 4);
			assert_true(packet_good(got, length));
			count++;
		}
		assert_int_equal(count, 3);
	}
}

TEST(server, drops_tags_of_a_port_without)
{
	static const uint16_t tag[3] = { 6 };
	uint32_t length;

	fake_reset();
	fake.options.vlan[0] = 5;
	begin(MODERN, MODERN, 0);
	length = packet_write(packet, false, PACKET_UDP, 10, tag);
	guest_say(&guest[0], NULL, packet, length);
	assert_int_equal(drops(0, NET_DROP_VLAN), 1);
}

TEST(server, limits_groups)
{
	uint32_t length = make(8, 0, false, PACKET_UDP, 10);
	unsigned received = 0;

	for (unsigned i = 0; i < 1500; i++) {
		guest_say(&guest[0], NULL, packet, length);
		guest_poll(&guest[0]);
		received += guest_receive(&guest[1], 0, &header, got) != 0;
		guest_fill(&guest[1], 0, GUEST_QUEUE);
		fake_complete(64);
	}
	assert_in_range(received, 1000, 1001);
	assert_int_equal(drops(0, NET_DROP_RATE), 1500 - received);
}

/* Sends as much as goes for this time; what beta received. */
static uint64_t pour(uint32_t length, unsigned seconds)
{
	uint64_t end = fake.time + (uint64_t)seconds * FAKE_HZ, bytes = 0, part;

	while (fake.time < end) {
		while (guest_send(&guest[0], 0, NULL, packet, length, 4096))
			;
		fake_turn(NET_SIGNAL_SESSION(0));
		guest_poll(&guest[0]);
		while ((part = guest_receive(&guest[1], 0, &header, got)) != 0)
			bytes += part;
		guest_fill(&guest[1], 0, GUEST_QUEUE);
		fake.time += FAKE_HZ / 2000;
	}
	return bytes;
}

TEST(server, keeps_limits_of_bytes)
{
	uint64_t bytes;

	fake_reset();
	fake.options.bandwidth[0] = 1000000;
	fake.options.bandwidth_burst = 100000;
	begin(MODERN, MODERN, 0);
	make(1, 0, false, PACKET_UDP, 1400);
	bytes = pour(1442, 10);
	assert_in_range(bytes, 10000000, 10100000 + 3000);
	assert_int_not_equal(server_deadline(), ~UINT64_C(0));
}

TEST(server, keeps_limits_of_frames)
{
	uint64_t bytes;

	fake_reset();
	fake.options.packets[0] = 500;
	fake.options.packets_burst = 50;
	begin(MODERN, MODERN, 0);
	make(1, 0, false, PACKET_UDP, 58);
	bytes = pour(100, 10);
	assert_in_range(bytes / 100, 5000, 5051);
}

TEST(server, shares_turns_by_bytes)
{
	unsigned count[2] = { 0 };
	uint8_t large[1500];

	/* Alpha sends large frames, beta small ones; as much of each is taken in a run as turns allow. */
	make(9, 0, false, PACKET_UDP, 1400);
	memcpy(large, packet, 1442);
	make(9, 1, false, PACKET_UDP, 0);
	for (unsigned round = 0; round < 200; round++) {
		while (guest_send(&guest[0], 0, NULL, large, 1442, 4096))
			;
		while (guest_send(&guest[1], 0, NULL, packet, 60, 4096))
			;
		fake.room = 256;
		(void)server_turn(NET_SIGNAL_SESSION(0) | NET_SIGNAL_SESSION(1));
		for (unsigned i = 0; i < fake.in_nic; i++)
			count[fake.sent[i].data[11] == 0xb]++;
		fake.complete = 256;
		(void)server_turn(NET_SIGNAL_DEVICE(0));
		for (unsigned i = 0; i < fake.in_nic; i++)
			count[fake.sent[i].data[11] == 0xb]++;
		fake.complete = 256;
		(void)server_turn(NET_SIGNAL_DEVICE(0));
		guest_poll(&guest[0]);
		guest_poll(&guest[1]);
	}
	assert_true(count[0] > 500 && count[1] > 500);
	/* A flood of small frames gets no more of the server than the other. */
	assert_true(count[1] < count[0] * 6);
}

TEST(server, spreads_connections_over_queues)
{
	unsigned seen = 0;

	fake_reset();
	fake_start();
	fake_attach(0);
	fake_attach(1);
	guest_init(&guest[0], 0, 1, MODERN);
	guest_init(&guest[1], 1, 2, MODERN);
	guest_start(&guest[0]);
	guest_start(&guest[1]);
	guest_fill(&guest[1], 0, GUEST_QUEUE);
	guest_fill(&guest[1], 1, GUEST_QUEUE);
	uint32_t length = make(1, 0, false, PACKET_TCP, 10);

	for (unsigned i = 0; i < 32; i++) {
		packet[35] = (uint8_t)i;
		guest_say(&guest[0], NULL, packet, length);
		guest_poll(&guest[0]);
		/* Only one is in use until the driver says so. */
		assert_int_equal(guest_receive(&guest[1], 0, &header, got), length);
	}
	fake_session(1)->filter.pairs = 2;
	fake_session(1)->filter.sequence += 2;
	fake_turn(NET_SIGNAL_SESSION(1));
	for (unsigned i = 0; i < 32; i++) {
		unsigned first = 2;

		packet[35] = (uint8_t)i;
		for (unsigned again = 0; again < 2; again++) {
			guest_say(&guest[0], NULL, packet, length);
			guest_poll(&guest[0]);
			for (unsigned pair = 0; pair < 2; pair++) {
				if (!guest_receive(&guest[1], pair, &header, got))
					continue;
				assert_true(first == 2 || first == pair);
				first = pair;
				guest_fill(&guest[1], pair, 1);
			}
		}
		assert_in_range(first, 0, 1);
		seen |= 1u << first;
	}
	assert_int_equal(seen, 3);
}

TEST(server, filters_as_the_driver_asks)
{
	struct net_filter *filter = &fake_session(1)->filter;
	uint32_t length;

	guest_stop(&guest[1]);
	guest[1].features |= VIRTIO_NET_F_CTRL_VQ | VIRTIO_NET_F_CTRL_RX | VIRTIO_NET_F_CTRL_RX_EXTRA;
	guest_start(&guest[1]);
	guest_fill(&guest[1], 0, GUEST_QUEUE);
	length = make(8, 0, false, PACKET_UDP, 10);
	memcpy(packet, "\x01\x00\x5e\x00\x00\x01", 6);
	guest_say(&guest[0], NULL, packet, length);
	assert_int_equal(guest_receive(&guest[1], 0, &header, got), 0);
	memcpy(filter->address[0], packet, 6);
	filter->macs = 1;
	filter->sequence += 2;
	fake_turn(NET_SIGNAL_SESSION(1));
	guest_say(&guest[0], NULL, packet, length);
	assert_int_equal(guest_receive(&guest[1], 0, &header, got), length);
	/* While it is being written the one before counts. */
	filter->macs = 0;
	filter->sequence++;
	fake_turn(NET_SIGNAL_SESSION(1));
	guest_say(&guest[0], NULL, packet, length);
	assert_int_equal(guest_receive(&guest[1], 0, &header, got), length);
	filter->no_broadcast = 1;
	filter->macs = 1000000;
	filter->sequence++;
	fake_turn(NET_SIGNAL_SESSION(1));
	memset(packet, 0xff, 6);
	guest_say(&guest[0], NULL, packet, length);
	assert_int_equal(guest_receive(&guest[1], 0, &header, got), 0);
	assert_int_equal(guest_receive(&guest[2], 0, &header, got), length);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_WITH(server, copies_between_guests, set_up),
		RUN_WITH(server, passes_large_segments_whole, set_up),
		RUN_WITH(server, cuts_for_a_guest_that_takes_no_large_segments, set_up),
		RUN_WITH(server, completes_checksums_for_a_guest_that_takes_none, set_up),
		RUN_WITH(server, gives_large_segments_to_one_big_buffer, set_up),
		RUN_WITH(server, drops_what_has_no_buffer_and_goes_on, set_up),
		RUN_WITH(server, gives_guests_pages_to_the_nic, set_up),
		RUN_WITH(server, does_for_the_nic_what_it_cannot, set_up),
		RUN_WITH(server, leaves_to_the_nic_what_it_can, set_up),
		RUN_WITH(server, waits_for_room_in_the_nic, set_up),
		RUN_WITH(server, delivers_from_outside, set_up),
		RUN_WITH(server, reads_many_frames_in_bounded_turns, set_up),
		RUN_WITH(server, drops_what_may_not_be_sent, set_up),
		RUN_WITH(server, drops_foreign_ip_addresses, set_up),
		RUN_WITH(server, isolates_guests_of_a_group, set_up),
		RUN_WITH(server, tags_between_ports, set_up),
		RUN_WITH(server, drops_tags_of_a_port_without, set_up),
		RUN_WITH(server, limits_groups, set_up),
		RUN_WITH(server, keeps_limits_of_bytes, set_up),
		RUN_WITH(server, keeps_limits_of_frames, set_up),
		RUN_WITH(server, shares_turns_by_bytes, set_up),
		RUN_WITH(server, spreads_connections_over_queues, set_up),
		RUN_WITH(server, filters_as_the_driver_asks, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
