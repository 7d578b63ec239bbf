/* SPDX-License-Identifier: Apache-2.0 */
/* Datagrams in fragments: both ways, guests whose numbers are alike, parts that would replace a header, and tables that are full. */
#include "test.h"

#include <string.h>

#include <bytes.h>

#include "scene.h"

#define PART 1480u

static struct nat nat;
static uint64_t now;

static int set_up(void **state)
{
	(void)state;
	scene_nat(&nat);
	now = 1000;
	return 0;
}

/* Translates all fragments of a packet, the first one first, then from the last one on, and puts them together in its place; false: one was dropped. */
static bool translate(struct packet *packet, bool out)
{
	uint32_t size = packet->size - 20, parts = (size + PART - 1) / PART;
	struct packet whole = packet_make(packet->ip[9], 0, 0, 0, 0, size - (packet->ip[9] == TCP ? 20 : 8));
	bool good = true;

	for (uint32_t i = 0; i < parts; i++) {
		uint32_t from = (i ? parts - i : 0) * PART, length = size - from < PART ? size - from : PART;
		struct packet part = packet_fragment(packet, from, length);

		good &= out ? nat_leave(&nat, &part.view, now) : nat_enter(&nat, &part.view, now);
		assert_int_equal(load16(part.ip + 6) & 0x1fff, from / 8);
		if (i == 0)
			memcpy(whole.ip, part.ip, 20);
		else if (good)
			assert_memory_equal(whole.ip + 12, part.ip + 12, 8);
		if (good)
			assert_int_equal(load16(whole.ip + 4), load16(part.ip + 4));
		memcpy(whole.ip + 20 + from, part.ip + 20, length);
		packet_free(&part);
	}
	/* The header of the whole again. */
	store16(whole.ip + 2, whole.size);
	store16(whole.ip + 6, 0);
	store16(whole.ip + 10, 0);
	uint32_t sum = 0;
	for (unsigned i = 0; i < 20; i += 2)
		sum += load16(whole.ip + i);
	store16(whole.ip + 10, (uint16_t)~((sum & 0xffff) + (sum >> 16)));
	packet_free(packet);
	*packet = whole;
	return good;
}

static void check_both_ways(uint8_t protocol, uint16_t from_port, uint16_t to_port)
{
	struct packet packet = packet_make(protocol, INNER(10), from_port, REMOTE, to_port, 5000);

	assert_true(translate(&packet, true));
	assert_true(packet_is_right(&packet));
	assert_int_equal(packet_source(&packet), OUTER);
	packet_free(&packet);
	packet = protocol == ICMP ? packet_make(ICMP, REMOTE, 0, OUTER, to_port, 5000) : packet_make(protocol, REMOTE, to_port, OUTER, from_port, 5000);
	assert_true(translate(&packet, false));
	assert_true(packet_is_right(&packet));
	assert_int_equal(packet_target(&packet), INNER(10));
	packet_free(&packet);
}

TEST(nat_fragment, translates_both_ways_in_any_order)
{
	check_both_ways(UDP, 5000, 53);
	check_both_ways(TCP, 5000, 80);
	check_both_ways(ICMP, 8, 4000);
}

TEST(nat_fragment, tells_guests_with_one_number_apart)
{
	struct packet alpha = packet_make(UDP, INNER(10), 5000, REMOTE, 53, 3000), beta = packet_make(UDP, INNER(11), 6000, REMOTE, 53, 3000);

	assert_true(translate(&alpha, true));
	assert_true(translate(&beta, true));
	assert_int_not_equal(load16(alpha.ip + 4), load16(beta.ip + 4));
	assert_true(packet_is_right(&alpha) && packet_is_right(&beta));
	packet_free(&alpha);
	packet_free(&beta);
}

TEST(nat_fragment, leads_guests_to_each_other_by_the_address_outside)
{
	struct packet packet = packet_make(TCP, INNER(10), 5000, OUTER, 2201, 3000);

	assert_true(translate(&packet, true));
	assert_true(translate(&packet, false));
	assert_true(packet_is_right(&packet));
	assert_int_equal(packet_target(&packet), INNER(11));
	assert_int_equal(packet_target_port(&packet), 22);
	packet_free(&packet);
}

static bool leave_part(uint32_t from, uint32_t size, uint8_t protocol)
{
	struct packet whole = packet_make(protocol, INNER(10), 5000, REMOTE, 53, 3000), part = packet_fragment(&whole, from, size);
	bool done = nat_leave(&nat, &part.view, now);

	packet_free(&part);
	packet_free(&whole);
	return done;
}

