/* SPDX-License-Identifier: Apache-2.0 */
/* Translated packets: addresses, ports, checksums, errors, forwarded ports, and what belongs to no flow. */
#include "test.h"

#include <string.h>

#include <bytes.h>

#include "scene.h"

static struct nat nat;
static uint64_t now;

static int set_up(void **state)
{
	(void)state;
	scene_nat(&nat);
	now = 1000;
	return 0;
}

/* A packet of a guest leaves; returns the port it has outside, 0: it was dropped. */
static uint16_t leave(struct packet packet)
{
	uint16_t port = 0;

	if (nat_leave(&nat, &packet.view, now)) {
		assert_true(packet_is_right(&packet));
		assert_int_equal(packet_source(&packet), OUTER);
		port = packet.ip[9] == ICMP ? load16(packet.ip + 24) : packet_source_port(&packet);
	}
	packet_free(&packet);
	return port;
}

/* One from outside comes; returns the last byte of the guest's address, 0: it was dropped. */
static unsigned enter(struct packet packet, uint16_t *port)
{
	unsigned host = 0;

	if (nat_enter(&nat, &packet.view, now)) {
		assert_true(packet_is_right(&packet));
		host = packet_target(&packet) & 255;
		*port = packet.ip[9] == ICMP ? load16(packet.ip + 24) : packet_target_port(&packet);
	}
	packet_free(&packet);
	return host;
}

static void check_both_ways(uint8_t protocol, uint32_t payload, bool partial)
{
	struct packet packet = packet_make(protocol, INNER(10), 40000, REMOTE, 80, payload);
	uint16_t port = 0;

	if (partial)
		packet_make_partial(&packet);
	assert_int_equal(leave(packet), 40000);
	packet = packet_make(protocol, REMOTE, 80, OUTER, 40000, payload);
	if (partial)
		packet_make_partial(&packet);
	assert_int_equal(enter(packet, &port), 10);
	assert_int_equal(port, 40000);
}

TEST(nat, translates_both_ways_with_right_checksums)
{
	for (uint32_t payload = 0; payload < 70; payload++) {
		check_both_ways(TCP, payload, false);
		check_both_ways(UDP, payload, false);
		check_both_ways(TCP, payload, true);
		check_both_ways(UDP, payload, true);
	}
}

TEST(nat, keeps_a_missing_checksum_of_udp)
{
	struct packet packet = packet_make(UDP, INNER(10), 40000, REMOTE, 80, 9);

	store16(packet.ip + 26, 0);
	assert_true(nat_leave(&nat, &packet.view, now));
	assert_int_equal(load16(packet.ip + 26), 0);
	packet_free(&packet);
}

TEST(nat, never_makes_a_checksum_of_udp_none)
{
	for (uint32_t port = 1; port < 65536; port++) {
		struct packet packet = packet_make(UDP, INNER(10), 5000, REMOTE, (uint16_t)port, 0);

		assert_true(nat_leave(&nat, &packet.view, now));
		assert_true(packet_is_right(&packet));
		assert_int_not_equal(load16(packet.ip + 26), 0);
		packet_free(&packet);
	}
}

TEST(nat, gives_each_guest_a_port_of_its_own)
{
	uint16_t alpha = leave(packet_make(UDP, INNER(10), 5000, REMOTE, 53, 0)), port = 0;
	uint16_t beta = leave(packet_make(UDP, INNER(11), 5000, REMOTE, 53, 0));

	assert_int_equal(alpha, 5000);
	assert_true(beta >= NAT_PORT_FIRST && beta <= NAT_PORT_LAST && beta != alpha && beta % 2 == 0);
	assert_int_equal(enter(packet_make(UDP, REMOTE, 53, OUTER, beta, 0), &port), 11);
	assert_int_equal(port, 5000);
	/* The same port for another receiver (RFC 4787, REQ-1), and for TCP the same number anew. */
	assert_int_equal(leave(packet_make(UDP, INNER(11), 5000, REMOTE + 1, 54, 0)), beta);
	assert_int_equal(leave(packet_make(TCP, INNER(11), 5000, REMOTE, 53, 0)), 5000);
	/* Low ports, and those of the gateway itself, are not taken. */
	assert_true(leave(packet_make(UDP, INNER(10), 123, REMOTE, 123, 0)) >= NAT_PORT_FIRST);
	assert_true(leave(packet_make(UDP, INNER(10), 61001, REMOTE, 123, 0)) <= NAT_PORT_LAST);
	assert_int_not_equal(leave(packet_make(TCP, INNER(10), 2201, REMOTE, 80, 0)), 2201);
}

