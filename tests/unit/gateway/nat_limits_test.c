/* SPDX-License-Identifier: Apache-2.0 */
/* How long flows stay, and what a guest that opens many of them does to itself and to others. */
#include "test.h"

#include <status.h>

#include "scene.h"

#define SECOND 1000u
#define MINUTE (60u * SECOND)
#define SYN 2u
#define FIN 1u
#define RST 4u
#define ACK 16u

static struct nat nat;
static uint64_t now;

static int set_up(void **state)
{
	(void)state;
	scene_nat(&nat);
	now = 1;
	return 0;
}

static bool leave(struct packet packet)
{
	bool done = nat_leave(&nat, &packet.view, now);

	packet_free(&packet);
	return done;
}

static bool enter(struct packet packet)
{
	bool done = nat_enter(&nat, &packet.view, now);

	packet_free(&packet);
	return done;
}

static bool tcp_out(uint16_t port, uint8_t flags)
{
	return leave(packet_tcp(INNER(10), port, REMOTE, 80, flags));
}

static bool tcp_in(uint16_t port, uint8_t flags)
{
	return enter(packet_tcp(REMOTE, 80, OUTER, port, flags));
}

/* Whether the one flow is gone after so long, and not a second before. */
static void check_life(uint64_t life)
{
	now += life - 1;
	nat_expire(&nat, now);
	assert_int_equal(nat.flows[0], 1);
	now += 2;
	nat_expire(&nat, now);
	assert_int_equal(nat.flows[0], 0);
}

TEST(nat_limits, forgets_flows_in_their_time)
{
	assert_true(leave(packet_make(UDP, INNER(10), 5000, REMOTE, 53, 0)));
	check_life(5 * MINUTE);
	assert_true(leave(packet_make(ICMP, INNER(10), 8, REMOTE, 53, 0)));
	check_life(MINUTE);
	assert_true(tcp_out(5000, SYN));
	check_life(4 * MINUTE);
	assert_true(tcp_out(5000, SYN));
	assert_true(tcp_in(5000, SYN | ACK));
	check_life(124 * MINUTE);
	assert_true(tcp_out(5000, SYN));
	assert_true(tcp_in(5000, SYN | ACK));
	assert_true(tcp_out(5000, FIN | ACK));
	assert_true(tcp_in(5000, ACK));
	assert_true(tcp_in(5000, FIN | ACK));
	check_life(4 * MINUTE);
	assert_true(tcp_out(5000, SYN));
	assert_true(tcp_in(5000, RST));
	check_life(4 * MINUTE);
	/* One end only: it stays open. */
	assert_true(tcp_out(5000, SYN));
	assert_true(tcp_in(5000, SYN | ACK));
	assert_true(tcp_out(5000, FIN | ACK));
	check_life(124 * MINUTE);
}

TEST(nat_limits, use_keeps_a_flow)
{
	assert_true(leave(packet_make(UDP, INNER(10), 5000, REMOTE, 53, 0)));
	for (unsigned i = 0; i < 10; i++) {
		now += 4 * MINUTE;
		nat_expire(&nat, now);
		assert_true(enter(packet_make(UDP, REMOTE, 53, OUTER, 5000, 0)));
	}
}

TEST(nat_limits, a_port_is_free_after_its_last_flow)
{
	assert_true(leave(packet_make(UDP, INNER(10), 5000, REMOTE, 53, 0)));
	assert_true(leave(packet_make(UDP, INNER(10), 5000, REMOTE + 1, 53, 0)));
	now += 6 * MINUTE;
	nat_expire(&nat, now);
	assert_true(leave(packet_make(UDP, INNER(11), 5000, REMOTE, 53, 0)));
	assert_true(enter(packet_make(UDP, REMOTE, 53, OUTER, 5000, 0)));
	assert_int_equal(nat.flows[1], 1);
}

