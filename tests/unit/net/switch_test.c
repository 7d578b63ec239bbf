/* SPDX-License-Identifier: Apache-2.0 */
/* Where frames go: known and learned addresses, VLANs, isolation, a table that overflows, entries that age. */
#include "test.h"

#include <stdlib.h>
#include <string.h>
#include <switch.h>

#define HZ 10000000u
#define UPLINK NET_SESSIONS_MAX

static struct switch_port port[SWITCH_PORTS];
static struct net_switch net;
static uint64_t now;
static enum net_drop drop;

/* Guests 0 to 3 with addresses 52:54:0:0:0:n, and an uplink. */
static int set_up(void **state)
{
	(void)state;
	memset(port, 0, sizeof(port));
	memset(&net, 0, sizeof(net));
	net.port = port;
	net.ticks_per_second = HZ;
	now = HZ;
	for (unsigned i = 0; i < 4; i++) {
		port[i] = (struct switch_port){ .exists = true, .up = true, .mac = { 0x52, 0x54, 0, 0, 0, (uint8_t)i } };
		net.ports |= (port_set)1 << i;
	}
	port[UPLINK] = (struct switch_port){ .exists = true, .up = true, .uplink = true };
	net.ports |= (port_set)1 << UPLINK;
	return 0;
}

static port_set bit(unsigned number)
{
	return (port_set)1 << number;
}

/* From `from`, with the addresses' last bytes; 0xff: broadcast; 0x80 and more: outside, in two bytes. */
static port_set route(unsigned from, unsigned destination, unsigned source, uint16_t vlan)
{
	struct frame frame = { .length = 60, .vlan = vlan, .tagged = vlan != 0 };
	uint8_t to[6] = { 0x52, 0x54, 0, 0, (uint8_t)(destination >> 8), (uint8_t)destination };
	uint8_t by[6] = { 0x52, 0x54, 0, 0, (uint8_t)(source >> 8), (uint8_t)source };

	if (destination == 0xff)
		memset(to, 0xff, sizeof(to));
	memcpy(frame.head, to, 6);
	memcpy(frame.head + 6, by, 6);
	return switch_route(&net, from, &frame, now, &drop);
}

TEST(switch, sends_to_the_owner_alone)
{
	assert_int_equal(route(0, 1, 0, 0), bit(1));
	assert_int_equal(route(1, 0, 1, 0), bit(0));
	assert_int_equal(route(UPLINK, 2, 0x1000, 0), bit(2));
	/* To itself: to nobody. */
	assert_int_equal(route(0, 0, 0, 0), 0);
	assert_int_equal(drop, NET_DROPS);
}

TEST(switch, sends_groups_to_all_others)
{
	assert_int_equal(route(0, 0xff, 0, 0), bit(1) | bit(2) | bit(3) | bit(UPLINK));
	assert_int_equal(route(UPLINK, 0xff, 0x1000, 0), bit(0) | bit(1) | bit(2) | bit(3));
}

TEST(switch, sends_unknown_addresses_outside)
{
	assert_int_equal(route(0, 0x1234, 0, 0), bit(UPLINK));
	/* From outside there is nobody who could be meant. */
	assert_int_equal(route(UPLINK, 0x1234, 0x1000, 0), 0);
}

TEST(switch, drops_addresses_of_others)
{
	assert_int_equal(route(0, 1, 2, 0), 0);
	assert_int_equal(drop, NET_DROP_SOURCE_MAC);
	assert_int_equal(route(0, 1, 0x1000, 0), 0);
	assert_int_equal(drop, NET_DROP_SOURCE_MAC);
	assert_int_equal(route(UPLINK, 1, 2, 0), 0);
	assert_int_equal(drop, NET_DROP_SOURCE_MAC);
	assert_int_equal(route(0, 1, 0, 0), bit(1));
}

TEST(switch, drops_sources_that_are_groups)
{
	struct frame frame = { .length = 60, .head = { 0x52, 0x54, 0, 0, 0, 1, 0x01 } };

	assert_int_equal(switch_route(&net, UPLINK, &frame, now, &drop), 0);
	assert_int_equal(drop, NET_DROP_SOURCE_MAC);
}

TEST(switch, learns_between_two_uplinks)
{
	port[UPLINK + 1] = port[UPLINK];
	net.ports |= bit(UPLINK + 1);
	assert_int_equal(route(0, 0x1000, 0, 0), bit(UPLINK) | bit(UPLINK + 1));
	(void)route(UPLINK + 1, 0xff, 0x1000, 0);
	assert_int_equal(route(0, 0x1000, 0, 0), bit(UPLINK + 1));
	/* It moves. */
	(void)route(UPLINK, 0xff, 0x1000, 0);
	assert_int_equal(route(0, 0x1000, 0, 0), bit(UPLINK));
	/* It ages, to the tick. */
	now += (uint64_t)SWITCH_AGE_SECONDS * HZ;
	assert_int_equal(route(0, 0x1000, 0, 0), bit(UPLINK));
	now++;
	assert_int_equal(route(0, 0x1000, 0, 0), bit(UPLINK) | bit(UPLINK + 1));
	/* It is forgotten with the port. */
	(void)route(UPLINK, 0xff, 0x1000, 0);
	switch_forget(&net, UPLINK);
	assert_int_equal(route(0, 0x1000, 0, 0), bit(UPLINK) | bit(UPLINK + 1));
}