TEST(nat, lets_in_only_what_belongs_to_a_flow)
{
	uint16_t port = 0;

	assert_int_equal(leave(packet_make(UDP, INNER(10), 5000, REMOTE, 53, 0)), 5000);
	assert_int_equal(enter(packet_make(UDP, REMOTE, 54, OUTER, 5000, 0), &port), 0);
	assert_int_equal(enter(packet_make(UDP, REMOTE + 1, 53, OUTER, 5000, 0), &port), 0);
	assert_int_equal(enter(packet_make(TCP, REMOTE, 53, OUTER, 5000, 0), &port), 0);
	assert_int_equal(enter(packet_make(UDP, REMOTE, 53, OUTER, 5001, 0), &port), 0);
	assert_int_equal(nat.drops[NAT_DROP_UNKNOWN], 4);
	for (uint32_t other = 0; other < 65536; other++)
		assert_int_equal(enter(packet_make(UDP, REMOTE, (uint16_t)other, OUTER, 5000, 0), &port), other == 53 ? 10 : 0);
	/* To an address inside, past the gateway. */
	assert_int_equal(enter(packet_make(UDP, REMOTE, 53, INNER(10), 5000, 0), &port), 0);
	assert_int_equal(nat.drops[NAT_DROP_TARGET], 1);
	assert_int_equal(enter(packet_make(UDP, REMOTE, 53, OUTER, 5000, 0), &port), 10);
}

TEST(nat, translates_pings)
{
	uint16_t id = 0;

	assert_int_equal(leave(packet_make(ICMP, INNER(10), 8, REMOTE, 4000, 56)), 4000);
	id = leave(packet_make(ICMP, INNER(11), 8, REMOTE, 4000, 56));
	assert_true(id && id != 4000);
	assert_int_equal(enter(packet_make(ICMP, REMOTE, 0, OUTER, id, 56), &id), 11);
	assert_int_equal(id, 4000);
	/* Pings of guests from outside, answers to none, and other types. */
	assert_int_equal(enter(packet_make(ICMP, REMOTE, 8, OUTER, 4000, 56), &id), 0);
	assert_int_equal(enter(packet_make(ICMP, REMOTE + 1, 0, OUTER, 4000, 56), &id), 0);
	assert_int_equal(enter(packet_make(ICMP, REMOTE, 5, OUTER, 4000, 56), &id), 0);
	assert_int_equal(leave(packet_make(ICMP, INNER(10), 0, REMOTE, 4000, 56)), 0);
	assert_int_equal(leave(packet_make(ICMP, INNER(10), 13, REMOTE, 4000, 56)), 0);
}

/* A router outside, on the way to REMOTE, complains about a packet of beta that had another port outside. */
static void check_error_enters(uint8_t protocol)
{
	struct packet about = packet_make(protocol, INNER(11), protocol == ICMP ? 8 : 5000, REMOTE, protocol == ICMP ? 5000 : 80, 30), error;
	uint16_t port;

	assert_true(nat_leave(&nat, &about.view, now));
	error = packet_error(REMOTE + 99, OUTER, 3, 4, &about);
	assert_true(nat_enter(&nat, &error.view, now));
	assert_true(packet_is_right(&error));
	assert_int_equal(packet_source(&error), REMOTE + 99);
	assert_int_equal(packet_target(&error), INNER(11));
	assert_int_equal(load16(error.ip + 26), 1400); /* the MTU of the path */
	assert_int_equal(load32(error.ip + 28 + 12), INNER(11));
	assert_int_equal(load16(error.ip + 48 + (protocol == ICMP ? 4 : 0)), 5000);
	packet_free(&error);
	/* About a packet that nobody sent. */
	port = load16(about.ip + 20 + (protocol == ICMP ? 4 : 0));
	store16(about.ip + 20 + (protocol == ICMP ? 4 : 0), 777);
	error = packet_error(REMOTE + 99, OUTER, 3, 4, &about);
	assert_false(nat_enter(&nat, &error.view, now));
	packet_free(&error);
	/* Or that another host sent. */
	store16(about.ip + 20 + (protocol == ICMP ? 4 : 0), port);
	error = packet_error(REMOTE + 99, OUTER, 3, 4, &about);
	store32(error.ip + 28 + 12, OUTER + 1);
	assert_false(nat_enter(&nat, &error.view, now));
	packet_free(&error);
	packet_free(&about);
}

TEST(nat, translates_errors_from_outside)
{
	/* So that beta gets another port. */
	(void)leave(packet_make(UDP, INNER(10), 5000, REMOTE, 80, 0));
	(void)leave(packet_make(TCP, INNER(10), 5000, REMOTE, 80, 0));
	(void)leave(packet_make(ICMP, INNER(10), 8, REMOTE, 5000, 0));
	check_error_enters(UDP);
	check_error_enters(TCP);
	check_error_enters(ICMP);
}

