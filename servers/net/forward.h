/* SPDX-License-Identifier: Apache-2.0 */
/* The way of a frame from one port to others. */
#pragma once

#include "frame.h"
#include "nic.h"
#include "port.h"

#define FORWARD_PIECES 32u /* frames that a NIC has room for at least, when it has any waiting for room go on */

/* What became of a frame. */
enum forward_result {
	FORWARD_DONE,
	FORWARD_DROPPED, /* why: *drop */
	FORWARD_LATER,   /* a NIC has no room for it now: it is to be offered again, nothing has happened yet */
};

struct forward {
	struct port *port;       /* by number of the session */
	unsigned ports;
	struct nic *nic;         /* NET_DEVICES_MAX of them; those of no use have failed */
	struct switch_port *link; /* SWITCH_PORTS */
	uint32_t full;           /* bit per NIC that somebody waits for */
	uint32_t sent;           /* bit per NIC that has something to be kicked for */
	port_set touched;        /* ports whose clients may have to be told */
	struct net_port_status *uplink; /* counters, by device */
};
extern struct forward forward;

/* Takes a checked frame of port `from` where it shall go. hold: the buffer that it is in, gets a reader for each NIC; NULL: of a NIC. */
enum forward_result forward_frame(struct net_switch *net, unsigned from, struct frame *frame, uint64_t now, struct hold *hold,
				  enum net_drop *drop);
