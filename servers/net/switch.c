/* SPDX-License-Identifier: Apache-2.0 */
/* Where frames go: guests' addresses by the ports, those outside by a table with four places for each address. */
#include "switch.h"

#include <libsys/bits.h>
#include <string.h>

#define WAYS 4u /* entries that an address may be in */
_Static_assert((SWITCH_ENTRIES & (SWITCH_ENTRIES - 1)) == 0 && SWITCH_ENTRIES >= WAYS, "entries");

/* Without a call, and most often settled by the last byte. */
static inline bool same(const uint8_t *a, const uint8_t *b)
{
	return a[5] == b[5] && a[4] == b[4] && a[3] == b[3] && a[2] == b[2] && a[1] == b[1] && a[0] == b[0];
}

/* The first of the entries that an address may be in. */
static struct switch_entry *bucket(struct net_switch *net, const uint8_t *mac, uint16_t vlan)
{
	uint32_t hash = vlan * 0x9e3779b1u;

	for (unsigned i = 0; i < ETHERNET_ADDRESS; i++)
		hash = (hash ^ mac[i]) * 0x01000193u;
	hash ^= hash >> 15;
	return &net->entry[hash & (SWITCH_ENTRIES - WAYS)];
}

static inline bool aged(const struct net_switch *net, const struct switch_entry *entry, uint64_t now)
{
	return entry->seen == 0 || now - entry->seen > SWITCH_AGE_SECONDS * net->ticks_per_second;
}

static void learn(struct net_switch *net, const uint8_t *mac, uint16_t vlan, unsigned port, uint64_t now)
{
	struct switch_entry *entry = bucket(net, mac, vlan), *oldest = entry;

	for (unsigned i = 0; i < WAYS; i++) {
		if (entry[i].seen && entry[i].vlan == vlan && same(entry[i].mac, mac)) {
			oldest = &entry[i];
			break;
		}
		if (entry[i].seen < oldest->seen)
			oldest = &entry[i];
	}
	memcpy(oldest->mac, mac, ETHERNET_ADDRESS);
	oldest->vlan = vlan;
	oldest->port = (uint8_t)port;
	oldest->seen = now;
}

/* The port behind which an address was seen, or SWITCH_PORTS. */
static unsigned learned(struct net_switch *net, const uint8_t *mac, uint16_t vlan, uint64_t now)
{
	const struct switch_entry *entry = bucket(net, mac, vlan);

	for (unsigned i = 0; i < WAYS; i++) {
		if (!aged(net, &entry[i], now) && entry[i].vlan == vlan && same(entry[i].mac, mac))
			return entry[i].port;
	}
	return SWITCH_PORTS;
}

void switch_forget(struct net_switch *net, unsigned port)
{
	for (unsigned i = 0; i < SWITCH_ENTRIES; i++) {
		if (net->entry[i].port == port)
			net->entry[i].seen = 0;
	}
}

static bool asks_for(const struct switch_port *port, const uint8_t *mac)
{
	for (uint32_t i = 0; i < port->more_count && i < NET_MACS_MAX; i++) {
		if (same(port->more[i], mac))
			return true;
	}
	return false;
}

/* The guest's port that owns an address, or SWITCH_PORTS. */
static unsigned owner(const struct net_switch *net, const uint8_t *mac)
{
	for (port_set left = net->ports; left; left &= left - 1) {
		unsigned number = lowest_bit(left);

		if (net->port[number].exists && !net->port[number].uplink && same(net->port[number].mac, mac))
			return number;
	}
	return SWITCH_PORTS;
}

/* Whether a frame of this VLAN may leave by the port at all. */
static inline bool member(const struct switch_port *port, uint16_t vlan)
{
	return port->exists && port->up && (port->vlan == 0 || port->vlan == vlan);
}

static inline bool isolated(const struct switch_port *a, const struct switch_port *b)
{
	return a->group != 0 && a->group == b->group;
}

