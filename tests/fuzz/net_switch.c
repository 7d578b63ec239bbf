/* SPDX-License-Identifier: Apache-2.0 */
/* The switch, with ports and frames of any kind: what must hold for each answer, whatever it has learned. */
#include <switch.h>
#include "vmm_fuzz.h"

#define GUESTS 6u
#define UPLINKS 2u

static struct switch_port port[SWITCH_PORTS];
static struct net_switch net;

static unsigned number_of(unsigned which)
{
	return which < GUESTS ? which : NET_SESSIONS_MAX + which - GUESTS;
}

static void address(struct input *input, uint8_t *to)
{
	uint16_t which = (uint16_t)input_take(input, 2);

	memcpy(to, "\x52\x54\0\0", 4);
	to[0] |= which >> 15;
	to[4] = (uint8_t)(which >> 8 & 1);
	to[5] = (uint8_t)which;
}

static void set_up(struct input *input)
{
	memset(port, 0, sizeof(port));
	memset(&net, 0, sizeof(net));
	net.port = port;
	net.ticks_per_second = 1;
	for (unsigned i = 0; i < GUESTS + UPLINKS; i++) {
		struct switch_port *one = &port[number_of(i)];
		uint8_t how = (uint8_t)input_take(input, 1);

		*one = (struct switch_port){ .exists = how & 1, .up = how & 2, .uplink = i >= GUESTS, .mac = { 0x52, 0x54, 0, 0, 0, (uint8_t)i } };
		if (i < GUESTS) {
			one->group = how >> 2 & 3;
			one->vlan = how >> 4 & 3;
			one->promiscuous = how & 64;
			one->more_count = how & 128 ? 20 : 0;
			memcpy(one->more[1], port[0].mac, 6);
		}
		net.ports |= (port_set)1 << number_of(i);
	}
}

/* The guest that has this address, or GUESTS. */
static unsigned owner(const uint8_t *mac)
{
	for (unsigned i = 0; i < GUESTS; i++) {
		if (port[i].exists && memcmp(port[i].mac, mac, 6) == 0)
			return i;
	}
	return GUESTS;
}

static void check(unsigned from, const struct frame *frame, port_set set, enum net_drop drop)
{
	const struct switch_port *sender = &port[from];
	uint16_t vlan = sender->vlan ? sender->vlan : frame->vlan;
	unsigned receiver = owner(frame->head);

	CHECK((set & ~net.ports) == 0 && !(set >> from & 1));
	CHECK(set == 0 || drop == NET_DROPS);
	if (set) {
		CHECK(sender->exists && sender->up && !(sender->vlan && frame->vlan));
		CHECK(sender->uplink ? owner(frame->head + 6) == GUESTS : memcmp(frame->head + 6, sender->mac, 6) == 0);
	}
	if (!(frame->head[0] & 1) && receiver != GUESTS)
		CHECK((set & ~((port_set)1 << receiver)) == 0);
	for (unsigned i = 0; i < SWITCH_PORTS; i++) {
		if (!(set >> i & 1))
			continue;
		CHECK(port[i].exists && port[i].up && (!port[i].vlan || port[i].vlan == vlan));
		CHECK(!sender->group || sender->group != port[i].group);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	uint64_t now = 1;

	set_up(&input);
	while (input.left) {
		uint8_t action = (uint8_t)input_take(&input, 1);
		unsigned from = number_of((action & 15) % (GUESTS + UPLINKS));
		struct frame frame = { .length = 60 };
		enum net_drop drop;
		port_set set;

		now += action & 16 ? input_take(&input, 2) : 0;
		if ((action & 0xe0) == 0xe0) {
			switch_forget(&net, from);
			continue;
		}
		address(&input, frame.head);
		if (action & 32)
			memcpy(frame.head + 6, port[from].mac, 6);
		else
			address(&input, frame.head + 6);
		frame.vlan = action >> 6;
		set = switch_route(&net, from, &frame, now, &drop);
		check(from, &frame, set, drop);
	}
	return 0;
}
