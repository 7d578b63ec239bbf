/* SPDX-License-Identifier: Apache-2.0 */
/* What a sender left to be done, in software: checksums, and cutting of large TCP segments (and UDP) for a receiver that cannot. */
#pragma once

#include "frame.h"

/* Cuts a frame into plain ones. */
struct offload {
	const struct frame *frame;
	uint32_t payload;   /* where it begins in the frame */
	uint32_t at;        /* bytes of payload done */
	uint32_t segment;   /* number of the next one */
};

/* The frame was checked by frame_check. */
void offload_begin(struct offload *offload, const struct frame *frame);

/* How many plain frames a checked one becomes. */
uint32_t offload_count(const struct frame *frame);

/*
 * Writes the next plain frame with all checksums into memory: at most `room` bytes. Returns its length, 0 at the end, and when it does
 * not fit into the room: it cannot be for that receiver. A frame without gso_type is one such frame.
 */
uint32_t offload_next(struct offload *offload, uint8_t *to, uint32_t room);

/* Whether all of the frame was written. */
static inline bool offload_done(const struct offload *offload)
{
	return offload->payload + offload->at == offload->frame->length;
}

/* Ones' complement sum over memory (RFC 1071) of 16-bit numbers, most significant byte first, plus `start`; to be folded. */
uint32_t offload_sum(const uint8_t *data, uint32_t length, uint32_t start);
