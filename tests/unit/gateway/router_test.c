/* SPDX-License-Identifier: Apache-2.0 */
/* Frames through the gateway's NICs: who gets them and in which shape, and queues and pages that lie. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include <bytes.h>
#include <libsys/log.h>
#include <router.h>

#include "scene.h"
#include "session.h"

#define ETHERNET 14u
#define TYPE_IPV4 0x0800u
#define GSO_TCPV4 1u

static struct nat nat;
static uint8_t frame[90000], got[90000];
static struct link_header header, got_header;
static uint64_t now;

/* The log. */
void log_line(enum log_level level, const char *format, ...)
{
	(void)level;
	(void)format;
}

static void turn(void)
{
	for (unsigned i = 0; i < 4; i++) {
		(void)router_turn(now);
		session_serve(INSIDE);
		session_serve(OUTSIDE);
	}
}

static int set_up(void **state)
{
	static const uint32_t random[2] = { 5, 6 };

	(void)state;
	world_init();
	scene_init(true);
	nat_init(&nat, &scene, random);
	router_init(&scene, world.link, &nat);
	now = 1000;
	header = (struct link_header){ 0 };
	turn();
	return 0;
}

/* Puts a packet into a frame; returns its length. */
static uint32_t wrap(struct packet packet, const uint8_t *to, const uint8_t *from)
{
	uint32_t size = packet.size;

	memcpy(frame, to, 6);
	memcpy(frame + 6, from, 6);
	store16(frame + 12, TYPE_IPV4);
	memcpy(frame + ETHERNET, packet.ip, size);
	packet_free(&packet);
	return ETHERNET + size;
}

static uint32_t from_alpha(struct packet packet)
{
	return wrap(packet, world.session[INSIDE].page.mac, scene.lease[0].mac);
}

static uint32_t from_outside(struct packet packet)
{
	static const uint8_t router[6] = { 0x66, 0x66, 0x66, 0x66, 0x66, 0x66 };

	return wrap(packet, world.session[OUTSIDE].page.mac, router);
}

static uint32_t pass(enum side from, uint32_t length)
{
	assert_true(session_deliver(from, &header, frame, length));
	turn();
	return session_take(from == INSIDE ? OUTSIDE : INSIDE, &got_header, got, sizeof(got));
}

TEST(router, leads_packets_out_and_back)
{
	uint32_t length = from_alpha(packet_make(UDP, INNER(10), 5000, REMOTE, 53, 100));

	assert_int_equal(pass(INSIDE, length), length);
	assert_memory_equal(got, "\x66\x66\x66\x66\x66\x66", 6);
	assert_memory_equal(got + 6, world.session[OUTSIDE].page.mac, 6);
	assert_int_equal(load32(got + ETHERNET + 12), OUTER);
	assert_int_equal(got[ETHERNET + 8], 63);
	assert_memory_equal(got + ETHERNET + 28, frame + ETHERNET + 28, 100);
	length = from_outside(packet_make(UDP, REMOTE, 53, OUTER, 5000, 200));
	assert_int_equal(pass(OUTSIDE, length), length);
	assert_memory_equal(got, scene.lease[0].mac, 6);
	assert_memory_equal(got + 6, world.session[INSIDE].page.mac, 6);
	assert_int_equal(load32(got + ETHERNET + 16), INNER(10));
	assert_int_equal(world.input[INSIDE] + world.input[OUTSIDE], 0);
}

/* A segment of 60000 bytes stays in its buffers, and what is left to be done stays so. */
TEST(router, keeps_large_segments_whole)
{
	struct packet packet = packet_make(TCP, INNER(10), 5000, REMOTE, 80, 60000);
	unsigned before = world.pool.count;
	uint32_t length;

	packet_make_partial(&packet);
	length = from_alpha(packet);
	for (unsigned i = 0; i < 200; i++) {
		header = (struct link_header){ .flags = LINK_NEEDS_CHECKSUM, .gso_type = GSO_TCPV4, .header_length = 54, .gso_size = 1448,
					       .checksum_start = 34, .checksum_offset = 16 };
		assert_int_equal(pass(INSIDE, length), length);
		assert_int_equal(got_header.gso_type, GSO_TCPV4);
		assert_int_equal(got_header.gso_size, 1448);
		assert_int_equal(got_header.flags, LINK_NEEDS_CHECKSUM);
		assert_memory_equal(got + ETHERNET + 40, frame + ETHERNET + 40, 60000);
	}
	turn();
	/* Of these, the ones that receive are out, and none is lost. */
	assert_int_equal(world.pool.count, before);
}