TEST(switch, keeps_what_is_used_when_the_table_overflows)
{
	unsigned known = 0;

	port[UPLINK + 1] = port[UPLINK];
	net.ports |= bit(UPLINK + 1);
	for (unsigned i = 0; i < 40000; i++) {
		now++;
		(void)route(UPLINK, 0xff, 0x1000 + i, 0);
		/* One that goes on speaking stays. */
		if (i % 2 == 0)
			(void)route(UPLINK + 1, 0xff, 0xf0, 0);
		assert_int_equal(route(0, 0xf0, 0, 0), bit(UPLINK + 1));
	}
	for (unsigned i = 0; i < 40000; i++)
		known += route(0, 0x1000 + i, 0, 0) == bit(UPLINK);
	assert_in_range(known, SWITCH_ENTRIES / 2, SWITCH_ENTRIES);
	/* Guests' addresses are in no table. */
	assert_int_equal(route(0, 3, 0, 0), bit(3));
}

TEST(switch, keeps_vlans_apart)
{
	port[0].vlan = port[1].vlan = 5;
	port[2].vlan = 6;
	assert_int_equal(route(0, 1, 0, 0), bit(1));
	assert_int_equal(route(0, 2, 0, 0), 0);
	assert_int_equal(drop, NET_DROPS);
	assert_int_equal(route(0, 0xff, 0, 0), bit(1) | bit(3) | bit(UPLINK));
	/* A port with a VLAN sends no tags. */
	assert_int_equal(route(0, 1, 0, 5), 0);
	assert_int_equal(drop, NET_DROP_VLAN);
	assert_int_equal(route(0, 1, 0, 6), 0);
	assert_int_equal(drop, NET_DROP_VLAN);
	/* From a port with tags. */
	assert_int_equal(route(UPLINK, 0, 0x1000, 5), bit(0));
	assert_int_equal(route(UPLINK, 0, 0x1000, 6), 0);
	assert_int_equal(route(UPLINK, 0, 0x1000, 0), 0);
	assert_int_equal(route(UPLINK, 0xff, 0x1000, 6), bit(2) | bit(3));
	assert_int_equal(route(UPLINK, 0xff, 0x1000, 0), bit(3));
}

TEST(switch, learns_for_each_vlan)
{
	port[UPLINK + 1] = port[UPLINK];
	net.ports |= bit(UPLINK + 1);
	(void)route(UPLINK, 0xff, 0x1000, 5);
	(void)route(UPLINK + 1, 0xff, 0x1000, 6);
	assert_int_equal(route(0, 0x1000, 0, 5), bit(UPLINK));
	assert_int_equal(route(0, 0x1000, 0, 6), bit(UPLINK + 1));
}

TEST(switch, isolates_groups)
{
	port[0].group = port[1].group = 1;
	port[2].group = 2;
	assert_int_equal(route(0, 1, 0, 0), 0);
	assert_int_equal(drop, NET_DROP_ISOLATED);
	assert_int_equal(route(0, 2, 0, 0), bit(2));
	assert_int_equal(route(0, 3, 0, 0), bit(3));
	assert_int_equal(route(0, 0xff, 0, 0), bit(2) | bit(3) | bit(UPLINK));
	assert_int_equal(route(0, 0x1234, 0, 0), bit(UPLINK));
}

TEST(switch, lets_nobody_listen_to_others)
{
	port[2].promiscuous = true;
	port[3].more_count = 2;
	memcpy(port[3].more[0], port[1].mac, 6);
	memcpy(port[3].more[1], "\x52\x54\0\0\x12\x34", 6);
	assert_int_equal(route(0, 1, 0, 0), bit(1));
	(void)route(UPLINK, 0xff, 0x1000, 0);
	assert_int_equal(route(0, 0x1000, 0, 0), bit(UPLINK));
	/* What is nobody's may be theirs. */
	assert_int_equal(route(UPLINK, 0x1234, 0x1000, 0), bit(2) | bit(3));
	assert_int_equal(route(0, 0x1235, 0, 0), bit(2) | bit(UPLINK));
}

TEST(switch, leaves_out_ports_that_are_down)
{
	port[1].up = false;
	assert_int_equal(route(0, 1, 0, 0), 0);
	assert_int_equal(port[1].missed, 1);
	assert_int_equal(route(0, 0xff, 0, 0), bit(2) | bit(3) | bit(UPLINK));
	assert_int_equal(port[1].missed, 1);
	assert_int_equal(route(1, 0, 1, 0), 0);
	assert_int_equal(drop, NET_DROP_LINK);
	/* Nor is what would not have reached it anyway. */
	port[1].group = port[0].group = 3;
	assert_int_equal(route(0, 1, 0, 0), 0);
	port[1].group = port[0].group = 0;
	port[1].vlan = 7;
	assert_int_equal(route(0, 1, 0, 0), 0);
	assert_int_equal(port[1].missed, 1);
	port[1].exists = false;
	assert_int_equal(route(1, 0, 1, 0), 0);
	assert_int_equal(drop, NET_DROP_LINK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_WITH(switch, sends_to_the_owner_alone, set_up),
		RUN_WITH(switch, sends_groups_to_all_others, set_up),
		RUN_WITH(switch, sends_unknown_addresses_outside, set_up),
		RUN_WITH(switch, drops_addresses_of_others, set_up),
		RUN_WITH(switch, drops_sources_that_are_groups, set_up),
		RUN_WITH(switch, learns_between_two_uplinks, set_up),
		RUN_WITH(switch, keeps_what_is_used_when_the_table_overflows, set_up),
		RUN_WITH(switch, keeps_vlans_apart, set_up),
		RUN_WITH(switch, learns_for_each_vlan, set_up),
		RUN_WITH(switch, isolates_groups, set_up),
		RUN_WITH(switch, lets_nobody_listen_to_others, set_up),
		RUN_WITH(switch, leaves_out_ports_that_are_down, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