/* Those of the set that the frame may go to: members of its VLAN, and not isolated from the sender. */
static port_set reachable(const struct net_switch *net, port_set set, unsigned from, uint16_t vlan, bool *any_isolated)
{
	const struct switch_port *sender = &net->port[from];
	port_set result = 0;

	for (port_set left = set & ~((port_set)1 << from); left; left &= left - 1) {
		const struct switch_port *port = &net->port[lowest_bit(left)];

		if (!member(port, vlan))
			continue;
		if (isolated(sender, port))
			*any_isolated = true;
		else
			result |= left & -left;
	}
	return result;
}

/*
 * Who gets frames to a unicast address that nobody is known to have: the outside, and guests that ask for it. Never a frame to an address
 * that is another guest's, or known to be outside: nobody listens to what others talk.
 */
static port_set unknown(const struct net_switch *net, const uint8_t *mac)
{
	port_set result = 0;

	for (port_set left = net->ports; left; left &= left - 1) {
		const struct switch_port *port = &net->port[lowest_bit(left)];

		if (port->uplink || port->promiscuous || asks_for(port, mac))
			result |= left & -left;
	}
	return result;
}

static port_set unicast(struct net_switch *net, const uint8_t *mac, uint16_t vlan, uint64_t now)
{
	unsigned number = owner(net, mac);

	if (number == SWITCH_PORTS)
		number = learned(net, mac, vlan, now);
	return number == SWITCH_PORTS ? unknown(net, mac) : (port_set)1 << number;
}

/* Nobody gets a unicast frame that was meant for this set: whose links are the reason? */
static __attribute__((cold)) void count_missed(struct net_switch *net, port_set set, unsigned from, uint16_t vlan)
{
	for (port_set left = set & ~((port_set)1 << from); left; left &= left - 1) {
		struct switch_port *port = &net->port[__builtin_ctzll(left)];

		if (port->exists && !port->up && (port->vlan == 0 || port->vlan == vlan) && !isolated(&net->port[from], port))
			port->missed++;
	}
}

/* The VLAN of a frame as this port sends it, or a reason to drop it. */
static inline bool take_vlan(const struct switch_port *port, const struct frame *frame, uint16_t *vlan)
{
	*vlan = frame->vlan;
	if (port->vlan == 0)
		return true;
	/* A priority tag (VLAN 0) is no tag. */
	if (frame->vlan != 0)
		return false;
	*vlan = port->vlan;
	return true;
}

static bool take_source(struct net_switch *net, unsigned from, const uint8_t *source, uint16_t vlan, uint64_t now)
{
	const struct switch_port *port = &net->port[from];

	if (!port->uplink)
		return same(source, port->mac);
	/* Nobody outside may take a guest's address, or send from a group. */
	if ((source[0] & 1) || owner(net, source) != SWITCH_PORTS)
		return false;
	learn(net, source, vlan, from, now);
	return true;
}

__attribute__((hot)) port_set switch_route(struct net_switch *net, unsigned from, const struct frame *frame, uint64_t now,
					   enum net_drop *drop)
{
	const struct switch_port *sender = &net->port[from];
	const uint8_t *destination = frame->head, *source = frame->head + ETHERNET_ADDRESS;
	bool any_isolated = false;
	port_set set, meant;
	uint16_t vlan;

	*drop = NET_DROPS;
	if (!sender->exists || !sender->up) {
		*drop = NET_DROP_LINK;
		return 0;
	}
	if (!take_vlan(sender, frame, &vlan)) {
		*drop = NET_DROP_VLAN;
		return 0;
	}
	if (!take_source(net, from, source, vlan, now)) {
		*drop = NET_DROP_SOURCE_MAC;
		return 0;
	}
	meant = frame_is_multicast(frame) ? net->ports : unicast(net, destination, vlan, now);
	set = reachable(net, meant, from, vlan, &any_isolated);
	if (!set && any_isolated)
		*drop = NET_DROP_ISOLATED;
	if (!set && !frame_is_multicast(frame))
		count_missed(net, meant, from, vlan);
	return set;
}