TEST(router, drops_offloads_that_make_no_sense)
{
	static const struct link_header wrong[] = {
		{ .flags = 1, .gso_type = 4, .checksum_start = 34, .checksum_offset = 16 },
		{ .flags = 0, .gso_type = GSO_TCPV4, .checksum_start = 34, .checksum_offset = 16 },
		{ .flags = 1, .gso_type = 5, .checksum_start = 34, .checksum_offset = 16 },
		{ .flags = 1, .checksum_start = 5, .checksum_offset = 16 },
		{ .flags = 1, .checksum_start = 34, .checksum_offset = 6 },
		{ .flags = 1, .checksum_start = 65535, .checksum_offset = 65535 },
	};
	uint32_t length = from_alpha(packet_make(TCP, INNER(10), 5000, REMOTE, 80, 3000));

	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		header = wrong[i];
		assert_int_equal(pass(INSIDE, length), 0);
	}
	header = (struct link_header){ .flags = LINK_DATA_VALID };
	assert_int_equal(pass(INSIDE, length), length);
	assert_int_equal(got_header.flags, 0);
}

TEST(router, lets_nobody_send_for_others)
{
	uint32_t length = wrap(packet_make(UDP, INNER(11), 5000, REMOTE, 53, 0), world.session[INSIDE].page.mac, scene.lease[0].mac);

	assert_int_equal(pass(INSIDE, length), 0);
	/* To another's MAC, though it came here; and of all lengths below a header. */
	length = wrap(packet_make(UDP, INNER(10), 5000, REMOTE, 53, 0), scene.lease[1].mac, scene.lease[0].mac);
	assert_int_equal(pass(INSIDE, length), 0);
	(void)from_alpha(packet_make(UDP, INNER(10), 5000, REMOTE, 53, 0));
	for (length = 0; length < ETHERNET + 28; length++)
		assert_int_equal(pass(INSIDE, length), 0);
	assert_int_equal(pass(INSIDE, ETHERNET + 28), ETHERNET + 28);
	assert_int_equal(world.input[INSIDE], 0);
}

TEST(router, gives_the_stack_what_is_its_own)
{
	static const struct { uint32_t to; uint16_t port; bool taken; } outside[] = {
		{ OUTER, 68, true }, { 0xffffffff, 68, true }, { OUTER, 61000, true }, { OUTER, 53, false }, { OUTER, 67, false },
		{ INNER(1), 53, false }, { INNER(1), 61000, false }, { 0xffffffff, 67, false }, { OUTER, 60999, false },
	};
	unsigned taken = 0;

	(void)pass(INSIDE, from_alpha(packet_make(UDP, INNER(10), 5000, INNER(1), 53, 0)));
	(void)pass(INSIDE, from_alpha(packet_make(UDP, 0, 68, 0xffffffff, 67, 300)));
	assert_int_equal(world.input[INSIDE], 2);
	for (unsigned i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
		assert_int_equal(pass(OUTSIDE, from_outside(packet_make(UDP, REMOTE, 53, outside[i].to, outside[i].port, 0))), 0);
		taken += outside[i].taken;
		assert_int_equal(world.input[OUTSIDE], taken);
	}
	(void)pass(OUTSIDE, from_outside(packet_make(ICMP, REMOTE, 8, OUTER, 1, 0)));
	assert_int_equal(world.input[OUTSIDE], taken + 1);
	/* From outside straight to a guest. */
	assert_int_equal(pass(OUTSIDE, from_outside(packet_make(UDP, REMOTE, 53, INNER(10), 5000, 0))), 0);
	assert_int_equal(world.input[OUTSIDE], taken + 1);
}

TEST(router, says_when_hops_are_used_up)
{
	uint32_t length = from_alpha(packet_make(UDP, INNER(10), 5000, REMOTE, 53, 40));

	frame[ETHERNET + 8] = 1;
	assert_int_equal(pass(INSIDE, length), 0);
	assert_int_equal(session_take(INSIDE, &got_header, got, sizeof(got)), ETHERNET + 56);
	assert_memory_equal(got, scene.lease[0].mac, 6);
	assert_int_equal(load32(got + ETHERNET + 12), INNER(1));
	assert_int_equal(load32(got + ETHERNET + 16), INNER(10));
	assert_int_equal(got[ETHERNET + 20], 11);
	assert_memory_equal(got + ETHERNET + 28, frame + ETHERNET, 28);
	/* Those from outside only end. */
	(void)pass(INSIDE, from_alpha(packet_make(UDP, INNER(10), 5000, REMOTE, 53, 40)));
	length = from_outside(packet_make(UDP, REMOTE, 53, OUTER, 5000, 0));
	frame[ETHERNET + 8] = 1;
	assert_int_equal(pass(OUTSIDE, length), 0);
}

