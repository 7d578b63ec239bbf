/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may use a device next: deficit round robin over sessions, by bytes. Little is let into a disk at once, so that what waits does so
 * here, where turns are kept, and not in the disk's queue. A device that takes what it is given needs no charging: it has room always.
 */
#pragma once

#include <abi/types.h>

#define SCHEDULE_QUANTUM 65536          /* bytes in a turn */
#define SCHEDULE_BYTES (2u << 20)       /* in flight, about, of one flow alone */
#define SCHEDULE_BYTES_SHARED (256u << 10) /* ... of several: a disk does its queue in order, so who has more in it gets more */
#define SCHEDULE_REQUESTS 120u          /* in flight: a little less than the entries of a disk's queue */
#define SCHEDULE_RUN 128u               /* most requests in one run */
#define SCHEDULE_COST_MIN 4096u         /* bytes that a request counts at least */

/* One of those who take turns. */
struct flow {
	struct flow *next;
	int64_t deficit; /* bytes that it may still take in this turn */
	uint32_t requests; /* in flight */
	bool queued;
};

struct schedule {
	struct flow *first, *last;
	uint32_t requests; /* in flight */
	uint32_t flows;    /* that have some of them */
	uint64_t bytes;    /* what they cost */
	/* Takes one request of the flow and charges for it. Returns what it cost, or 0: the flow has nothing (that may go) now. */
	uint64_t (*take)(struct flow *flow);
};

void schedule_init(struct schedule *schedule, uint64_t (*take)(struct flow *flow));

/* The flow has something; it may have been known already. */
void schedule_add(struct schedule *schedule, struct flow *flow);

/* The flow shall take no more. */
void schedule_remove(struct schedule *schedule, struct flow *flow);

/* Lets flows take as long as there is room. true: more could be taken right away. */
bool schedule_run(struct schedule *schedule);

/* A request of the flow goes into the disk, or has left it. */
static inline void schedule_charge(struct schedule *schedule, struct flow *flow, uint64_t cost)
{
	schedule->requests++;
	schedule->flows += flow->requests++ == 0;
	schedule->bytes += cost;
}

static inline void schedule_refund(struct schedule *schedule, struct flow *flow, uint64_t cost)
{
	schedule->requests--;
	schedule->flows -= --flow->requests == 0;
	schedule->bytes -= cost;
}
