/* SPDX-License-Identifier: Apache-2.0 */
/* Whole server: what may be sent, how much, and who gets it. */
#include "test.h"

#include <string.h>

#include "scene.h"

TEST(rules, drops_what_may_not_be_sent)
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

TEST(rules, drops_foreign_ip_addresses)
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

/* Sends a datagram of alpha from this port, with addresses as the scene has them. */
static void say_from_port(uint16_t port)
{
	uint32_t length = make(1, 0, false, PACKET_UDP, 10);

	packet[34] = (uint8_t)(port >> 8);
	packet[35] = (uint8_t)port;
	guest_say(&guest[0], NULL, packet, length);
}

TEST(rules, drop_servers_of_dhcp_beside_a_gateway)
{
	fake_reset();
	fake.options.address[0] = "10.0.2.21";
	fake.options.gateway = true;
	begin(MODERN, MODERN, 0);
	say_from_port(67);
	say_from_port(547);
	assert_int_equal(drops(0, NET_DROP_SOURCE_IP), 2);
	say_from_port(68);
	assert_int_equal(drops(0, NET_DROP_SOURCE_IP), 2);
	/* Without one, guests may serve others. */
	fake_reset();
	fake.options.address[0] = "10.0.2.21";
	fake.options.gateway = false;
	begin(MODERN, MODERN, 0);
	say_from_port(67);
	assert_int_equal(drops(0, NET_DROP_SOURCE_IP), 0);
}

TEST(rules, count_what_a_link_that_is_down_keeps_away)
{
	uint32_t length;

	fake.command = (struct net_command){ .sequence = 1, .operation = NET_LINK_DOWN, .guest = 1 };
	fake_turn(NET_SIGNAL_CONTROL);
	length = make(1, 0, false, PACKET_UDP, 10);
	guest_say(&guest[0], NULL, packet, length);
	guest_say(&guest[0], NULL, packet, length);
	assert_int_equal(drops(1, NET_DROP_LINK), 2);
	guest_say(&guest[1], NULL, packet, make(0, 1, false, PACKET_UDP, 10));
	assert_int_equal(drops(1, NET_DROP_LINK), 3);
	assert_int_equal(drops(0, NET_DROP_LINK), 0);
	assert_int_equal(fake_status()->port[0].sent_frames, 2);
}

TEST(rules, lets_nobody_outside_take_a_guests_address)
{
	static const uint8_t arp[42] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x52, 0x54, 0, 0, 0, 0x13, 8, 6, 0, 1, 8, 0, 6, 4, 0, 2,
					 0x52, 0x54, 0, 0, 0, 0x13, 10, 0, 2, 21, 0, 0, 0, 0, 0, 0, 10, 0, 2, 22 };
	static const uint8_t local[16] = { 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0x50, 0x54, 0, 0xff, 0xfe, 0, 0, 0xa };
	uint32_t length;

	fake_reset();
	fake.options.address[0] = "10.0.2.21";
	begin(MODERN, MODERN, 0);
	memcpy(packet, arp, sizeof(arp));
	fake_come(packet, sizeof(arp), NULL);
	assert_int_equal(guest_receive(&guest[1], 0, &header, got), 0);
	assert_int_equal(drops(3, NET_DROP_SOURCE_IP), 1);
	/* Of an address that no guest has. */
	packet[31] = 23;
	fake_come(packet, sizeof(arp), NULL);
	assert_int_equal(guest_receive(&guest[1], 0, &header, got), sizeof(arp));
	/* Neighbour discovery: the sender, and who is advertised. */
	for (unsigned type = 133; type <= 138; type++) {
		length = make(1, 9, true, 58, 40);
		packet[54] = (uint8_t)type;
		fake_come(packet, length, NULL);
		assert_int_equal(guest_receive(&guest[1], 0, &header, got), length);
		memcpy(packet + 22, local, 16);
		fake_come(packet, length, NULL);
		assert_int_equal(guest_receive(&guest[1], 0, &header, got), type == 138 ? length : 0);
	}
	assert_int_equal(drops(3, NET_DROP_SOURCE_IP), 6);
	length = make(1, 9, true, 58, 40);
	packet[54] = 136;
	memcpy(packet + 62, local, 16);
	fake_come(packet, length, NULL);
	assert_int_equal(guest_receive(&guest[1], 0, &header, got), 0);
	/* Other traffic says nothing of who is where. */
	length = make(1, 9, false, PACKET_UDP, 10);
	memcpy(packet + 26, arp + 28, 4);
	fake_come(packet, length, NULL);
	assert_int_equal(guest_receive(&guest[1], 0, &header, got), length);
}

TEST(rules, isolates_guests_of_a_group)
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

TEST(rules, tags_between_ports)
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

TEST(rules, drops_tags_of_a_port_without)
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

TEST(rules, limits_groups)
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
	/* The burst, and what half a second allows. */
	assert_in_range(received, 1499, 1500);
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

TEST(rules, keeps_limits_of_bytes)
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

TEST(rules, keeps_limits_of_frames)
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

TEST(rules, shares_turns_by_bytes)
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

TEST(rules, spreads_connections_over_queues)
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

TEST(rules, filters_as_the_driver_asks)
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
		RUN_WITH(rules, drops_what_may_not_be_sent, set_up),
		RUN_WITH(rules, drops_foreign_ip_addresses, set_up),
		RUN_WITH(rules, drop_servers_of_dhcp_beside_a_gateway, set_up),
		RUN_WITH(rules, count_what_a_link_that_is_down_keeps_away, set_up),
		RUN_WITH(rules, lets_nobody_outside_take_a_guests_address, set_up),
		RUN_WITH(rules, isolates_guests_of_a_group, set_up),
		RUN_WITH(rules, tags_between_ports, set_up),
		RUN_WITH(rules, drops_tags_of_a_port_without, set_up),
		RUN_WITH(rules, limits_groups, set_up),
		RUN_WITH(rules, keeps_limits_of_bytes, set_up),
		RUN_WITH(rules, keeps_limits_of_frames, set_up),
		RUN_WITH(rules, shares_turns_by_bytes, set_up),
		RUN_WITH(rules, spreads_connections_over_queues, set_up),
		RUN_WITH(rules, filters_as_the_driver_asks, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
