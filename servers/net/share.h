/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fair use of a guest's receive buffers: a sender may have as many as twice what is still free, so nobody takes the last ones from those who
 * send little (dynamic thresholds: Choudhury and Hahne, 1998). Free is what the driver made available and nobody has filled; all else that it
 * has had available is taken, as buffers come back in the order in which they were filled.
 *
 * With more than a third free nobody can have more than its share, so nothing is counted then: only who filled which buffer is kept.
 */
#pragma once

#include <libsys/virtqueue.h>

#include "switch.h"

struct share {
	uint16_t until;       /* index of the available ring; up to there are enough for everybody, whatever the driver does */
	uint16_t capacity;    /* most buffers that were seen free at a time */
	bool counting;        /* few are free, and these taken ones are counted: */
	uint16_t first, end;  /* indices of the available ring */
	uint16_t available;   /* the driver's index, when last looked at */
	uint64_t moved;       /* ticks, when it had changed */
	uint64_t patience;    /* ticks */
	uint64_t (*now)(void);
	uint16_t count[SWITCH_PORTS];
	uint8_t sender[2 * NET_QUEUE_SIZE]; /* by index; twice, as a frame may take more than were free when it was counted */
};

/* now, hz: the clock, and its ticks a second. */
void share_init(struct share *share, uint64_t (*now)(void), uint64_t hz);

/* A driver set its queue up, of which the buffer at this index is next. */
void share_reset(struct share *share, uint16_t index);

/* The rest of share_admits. */
bool share_look(struct share *share, const struct virtqueue *ring, unsigned from);

/* Whether a frame of this port of the switch may have buffers of the queue: as many as it needs, if there are so many. */
static inline bool share_admits(struct share *share, const struct virtqueue *ring, unsigned from)
{
	return __builtin_expect((int16_t)(share->until - ring->next_available) > 0, 1) || share_look(share, ring, from);
}

/* Buffers from one index up to another are filled by that port. Those that are given to the next one after all are that one's. */
static inline void share_take(struct share *share, uint16_t first, uint16_t end, unsigned from)
{
	for (; first != end; first++)
		share->sender[first % (2 * NET_QUEUE_SIZE)] = (uint8_t)from;
}
