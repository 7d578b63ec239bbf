/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One NIC of one guest: its queues in the guest's memory. All that comes from the guest or its VMM is copied, then checked; what makes no
 * sense ends this port until its driver resets it. What a frame does between ports is in forward.h.
 */
#pragma once

#include <libsys/limit.h>
#include <libsys/schedule.h>
#include <libsys/virtqueue.h>
#include <proto/net.h>

#include "description.h"
#include "share.h"
#include "switch.h"

struct port;

/* A buffer that was taken from a send queue and not yet given back. */
struct hold {
	struct port *port;
	uint16_t head;
	uint8_t pair;
	uint8_t readers; /* NICs that still read it */
};

struct send_queue {
	struct virtqueue ring;
	struct hold *hold;    /* NET_QUEUE_SIZE of them, used in a circle */
	uint16_t first, next; /* of those that are taken; modulo the size */
};

enum port_pace {
	PORT_IDLE,   /* its send queues are empty, the driver notifies */
	PORT_PACED,  /* they are empty, but one frame follows the other: looked at again when there are many, or at held_until */
	PORT_QUEUED, /* its flow is in the schedule */
	PORT_HELD,   /* over its limit, until held_until */
	PORT_FULL,   /* its next frame is for a NIC that has no room */
};

struct port {
	struct flow flow; /* first */
	char name[SYSTEM_NAME_MAX + 4]; /* "alpha.0" */
	unsigned number;  /* of the session, and of the port in its switch */
	struct port_config config;
	struct net_switch *net;
	struct switch_port *link;
	struct net_session *shared;
	struct schedule *schedule;
	void (*signal)(unsigned session); /* the VMM's notification */
	uint64_t (*now)(void);

	/* The guest; RAM in pieces that are contiguous on the bus. */
	bool attached, detaching, failed;
	char problem[108];
	struct guest_memory memory;
	uint32_t ranges;
	struct { uint64_t offset, end, physical; } range[ATTACH_RANGES_MAX];

	/* The driver in it. */
	uint32_t serves;          /* the odd `wanted` that is served; 0: none */
	uint32_t done;            /* the `wanted` that is in effect, as the shared page says */
	uint64_t features;
	uint32_t pairs;           /* that the driver set up */
	uint32_t active;          /* of them, that it wants to receive on */
	uint32_t next_pair;
	struct virtqueue receive[NET_PAIRS_MAX];
	struct send_queue send[NET_PAIRS_MAX];
	uint32_t touched;         /* bit per queue, as numbered in the session: something was given back in this turn */
	uint32_t held;            /* buffers that NICs read */
	uint64_t settle_at;       /* ticks, when the last small frame is given back; 0: it is */
	uint32_t kept;            /* the pair that it is of */

	/* What it wants to receive. */
	uint32_t filter_sequence;
	struct net_filter filter;

	/* Rules. */
	bool up;                  /* as the user wants it */
	enum port_pace pace;
	uint64_t held_until;      /* ticks */
	uint64_t rested;          /* ticks, when its queues were last empty */
	uint32_t streak;          /* times in a row that they were so soon after the last time, with nothing received */
	uint32_t taken;           /* frames since it was woken */
	bool was_paced;           /* when it was woken */
	uint64_t gather, settle;  /* ticks: how long frames gather, and how long a small one is kept */
	struct limit bytes, packets, groups; /* groups: broadcast and multicast frames */
	struct net_port_status counters;
	uint32_t complaints;      /* lines in the log */
	struct share share[NET_PAIRS_MAX]; /* of the receive queues; large, so last */
};

#define PORT_GROUP_RATE 1000u /* broadcast and multicast frames a second, and their burst */

/* Makes the rest of a port of which number, config, net, link, shared, schedule, signal and now are set. hold: NET_PAIRS_MAX * NET_QUEUE_SIZE. */
void port_init(struct port *port, struct hold *hold, uint64_t hz);

/* The guest is there. The server has been started `starts` times. A driver that was served by the one before goes on. */
void port_attach(struct port *port, const struct attachment *guest, uint32_t starts);

/* The guest shall be left alone. port_detached says when it is. */
void port_detach(struct port *port);
bool port_detached(const struct port *port);

/* The client signalled, or a doorbell rang. */
void port_look(struct port *port);

/* Lets it go on if its limit allows that again, or if frames were let gather; or if a NIC has room again. */
void port_unhold(struct port *port, uint64_t now);
void port_unfill(struct port *port);

/* When port_unhold or port_settle has something to do, in ticks; DEADLINE_NEVER: by itself never. */
uint64_t port_deadline(const struct port *port);

/* Gives back the last small frame, if it is time. */
void port_settle(struct port *port, uint64_t now);

/* Plugs the cable in or pulls it. */
void port_set_link(struct port *port, bool up);

/* For the schedule: takes one frame, and has it forwarded. */
uint64_t port_take(struct flow *flow);

/* A NIC has read a buffer. */
void port_sent(struct hold *hold);

/* The queues make no sense. */
void port_break(struct port *port);

/* Signals the client, if the driver wants that for what was given back. At the end of a turn. */
void port_tell(struct port *port);

/*
 * Gives a checked frame to the guest, in full shape or as plain frames, as its driver agreed. If it had no room for it, or for a part, that is
 * counted; what it does not want to see is not.
 */
void port_receive(struct port *port, struct frame *frame);
