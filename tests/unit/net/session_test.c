/* SPDX-License-Identifier: Apache-2.0 */
/* Guests, drivers and servers that come and go, and drivers that make no sense. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "fake.h"
#include "packet.h"

#define MODERN (VIRTIO_NET_F_CSUM | VIRTIO_NET_F_GUEST_CSUM | VIRTIO_NET_F_MRG_RXBUF | GUEST_EVENT_INDEX | GUEST_INDIRECT)

static struct guest guest[2];
static uint8_t packet[70000], got[70000];
static struct net_header header;

static int set_up(void **state)
{
	(void)state;
	fake_reset();
	fake_start();
	for (unsigned i = 0; i < 2; i++) {
		fake_attach(i);
		guest_init(&guest[i], i, 1, MODERN);
		guest_start(&guest[i]);
		guest_fill(&guest[i], 0, GUEST_QUEUE);
	}
	return 0;
}

static uint32_t make(unsigned to, uint32_t payload)
{
	uint32_t length = packet_write(packet, false, PACKET_UDP, payload, NULL);

	packet[5] = (uint8_t)(0xa + to);
	packet[11] = 0xa;
	return length;
}

static bool works(void)
{
	uint32_t length = make(1, 500);

	guest_say(&guest[0], NULL, packet, length);
	guest_poll(&guest[0]);
	guest_fill(&guest[1], 0, GUEST_QUEUE);
	return guest_receive(&guest[1], 0, &header, got) == length && memcmp(got, packet, length) == 0;
}

TEST(session, shows_the_nic_to_its_client)
{
	static const uint8_t mac[6] = ADDRESS_A;

	assert_int_equal(fake_session(0)->state, NET_READY);
	assert_int_equal(fake_session(0)->server, 1);
	assert_int_equal(fake_session(0)->mtu, 1500);
	assert_int_equal(fake_session(0)->link, 1);
	assert_memory_equal(fake_session(0)->mac, mac, 6);
	assert_int_equal(fake_session(0)->done, 1);
	assert_int_equal(fake_session(2)->state, NET_WAITING);
	assert_int_equal(fake_status()->ready, 1);
	assert_int_equal(fake_status()->guest[0], 1);
	assert_int_equal(fake_status()->ports, 4);
	assert_string_equal(fake_status()->port[1].name, "beta");
	assert_string_equal(fake_status()->port[3].name, "uplink");
	assert_string_equal(fake_status()->port[3].net, "lan");
	assert_true(works());
}

TEST(session, signals_once_in_a_turn_and_only_if_wanted)
{
	uint32_t length = make(1, 10);
	unsigned signals;

	for (unsigned i = 0; i < 10; i++)
		guest_send(&guest[0], 0, NULL, packet, length, 4096);
	signals = fake.signals[1];
	guest_notify(&guest[0]);
	assert_int_equal(fake.signals[1], signals + 1);
	guest[1].interrupts = false;
	while (guest_receive(&guest[1], 0, &header, got))
		;
	signals = fake.signals[1];
	guest_say(&guest[0], NULL, packet, length);
	assert_int_equal(fake.signals[1], signals);
	assert_int_equal(guest_receive(&guest[1], 0, &header, got), length);
}

TEST(session, asks_for_no_bell_while_it_works)
{
	uint32_t length = make(1, 10);

	for (unsigned i = 0; i < 40; i++)
		guest_send(&guest[0], 0, NULL, packet, length, 4096);
	/* 40 in a ring of 64: the doorbell rings at the first, and once more when the server rests. */
	guest_notify(&guest[0]);
	fake_settle();
	guest_poll(&guest[0]);
	assert_int_equal(guest[0].done, 40);
	while (guest_receive(&guest[1], 0, &header, got))
		;
	assert_true(works());
}

/* One frame at once after the one before. */
static void say(unsigned from, uint32_t length)
{
	guest_send(&guest[from], 0, NULL, packet, length, 4096);
	guest_notify(&guest[from]);
}

