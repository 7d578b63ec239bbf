/* SPDX-License-Identifier: Apache-2.0 */
/* Both ends of a console channel (<proto/console.h>). Each end keeps the index it owns in private memory and trusts nothing
 * that it reads from the shared one. */
#pragma once

#include <proto/console.h>

/* One end of one ring: producer or consumer. */
struct ring_end {
	struct console_ring *ring;
	uint8_t *bytes;
	uint32_t size;  /* power of two */
	uint32_t index; /* own head (producer) or tail (consumer) */
};

/* Describes one end; the index starts at 0, as in a fresh channel. size: a power of two. */
void ring_open(struct ring_end *end, struct console_ring *ring, uint8_t *bytes, uint32_t size);

/* Starts at the state of the other side: for a producer or consumer that was restarted. */
void ring_reset_producer(struct ring_end *end);
void ring_reset_consumer(struct ring_end *end);

/* Adds at most `length` bytes and publishes them; returns how many went in. A full fence follows, so that the other side's
 * waiting flag may be read next. */
size_t ring_write(struct ring_end *end, const void *data, size_t length);

/* Takes at most `length` bytes and gives the room back, with a full fence; returns how many. A nonsensical head empties the ring. */
size_t ring_read(struct ring_end *end, void *data, size_t length);

/* Bytes that can be read now, 0 to size. */
size_t ring_readable(const struct ring_end *end);

/* Bytes that can be written now, 0 to size. */
size_t ring_writable(const struct ring_end *end);
