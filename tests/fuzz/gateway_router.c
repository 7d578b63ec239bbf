/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gateway's way of a frame: packets, fragments and frames of any bytes from both sides, while the next hop is known or not. Checked are that
 * no buffer is lost, that nobody outside is seen with an address inside, and that guests get nothing but what is for them.
 */
#include <bytes.h>
#include <libsys/log.h>
#include <router.h>
#include <stdlib.h>
#include <string.h>

#include "scene.h"
#include "session.h"
#include "vmm_fuzz.h"

#define ETHERNET 14u

static struct nat nat;
static uint64_t now;
static uint8_t frame[2048], got[70000];

void log_line(enum log_level level, const char *format, ...)
{
	(void)level;
	(void)format;
}

static uint32_t take(struct input *input, unsigned bytes)
{
	return (uint32_t)input_take(input, bytes);
}

static void check_sent(void)
{
	struct link_header header;
	uint32_t length;

	while ((length = session_take(OUTSIDE, &header, got, sizeof(got))) != 0)
		CHECK(length >= ETHERNET + 20 && load32(got + ETHERNET + 12) == OUTER && load32(got + ETHERNET + 16) != OUTER);
	while ((length = session_take(INSIDE, &header, got, sizeof(got))) != 0) {
		uint32_t target = load32(got + ETHERNET + 16);

		CHECK(length >= ETHERNET + 20 && (target == INNER(10) || target == INNER(11)));
		CHECK(memcmp(got, scene.lease[target - INNER(10)].mac, 6) == 0);
	}
}

static void turn(void)
{
	for (unsigned i = 0; i < 3; i++) {
		(void)router_turn(now);
		session_serve(INSIDE);
		session_serve(OUTSIDE);
		check_sent();
	}
}

/* A packet of few hosts and ports; some for a forwarded port, or by the address outside. */
static struct packet make(struct input *input, bool out)
{
	static const uint8_t protocols[4] = { UDP, TCP, ICMP, UDP };
	uint32_t which = take(input, 1), inside = INNER(10 + (which & 1)), remote = which & 2 && out ? OUTER : REMOTE + (which >> 2 & 1);
	uint8_t protocol = protocols[which >> 3 & 3];
	uint16_t port = (uint16_t)(which & 32 ? 2201 : 5000 + (which & 1)), other = (uint16_t)(which & 64 ? 2201 : 53);
	uint32_t payload = which & 128 ? 600 : 8;

	if (protocol == ICMP)
		return packet_make(ICMP, out ? inside : remote, out ? 8 : 0, out ? remote : OUTER, port, payload);
	return out ? packet_make(protocol, inside, port, remote, other, payload) : packet_make(protocol, remote, other, OUTER, port, payload);
}

/* Perhaps only a part of it, or changed in places. */
static void deliver(struct input *input)
{
	uint32_t how = take(input, 1), length;
	bool out = how & 1;
	struct packet packet = make(input, out);
	struct link_header header = { .flags = (uint8_t)(how >> 7) };

	store16(packet.ip + 4, 100 + (how >> 1 & 1));
	if (how & 4) {
		uint32_t size = packet.size - 20, from = (how & 8 ? take(input, 1) * 8 : 0) % size / 8 * 8;
		uint32_t part = size - from > 24 ? 24 : size - from;
		struct packet fragment = packet_fragment(&packet, from, part);

		packet_free(&packet);
		packet = fragment;
	}
	length = ETHERNET + packet.size;
	memcpy(frame, world.session[out ? INSIDE : OUTSIDE].page.mac, 6);
	memcpy(frame + 6, out ? scene.lease[packet.ip[15] & 1].mac : (const uint8_t *)"ffffff", 6);
	store16(frame + 12, 0x0800);
	memcpy(frame + ETHERNET, packet.ip, packet.size);
	packet_free(&packet);
	for (uint32_t changes = how >> 5 & 3; changes; changes--)
		frame[take(input, 1) % length] = (uint8_t)take(input, 1);
	if (how & 16)
		length = take(input, 2) % (length + 1);
	if (length)
		(void)session_deliver(out ? INSIDE : OUTSIDE, &header, frame, length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t random[2] = { 1, 2 };
	struct input input = { data, size };
	unsigned before;

	world_init();
	scene_init(true);
	nat_init(&nat, &scene, random);
	nat.share = 20;
	router_init(&scene, world.link, &nat);
	now = 1;
	turn();
	before = world.pool.count;
	while (input.left) {
		uint32_t action = take(&input, 1);

		world.knows_hop = action & 1;
		if (action > 240)
			now += (action - 240) * 100;
		deliver(&input);
		if (action & 2)
			turn();
	}
	/* All that waits is given up, or goes. */
	turn();
	now += 10000;
	turn();
	turn();
	CHECK(world.pool.count == before);
	return 0;
}
