/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fragments that came before the first of their datagram, which alone says where they go (RFC 4787, REQ-14). They wait for a moment, each sender
 * with a share of the places; of senders outside nobody can tell whether the address is theirs, so these have no guarantee of one.
 */
#pragma once

#include "link.h"
#include "stack.h"

#define HOLD_PLACES 64u   /* on each side */
#define HOLD_SHARE 16u    /* of a sender outside */
#define HOLD_MS 500u
#define HOLD_LENGTH (14u + NET_MTU_MAX) /* of a frame, bytes */

struct hold {
	unsigned leases;
	unsigned count[SIDES];
	struct held {
		bool used;
		struct link_frame frame; /* not translated */
		uint64_t since;          /* ms */
	} place[SIDES][HOLD_PLACES];
};

/* leases: so many senders there are inside, each of which has an equal share. */
void hold_init(struct hold *hold, unsigned leases);

/* Keeps a frame, whose buffers are its own then; false: it is too long, or the sender's share or all places are taken. */
bool hold_keep(struct hold *hold, enum side side, const struct link_frame *frame, uint64_t now);

/* Takes out a frame of the same datagram as this IP header; false: there is none. */
bool hold_take(struct hold *hold, enum side side, const uint8_t *ip, struct link_frame *frame);

/* Takes out one that has waited too long. */
bool hold_expire(struct hold *hold, enum side side, uint64_t now, struct link_frame *frame);
