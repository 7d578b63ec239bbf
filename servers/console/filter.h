/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Splits a guest's output into characters, control bytes and escape sequences (ECMA-48), each handed over whole, so that
 * nothing can be printed between the bytes of a sequence and an unfinished one never reaches the terminal.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FILTER_RAW_MAX 256u /* bytes of the longest sequence that is passed on */
#define FILTER_PARAMETERS 16u

enum filter_event {
	FILTER_PENDING, /* in the middle of a character or sequence */
	FILTER_PRINT,   /* one character; malformed UTF-8 is replaced by U+FFFD */
	FILTER_CONTROL, /* one C0 control or DEL */
	FILTER_CSI,     /* control sequence: prefix, intermediate, parameters, final */
	FILTER_ESCAPE,  /* ESC, optional intermediate, final */
	FILTER_STRING,  /* OSC, DCS, SOS, PM or APC with its terminator */
	FILTER_DROPPED, /* cut off, too long, or an 8-bit control */
};

/* After any event but FILTER_PENDING `raw` holds its bytes until the next call. */
struct filter {
	uint8_t state;
	uint8_t prefix;       /* CSI: one of < = > ? or 0 */
	uint8_t intermediate; /* last byte 0x20 to 0x2f, or 0 */
	uint8_t final;
	uint8_t parameters;   /* how many were given, at least 1 after a CSI */
	uint8_t utf8_left;    /* continuation bytes that must follow */
	bool again;           /* the byte ended something before it: feed it once more */
	bool overflow;
	uint32_t code_point;  /* of FILTER_PRINT */
	uint16_t raw_length;
	uint16_t parameter[FILTER_PARAMETERS]; /* 0 where omitted */
	uint8_t raw[FILTER_RAW_MAX];
};

void filter_init(struct filter *filter);

/* Between characters and sequences. */
static inline bool filter_idle(const struct filter *filter)
{
	return filter->state == 0;
}

/* Takes one byte. While filter->again is set on return the caller handles the event and passes the same byte again. */
enum filter_event filter_feed(struct filter *filter, uint8_t byte);