TEST(session, gives_a_small_frame_back_with_the_next)
{
	uint32_t length = make(1, 10);
	unsigned signals = fake.signals[0];

	fake.time += FAKE_HZ;
	say(0, length);
	guest_poll(&guest[0]);
	assert_int_equal(guest[0].done, 0);
	say(0, length);
	guest_poll(&guest[0]);
	assert_int_equal(guest[0].done, 1);
	fake.time += FAKE_HZ / 10000 - 1;
	fake_turn(0);
	guest_poll(&guest[0]);
	assert_int_equal(guest[0].done, 1);
	assert_int_equal(server_deadline(), fake.time + 1);
	fake_settle();
	guest_poll(&guest[0]);
	assert_int_equal(guest[0].done, 2);
	/* Nobody waits any longer. */
	assert_int_equal(guest[0].wrong, 0);
	assert_true(fake.signals[0] > signals);
	/* With one that it receives, and with one interrupt for both. */
	say(0, length);
	signals = fake.signals[0];
	packet[5] = 0xa;
	packet[11] = 0xb;
	say(1, length);
	assert_int_equal(guest_receive(&guest[0], 0, &header, got), length);
	guest_poll(&guest[0]);
	assert_int_equal(guest[0].done, 3);
	assert_int_equal(fake.signals[0], signals + 1);
	/* A reset takes what was kept. */
	make(1, 10);
	say(0, length);
	guest_stop(&guest[0]);
	assert_int_equal(fake_session(0)->done, fake_session(0)->wanted);
	guest_start(&guest[0]);
	guest_fill(&guest[0], 0, GUEST_QUEUE);
	while (guest_receive(&guest[1], 0, &header, got))
		;
	assert_true(works());
}

TEST(session, gives_a_small_frame_back_though_another_queue_goes_on)
{
	uint32_t length = make(1, 10);

	guest_stop(&guest[0]);
	guest_init(&guest[0], 0, 2, MODERN);
	guest_start(&guest[0]);
	guest_send(&guest[0], 0, NULL, packet, length, 4096);
	guest_notify(&guest[0]);
	/* Never so long apart that it would be time. */
	for (unsigned i = 0; i < 2; i++) {
		fake.time += FAKE_HZ / 20000;
		guest_send(&guest[0], 1, NULL, packet, length, 4096);
		fake_turn(NET_SIGNAL_SESSION(0));
	}
	/* That of queue 0, and the first of queue 1. */
	guest_poll(&guest[0]);
	assert_int_equal(guest[0].done, 2);
	fake_settle();
	guest_poll(&guest[0]);
	assert_int_equal(guest[0].done, 3);
	assert_int_equal(guest[0].wrong, 0);
}

/* How many of so many frames, one by one, are at their receiver at once. */
static unsigned stream(unsigned count)
{
	uint32_t length = make(1, 10);
	unsigned received = 0;

	for (unsigned i = 0; i < count; i++) {
		say(0, length);
		while (guest_receive(&guest[1], 0, &header, got))
			received++;
		guest_fill(&guest[1], 0, GUEST_QUEUE);
		guest_poll(&guest[0]);
	}
	return received;
}

static unsigned receive_all(void)
{
	unsigned received = 0;

	for (; guest_receive(&guest[1], 0, &header, got); received++)
		;
	guest_fill(&guest[1], 0, GUEST_QUEUE);
	guest_poll(&guest[0]);
	return received;
}