/* The answer to alpha's packet, which went nowhere: 0: none, else type and code of an error. */
static unsigned complaint(struct packet packet)
{
	assert_int_equal(pass(INSIDE, from_alpha(packet)), 0);
	if (!session_take(INSIDE, &got_header, got, sizeof(got)))
		return 0;
	assert_memory_equal(got, scene.lease[0].mac, 6);
	assert_int_equal(got[ETHERNET + 9], ICMP);
	assert_memory_equal(got + ETHERNET + 28, frame + ETHERNET, 28);
	return load16(got + ETHERNET + 20);
}

TEST(router, tells_guests_why_nothing_goes)
{
	struct packet part;

	assert_int_equal(complaint(packet_tcp(INNER(10), 5000, OUTER, 2202, 2)), 0x0303);
	assert_int_equal(complaint(packet_make(UDP, INNER(10), 5000, OUTER, 2201, 0)), 0x0303);
	nat.share = 0;
	assert_int_equal(complaint(packet_tcp(INNER(10), 5000, REMOTE, 80, 2)), 0x030d);
	nat.share = 10;
	part = packet_make(UDP, INNER(10), 5000, REMOTE, 80, 0);
	part.ip[9] = 132;
	assert_int_equal(complaint(part), 0x0302);
	/* Not about errors, and only so many. */
	part = packet_make(UDP, REMOTE, 53, OUTER, 5000, 0);
	assert_int_equal(complaint(packet_error(INNER(10), REMOTE, 3, 3, &part)), 0);
	packet_free(&part);
	for (unsigned i = 4; i < 100; i++)
		assert_int_equal(complaint(packet_tcp(INNER(10), 5000, OUTER, 2202, 2)), 0x0303);
	assert_int_equal(complaint(packet_tcp(INNER(10), 5000, OUTER, 2202, 2)), 0);
	now += 1000;
	assert_int_equal(complaint(packet_tcp(INNER(10), 5000, OUTER, 2202, 2)), 0x0303);
	assert_int_equal(nat.drops[NAT_DROP_UNKNOWN], 101);
	nat_set_outside(&nat, 0);
	world.outside = 0;
	assert_int_equal(complaint(packet_tcp(INNER(10), 5000, REMOTE, 80, 2)), 0x0300);
}

TEST(router, leads_guests_to_forwarded_ports)
{
	uint32_t length = from_alpha(packet_tcp(INNER(10), 5000, OUTER, 2201, 2));

	assert_int_equal(pass(INSIDE, length), 0);
	assert_int_equal(session_take(INSIDE, &got_header, got, sizeof(got)), length);
	assert_memory_equal(got, scene.lease[1].mac, 6);
	assert_memory_equal(got + 6, world.session[INSIDE].page.mac, 6);
	assert_int_equal(load32(got + ETHERNET + 12), OUTER);
	assert_int_equal(load32(got + ETHERNET + 16), INNER(11));
	assert_int_equal(got[ETHERNET + 8], 63);
	/* A ping of that address is the gateway's own. */
	(void)pass(INSIDE, from_alpha(packet_make(ICMP, INNER(10), 8, OUTER, 1, 0)));
	assert_int_equal(world.input[INSIDE], 1);
}

/* Part `number` of three of a datagram with this number. */
static uint32_t part_of(struct packet whole, uint16_t id, unsigned number, bool out)
{
	struct packet part;

	store16(whole.ip + 4, id);
	part = packet_fragment(&whole, number * 1000u, number < 2 ? 1000 : whole.size - 20 - 2000);
	packet_free(&whole);
	return out ? from_alpha(part) : from_outside(part);
}

static uint32_t part_out(uint16_t id, unsigned number)
{
	return part_of(packet_make(UDP, INNER(10), 5000, REMOTE, 53, 2500), id, number, true);
}

static uint32_t part_in(uint16_t id, unsigned number)
{
	return part_of(packet_make(UDP, REMOTE, 53, OUTER, 5000, 2500), id, number, false);
}

