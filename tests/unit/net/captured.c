/* SPDX-License-Identifier: Apache-2.0 */
#include "captured.h"

#include <string.h>

#include "test.h"

#include "fake.h"

struct captured file;

static uint32_t get32(const uint8_t *from)
{
	uint32_t value;

	memcpy(&value, from, 4);
	return value;
}

static uint16_t get16(const uint8_t *from)
{
	uint16_t value;

	memcpy(&value, from, 2);
	return value;
}

/* The value of an option of a block, and its length; NULL: it has none. The list must have an end. */
static const uint8_t *option(const uint8_t *list, const uint8_t *end, uint16_t code, uint32_t *length)
{
	const uint8_t *found = NULL;

	for (;;) {
		assert_true(end - list >= 4);
		if (get16(list) == 0) {
			assert_int_equal(get16(list + 2), 0);
			assert_ptr_equal(list + 4, end);
			return found;
		}
		if (get16(list) == code) {
			*length = get16(list + 2);
			found = list + 4;
		}
		list += 4 + (get16(list + 2) + 3u) / 4 * 4;
	}
}

static void text(char *out, size_t size, const uint8_t *value, uint32_t length)
{
	assert_true(length < size);
	memset(out, 0, size);
	if (value)
		memcpy(out, value, length);
}

static void read_interface(const uint8_t *block, const uint8_t *end)
{
	uint32_t length = 0;
	const uint8_t *value;

	assert_int_equal(get16(block + 8), 1); /* LINKTYPE_ETHERNET */
	file.snaplen = get32(block + 12);
	value = option(block + 16, end, 9, &length);
	assert_true(value && length == 1 && *value == 9);
	value = option(block + 16, end, 6, &length);
	assert_true(value && length == 6);
	value = option(block + 16, end, 2, &length);
	text(file.name[file.interfaces++], sizeof(file.name[0]), value, length);
}

static void read_packet(const uint8_t *block, const uint8_t *end)
{
	struct seen *seen = &file.packet[file.packets++];
	uint32_t length = 0;
	const uint8_t *options, *value;

	assert_true(get32(block + 8) < file.interfaces);
	*seen = (struct seen){ .section = file.sections, .time = (uint64_t)get32(block + 12) << 32 | get32(block + 16),
			       .kept = get32(block + 20), .length = get32(block + 24), .data = block + 28 };
	strcpy(seen->interface, file.name[get32(block + 8)]);
	assert_true(seen->kept <= seen->length && seen->kept <= file.snaplen);
	options = block + 28 + (seen->kept + 3) / 4 * 4;
	value = option(options, end, 2, &length);
	assert_true(value && length == 4);
	seen->flags = get32(value);
	value = option(options, end, 4, &length);
	if (value)
		memcpy(&seen->lost, value, 8);
	length = 0;
	value = option(options, end, 1, &length);
	text(seen->comment, sizeof(seen->comment), value, value ? length : 0);
}

static void read_block(const uint8_t *block, uint32_t length)
{
	const uint8_t *end = block + length - 4;
	uint32_t size = 0;

	switch (get32(block)) {
	case 0x0a0d0d0a:
		assert_int_equal(get32(block + 8), 0x1a2b3c4d);
		assert_int_equal(get32(block + 12), 1);
		file.sections++;
		file.interfaces = 0;
		break;
	case 1:
		assert_true(file.sections);
		read_interface(block, end);
		break;
	case 5:
		assert_true(get32(block + 8) < file.interfaces);
		memcpy(&file.received, option(block + 20, end, 4, &size), 8);
		memcpy(&file.dropped, option(block + 20, end, 7, &size), 8);
		file.statistics++;
		break;
	case 6:
		read_packet(block, end);
		break;
	default:
		fail();
	}
}

void read_file(void)
{
	memset(&file, 0, sizeof(file));
	for (uint32_t at = 0; at < fake.file_length; at += get32(fake.file + at + 4)) {
		uint32_t length = get32(fake.file + at + 4);

		assert_true(length >= 12 && length % 4 == 0 && length <= fake.file_length - at);
		assert_int_equal(get32(fake.file + at + length - 4), length);
		read_block(fake.file + at, length);
	}
}
