/* SPDX-License-Identifier: Apache-2.0 */
/* The last lines of a channel, in a byte ring: a source byte, the text, a newline. The oldest lines go when it is full. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCROLLBACK_SIZE_MIN 16384u

enum line_source { LINE_OUTPUT = 1, LINE_LOG = 2 };

struct scrollback {
	uint8_t *bytes;
	uint64_t size;  /* power of two */
	uint64_t head;  /* bytes ever written */
	uint64_t tail;  /* start of the oldest line */
	uint64_t kept;  /* lines from tail to head */
};

/* Uses the largest power of two that fits into `size`, which is at least SCROLLBACK_SIZE_MIN. */
void scrollback_init(struct scrollback *scrollback, uint8_t *bytes, size_t size);

/* Adds a line without its newline; newlines inside become spaces; at most a quarter of the ring is kept of it. */
void scrollback_add(struct scrollback *scrollback, enum line_source source, const uint8_t *text, size_t length);

/* Position of the last `lines` lines. */
uint64_t scrollback_tail(const struct scrollback *scrollback, uint64_t lines);

/* Reads the line at *position and moves on; a line that is gone counts as the oldest one. False at the end.
 * *length: bytes put into `out`, at most `capacity`; the rest of a longer line is skipped. */
bool scrollback_next(const struct scrollback *scrollback, uint64_t *position, enum line_source *source, uint8_t *out,
	size_t capacity, size_t *length);
