/* SPDX-License-Identifier: Apache-2.0 */
#include "gpt_image.h"

#include <stddef.h>
#include <string.h>

#include <checksum.h>

static void put(uint8_t *to, uint64_t value, unsigned size)
{
	for (unsigned i = 0; i < size; i++)
		to[i] = (uint8_t)(value >> 8 * i);
}

static uint64_t get(const uint8_t *from, unsigned size)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < size; i++)
		value |= (uint64_t)from[i] << 8 * i;
	return value;
}

void gpt_image_seal(uint8_t *data, uint64_t block, uint32_t block_size)
{
	uint8_t *header = data + block * block_size;
	const uint8_t *entries = data + get(header + 72, 8) * block_size;

	put(header + 88, checksum_add(CHECKSUM_CRC32, 0, entries, get(header + 80, 4) * get(header + 84, 4)), 4);
	put(header + 16, 0, 4);
	put(header + 16, checksum_add(CHECKSUM_CRC32, 0, header, 92), 4);
}

void gpt_image_write(uint8_t *data, uint64_t blocks, uint32_t block_size, uint32_t entries, uint32_t entry_size,
		     const struct gpt_image_entry *used, unsigned count)
{
	uint64_t array = ((uint64_t)entries * entry_size + block_size - 1) / block_size;

	for (unsigned copy = 0; copy < 2; copy++) {
		uint64_t block = copy ? blocks - 1 : 1, place = copy ? blocks - 1 - array : 2;
		uint8_t *header = data + block * block_size;

		memset(header, 0, block_size);
		memset(data + place * block_size, 0, array * block_size);
		memcpy(header, "EFI PART", 8);
		put(header + 8, 0x10000, 4);
		put(header + 12, 92, 4);
		put(header + 24, block, 8);
		put(header + 32, copy ? 1 : blocks - 1, 8);
		put(header + 40, 2 + array, 8);
		put(header + 48, blocks - 2 - array, 8);
		put(header + 72, place, 8);
		put(header + 80, entries, 4);
		put(header + 84, entry_size, 4);
		for (unsigned i = 0; i < count; i++) {
			uint8_t *entry = data + place * block_size + (size_t)i * entry_size;

			if (!used[i].label)
				continue;
			memset(entry, 0x42, 32);
			put(entry + 32, used[i].first, 8);
			put(entry + 40, used[i].last, 8);
			for (unsigned c = 0; c < 36 && used[i].label[c]; c++)
				put(entry + 56 + 2 * (size_t)c, (uint8_t)used[i].label[c], 2);
		}
		gpt_image_seal(data, block, block_size);
	}
}