TEST(nat, translates_errors_of_guests)
{
	uint16_t port = leave(packet_make(UDP, INNER(10), 5000, REMOTE, 53, 0));
	struct packet about = packet_make(UDP, REMOTE, 53, OUTER, port, 12), error;

	assert_true(nat_enter(&nat, &about.view, now));
	error = packet_error(INNER(10), REMOTE, 3, 3, &about);
	assert_true(nat_leave(&nat, &error.view, now));
	assert_true(packet_is_right(&error));
	assert_int_equal(packet_source(&error), OUTER);
	assert_int_equal(load32(error.ip + 28 + 16), OUTER);
	assert_int_equal(load16(error.ip + 48 + 2), port);
	packet_free(&error);
	/* Of another guest about alpha's flow. */
	error = packet_error(INNER(11), REMOTE, 3, 3, &about);
	assert_false(nat_leave(&nat, &error.view, now));
	packet_free(&error);
	packet_free(&about);
}

TEST(nat, leads_forwarded_ports_to_their_guest)
{
	uint16_t port = 0;

	assert_int_equal(enter(packet_tcp(REMOTE, 40000, OUTER, 2201, 2), &port), 11);
	assert_int_equal(port, 22);
	assert_int_equal(leave(packet_tcp(INNER(11), 22, REMOTE, 40000, 0x12)), 2201);
	/* Only TCP, and only that port. */
	assert_int_equal(enter(packet_make(UDP, REMOTE, 40000, OUTER, 2201, 0), &port), 0);
	assert_int_equal(enter(packet_tcp(REMOTE, 40000, OUTER, 22, 2), &port), 0);
	/* After a restart of the gateway the guest speaks first. */
	set_up(NULL);
	assert_int_equal(leave(packet_tcp(INNER(11), 22, REMOTE, 40000, 0x10)), 2201);
	assert_int_equal(enter(packet_tcp(REMOTE, 40000, OUTER, 2201, 0x10), &port), 11);
}

TEST(nat, drops_what_makes_no_sense)
{
	struct packet packet = packet_make(UDP, INNER(10), 5000, REMOTE, 53, 20);
	uint8_t whole[48];

	memcpy(whole, packet.ip, sizeof(whole));
	for (uint32_t head = 0; head < 28; head++) {
		packet.view.head = head;
		assert_false(nat_leave(&nat, &packet.view, now));
		assert_memory_equal(packet.ip, whole, sizeof(whole));
	}
	packet.view.head = packet.size;
	packet.view.length = packet.size - 1;
	assert_false(nat_leave(&nat, &packet.view, now));
	packet.view.length = packet.size;
	packet.ip[0] = 0x46;
	assert_false(nat_leave(&nat, &packet.view, now));
	packet.ip[0] = 0x65;
	assert_false(nat_leave(&nat, &packet.view, now));
	packet.ip[0] = 0x45;
	store16(packet.ip + 2, 27);
	assert_false(nat_leave(&nat, &packet.view, now));
	store16(packet.ip + 2, 48);
	packet.ip[9] = 41;
	assert_false(nat_leave(&nat, &packet.view, now));
	packet.ip[9] = UDP;
	for (unsigned i = 0; i < 16; i++) {
		store16(packet.ip + 6, 1u << i);
		/* But for the first of several, all are of a datagram that nobody has seen, or beyond its end, or over its header. */
		assert_int_equal(nat_leave(&nat, &packet.view, now), i > 13);
		memcpy(packet.ip, whole, sizeof(whole));
	}
	assert_int_equal(nat.drops[NAT_DROP_FRAGMENT], 0);
	packet_make_partial(&packet);
	packet.view.checksum_start = 24;
	assert_false(nat_leave(&nat, &packet.view, now));
	packet_free(&packet);
}

/* By the address outside to a guest; returns the last byte of its address, 0: it was dropped. */
static unsigned turn_back(struct packet packet, uint16_t from_port, uint16_t to_port)
{
	unsigned host = 0;

	if (nat_leave(&nat, &packet.view, now) && packet_target(&packet) == OUTER && nat_enter(&nat, &packet.view, now)) {
		host = packet_target(&packet) & 255;
		assert_true(packet_is_right(&packet));
		assert_int_equal(packet_source(&packet), OUTER);
		assert_int_equal(packet_source_port(&packet), from_port);
		assert_int_equal(packet_target_port(&packet), to_port);
	}
	packet_free(&packet);
	return host;
}