static unsigned count_taken(enum side side)
{
	unsigned count = 0;

	while (session_take(side, &got_header, got, sizeof(got)))
		count++;
	return count;
}

TEST(router, puts_the_first_fragment_first)
{
	unsigned before = world.pool.count;

	assert_int_equal(pass(INSIDE, part_out(1, 2)), 0);
	assert_int_equal(pass(INSIDE, part_out(1, 1)), 0);
	assert_int_equal(pass(INSIDE, part_out(1, 0)), ETHERNET + 1020);
	assert_int_equal(load16(got + ETHERNET + 6), 0x2000);
	assert_int_equal(count_taken(OUTSIDE), 2);
	assert_int_equal(pass(OUTSIDE, part_in(1, 1)), 0);
	assert_int_equal(pass(OUTSIDE, part_in(1, 0)), ETHERNET + 1020);
	assert_int_equal(load32(got + ETHERNET + 16), INNER(10));
	assert_int_equal(pass(OUTSIDE, part_in(1, 2)) != 0, true);
	assert_int_equal(count_taken(INSIDE), 1);
	turn();
	assert_int_equal(world.pool.count, before);
}

TEST(router, keeps_only_so_many_fragments_and_not_for_long)
{
	unsigned before = world.pool.count;
	uint32_t length;

	for (unsigned i = 0; i < 200; i++)
		assert_int_equal(pass(INSIDE, part_out((uint16_t)(100 + i), 1)), 0);
	assert_int_equal(nat.drops[NAT_DROP_FRAGMENT], 168);
	/* Beta has places still. */
	length = part_out(1, 1);
	memcpy(frame + 6, scene.lease[1].mac, 6);
	store32(frame + ETHERNET + 12, INNER(11));
	assert_int_equal(pass(INSIDE, length), 0);
	assert_int_equal(nat.drops[NAT_DROP_FRAGMENT], 168);
	for (unsigned i = 0; i < 200; i++)
		assert_int_equal(pass(OUTSIDE, part_in((uint16_t)(100 + i), 1)), 0);
	assert_int_equal(nat.drops[NAT_DROP_FRAGMENT], 168 + 184);
	now += 501;
	turn();
	turn();
	assert_int_equal(nat.drops[NAT_DROP_FRAGMENT], 401);
	assert_int_equal(world.pool.count, before);
	/* A datagram that nobody waits for. */
	assert_int_equal(pass(OUTSIDE, part_in(1, 0)), 0);
	assert_int_equal(nat.last, NAT_DROP_UNKNOWN);
}

TEST(router, waits_for_hops_within_a_share)
{
	unsigned before = world.pool.count;
	uint32_t length;

	world.knows_hop = false;
	for (uint32_t i = 0; i < 50; i++)
		assert_int_equal(pass(INSIDE, from_alpha(packet_make(UDP, INNER(10), 5000, REMOTE + i, 53, 0))), 0);
	assert_int_equal(world.asked, 4);
	/* Another guest has its own share. */
	length = wrap(packet_make(UDP, INNER(11), 5000, REMOTE, 53, 0), world.session[INSIDE].page.mac, scene.lease[1].mac);
	assert_int_equal(pass(INSIDE, length), 0);
	assert_int_equal(world.asked, 5);
	world.knows_hop = true;
	turn();
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(session_take(OUTSIDE, &got_header, got, sizeof(got)), ETHERNET + 28);
	assert_int_equal(session_take(OUTSIDE, &got_header, got, sizeof(got)), 0);
	/* What waits too long goes. */
	world.knows_hop = false;
	(void)pass(INSIDE, length);
	now += 4000;
	turn();
	world.knows_hop = true;
	turn();
	assert_int_equal(session_take(OUTSIDE, &got_header, got, sizeof(got)), 0);
	turn();
	assert_int_equal(world.pool.count, before);
}

TEST(router, goes_on_when_nobody_takes_what_it_sends)
{
	uint32_t length = from_alpha(packet_make(UDP, INNER(10), 5000, REMOTE, 53, 100)), passed = 0;

	for (unsigned i = 0; i < 3000; i++) {
		assert_true(session_deliver(INSIDE, &header, frame, length));
		turn();
	}
	assert_int_equal(world.link[OUTSIDE].dropped, 3000 - LINK_SEND);
	while (session_take(OUTSIDE, &got_header, got, sizeof(got)))
		passed++;
	assert_int_equal(passed, LINK_SEND);
	assert_int_equal(pass(INSIDE, length), length);
}

