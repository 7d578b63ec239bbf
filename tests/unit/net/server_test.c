/* SPDX-License-Identifier: Apache-2.0 */
/* Whole server: frames between guests' rings and a NIC in memory. */
#include "test.h"

#include <string.h>

#include "scene.h"

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
	fake_settle();
	guest_poll(&guest[0]);
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
	fake_settle();
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
	fake_settle();
	guest_poll(&guest[0]);
	assert_int_equal(guest[0].done, 2);
	assert_int_equal(guest[0].wrong, 0);
	/* A small one is in the head, which is copied. */
	make(9, 0, false, PACKET_UDP, 50);
	guest_say(&guest[0], NULL, packet, 92);
	fake_settle();
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

TEST(server, takes_large_segments_from_outside)
{
	for (unsigned ipv6 = 0; ipv6 < 2; ipv6++) {
		uint32_t length = make(1, 9, ipv6, PACKET_TCP, 60000), parts = 0, part;
		struct net_header large = offloads(ipv6, PACKET_TCP, 1400);

		/* Whole to who takes them. */
		fake_come(packet, length, &large);
		assert_int_equal(guest_receive(&guest[1], 0, &header, got), length);
		assert_memory_equal(got, packet, length);
		assert_int_equal(header.gso_type, large.gso_type);
		assert_int_equal(header.gso_size, 1400);
		/* In parts to who does not. */
		packet[5] = 0xc;
		fake_come(packet, length, &large);
		for (; (part = guest_receive(&guest[2], 0, &header, got)) != 0; parts++) {
			assert_true(packet_good(got, part));
			assert_int_equal(header.flags, 0);
		}
		assert_int_equal(parts, 43);
		guest_fill(&guest[1], 0, GUEST_QUEUE);
		guest_fill(&guest[2], 0, GUEST_QUEUE);
		/* Parts that the network does not take. */
		packet[5] = 0xb;
		large.gso_size = 1500;
		fake_come(packet, length, &large);
		assert_int_equal(guest_receive(&guest[1], 0, &header, got), 0);
		assert_int_equal(drops(3, NET_DROP_BAD_FRAME), ipv6 + 1);
	}
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
		RUN_WITH(server, takes_large_segments_from_outside, set_up),
		RUN_WITH(server, reads_many_frames_in_bounded_turns, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
