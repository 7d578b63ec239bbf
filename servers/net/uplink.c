/* SPDX-License-Identifier: Apache-2.0 */
#include "uplink.h"

#include <libsys/bits.h>
#include <libsys/limit.h>
#include <libsys/log.h>
#include <string.h>

#include "capture.h"
#include "forward.h"

#define TURN_FRAMES 64u    /* that a NIC may deliver in a turn */

static struct {
	struct net_switch *net[NET_DEVICES_MAX]; /* NULL: not in use */
	struct limit groups[NET_DEVICES_MAX];
	struct net_port_status counters[NET_DEVICES_MAX];
	unsigned nics;
	uint64_t (*now)(void);
} uplinks;

/* The NIC of this network, or `nics`. */
static unsigned find(const struct switch_config *config, unsigned nics)
{
	unsigned found = nics;

	for (unsigned i = 0; i < nics; i++) {
		if (uplinks.net[i] || forward.nic[i].failed)
			continue;
		if (config->uplink_named && memcmp(forward.nic[i].mac, config->uplink_mac, ETHERNET_ADDRESS) == 0)
			return i;
		if (!config->uplink_named && found == nics)
			found = i;
	}
	return found;
}

static void connect(unsigned number, struct net_switch *net, uint64_t hz)
{
	unsigned port = NET_SESSIONS_MAX + number;
	struct net_port_status *counters = &uplinks.counters[number];
	const struct nic *nic = &forward.nic[number];

	uplinks.net[number] = net;
	limit_init(&uplinks.groups[number], PORT_GROUP_RATE, PORT_GROUP_RATE, hz, uplinks.now());
	forward.link[port] = (struct switch_port){ .exists = true, .up = nic->link, .uplink = true };
	net->ports |= (port_set)1 << port;
	memcpy(counters->net, net->name, sizeof(counters->net));
	counters->state = NET_READY;
	counters->serving = 1;
	log_info("%s: uplink by %s, %02x:%02x:%02x:%02x:%02x:%02x, link %s", net->name, nic->driver->name, nic->mac[0], nic->mac[1],
		 nic->mac[2], nic->mac[3], nic->mac[4], nic->mac[5], nic->link ? "up" : "down");
}

void uplinks_init(const struct description *description, struct net_switch *net, unsigned nics, uint64_t hz, uint64_t (*now)(void))
{
	memset(&uplinks, 0, sizeof(uplinks));
	uplinks.nics = nics;
	uplinks.now = now;
	forward.uplink = uplinks.counters;
	for (unsigned i = 0; i < nics; i++) {
		strcpy(uplinks.counters[i].name, "uplink");
		memcpy(uplinks.counters[i].mac, forward.nic[i].mac, ETHERNET_ADDRESS);
		uplinks.counters[i].state = NET_FAILED;
	}
	/* Those that name theirs choose first. */
	for (unsigned named = 1; named < 2; named--) {
		for (unsigned i = 0; i < description->nets; i++) {
			const struct switch_config *config = &description->net[i];
			unsigned number;

			if (!config->uplink || config->uplink_named != named)
				continue;
			number = find(config, nics);
			if (number == nics)
				log_warn("%s: the machine has no NIC for the uplink", config->name);
			else
				connect(number, &net[i], hz);
		}
	}
}

const struct net_switch *uplink_net(unsigned nic)
{
	return uplinks.net[nic];
}

void uplink_sent(struct nic *nic, void *token)
{
	(void)nic;
	port_sent(token);
}

/* Whether somebody outside says to have what is a guest's, in a VLAN of that guest. */
static bool takes_from_guest(const struct net_switch *net, const struct frame *frame)
{
	for (port_set left = net->ports & (((port_set)1 << NET_SESSIONS_MAX) - 1); left; left &= left - 1) {
		const struct port *port = &forward.port[lowest_bit(left)];
		const struct frame_addresses *addresses = &port->config.addresses;

		if ((addresses->count4 || addresses->count6) && (port->link->vlan == 0 || port->link->vlan == frame->vlan) &&
		    frame_claims(frame, addresses, port->config.mac))
			return true;
	}
	return false;
}

__attribute__((hot)) void uplink_received(struct nic *nic, struct frame *frame)
{
	unsigned number = nic->number, port = NET_SESSIONS_MAX + number;
	struct net_switch *net = uplinks.net[number];
	struct net_port_status *counters = &uplinks.counters[number];
	uint64_t now = uplinks.now();
	uint32_t bytes = frame->length;
	bool captured = false;
	enum net_drop drop = NET_DROPS;

	if (!net)
		return;
	if (!frame_check(frame, nic->receive_features) || !frame_fits(frame, net->mtu)) {
		drop = NET_DROP_BAD_FRAME;
	} else if ((frame->type == FRAME_ARP || frame->protocol == FRAME_ICMPV6) && takes_from_guest(net, frame)) {
		drop = NET_DROP_SOURCE_IP;
	} else if (frame_is_multicast(frame) && !limit_open(&uplinks.groups[number], now)) {
		drop = NET_DROP_RATE;
	} else {
		if (frame_is_multicast(frame))
			limit_take(&uplinks.groups[number], 1);
		if (forward_frame(net, port, frame, now, NULL, &drop) == FORWARD_DONE)
			drop = NET_DROPS;
		captured = true;
	}
	if (!captured && capture_wants(port))
		capture_sent(port, frame, drop);
	if (drop != NET_DROPS) {
		counters->drops[drop]++;
	} else {
		counters->sent_frames++;
		counters->sent_bytes += bytes;
	}
}

uint32_t uplinks_work(uint32_t set)
{
	uint32_t more = 0;

	for (; set; set &= set - 1) {
		unsigned number = lowest_bit(set);

		if (number < uplinks.nics && forward.nic[number].driver->work(&forward.nic[number], TURN_FRAMES))
			more |= set & -set;
	}
	return more;
}

static void look_at_link(unsigned number)
{
	struct switch_port *port = &forward.link[NET_SESSIONS_MAX + number];
	bool up = forward.nic[number].link && !forward.nic[number].failed;

	uplinks.counters[number].link = up;
	if (!uplinks.net[number] || port->up == up)
		return;
	port->up = up;
	if (!up)
		switch_forget(uplinks.net[number], NET_SESSIONS_MAX + number);
	log_info("%s: link of the uplink %s", uplinks.net[number]->name, up ? "up" : "down");
}

uint32_t uplinks_kick(void)
{
	uint32_t room = 0;

	for (unsigned i = 0; i < uplinks.nics; i++) {
		struct nic *nic = &forward.nic[i];

		if (forward.sent & 1u << i)
			nic->driver->kick(nic);
		if ((forward.full & 1u << i) && nic->driver->room(nic) >= FORWARD_PIECES)
			room |= 1u << i;
		look_at_link(i);
	}
	forward.sent = 0;
	forward.full &= ~room;
	return room;
}