/* A frame of one buffer, whose header says that it is of so many. */
static void say_buffers(uint16_t count)
{
	struct virtqueue *queue = &world.session[INSIDE].receive;
	const struct guest_memory memory = { world.ram, SESSION_BASE, SESSION_RAM };
	const struct link_header lie = { .buffers = count };
	struct virtqueue_segment segment;
	struct virtqueue_chain chain;

	assert_true(virtqueue_pop(queue, &chain) && virtqueue_next(queue, &memory, &chain, &segment));
	memcpy(segment.data, &lie, sizeof(lie));
	virtqueue_push(queue, &chain, 60);
}

TEST(router, begins_anew_after_rings_that_lie)
{
	uint32_t length = from_alpha(packet_make(UDP, INNER(10), 5000, REMOTE, 53, 100));
	unsigned before = world.pool.count;

	for (unsigned kind = 0; kind < 7; kind++) {
		struct virtqueue *queue = &world.session[INSIDE].receive;
		uint8_t *used = world.ram + (queue->used - SESSION_BASE);
		uint32_t wanted = world.session[INSIDE].page.wanted;

		if (kind == 0) { /* more than there are */
			used[3] ^= 0x80;
		} else if (kind == 1) { /* no such buffer */
			memset(used + 4, 0xff, 4);
			used[2]++;
		} else if (kind == 2) { /* less than a header */
			struct virtqueue_chain chain;

			assert_true(virtqueue_pop(queue, &chain));
			virtqueue_push(queue, &chain, 5);
		} else if (kind == 3) { /* buffers that do not come, or far too many */
			say_buffers(9);
		} else if (kind == 4) {
			say_buffers(0xffff);
		} else if (kind == 5) { /* a frame larger than any */
			assert_true(session_deliver(INSIDE, &header, frame, 80000));
		} else { /* the server complains */
			world.session[INSIDE].page.broken = wanted;
		}
		turn();
		turn();
		assert_int_equal(world.session[INSIDE].page.wanted, wanted + 2);
		assert_true(world.link[INSIDE].running);
		assert_int_equal(world.pool.count, before);
		assert_int_equal(pass(INSIDE, length), length);
	}
}

TEST(router, follows_the_server_and_the_link)
{
	uint32_t length = from_alpha(packet_make(UDP, INNER(10), 5000, REMOTE, 53, 100));

	/* One that comes later, and one that cannot serve. */
	world_init();
	world.session[INSIDE].page.server = 0;
	world.session[OUTSIDE].page.state = NET_FAILED;
	router_init(&scene, world.link, &nat);
	turn();
	assert_int_equal(world.session[INSIDE].page.wanted + world.session[OUTSIDE].page.wanted, 0);
	world.session[INSIDE].page.server = 1;
	world.session[OUTSIDE].page.state = NET_READY;
	turn();
	assert_true(world.link[INSIDE].running && world.link[OUTSIDE].running && world.link[OUTSIDE].up);
	assert_int_equal(pass(INSIDE, length), length);
	world.session[OUTSIDE].page.link = 0;
	turn();
	assert_false(world.link[OUTSIDE].up);
	/* No address outside: nothing is translated. */
	world.outside = 0;
	turn();
	assert_int_equal(pass(INSIDE, length), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		RUN_WITH(router, leads_packets_out_and_back, set_up),
		RUN_WITH(router, keeps_large_segments_whole, set_up),
		RUN_WITH(router, drops_offloads_that_make_no_sense, set_up),
		RUN_WITH(router, lets_nobody_send_for_others, set_up),
		RUN_WITH(router, gives_the_stack_what_is_its_own, set_up),
		RUN_WITH(router, says_when_hops_are_used_up, set_up),
		RUN_WITH(router, tells_guests_why_nothing_goes, set_up),
		RUN_WITH(router, leads_guests_to_forwarded_ports, set_up),
		RUN_WITH(router, puts_the_first_fragment_first, set_up),
		RUN_WITH(router, keeps_only_so_many_fragments_and_not_for_long, set_up),
		RUN_WITH(router, waits_for_hops_within_a_share, set_up),
		RUN_WITH(router, goes_on_when_nobody_takes_what_it_sends, set_up),
		RUN_WITH(router, begins_anew_after_rings_that_lie, set_up),
		RUN_WITH(router, follows_the_server_and_the_link, set_up),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	free(world.ram);
	return failed;
}
