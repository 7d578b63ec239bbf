/* SPDX-License-Identifier: Apache-2.0 */
/* The networks and NICs of the system description (<proto/system.h>). */
#pragma once

#include <proto/net.h>
#include <proto/system.h>

#include "frame.h"

struct switch_config {
	char name[NET_NAME_MAX + 1];
	bool uplink;
	bool uplink_named;                    /* by its address */
	uint8_t uplink_mac[ETHERNET_ADDRESS];
	uint32_t mtu;
	unsigned capture;                     /* of the uplink: number of the file, from 1; 0: none */
};

/* One NIC of one guest. */
struct port_config {
	unsigned guest, nic; /* numbers */
	char guest_name[SYSTEM_NAME_MAX + 1];
	unsigned net;        /* number of its switch */
	uint8_t mac[ETHERNET_ADDRESS];
	uint16_t vlan;       /* 0: none */
	uint32_t group;      /* 0: none */
	uint64_t bandwidth, bandwidth_burst; /* bytes a second and bytes; 0: no limit */
	uint64_t packets, packets_burst;
	struct frame_addresses addresses;    /* none: any */
	unsigned capture;    /* as of an uplink */
};

struct description {
	unsigned nets, sessions, guests;
	struct switch_config net[NET_SWITCHES_MAX];
	struct port_config session[NET_SESSIONS_MAX];
	unsigned captures;                    /* files */
	uint32_t snaplen;                     /* bytes of a captured frame that are kept; 0: as the server likes */
	const char *capture_file[NET_CAPTURES_MAX]; /* in the tree */
	uint64_t capture_limit[NET_CAPTURES_MAX]; /* bytes of it; 0: none */
};

/* Reads it. NULL, or what is wrong with it. */
const char *description_read(const void *tree, size_t size, struct description *description);
