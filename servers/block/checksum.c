/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-32 by tables, eight bytes at a time: the base of an overlay is checked at each start. */
#include "checksum.h"

static const uint32_t polynomial[2] = { UINT32_C(0xedb88320), UINT32_C(0x82f63b78) };
static uint32_t table[2][8][256];

static void make_table(enum checksum_kind kind)
{
	for (unsigned byte = 0; byte < 256; byte++) {
		uint32_t value = byte;

		for (unsigned bit = 0; bit < 8; bit++)
			value = value >> 1 ^ (value & 1 ? polynomial[kind] : 0);
		table[kind][0][byte] = value;
	}
	for (unsigned byte = 0; byte < 256; byte++)
		for (unsigned ahead = 1; ahead < 8; ahead++) {
			uint32_t before = table[kind][ahead - 1][byte];

			table[kind][ahead][byte] = before >> 8 ^ table[kind][0][before & 0xff];
		}
}

uint32_t checksum_add(enum checksum_kind kind, uint32_t checksum, const void *data, size_t length)
{
	uint32_t(*const t)[256] = table[kind];
	const uint8_t *byte = data;

	if (!t[0][1])
		make_table(kind);
	checksum = ~checksum;
	for (; length >= 8; length -= 8, byte += 8)
		checksum = t[7][byte[0] ^ (checksum & 0xff)] ^ t[6][byte[1] ^ (checksum >> 8 & 0xff)] ^
			   t[5][byte[2] ^ (checksum >> 16 & 0xff)] ^ t[4][byte[3] ^ checksum >> 24] ^ t[3][byte[4]] ^
			   t[2][byte[5]] ^ t[1][byte[6]] ^ t[0][byte[7]];
	for (; length; length--, byte++)
		checksum = checksum >> 8 ^ t[0][(checksum ^ *byte) & 0xff];
	return ~checksum;
}