TEST(nat_fragment, waits_for_the_first_and_not_for_ever)
{
	assert_false(leave_part(PART, PART, UDP));
	assert_int_equal(nat.last, NAT_DROP_FRAGMENT);
	assert_int_equal(nat.drops[NAT_DROP_FRAGMENT], 0);
	assert_true(leave_part(0, PART, UDP));
	assert_true(leave_part(PART, PART, UDP));
	now += NAT_DATAGRAM_MS;
	assert_true(leave_part(PART, PART, UDP));
	now++;
	assert_false(leave_part(PART, PART, UDP));
	/* Another address outside, and the way back. */
	assert_true(leave_part(0, PART, UDP));
	nat_set_outside(&nat, OUTER + 1);
	assert_false(leave_part(PART, PART, UDP));
	assert_true(leave_part(0, PART, UDP));
	struct packet whole = packet_make(UDP, REMOTE, 53, OUTER + 1, 5000, 3000), part = packet_fragment(&whole, PART, PART);

	assert_false(nat_enter(&nat, &part.view, now));
	packet_free(&part);
	packet_free(&whole);
}

TEST(nat_fragment, drops_parts_that_replace_a_header_or_overrun)
{
	struct packet whole, part;

	assert_true(leave_part(0, 48, TCP));
	assert_false(leave_part(0, 16, TCP)); /* no flags in the first: a tiny fragment */
	assert_false(leave_part(8, 48, TCP));
	assert_false(leave_part(16, 48, TCP));
	assert_true(leave_part(24, 48, TCP));
	assert_true(leave_part(0, 8, UDP));
	assert_true(leave_part(8, 48, UDP));
	assert_false(leave_part(16, 47, UDP)); /* not of eights, though more follow */
	whole = packet_make(UDP, INNER(10), 5000, REMOTE, 53, 3000);
	part = packet_fragment(&whole, PART, PART);
	store16(part.ip + 6, 0x1fff - PART / 8 + 1); /* beyond 64 KiB */
	assert_false(nat_leave(&nat, &part.view, now));
	store16(part.ip + 6, 0x2000 | PART / 8);
	part.view.partial = true;
	assert_false(nat_leave(&nat, &part.view, now));
	part.view.partial = false;
	store16(part.ip + 2, 20); /* of nothing */
	assert_false(nat_leave(&nat, &part.view, now));
	store16(part.ip + 2, part.size + 1);
	assert_false(nat_leave(&nat, &part.view, now));
	packet_free(&part);
	packet_free(&whole);
	assert_int_equal(nat.drops[NAT_DROP_BAD], 8);
}

static bool number(uint32_t inside, uint16_t id, uint32_t from)
{
	struct packet whole = packet_make(UDP, inside, 5000, REMOTE, 53, 3000), part;
	bool done;

	store16(whole.ip + 4, id);
	part = packet_fragment(&whole, from, PART);
	done = nat_leave(&nat, &part.view, now);
	packet_free(&part);
	packet_free(&whole);
	return done;
}

/* Who begins datagrams without end loses his own, not those of others nor those that come in. */
TEST(nat_fragment, a_flood_uses_up_only_its_share)
{
	struct packet answer, part;

	assert_true(number(INNER(11), 7, 0));
	assert_true(number(INNER(10), 7, 0));
	answer = packet_make(UDP, REMOTE, 53, OUTER, 5000, 3000);
	part = packet_fragment(&answer, 0, PART);
	assert_true(nat_enter(&nat, &part.view, now));
	packet_free(&part);
	for (unsigned id = 100; id < 100 + 5 * NAT_DATAGRAMS; id++)
		assert_true(number(INNER(10), (uint16_t)id, 0));
	assert_false(number(INNER(10), 7, PART));
	assert_true(number(INNER(11), 7, PART));
	part = packet_fragment(&answer, PART, PART);
	assert_true(nat_enter(&nat, &part.view, now));
	packet_free(&part);
	packet_free(&answer);
	for (unsigned id = 100 + 5 * NAT_DATAGRAMS - NAT_DATAGRAMS / 4; id < 100 + 5 * NAT_DATAGRAMS; id++)
		assert_true(number(INNER(10), (uint16_t)id, PART));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_WITH(nat_fragment, translates_both_ways_in_any_order, set_up),
		RUN_WITH(nat_fragment, tells_guests_with_one_number_apart, set_up),
		RUN_WITH(nat_fragment, leads_guests_to_each_other_by_the_address_outside, set_up),
		RUN_WITH(nat_fragment, waits_for_the_first_and_not_for_ever, set_up),
		RUN_WITH(nat_fragment, drops_parts_that_replace_a_header_or_overrun, set_up),
		RUN_WITH(nat_fragment, a_flood_uses_up_only_its_share, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
