/* SPDX-License-Identifier: Apache-2.0 */
/* The escape sequence and UTF-8 parser of the console. */
#include "filter.h"

#include <string.h>

enum { GROUND /* 0: filter_idle */, UTF8, ESCAPE, CSI, STRING, STRING_ESCAPE };

enum { BELL = 0x07, NEWLINE = 0x0a, CANCEL = 0x18, SUBSTITUTE = 0x1a, ESC = 0x1b, DELETE = 0x7f };

void filter_init(struct filter *filter)
{
	memset(filter, 0, sizeof(*filter));
}

static void keep(struct filter *filter, uint8_t byte)
{
	if (filter->raw_length < FILTER_RAW_MAX)
		filter->raw[filter->raw_length++] = byte;
	else
		filter->overflow = true;
}

static enum filter_event finish(struct filter *filter, enum filter_event event)
{
	filter->state = GROUND;
	return filter->overflow ? FILTER_DROPPED : event;
}

/* Drops what is pending and has the byte looked at afresh. */
static enum filter_event cut(struct filter *filter)
{
	filter->state = GROUND;
	filter->again = true;
	return FILTER_DROPPED;
}

static enum filter_event replace(struct filter *filter, bool again)
{
	static const uint8_t replacement[] = {0xef, 0xbf, 0xbd};

	memcpy(filter->raw, replacement, sizeof(replacement));
	filter->raw_length = sizeof(replacement);
	filter->code_point = 0xfffd;
	filter->state = GROUND;
	filter->again = again;
	return FILTER_PRINT;
}

static enum filter_event feed_ground(struct filter *filter, uint8_t byte)
{
	filter->raw_length = 0;
	filter->overflow = false;
	keep(filter, byte);
	if (byte >= 0x20 && byte < DELETE) {
		filter->code_point = byte;
		return FILTER_PRINT;
	}
	if (byte == ESC) {
		filter->state = ESCAPE;
		filter->intermediate = 0;
		return FILTER_PENDING;
	}
	if (byte <= DELETE)
		return FILTER_CONTROL;
	if (byte < 0xc2 || byte > 0xf4)
		return replace(filter, false);
	filter->utf8_left = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
	filter->code_point = byte & (0x3fu >> filter->utf8_left);
	filter->state = UTF8;
	return FILTER_PENDING;
}

/* RFC 3629: no overlong forms, no surrogates, at most U+10FFFF. */
static enum filter_event feed_utf8(struct filter *filter, uint8_t byte)
{
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	uint32_t code;

	if ((byte & 0xc0) != 0x80)
		return replace(filter, true);
	keep(filter, byte);
	filter->code_point = code = filter->code_point << 6 | (byte & 0x3f);
	if (--filter->utf8_left)
		return FILTER_PENDING;
	filter->state = GROUND;
	if (code < smallest[filter->raw_length] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
		return replace(filter, false);
	/* C1 controls start sequences on many terminals. */
	return code < 0xa0 ? FILTER_DROPPED : FILTER_PRINT;
}

static enum filter_event feed_escape(struct filter *filter, uint8_t byte)
{
	if (byte < 0x20 || byte >= DELETE)
		return cut(filter);
	keep(filter, byte);
	if (byte < 0x30) {
		filter->intermediate = byte;
		return FILTER_PENDING;
	}
	filter->final = byte;
	if (filter->intermediate)
		return finish(filter, FILTER_ESCAPE);
	if (byte == '[') {
		filter->state = CSI;
		filter->prefix = 0;
		filter->parameters = 1;
		memset(filter->parameter, 0, sizeof(filter->parameter));
		return FILTER_PENDING;
	}
	if (byte == ']' || byte == 'P' || byte == 'X' || byte == '^' || byte == '_') {
		filter->state = STRING;
		return FILTER_PENDING;
	}
	return finish(filter, FILTER_ESCAPE);
}

static void add_digit(struct filter *filter, uint8_t byte)
{
	uint16_t *parameter;

	if (filter->parameters > FILTER_PARAMETERS)
		return;
	parameter = &filter->parameter[filter->parameters - 1];
	if (*parameter < 6000)
		*parameter = (uint16_t)(*parameter * 10 + (byte - '0'));
}

static enum filter_event feed_csi(struct filter *filter, uint8_t byte)
{
	if (byte < 0x20 || byte >= DELETE)
		return cut(filter);
	keep(filter, byte);
	if (byte >= '0' && byte <= '9') {
		add_digit(filter, byte);
	} else if (byte == ';' || byte == ':') {
		if (filter->parameters <= FILTER_PARAMETERS)
			filter->parameters++;
	} else if (byte >= '<' && byte <= '?') {
		filter->prefix = byte;
	} else if (byte < 0x30) {
		filter->intermediate = byte;
	} else {
		filter->final = byte;
		if (filter->parameters > FILTER_PARAMETERS)
			filter->parameters = FILTER_PARAMETERS;
		return finish(filter, FILTER_CSI);
	}
	return FILTER_PENDING;
}

/* Ends at BEL or ESC \. A newline ends it too: a guest's later lines must not vanish in a string left open. */
static enum filter_event feed_string(struct filter *filter, uint8_t byte)
{
	if (filter->state == STRING_ESCAPE) {
		if (byte != '\\') {
			/* The string is dropped, and its last ESC starts another sequence. */
			(void)feed_ground(filter, ESC);
			return feed_escape(filter, byte);
		}
		keep(filter, byte);
		return finish(filter, FILTER_STRING);
	}
	if (byte == CANCEL || byte == SUBSTITUTE || byte == NEWLINE)
		return cut(filter);
	keep(filter, byte);
	if (byte == BELL)
		return finish(filter, FILTER_STRING);
	if (byte == ESC)
		filter->state = STRING_ESCAPE;
	return FILTER_PENDING;
}

enum filter_event filter_feed(struct filter *filter, uint8_t byte)
{
	filter->again = false;
	switch (filter->state) {
	case UTF8:
		return feed_utf8(filter, byte);
	case ESCAPE:
		return feed_escape(filter, byte);
	case CSI:
		return feed_csi(filter, byte);
	case STRING:
	case STRING_ESCAPE:
		return feed_string(filter, byte);
	default:
		return feed_ground(filter, byte);
	}
}
