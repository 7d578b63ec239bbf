/* SPDX-License-Identifier: Apache-2.0 */
#include "address.h"

#include <string.h>

#define GROUPS 8u

bool address_read4(const char *text, uint8_t to[4])
{
	for (unsigned i = 0; i < 4; i++) {
		unsigned value = 0, digits = 0;

		for (; *text >= '0' && *text <= '9' && digits < 3; digits++)
			value = value * 10 + (unsigned)(*text++ - '0');
		if (digits == 0 || value > 255 || *text != (i < 3 ? '.' : '\0'))
			return false;
		to[i] = (uint8_t)value;
		text++;
	}
	return true;
}

static int digit(char letter)
{
	if (letter >= '0' && letter <= '9')
		return letter - '0';
	letter |= 0x20;
	return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

bool address_read6(const char *text, uint8_t to[16])
{
	uint8_t group[2 * GROUPS] = { 0 };
	unsigned count = 0, gap = GROUPS + 1;

	if (text[0] == ':' && text[1] != ':')
		return false;
	while (*text) {
		unsigned value = 0, digits = 0;

		if (text[0] == ':' && text[1] == ':') {
			if (gap <= GROUPS)
				return false;
			gap = count;
			text += 2;
			continue;
		}
		/* One colon is between two groups. */
		if (*text == ':' && count && gap != count)
			text++;
		for (; digit(*text) >= 0 && digits < 4; digits++)
			value = value * 16 + (unsigned)digit(*text++);
		if (digits == 0 || count == GROUPS || (*text && *text != ':'))
			return false;
		group[2 * count] = (uint8_t)(value >> 8);
		group[2 * count + 1] = (uint8_t)value;
		count++;
	}
	if (gap > GROUPS ? count != GROUPS : count == GROUPS)
		return false;
	if (gap > GROUPS)
		gap = count;
	memset(to, 0, 16);
	memcpy(to, group, (size_t)2 * gap);
	memcpy(to + 2 * (GROUPS - (count - gap)), group + (size_t)2 * gap, (size_t)2 * (count - gap));
	return true;
}