TEST(session, lets_a_stream_of_frames_gather)
{
	fake.time += FAKE_HZ;
	/* The first of them are not known to be a stream. */
	assert_int_equal(stream(20), 3);
	/* The time ends, and they come together; so many more make that sooner. */
	fake_settle();
	assert_int_equal(receive_all(), 17);
	assert_int_equal(stream(31), 0);
	assert_int_equal(stream(1), 32);
	assert_int_equal(stream(8), 0);
	fake_settle();
	assert_int_equal(receive_all(), 8);
	/* One in all that time is no stream. */
	assert_int_equal(stream(1), 0);
	fake_settle();
	assert_int_equal(receive_all(), 1);
	fake.time += FAKE_HZ;
	assert_int_equal(stream(1), 1);
	fake.time += FAKE_HZ;
	assert_int_equal(stream(1), 1);
}

TEST(session, makes_nobody_wait_who_gets_answers)
{
	uint32_t length = make(1, 10);

	fake.time += FAKE_HZ;
	for (unsigned i = 0; i < 50; i++) {
		make(1, 10);
		say(0, length);
		assert_int_equal(guest_receive(&guest[1], 0, &header, got), length);
		packet[5] = 0xa;
		packet[11] = 0xb;
		say(1, length);
		assert_int_equal(guest_receive(&guest[0], 0, &header, got), length);
		for (unsigned j = 0; j < 2; j++) {
			guest_fill(&guest[j], 0, 1);
			guest_poll(&guest[j]);
		}
	}
}

TEST(session, resets_and_starts_again)
{
	for (unsigned i = 0; i < 5; i++) {
		guest_stop(&guest[1]);
		assert_int_equal(fake_session(1)->done, fake_session(1)->wanted);
		uint32_t length = make(1, 100);

		guest_say(&guest[0], NULL, packet, length);
		assert_int_equal(guest_receive(&guest[1], 0, &header, got), 0);
		guest_poll(&guest[0]);
		guest_start(&guest[1]);
		guest_fill(&guest[1], 0, GUEST_QUEUE);
		assert_true(works());
	}
}

TEST(session, waits_for_the_nic_before_a_reset_ends)
{
	uint32_t length = make(9, 1400), done = fake_session(0)->done;

	guest_say(&guest[0], NULL, packet, length);
	guest_say(&guest[0], NULL, packet, length);
	guest_stop(&guest[0]);
	assert_int_equal(fake_session(0)->done, done);
	fake_complete(1);
	assert_int_equal(fake_session(0)->done, done);
	fake_complete(1);
	assert_int_equal(fake_session(0)->done, done + 1);
	guest_start(&guest[0]);
	guest_fill(&guest[0], 0, GUEST_QUEUE);
	assert_true(works());
}

TEST(session, answers_the_epoch_when_the_nic_is_done)
{
	uint32_t length = make(9, 1400);

	guest_say(&guest[0], NULL, packet, length);
	fake_detach(0);
	assert_int_equal(fake_status()->guest[0], 1);
	fake_complete(1);
	assert_int_equal(fake_status()->guest[0], 2);
	/* Nobody touches the memory any more. */
	memset(fake.shared->ram[0], 0xff, FAKE_RAM_SIZE);
	memset(fake.shared->sessions[0], 0xff, NET_PAGE);
	fake_turn(~UINT64_C(0) >> 39);
	assert_int_equal(fake.shared->sessions[0][100], 0xff);
	fake_attach(0);
	assert_int_equal(fake_status()->guest[0], 3);
	guest_init(&guest[0], 0, 1, MODERN);
	guest_start(&guest[0]);
	guest_fill(&guest[0], 0, GUEST_QUEUE);
	assert_true(works());
}

