/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Learning switches: which ports a frame goes to. Guests' addresses are known and cannot be taken by others; those behind an uplink are
 * learned. Nothing here knows of queues, devices or guests' memory.
 */
#pragma once

#include <proto/net.h>

#include "frame.h"

#define SWITCH_PORTS (NET_SESSIONS_MAX + NET_DEVICES_MAX) /* of all switches; bits of a port set */
#define SWITCH_ENTRIES 1024u
#define SWITCH_AGE_SECONDS 300u

typedef uint64_t port_set;

/* What the switch knows of a port. */
struct switch_port {
	bool exists, up;
	bool uplink;               /* addresses behind it are learned */
	uint32_t group;            /* isolation group, 0: none */
	uint16_t vlan;             /* access port of this VLAN, 0: tags pass */
	uint8_t mac[ETHERNET_ADDRESS]; /* of a guest's NIC */
	uint8_t more[NET_MACS_MAX][ETHERNET_ADDRESS]; /* unicast ones that it asks for beside; not to send from */
	uint32_t more_count;
	bool promiscuous;          /* gets unicast frames of its VLAN whose receiver nobody knows */
	uint64_t missed;           /* unicast frames that it alone would have got, if it had not been down */
};

struct switch_entry {
	uint8_t mac[ETHERNET_ADDRESS];
	uint16_t vlan;
	uint64_t seen;             /* ticks; 0: free */
	uint8_t port;
};

struct net_switch {
	char name[NET_NAME_MAX + 1];
	uint32_t mtu;
	port_set ports;            /* that belong to it */
	struct switch_port *port;  /* SWITCH_PORTS of them, of all switches */
	struct switch_entry entry[SWITCH_ENTRIES];
	uint64_t ticks_per_second;
};

/*
 * Where a checked frame from `from` goes; 0 with *drop set if it must not go anywhere for that reason, or with NET_DROPS if nobody wants it. Learns
 * its source. now: ticks, at least 1. The frame's tag tells its VLAN; that of an access port is the port's.
 */
port_set switch_route(struct net_switch *net, unsigned from, const struct frame *frame, uint64_t now, enum net_drop *drop);

/* Forgets what was learned behind a port. */
void switch_forget(struct net_switch *net, unsigned port);
