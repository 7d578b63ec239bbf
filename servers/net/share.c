/* SPDX-License-Identifier: Apache-2.0 */
#include "share.h"

#include <string.h>

#define MULTIPLE 2u   /* of what is free: a sender's share */
#define PATIENCES 10u /* a second: 100 ms */
#define WAITS 100u    /* times that, for a driver that says what it has looked at */

void share_init(struct share *share, uint64_t (*now)(void), uint64_t hz)
{
	share->now = now;
	share->patience = hz / PATIENCES;
	share_reset(share, 0);
}

void share_reset(struct share *share, uint16_t index)
{
	share->until = index;
	share->capacity = 0;
	share->counting = false;
}

/* There are enough for everybody until a part of them is left. */
static void rest(struct share *share, const struct virtqueue *ring, uint16_t free)
{
	if (free > share->capacity)
		share->capacity = free;
	share->counting = false;
	share->until = (uint16_t)(ring->next_available + free - share->capacity / (MULTIPLE + 1));
}

/* Lets the count be of these taken buffers. */
static void count(struct share *share, uint16_t first, uint16_t end)
{
	if (!share->counting || (uint16_t)(first - share->first) > (uint16_t)(share->end - share->first)) {
		memset(share->count, 0, sizeof(share->count));
		share->first = share->end = first;
		share->counting = true;
	}
	for (; share->first != first; share->first++)
		share->count[share->sender[share->first % (2 * NET_QUEUE_SIZE)]]--;
	for (; share->end != end; share->end++)
		share->count[share->sender[share->end % (2 * NET_QUEUE_SIZE)]]++;
}

/*
 * Some drivers offer buffers again only when few are left, and some offer fewer than before: what looks taken is not, then, and its senders would
 * be shut out for ever. Not if the driver has looked at all that it was given. One that cannot tell, or tells nothing as it polls, is given a while.
 */
static bool forgotten(const struct share *share, const struct virtqueue *ring)
{
	return virtqueue_caught_up(ring) || share->now() - share->moved > share->patience * (ring->event_index ? WAITS : 1);
}

bool share_look(struct share *share, const struct virtqueue *ring, unsigned from)
{
	uint16_t free = virtqueue_waiting(ring), available = (uint16_t)(ring->next_available + free);

	share->until = ring->next_available;
	/* None, or nonsense: whoever takes one will see. */
	if (free == 0 || free > ring->size)
		return true;
	if (free > share->capacity / (MULTIPLE + 1)) {
		rest(share, ring, free);
		return true;
	}
	if (!share->counting || available != share->available) {
		share->available = available;
		share->moved = share->now();
	}
	count(share, (uint16_t)(available - share->capacity), ring->next_available);
	if (share->count[from] < MULTIPLE * free)
		return true;
	if (!forgotten(share, ring))
		return false;
	share->capacity = 0;
	rest(share, ring, free);
	return true;
}