/* RFC 5382 REQ-8, RFC 4787 REQ-9. */
TEST(nat, leads_guests_to_forwarded_ports)
{
	struct packet partial;

	assert_int_equal(turn_back(packet_tcp(INNER(10), 5000, OUTER, 2201, 2), 5000, 22), 11);
	assert_int_equal(turn_back(packet_tcp(INNER(11), 22, OUTER, 5000, 0x12), 2201, 5000), 10);
	partial = packet_tcp(INNER(10), 5000, OUTER, 2201, 0x10);
	packet_make_partial(&partial);
	assert_int_equal(turn_back(partial, 5000, 22), 11);
	/* Itself. */
	assert_int_equal(turn_back(packet_tcp(INNER(11), 6000, OUTER, 2201, 2), 6000, 22), 11);
	assert_int_equal(turn_back(packet_tcp(INNER(11), 22, OUTER, 6000, 0x12), 2201, 6000), 11);
	/* A port that leads to nobody makes no flow, and one of another's flow lets nobody else in. */
	assert_int_equal(turn_back(packet_tcp(INNER(10), 5001, OUTER, 2202, 2), 0, 0), 0);
	assert_int_equal(nat.last, NAT_DROP_UNKNOWN);
	assert_int_equal(nat.flows[0], 1);
	assert_int_equal(nat.flows[1], 3);
	assert_int_equal(leave(packet_make(UDP, INNER(10), 7000, REMOTE, 53, 0)), 7000);
	assert_int_equal(turn_back(packet_make(UDP, INNER(11), 7001, OUTER, 7000, 0), 0, 0), 0);
	/* Unless both want it. */
	assert_int_equal(turn_back(packet_make(UDP, INNER(10), 7000, OUTER, 7001, 9), 7000, 7001), 11);
	assert_int_equal(turn_back(packet_make(UDP, INNER(11), 7001, OUTER, 7000, 9), 7001, 7000), 10);
}

/* Beta complains about what alpha sent to its forwarded port. */
TEST(nat, leads_errors_back_to_guests)
{
	struct packet about = packet_tcp(INNER(10), 5000, OUTER, 2201, 2), error;

	assert_true(nat_leave(&nat, &about.view, now) && nat_enter(&nat, &about.view, now));
	error = packet_error(INNER(11), OUTER, 3, 4, &about);
	assert_true(nat_leave(&nat, &error.view, now) && packet_is_right(&error));
	assert_true(nat_enter(&nat, &error.view, now) && packet_is_right(&error));
	assert_int_equal(packet_target(&error), INNER(10));
	assert_int_equal(load32(error.ip + 28 + 12), INNER(10));
	assert_int_equal(load16(error.ip + 48), 5000);
	assert_int_equal(load32(error.ip + 28 + 16), OUTER);
	assert_int_equal(load16(error.ip + 50), 2201);
	packet_free(&error);
	packet_free(&about);
}

TEST(nat, goes_only_to_hosts_outside)
{
	static const uint32_t targets[] = { 0, 0x7f000001, 0xe0000001, 0xffffffff, INNER(11), INNER(1), INNER(255) };

	for (unsigned i = 0; i < sizeof(targets) / 4; i++)
		assert_int_equal(leave(packet_make(UDP, INNER(10), 5000, targets[i], 53, 0)), 0);
	assert_int_equal(nat.drops[NAT_DROP_TARGET], 7);
	assert_int_equal(leave(packet_make(UDP, INNER(99), 5000, REMOTE, 53, 0)), 0);
	assert_int_equal(nat.drops[NAT_DROP_SOURCE], 1);
	nat_set_outside(&nat, 0);
	assert_int_equal(leave(packet_make(UDP, INNER(10), 5000, REMOTE, 53, 0)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_WITH(nat, translates_both_ways_with_right_checksums, set_up),
		RUN_WITH(nat, keeps_a_missing_checksum_of_udp, set_up),
		RUN_WITH(nat, never_makes_a_checksum_of_udp_none, set_up),
		RUN_WITH(nat, gives_each_guest_a_port_of_its_own, set_up),
		RUN_WITH(nat, lets_in_only_what_belongs_to_a_flow, set_up),
		RUN_WITH(nat, translates_pings, set_up),
		RUN_WITH(nat, translates_errors_from_outside, set_up),
		RUN_WITH(nat, translates_errors_of_guests, set_up),
		RUN_WITH(nat, leads_forwarded_ports_to_their_guest, set_up),
		RUN_WITH(nat, drops_what_makes_no_sense, set_up),
		RUN_WITH(nat, leads_guests_to_forwarded_ports, set_up),
		RUN_WITH(nat, leads_errors_back_to_guests, set_up),
		RUN_WITH(nat, goes_only_to_hosts_outside, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
