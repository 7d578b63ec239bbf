/* SPDX-License-Identifier: Apache-2.0 */
/* Scrollback of one channel. */
#include "scrollback.h"

#include <string.h>

#include "bytes.h"

void scrollback_init(struct scrollback *scrollback, uint8_t *bytes, size_t size)
{
	uint64_t power = SCROLLBACK_SIZE_MIN;

	while (power * 2 <= size)
		power *= 2;
	*scrollback = (struct scrollback){.bytes = bytes, .size = power};
}

static uint8_t *at(const struct scrollback *scrollback, uint64_t position)
{
	return &scrollback->bytes[position & (scrollback->size - 1)];
}

/* Bytes from a position to the end of the buffer. */
static size_t to_end(const struct scrollback *scrollback, uint64_t position)
{
	return (size_t)(scrollback->size - (position & (scrollback->size - 1)));
}

static void drop_oldest(struct scrollback *scrollback)
{
	uint64_t left = scrollback->head - scrollback->tail;
	size_t part, found;

	do {
		part = to_end(scrollback, scrollback->tail) < left ? to_end(scrollback, scrollback->tail) : (size_t)left;
		found = bytes_newline(at(scrollback, scrollback->tail), part);
		scrollback->tail += found;
		left -= found;
	} while (found == part && left);
	scrollback->tail += left != 0;
	scrollback->kept--;
}

/* Part of a line: it fits before the end of the buffer. */
static void add_part(struct scrollback *scrollback, const uint8_t *text, size_t length)
{
	uint8_t *to = at(scrollback, scrollback->head);
	size_t found;

	memcpy(to, text, length);
	while ((found = bytes_newline(to, length)) != length)
		to[found] = ' ';
	scrollback->head += length;
}

void scrollback_add(struct scrollback *scrollback, enum line_source source, const uint8_t *text, size_t length)
{
	size_t first;

	if (length > scrollback->size / 4)
		length = scrollback->size / 4;
	while (scrollback->kept && scrollback->size - (scrollback->head - scrollback->tail) < length + 2)
		drop_oldest(scrollback);
	*at(scrollback, scrollback->head++) = (uint8_t)source;
	first = length < to_end(scrollback, scrollback->head) ? length : to_end(scrollback, scrollback->head);
	add_part(scrollback, text, first);
	add_part(scrollback, text + first, length - first);
	*at(scrollback, scrollback->head++) = '\n';
	scrollback->kept++;
}

uint64_t scrollback_tail(const struct scrollback *scrollback, uint64_t lines)
{
	uint64_t position = scrollback->head;

	if (lines >= scrollback->kept)
		return scrollback->tail;
	while (lines--) {
		position--;
		while (position > scrollback->tail && *at(scrollback, position - 1) != '\n')
			position--;
	}
	return position;
}

bool scrollback_next(const struct scrollback *scrollback, uint64_t *position, enum line_source *source, uint8_t *out,
	size_t capacity, size_t *length)
{
	uint64_t from = *position;
	size_t used = 0;
	uint8_t byte;

	if (from < scrollback->tail)
		from = scrollback->tail;
	if (from >= scrollback->head)
		return false;
	*source = *at(scrollback, from++) == LINE_LOG ? LINE_LOG : LINE_OUTPUT;
	while ((byte = *at(scrollback, from++)) != '\n') {
		if (used < capacity)
			out[used++] = byte;
	}
	*position = from;
	*length = used;
	return true;
}