TEST(session, goes_on_after_a_restart)
{
	uint32_t length = make(9, 1400), announce;

	for (unsigned i = 0; i < 20; i++)
		assert_true(works());
	/* Two in the NIC, and one that is done behind them. */
	length = make(9, 1400);
	guest_say(&guest[0], NULL, packet, length);
	guest_say(&guest[0], NULL, packet, length);
	length = make(1, 33);
	guest_say(&guest[0], NULL, packet, length);
	assert_int_equal(guest_receive(&guest[1], 0, &header, got), length);
	announce = fake_session(1)->announce;
	fake_start();
	fake_turn(0);
	assert_int_equal(fake_session(0)->server, 2);
	assert_int_equal(fake_session(0)->done, fake_session(0)->wanted);
	assert_int_equal(fake_session(1)->announce, announce + 1);
	/* All three are sent again. */
	assert_int_equal(fake.in_nic, 2);
	assert_int_equal(guest_receive(&guest[1], 0, &header, got), length);
	fake_complete(2);
	guest_poll(&guest[0]);
	assert_int_equal(guest[0].done, 23);
	assert_int_equal(guest[0].wrong + guest[1].wrong, 0);
	assert_true(works());
	assert_int_equal(fake_status()->ready, 2);
}

TEST(session, starts_afresh_after_a_restart_in_a_reset)
{
	uint32_t length = make(9, 1400);

	guest_say(&guest[0], NULL, packet, length);
	fake_session(0)->wanted++;
	fake_start();
	fake_turn(0);
	assert_int_equal(fake_session(0)->done, fake_session(0)->wanted);
	guest_start(&guest[0]);
	guest_fill(&guest[0], 0, GUEST_QUEUE);
	assert_true(works());
}

TEST(session, pulls_the_cable)
{
	uint32_t length = make(1, 100);

	fake.command = (struct net_command){ .sequence = 1, .operation = NET_LINK_DOWN, .guest = 1 };
	fake_turn(NET_SIGNAL_CONTROL);
	assert_int_equal(fake_status()->command, 1);
	assert_int_equal(fake_status()->error, 0);
	assert_int_equal(fake_session(1)->link, 0);
	guest_say(&guest[0], NULL, packet, length);
	assert_int_equal(guest_receive(&guest[1], 0, &header, got), 0);
	/* It stays out over a restart of the server. */
	fake_start();
	fake_turn(0);
	assert_int_equal(fake_session(1)->link, 0);
	fake.command = (struct net_command){ .sequence = 2, .operation = NET_LINK_UP, .guest = 1 };
	fake_turn(NET_SIGNAL_CONTROL);
	assert_int_equal(fake_session(1)->link, 1);
	guest_poll(&guest[0]);
	assert_true(works());
	fake.command = (struct net_command){ .sequence = 3, .operation = NET_LINK_UP, .guest = 7 };
	fake_turn(NET_SIGNAL_CONTROL);
	assert_int_equal(fake_status()->error, 1);
	fake.command = (struct net_command){ .sequence = 4, .operation = 77, .guest = 1 };
	fake_turn(NET_SIGNAL_CONTROL);
	assert_int_equal(fake_status()->error, 1);
}

/* The driver of alpha is stopped, others are not, and a reset helps. */
static void expect_broken(unsigned number)
{
	assert_int_equal(fake_session(number)->broken, fake_session(number)->wanted);
	guest_stop(&guest[number]);
	guest_start(&guest[number]);
	guest_fill(&guest[number], 0, GUEST_QUEUE);
	assert_true(works());
}

TEST(session, ends_with_queues_that_make_no_sense)
{
	/* A loop of descriptors. */
	guest_descriptor(&guest[0], 1, 5, guest_address(&guest[0], 0x100000), 1, 1, 5);
	guest_offer(&guest[0], 1, 5);
	fake_turn(NET_SIGNAL_SESSION(0));
	expect_broken(0);
	/* Memory that is none. */
	guest_descriptor(&guest[0], 1, 5, guest_address(&guest[0], FAKE_RAM_SIZE - 10), 100, 0, 0);
	guest_offer(&guest[0], 1, 5);
	fake_turn(NET_SIGNAL_SESSION(0));
	expect_broken(0);
	/* A head that is none, and an index that leaps. */
	guest_offer(&guest[0], 1, 64);
	fake_turn(NET_SIGNAL_SESSION(0));
	expect_broken(0);
	guest[0].available[1] += 100;
	guest_offer(&guest[0], 1, 0);
	fake_turn(NET_SIGNAL_SESSION(0));
	expect_broken(0);
	/* A receive buffer that cannot be written ends its owner's session, not the sender's. */
	guest_stop(&guest[1]);
	guest_start(&guest[1]);
	guest_descriptor(&guest[1], 0, 0, guest_address(&guest[1], 0x40000), 2048, 0, 0);
	guest_offer(&guest[1], 0, 0);
	assert_false(works());
	assert_int_not_equal(fake_session(0)->broken, fake_session(0)->wanted);
	expect_broken(1);
}