TEST(nat_limits, a_guest_uses_up_only_its_share)
{
	unsigned share = NAT_FLOWS / 2;

	assert_int_equal(nat.share, share);
	assert_true(leave(packet_make(UDP, INNER(11), 7000, REMOTE, 53, 0)));
	/* Far more flows than there are, all to new receivers: its own oldest go. */
	for (uint32_t i = 0; i < 3 * NAT_FLOWS; i++) {
		now++;
		assert_true(leave(packet_make(UDP, INNER(10), (uint16_t)(1024 + i), REMOTE + i, 53, 0)));
		assert_true(nat.flows[0] <= share);
	}
	assert_int_equal(nat.flows[0], share);
	assert_true(enter(packet_make(UDP, REMOTE, 53, OUTER, 7000, 0)));
	assert_true(enter(packet_make(UDP, REMOTE + 3 * NAT_FLOWS - 1, 53, OUTER, (uint16_t)(1024 + 3 * NAT_FLOWS - 1), 0)));
	assert_false(enter(packet_make(UDP, REMOTE, 53, OUTER, 1024, 0)));
	for (unsigned i = 0; i < share - 1; i++)
		assert_true(leave(packet_make(UDP, INNER(11), (uint16_t)(20000 + i), REMOTE, 53, 0)));
	now += 6 * MINUTE;
	nat_expire(&nat, now);
	assert_int_equal(nat.flows[0] + nat.flows[1], 0);
}

TEST(nat_limits, open_connections_stay)
{
	for (unsigned i = 0; i < nat.share; i++) {
		assert_true(tcp_out((uint16_t)(5000 + i), SYN));
		assert_true(tcp_in((uint16_t)(5000 + i), SYN | ACK));
	}
	assert_false(tcp_out(4000, SYN));
	assert_int_equal(nat.drops[NAT_DROP_FULL], 1);
	assert_true(tcp_in(5000, ACK));
	/* One that ended makes room. */
	assert_true(tcp_in(5000, RST));
	assert_true(tcp_out(4000, SYN));
	assert_false(tcp_in(5000, ACK));
	/* From outside no more come in than a guest's share. */
	for (uint32_t i = 0; i < NAT_FLOWS; i++)
		(void)enter(packet_tcp(REMOTE + i, 80, OUTER, 2201, SYN));
	assert_int_equal(nat.flows[1], nat.share);
	assert_true(tcp_in(4000, SYN | ACK));
}

TEST(nat_limits, another_address_outside_ends_all_flows)
{
	assert_true(leave(packet_make(UDP, INNER(10), 5000, REMOTE, 53, 0)));
	nat_set_outside(&nat, OUTER);
	assert_int_equal(nat.flows[0], 1);
	nat_set_outside(&nat, OUTER + 1);
	assert_int_equal(nat.flows[0], 0);
	assert_false(enter(packet_make(UDP, REMOTE, 53, OUTER + 1, 5000, 0)));
	assert_true(enter(packet_tcp(REMOTE, 80, OUTER + 1, 2201, SYN)));
}

TEST(nat_limits, shows_who_uses_what)
{
	struct gateway_status status = { 0 };

	assert_true(tcp_out(5000, SYN));
	assert_true(tcp_in(5000, SYN | ACK));
	assert_true(leave(packet_make(UDP, INNER(10), 5000, REMOTE, 53, 0)));
	assert_false(enter(packet_make(UDP, REMOTE, 53, OUTER, 5001, 0)));
	status_write(&status, &scene, &nat, OUTER, 5);
	assert_int_equal(status.ready, 1);
	assert_string_equal(status.net, "lan");
	assert_int_equal(status.prefix, 24);
	assert_int_equal(status.outside, OUTER);
	assert_int_equal(status.share, NAT_FLOWS / 2);
	assert_int_equal(status.guests, 2);
	assert_string_equal(status.guest[0].name, "alpha");
	assert_int_equal(status.guest[0].flows, 2);
	assert_int_equal(status.guest[0].open, 1);
	assert_int_equal(status.guest[0].forwards, 0);
	assert_int_equal(status.guest[1].flows, 0);
	assert_int_equal(status.guest[1].forwards, 1);
	assert_int_equal(status.drops[NAT_DROP_UNKNOWN], 1);
	assert_int_equal(status.drops[NAT_DROP_ROOM], 5);
	assert_int_equal(status.drops[NAT_DROP_FULL], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_WITH(nat_limits, forgets_flows_in_their_time, set_up),
		RUN_WITH(nat_limits, use_keeps_a_flow, set_up),
		RUN_WITH(nat_limits, a_port_is_free_after_its_last_flow, set_up),
		RUN_WITH(nat_limits, a_guest_uses_up_only_its_share, set_up),
		RUN_WITH(nat_limits, open_connections_stay, set_up),
		RUN_WITH(nat_limits, shows_who_uses_what, set_up),
		RUN_WITH(nat_limits, another_address_outside_ends_all_flows, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
