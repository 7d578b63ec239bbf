/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Address translation: packets of any bytes from both sides, between ones that make sense, while time passes. Checked are the tables, that
 * no guest gets more than its share, and that no address inside is seen outside. Some are fragments, some for the address outside itself.
 */
#include <bytes.h>
#include <checksum.h>

#include "scene.h"
#include "vmm_fuzz.h"

static struct nat nat;
static uint64_t now;

static uint32_t take(struct input *input, unsigned bytes)
{
	return (uint32_t)input_take(input, bytes);
}

/* Free and used records are all there are, and each flow is in its owner's lists once. */
static void check_tables(void)
{
	unsigned free_flows = 0, flows = 0, mapped = 0;

	for (uint16_t at = nat.free_flow; at != NAT_NONE; at = nat.flow[at].next) {
		CHECK(nat.flow[at].mapping == NAT_NONE);
		free_flows++;
	}
	for (unsigned owner = 0; owner < scene.leases; owner++) {
		unsigned own = 0;

		for (unsigned class = 0; class < NAT_CLASSES; class++) {
			for (uint16_t at = nat.list[owner][class].first; at != NAT_NONE; at = nat.flow[at].next_used) {
				CHECK(nat.flow[at].owner == owner && nat.flow[at].class == class);
				CHECK(nat.mapping[nat.flow[at].mapping].inside == scene.lease[owner].address);
				own++;
			}
		}
		CHECK(own == nat.flows[owner] && own <= nat.share);
		flows += own;
	}
	CHECK(free_flows + flows == NAT_FLOWS);
	for (unsigned i = 0; i < NAT_MAPPINGS; i++) {
		mapped += nat.mapping[i].flows;
		CHECK(!nat.mapping[i].protocol || nat.mapping[i].fixed || nat.mapping[i].flows);
	}
	CHECK(mapped == flows);
}

/* Each known datagram is in its bucket once. */
static void check_datagrams(void)
{
	unsigned used = 0, found = 0;

	for (unsigned i = 0; i < NAT_DATAGRAMS; i++)
		used += nat.datagram[i].protocol != 0;
	for (unsigned i = 0; i < NAT_BUCKETS; i++) {
		for (uint16_t at = nat.by_datagram[i]; at != NAT_NONE; at = nat.datagram[at].next) {
			CHECK(nat.datagram[at].protocol);
			CHECK(++found <= NAT_DATAGRAMS);
		}
	}
	CHECK(found == used);
}

static bool is_later(const struct packet *packet)
{
	return (load16(packet->ip + 6) & 0x1fff) != 0;
}

static void translate(struct packet *packet, bool out)
{
	/* The checksum of a later fragment is in the first. */
	bool was_right = !is_later(packet) && packet_is_right(packet);

	if (out) {
		if (!nat_leave(&nat, &packet->view, now))
			return;
		CHECK(packet_source(packet) == OUTER);
		CHECK(!was_right || packet_is_right(packet));
		if (packet_target(packet) != OUTER)
			return;
	}
	if (nat_enter(&nat, &packet->view, now)) {
		CHECK(packet_target(packet) == INNER(10) || packet_target(packet) == INNER(11));
		CHECK(!was_right || packet_is_right(packet));
	}
}

/* One that makes sense: of few hosts and ports, so that flows are met again. */
static struct packet make(struct input *input, bool out)
{
	static const uint8_t protocols[4] = { TCP, UDP, ICMP, TCP };
	uint8_t protocol = protocols[take(input, 1) & 3];
	uint32_t inside = INNER(10 + (take(input, 1) & 1)), which = take(input, 1), remote = which & 4 && out ? OUTER : REMOTE + (which & 3);
	uint16_t port = (uint16_t)take(input, 2), other = (uint16_t)(which & 8 ? 2201 : 80 + (take(input, 1) & 1));

	if (protocol == ICMP)
		return packet_make(ICMP, out ? inside : remote, out ? 8 : 0, out ? remote : OUTER, port, 8);
	if (protocol == TCP)
		return out ? packet_tcp(inside, port, remote, other, (uint8_t)take(input, 1)) :
			     packet_tcp(remote, other, OUTER, port, (uint8_t)take(input, 1));
	return out ? packet_make(UDP, inside, port, remote, other, 8) : packet_make(UDP, remote, other, OUTER, port, 8);
}

/* Then bytes of it are changed, or it is quoted by an error, or cut. */
static void play(struct input *input)
{
	uint32_t how = take(input, 1);
	bool out = how & 1;
	struct packet packet = make(input, out);

	if (how & 2)
		packet_make_partial(&packet);
	if (how & 4) {
		struct packet error = packet_error(out ? INNER(10) : REMOTE, out ? REMOTE : OUTER, 3, 4, &packet);

		packet_free(&packet);
		packet = error;
	}
	if (how & 128) {
		uint32_t part = take(input, 1);

		/* Its IP header stays right. */
		store16(packet.ip + 10, checksum_change16(load16(packet.ip + 10), load16(packet.ip + 6), (uint16_t)((part & 1) << 13 | part >> 3)));
		store16(packet.ip + 6, (part & 1) << 13 | part >> 3);
	}
	for (uint32_t changes = how >> 3 & 7; changes; changes--)
		packet.ip[take(input, 1) % packet.size] = (uint8_t)take(input, 1);
	if (how & 64)
		packet.view.head = take(input, 1) % (packet.size + 1);
	if (packet.ip[0] == 0x45 && packet.view.head == packet.size && !(how & 0x38))
		translate(&packet, out);
	else if (out)
		(void)nat_leave(&nat, &packet.view, now);
	else
		(void)nat_enter(&nat, &packet.view, now);
	packet_free(&packet);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t random[2] = { 1, 2 };
	struct input input = { data, size };

	scene_init(true);
	nat_init(&nat, &scene, random);
	nat_set_outside(&nat, OUTER);
	/* So that shares are soon used up. */
	nat.share = 5;
	now = 1;
	while (input.left) {
		uint32_t wait = take(&input, 1);

		if (wait > 200) {
			now += (uint64_t)(wait - 200) * 10000;
			nat_expire(&nat, now);
		}
		play(&input);
	}
	check_tables();
	check_datagrams();
	return 0;
}