TEST(session, refuses_queues_outside_of_memory)
{
	static const uint32_t queues[] = { 0, 1, 3, NET_QUEUES_MAX + 2, UINT32_MAX };

	for (unsigned i = 0; i < 5; i++) {
		guest_stop(&guest[0]);
		fake_session(0)->setup.queues = queues[i];
		fake_session(0)->wanted++;
		fake_turn(NET_SIGNAL_SESSION(0));
		assert_int_equal(fake_session(0)->broken, fake_session(0)->wanted);
		assert_int_equal(fake_session(0)->done, fake_session(0)->wanted);
	}
	guest_stop(&guest[0]);
	fake_session(0)->setup.queues = 2;
	fake_session(0)->setup.queue[1].used = FAKE_RAM_BASE - 4;
	fake_session(0)->wanted++;
	fake_turn(NET_SIGNAL_SESSION(0));
	assert_int_equal(fake_session(0)->broken, fake_session(0)->wanted);
	guest_start(&guest[0]);
	guest_fill(&guest[0], 0, GUEST_QUEUE);
	assert_true(works());
}

TEST(session, offers_more_than_a_ring_holds)
{
	uint32_t length = make(9, 1400);

	/* The NIC keeps what it has; the driver offers the same heads again and again. */
	for (unsigned i = 0; i < GUEST_QUEUE; i++)
		guest_send(&guest[0], 0, NULL, packet, length, 4096);
	fake_turn(NET_SIGNAL_SESSION(0));
	assert_int_equal(fake.in_nic, GUEST_QUEUE);
	for (unsigned i = 0; i < 3; i++)
		guest_offer(&guest[0], 1, (uint16_t)i);
	fake_turn(NET_SIGNAL_SESSION(0));
	assert_int_equal(fake_session(0)->broken, fake_session(0)->wanted);
	guest_stop(&guest[0]);
	fake_complete(GUEST_QUEUE);
	guest_start(&guest[0]);
	guest_fill(&guest[0], 0, GUEST_QUEUE);
	assert_true(works());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_WITH(session, shows_the_nic_to_its_client, set_up),
		RUN_WITH(session, signals_once_in_a_turn_and_only_if_wanted, set_up),
		RUN_WITH(session, asks_for_no_bell_while_it_works, set_up),
		RUN_WITH(session, gives_a_small_frame_back_with_the_next, set_up),
		RUN_WITH(session, gives_a_small_frame_back_though_another_queue_goes_on, set_up),
		RUN_WITH(session, lets_a_stream_of_frames_gather, set_up),
		RUN_WITH(session, makes_nobody_wait_who_gets_answers, set_up),
		RUN_WITH(session, resets_and_starts_again, set_up),
		RUN_WITH(session, waits_for_the_nic_before_a_reset_ends, set_up),
		RUN_WITH(session, answers_the_epoch_when_the_nic_is_done, set_up),
		RUN_WITH(session, goes_on_after_a_restart, set_up),
		RUN_WITH(session, starts_afresh_after_a_restart_in_a_reset, set_up),
		RUN_WITH(session, pulls_the_cable, set_up),
		RUN_WITH(session, ends_with_queues_that_make_no_sense, set_up),
		RUN_WITH(session, refuses_queues_outside_of_memory, set_up),
		RUN_WITH(session, offers_more_than_a_ring_holds, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
