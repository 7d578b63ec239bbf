/* SPDX-License-Identifier: Apache-2.0 */
/* Scrollback of one channel. */
#include "scrollback.h"

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

static void drop_oldest(struct scrollback *scrollback)
{
	while (*at(scrollback, scrollback->tail++) != '\n')
		;
	scrollback->kept--;
}

void scrollback_add(struct scrollback *scrollback, enum line_source source, const uint8_t *text, size_t length)
{
	size_t i;

	if (length > scrollback->size / 4)
		length = scrollback->size / 4;
	while (scrollback->kept && scrollback->size - (scrollback->head - scrollback->tail) < length + 2)
		drop_oldest(scrollback);
	*at(scrollback, scrollback->head++) = (uint8_t)source;
	for (i = 0; i < length; i++)
		*at(scrollback, scrollback->head++) = text[i] == '\n' ? ' ' : text[i];
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
